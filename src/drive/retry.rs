//! Whether a failed attempt is repeated, and when.

use crate::classify::Retry;
use crate::event::{ErrorClass, Outcome, RunTime};
use crate::scenario::RetryPolicy;

/// Pause after the first failure in a row; it doubles with every further one.
const PAUSE_US_MIN: u64 = 10_000;

/// Longest pause. Long enough that a thousand terminals facing a dead cluster cost little, short
/// enough that they notice within a blink that it is back.
const PAUSE_US_MAX: u64 = 250_000;

/// Attempts a business transaction may have, whatever its deadline.
const ATTEMPTS_MAX: u16 = 1_000;

/// Least time that is given to a transaction once others were cut short.
const MARGIN_US_MIN: u64 = 20_000;

/// What a terminal has been through since its last success, over all business transactions.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    failures: u32,
    connect_at: RunTime,
    margin_us: u64,
}

impl Trouble {
    /// No new connection before this moment: a terminal whose zones are all down must not spin.
    pub(super) fn connect_at(&self) -> RunTime {
        self.connect_at
    }

    /// Time a transaction must have left to be worth an attempt; zero until some were cut short.
    pub(super) fn margin_us(&self) -> u64 {
        self.margin_us
    }

    /// An attempt succeeded.
    pub(super) fn resolved(&mut self) {
        (self.failures, self.margin_us) = (0, 0);
    }

    /// An attempt failed at `end`; gives the moment from which the terminal may go on.
    pub(super) fn failed(&mut self, class: ErrorClass, end: RunTime, jitter: f64) -> RunTime {
        self.failures = self.failures.saturating_add(1);
        let resume_at = end.plus_us(pause_us(self.failures, jitter));
        if !class.keeps_connection() {
            self.connect_at = resume_at;
        }
        resume_at
    }

    /// An attempt was cut by its business transaction's deadline before it had a fair chance.
    ///
    /// Behind a long outage waits a backlog whose oldest transactions are always about to expire.
    /// Reconnecting for each of them, to be cut again, would keep the outage going for ever; so
    /// the time asked for doubles, up to `fair_us`, until an attempt gets through.
    pub(super) fn was_cut_short(&mut self, fair_us: u64) {
        self.margin_us = (self.margin_us * 2).max(MARGIN_US_MIN).min(fair_us);
    }
}

/// How long to wait after `failures` failures in a row, at least one: between half of the
/// exponential back-off and all of it, as `jitter` from 0 to 1 says.
fn pause_us(failures: u32, jitter: f64) -> u64 {
    let doubled = PAUSE_US_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let full = doubled.min(PAUSE_US_MAX) as f64;
    (full * (0.5 + 0.5 * jitter)) as u64
}

/// When the attempt after this one begins; `None` when this one is the last.
///
/// Never after an ambiguous commit, which might then happen twice, and never at or after the
/// business transaction's `deadline`.
pub(super) fn next_attempt(
    policy: RetryPolicy,
    outcome: Outcome,
    attempts_made: u16,
    earliest: RunTime,
    deadline: RunTime,
) -> Option<RunTime> {
    let Outcome::Failed(class) = outcome else { return None };
    let allowed = policy == RetryPolicy::Deadline
        && class.retry() != Retry::Never
        && attempts_made < ATTEMPTS_MAX;
    (allowed && earliest < deadline).then_some(earliest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes() -> impl Iterator<Item = Outcome> {
        let failed = ErrorClass::ALL.iter().copied().map(Outcome::Failed);
        let ambiguous = ErrorClass::ALL.iter().copied().map(Outcome::Ambiguous);
        let others = [Outcome::Committed, Outcome::RolledBack, Outcome::Censored, Outcome::Shed];
        failed.chain(ambiguous).chain(others)
    }

    proptest! {
        #[test]
        fn nothing_is_repeated_at_or_after_the_deadline(
            earliest in 0u64..10_000,
            deadline in 0u64..10_000,
            made in 1u16..,
        ) {
            let (earliest, deadline) = (RunTime(earliest), RunTime(deadline));
            for outcome in outcomes() {
                let next = next_attempt(RetryPolicy::Deadline, outcome, made, earliest, deadline);
                prop_assert!(next.is_none_or(|at| at < deadline && made < ATTEMPTS_MAX));
                let never = next_attempt(RetryPolicy::None, outcome, made, earliest, deadline);
                prop_assert_eq!(never, None);
            }
        }

        #[test]
        fn a_pause_grows_to_its_cap_and_never_vanishes(failures in 1u32.., jitter in 0.0..1.0f64) {
            let pause = pause_us(failures, jitter);
            prop_assert!((PAUSE_US_MIN / 2..=PAUSE_US_MAX).contains(&pause));
            prop_assert!(pause_us(failures.saturating_add(1), jitter) >= pause);
        }
    }

    #[test]
    fn only_certain_failures_of_a_repeatable_class_are_repeated() {
        for outcome in outcomes() {
            let next =
                next_attempt(RetryPolicy::Deadline, outcome, 1, RunTime(1), RunTime(2)).is_some();
            let expected = matches!(outcome, Outcome::Failed(class)
                if !matches!(class, ErrorClass::Auth | ErrorClass::Schema | ErrorClass::Data | ErrorClass::Other));
            assert_eq!(next, expected, "{outcome:?}");
        }
    }
}
