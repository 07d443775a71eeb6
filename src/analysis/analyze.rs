//! One streaming pass over a set of records.

use crate::event::{Attempt, RunTime, TxnKind};
use crate::phase::PhaseTimeline;
use crate::record::Record;

use super::business::{Felt, Grade, Terminals};
use super::controls::controls;
use super::course::Course;
use super::data::DataSafety;
use super::errors::{ErrorCount, ErrorLog};
use super::figures::{Analysis, BaselineHalves, PhaseFigures, RunFacts};
use super::gaps::{WriteFlows, WriteGaps};
use super::input::{AnalysisError, RecordSet};
use super::inputs::InputFigures;
use super::integrity::Problem;
use super::latency::{Latency, Quantile};
use super::outages::{OutageFigures, OutageLog};
use super::own::OwnFigures;
use super::phases::{Phases, Role};
use super::probes::ProbeLog;
use super::tally::{Tally, is_overdue};
use super::windows::{FirstSuccess, Recovery, Throughput, Windows};

/// Turns the records of one run into figures. Memory grows with the run's length in cells of
/// 10 ms, with its phases, terminals and probes, and not with its transactions.
///
/// # Errors
/// When a file cannot be read or is damaged, or the records are not of one run. A record that is
/// merely cut is analysed as far as it goes, and says so in [`Analysis::problems`].
pub fn analyze(records: &[Record]) -> Result<Analysis, AnalysisError> {
    let mut set = RecordSet::new(records)?;
    let mut problems = std::mem::take(&mut set.problems);
    let end = set.end()?;
    let manifest = &set.lead().record.manifest;
    let scenario = &manifest.scenario;
    let zones = scenario.cluster.zones.len();

    let mut events = Vec::new();
    for (index, shard) in set.shards.iter().enumerate() {
        let own = shard.cluster(&mut problems)?;
        // Every driver keeps the same timetable; the first one's stands for all.
        if index == 0 {
            events = own;
        }
    }
    let course = Course::new(&events, zones, end);
    let phases = Phases::new(PhaseTimeline::from_events(&events, end), &course);

    let mut load = LoadPass::new(&phases, &course, scenario, end);
    let mut probes = ProbeLog::new(zones);
    let mut own = OwnFigures::default();
    let warm_up_end = phases.span(Role::WarmUp).map_or(RunTime::ZERO, |(_, end)| end);
    let mut cpu_us = 0;
    for (index, shard) in set.shards.iter().enumerate() {
        shard.attempts(&mut problems, |attempt| load.attempt(index, &attempt))?;
        shard.probes(&mut problems, |probe| probes.record(&probe))?;
        let mut shard_cpu_us = 0;
        shard.own(&mut problems, |sample| {
            own.record(&sample, warm_up_end);
            shard_cpu_us = sample.cpu_us.max(shard_cpu_us);
        })?;
        cpu_us += shard_cpu_us;
        shard.ledger(&mut problems)?;
    }
    let controls = controls(&course, &probes, manifest.upgrade.as_ref());
    let data = set.audits()?.map(|audits| DataSafety::new(&audits));
    let (warehouses, terminals) = (scenario.workload.warehouses, scenario.load.terminals);
    let inputs = set.inputs()?.map(|counts| InputFigures::new(counts, warehouses, terminals));
    let load = load.finish(&scenario.zone_names(), &mut problems);
    Ok(Analysis {
        run: run_facts(&set, end),
        phases: load.phases,
        total: load.total,
        errors: load.errors,
        writes: load.writes,
        probes: probes.finish(&phases),
        throughput: load.throughput,
        recoveries: load.recoveries,
        first_successes: load.first_successes,
        controls,
        course,
        baseline_halves: load.baseline_halves,
        own: own.finish(cpu_us),
        inputs,
        problems,
        data,
    })
}

fn run_facts(set: &RecordSet<'_>, end: RunTime) -> RunFacts {
    let manifest = &set.lead().record.manifest;
    let early = set.shards.iter().filter_map(|shard| shard.record.manifest.completion.as_ref());
    RunFacts {
        run_id: manifest.run_id.clone(),
        tool_version: manifest.tool_version.clone(),
        origin_wall: set.origin_wall(),
        end,
        ended_early: early.filter_map(|done| done.ended_early.clone()).next(),
        shards: set.shards.len(),
        scenario: manifest.scenario.clone(),
        sessions: manifest.sessions.clone(),
        upgrade: manifest.upgrade.clone(),
    }
}

/// Figures of one phase while they grow.
#[derive(Debug, Clone, Default)]
struct PhaseSums {
    kinds: [Tally; TxnKind::COUNT],
    zone_attempts: Vec<u64>,
    errors: u64,
}

/// Everything that looks at transactions.
struct LoadPass<'a> {
    phases: &'a Phases,
    deadline_us: u64,
    end: RunTime,
    baseline_middle: RunTime,
    sums: Vec<PhaseSums>,
    halves: [Latency; 2],
    writes_service: Latency,
    errors: ErrorLog,
    terminals: Terminals,
    outages: OutageLog,
    flows: WriteFlows,
    windows: Windows,
}

/// What [`LoadPass`] found.
struct LoadFigures {
    phases: Vec<PhaseFigures>,
    total: Tally,
    errors: Vec<ErrorCount>,
    writes: WriteGaps,
    throughput: Vec<Throughput>,
    recoveries: Vec<Recovery>,
    first_successes: Vec<FirstSuccess>,
    baseline_halves: Option<BaselineHalves>,
}

impl<'a> LoadPass<'a> {
    fn new(
        phases: &'a Phases,
        course: &Course,
        scenario: &crate::scenario::Scenario,
        end: RunTime,
    ) -> Self {
        let zone_attempts = vec![0; scenario.cluster.zones.len()];
        let sums = PhaseSums { zone_attempts, ..PhaseSums::default() };
        let middle = |(start, end): (RunTime, RunTime)| start.plus_us(end.since_us(start) / 2);
        Self {
            phases,
            deadline_us: scenario.load.deadline.as_us(),
            end,
            baseline_middle: phases.span(Role::Baseline).map_or(RunTime::ZERO, middle),
            sums: vec![sums; phases.len()],
            halves: Default::default(),
            writes_service: Latency::default(),
            errors: ErrorLog::default(),
            terminals: Terminals::default(),
            outages: OutageLog::new(phases.len()),
            flows: WriteFlows::new(end.as_us(), scenario.workload.warehouses),
            windows: Windows::new(course, phases),
        }
    }

    /// Takes one attempt. A business transaction, its attempts and their errors included, belongs
    /// to the phase that holds its scheduled time.
    fn attempt(&mut self, shard: usize, attempt: &Attempt) {
        let phase = self.phases.at(attempt.scheduled);
        let sums = &mut self.sums[phase];
        // What was shed or cut off by the run's end before it was sent went to no zone.
        let zone = attempt.zone.and_then(|zone| sums.zone_attempts.get_mut(zone.index()));
        if let Some(count) = zone {
            *count += 1;
            sums.kinds[attempt.kind.index()].counts.attempts += 1;
        }
        sums.errors += u64::from(attempt.outcome.class().is_some());
        self.errors.record(attempt, phase);

        let Some(whole) = self.terminals.push(shard, attempt) else { return };
        let grade = whole.grade(self.deadline_us);
        let crossed = self.phases.at(whole.end) != phase;
        let overdue = is_overdue(whole.scheduled, self.deadline_us, self.end);
        self.sums[phase].kinds[whole.kind.index()].record(&whole, grade, crossed, overdue);
        let role = self.phases.role(phase);
        let succeeded = matches!(grade, Grade::Good | Grade::Late);
        if role == Role::Baseline && succeeded {
            let half = usize::from(whole.scheduled >= self.baseline_middle);
            self.halves[half].record(whole.response_us());
            if whole.kind.is_write() {
                self.writes_service.record(whole.service_us());
            }
        }
        self.flows.record(&whole, grade, role);
        self.windows.record(&whole, grade);
        let good = grade == Grade::Good;
        let felt = Felt { scheduled: whole.scheduled, end: whole.end, good };
        let (outages, phases) = (&mut self.outages, self.phases);
        let key = (shard, attempt.terminal);
        self.terminals.felt(key, attempt.sequence, felt, |key, felt| {
            outages.felt(key, felt, phases);
        });
    }

    fn finish(mut self, zones: &[String], problems: &mut Vec<Problem>) -> LoadFigures {
        let phases = self.phases;
        let faults = self.terminals.finish(|key, felt| self.outages.felt(key, felt, phases));
        let counted = [
            (faults.missing, Problem::Missing(faults.missing)),
            (faults.repeated, Problem::Repeated(faults.repeated)),
            (faults.unfinished, Problem::Unfinished(faults.unfinished)),
            (self.flows.after_end, Problem::AfterEnd(self.flows.after_end)),
        ];
        problems.extend(counted.into_iter().filter(|(n, _)| *n > 0).map(|(_, problem)| problem));

        let outages = self.outages.finish(self.end, phases);
        let figures = phase_figures(phases, zones, self.sums, outages);
        let (mut total, mut baseline) = (Tally::default(), Tally::default());
        for phase in &figures {
            total.add(&phase.total);
            if phase.role == Role::Baseline {
                baseline.add(&phase.total);
            }
        }
        let service_p99_us = match self.writes_service.quantile(0.99) {
            Quantile::Us(us) => us,
            Quantile::NoData | Quantile::Never => 0,
        };
        LoadFigures {
            total,
            errors: self.errors.finish(),
            writes: self.flows.finish(phases, service_p99_us),
            throughput: self.windows.throughput(phases),
            recoveries: self.windows.recoveries(&baseline.response),
            first_successes: self.windows.first_successes(),
            baseline_halves: halves(&self.halves),
            phases: figures,
        }
    }
}

fn phase_figures(
    phases: &Phases,
    zones: &[String],
    sums: Vec<PhaseSums>,
    outages: Vec<OutageFigures>,
) -> Vec<PhaseFigures> {
    let all = phases.timeline.phases().iter().zip(sums).zip(outages).enumerate();
    all.map(|(index, ((phase, sums), outages))| {
        let mut total = Tally::default();
        sums.kinds.iter().for_each(|kind| total.add(kind));
        PhaseFigures {
            phase: phase.clone(),
            label: phase.name.label(zones).to_string(),
            role: phases.role(index),
            kinds: sums.kinds,
            total,
            zone_attempts: sums.zone_attempts,
            errors: sums.errors,
            outages,
        }
    })
    .collect()
}

fn halves([first, second]: &[Latency; 2]) -> Option<BaselineHalves> {
    match (first.quantile(0.5), second.quantile(0.5)) {
        (Quantile::Us(first_p50_us), Quantile::Us(second_p50_us)) => {
            Some(BaselineHalves { first_p50_us, second_p50_us })
        }
        _ => None,
    }
}
