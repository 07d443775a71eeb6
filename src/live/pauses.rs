//! Write gaps as they are seen while they last.
//!
//! The rule is the verdict's, with what is known so far.

use std::collections::VecDeque;

use crate::event::RunTime;
use crate::gap;

/// Ended gaps that are kept.
const GAPS_MAX: usize = 100;

/// A stretch without a good write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// When the last good write before it was done.
    pub start: RunTime,
    /// When the first good write after it was done; for one that is open, the moment of the look.
    pub end: RunTime,
}

impl Gap {
    /// Length in µs.
    pub fn length_us(self) -> u64 {
        self.end.since_us(self.start)
    }
}

/// Follows good writes.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    first: Option<RunTime>,
    last: Option<RunTime>,
    writes: u64,
    baseline_us_max: u64,
    ended: VecDeque<Gap>,
    /// No write is wanted any longer.
    over: bool,
}

impl Pauses {
    /// A good write was done; gives the gap that it ended.
    pub(super) fn write(&mut self, done: RunTime, in_baseline: bool) -> Option<Gap> {
        let Some(last) = self.last else {
            (self.first, self.last) = (Some(done), Some(done));
            return None;
        };
        self.writes += 1;
        if done <= last {
            return None;
        }
        self.last = Some(done);
        let gap = Gap { start: last, end: done };
        if in_baseline {
            self.baseline_us_max = self.baseline_us_max.max(gap.length_us());
        }
        if gap.length_us() <= self.tau_us() || self.over {
            return None;
        }
        self.ended.push_back(gap);
        self.ended.drain(..self.ended.len().saturating_sub(GAPS_MAX));
        Some(gap)
    }

    /// From now on nothing new is due.
    pub(super) fn over(&mut self) {
        self.over = true;
    }

    /// The gap that is on at `at`.
    pub(super) fn open(&self, at: RunTime) -> Option<Gap> {
        let gap = Gap { start: self.last.filter(|_| !self.over)?, end: at };
        (gap.length_us() > self.tau_us()).then_some(gap)
    }

    /// The last gaps that have ended, oldest first.
    pub(super) fn ended(&self) -> Vec<Gap> {
        self.ended.iter().copied().collect()
    }

    /// No pause up to this is taken for a gap, in µs.
    pub(super) fn tau_us(&self) -> u64 {
        let length_us = self.last.zip(self.first).map_or(0, |(last, first)| last.since_us(first));
        let rate_per_s = match length_us {
            0 => 0.0,
            us => self.writes as f64 * 1e6 / us as f64,
        };
        gap::tau_us(self.baseline_us_max, rate_per_s, length_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred writes a second for ten seconds.
    fn steady() -> Pauses {
        let mut pauses = Pauses::default();
        for n in 1..=1000 {
            assert_eq!(pauses.write(RunTime(n * 10_000), true), None);
        }
        pauses
    }

    #[test]
    fn a_gap_is_open_while_it_lasts_and_counted_when_it_ends() {
        let mut pauses = steady();
        assert_eq!(pauses.open(RunTime(10_050_000)), None);
        let gap = pauses.open(RunTime(11_200_000)).unwrap();
        assert_eq!((gap.start, gap.length_us()), (RunTime(10_000_000), 1_200_000));
        let ended = pauses.write(RunTime(11_500_000), false).unwrap();
        assert_eq!(ended.length_us(), 1_500_000);
        assert_eq!((pauses.open(RunTime(11_510_000)), pauses.ended()), (None, vec![ended]));
    }

    #[test]
    fn what_the_baseline_has_shown_is_no_gap() {
        let mut pauses = steady();
        assert_eq!(pauses.tau_us() / 1000, 138, "ln(1e6)/100 s");
        pauses.write(RunTime(10_400_000), true);
        assert_eq!(pauses.tau_us() / 1000, 600);
        assert_eq!(pauses.open(RunTime(10_900_000)), None);
        pauses.over();
        assert_eq!(pauses.open(RunTime(60_000_000)), None, "nothing is due any longer");
    }
}
