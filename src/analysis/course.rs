//! The course of the upgrade: its steps, and each zone's versions and states.

use crate::event::{
    ClusterEvent, ClusterFact, ClusterWarning, Edge, RunTime, Source, UnknownError, ZoneId,
    ZoneState,
};
use crate::phase::{step, stretch};
use crate::spelling::spelled;

spelled! {
    /// How a step ended.
    pub enum StepOutcome {
        /// Well.
        Done = "done",
        /// Badly; its detail says how.
        Failed = "failed",
        /// Nobody said that it ended: the next step began, or the run was over.
        Open = "open",
    }
}

/// One step of the upgrade, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// The zone it concerns; `None` for the whole cluster.
    pub zone: Option<ZoneId>,
    /// Its name, as `stop-server`.
    pub step: String,
    /// Who says so.
    pub source: Source,
    /// When it began.
    pub begin: RunTime,
    /// When it ended; where nobody said, when the next one began or the run ended.
    pub end: RunTime,
    /// How it ended.
    pub outcome: StepOutcome,
    /// What a failed step said, or what a finished one found.
    pub detail: String,
}

impl StepRun {
    /// Length in µs.
    pub fn length_us(&self) -> u64 {
        self.end.since_us(self.begin)
    }
}

/// A change of a zone as an observer saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneChange {
    /// When it was seen.
    pub at: RunTime,
    /// It happened at most this many µs before.
    pub uncertainty_us: u64,
    /// Whether the zone serves.
    pub state: ZoneState,
    /// The version, when the server answered.
    pub version: Option<String>,
    /// The product's own words.
    pub detail: String,
}

/// What observers saw of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoneCourse {
    /// The first version seen.
    pub first_version: Option<String>,
    /// The last version seen.
    pub last_version: Option<String>,
    /// Every change, in order.
    pub changes: Vec<ZoneChange>,
}

/// Something an observer saw that endangered the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningSeen {
    /// When it was seen.
    pub at: RunTime,
    /// What.
    pub warning: ClusterWarning,
    /// The zone it concerns; `None` for the whole cluster.
    pub zone: Option<ZoneId>,
    /// What was seen.
    pub detail: String,
}

/// Leaders that moved together, as an observer learned of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadersMoved {
    /// When the last of them had moved.
    pub at: RunTime,
    /// The first of them moved at most this many µs before.
    pub uncertainty_us: u64,
    /// The zone that led; `None` where it is not known.
    pub from: Option<ZoneId>,
    /// The zone that leads now; `None` where it is not known.
    pub to: Option<ZoneId>,
    /// How many.
    pub moved: u32,
    /// Why, in the product's own words.
    pub detail: String,
}

/// Steps and zones over the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    /// Every step, in the order of their beginnings.
    pub steps: Vec<StepRun>,
    /// One entry a zone of the scenario.
    pub zones: Vec<ZoneCourse>,
    /// Errors that are in no table, in the words of whoever raised them.
    pub unknown_errors: Vec<UnknownError>,
    /// What endangered the cluster, in order.
    pub warnings: Vec<WarningSeen>,
    /// Where leaders moved, in order; only some products tell.
    pub leaders: Vec<LeadersMoved>,
    /// From the first step's beginning to the last one's end; `None` without an upgrade.
    pub window: Option<(RunTime, RunTime)>,
}

/// Whether a name is a step of an upgrade, and not a stretch of rollproof's own timetable.
pub(super) fn is_step(source: Source, name: &str) -> bool {
    use stretch::{BASELINE, DRAIN, FINAL, SETTLE, WARM_UP};
    source != Source::Timetable && ![WARM_UP, BASELINE, SETTLE, FINAL, DRAIN].contains(&name)
}

impl Course {
    /// Puts the course together from events in any order.
    pub(super) fn new(events: &[ClusterEvent], zones: usize, end: RunTime) -> Self {
        let mut sorted: Vec<&ClusterEvent> = events.iter().collect();
        sorted.sort_by_key(|event| event.at);
        let mut course = Self { zones: vec![ZoneCourse::default(); zones], ..Self::default() };
        for event in &sorted {
            match &event.fact {
                ClusterFact::Zone(_) => course.zone_changed(event),
                ClusterFact::Step { step, .. } if is_step(event.source, step) => {
                    course.step_edge(event, end);
                }
                ClusterFact::UnknownError(error) => course.unknown_errors.push(error.clone()),
                ClusterFact::Step { .. } | ClusterFact::Check(_) => {}
                ClusterFact::Leaders { from, to, moved, detail } => {
                    course.leaders.push(LeadersMoved {
                        at: event.at,
                        uncertainty_us: event.uncertainty_us,
                        from: *from,
                        to: *to,
                        moved: *moved,
                        detail: detail.clone(),
                    });
                }
                ClusterFact::Warning { warning, zone, detail } => {
                    course.warnings.push(WarningSeen {
                        at: event.at,
                        warning: *warning,
                        zone: *zone,
                        detail: detail.clone(),
                    });
                }
            }
        }
        course.close_open_steps(&sorted);
        let last = course.steps.iter().map(|step| step.end).max();
        course.window = course.steps.first().map(|first| first.begin).zip(last);
        course
    }

    fn zone_changed(&mut self, event: &ClusterEvent) {
        let ClusterFact::Zone(status) = &event.fact else { return };
        let Some(zone) = self.zones.get_mut(status.zone.index()) else { return };
        if let Some(version) = &status.version {
            zone.first_version.get_or_insert_with(|| version.clone());
            zone.last_version = Some(version.clone());
        }
        zone.changes.push(ZoneChange {
            at: event.at,
            uncertainty_us: event.uncertainty_us,
            state: status.state,
            version: status.version.clone(),
            detail: status.detail.clone(),
        });
    }

    fn step_edge(&mut self, event: &ClusterEvent, end: RunTime) {
        let ClusterFact::Step { step, zone, edge, detail } = &event.fact else { return };
        let outcome = match edge {
            Edge::Begin => {
                return self.steps.push(StepRun {
                    zone: *zone,
                    step: step.clone(),
                    source: event.source,
                    begin: event.at,
                    end,
                    outcome: StepOutcome::Open,
                    detail: detail.clone(),
                });
            }
            Edge::End => StepOutcome::Done,
            Edge::Failed => StepOutcome::Failed,
        };
        let is_own = |run: &&mut StepRun| {
            run.outcome == StepOutcome::Open && run.step == *step && run.zone == *zone
        };
        match self.steps.iter_mut().rev().find(is_own) {
            Some(run) => {
                run.end = event.at;
                run.outcome = outcome;
                run.detail.clone_from(detail);
            }
            // A failure is never lost because its beginning was.
            None if outcome == StepOutcome::Failed => self.steps.push(StepRun {
                zone: *zone,
                step: step.clone(),
                source: event.source,
                begin: event.at,
                end: event.at,
                outcome,
                detail: detail.clone(),
            }),
            None => {}
        }
    }

    /// A step that nobody ended lasts until anything else begins, as its phase does.
    fn close_open_steps(&mut self, sorted: &[&ClusterEvent]) {
        let begins: Vec<RunTime> = sorted
            .iter()
            .filter(|e| matches!(e.fact, ClusterFact::Step { edge: Edge::Begin, .. }))
            .map(|event| event.at)
            .collect();
        for step in self.steps.iter_mut().filter(|step| step.outcome == StepOutcome::Open) {
            if let Some(&next) = begins.iter().find(|&&at| at > step.begin) {
                step.end = next;
            }
        }
    }

    /// The steps of this name at this zone, in order.
    pub(super) fn steps_of<'a>(
        &'a self,
        zone: ZoneId,
        step: &'a str,
    ) -> impl Iterator<Item = &'a StepRun> {
        self.steps.iter().filter(move |run| run.zone == Some(zone) && run.step == step)
    }

    /// When each zone was back in service: at the end of its `start-zone`. A mark of it is made as
    /// the zone returns and nobody says when that is over, so the mark itself counts. Of a zone
    /// that was stopped and never marked as started, what observers saw counts.
    pub(super) fn returns(&self) -> Vec<(ZoneId, RunTime)> {
        let told = |run: &StepRun| {
            let at = if run.outcome == StepOutcome::Done { run.end } else { run.begin };
            let is_return = run.step == step::START_ZONE && run.outcome != StepOutcome::Failed;
            run.zone.filter(|_| is_return).map(|zone| (zone, at))
        };
        let mut returns: Vec<_> = self.steps.iter().filter_map(told).collect();
        let seen: Vec<_> = self
            .stopped()
            .filter(|(zone, _)| self.steps_of(*zone, step::START_ZONE).next().is_none())
            .filter_map(|(zone, at)| Some((zone, self.seen_back(zone, at)?)))
            .collect();
        returns.extend(seen);
        returns
    }

    /// Zones that were stopped and of whose return nothing is known, though no step failed.
    pub fn unreturned(&self) -> Vec<ZoneId> {
        if self.failure().is_some() {
            return Vec::new();
        }
        let back = self.returns();
        let is_back = |zone: &ZoneId| back.iter().any(|(other, _)| other == zone);
        self.stopped().map(|(zone, _)| zone).filter(|zone| !is_back(zone)).collect()
    }

    /// Every zone of which a step says that it was stopped, and when that first began.
    fn stopped(&self) -> impl Iterator<Item = (ZoneId, RunTime)> {
        (0..self.zones.len()).filter_map(|index| {
            let zone = ZoneId(index as u8);
            let stops = [step::STOP_ZONE, step::STOP_SERVER];
            let first = stops
                .iter()
                .filter_map(|stop| self.steps_of(zone, stop).next())
                .min_by_key(|run| run.begin)?;
            Some((zone, first.begin))
        })
    }

    /// When a zone that was stopped at `since` was last seen to serve again.
    fn seen_back(&self, zone: ZoneId, since: RunTime) -> Option<RunTime> {
        let changes = &self.zones.get(zone.index())?.changes;
        let is_return = |pair: &&[ZoneChange]| {
            let [before, after] = pair else { return false };
            after.at >= since
                && before.state != ZoneState::Serving
                && after.state == ZoneState::Serving
        };
        changes.windows(2).rfind(is_return).map(|pair| pair[1].at)
    }

    /// The first step that failed.
    pub fn failure(&self) -> Option<&StepRun> {
        self.steps.iter().find(|step| step.outcome == StepOutcome::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: u64, step: &str, edge: Edge) -> ClusterEvent {
        ClusterEvent {
            at: RunTime(at),
            uncertainty_us: 0,
            source: Source::Runner,
            fact: ClusterFact::Step {
                step: step.to_owned(),
                zone: Some(ZoneId(0)),
                edge,
                detail: String::new(),
            },
        }
    }

    #[test]
    fn steps_are_paired_whatever_the_order_and_a_failure_is_kept() {
        let events = [
            event(40, "start-server", Edge::Failed),
            event(30, "start-server", Edge::Begin),
            event(10, "stop-zone", Edge::Begin),
            event(20, "stop-server", Edge::Begin),
            event(25, "stop-server", Edge::End),
        ];
        let course = Course::new(&events, 1, RunTime(100));
        let found: Vec<_> =
            course.steps.iter().map(|s| (s.step.as_str(), s.begin.0, s.end.0, s.outcome)).collect();
        assert_eq!(
            found,
            [
                ("stop-zone", 10, 20, StepOutcome::Open),
                ("stop-server", 20, 25, StepOutcome::Done),
                ("start-server", 30, 40, StepOutcome::Failed),
            ]
        );
        assert_eq!(course.window, Some((RunTime(10), RunTime(40))));
        assert_eq!(course.failure().unwrap().step, "start-server");
    }
}
