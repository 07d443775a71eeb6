//! Cuts a run into phases: cluster events in, a gapless [`PhaseTimeline`] out. Pure.
//!
//! Phases are half-open intervals `[start, end)` on the run's clock. Every moment of a run lies in
//! exactly one of them, so the sum over phases is always the total.

mod sources;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{ClusterEvent, ClusterFact, Edge, RunTime, Source, ZoneId};

pub use sources::{Turn, with_best_steps};

/// Stretches of the timetable that exist in every run.
pub mod stretch {
    /// A load creates database, tables and marker.
    pub const PREPARE: &str = "prepare";
    /// A load writes, and nothing is done to the cluster by rollproof.
    pub const LOAD: &str = "load";
    /// Load is on, nothing is judged yet.
    pub const WARM_UP: &str = "warm-up";
    /// The undisturbed cluster: what every later phase is held against.
    pub const BASELINE: &str = "baseline";
    /// Nothing is done to the cluster by rollproof; somebody else may.
    pub const WATCH: &str = "watch";
    /// Load goes on after the last zone is back, until the cluster is calm.
    pub const SETTLE: &str = "settle";
    /// The undisturbed cluster after the upgrade.
    pub const FINAL: &str = "final";
    /// Terminals finish what they began; nothing new is scheduled.
    pub const DRAIN: &str = "drain";
}

/// Steps of a zone's upgrade whose names the analysis knows; any other name is shown as it is.
pub mod step {
    /// Before an upgrade goes on: is the cluster as the journal says?
    pub const RESUME: &str = "resume";
    /// An upgrade failed before a zone was taken away: what was done so far is undone.
    pub const TAKE_BACK: &str = "take-back";
    /// The zone is taken out of service.
    pub const STOP_ZONE: &str = "stop-zone";
    /// The zone's server is stopped; ended when it no longer answers.
    pub const STOP_SERVER: &str = "stop-server";
    /// The zone's server is started again.
    pub const START_SERVER: &str = "start-server";
    /// The zone catches up with what the others did while it was away.
    pub const LOG_IN_SYNC: &str = "log-in-sync";
    /// The whole of a command that performs the upgrade in rollproof's place. It is no step of a
    /// zone: markers, or what observers see, cut it into those.
    pub const COMMAND: &str = "upgrade-command";
    /// Until the zone's server reports the target version.
    pub const WAIT_VERSION: &str = "wait-version";
    /// The zone is put back into service.
    pub const START_ZONE: &str = "start-zone";
}

/// What a phase is: a step, and the zone it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PhaseName {
    /// The zone under work; `None` for stretches of the whole cluster.
    pub zone: Option<ZoneId>,
    /// The step or stretch, as `stop-zone` or `baseline`.
    pub step: String,
}

/// One phase of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// What it is.
    pub name: PhaseName,
    /// First moment.
    pub start: RunTime,
    /// First moment after it.
    pub end: RunTime,
    /// Who said so.
    pub source: Source,
    /// The start may lie this many µs earlier.
    pub uncertainty_us: u64,
    /// Whether the step ended badly.
    pub failed: bool,
}

impl Phase {
    /// Length in µs.
    pub fn length_us(&self) -> u64 {
        self.end.since_us(self.start)
    }
}

/// The phases of a run, in order, without gap or overlap, from the origin to the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhaseTimeline {
    phases: Vec<Phase>,
}

impl PhaseTimeline {
    /// Cuts the time from the origin to `end` at every beginning of a step.
    ///
    /// A step lasts until the next one begins: what happens in the moments between two steps is
    /// charged to the one that just ended, because its effect is what is being felt. Events may
    /// come in any order; two beginnings at the same moment leave no empty phase behind.
    pub fn from_events<'a>(
        events: impl IntoIterator<Item = &'a ClusterEvent>,
        end: RunTime,
    ) -> Self {
        let mut begins: Vec<Phase> = Vec::new();
        let mut failures: Vec<(RunTime, PhaseName)> = Vec::new();
        for event in events {
            let ClusterFact::Step { step, zone, edge, .. } = &event.fact else { continue };
            let name = PhaseName { zone: *zone, step: step.clone() };
            match edge {
                Edge::Begin => begins.push(Phase {
                    name,
                    start: event.at,
                    end,
                    source: event.source,
                    uncertainty_us: event.uncertainty_us,
                    failed: false,
                }),
                Edge::Failed => failures.push((event.at, name)),
                Edge::End => {}
            }
        }
        begins.sort_by_key(|phase| phase.start);
        begins.retain(|phase| phase.start < end);
        match begins.first_mut() {
            // The moments before the first announcement: the tool was starting.
            Some(first) if [stretch::WARM_UP, stretch::PREPARE].contains(&&*first.name.step) => {
                first.start = RunTime::ZERO;
            }
            Some(first) if first.start == RunTime::ZERO => {}
            _ => begins.insert(0, Self::opening(end)),
        }
        for index in 1..begins.len() {
            begins[index - 1].end = begins[index].start;
        }
        for (at, name) in failures {
            let began = begins.iter_mut().rev().find(|p| p.name == name && p.start <= at);
            if let Some(phase) = began {
                phase.failed = true;
            }
        }
        begins.retain(|phase| phase.start < phase.end);
        Self { phases: begins }
    }

    /// The phase before the first event: the tool was connecting and warming up.
    fn opening(end: RunTime) -> Phase {
        Phase {
            name: PhaseName { zone: None, step: stretch::WARM_UP.to_owned() },
            start: RunTime::ZERO,
            end,
            source: Source::Timetable,
            uncertainty_us: 0,
            failed: false,
        }
    }

    /// The phases, in order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Index of the phase that holds `at`. Moments at or after the end belong to the last phase,
    /// so that a transaction scheduled in the run's last microsecond is counted too.
    pub fn index_at(&self, at: RunTime) -> usize {
        self.phases.partition_point(|phase| phase.start <= at).saturating_sub(1)
    }

    /// First phase with this step, of whatever zone.
    pub fn first(&self, step: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.name.step == step)
    }
}

impl PhaseName {
    /// `zone2/stop-server` or `baseline`, with the zone's own name.
    pub fn label<'a>(&'a self, zones: &'a [String]) -> impl fmt::Display + 'a {
        Label { name: self, zones }
    }
}

struct Label<'a> {
    name: &'a PhaseName,
    zones: &'a [String],
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.zone.map(|zone| (zone, self.zones.get(zone.index()))) {
            None => f.pad(&self.name.step),
            Some((_, Some(zone))) => f.pad(&format!("{zone}/{}", self.name.step)),
            Some((id, None)) => f.pad(&format!("zone#{}/{}", id.0, self.name.step)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(at: u64, step: &str, zone: Option<u8>, edge: Edge) -> ClusterEvent {
        ClusterEvent {
            at: RunTime(at),
            uncertainty_us: 0,
            source: Source::Runner,
            fact: ClusterFact::Step {
                step: step.to_owned(),
                zone: zone.map(ZoneId),
                edge,
                detail: String::new(),
            },
        }
    }

    #[test]
    fn a_step_lasts_until_the_next_begins() {
        let events = [
            step(0, "warm-up", None, Edge::Begin),
            step(10, "baseline", None, Edge::Begin),
            step(30, "stop-zone", Some(0), Edge::Begin),
            step(35, "stop-zone", Some(0), Edge::End),
            step(40, "stop-server", Some(0), Edge::Begin),
            step(41, "stop-server", Some(0), Edge::Failed),
        ];
        let timeline = PhaseTimeline::from_events(&events, RunTime(100));
        let spans: Vec<_> =
            timeline.phases().iter().map(|p| (p.name.step.as_str(), p.start.0, p.end.0)).collect();
        assert_eq!(
            spans,
            [
                ("warm-up", 0, 10),
                ("baseline", 10, 30),
                ("stop-zone", 30, 40),
                ("stop-server", 40, 100)
            ]
        );
        assert!(timeline.phases()[3].failed && !timeline.phases()[2].failed);
        assert_eq!(timeline.index_at(RunTime(29)), 1);
        assert_eq!(timeline.index_at(RunTime(30)), 2);
        assert_eq!(timeline.index_at(RunTime(100_000)), 3);
    }

    #[test]
    fn a_run_without_events_is_one_phase() {
        let timeline = PhaseTimeline::from_events(&[], RunTime(7));
        assert_eq!(timeline.phases().len(), 1);
        assert_eq!(timeline.phases()[0].length_us(), 7);
    }

    proptest! {
        #[test]
        fn phases_tile_the_run_whatever_the_events(
            mut starts in proptest::collection::vec(0_u64..1000, 0..20),
            end in 1_u64..1000,
        ) {
            let events: Vec<_> = starts.iter().map(|&at| step(at, "s", Some(1), Edge::Begin)).collect();
            let timeline = PhaseTimeline::from_events(&events, RunTime(end));
            let total: u64 = timeline.phases().iter().map(Phase::length_us).sum();
            prop_assert_eq!(total, end);
            for pair in timeline.phases().windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            starts.reverse();
            let reversed: Vec<_> = starts.iter().map(|&at| step(at, "s", Some(1), Edge::Begin)).collect();
            prop_assert_eq!(timeline, PhaseTimeline::from_events(&reversed, RunTime(end)));
        }
    }
}
