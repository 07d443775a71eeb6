//! The last minutes, second by second.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use super::tally::{lengths, response_us};
use crate::event::{Attempt, Grade, RunTime};

/// Seconds that are kept: ten minutes, more than the widest screen shows.
const SECONDS_MAX: usize = 600;
const SECOND_US: u64 = 1_000_000;

/// Response times in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of them took at most this.
    pub p50_us: u64,
    /// 99 of 100 took at most this.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Quantiles {
    /// Of what was recorded; `None` when nothing was.
    pub(super) fn of(response: &Histogram<u64>) -> Option<Self> {
        (!response.is_empty()).then(|| Self {
            p50_us: response.value_at_quantile(0.5),
            p99_us: response.value_at_quantile(0.99),
            max_us: response.max(),
        })
    }
}

/// What ended in one second. An event that comes to the board after its second was closed counts
/// in the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Second {
    /// Seconds from the run's origin to its beginning.
    pub number: u64,
    /// Business transactions done, in time or not.
    pub completed: u64,
    /// Those done within their deadline.
    pub good: u64,
    /// All others that ended.
    pub bad: u64,
    /// Attempts that failed and were repeated.
    pub retried: u64,
    /// Response times of completed ones; `None` without any.
    pub response: Option<Quantiles>,
}

/// The seconds so far, of which the last is still open.
#[derive(Debug)]
pub(super) struct Seconds {
    closed: VecDeque<Second>,
    open: Second,
    response: Histogram<u64>,
}

impl Default for Seconds {
    fn default() -> Self {
        Self { closed: VecDeque::new(), open: Second::default(), response: lengths() }
    }
}

impl Seconds {
    /// Closes every second that lies before `now`.
    pub(super) fn roll(&mut self, now: RunTime) {
        let number = now.as_us() / SECOND_US;
        if number <= self.open.number {
            return;
        }
        let response = Quantiles::of(&self.response);
        self.response.reset();
        let empty_from = (self.open.number + 1).max(number.saturating_sub(SECONDS_MAX as u64));
        self.closed.push_back(Second { response, ..self.open });
        self.closed
            .extend((empty_from..number).map(|number| Second { number, ..Second::default() }));
        self.closed.drain(..self.closed.len().saturating_sub(SECONDS_MAX));
        self.open = Second { number, ..Second::default() };
    }

    pub(super) fn count(&mut self, attempt: &Attempt, ended: Option<Grade>) {
        self.roll(attempt.end);
        let Some(ended) = ended else {
            self.open.retried += 1;
            return;
        };
        if ended.is_completed() {
            self.open.completed += 1;
            self.response.saturating_record(response_us(attempt));
        }
        match ended {
            Grade::Good => self.open.good += 1,
            _ => self.open.bad += 1,
        }
    }

    /// The whole seconds, oldest first.
    pub(super) fn closed(&self) -> Vec<Second> {
        self.closed.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_in_which_nothing_ended_are_there_and_empty() {
        let mut seconds = Seconds::default();
        seconds.roll(RunTime(3_500_000));
        let numbers: Vec<_> = seconds.closed().iter().map(|second| second.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        seconds.roll(RunTime(3_999_999));
        assert_eq!(seconds.closed().len(), 3, "the fourth is still open");
    }

    #[test]
    fn a_long_sleep_costs_no_more_than_what_is_kept() {
        let mut seconds = Seconds::default();
        seconds.roll(RunTime(86_400 * SECOND_US));
        let closed = seconds.closed();
        assert_eq!(closed.len(), SECONDS_MAX);
        assert_eq!(closed.last().map(|second| second.number), Some(86_399));
    }
}
