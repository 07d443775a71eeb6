//! Counts of one phase.

use hdrhistogram::Histogram;

use crate::event::{Attempt, Grade, TxnKind};
use crate::phase::{PhaseName, stretch};

/// An hour: far beyond any deadline, so that nothing good is ever clipped.
pub(super) const LENGTH_US_MAX: u64 = 3_600_000_000;

/// Of the last attempt of a business transaction; `None` when another attempt follows.
pub(super) fn grade(attempt: &Attempt, deadline_us: u64) -> Option<Grade> {
    let Attempt { scheduled, end, outcome, .. } = *attempt;
    attempt.last.then(|| Grade::of(outcome, scheduled, end, deadline_us))
}

/// What the one who asked waited, in µs.
pub(super) fn response_us(attempt: &Attempt) -> u64 {
    attempt.end.since_us(attempt.scheduled)
}

/// Counts of one kind of transaction in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindTally {
    /// Business transactions by what became of them, in the order of [`Grade::ALL`].
    pub ended: [u64; Grade::ALL.len()],
    /// Attempts that failed and were repeated.
    pub retried: u64,
    /// Completed ones by response time: how many took at most [`KindTally::BOUNDS_US`], each in its
    /// first bucket; the last bucket has no bound.
    pub buckets: [u64; KindTally::BOUNDS_US.len() + 1],
    /// Sum of the response times of completed ones, in µs.
    pub response_us_sum: u64,
}

impl KindTally {
    /// Bounds of the buckets of response times, in µs.
    pub const BOUNDS_US: [u64; 13] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000,
    ];

    pub(super) fn add(&mut self, other: &Self) {
        self.ended.iter_mut().zip(other.ended).for_each(|(sum, own)| *sum += own);
        self.retried += other.retried;
        self.buckets.iter_mut().zip(other.buckets).for_each(|(sum, own)| *sum += own);
        self.response_us_sum += other.response_us_sum;
    }

    fn count(&mut self, ended: Option<Grade>, response_us: u64) {
        let Some(ended) = ended else {
            self.retried += 1;
            return;
        };
        self.ended[ended as usize] += 1;
        if ended.is_completed() {
            self.buckets[Self::BOUNDS_US.partition_point(|&bound| bound < response_us)] += 1;
            self.response_us_sum += response_us;
        }
    }
}

/// Counts of one phase, over all its stretches; transactions belong to the phase in which they
/// were due, gaps and outages to the one in which they began.
#[derive(Debug, Clone)]
pub struct PhaseTally {
    /// Which.
    pub name: PhaseName,
    /// By [`TxnKind::index`].
    pub kinds: [KindTally; TxnKind::COUNT],
    /// Write gaps that have ended.
    pub gaps: u64,
    /// The longest of them, in µs; 0 without any.
    pub gap_us_max: u64,
    /// Lengths of client outages that have ended, in µs; `None` without any.
    pub(super) outages: Option<Histogram<u64>>,
}

impl PhaseTally {
    pub(super) fn new(name: PhaseName) -> Self {
        Self { name, kinds: Default::default(), gaps: 0, gap_us_max: 0, outages: None }
    }

    pub(super) fn count(&mut self, attempt: &Attempt, ended: Option<Grade>) {
        self.kinds[attempt.kind.index()].count(ended, response_us(attempt));
    }

    pub(super) fn outage(&mut self, length_us: u64) {
        self.outages.get_or_insert_with(lengths).saturating_record(length_us);
    }

    /// Business transactions of all kinds that ended like this.
    pub fn ended(&self, how: Grade) -> u64 {
        self.kinds.iter().map(|kind| kind.ended[how as usize]).sum()
    }

    /// All business transactions that ended.
    pub(super) fn all(&self) -> u64 {
        self.kinds.iter().flat_map(|kind| kind.ended).sum()
    }

    /// Those that are held against the cluster.
    pub(super) fn bad(&self) -> u64 {
        Grade::ALL.iter().filter(|how| how.is_bad()).map(|&how| self.ended(how)).sum()
    }

    /// What the phase is to the verdict, given whether a step of an upgrade was told so far.
    pub(super) fn role(&self, steps_told: bool) -> Role {
        match self.name.step.as_str() {
            stretch::WARM_UP | stretch::PREPARE => Role::WarmUp,
            stretch::DRAIN => Role::Drain,
            stretch::BASELINE => Role::Calm,
            stretch::SETTLE | stretch::FINAL if steps_told => Role::Calm,
            _ => Role::Window,
        }
    }
}

/// What a phase is to the objectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing is judged yet.
    WarmUp,
    /// The cluster is left alone, before or after the upgrade.
    Calm,
    /// The upgrade; without one, all that follows the baseline.
    Window,
    /// Nothing new is due.
    Drain,
}

impl Role {
    /// Whether a gap or an outage that begins here counts.
    pub(super) fn is_judged(self) -> bool {
        matches!(self, Self::Calm | Self::Window)
    }
}

/// An empty histogram of lengths in µs, precise to a hundredth.
pub(super) fn lengths() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LENGTH_US_MAX, 2).expect("the bounds are valid")
}
