//! The one stream that everything of a run goes through.

use super::{Attempt, ClusterEvent, LedgerEntry, Probe, RunTime};

/// The tool's own health over about a second: one row of `self.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SelfSample {
    /// End of the interval.
    pub at: RunTime,
    /// Longest delay of the heartbeat thread in the interval, in µs.
    pub stall_us_max: u64,
    /// When that heartbeat was due.
    pub stall_at: RunTime,
    /// Events waiting in the collector's queue at the end.
    pub queue_len: u64,
    /// CPU time used by the process so far, in µs.
    pub cpu_us: u64,
    /// How far the wall clock moved against the monotonic one since the run began, in µs.
    pub wall_step_us: i64,
    /// How far the boot clock, which goes on while the machine sleeps, moved against the monotonic
    /// one since the run began, in µs; 0 in records of format 1.
    pub boot_step_us: i64,
    /// Arrivals dispatched in the interval.
    pub dispatched: u64,
    /// Of those, dispatched more than 10 ms late although the terminal was idle.
    pub dispatched_late: u64,
}

/// One event of a run. Everything that reaches the record is one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An attempt ended.
    Attempt(Attempt),
    /// A probe ended.
    Probe(Probe),
    /// Something happened to the cluster.
    Cluster(ClusterEvent),
    /// A write was acknowledged or became ambiguous.
    Ledger(LedgerEntry),
    /// The tool looked at itself.
    Own(SelfSample),
}
