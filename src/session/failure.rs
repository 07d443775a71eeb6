//! What comes back instead of an answer.

use crate::event::{ErrorClass, ErrorCode, Outcome, StatementKind};

/// Why a statement has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", code_in_words(code))]
pub struct Failure {
    /// What kind of failure.
    pub class: ErrorClass,
    /// The server's own code.
    pub code: ErrorCode,
    /// What was being executed.
    pub statement: StatementKind,
    /// Whether a COMMIT may have taken effect all the same.
    pub may_have_committed: bool,
    /// The server's or the system's words, for people.
    pub message: String,
}

impl Failure {
    /// A wrong answer: a row that must exist is missing, a count or a type is not as expected.
    pub fn data(statement: StatementKind, message: impl Into<String>) -> Self {
        Self {
            class: ErrorClass::Data,
            code: ErrorCode::NONE,
            statement,
            may_have_committed: false,
            message: message.into(),
        }
    }

    /// Whether the server said it: one that says no is up, silence is down.
    pub fn is_answer(&self) -> bool {
        self.code.errno != 0
    }

    /// What became of the attempt that met this failure.
    pub fn outcome(&self) -> Outcome {
        if self.may_have_committed {
            Outcome::Ambiguous(self.class)
        } else {
            Outcome::Failed(self.class)
        }
    }

    pub(super) fn seen_here(class: ErrorClass, statement: StatementKind, message: String) -> Self {
        let may_have_committed = statement == StatementKind::Commit;
        Self { class, code: ErrorCode::NONE, statement, may_have_committed, message }
    }
}

/// The server's number, by which its manual can be searched.
fn code_in_words(code: &ErrorCode) -> String {
    if code.errno == 0 { String::new() } else { format!(" (error {})", code.errno) }
}
