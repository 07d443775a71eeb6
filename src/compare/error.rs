//! Why two sides are not compared.

use super::part::Part;
use crate::analysis::AnalysisError;

/// A refusal, with every reason.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A record cannot be read.
    #[error(transparent)]
    Unreadable(#[from] AnalysisError),
    /// A run proves nothing: whatever a comparison said would rest on it.
    #[error(
        "not compared, for what was measured does not hold:\n  {}\nCompare runs that hold; \
         `rollproof report` tells whether one does",
        reasons.join("\n  ")
    )]
    Unfit {
        /// Each with the run it speaks of.
        reasons: Vec<String>,
    },
    /// The runs did not do the same thing.
    #[error(
        "not compared, for these runs did not do the same:\n  {}\nMake them alike, or add \
         --allow-differences to compare them all the same; the result will say so",
        reasons.join("\n  ")
    )]
    Different {
        /// Each with the value on both sides.
        reasons: Vec<String>,
    },
    /// A run on one side, several on the other.
    #[error(
        "one run is compared with one, and several with several: there are {base} of the base and \
         {candidate} of the candidate"
    )]
    Lopsided {
        /// Runs of the base.
        base: usize,
        /// Runs of the candidate.
        candidate: usize,
    },
    /// One run stands for several.
    #[error(
        "run {run_id} is given twice on one side: one run is no proof of how runs differ; give each once"
    )]
    Twice {
        /// The run.
        run_id: String,
    },
    /// A run has no such part.
    #[error("run {run_id} has no part {part}: {}", why(*part))]
    NoPart {
        /// The run.
        run_id: String,
        /// The part that was asked for.
        part: Part,
    },
}

fn why(part: Part) -> &'static str {
    match part {
        Part::Steady => "it has no baseline; set phases.baseline",
        Part::Upgrade => "no upgrade was seen in it",
        Part::After => "it needs an upgrade and, after it, phases.final",
    }
}
