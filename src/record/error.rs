//! What can go wrong with a run's directory.

use std::path::{Path, PathBuf};

/// What to do about a record that is not as the run wrote it.
pub(crate) const MEND: &str =
    "without it nothing can be proven: put the file back as the run wrote it, or run again";

/// A record that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The operating system refused; a full disk ends here.
    #[error("cannot {verb} {path}: {source}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's content makes no sense. A merely cut file is not an error.
    #[error("{path} is damaged at {place}: {reason}; {MEND}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Row or line, as `row 17`.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A file that every run writes is not there.
    #[error("{path} is missing; {MEND}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is no record here.
    #[error(
        "{path} is not a run's directory: it has no manifest.json; name one that `rollproof run` made"
    )]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// The record was written by a newer rollproof.
    #[error(
        "{path} has record format {found}; this rollproof reads up to {known}: use a newer rollproof"
    )]
    TooNew {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// A run's directory is never written over.
    #[error("{path} already exists; choose another --run-id or remove it")]
    Exists {
        /// The directory.
        path: PathBuf,
    },
}

impl RecordError {
    /// Whether this is a run's record, and one that proves nothing because it is not as the run
    /// wrote it or cannot be read. The others name no record of this build's.
    pub fn is_of_a_record(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Damaged { .. } | Self::Missing { .. })
    }

    pub(super) fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { verb, path, source }
    }
}
