//! What a business transaction was to the one who waited for it.

use super::{Outcome, RunTime};
use crate::spelling::spelled;

spelled! {
    /// What became of a business transaction for the one who waited for it.
    pub enum Grade {
        /// Done as asked, within the deadline.
        Good = "good",
        /// Done as asked, after the deadline.
        Late = "late",
        /// Certainly not done.
        Failed = "failed",
        /// Nobody knows.
        Ambiguous = "ambiguous",
        /// Unfinished when the run ended.
        Censored = "censored",
        /// Never attempted, because the backlog was full.
        Shed = "shed",
    }
}

impl Grade {
    /// Of one that was due at `scheduled` and whose last attempt ended at `end` with `outcome`,
    /// given a deadline in µs after `scheduled`.
    pub fn of(outcome: Outcome, scheduled: RunTime, end: RunTime, deadline_us: u64) -> Self {
        match outcome {
            Outcome::Committed | Outcome::RolledBack if end.since_us(scheduled) <= deadline_us => {
                Self::Good
            }
            Outcome::Committed | Outcome::RolledBack => Self::Late,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Ambiguous(_) => Self::Ambiguous,
            Outcome::Censored => Self::Censored,
            Outcome::Shed => Self::Shed,
        }
    }

    /// Whether it was done as asked, in time or not.
    pub fn is_completed(self) -> bool {
        matches!(self, Self::Good | Self::Late)
    }

    /// Whether it is held against the cluster: what is unfinished is not yet.
    pub fn is_bad(self) -> bool {
        !matches!(self, Self::Good | Self::Censored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_good_up_to_its_deadline() {
        let ended_at = |us| Grade::of(Outcome::RolledBack, RunTime(1_000), RunTime(us), 500);
        assert_eq!((ended_at(1_500), ended_at(1_501)), (Grade::Good, Grade::Late));
        let early = Grade::of(Outcome::Censored, RunTime(1_000), RunTime(1_001), 500);
        assert_eq!((early, early.is_completed(), early.is_bad()), (Grade::Censored, false, false));
        assert!(Grade::Late.is_completed() && Grade::Late.is_bad());
    }
}
