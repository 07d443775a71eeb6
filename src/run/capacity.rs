//! What the cluster carries, for a rate that is to follow from it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::RunError;
use crate::clock::RunClock;
use crate::collect::{EventSender, QUEUE_MAX};
use crate::drive::{Drive, Driver};
use crate::event::{Event, RunTime};
use crate::record::Capacity;
use crate::scenario::{Load, LoadModel, Rate, Scenario};

/// Connections are made and caches filled before anything is counted.
const WARM_UP: Duration = Duration::from_secs(3);
/// How long is counted.
const COUNTED: Duration = Duration::from_secs(10);
/// The share that is offered of what all zones but one would carry: the load that a stopped zone
/// leaves behind, and what waits meanwhile, must find room.
const SHARE: f64 = 0.5;

/// Drives the cluster as hard as the scenario's terminals can, for a short while.
///
/// # Errors
/// When not one transaction succeeded.
pub(super) async fn measure(drive: Drive<'_>) -> Result<Capacity, RunError> {
    let scenario = drive.scenario;
    let load = Load { model: LoadModel::Max, ..scenario.load.clone() };
    let hard = Scenario { load, ..scenario.clone() };
    let (events, mut queue) = EventSender::channel(QUEUE_MAX);
    let clock = RunClock::start();
    let driver = Driver::start(Drive { scenario: &hard, ..drive }, clock, events);
    let from = RunTime::from_duration(WARM_UP);
    let until = RunTime::from_duration(WARM_UP + COUNTED);
    driver.stop(until);
    let counting = tokio::spawn(async move {
        let mut done = 0_u64;
        while let Some(event) = queue.recv().await {
            let Event::Attempt(attempt) = event else { continue };
            done += u64::from(attempt.outcome.is_success() && (from..until).contains(&attempt.end));
        }
        done
    });
    driver.join(&CancellationToken::new()).await;
    let done = counting.await.expect("counting neither panics nor is cancelled");
    if done == 0 {
        return Err(RunError::NoCapacity { counted: COUNTED });
    }
    let zones = u32::try_from(scenario.cluster.zones.len()).expect("at most 64");
    Ok(Capacity {
        per_second: done as f64 / COUNTED.as_secs_f64(),
        measured_us: RunTime::from_duration(COUNTED).as_us(),
        terminals: scenario.load.terminals,
        zones,
        share: share(zones),
    })
}

fn share(zones: u32) -> f64 {
    let left = f64::from(zones.saturating_sub(1).max(1)) / f64::from(zones.max(1));
    SHARE * left
}

/// The rate that follows, to whole transactions a second where there are some.
pub(super) fn rate(capacity: &Capacity) -> Rate {
    let rate = capacity.per_second * capacity.share;
    Rate::PerSecond(if rate >= 1.0 { rate.floor() } else { rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_leaves_room_for_a_zone_that_is_gone() {
        let of = |per_second, zones| {
            let share = share(zones);
            rate(&Capacity { per_second, measured_us: 1, terminals: 1, zones, share })
        };
        assert_eq!(of(301.0, 3), Rate::PerSecond(100.0));
        assert_eq!(of(301.0, 5), Rate::PerSecond(120.0));
        assert_eq!(of(301.0, 1), Rate::PerSecond(150.0), "one zone cannot be upgraded in turn");
        assert_eq!(of(0.9, 3), Rate::PerSecond(0.9 * share(3)));
    }
}
