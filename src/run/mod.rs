//! One run from beginning to end: prepare, drive, watch and upgrade, settle, drain, close the
//! record.
//!
//! [`prepare`] finds out whether there is anything to run against, before a directory is made.
//! [`perform`] does the run; whatever a server does then is data. The audit comes after the record
//! is closed, so that a run that is killed meanwhile loses nothing it had measured.

mod error;
mod perform;
mod prepare;
mod timetable;

pub use error::RunError;
pub use perform::{Finished, perform};
pub use prepare::{Prepared, RunRequest, UpgradeRequest, prepare};
