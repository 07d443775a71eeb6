//! Listens to what the product tells.

use std::sync::Arc;
use std::time::Duration;

use rollproof::clock::RunClock;
use rollproof::cluster::{Cluster, control, observe};
use rollproof::collect::EventSender;
use rollproof::event::{ClusterEvent, ClusterFact, ClusterWarning, Event};
use tokio_util::sync::CancellationToken;

use super::lab::password;
use super::{Store, SysTenant};

/// An observer at work.
pub struct Watch {
    pub clock: RunClock,
    pub events: EventSender,
    queue: tokio::sync::mpsc::Receiver<Event>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    pub fn start(tenant: &SysTenant, store: &Store, steps: bool) -> Self {
        let (clock, stop) = (RunClock::start(), CancellationToken::new());
        let (events, queue) = EventSender::channel(100_000);
        let cluster: Arc<dyn Cluster> = control(&tenant.scenario(store), &password()).unwrap();
        let every = Duration::from_millis(50);
        let task = observe::listen(cluster, every, steps, clock, events.clone(), stop.clone());
        Self { clock, events, queue, stop, task: tokio::spawn(task) }
    }

    pub async fn end(mut self) -> Vec<ClusterEvent> {
        self.stop.cancel();
        self.task.await.unwrap();
        let mut told = Vec::new();
        while let Ok(Event::Cluster(event)) = self.queue.try_recv() {
            told.push(event);
        }
        told
    }
}

pub fn warnings(events: &[ClusterEvent]) -> Vec<ClusterWarning> {
    let warning = |event: &ClusterEvent| match &event.fact {
        ClusterFact::Warning { warning, .. } => Some(*warning),
        _ => None,
    };
    events.iter().filter_map(warning).collect()
}
