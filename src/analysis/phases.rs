//! The phases of a run with what each of them is to the verdict.

use crate::event::{RunTime, ZoneId};
use crate::phase::{Phase, PhaseTimeline, stretch};
use crate::spelling::spelled;

use super::course::Course;

spelled! {
    /// What a phase is to the verdict.
    pub enum Role {
        /// Before anything is judged: load of a run, preparations of a load.
        WarmUp = "warm-up",
        /// The undisturbed cluster before.
        Baseline = "baseline",
        /// From the first step of the upgrade to its last; without an upgrade, all that follows
        /// the baseline.
        Window = "window",
        /// After the upgrade.
        Aftermath = "aftermath",
        /// Nothing new is scheduled.
        Drain = "drain",
    }
}

impl Role {
    /// Whether what begins in such a phase counts in the verdict.
    pub fn is_judged(self) -> bool {
        !matches!(self, Self::WarmUp | Self::Drain)
    }
}

/// The timeline and the roles of its phases, known before the first row is read.
#[derive(Debug, Clone)]
pub(super) struct Phases {
    pub(super) timeline: PhaseTimeline,
    roles: Vec<Role>,
}

impl Phases {
    pub(super) fn new(timeline: PhaseTimeline, course: &Course) -> Self {
        let steps = |phase: &Phase| course.window.is_some() && is_step(phase);
        let phases = timeline.phases();
        let first = phases.iter().position(steps);
        let last = phases.iter().rposition(steps);
        let roles = phases
            .iter()
            .enumerate()
            .map(|(index, phase)| match phase.name.step.as_str() {
                stretch::WARM_UP | stretch::PREPARE => Role::WarmUp,
                stretch::BASELINE => Role::Baseline,
                stretch::DRAIN => Role::Drain,
                // Somebody else's upgrade may come at any moment of it.
                stretch::WATCH => Role::Window,
                _ => match (first, last) {
                    (Some(first), Some(last)) if index >= first && index <= last => Role::Window,
                    (None, None) => Role::Window,
                    _ => Role::Aftermath,
                },
            })
            .collect();
        Self { timeline, roles }
    }

    pub(super) fn len(&self) -> usize {
        self.roles.len()
    }

    pub(super) fn at(&self, at: RunTime) -> usize {
        self.timeline.index_at(at)
    }

    pub(super) fn role(&self, index: usize) -> Role {
        self.roles[index]
    }

    pub(super) fn phase(&self, index: usize) -> &Phase {
        &self.timeline.phases()[index]
    }

    /// From the first moment of a role to its last.
    pub(super) fn span(&self, role: Role) -> Option<(RunTime, RunTime)> {
        let first = self.roles.iter().position(|&own| own == role)?;
        let last = self.roles.iter().rposition(|&own| own == role)?;
        Some((self.phase(first).start, self.phase(last).end))
    }

    /// When the warm-up was over.
    pub(super) fn judged_from(&self) -> RunTime {
        self.span(Role::WarmUp).map_or(RunTime::ZERO, |(_, end)| end)
    }

    /// When the load ended: at the drain, or with the run.
    pub(super) fn load_end(&self) -> RunTime {
        let drain = self.span(Role::Drain).map(|(start, _)| start);
        drain.unwrap_or_else(|| self.timeline.phases().last().map_or(RunTime::ZERO, |p| p.end))
    }

    /// The zone under work in a phase or, where none is, the last one that was.
    pub(super) fn zone_before(&self, index: usize) -> Option<ZoneId> {
        self.timeline.phases()[..=index].iter().rev().find_map(|phase| phase.name.zone)
    }

    /// From the first moment of a zone's own turn to its last, over the steps that name it.
    pub(super) fn turn(&self, zone: ZoneId) -> Option<(RunTime, RunTime)> {
        let own = |phase: &&Phase| phase.name.zone == Some(zone);
        let phases = self.timeline.phases();
        let first = phases.iter().find(own)?;
        let last = phases.iter().rev().find(own)?;
        Some((first.start, last.end))
    }
}

/// Whether a phase is a step of an upgrade, and not a stretch of the timetable.
fn is_step(phase: &Phase) -> bool {
    super::course::is_step(phase.source, &phase.name.step)
}
