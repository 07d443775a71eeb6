//! What is missing from a record: reasons why nothing it says can be a pass.

use std::fmt;

use crate::record::MEND;

/// Something missing or contradictory in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The manifest says that the run never came to its end.
    Incomplete {
        /// Which part of the run, as `1/1`.
        shard: String,
    },
    /// A file breaks off, although the run came to its end.
    Cut {
        /// Which part of the run.
        shard: String,
        /// The file.
        file: &'static str,
        /// Rows that are whole.
        found: u64,
        /// Rows written.
        written: u64,
    },
    /// A file beside the tables is gone, or not as long as the run left it.
    Changed {
        /// Which part of the run.
        shard: String,
        /// The file.
        file: &'static str,
        /// Its bytes now; `None` when it is gone.
        found: Option<u64>,
    },
    /// A file holds another number of rows than were written.
    Rows {
        /// Which part of the run.
        shard: String,
        /// The file.
        file: &'static str,
        /// Rows written.
        written: u64,
        /// Rows found.
        found: u64,
    },
    /// Terminals' sequence numbers have holes.
    Missing(u64),
    /// Sequence numbers came twice.
    Repeated(u64),
    /// Transactions lack one of their attempts.
    Unfinished(u64),
    /// Writes are dated past the end of the run.
    AfterEnd(u64),
    /// The set lacks parts of the run.
    Shards {
        /// How many the run had.
        expected: u32,
        /// How many are here.
        found: u32,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { shard } => {
                let part = part(shard);
                write!(
                    f,
                    "the run{part} never came to its end: its record breaks off there; run again"
                )
            }
            Self::Cut { shard, file, found, written } => {
                let part = part(shard);
                write!(f, "{file}{part} breaks off behind row {found} of {written}; {MEND}")
            }
            Self::Changed { shard, file, found: None } => {
                write!(f, "{file}{} is missing; {MEND}", part(shard))
            }
            Self::Changed { shard, file, found: Some(bytes) } => write!(
                f,
                "{file}{} is not as the run left it: it has {bytes} bytes; {MEND}",
                part(shard)
            ),
            Self::Rows { shard, file, written, found } => {
                let part = part(shard);
                write!(f, "{file}{part} holds {found} rows of {written} written; {MEND}")
            }
            Self::Missing(count) => {
                write!(f, "{count} sequence numbers of terminals never came: transactions are lost")
            }
            Self::Repeated(count) => write!(f, "{count} attempts repeat a sequence number"),
            Self::Unfinished(count) => {
                write!(f, "{count} business transactions lack one of their attempts")
            }
            Self::AfterEnd(count) => write!(f, "{count} writes are dated past the run's end"),
            Self::Shards { expected, found } => {
                write!(f, "{found} parts of {expected} of the run are here")
            }
        }
    }
}

/// Which part of a run is meant; nothing where there is but one.
fn part(shard: &str) -> String {
    if shard == "1/1" { String::new() } else { format!(" (part {shard})") }
}
