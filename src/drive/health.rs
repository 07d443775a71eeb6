//! What the probes know about every zone, for terminals that wonder whether to go back to it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::classify::Retry;
use crate::event::{ErrorClass, RunTime, ZoneId};

/// Stands for "does not serve".
const NOT_SERVING: u64 = u64::MAX;

/// Since when each zone has been serving. Written by its prober, read by thousands of terminals.
#[derive(Debug)]
pub(super) struct Health {
    serving_since_us: Vec<AtomicU64>,
}

impl Health {
    /// Every zone is taken to be serving until a probe says otherwise.
    pub(super) fn new(zones: usize) -> Self {
        Self { serving_since_us: (0..zones).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Takes in the result of a probe that began at `start`. Failures that do not mean "go
    /// elsewhere", as a missing table, say nothing about the zone.
    pub(super) fn learn(&self, zone: ZoneId, start: RunTime, failure: Option<ErrorClass>) {
        // The zone's value has one writer, and readers need no order with anything else.
        let since = &self.serving_since_us[zone.index()];
        match failure {
            Some(class) if class.retry() == Retry::OtherEndpoint => {
                since.store(NOT_SERVING, Ordering::Relaxed);
            }
            Some(_) => {}
            None if since.load(Ordering::Relaxed) == NOT_SERVING => {
                since.store(start.as_us(), Ordering::Relaxed);
            }
            None => {}
        }
    }

    /// Since when `zone` has been serving; `None` while it does not.
    pub(super) fn serving_since(&self, zone: ZoneId) -> Option<RunTime> {
        let since = self.serving_since_us[zone.index()].load(Ordering::Relaxed);
        (since != NOT_SERVING).then_some(RunTime(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_begins_with_the_first_good_probe_after_a_bad_one() {
        let (health, zone) = (Health::new(1), ZoneId(0));
        assert_eq!(health.serving_since(zone), Some(RunTime(0)));
        health.learn(zone, RunTime(5), Some(ErrorClass::Schema));
        assert_eq!(health.serving_since(zone), Some(RunTime(0)));
        health.learn(zone, RunTime(10), Some(ErrorClass::Refused));
        assert_eq!(health.serving_since(zone), None);
        health.learn(zone, RunTime(20), None);
        health.learn(zone, RunTime(30), None);
        assert_eq!(health.serving_since(zone), Some(RunTime(20)));
    }
}
