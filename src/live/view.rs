//! A copy of the board at one moment: all that is shown is made from one of these.

use std::sync::Arc;

use super::log::LogLine;
use super::objectives::Held;
use super::pauses::Gap;
use super::seconds::{Quantiles, Second};
use super::subject::Subject;
use crate::event::{ErrorClass, RunTime, SelfSample, ZoneStatus};
use crate::phase::PhaseName;

/// What is known at one moment of a run.
#[derive(Debug, Clone)]
pub struct View {
    /// What is watched.
    pub subject: Arc<Subject>,
    /// The moment; after the run's end, that end.
    pub at: RunTime,
    /// Whether the measuring is over.
    pub over: bool,
    /// The phase that is on.
    pub phase: PhaseNow,
    /// The zones, in the scenario's order.
    pub zones: Vec<ZoneNow>,
    /// Business transactions that fall due a second: the schedule's rate where there is one, else
    /// how many terminals began in the last second; `None` while nothing is due.
    pub offered_per_s: Option<f64>,
    /// The last whole seconds, oldest first, without a hole.
    pub seconds: Vec<Second>,
    /// Response times of completed transactions in the baseline.
    pub baseline: Option<Quantiles>,
    /// Sums over the run.
    pub totals: Totals,
    /// The write gap that is on.
    pub gap: Option<Gap>,
    /// The last write gaps that have ended, oldest first.
    pub gaps: Vec<Gap>,
    /// The longest write gap of the phases that are judged, the open one included.
    pub gap_us_max: u64,
    /// No pause up to this is called a gap, in µs.
    pub tau_us: u64,
    /// Terminals whose last transaction was not good.
    pub clients_out: usize,
    /// What failed attempts met, most frequent first.
    pub errors: Vec<ErrorsOf>,
    /// The objectives that can be held against what is known so far.
    pub objectives: Vec<Held>,
    /// What happened, oldest first.
    pub log: Vec<LogLine>,
    /// How far the initial load is, where that is what goes on.
    pub loading: Option<Loading>,
    /// The tool's last look at itself.
    pub own: Option<SelfSample>,
}

impl View {
    /// The last whole second; all zero before there is one.
    pub fn last_second(&self) -> Second {
        self.seconds.last().copied().unwrap_or_default()
    }
}

/// The phase that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseNow {
    /// Which.
    pub name: PhaseName,
    /// Its beginning.
    pub since: RunTime,
    /// Whether it ended badly.
    pub failed: bool,
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneNow {
    /// Its name.
    pub name: String,
    /// What the last look found; `None` before the first.
    pub status: Option<ZoneStatus>,
    /// Since when it is in that state.
    pub since: RunTime,
    /// Since when a kind of probe fails there, and with what it began; the one that fails longest.
    pub failing: Option<(RunTime, ErrorClass)>,
}

/// Sums over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Business transactions that ended.
    pub ended: u64,
    /// Of those, done within their deadline.
    pub good: u64,
    /// Of those, late, failed, of unknown fate or shed.
    pub bad: u64,
    /// Of the bad ones, of unknown fate.
    pub ambiguous: u64,
    /// Attempts that failed and were repeated.
    pub retried: u64,
}

/// Attempts that met one class of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorsOf {
    /// Which.
    pub class: ErrorClass,
    /// How many.
    pub total: u64,
    /// When the last of them ended.
    pub last: RunTime,
}

/// How far an initial load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loading {
    /// What it is doing, in a word.
    pub doing: &'static str,
    /// Rows in the database for certain.
    pub rows_done: u64,
    /// Rows there will be.
    pub rows_total: u64,
}
