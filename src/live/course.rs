//! The phases so far, by the rules of the record's timeline, and what was counted in each.

use crate::event::{Attempt, Edge, Grade, RunTime, Source, ZoneId, ZoneState};
use crate::phase::{PhaseName, Turn, step, stretch};

use super::tally::PhaseTally;

/// Phases that are told apart; any more count as the last of them.
const PHASES_MAX: usize = 256;
/// Beginnings of phases that are remembered; after them the last phase goes on.
const POINTS_MAX: usize = 4096;

/// Who says that a phase began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The timetable, or a wrapped command as a whole: it stands whoever tells of steps.
    Timetable,
    /// A step told by somebody.
    Told(Source),
    /// A step read off a zone's change, because nobody tells any.
    Seen,
}

/// A moment at which a phase begins.
#[derive(Debug, Clone, Copy)]
struct Point {
    start: RunTime,
    tally: usize,
    by: By,
}

/// The run's way through its phases. It always has one.
#[derive(Debug)]
pub(super) struct Course {
    points: Vec<Point>,
    tallies: Vec<PhaseTally>,
    told: Option<Source>,
    turns: Vec<Turn>,
    failed: bool,
}

impl Course {
    /// Before the first announcement the tool is starting.
    pub(super) fn new(zones: usize, opening: &str) -> Self {
        let name = PhaseName { zone: None, step: opening.to_owned() };
        Self {
            points: vec![Point { start: RunTime::ZERO, tally: 0, by: By::Timetable }],
            tallies: vec![PhaseTally::new(name)],
            told: None,
            turns: vec![Turn::default(); zones],
            failed: false,
        }
    }

    /// Somebody tells of a step or a stretch; false when somebody better is believed instead.
    pub(super) fn step(
        &mut self,
        at: RunTime,
        source: Source,
        name: &PhaseName,
        edge: Edge,
    ) -> bool {
        let by = match source {
            Source::Timetable => By::Timetable,
            _ if name.step == step::COMMAND => By::Timetable,
            _ => By::Told(source),
        };
        if by == By::Told(source) {
            if self.told.is_some_and(|told| told < source) {
                return false;
            }
            if self.told != Some(source) {
                self.told = Some(source);
                self.points.retain(|point| point.by == By::Timetable);
            }
        }
        match edge {
            Edge::Begin => self.begin(at, name, by),
            Edge::Failed => self.failed |= self.now().0.name == *name,
            Edge::End => {}
        }
        true
    }

    /// A zone is seen in a state: perhaps a step, where nobody tells of any.
    pub(super) fn zone(&mut self, at: RunTime, zone: ZoneId, state: ZoneState) {
        let Some(turn) = self.turns.get_mut(zone.index()) else { return };
        let steps = turn.goes_on(state);
        if let (Some(step), None, true) = (steps.last(), self.told, self.is_watched()) {
            let name = PhaseName { zone: Some(zone), step: (*step).to_owned() };
            self.begin(at, &name, By::Seen);
        }
    }

    /// Whether somebody else may be upgrading.
    fn is_watched(&self) -> bool {
        let by_others = [stretch::WATCH, stretch::LOAD, step::COMMAND];
        self.points.last().is_some_and(|point| point.by == By::Seen)
            || by_others.contains(&self.now().0.name.step.as_str())
    }

    fn begin(&mut self, at: RunTime, name: &PhaseName, by: By) {
        let tally = self.tallies.iter().position(|tally| tally.name == *name);
        let tally = tally.unwrap_or_else(|| {
            if self.tallies.len() < PHASES_MAX {
                self.tallies.push(PhaseTally::new(name.clone()));
            }
            self.tallies.len() - 1
        });
        if self.points.len() < POINTS_MAX {
            let place = self.points.partition_point(|point| point.start <= at);
            self.points.insert(place, Point { start: at, tally, by });
        }
        self.failed = false;
    }

    /// The phase that is on, since when, and whether it failed.
    pub(super) fn now(&self) -> (&PhaseTally, RunTime, bool) {
        let point = self.points.last().expect("the first point stands for ever");
        (&self.tallies[point.tally], point.start, self.failed)
    }

    /// Which of the [`tallies`](Self::tallies) holds `at`.
    pub(super) fn at(&self, at: RunTime) -> usize {
        let place = self.points.partition_point(|point| point.start <= at);
        self.points[place.saturating_sub(1)].tally
    }

    /// The phase that holds `at`.
    pub(super) fn tally_at(&mut self, at: RunTime) -> &mut PhaseTally {
        let index = self.at(at);
        &mut self.tallies[index]
    }

    pub(super) fn count(&mut self, attempt: &Attempt, ended: Option<Grade>) {
        self.tally_at(attempt.scheduled).count(attempt, ended);
    }

    /// Every phase there was, in the order in which they first began.
    pub(super) fn tallies(&self) -> &[PhaseTally] {
        &self.tallies
    }

    /// Whether any step of an upgrade was told or seen.
    pub(super) fn has_steps(&self) -> bool {
        self.points.iter().any(|point| point.by != By::Timetable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(zone: Option<u8>, step: &str) -> PhaseName {
        PhaseName { zone: zone.map(ZoneId), step: step.to_owned() }
    }

    fn course() -> Course {
        let mut course = Course::new(2, stretch::WARM_UP);
        for (at, name) in [(10, stretch::BASELINE), (20, stretch::WATCH)] {
            assert!(course.step(
                RunTime(at),
                Source::Timetable,
                &self::name(None, name),
                Edge::Begin
            ));
        }
        course
    }

    #[test]
    fn a_moment_belongs_to_the_phase_that_began_last() {
        let course = course();
        let at = |us| course.tallies()[course.at(RunTime(us))].name.step.clone();
        assert_eq!(
            [0, 9, 10, 19, 20, 99].map(at),
            ["warm-up", "warm-up", "baseline", "baseline", "watch", "watch"]
        );
    }

    #[test]
    fn steps_are_read_off_the_zones_until_somebody_tells_them() {
        let mut course = course();
        course.zone(RunTime(21), ZoneId(0), ZoneState::Serving);
        course.zone(RunTime(30), ZoneId(0), ZoneState::Down);
        assert_eq!(course.now().0.name, name(Some(0), step::STOP_SERVER));
        course.zone(RunTime(40), ZoneId(0), ZoneState::Serving);
        assert_eq!(course.now().0.name, name(Some(0), step::START_ZONE));
        let stop = name(Some(1), step::STOP_ZONE);
        assert!(course.step(RunTime(50), Source::Marker, &stop, Edge::Begin));
        assert_eq!(course.tallies()[course.at(RunTime(45))].name.step, stretch::WATCH);
        assert!(!course.step(RunTime(60), Source::Observer, &stop, Edge::Begin));
        assert!(course.step(RunTime(60), Source::Marker, &stop, Edge::Failed));
        assert_eq!((course.now().1, course.now().2), (RunTime(50), true));
    }
}
