//! What is done beside the load: observing every zone.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::perform::AtWork;
use crate::audit::SpotChecks;
use crate::cluster::observe::{self, ObserverHandle};
use crate::collect::EventSender;
use crate::event::{ZoneState, ZoneStatus};
use crate::record::Work;

/// One observer a zone and, beside a run, spot checks of its data, until [`end`](Self::end).
pub(super) struct Watching {
    observers: ObserverHandle,
    spot_checks: Option<SpotChecks>,
    listener: JoinHandle<()>,
    stop: CancellationToken,
}

impl Watching {
    pub(super) fn start(at_work: AtWork<'_>, events: &EventSender) -> Self {
        let AtWork { prepared, watcher, clock, .. } = at_work;
        let scenario = &prepared.request.scenario;
        let stop = CancellationToken::new();
        let every = scenario.cluster.observe_every.0;
        let zones = scenario.zone_ids();
        let observers = observe::start(watcher, zones, every, clock, events, &stop);
        // While rows are being loaded no condition holds.
        let loaded = prepared.request.work == Work::Run;
        let password = &prepared.request.password;
        let spot_checks =
            loaded.then(|| SpotChecks::start(scenario, password, clock, events, &stop)).flatten();
        // Where rollproof upgrades by itself, its runner knows the steps to the microsecond.
        let steps = prepared.request.upgrade.is_none();
        let (cluster, ended) = (Arc::clone(watcher), stop.clone());
        let hearing = observe::listen(cluster, every, steps, clock, events.clone(), ended);
        Self { observers, spot_checks, listener: tokio::spawn(hearing), stop }
    }

    /// Waits until every zone serves on a version.
    pub(super) async fn until_all_run(&self, version: &str) {
        let done = |zone: &ZoneStatus| zone.state == ZoneState::Serving && zone.runs(version);
        let mut statuses = self.observers.statuses.clone();
        if statuses.wait_for(|zones| zones.iter().all(done)).await.is_err() {
            // Nobody looks any longer, so it will never be seen.
            std::future::pending().await
        }
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.observers.ended().await;
        if let Some(spot_checks) = self.spot_checks {
            spot_checks.ended().await;
        }
        self.listener.await.expect("listening neither panics nor is aborted");
    }
}
