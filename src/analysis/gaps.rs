//! Write gaps: stretches in which no good write completed, told apart from chance.

use std::collections::BTreeMap;

use crate::event::{Outcome, RunTime, TxnKind};

use super::business::{Business, Grade};
use super::phases::{Phases, Role};
use super::track::Track;

/// Chance that a quiet phase shows a gap at all.
const ALPHA: f64 = 0.001;
/// No shorter gap is claimed, in µs.
const TAU_US_MIN: u64 = 100_000;
/// A gap must be longer than the baseline's longest one by this factor.
const BASELINE_FACTOR: f64 = 1.5;
/// Cells of the cluster's and each kind's track: 10 ms cells up to almost six hours.
const CELLS_MAX: usize = 1 << 21;
/// Cells of all warehouses' tracks together.
const WAREHOUSE_CELLS_MAX: usize = 1 << 22;
/// Gaps of warehouses kept for reports; the rest are counted.
const WAREHOUSE_GAPS_MAX: usize = 100;

/// Whose writes a gap is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All of them.
    Cluster,
    /// One kind of transaction.
    Kind(TxnKind),
    /// One home warehouse.
    Warehouse(u32),
}

/// A stretch longer than τ in which writes fell due and none completed well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Whose writes.
    pub scope: Scope,
    /// Completion of the last good write before it.
    pub start: RunTime,
    /// Completion of the first good write after it.
    pub end: RunTime,
    /// No good write came after it: it lasted at least until `end`.
    pub open: bool,
    /// The phase it began in, which it belongs to.
    pub phase: usize,
    /// The last phase it reached.
    pub last_phase: usize,
    /// τ in that phase, in µs.
    pub tau_us: u64,
    /// The outage behind it lasted between these, in µs.
    pub outage_us: (u64, u64),
}

impl Gap {
    /// Length in µs.
    pub fn length_us(&self) -> u64 {
        self.end.since_us(self.start)
    }
}

/// The gaps of one scope and how fine they could be seen.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeGaps {
    /// Whose writes.
    pub scope: Scope,
    /// λ: writes offered a second, in the baseline or, without one, over the load.
    pub rate_per_s: f64,
    /// Δ: no two neighbouring writes were due further apart than this, in µs.
    pub spacing_us: u64,
    /// Longest distance between good writes in the baseline, in µs; 0 when under a cell.
    pub baseline_gap_us: u64,
    /// τ of every phase, in µs: no shorter gap is claimed there.
    pub tau_us: Vec<u64>,
    /// The gaps, in order.
    pub gaps: Vec<Gap>,
}

/// Write gaps of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteGaps {
    /// p99 of the baseline's writes, completion − first attempt's start, in µs.
    pub service_p99_us: u64,
    /// Write transactions offered in the baseline.
    pub baseline_writes: u64,
    /// All writes.
    pub cluster: ScopeGaps,
    /// Each kind of write.
    pub kinds: Vec<ScopeGaps>,
    /// The longest gaps of single warehouses, longest first.
    pub warehouses: Vec<Gap>,
    /// Gaps of warehouses that were counted but not kept.
    pub warehouses_left_out: u64,
}

/// Completions of good writes and the demand for them.
#[derive(Debug)]
struct Flow {
    completions: Track,
    dues: Track,
    first_due: RunTime,
    last_due: RunTime,
    /// The last moment at which a write was known to be wanted: due, or still in vain.
    last_wanted: RunTime,
    offered: u64,
    offered_baseline: u64,
}

impl Flow {
    fn new(length_us: u64, cells_max: usize) -> Self {
        Self {
            completions: Track::new(length_us, cells_max),
            dues: Track::new(length_us, cells_max),
            first_due: RunTime(u64::MAX),
            last_due: RunTime::ZERO,
            last_wanted: RunTime::ZERO,
            offered: 0,
            offered_baseline: 0,
        }
    }

    /// Counts a write; false when it is dated past the run's end.
    fn record(&mut self, write: &Business, good: bool, in_baseline: bool) -> bool {
        self.offered += 1;
        self.offered_baseline += u64::from(in_baseline);
        self.first_due = self.first_due.min(write.scheduled);
        self.last_due = self.last_due.max(write.scheduled);
        let wanted = if good { write.scheduled } else { write.end };
        self.last_wanted = self.last_wanted.max(wanted);
        let due = self.dues.record(write.scheduled);
        due && (!good || self.completions.record(write.end))
    }

    /// Every stretch between good writes, those at the load's beginning and end included.
    fn stretches(&self) -> Vec<(RunTime, RunTime, bool)> {
        let (Some(first), Some(last)) = (self.completions.first(), self.completions.last()) else {
            return vec![(self.first_due, self.last_wanted, true)];
        };
        let between = self.completions.neighbours().map(|(start, end)| (start, end, false));
        std::iter::once((self.first_due, first, false))
            .chain(between)
            .chain([(last, self.last_wanted, true)])
            .filter(|(start, end, _)| start < end)
            .collect()
    }

    fn rate_per_s(&self, baseline_us: u64) -> f64 {
        let (count, us) = match self.offered_baseline {
            0 => (self.offered, self.last_due.since_us(self.first_due)),
            count => (count, baseline_us),
        };
        if us == 0 { 0.0 } else { count as f64 * 1e6 / us as f64 }
    }

    fn gaps(&self, scope: Scope, phases: &Phases, service_p99_us: u64) -> ScopeGaps {
        let stretches = self.stretches();
        let baseline = phases.span(Role::Baseline).unwrap_or_default();
        let rate_per_s = self.rate_per_s(baseline.1.since_us(baseline.0));
        let baseline_gap_us = stretches
            .iter()
            .filter(|(start, end, _)| *start >= baseline.0 && *end <= baseline.1)
            .map(|(start, end, _)| end.since_us(*start))
            .max()
            .unwrap_or(0);
        let floor = TAU_US_MIN
            .max(2 * self.completions.width_us())
            .max((baseline_gap_us as f64 * BASELINE_FACTOR) as u64);
        let tau_us: Vec<u64> = (0..phases.len())
            .map(|index| floor.max(chance_us(rate_per_s, phases.phase(index).length_us())))
            .collect();
        let spacing_us = self.dues.spacing_us_max();
        let gaps = stretches
            .into_iter()
            .filter_map(|(start, end, open)| {
                let phase = phases.at(start);
                let (length, tau_us) = (end.since_us(start), tau_us[phase]);
                let slack = (2 * spacing_us).saturating_add(service_p99_us);
                (length > tau_us).then(|| Gap {
                    scope,
                    start,
                    end,
                    open,
                    phase,
                    last_phase: phases.at(end),
                    tau_us,
                    outage_us: (length.saturating_sub(slack), length),
                })
            })
            .collect();
        ScopeGaps { scope, rate_per_s, spacing_us, baseline_gap_us, tau_us, gaps }
    }
}

/// ln(λT/α)/λ in µs: arrivals at random leave a longer gap within T with a chance under α.
fn chance_us(rate_per_s: f64, length_us: u64) -> u64 {
    if rate_per_s <= 0.0 {
        return length_us;
    }
    let expected = rate_per_s * length_us as f64 / 1e6;
    ((expected / ALPHA).ln().max(0.0) / rate_per_s * 1e6) as u64
}

/// Collects good writes of the cluster, of each kind and of each warehouse.
#[derive(Debug)]
pub(super) struct WriteFlows {
    length_us: u64,
    warehouse_cells: usize,
    cluster: Flow,
    kinds: BTreeMap<TxnKind, Flow>,
    warehouses: BTreeMap<u32, Flow>,
    /// Writes dated past the end of the run.
    pub(super) after_end: u64,
}

impl WriteFlows {
    pub(super) fn new(length_us: u64, warehouses: u32) -> Self {
        // Each flow holds two tracks.
        let warehouse_cells = (WAREHOUSE_CELLS_MAX / 2 / warehouses.max(1) as usize).max(64);
        Self {
            length_us,
            warehouse_cells,
            cluster: Flow::new(length_us, CELLS_MAX),
            kinds: BTreeMap::new(),
            warehouses: BTreeMap::new(),
            after_end: 0,
        }
    }

    /// Counts a business transaction; reads are not looked at, nor the rollbacks that the
    /// specification asks for: neither proves that the cluster takes writes.
    pub(super) fn record(&mut self, whole: &Business, grade: Grade, role: Role) {
        if !whole.kind.is_write() || whole.outcome == Outcome::RolledBack {
            return;
        }
        let (good, in_baseline) = (grade == Grade::Good, role == Role::Baseline);
        let length_us = self.length_us;
        let in_run = self.cluster.record(whole, good, in_baseline);
        self.after_end += u64::from(!in_run);
        let kind = self.kinds.entry(whole.kind).or_insert_with(|| Flow::new(length_us, CELLS_MAX));
        kind.record(whole, good, in_baseline);
        let cells = self.warehouse_cells;
        let home =
            self.warehouses.entry(whole.warehouse).or_insert_with(|| Flow::new(length_us, cells));
        home.record(whole, good, in_baseline);
    }

    /// Finds the gaps. `service_p99_us` is the baseline's.
    pub(super) fn finish(self, phases: &Phases, service_p99_us: u64) -> WriteGaps {
        let cluster = self.cluster.gaps(Scope::Cluster, phases, service_p99_us);
        let kinds = self
            .kinds
            .iter()
            .map(|(&kind, flow)| flow.gaps(Scope::Kind(kind), phases, service_p99_us))
            .collect();
        let mut warehouses: Vec<Gap> = self
            .warehouses
            .iter()
            .flat_map(|(&home, flow)| {
                flow.gaps(Scope::Warehouse(home), phases, service_p99_us).gaps
            })
            .collect();
        warehouses.sort_by_key(|gap| (std::cmp::Reverse(gap.length_us()), gap.scope, gap.start));
        let warehouses_left_out = warehouses.len().saturating_sub(WAREHOUSE_GAPS_MAX) as u64;
        warehouses.truncate(WAREHOUSE_GAPS_MAX);
        WriteGaps {
            service_p99_us,
            baseline_writes: self.cluster.offered_baseline,
            cluster,
            kinds,
            warehouses,
            warehouses_left_out,
        }
    }
}

impl WriteGaps {
    /// The longest gap of the cluster among phases that `of` accepts.
    pub fn longest(&self, of: impl Fn(usize) -> bool) -> Option<&Gap> {
        let gaps = self.cluster.gaps.iter().filter(|gap| of(gap.phase));
        gaps.max_by_key(|gap| (gap.length_us(), std::cmp::Reverse(gap.start)))
    }
}
