//! Performs a prepared run and closes its record.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::timetable::Timetable;
use super::{Prepared, RunError, RunRequest, UpgradeRequest};
use crate::clock::RunClock;
use crate::cluster::{Cluster, adapter, observe};
use crate::collect::{Collector, EventSender};
use crate::drive::{Drive, Driven, Driver, load_settings};
use crate::event::RunTime;
use crate::live::{Live, Second};
use crate::phase::stretch;
use crate::record::{FORMAT, Manifest, RecordError, RecordWriter, SessionStyle, write_inputs};
use crate::session::{PROTOCOL, STATEMENT_STYLE};
use crate::tpcc::random::RunConstants;
use crate::upgrade::{Runner, Stop, UpgradeOutcome, UpgradeResult};

const SHOW_EVERY: Duration = Duration::from_secs(1);

/// What a run left, its directory apart.
#[derive(Debug)]
pub struct Finished {
    /// How the upgrade ended, if there was one.
    pub upgrade: Option<UpgradeResult>,
    /// The complete manifest; or why the record breaks off, which says nothing about the upgrade.
    pub record: Result<Manifest, RunError>,
}

/// Performs a run. `show` is called about once a second with what happened since.
///
/// # Errors
/// When the run cannot begin; there is no directory then.
pub async fn perform(
    prepared: &Prepared,
    stop: &Stop,
    show: impl Fn(&Second) + Send + 'static,
) -> Result<Finished, RunError> {
    let request = &prepared.request;
    let scenario = &request.scenario;
    let clock = RunClock::start();
    let watcher = adapter(&scenario.cluster, &request.password)?;
    let writer = begin_record(prepared, clock)?;
    let live = Live::new(scenario.zone_names(), scenario.load.deadline.as_us());
    let tap = live.clone();
    // The collector stops the run when it cannot write; the user stops it through `stop`.
    let stop = Stop { gently: stop.gently.child_token(), now: stop.now.clone() };
    let (events, collector) =
        Collector::start(writer, move |event| tap.observe(event), stop.gently.clone());

    let runner = match runner(request, clock, &events) {
        Ok(runner) => runner,
        Err(error) => {
            // Nothing was measured: leave no directory that looks like a run.
            drop(events);
            let _ = collector.finish(RunTime::ZERO, Some("never began".to_owned())).await;
            let _ = std::fs::remove_dir_all(&request.dir);
            return Err(error);
        }
    };
    let showing = Showing::start(live, clock, show);
    let (driven, upgrade) = drive(prepared, &watcher, runner, clock, events, &stop).await;
    drop(showing);

    let early = match &upgrade {
        Some(UpgradeResult { outcome: UpgradeOutcome::Failed { .. }, .. }) => None,
        _ => stop.gently.is_cancelled().then(|| "interrupted".to_owned()),
    };
    let inputs = write_inputs(&request.dir, &driven.inputs);
    let record = match inputs {
        Ok(()) => collector.finish(clock.now(), early).await,
        Err(error) => Err(error),
    };
    let broke_off = |source| RunError::Record { dir: request.dir.clone(), source };
    Ok(Finished { upgrade, record: record.map_err(broke_off) })
}

/// Makes the run's directory, or leaves none behind.
fn begin_record(prepared: &Prepared, clock: RunClock) -> Result<RecordWriter, RunError> {
    let dir = &prepared.request.dir;
    let writer = RecordWriter::create(dir, manifest(prepared, clock));
    let begun = writer.and_then(|writer| prepared.start.write(dir).map(|()| writer));
    begun.map_err(|error| {
        // What was there before is somebody's run.
        if !matches!(error, RecordError::Exists { .. }) {
            let _ = std::fs::remove_dir_all(dir);
        }
        RunError::Directory(error)
    })
}

fn manifest(prepared: &Prepared, clock: RunClock) -> Manifest {
    let request = &prepared.request;
    let resumed = |upgrade: &UpgradeRequest| {
        let dir = upgrade.resume.as_ref()?;
        Some(dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned())
    };
    Manifest {
        format: FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: request.run_id.clone(),
        run_number: prepared.run_number,
        origin_wall: clock.origin_wall(),
        origin_monotonic_us: clock.origin_monotonic_us(),
        shard: "1/1".to_owned(),
        scenario: request.scenario.clone(),
        sessions: Some(SessionStyle {
            statements: STATEMENT_STYLE.to_owned(),
            protocol: PROTOCOL.to_owned(),
            settings: load_settings(&request.scenario),
        }),
        upgrade: request.upgrade.as_ref().map(|upgrade| upgrade.plan.intent(resumed(upgrade))),
        completion: None,
    }
}

/// The upgrade's runner, if there is to be an upgrade.
fn runner(
    request: &RunRequest,
    clock: RunClock,
    events: &EventSender,
) -> Result<Option<Runner>, RunError> {
    let Some(settings) = request.upgrade_settings() else { return Ok(None) };
    let cluster = adapter(&request.scenario.cluster, &request.password)?;
    Ok(Some(Runner::new(settings, cluster, clock, events.clone())?))
}

/// Drives the load through the timetable; every sender of events is gone when it returns.
async fn drive(
    prepared: &Prepared,
    watcher: &Arc<dyn Cluster>,
    runner: Option<Runner>,
    clock: RunClock,
    events: EventSender,
    stop: &Stop,
) -> (Driven, Option<UpgradeResult>) {
    let request = &prepared.request;
    let scenario = &request.scenario;
    let observing = CancellationToken::new();
    let every = scenario.cluster.observe_every.0;
    let zones = scenario.zone_ids();
    let observers = observe::start(watcher, zones, every, clock, &events, &observing);
    let drive = Drive {
        scenario,
        password: &request.password,
        run_number: prepared.run_number,
        constants: RunConstants::new(scenario.workload.seed, prepared.marker.c_load),
    };
    let driver = Driver::start(drive, clock, events.clone());
    let timetable = Timetable { clock, events, stop: &stop.gently };
    let phases = &scenario.phases;
    timetable.pass(stretch::WARM_UP, phases.warm_up).await;
    timetable.pass(stretch::BASELINE, phases.baseline).await;
    let mut upgraded = None;
    match runner {
        Some(runner) if !stop.gently.is_cancelled() => {
            upgraded = Some(apart(runner, stop.clone()).await);
        }
        // Dropped here, because it holds a sender of events.
        Some(runner) => drop(runner),
        None => timetable.pass(stretch::WATCH, phases.duration).await,
    }
    timetable.pass(stretch::SETTLE, phases.settle).await;
    let whole = upgraded.as_ref().is_none_or(|result| result.outcome == UpgradeOutcome::Done);
    if whole {
        timetable.pass(stretch::FINAL, phases.final_).await;
    }
    let end = timetable.begin(stretch::DRAIN).await;
    drop(timetable);
    driver.stop(end);
    let driven = driver.join(&stop.now).await;
    observing.cancel();
    observers.ended().await;
    (driven, upgraded)
}

/// Runs the upgrade on a thread of its own: what it waits for on disk, for each line of its
/// journal, must not delay the load.
async fn apart(runner: Runner, stop: Stop) -> UpgradeResult {
    let runtime = Handle::current();
    let upgrade = tokio::task::spawn_blocking(move || runtime.block_on(runner.run(stop)));
    upgrade.await.expect("the runner neither panics nor is cancelled")
}

/// Shows what happens once a second, from a thread of its own, because whoever reads it may be
/// slow. Ends when dropped.
struct Showing {
    _ends_when_dropped: mpsc::Sender<()>,
}

impl Showing {
    fn start(live: Live, clock: RunClock, show: impl Fn(&Second) + Send + 'static) -> Self {
        let (sender, dropped) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            while dropped.recv_timeout(SHOW_EVERY) == Err(RecvTimeoutError::Timeout) {
                show(&live.second(clock.now()));
            }
        });
        Self { _ends_when_dropped: sender }
    }
}
