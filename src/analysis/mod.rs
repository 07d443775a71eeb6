//! Record in, figures out: pure functions, no clock, no database.
//!
//! [`analyze`] reads the records of one run, a set of one in most cases, in one streaming pass:
//! cluster events first, which cut the run into phases; then every attempt, put together into
//! business transactions per terminal and handed to one collector a subject (tallies, write
//! gaps, client outages, windows, errors); then probes and the tool's own health. No collector
//! depends on the order of rows. What they found is an [`Analysis`], plain data.

mod analyze;
mod business;
mod controls;
mod course;
mod data;
mod errors;
mod figures;
mod gaps;
mod input;
mod inputs;
mod integrity;
mod latency;
mod outages;
mod own;
mod phases;
mod probes;
mod tally;
mod track;
mod windows;
pub mod words;

pub use analyze::analyze;
pub use business::TerminalKey;
pub use controls::{Control, ControlKind, ControlOutcome};
pub use course::{Course, StepOutcome, StepRun, ZoneChange, ZoneCourse, version_is};
pub use data::{DataSafety, ZoneCheck};
pub use errors::{ErrorCount, ErrorKey};
pub use figures::{Analysis, BaselineHalves, PhaseFigures, RunFacts};
pub use gaps::{Gap, Scope, ScopeGaps, WriteGaps};
pub use input::AnalysisError;
pub use inputs::{InputFigures, InputShare, ShareOutcome};
pub use integrity::Problem;
pub use latency::{LATENCY_US_MAX, Latency, Quantile};
pub use outages::{Outage, OutageFigures};
pub use own::{OwnFigures, Stall};
pub use phases::Role;
pub use probes::{Downtime, KindProbes, ZoneProbes};
pub use tally::{Counts, Tally};
pub use windows::{FirstSuccess, RECOVERY_WINDOW_US, Recovery, THROUGHPUT_WINDOW_US, Throughput};
