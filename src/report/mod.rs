//! One renderer a file: each turns an analysis and its verdict into bytes and does no I/O.
//!
//! [`derive()`] makes every derived file of a run from its records alone, byte for byte the same
//! each time: the run itself and the `report` verb both end here. A new kind of report is a new
//! file and one line in `derive`.

mod derive;
mod errors;
mod hlog;
mod junit;
mod latency;
mod markdown;
mod phases;
mod rows;
mod sentences;
mod summary;
mod table;
mod text;

pub use crate::analysis::AnalysisError;
pub use derive::{Derived, derive};
pub use summary::SUMMARY_FORMAT;
