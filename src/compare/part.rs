//! The parts of a run: like is compared with like.

use crate::analysis::{Analysis, PhaseFigures, Role};
use crate::event::RunTime;
use crate::phase::stretch;
use crate::spelling::spelled;

spelled! {
    /// A part of a run that is compared with a part of another.
    pub enum Part {
        /// Nothing is done to the cluster: the baseline and, in a run without an upgrade, all that
        /// follows it.
        Steady = "steady",
        /// From the first step of the upgrade to its last.
        Upgrade = "upgrade",
        /// The undisturbed cluster after the upgrade: the phase `final`.
        After = "after",
    }
}

/// A part of the base and the part of the candidate that it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Of the base.
    pub base: Part,
    /// Of the candidate.
    pub candidate: Part,
    /// Whether it decides; otherwise it is told beside.
    pub gated: bool,
}

impl Part {
    pub(super) fn holds(self, analysis: &Analysis, phase: &PhaseFigures) -> bool {
        let upgraded = analysis.course.window.is_some();
        match self {
            Self::Steady => phase.role == Role::Baseline || phase.role == Role::Window && !upgraded,
            Self::Upgrade => phase.role == Role::Window && upgraded,
            Self::After => phase.role == Role::Aftermath && phase.phase.name.step == stretch::FINAL,
        }
    }

    /// Its phases.
    pub(super) fn phases(
        self,
        analysis: &Analysis,
    ) -> impl Iterator<Item = (usize, &PhaseFigures)> {
        let all = analysis.phases.iter().enumerate();
        all.filter(move |(_, phase)| self.holds(analysis, phase))
    }

    /// Its time, neighbouring phases joined.
    pub(super) fn spans(self, analysis: &Analysis) -> Vec<(RunTime, RunTime)> {
        let mut spans: Vec<(RunTime, RunTime)> = Vec::new();
        for (_, own) in self.phases(analysis) {
            match spans.last_mut() {
                Some(last) if last.1 == own.phase.start => last.1 = own.phase.end,
                _ => spans.push((own.phase.start, own.phase.end)),
            }
        }
        spans
    }
}

impl Pair {
    /// The same part on both sides.
    pub(super) fn same(part: Part, gated: bool) -> Self {
        Self { base: part, candidate: part, gated }
    }

    /// What came before the upgrade of one run, and what came after it.
    pub(super) fn around_upgrade(gated: bool) -> Self {
        Self { base: Part::Steady, candidate: Part::After, gated }
    }

    /// What its two sides are called: parts of one run are before and after.
    pub fn sides(&self) -> [&'static str; 2] {
        match self.base == self.candidate {
            true => ["base", "candidate"],
            false => ["before", "after"],
        }
    }

    /// Its name, as `steady` or `steady-after`.
    pub fn name(&self) -> String {
        match self.base == self.candidate {
            true => self.base.to_string(),
            false => format!("{}-{}", self.base, self.candidate),
        }
    }
}
