//! The vocabulary of a run: what a terminal did, what became of it, and when.
//!
//! Everything here is plain data. No clock, no database, no async: a finished run is nothing but
//! a stream of these values on disk.

mod attempt;
mod cluster;
mod grade;
mod inputs;
mod outcome;
mod spot;
mod stream;
mod time;
mod write;

pub use attempt::{Attempt, Probe, ProbeKind};
pub use cluster::{
    ClusterEvent, ClusterFact, ClusterWarning, Edge, Source, UnknownError, ZoneId, ZoneState,
    ZoneStatus, version_is,
};
pub use grade::Grade;
pub use inputs::InputCounts;
pub use outcome::{ErrorClass, ErrorCode, Outcome, OutcomeKind, StatementKind, TxnKind};
pub use spot::{BrokenCondition, SpotCheck};
pub use stream::{Event, SelfSample};
pub use time::RunTime;
pub use write::{Fate, LedgerEntry, WriteKey};
