//! One streaming pass over a set of records.

use crate::event::{Attempt, Grade, RunTime, TxnKind};
use crate::phase::{PhaseTimeline, with_best_steps};
use crate::record::{BaselineFigures as Figures, Fingerprint, Record, StoredBaseline, Work};

use super::baseline;
use super::brownouts::{BrownoutFigures, BrownoutLog, Ordinary};
use super::business::{Ended, Feeling, Felt, Terminals};
use super::controls::controls;
use super::course::Course;
use super::data::DataSafety;
use super::errors::{ErrorCount, ErrorLog};
use super::evidence::Proof;
use super::figures::{Analysis, BaselineHalf, BaselineHalves, PhaseFigures, RunFacts};
use super::firsts::{FirstLog, FirstSuccess};
use super::gaps::{WriteFlows, WriteGaps};
use super::input::{AnalysisError, RecordSet, Shard};
use super::inputs::InputFigures;
use super::integrity::Problem;
use super::latency::{Latency, Quantile};
use super::load::LoadCourse;
use super::looked_up::{LookUps, LookedUp};
use super::outages::{OutageFigures, OutageLog};
use super::own::OwnFigures;
use super::phases::{Phases, Role};
use super::probes::ProbeLog;
use super::series::Series;
use super::sights::Sights;
use super::spots::spots;
use super::tally::{Tally, is_overdue};
use super::windows::{Recovery, Throughput, Windows};

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
            events = with_best_steps(own);
        }
    }
    let course = Course::new(&events, zones, end);
    let phases = Phases::new(PhaseTimeline::from_events(&events, end), &course);

    let names = scenario.zone_names();
    let (spots, mut during) = spots(&events, &names, &phases);
    let mut passes = Passes {
        sights: Sights::new(names, scenario.objectives.reads_follow_moves),
        load: LoadPass::new(&phases, &course, scenario, end),
        probes: ProbeLog::new(zones),
        own: OwnFigures::default(),
        warm_up_end: phases.span(Role::WarmUp).map_or(RunTime::ZERO, |(_, end)| end),
        cpu_us: 0,
    };
    for (index, shard) in set.shards.iter().enumerate() {
        passes.read(index, shard, &mut problems)?;
    }
    let Passes { sights, load, probes, own, cpu_us, .. } = passes;
    let run = run_facts(&set, end);
    let controls = controls(&course, &probes, &run);
    let (sights, checks) = sights.finish();
    during.extend(checks);
    let data = DataSafety::new(set.audits()?.as_deref(), during);
    let last_write = load.last_end;
    let (warehouses, terminals) = (scenario.workload.warehouses, scenario.load.terminals);
    let inputs = set.inputs()?.map(|counts| InputFigures::new(counts, warehouses, terminals));
    let stored = manifest.baseline.as_ref();
    let load = load.finish(&scenario.zone_names(), stored, &mut problems);
    Ok(Analysis {
        run,
        phases: load.phases,
        total: load.total,
        load: (manifest.work == Work::Load).then(|| LoadCourse::new(&events, &course, last_write)),
        errors: load.errors,
        writes: load.writes,
        probes: probes.finish(&phases),
        throughput: load.throughput,
        series: load.series,
        recoveries: load.recoveries,
        brownouts: load.brownouts,
        first_successes: load.first_successes,
        controls,
        course,
        held_against: load.held_against,
        baseline_halves: load.baseline_halves,
        own: own.finish(cpu_us),
        inputs,
        problems,
        spots,
        sights,
        data,
    })
}

/// Everything that is collected while the records are read, once, from beginning to end.
struct Passes<'a> {
    sights: Sights,
    load: LoadPass<'a>,
    probes: ProbeLog,
    own: OwnFigures,
    warm_up_end: RunTime,
    cpu_us: u64,
}

impl Passes<'_> {
    fn read(
        &mut self,
        index: usize,
        shard: &Shard<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), AnalysisError> {
        let Self { sights, load, probes, own, warm_up_end, cpu_us } = self;
        shard.attempts(problems, |attempts| {
            attempts.iter().for_each(|attempt| sights.attempt(index, attempt));
            load.attempts(index, attempts);
        })?;
        shard.probes(problems, |probe| probes.record(&probe))?;
        let (mut shard_cpu_us, mut samples) = (0, Vec::new());
        shard.own(problems, |sample| {
            own.record(&sample, *warm_up_end);
            load.series.own(&sample);
            shard_cpu_us = sample.cpu_us.max(shard_cpu_us);
            samples.push(sample);
        })?;
        own.find_steps(samples);
        *cpu_us += shard_cpu_us;
        shard.ledger(problems, |entry| {
            sights.entry(index, &entry);
            load.look_ups.entry(index, &entry);
        })
    }
}

fn run_facts(set: &RecordSet<'_>, end: RunTime) -> RunFacts {
    let manifest = &set.lead().record.manifest;
    let early = set.shards.iter().filter_map(|shard| shard.record.manifest.completion.as_ref());
    RunFacts {
        run_id: manifest.run_id.clone(),
        work: manifest.work,
        tool_version: manifest.tool_version.clone(),
        origin_wall: set.origin_wall(),
        end,
        ended_early: early.filter_map(|done| done.ended_early.clone()).next(),
        shards: set.shards.len(),
        scenario: manifest.scenario.clone(),
        sessions: manifest.sessions.clone(),
        capacity: manifest.capacity.clone(),
        baseline: manifest.baseline.clone(),
        baseline_differs: manifest.baseline.as_ref().and_then(|stored| {
            stored.fingerprint.difference(&Fingerprint::of(&manifest.scenario, manifest.format))
        }),
        upgrade: manifest.upgrade.clone(),
        outside: manifest.outside.clone(),
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
    last_end: RunTime,
    baseline_middle: RunTime,
    sums: Vec<PhaseSums>,
    halves: [Latency; 2],
    writes_service: Latency,
    errors: ErrorLog,
    look_ups: LookUps,
    terminals: Terminals,
    outages: OutageLog,
    flows: WriteFlows,
    windows: Windows,
    series: Series,
    brownouts: BrownoutLog,
    firsts: FirstLog,
    /// What a block of attempts ended.
    ended: Vec<Ended>,
}

/// What [`LoadPass`] found.
struct LoadFigures {
    phases: Vec<PhaseFigures>,
    total: Tally,
    errors: Vec<ErrorCount>,
    writes: WriteGaps,
    throughput: Vec<Throughput>,
    series: Series,
    recoveries: Vec<Recovery>,
    brownouts: Option<BrownoutFigures>,
    first_successes: Vec<FirstSuccess>,
    held_against: Option<Figures>,
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
            last_end: RunTime::ZERO,
            baseline_middle: phases.span(Role::Baseline).map_or(RunTime::ZERO, middle),
            sums: vec![sums; phases.len()],
            halves: Default::default(),
            writes_service: Latency::default(),
            errors: ErrorLog::default(),
            look_ups: LookUps::default(),
            terminals: Terminals::default(),
            outages: OutageLog::new(phases.len()),
            flows: WriteFlows::new(end.as_us(), scenario.workload.warehouses, Proof::new(scenario)),
            windows: Windows::new(course, phases, end),
            series: Series::new(end),
            brownouts: BrownoutLog::default(),
            firsts: FirstLog::new(course),
            ended: Vec::new(),
        }
    }

    /// Takes a block of attempts.
    fn attempts(&mut self, shard: usize, attempts: &[Attempt]) {
        let mut ended = std::mem::take(&mut self.ended);
        ended.clear();
        ended.extend(attempts.iter().filter_map(|attempt| self.attempt(shard, attempt)));
        ended.iter().for_each(|business| self.count(business));
        self.flows.record(&ended);
        ended.iter().for_each(|business| self.windows.record(business));
        ended.iter().for_each(|business| self.series.business(business));
        ended.iter().for_each(|business| self.brownouts.record(business, self.end));
        self.ended = ended;
    }

    /// Takes one attempt; answers the business transaction it ends. A business transaction, its
    /// attempts and their errors included, belongs to the phase that holds its scheduled time.
    fn attempt(&mut self, shard: usize, attempt: &Attempt) -> Option<Ended> {
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
        self.look_ups.attempt(shard, attempt, phase);
        self.series.attempt(attempt);
        self.flows.attempt(attempt);
        let key = (shard, attempt.terminal);
        self.firsts.attempt(key, attempt);

        let whole = self.terminals.push(shard, attempt)?;
        self.last_end = self.last_end.max(whole.end);
        let grade = whole.grade(self.deadline_us);
        let overdue = is_overdue(whole.scheduled, self.deadline_us, self.end);
        let how = match grade {
            Grade::Good => Feeling::Good,
            Grade::Censored if !overdue => Feeling::Undecided,
            _ => Feeling::Bad,
        };
        if how == Feeling::Good {
            self.firsts.succeeded(key, &whole);
        }
        let felt = Felt { scheduled: whole.scheduled, end: whole.end, how };
        let (outages, phases) = (&mut self.outages, self.phases);
        self.terminals.felt(key, attempt.sequence, felt, |key, felt| {
            outages.felt(key, felt, phases);
        });
        Some(Ended { whole, grade, overdue, phase, role: phases.role(phase) })
    }

    fn count(&mut self, business: &Ended) {
        let Ended { whole, grade, overdue, phase, role } = business;
        let crossed = self.phases.at(whole.end) != *phase;
        self.sums[*phase].kinds[whole.kind.index()].record(whole, *grade, crossed, *overdue);
        if *role == Role::Baseline && grade.is_completed() {
            let half = usize::from(whole.scheduled >= self.baseline_middle);
            self.halves[half].record(whole.response_us());
            if whole.kind.is_write() {
                self.writes_service.record(whole.service_us());
            }
        }
    }

    fn finish(
        mut self,
        zones: &[String],
        stored: Option<&StoredBaseline>,
        problems: &mut Vec<Problem>,
    ) -> LoadFigures {
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
        let mut figures = phase_figures(phases, zones, self.sums, outages);
        let looked_up = self.look_ups.by_phase(figures.len());
        figures.iter_mut().zip(looked_up).for_each(|(phase, found)| phase.looked_up = found);
        let (mut total, mut undisturbed) = (Tally::default(), Tally::default());
        for phase in &figures {
            total.add(&phase.total);
            if phase.role == Role::Baseline {
                undisturbed.add(&phase.total);
            }
        }
        let writes_offered = self.flows.baseline_writes();
        let own =
            baseline::measured(phases, &undisturbed.response, writes_offered, &self.writes_service);
        let is_own = own.is_some();
        let mut held_against = own.or_else(|| stored.map(|stored| stored.figures.clone()));
        let writes = self.flows.finish(phases, held_against.as_ref());
        if let Some(figures) = held_against.as_mut().filter(|_| is_own) {
            baseline::fill_in_pauses(figures, &writes);
        }
        let gaps = &writes.cluster.gaps;
        let against = held_against.as_ref();
        LoadFigures {
            total,
            errors: self.errors.finish(),
            throughput: self.windows.throughput(phases),
            series: self.series,
            recoveries: against
                .map_or_else(Vec::new, |own| self.windows.recoveries(own.response_p99_us)),
            brownouts: against.map(|own| self.brownouts.finish(Ordinary::new(own), gaps, phases)),
            first_successes: self.firsts.finish(),
            baseline_halves: halves(&self.halves),
            phases: figures,
            writes,
            held_against,
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
            looked_up: LookedUp::default(),
            outages,
        }
    })
    .collect()
}

fn halves(halves: &[Latency; 2]) -> Option<BaselineHalves> {
    let half = |of: &Latency| match (of.quantile(0.5), of.quantile(0.99)) {
        (Quantile::Us(p50_us), Quantile::Us(p99_us)) => Some(BaselineHalf { p50_us, p99_us }),
        _ => None,
    };
    Some(BaselineHalves { first: half(&halves[0])?, second: half(&halves[1])? })
}
