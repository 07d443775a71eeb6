//! The initial load as what the cluster is busy with, while it is watched and perhaps upgraded.
//!
//! A chunk is to a load what a transaction is to a run: due when a worker takes it, attempted until
//! it is written, and recorded attempt by attempt. Upgrade and load begin together and end apart;
//! whichever is left goes on to its own end.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::perform::{AtWork, Driven};
use super::timetable::Timetable;
use super::upgrader::Upgrader;
use super::watching::Watching;
use super::{Prepared, RunError};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::drive::Driver;
use crate::event::{Attempt, Edge, Event, TxnKind, ZoneId};
use crate::phase::stretch;
use crate::tpcc::load::LoadStage;
use crate::tpcc::{ChunkAttempt, LoadError, LoadProgress, LoadRequest, LoadSummary, load};
use crate::upgrade::Stop;

/// Attempts told and not yet recorded; beyond it the workers wait.
const ATTEMPTS_MAX: usize = 1024;

/// Loads and upgrades at the same time; every sender of events is gone when it returns. Why a load
/// is not complete is a result: what was loaded until then is on record.
///
/// # Errors
/// When the load never began to write: nothing was measured then.
pub(super) async fn drive(
    at_work: AtWork<'_>,
    upgrader: Option<Upgrader>,
    events: EventSender,
    progress: impl Fn(LoadProgress) + Send + Sync + 'static,
) -> Result<Driven, RunError> {
    let AtWork { prepared, clock, stop, .. } = at_work;
    let request = &prepared.request;
    let scenario = &request.scenario;
    let watching = Watching::start(at_work, &events);
    let timetable = Timetable { clock, events: events.clone(), stop: &stop.gently };
    timetable.begin(stretch::PREPARE).await;
    let mut loader = Loader::start(prepared, clock, events.clone(), stop, progress);
    if !loader.begins().await {
        drop((upgrader, timetable, events));
        watching.end().await;
        return match loader.end().await {
            Err(error) => Err(RunError::Load(error)),
            load => Ok(Driven { upgrade: None, inputs: None, load: Some(load) }),
        };
    }
    let driver = Driver::without_terminals(scenario, &request.password, clock, events);
    let mut upgrade = None;
    if let Some(upgrader) = upgrader {
        let undisturbed = timetable.pass(stretch::BASELINE, scenario.phases.baseline);
        tokio::select! {
            () = undisturbed => {}
            () = loader.written() => {}
        }
        if stop.gently.is_cancelled() {
            drop(upgrader);
        } else {
            upgrade = Some(upgrader.apart(stop.clone()).await);
        }
    }
    if loader.is_writing() {
        timetable.begin(stretch::LOAD).await;
        loader.written().await;
    }
    timetable.begin(stretch::DRAIN).await;
    drop(timetable);
    let load = loader.end().await;
    driver.stop(clock.now());
    driver.join(&stop.now).await;
    watching.end().await;
    Ok(Driven { upgrade, inputs: None, load: Some(load) })
}

/// The loader at work.
struct Loader {
    /// What it is doing; closed when it has ended.
    stage: watch::Receiver<LoadStage>,
    loading: JoinHandle<Result<LoadSummary, LoadError>>,
    recording: JoinHandle<()>,
}

impl Loader {
    fn start(
        prepared: &Prepared,
        clock: RunClock,
        events: EventSender,
        stop: &Stop,
        progress: impl Fn(LoadProgress) + Send + Sync + 'static,
    ) -> Self {
        let (told, attempts) = mpsc::channel(ATTEMPTS_MAX);
        let recording = tokio::spawn(record(attempts, clock, events.clone()));
        let (doing, stage) = watch::channel(LoadStage::Preparing);
        let scenario = &prepared.request.scenario;
        let request = LoadRequest {
            attempts: Some(told),
            ..LoadRequest::of(scenario, &prepared.request.password)
        };
        let stop = stop.gently.clone();
        let loading = tokio::spawn(async move {
            let progress = |now: LoadProgress| {
                doing.send_replace(now.stage);
                progress(now);
            };
            let result = load(&request, &progress, stop.clone()).await;
            let (edge, detail) = match &result {
                Ok(summary) => (Edge::End, summary.to_string()),
                Err(error) => (Edge::Failed, error.to_string()),
            };
            let timetable = Timetable { clock, events, stop: &stop };
            timetable.tell(stretch::LOAD, edge, detail).await;
            result
        });
        Self { stage, loading, recording }
    }

    /// Waits until the tables are there; false when the load has ended before.
    async fn begins(&mut self) -> bool {
        self.stage.wait_for(|stage| *stage != LoadStage::Preparing).await.is_ok()
    }

    fn is_writing(&self) -> bool {
        *self.stage.borrow() == LoadStage::Writing && !self.loading.is_finished()
    }

    /// Waits until the last chunk is written, or the load has ended without.
    async fn written(&mut self) {
        let _ = self.stage.wait_for(|stage| *stage >= LoadStage::Checking).await;
    }

    /// Waits until it has checked what it wrote, and until every attempt is recorded.
    async fn end(self) -> Result<LoadSummary, LoadError> {
        let result = self.loading.await.expect("the loader neither panics nor is cancelled");
        self.recording.await.expect("recording neither panics nor is cancelled");
        result
    }
}

/// Turns what the loader tells into attempts of the record.
async fn record(mut attempts: mpsc::Receiver<ChunkAttempt>, clock: RunClock, events: EventSender) {
    while let Some(told) = attempts.recv().await {
        events.send(Event::Attempt(attempt(&told, clock))).await;
    }
}

/// In a closed loop a chunk is due when a worker takes it.
fn attempt(told: &ChunkAttempt, clock: RunClock) -> Attempt {
    Attempt {
        terminal: told.worker,
        sequence: told.sequence,
        attempt: told.attempt,
        last: told.last,
        kind: TxnKind::LoadChunk,
        warehouse: told.warehouse,
        scheduled: clock.of(told.taken),
        start: clock.of(told.start),
        end: clock.of(told.end),
        // Endpoints are the scenario's zones, in its order.
        zone: told.endpoint.and_then(|place| u8::try_from(place).ok()).map(ZoneId),
        outcome: told.outcome,
        code: told.code,
        statement: told.statement,
    }
}
