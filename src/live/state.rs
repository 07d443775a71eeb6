//! What the board holds: events in, counts and lines out. Pure.

use std::sync::Arc;

use hdrhistogram::Histogram;

use super::course::Course;
use super::figures::Figures;
use super::log::{Log, Weight};
use super::objectives::{Lasting, so_far};
use super::outages::Outages;
use super::pauses::Pauses;
use super::seconds::{Quantiles, Seconds};
use super::subject::Subject;
use super::tally::{grade, lengths, response_us};
use super::view::{ErrorsOf, Loading, PhaseNow, Totals, View, ZoneNow};
use super::words;
use crate::event::{
    Attempt, ClusterEvent, ClusterFact, Edge, ErrorClass, Event, Grade, Outcome, Probe, ProbeKind,
    RunTime, SelfSample, SpotCheck, ZoneId, ZoneState, ZoneStatus,
};
use crate::phase::{PhaseName, stretch};

/// Everything that is counted while a run goes on. Limited in size, however long it goes on.
#[derive(Debug)]
pub(super) struct State {
    subject: Arc<Subject>,
    course: Course,
    zones: Vec<ZoneTrack>,
    errors: Vec<ErrorTrack>,
    own: OwnTrack,
    totals: Totals,
    pub(super) loading: Option<Loading>,
    seconds: Seconds,
    baseline: Histogram<u64>,
    pauses: Pauses,
    outages: Outages,
    log: Log,
    over: Option<RunTime>,
}

/// What was seen of a zone.
#[derive(Debug, Clone, Default)]
pub(super) struct ZoneTrack {
    pub(super) status: Option<ZoneStatus>,
    since: RunTime,
    /// By kind of probe.
    pub(super) probes: [ProbeTrack; ProbeKind::ALL.len()],
}

/// What probes of one kind found at one zone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProbeTrack {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Since when they fail, and with what it began.
    failing: Option<(RunTime, ErrorClass)>,
}

/// Attempts that met one class of error, by zone; the last place is for those that went nowhere or
/// through a proxy.
#[derive(Debug, Clone)]
pub(super) struct ErrorTrack {
    pub(super) by_zone: Vec<u64>,
    last: RunTime,
}

/// What the tool saw of itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OwnTrack {
    pub(super) last: Option<SelfSample>,
    before: Option<RunTime>,
    pub(super) dispatched: u64,
    pub(super) dispatched_late: u64,
    pub(super) stall_us_max: u64,
}

impl State {
    pub(super) fn new(subject: Subject) -> Self {
        let zones = subject.zones.len();
        let opening = if subject.loads { stretch::PREPARE } else { stretch::WARM_UP };
        let errors = ErrorTrack { by_zone: vec![0; zones + 1], last: RunTime::ZERO };
        Self {
            course: Course::new(zones, opening),
            zones: vec![ZoneTrack::default(); zones],
            errors: vec![errors; ErrorClass::ALL.len()],
            own: OwnTrack::default(),
            totals: Totals::default(),
            loading: None,
            seconds: Seconds::default(),
            baseline: lengths(),
            pauses: Pauses::default(),
            outages: Outages::default(),
            log: Log::default(),
            over: None,
            subject: Arc::new(subject),
        }
    }

    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Attempt(attempt) => self.attempt(attempt),
            Event::Probe(probe) => self.probe(probe),
            Event::Cluster(event) => self.cluster(event),
            Event::Own(sample) => self.own.note(sample),
            Event::Ledger(_) => {}
        }
    }

    /// Adds a line to the log.
    pub(super) fn say(&mut self, at: RunTime, text: &str) {
        self.log.push(at, Weight::Plain, text.to_owned());
    }

    /// The measuring ended at `at`: nothing moves any longer.
    pub(super) fn over(&mut self, at: RunTime) {
        self.over.get_or_insert(at);
        self.pauses.over();
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let ended = grade(attempt, self.subject.deadline_us);
        self.seconds.count(attempt, ended);
        self.course.count(attempt, ended);
        if let Some(class) = attempt.outcome.class() {
            let track = &mut self.errors[class as usize];
            let nowhere = track.by_zone.len() - 1;
            let place = attempt.zone.map_or(nowhere, |zone| zone.index().min(nowhere));
            track.by_zone[place] += 1;
            track.last = track.last.max(attempt.end);
        }
        let Some(ended) = ended else {
            self.totals.retried += 1;
            return;
        };
        self.totals.ended += 1;
        self.totals.good += u64::from(ended == Grade::Good);
        self.totals.bad += u64::from(ended.is_bad());
        self.totals.ambiguous += u64::from(ended == Grade::Ambiguous);
        if let Some(start) = self.outages.felt(attempt, ended == Grade::Good) {
            self.course.tally_at(start).outage(attempt.end.since_us(start));
        }
        let in_baseline = self.course.tally_at(attempt.scheduled).name.step == stretch::BASELINE;
        if in_baseline && ended.is_completed() {
            self.baseline.saturating_record(response_us(attempt));
        }
        // The rollbacks that the specification asks for prove no write.
        let wrote = attempt.kind.is_write() && attempt.outcome != Outcome::RolledBack;
        if ended == Grade::Good && wrote {
            self.wrote(attempt.end, in_baseline);
        }
    }

    fn wrote(&mut self, done: RunTime, in_baseline: bool) {
        let Some(gap) = self.pauses.write(done, in_baseline) else { return };
        let tally = self.course.tally_at(gap.start);
        tally.gaps += 1;
        tally.gap_us_max = tally.gap_us_max.max(gap.length_us());
        let allowed_us = self.subject.objectives.write_gap_max.as_us();
        let weight = if gap.length_us() > allowed_us { Weight::Bad } else { Weight::Warn };
        let text = format!("write gap of {} has ended", words::duration(gap.length_us()));
        self.log.push(done, weight, text);
    }

    fn probe(&mut self, probe: &Probe) {
        let Some(zone) = self.zones.get_mut(probe.zone.index()) else { return };
        let track = &mut zone.probes[probe.kind as usize];
        match probe.failure {
            None => {
                track.succeeded += 1;
                track.failing = None;
            }
            Some(class) => {
                track.failed += 1;
                track.failing.get_or_insert((probe.start, class));
            }
        }
    }

    fn cluster(&mut self, event: &ClusterEvent) {
        let at = event.at;
        match &event.fact {
            ClusterFact::Zone(status) => self.zone(at, status),
            ClusterFact::Step { step, zone, edge, detail } => {
                let name = PhaseName { zone: *zone, step: step.clone() };
                let (_, since, _) = self.course.now();
                if self.course.step(at, event.source, &name, *edge) {
                    if name.step == stretch::DRAIN {
                        self.pauses.over();
                    }
                    self.tell_step(at, &name, *edge, at.since_us(since), detail);
                }
            }
            ClusterFact::Check(check) => self.spot(at, check),
            ClusterFact::UnknownError(error) => {
                let text =
                    format!("unknown code {} {}: {}", error.errno, error.sqlstate, error.text);
                self.log.push(at, Weight::Warn, text);
            }
            ClusterFact::Leaders { from, to, moved, detail } => {
                let name = |zone: &Option<ZoneId>| {
                    let known = zone.and_then(|zone| self.subject.zones.get(zone.index()));
                    known.map_or("?", String::as_str)
                };
                let (from, to) = (name(from), name(to));
                let text = format!("leaders moved {from} → {to}: {moved}, {detail}");
                self.log.push(at, Weight::Plain, text);
            }
            ClusterFact::Warning { warning, zone, detail } => {
                let zone = zone.and_then(|zone| self.subject.zones.get(zone.index()));
                let zone = zone.map(|zone| format!("{zone} ")).unwrap_or_default();
                self.log.push(at, Weight::Warn, format!("{zone}{warning}: {detail}"));
            }
        }
    }

    fn tell_step(&mut self, at: RunTime, name: &PhaseName, edge: Edge, us: u64, detail: &str) {
        let label = name.label(&self.subject.zones).to_string();
        let lasted = words::duration(us);
        let with = |text: String| match detail {
            "" => text,
            detail => format!("{text}: {detail}"),
        };
        let (weight, text) = match edge {
            Edge::Begin => (Weight::Plain, label),
            Edge::End => (Weight::Good, with(format!("{label} done after {lasted}"))),
            Edge::Failed => (Weight::Bad, with(format!("{label} FAILED after {lasted}"))),
        };
        self.log.push(at, weight, text);
    }

    fn zone(&mut self, at: RunTime, status: &ZoneStatus) {
        let Some(track) = self.zones.get_mut(status.zone.index()) else { return };
        let before = track.status.replace(status.clone());
        let was = before.as_ref().map(|before| (before.state, before.version.as_deref()));
        let is = (status.state, status.version.as_deref());
        if was.is_none_or(|(state, _)| state != status.state) {
            track.since = at;
        }
        self.course.zone(at, status.zone, status.state);
        // Only the product's words for it have changed.
        if was == Some(is) {
            return;
        }
        let name = &self.subject.zones[status.zone.index()];
        let version = status.version.as_deref().map(words::numbers_of);
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        let (weight, detail) = match status.state {
            ZoneState::Serving => (Weight::Good, String::new()),
            _ => (Weight::Warn, format!(": {}", status.detail)),
        };
        self.log.push(at, weight, format!("{name} is {}{version}{detail}", status.state));
    }

    fn spot(&mut self, at: RunTime, check: &SpotCheck) {
        let zone = self.subject.zones.get(check.zone.index()).map_or("?", String::as_str);
        for broken in &check.broken {
            let (condition, place) = (&broken.condition, &broken.place);
            let (found, expected) = (&broken.found, &broken.expected);
            let text = format!(
                "WRONG DATA in {zone}: {condition} at {place}: {found} instead of {expected}"
            );
            self.log.push(at, Weight::Bad, text);
        }
    }

    /// A copy of all that is shown, as it is at `now`.
    pub(super) fn look(&mut self, now: RunTime) -> View {
        let at = self.over.unwrap_or(now);
        self.seconds.roll(at);
        let gap = self.pauses.open(at);
        let open_outages = self.outages.open();
        let clients_out = open_outages.len();
        let (tau_us, gap_start) = (self.pauses.tau_us(), gap.map(|gap| gap.start));
        let lasting = Lasting { at, tau_us, gap: gap_start, outages: open_outages };
        let steps_told = self.course.has_steps();
        let judged = |start| {
            let phase = &self.course.tallies()[self.course.at(start)];
            phase.role(steps_told).is_judged()
        };
        let ended = self.course.tallies().iter().filter(|tally| tally.role(steps_told).is_judged());
        let gap_us_max = ended.map(|tally| tally.gap_us_max).max().unwrap_or(0);
        let open_us = gap.filter(|gap| judged(gap.start)).map_or(0, |gap| gap.length_us());
        let (phase, since, failed) = self.course.now();
        View {
            subject: Arc::clone(&self.subject),
            at,
            over: self.over.is_some(),
            phase: PhaseNow { name: phase.name.clone(), since, failed },
            zones: self.subject.zones.iter().zip(&self.zones).map(ZoneTrack::now).collect(),
            offered_per_s: self.offered_per_s(),
            seconds: self.seconds.closed(),
            baseline: Quantiles::of(&self.baseline),
            totals: self.totals,
            gap,
            gaps: self.pauses.ended(),
            gap_us_max: gap_us_max.max(open_us),
            tau_us,
            clients_out,
            errors: self.errors_met(),
            objectives: so_far(&self.subject, &self.course, &lasting),
            log: self.log.lines(),
            loading: self.loading,
            own: self.own.last,
        }
    }

    /// The view, and what it leaves out.
    pub(super) fn figures(&mut self, now: RunTime) -> Figures {
        Figures {
            view: self.look(now),
            tallies: self.course.tallies().to_vec(),
            zones: self.zones.clone(),
            errors: self.errors.clone(),
            own: self.own,
        }
    }

    fn offered_per_s(&self) -> Option<f64> {
        let drains = self.course.now().0.name.step == stretch::DRAIN;
        if self.over.is_some() || drains || self.subject.loads {
            return None;
        }
        self.subject.rate_per_s.or_else(|| self.own.begun_per_s())
    }

    fn errors_met(&self) -> Vec<ErrorsOf> {
        let of = |(&class, track): (&ErrorClass, &ErrorTrack)| {
            let total = track.by_zone.iter().sum();
            ErrorsOf { class, total, last: track.last }
        };
        let all = ErrorClass::ALL.iter().zip(&self.errors).map(of);
        let mut met: Vec<ErrorsOf> = all.filter(|errors| errors.total > 0).collect();
        met.sort_by_key(|errors| std::cmp::Reverse(errors.total));
        met
    }
}

impl ZoneTrack {
    fn now((name, track): (&String, &Self)) -> ZoneNow {
        let failing = track.probes.iter().filter_map(|probe| probe.failing);
        ZoneNow {
            name: name.clone(),
            status: track.status.clone(),
            since: track.since,
            failing: failing.min_by_key(|(since, _)| *since),
        }
    }
}

impl OwnTrack {
    fn note(&mut self, sample: &SelfSample) {
        self.before = self.last.map(|last| last.at);
        self.dispatched += sample.dispatched;
        self.dispatched_late += sample.dispatched_late;
        self.stall_us_max = self.stall_us_max.max(sample.stall_us_max);
        self.last = Some(*sample);
    }

    /// Transactions that terminals began a second, over the last sample.
    fn begun_per_s(&self) -> Option<f64> {
        let last = self.last?;
        let us = last.at.since_us(self.before.unwrap_or_default());
        (us > 0).then(|| last.dispatched as f64 * 1e6 / us as f64)
    }
}
