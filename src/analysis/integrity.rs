//! What is missing from a record: reasons why nothing it says can be a pass.

use std::fmt;

/// Something missing or contradictory in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The manifest says that the run never came to its end.
    Incomplete {
        /// Which part of the run, as `1/1`.
        shard: String,
    },
    /// A file breaks off.
    Cut {
        /// Which part of the run.
        shard: String,
        /// The file.
        file: &'static str,
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
                write!(f, "the run (part {shard}) never came to its end: its record is incomplete")
            }
            Self::Cut { shard, file } => write!(f, "{file} (part {shard}) breaks off"),
            Self::Rows { shard, file, written, found } => {
                write!(f, "{file} (part {shard}) holds {found} rows of {written} written")
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
