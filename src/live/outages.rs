//! Which terminals go without what they ask for, and since when.

use crate::event::{Attempt, RunTime};

/// Terminals that are followed; any more are not. A scenario has at most this many, and as many
/// executors of what they defer.
const TERMINALS_MAX: usize = 200_000;

/// Follows every terminal. A terminal's outage lasts from the scheduled time of its first bad
/// transaction to the completion of its next good one.
#[derive(Debug, Default)]
pub(super) struct Outages {
    /// When the outage that is on began, by terminal.
    running: Vec<Option<RunTime>>,
}

impl Outages {
    /// A business transaction ended; gives when the outage began that it ended.
    pub(super) fn felt(&mut self, attempt: &Attempt, good: bool) -> Option<RunTime> {
        let terminal = attempt.terminal as usize;
        if terminal >= TERMINALS_MAX {
            return None;
        }
        if terminal >= self.running.len() {
            self.running.resize(terminal + 1, None);
        }
        let running = &mut self.running[terminal];
        if good {
            return running.take();
        }
        running.get_or_insert(attempt.scheduled);
        None
    }

    /// When each outage that is on began.
    pub(super) fn open(&self) -> Vec<RunTime> {
        self.running.iter().copied().flatten().collect()
    }
}
