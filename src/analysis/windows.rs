//! Figures over short windows: throughput from the upgrade on, and the return to calm.

use std::collections::BTreeMap;

use super::business::Ended;
use super::course::Course;
use super::latency::Latency;
use super::phases::{Phases, Role};
use crate::event::{Grade, RunTime, ZoneId};

/// Length of a window in which completed is held against offered, in µs.
pub const THROUGHPUT_WINDOW_US: u64 = 10_000_000;
/// Such a window begins every so many µs: what is felt does not keep to a grid.
const THROUGHPUT_STEP_US: u64 = 1_000_000;
/// Length of a window in which p99 is taken after a zone's return, in µs.
pub const RECOVERY_WINDOW_US: u64 = 5_000_000;
/// A zone's return is watched this long at most, in µs.
const RECOVERY_WATCH_US: u64 = 600_000_000;
/// Calm is p99 within this factor of the baseline's …
pub const RECOVERY_FACTOR: f64 = 1.2;
/// … or within this of it, in µs: a fifth of a p99 of a few milliseconds is nothing anyone feels.
pub const RECOVERY_FLOOR_US: u64 = 5_000;

/// What was offered and what was done in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throughput {
    /// Its first moment.
    pub start: RunTime,
    /// Business transactions due within it.
    pub offered: u64,
    /// Good ones completed within it.
    pub completed: u64,
}

impl Throughput {
    /// Completed over offered; over 1 while a backlog is worked off.
    pub fn share(&self) -> f64 {
        self.completed as f64 / self.offered as f64
    }
}

/// How long a zone's return was felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The zone.
    pub zone: ZoneId,
    /// When it was back in service.
    pub returned: RunTime,
    /// p99 of the baseline's response, in µs.
    pub baseline_p99_us: u64,
    /// Until no more than 1 % were slower than 1.2 × that (and 5 ms), as far as a window's count
    /// can be told from chance, in µs, to the length of a window; `None` when it was not so while
    /// it was watched.
    pub after_us: Option<u64>,
    /// How long it was watched, in µs.
    pub watched_us: u64,
}

/// Collects windows while transactions stream by.
#[derive(Debug)]
pub(super) struct Windows {
    /// What was offered and done in every [`THROUGHPUT_STEP_US`], by number from the run's
    /// beginning to its end.
    steps: Vec<Step>,
    end: RunTime,
    returns: Vec<Return>,
    load: Option<(RunTime, RunTime)>,
}

/// A step's offered and completed.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    offered: u64,
    completed: u64,
}

/// The stretch after a zone's return, cut into windows.
#[derive(Debug)]
struct Return {
    zone: ZoneId,
    from: RunTime,
    until: RunTime,
    windows: BTreeMap<u64, Latency>,
}

impl Windows {
    pub(super) fn new(course: &Course, phases: &Phases, end: RunTime) -> Self {
        Self { steps: Vec::new(), end, returns: returns(course, phases.load_end()), load: None }
    }

    pub(super) fn record(&mut self, Ended { whole, grade, .. }: &Ended) {
        let good = *grade == Grade::Good;
        let (first, last) = self.load.unwrap_or((whole.scheduled, whole.scheduled));
        self.load = Some((first.min(whole.scheduled), last.max(whole.scheduled)));
        self.step(whole.scheduled).offered += 1;
        if good {
            self.step(whole.end).completed += 1;
        }
        // Few: one a zone.
        let within = |r: &&mut Return| (r.from..r.until).contains(&whole.scheduled);
        for back in self.returns.iter_mut().filter(within) {
            let index = whole.scheduled.since_us(back.from) / RECOVERY_WINDOW_US;
            let window = back.windows.entry(index).or_default();
            match grade {
                Grade::Good | Grade::Late => window.record(whole.response_us()),
                _ => window.record_never(),
            }
        }
    }

    fn step(&mut self, at: RunTime) -> &mut Step {
        // Rows dated past the run's end are a problem of their own.
        let index = (at.min(self.end).0 / THROUGHPUT_STEP_US) as usize;
        if index >= self.steps.len() {
            self.steps.resize(index + 1, Step::default());
        }
        &mut self.steps[index]
    }

    /// Throughput of every window that lies within the load and ends after the upgrade began, in
    /// order of their beginnings. What comes after the upgrade may be what it left behind.
    pub(super) fn throughput(&self, phases: &Phases) -> Vec<Throughput> {
        const STEPS: usize = (THROUGHPUT_WINDOW_US / THROUGHPUT_STEP_US) as usize;
        let Some((first, last)) = self.load else { return Vec::new() };
        let Some((from, _)) = phases.span(Role::Window) else { return Vec::new() };
        let last = last.min(phases.load_end());
        let window = |(number, steps): (usize, &[Step])| Throughput {
            start: RunTime(number as u64 * THROUGHPUT_STEP_US),
            offered: steps.iter().map(|step| step.offered).sum(),
            completed: steps.iter().map(|step| step.completed).sum(),
        };
        self.steps
            .windows(STEPS)
            .enumerate()
            .map(window)
            .filter(|window| {
                let end = window.start.plus_us(THROUGHPUT_WINDOW_US);
                window.start >= first && end <= last && end > from
            })
            .filter(|window| window.offered > 0)
            .collect()
    }

    pub(super) fn recoveries(&self, baseline_p99_us: u64) -> Vec<Recovery> {
        let limit_us = ((baseline_p99_us as f64 * RECOVERY_FACTOR) as u64)
            .max(baseline_p99_us + RECOVERY_FLOOR_US);
        self.returns
            .iter()
            .map(|back| {
                let watched_us = back.until.since_us(back.from);
                let whole_windows = watched_us / RECOVERY_WINDOW_US;
                let calm = back
                    .windows
                    .iter()
                    .find(|(index, latency)| **index < whole_windows && is_calm(latency, limit_us));
                Recovery {
                    zone: back.zone,
                    returned: back.from,
                    baseline_p99_us,
                    after_us: calm.map(|(index, _)| index * RECOVERY_WINDOW_US),
                    watched_us,
                }
            })
            .collect()
    }
}

/// Whether 1 % of a window's transactions, or no more than chance makes of it, were slower than
/// `limit_us`. The p99 of a few hundred is three of them: judged by itself it would flicker. The
/// bound is three standard deviations of a Poisson count above its mean, and one for small counts.
fn is_calm(window: &Latency, limit_us: u64) -> bool {
    let expected = window.len() as f64 / 100.0;
    let by_chance = expected + 3.0 * expected.sqrt() + 1.0;
    (window.slower_than(limit_us) as f64) <= by_chance
}

/// The stretch after every return. It goes on through the next zone's turn: clients do not care
/// whose turn keeps them waiting.
fn returns(course: &Course, load_end: RunTime) -> Vec<Return> {
    let watch = |(zone, from): (ZoneId, RunTime)| {
        // One with which the load ended was not watched at all, and is not left out for that.
        let until = load_end.min(from.plus_us(RECOVERY_WATCH_US)).max(from);
        Return { zone, from, until, windows: BTreeMap::new() }
    };
    course.returns().into_iter().map(watch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(quick: u64, slow: u64, never: u64) -> Latency {
        let mut window = Latency::default();
        (0..quick).for_each(|_| window.record(1_000));
        (0..slow).for_each(|_| window.record(50_000));
        (0..never).for_each(|_| window.record_never());
        window
    }

    #[test]
    fn a_window_is_calm_unless_too_many_are_slow() {
        assert!(is_calm(&window(300, 0, 0), 10_000));
        assert!(is_calm(&window(292, 8, 0), 10_000), "chance makes 8 of 300 out of 1 %");
        assert!(!is_calm(&window(285, 15, 0), 10_000));
        assert!(!is_calm(&window(285, 0, 15), 10_000), "what never succeeded is slow");
        assert!(!is_calm(&window(9_800, 200, 0), 10_000), "2 % of many are no chance");
    }
}
