//! Counts and latencies of business transactions.

use super::business::Business;
use super::latency::Latency;
use crate::event::{Grade, RunTime};

/// Counts of business transactions; everything but `attempts` and the overlapping columns
/// (`absorbed`, `crossed`, `overdue`) adds up to `offered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub offered: u64,
    /// Done as asked within the deadline.
    pub good: u64,
    /// Done as asked, but after the deadline.
    pub late: u64,
    /// Certainly not done, after every retry.
    pub failed: u64,
    /// COMMIT was sent and its result never known to the one who waited.
    pub ambiguous: u64,
    /// Unfinished when the run ended.
    pub censored: u64,
    /// Refused by the tool because the backlog was full.
    pub shed: u64,
    /// Of the censored ones, those whose deadline had passed: certainly not good.
    pub overdue: u64,
    /// Of the good ones, those that needed more than one attempt: what retry absorbed.
    pub absorbed: u64,
    /// Those that began in one phase and ended in another.
    pub crossed: u64,
    /// Executions against an endpoint.
    pub attempts: u64,
}

impl Counts {
    /// Certainly not good: late, failed, ambiguous, shed, or overdue at the end.
    pub fn bad(&self) -> u64 {
        self.late + self.failed + self.ambiguous + self.shed + self.overdue
    }

    /// Unfinished at the end, with their deadline still ahead: neither good nor bad.
    pub fn undecided(&self) -> u64 {
        self.censored - self.overdue
    }

    /// Bad ones over those that an objective lets be bad: 1 is a budget used up. Infinite where it
    /// lets none be bad and some are; `None` of nothing.
    pub fn budget_used(&self, good_share_min: f64) -> Option<f64> {
        match self.bad() {
            _ if self.offered == 0 => None,
            0 => Some(0.0),
            bad => Some(bad as f64 / ((1.0 - good_share_min) * self.offered as f64)),
        }
    }

    /// Adds another one's counts.
    pub fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.good += other.good;
        self.late += other.late;
        self.failed += other.failed;
        self.ambiguous += other.ambiguous;
        self.censored += other.censored;
        self.shed += other.shed;
        self.overdue += other.overdue;
        self.absorbed += other.absorbed;
        self.crossed += other.crossed;
        self.attempts += other.attempts;
    }
}

/// Counts and latencies of one kind of transaction in one phase, or of any sum of those.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// How many, and how they ended.
    pub counts: Counts,
    /// Completion − schedule: what is gated.
    pub response: Latency,
    /// Completion − first attempt's start: shown beside it. Shed ones never started.
    pub service: Latency,
}

impl Tally {
    /// Counts one business transaction.
    pub(super) fn record(&mut self, whole: &Business, grade: Grade, crossed: bool, overdue: bool) {
        let counts = &mut self.counts;
        counts.offered += 1;
        counts.crossed += u64::from(crossed);
        match grade {
            Grade::Good => {
                counts.good += 1;
                counts.absorbed += u64::from(whole.attempts > 1);
            }
            Grade::Late => counts.late += 1,
            Grade::Failed => counts.failed += 1,
            Grade::Ambiguous => counts.ambiguous += 1,
            Grade::Censored => {
                counts.censored += 1;
                counts.overdue += u64::from(overdue);
            }
            Grade::Shed => counts.shed += 1,
        }
        match grade {
            Grade::Good | Grade::Late => {
                self.response.record(whole.response_us());
                self.service.record(whole.service_us());
            }
            Grade::Failed | Grade::Ambiguous | Grade::Censored => {
                self.response.record_never();
                self.service.record_never();
            }
            Grade::Shed => self.response.record_never(),
        }
    }

    /// Adds another one, without loss.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        self.response.add(&other.response);
        self.service.add(&other.service);
    }
}

/// Whether a transaction due at `scheduled` had missed its deadline when the run ended.
pub(super) fn is_overdue(scheduled: RunTime, deadline_us: u64, end: RunTime) -> bool {
    scheduled.plus_us(deadline_us) <= end
}
