//! Why an upgrade cannot begin. Once it has begun, failures are results, not errors.

use std::path::PathBuf;

use crate::record::RecordError;

/// Why a plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be read.
    #[error("cannot read plan {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is the file of something else.
    #[error("{path} is a scenario, no upgrade's plan: give it as --scenario")]
    Scenario {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, or a key or step that nothing knows.
    #[error("plan {path} is not valid\n{source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Position and reason.
        source: toml::de::Error,
    },
    /// A step is wrong by itself or where it stands.
    #[error("plan {path}, line {line}: {reason}")]
    Step {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Something is missing.
    #[error("plan {path}: {reason}")]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What is missing and how to add it.
        reason: String,
    },
}

/// Why an upgrade did not begin; nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// Stopping one zone would leave no majority.
    #[error(
        "refused: {zones} zones are too few for a rolling upgrade, stopping one would lose the \
         majority; three are needed (--allow-unsafe if you accept the outage)"
    )]
    TooFewZones {
        /// How many there are.
        zones: usize,
    },
    /// A file of the run cannot be written or read.
    #[error("cannot {verb} {path}: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The old run's journal is not as that run wrote it.
    #[error(transparent)]
    Record(RecordError),
    /// The old run's journal is not one this upgrade can go on from.
    #[error("cannot resume from {path}: {reason}")]
    Journal {
        /// The journal, or the directory that has none.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
}

impl UpgradeError {
    pub(super) fn io(
        verb: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { verb, path: path.to_owned(), source }
    }
}
