//! One renderer a file: each turns an analysis and its verdict into bytes and does no I/O.
//!
//! [`derive()`] makes every derived file of a run from its records alone, byte for byte the same
//! each time: the run itself and the `report` verb both end here. A new kind of report is a new
//! file and one line in `derive`. [`comparison()`] does the same for what came before against what
//! came after.

mod availability;
mod baseline;
mod comparison;
mod data;
mod derive;
mod errors;
mod felt;
mod hlog;
mod junit;
mod latency;
mod markdown;
mod page;
mod phases;
mod rows;
mod sentences;
mod summary;
mod table;
mod text;

pub use crate::analysis::AnalysisError;
pub use baseline::{NoBaseline, stored_baseline};
pub use comparison::{
    COMPARISON_FILES, COMPARISON_FORMAT, Compared, comparison, comparison_schema,
};
pub use derive::{DERIVED_FILES, Derived, derive};
pub use summary::{SUMMARY_FORMAT, summary_schema};
