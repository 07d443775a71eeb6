//! Arrival times of one terminal in the open loop, computed ahead and never from completions.

use std::collections::VecDeque;

use crate::event::RunTime;
use crate::scenario::{Arrivals, Load};
use crate::tpcc::random::{Purpose, Stream};

/// The endless arrivals of one terminal, in order.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    begin: RunTime,
    spacing: Spacing,
}

#[derive(Debug, Clone)]
enum Spacing {
    /// Every arrival of the run has a number, evenly spaced; a terminal owns every `step`th.
    /// Multiplying instead of adding keeps rounding from growing with the run.
    Constant { number: u64, step: u64, us_each: f64 },
    /// Gaps are exponentially distributed, and those of all terminals together are so too.
    Poisson { elapsed_us: u64, mean_us: f64, stream: Stream },
}

impl Schedule {
    /// The arrivals of `terminal`, from `begin` on. `load.rate` is that of all terminals together.
    pub(super) fn new(load: &Load, seed: u64, terminal: u32, begin: RunTime) -> Self {
        let rate = load.rate.per_second().expect("the rate is known before the load begins");
        let us_each = 1e6 / rate;
        let step = u64::from(load.terminals);
        let spacing = match load.arrivals {
            Arrivals::Constant => Spacing::Constant { number: u64::from(terminal), step, us_each },
            Arrivals::Poisson => Spacing::Poisson {
                elapsed_us: 0,
                mean_us: us_each * step as f64,
                stream: Stream::new(seed, Purpose::Arrivals, [terminal.into(), 0, 0]),
            },
        };
        Self { begin, spacing }
    }
}

impl Iterator for Schedule {
    type Item = RunTime;

    fn next(&mut self) -> Option<RunTime> {
        let elapsed_us = match &mut self.spacing {
            Spacing::Constant { number, step, us_each } => {
                let elapsed_us = (*number as f64 * *us_each).round() as u64;
                *number += *step;
                elapsed_us
            }
            Spacing::Poisson { elapsed_us, mean_us, stream } => {
                let gap_us = -stream.unit().ln() * *mean_us;
                *elapsed_us += gap_us.round() as u64;
                *elapsed_us
            }
        };
        Some(self.begin.plus_us(elapsed_us))
    }
}

/// Decides which arrivals find the backlog full.
///
/// A terminal deals with its arrivals one after the other, so an arrival is waiting from its
/// scheduled time until the terminal gets to it. Remembering when it got to the last few is
/// enough to say, even long afterwards, how many were waiting when a later one arrived.
#[derive(Debug)]
pub(super) struct Backlog {
    begun: VecDeque<RunTime>,
    max: usize,
}

impl Backlog {
    /// Room for `max` waiting arrivals.
    pub(super) fn new(max: u32) -> Self {
        Self { begun: VecDeque::new(), max: max as usize }
    }

    /// Whether there was room at `arrival`. Ask in the order of arrivals.
    pub(super) fn admits(&mut self, arrival: RunTime) -> bool {
        while self.begun.front().is_some_and(|&begun| begun <= arrival) {
            self.begun.pop_front();
        }
        self.begun.len() < self.max
    }

    /// The arrival admitted last was begun at `at`.
    pub(super) fn began(&mut self, at: RunTime) {
        self.begun.push_back(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::scenario::Rate;

    use super::*;

    fn load(rate: f64, terminals: u32, arrivals: Arrivals) -> Load {
        Load { rate: Rate::PerSecond(rate), terminals, arrivals, ..Load::default() }
    }

    fn until(schedule: Schedule, end_us: u64) -> Vec<u64> {
        schedule.map(RunTime::as_us).take_while(|&at| at < end_us).collect()
    }

    fn of_all(load: &Load, seed: u64, end_us: u64) -> Vec<u64> {
        let one = |terminal| until(Schedule::new(load, seed, terminal, RunTime::ZERO), end_us);
        let mut all: Vec<_> = (0..load.terminals).flat_map(one).collect();
        all.sort_unstable();
        all
    }

    proptest! {
        #[test]
        fn constant_arrivals_of_all_terminals_are_evenly_spaced(
            rate in 1.0..5_000.0f64,
            terminals in 1u32..200,
        ) {
            let all = of_all(&load(rate, terminals, Arrivals::Constant), 1, 10_000_000);
            let expected = 10.0 * rate;
            prop_assert!((all.len() as f64 - expected).abs() <= 1.0, "{} of {expected}", all.len());
            for (number, &at) in all.iter().enumerate() {
                let due = number as f64 * 1e6 / rate;
                prop_assert!((at as f64 - due).abs() <= 0.51, "{number}: {at} instead of {due}");
            }
        }

        #[test]
        fn arrivals_are_ordered_and_only_the_seed_decides(
            rate in 1.0..5_000.0f64,
            terminals in 1u32..50,
            seed: u64,
            poisson: bool,
            begin in 0u64..1_000_000,
        ) {
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
            let load = load(rate, terminals, arrivals);
            let at = |begin| Schedule::new(&load, seed, terminals - 1, RunTime(begin)).take(100);
            let first: Vec<_> = at(begin).collect();
            prop_assert_eq!(&first, &at(begin).collect::<Vec<_>>());
            prop_assert!(first.is_sorted());
            let shifted = at(0).map(|arrival| arrival.plus_us(begin)).collect::<Vec<_>>();
            prop_assert_eq!(first, shifted);
        }

        /// Against the obvious model: a queue that is filled and emptied as time passes.
        #[test]
        fn the_backlog_sheds_what_a_queue_would(
            gaps in prop::collection::vec((0u64..20, 0u64..60), 1..200),
            max in 1u32..8,
        ) {
            let (mut backlog, mut free, mut arrival) = (Backlog::new(max), 0, 0);
            let mut begun_at: Vec<u64> = Vec::new();
            for (gap, service) in gaps {
                arrival += gap;
                let waiting = begun_at.iter().filter(|&&begun| begun > arrival).count();
                let admitted = backlog.admits(RunTime(arrival));
                prop_assert_eq!(admitted, waiting < max as usize);
                if admitted {
                    let begun = free.max(arrival);
                    backlog.began(RunTime(begun));
                    begun_at.push(begun);
                    free = begun + service;
                }
            }
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_their_name() {
        let all = of_all(&load(500.0, 20, Arrivals::Poisson), 7, 100_000_000);
        // 50 000 expected, one standard deviation is 224.
        assert!((all.len() as f64 - 50_000.0).abs() < 1_000.0, "{}", all.len());
        let gaps: Vec<_> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((variation - 1.0).abs() < 0.03, "coefficient of variation {variation}");
    }

    #[test]
    fn the_same_seed_gives_the_same_poisson_arrivals_on_every_machine() {
        let load = load(100.0, 10, Arrivals::Poisson);
        let first: Vec<_> =
            Schedule::new(&load, 42, 3, RunTime::ZERO).take(4).map(RunTime::as_us).collect();
        assert_eq!(first, [193_210, 301_227, 308_088, 365_092]);
        let other = Schedule::new(&load, 43, 3, RunTime::ZERO).next();
        assert_ne!(other.map(RunTime::as_us), first.first().copied());
    }
}
