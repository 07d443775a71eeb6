//! Exit codes: what a script that called rollproof can rely on.

use crate::compare::Answer;
use crate::verdict::Verdict;

/// How a command ended. What the codes of a verdict mean is said where verdicts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// The verb did what was asked.
    pub const DONE: Self = Self(0);
    /// A load is not complete.
    pub const INCOMPLETE: Self = Self(1);
    /// A load is complete and its data are wrong.
    pub const WRONG_DATA: Self = Self(3);
    /// The command line, the scenario, the plan or the connection data are wrong.
    pub const USAGE: Self = Self(2);
    /// Nothing can be proven, because the record could not be written or read.
    pub const UNPROVEN: Self = Self(4);
    /// A pre-upgrade check failed.
    pub const UNFIT: Self = Self(5);
}

impl From<&Verdict> for Exit {
    fn from(verdict: &Verdict) -> Self {
        Self(verdict.exit_code())
    }
}

impl From<Answer> for Exit {
    fn from(answer: Answer) -> Self {
        Self(answer.exit_code())
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
