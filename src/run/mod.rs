//! One run from beginning to end: prepare, drive, watch and upgrade, settle, drain, close the
//! record.
//!
//! What the cluster is busy with meanwhile is either TPC-C's transactions (`transactions`) or the
//! initial load (`loading`); everything else is the same for both.
//!
//! [`prepare`] finds out whether there is anything to run against, before a directory is made.
//! [`perform`] does the run; whatever a server does then is data. The audit comes after the record
//! is closed, so that a run that is killed meanwhile loses nothing it had measured.

mod capacity;
mod error;
mod loading;
mod perform;
mod prepare;
mod timetable;
mod transactions;
mod upgrader;
mod watching;

pub use error::RunError;
pub use perform::{Finished, Show, perform};
pub use prepare::{OutsideRequest, Prepared, RunRequest, UpgradeRequest, prepare};
pub use upgrader::{UpgradeEnd, Upgraded};
