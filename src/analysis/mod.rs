//! Record in, figures out: pure functions, no clock, no database.
//!
//! [`analyze`] reads the records of one run, a set of one in most cases, in one streaming pass:
//! cluster events first, which cut the run into phases; then every attempt, put together into
//! business transactions per terminal and handed to one collector a subject (tallies, write
//! gaps, client outages, brownouts, windows, errors, series); then probes, the tool's own health and
//! the ledger. No collector depends on the order of rows, but for the ledger's: what one terminal
//! saw is taken in the order in which it saw it. What they found is an [`Analysis`], plain data.

mod analyze;
mod baseline;
mod blocks;
mod brownouts;
mod business;
mod controls;
mod course;
mod data;
mod errors;
mod evidence;
mod figures;
mod firsts;
mod gaps;
mod input;
mod inputs;
mod integrity;
mod latency;
mod load;
mod looked_up;
mod outages;
mod own;
mod per_terminal;
mod phases;
mod probes;
mod series;
mod sights;
mod spots;
mod tally;
mod track;
mod windows;
pub mod words;

pub use analyze::analyze;
pub use blocks::{Block, Cut, blocks};
pub use brownouts::{BROWNOUT_WINDOW_US, Brownout, BrownoutFigures};
pub use business::TerminalKey;
pub use controls::{Control, ControlKind, ControlOutcome};
pub use course::{Course, LeadersMoved, StepOutcome, StepRun, WarningSeen, ZoneChange, ZoneCourse};
pub use data::{DataSafety, ZoneCheck};
pub use errors::{ErrorCount, ErrorKey};
pub use figures::{Analysis, BaselineHalf, BaselineHalves, PhaseFigures, RunFacts};
pub use firsts::FirstSuccess;
pub use gaps::{Gap, Scope, ScopeGaps, WriteGaps};
pub use input::AnalysisError;
pub use inputs::{InputFigures, InputShare, ShareOutcome};
pub use integrity::Problem;
pub use latency::{LATENCY_US_MAX, Latency, Quantile};
pub use load::LoadCourse;
pub use looked_up::LookedUp;
pub use outages::{Outage, OutageFigures};
pub use own::{ClockStep, OwnFigures, Stall};
pub use phases::Role;
pub use probes::{Downtime, KindProbes, ZoneProbes};
pub use series::{FlowSlice, SecondSlice, Series, Sliced, Spread, row_start_us};
pub use sights::SightCounts;
pub use spots::SpotCounts;
pub use tally::{Counts, Tally};
pub use windows::{
    RECOVERY_FACTOR, RECOVERY_FLOOR_US, RECOVERY_WINDOW_US, Recovery, THROUGHPUT_WINDOW_US,
    Throughput,
};
