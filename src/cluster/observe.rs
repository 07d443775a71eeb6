//! Looks at every zone all the time and tells what changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Cluster, Told};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ClusterEvent, ClusterFact, Event, Source, ZoneId, ZoneState, ZoneStatus};

/// A zone that has not answered a look by then is down, whatever it may be doing.
pub const LOOK_DEADLINE: Duration = Duration::from_secs(1);

/// Hearing the product out takes several questions.
const HEAR_DEADLINE: Duration = Duration::from_secs(3);

/// The running observers.
pub struct ObserverHandle {
    /// The latest status of every zone, in the scenario's order. Before the first look a zone is
    /// `down`: nothing is known of it.
    pub statuses: watch::Receiver<Vec<ZoneStatus>>,
    tasks: JoinSet<()>,
}

impl ObserverHandle {
    /// Waits until every observer has ended; they do so soon after their token is cancelled.
    pub async fn ended(self) {
        self.tasks.join_all().await;
    }
}

/// Starts one observer for each of `zones` zones, which looks at it every `every`, sends an event
/// for the first look and for every change after it, and ends when `stop` is cancelled.
///
/// `cluster` should be an instance of the observers' own: they keep its sessions busy.
pub fn start(
    cluster: &Arc<dyn Cluster>,
    zones: impl IntoIterator<Item = ZoneId>,
    every: Duration,
    clock: RunClock,
    events: &EventSender,
    stop: &CancellationToken,
) -> ObserverHandle {
    let zones: Vec<ZoneId> = zones.into_iter().collect();
    let (latest, statuses) = watch::channel(zones.iter().map(|&zone| unseen(zone)).collect());
    let latest = Arc::new(latest);
    let mut tasks = JoinSet::new();
    for (place, zone) in zones.into_iter().enumerate() {
        let observer = Observer {
            cluster: Arc::clone(cluster),
            zone,
            place,
            every,
            clock,
            events: events.clone(),
            latest: Arc::clone(&latest),
        };
        let stop = stop.clone();
        tasks.spawn(async move {
            stop.run_until_cancelled(observer.watch()).await;
        });
    }
    ObserverHandle { statuses, tasks }
}

/// Passes on what the product tells of an upgrade's course, asking every `every` until `stop` is
/// cancelled. Its warnings always; its steps only where `steps` says that nobody knows them better.
pub async fn listen(
    cluster: Arc<dyn Cluster>,
    every: Duration,
    steps: bool,
    clock: RunClock,
    events: EventSender,
    stop: CancellationToken,
) {
    let pass_on = async |told: Vec<Told>| {
        let now = Instant::now();
        for Told { ago, uncertainty, fact } in told {
            if !steps && matches!(fact, ClusterFact::Step { .. }) {
                continue;
            }
            let at = clock.of(now.checked_sub(ago).unwrap_or(now));
            let uncertainty_us = u64::try_from(uncertainty.as_micros()).unwrap_or(u64::MAX);
            let event = ClusterEvent { at, uncertainty_us, source: Source::Observer, fact };
            events.send(Event::Cluster(event)).await;
        }
    };
    let hear = async {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(told) = cluster.hear(Instant::now() + HEAR_DEADLINE).await else { return };
            pass_on(told).await;
        }
    };
    stop.run_until_cancelled(hear).await;
    pass_on(cluster.hear_last().await).await;
}

fn unseen(zone: ZoneId) -> ZoneStatus {
    ZoneStatus {
        zone,
        state: ZoneState::Down,
        version: None,
        cluster_size: None,
        detail: "not looked at yet".to_owned(),
    }
}

struct Observer {
    cluster: Arc<dyn Cluster>,
    zone: ZoneId,
    place: usize,
    every: Duration,
    clock: RunClock,
    events: EventSender,
    latest: Arc<watch::Sender<Vec<ZoneStatus>>>,
}

impl Observer {
    async fn watch(self) {
        let mut ticks = interval(self.every);
        // After a look that took its time the next one is due `every` later: a dead zone is not
        // met with a burst of connections.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut previous: Option<Instant> = None;
        let mut told: Option<ZoneStatus> = None;
        loop {
            ticks.tick().await;
            let began = Instant::now();
            let status = self.cluster.look(self.zone, began + LOOK_DEADLINE).await;
            if told.as_ref() != Some(&status) {
                // What the previous look saw was true when it began, at the latest.
                self.tell(status.clone(), previous.unwrap_or(began)).await;
                told = Some(status);
            }
            previous = Some(began);
        }
    }

    async fn tell(&self, status: ZoneStatus, not_before: Instant) {
        self.latest.send_modify(|all| all[self.place] = status.clone());
        let at = self.clock.now();
        let event = ClusterEvent {
            at,
            uncertainty_us: at.since_us(self.clock.of(not_before)),
            source: Source::Observer,
            fact: ClusterFact::Zone(status),
        };
        self.events.send(Event::Cluster(event)).await;
    }
}
