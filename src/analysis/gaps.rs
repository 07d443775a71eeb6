//! Write gaps: stretches in which no good write completed, told apart from chance.

use std::fmt;

use crate::event::{Attempt, Grade, Outcome, RunTime, TxnKind};
use crate::gap;
use crate::record::BaselineFigures;

use super::baseline::CLUSTER;
use super::business::Ended;
use super::evidence::{Costs, Evidence, Proof};
use super::phases::{Phases, Role};
use super::track::Track;

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

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.pad(CLUSTER),
            Self::Kind(kind) => f.pad(kind.as_str()),
            Self::Warehouse(home) => write!(f, "warehouse-{home}"),
        }
    }
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
    evidence: Evidence,
    first_due: RunTime,
    last_due: RunTime,
    /// The last moment at which a write was known to be wanted: due, or still in vain.
    last_wanted: RunTime,
    offered: u64,
    offered_baseline: u64,
}

impl Flow {
    fn new(length_us: u64, cells_max: usize, proof: Proof) -> Self {
        Self {
            completions: Track::new(length_us, cells_max),
            dues: Track::new(length_us, cells_max),
            evidence: Evidence::new(length_us, cells_max, proof),
            first_due: RunTime(u64::MAX),
            last_due: RunTime::ZERO,
            last_wanted: RunTime::ZERO,
            offered: 0,
            offered_baseline: 0,
        }
    }

    /// Counts a write; false when it is dated past the run's end.
    fn record(&mut self, Ended { whole: write, grade, role, .. }: &Ended) -> bool {
        let good = *grade == Grade::Good;
        self.offered += 1;
        self.offered_baseline += u64::from(*role == Role::Baseline);
        self.first_due = self.first_due.min(write.scheduled);
        self.last_due = self.last_due.max(write.scheduled);
        let wanted = if good { write.scheduled } else { write.end };
        self.last_wanted = self.last_wanted.max(wanted);
        let due = self.dues.record(write.scheduled);
        let within = due && (!good || self.completions.record(write.end));
        if good && within {
            self.evidence.good(write);
        }
        within
    }

    /// Every stretch between good writes, those at the load's beginning and end included. One that
    /// outlasts the warm-up is cut in two where judging begins: the rest is judged by itself.
    fn stretches(&self, judged_from: RunTime) -> Vec<(RunTime, RunTime, bool)> {
        let cut = |(start, end, open): (RunTime, RunTime, bool)| {
            let middle = judged_from.max(start).min(end);
            [(start, middle, open), (middle, end, open)]
        };
        let stretches = match (self.completions.first(), self.completions.last()) {
            (Some(first), Some(last)) => {
                let between = self.completions.neighbours().map(|(start, end)| (start, end, false));
                let beginning = std::iter::once((self.first_due, first, false));
                beginning.chain(between).chain([(last, self.last_wanted, true)]).collect()
            }
            _ => vec![(self.first_due, self.last_wanted, true)],
        };
        stretches.into_iter().flat_map(cut).filter(|(start, end, _)| start < end).collect()
    }

    fn rate_per_s(&self, baseline_us: u64) -> f64 {
        let (count, us) = match self.offered_baseline {
            0 => (self.offered, self.last_due.since_us(self.first_due)),
            count => (count, baseline_us),
        };
        if us == 0 { 0.0 } else { count as f64 * 1e6 / us as f64 }
    }

    fn gaps(
        &self,
        scope: Scope,
        phases: &Phases,
        held_against: Option<&BaselineFigures>,
        costs: &Costs,
    ) -> ScopeGaps {
        let service_p99_us = held_against.map_or(0, |of| of.write_service_p99_us);
        let pauses = held_against.map(|of| &of.write_pause_us);
        let stored_us = pauses.and_then(|of| of.get(&scope.to_string())).copied().unwrap_or(0);
        let stretches = self.stretches(phases.judged_from());
        let baseline = phases.span(Role::Baseline).unwrap_or_default();
        let rate_per_s = self.rate_per_s(baseline.1.since_us(baseline.0));
        let baseline_gap_us = stretches
            .iter()
            .filter(|(start, end, _)| *start >= baseline.0 && *end <= baseline.1)
            .map(|(start, end, _)| end.since_us(*start))
            .max()
            .unwrap_or(0)
            .max(stored_us);
        let seen_us = 2 * self.completions.width_us();
        let tau_us: Vec<u64> = (0..phases.len())
            .map(|index| phases.phase(index).length_us())
            .map(|length_us| gap::tau_us(baseline_gap_us, rate_per_s, length_us).max(seen_us))
            .collect();
        let spacing_us = self.dues.spacing_us_max();
        // By then the next write would have been done: nothing kept the baseline for longer.
        let pause_us = spacing_us.saturating_add(service_p99_us).max(baseline_gap_us);
        let least_us = |(start, end, open): (RunTime, RunTime, bool)| match open {
            // Nothing good came to tell the outage's end from the load's.
            true => end.since_us(start.plus_us(pause_us)),
            false => {
                let service_us = costs.after_us(end, service_p99_us);
                self.evidence.least_us((start, end), start.plus_us(pause_us), service_us)
            }
        };
        let is_gap = |&(start, end, _): &(RunTime, RunTime, bool)| {
            end.since_us(start) > tau_us[phases.at(start)]
        };
        let gaps = stretches.into_iter().filter(is_gap).map(|stretch| {
            let (start, end, open) = stretch;
            let (phase, last_phase) = (phases.at(start), phases.at(end));
            let outage_us = (least_us(stretch), self.evidence.most_us((start, end)));
            Gap { scope, start, end, open, phase, last_phase, tau_us: tau_us[phase], outage_us }
        });
        let gaps = gaps.collect();
        ScopeGaps { scope, rate_per_s, spacing_us, baseline_gap_us, tau_us, gaps }
    }
}

/// Collects good writes of the cluster, of each kind and of each warehouse.
#[derive(Debug)]
pub(super) struct WriteFlows {
    length_us: u64,
    warehouse_cells: usize,
    proof: Proof,
    cluster: Flow,
    /// By [`TxnKind::index`].
    kinds: [Option<Flow>; TxnKind::COUNT],
    /// By number; the loader writes items in none, which is number 0.
    warehouses: Vec<Option<Flow>>,
    costs: Costs,
    /// Writes dated past the end of the run.
    pub(super) after_end: u64,
}

impl WriteFlows {
    pub(super) fn new(length_us: u64, warehouses: u32, proof: Proof) -> Self {
        // Each flow holds four tracks.
        let warehouse_cells = (WAREHOUSE_CELLS_MAX / 4 / warehouses.max(1) as usize).max(64);
        Self {
            length_us,
            warehouse_cells,
            proof,
            cluster: Flow::new(length_us, CELLS_MAX, proof),
            kinds: Default::default(),
            warehouses: (0..=warehouses).map(|_| None).collect(),
            costs: Costs::new(length_us, CELLS_MAX),
            after_end: 0,
        }
    }

    /// Counts business transactions; reads are not looked at, nor the rollbacks that the
    /// specification asks for: neither proves that the cluster takes writes.
    pub(super) fn record(&mut self, ended: &[Ended]) {
        let proves = |Ended { whole, .. }: &&Ended| {
            whole.kind.is_write() && whole.outcome != Outcome::RolledBack
        };
        let writes = || ended.iter().filter(proves);
        for write in writes() {
            let in_run = self.cluster.record(write);
            self.after_end += u64::from(!in_run);
            if in_run && write.grade == Grade::Good {
                self.costs.good(&write.whole);
            }
        }
        for write in writes() {
            self.of_kind(write.whole.kind).record(write);
        }
        for write in writes() {
            if let Some(home) = self.of_home(write.whole.warehouse) {
                home.record(write);
            }
        }
    }

    fn of_kind(&mut self, kind: TxnKind) -> &mut Flow {
        let Self { length_us, proof, .. } = *self;
        self.kinds[kind.index()].get_or_insert_with(|| Flow::new(length_us, CELLS_MAX, proof))
    }

    /// A warehouse that the scenario does not have has no flow of its own.
    fn of_home(&mut self, warehouse: u32) -> Option<&mut Flow> {
        let Self { length_us, warehouse_cells: cells, proof, .. } = *self;
        let home = self.warehouses.get_mut(warehouse as usize)?;
        Some(home.get_or_insert_with(|| Flow::new(length_us, cells, proof)))
    }

    /// Takes every attempt, before the business transaction it may complete.
    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        self.costs.attempt(attempt);
        // Most attempts end well.
        if attempt.outcome.class().is_none() || !attempt.kind.is_write() {
            return;
        }
        self.cluster.evidence.attempt(attempt);
        self.of_kind(attempt.kind).evidence.attempt(attempt);
        if let Some(home) = self.of_home(attempt.warehouse) {
            home.evidence.attempt(attempt);
        }
    }

    /// Writes offered in the run's own baseline.
    pub(super) fn baseline_writes(&self) -> u64 {
        self.cluster.offered_baseline
    }

    /// Finds the gaps.
    pub(super) fn finish(
        self,
        phases: &Phases,
        held_against: Option<&BaselineFigures>,
    ) -> WriteGaps {
        let costs = &self.costs;
        let cluster = self.cluster.gaps(Scope::Cluster, phases, held_against, costs);
        let kinds = TxnKind::ALL
            .iter()
            .zip(&self.kinds)
            .filter_map(|(&kind, flow)| {
                Some(flow.as_ref()?.gaps(Scope::Kind(kind), phases, held_against, costs))
            })
            .collect();
        let mut warehouses: Vec<Gap> = (0..)
            .zip(&self.warehouses)
            .filter_map(|(home, flow)| Some((home, flow.as_ref()?)))
            .flat_map(|(home, flow)| {
                flow.gaps(Scope::Warehouse(home), phases, held_against, costs).gaps
            })
            .collect();
        warehouses.sort_by_key(|gap| (std::cmp::Reverse(gap.length_us()), gap.scope, gap.start));
        let warehouses_left_out = warehouses.len().saturating_sub(WAREHOUSE_GAPS_MAX) as u64;
        warehouses.truncate(WAREHOUSE_GAPS_MAX);
        WriteGaps {
            service_p99_us: held_against.map_or(0, |of| of.write_service_p99_us),
            baseline_writes: held_against.map_or(self.cluster.offered_baseline, |of| of.writes),
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
