//! Performs a prepared run and closes its record.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::timetable::Timetable;
use super::{Prepared, RunError, UpgradeRequest};
use crate::clock::RunClock;
use crate::cluster::{adapter, observe};
use crate::collect::{Collector, EventSender};
use crate::drive::{Drive, Driven, Driver, load_settings};
use crate::event::RunTime;
use crate::live::{Live, Second};
use crate::phase::stretch;
use crate::record::{FORMAT, Manifest, RecordWriter, SessionStyle, write_inputs};
use crate::session::{PROTOCOL, STATEMENT_STYLE};
use crate::tpcc::random::RunConstants;
use crate::upgrade::{Runner, Settings, Stop, UpgradeOutcome, UpgradeResult};

/// What a run left, its directory apart.
#[derive(Debug)]
pub struct Finished {
    /// The complete manifest.
    pub manifest: Manifest,
    /// How the upgrade ended, if there was one.
    pub upgrade: Option<UpgradeResult>,
}

/// Performs a run. `show` is called about once a second with what happened since.
///
/// # Errors
/// When the upgrade cannot begin, or the record cannot be written; the run has been stopped then.
pub async fn perform(
    prepared: &Prepared,
    stop: &Stop,
    show: impl Fn(&Second) + Send + 'static,
) -> Result<Finished, RunError> {
    let request = &prepared.request;
    let scenario = &request.scenario;
    let clock = RunClock::start();
    let writer = RecordWriter::create(&request.dir, manifest(prepared, clock))?;
    prepared.start.write(&request.dir)?;
    let live = Live::new(scenario.zone_names(), scenario.load.deadline.as_us());
    let tap = live.clone();
    // The collector stops the run when it cannot write; the user stops it through `stop`.
    let stop = Stop { gently: stop.gently.child_token(), now: stop.now.clone() };
    let (events, collector) =
        Collector::start(writer, move |event| tap.observe(event), stop.gently.clone());

    let runner = match &request.upgrade {
        None => None,
        Some(upgrade) => match runner(prepared, upgrade, clock, &events) {
            Ok(runner) => Some(runner),
            Err(error) => {
                // Nothing was measured: leave no directory that looks like a run.
                drop(events);
                let _ = collector.finish(RunTime::ZERO, Some("never began".to_owned())).await;
                let _ = std::fs::remove_dir_all(&request.dir);
                return Err(error);
            }
        },
    };
    let showing = show_every_second(live, clock, show);
    let (driven, upgrade) = drive(prepared, runner, clock, events, &stop).await?;
    showing.abort();
    write_inputs(&request.dir, &driven.inputs)?;

    let early = match &upgrade {
        Some(UpgradeResult { outcome: UpgradeOutcome::Failed { .. }, .. }) => None,
        _ => stop.gently.is_cancelled().then(|| "interrupted".to_owned()),
    };
    let manifest = collector.finish(clock.now(), early).await?;
    Ok(Finished { manifest, upgrade })
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

fn runner(
    prepared: &Prepared,
    upgrade: &UpgradeRequest,
    clock: RunClock,
    events: &EventSender,
) -> Result<Runner, RunError> {
    let request = &prepared.request;
    let cluster = adapter(&request.scenario.cluster, &request.password)?;
    let settings = Settings {
        plan: upgrade.plan.clone(),
        zones: request.scenario.cluster.zones.clone(),
        run_dir: request.dir.clone(),
        resume: upgrade.resume.clone(),
        allow_unsafe: upgrade.allow_unsafe,
        resume_hint: upgrade.resume_hint.clone(),
    };
    Ok(Runner::new(settings, cluster, clock, events.clone())?)
}

/// Drives the load through the timetable; every sender of events is gone when it returns.
async fn drive(
    prepared: &Prepared,
    runner: Option<Runner>,
    clock: RunClock,
    events: EventSender,
    stop: &Stop,
) -> Result<(Driven, Option<UpgradeResult>), RunError> {
    let request = &prepared.request;
    let scenario = &request.scenario;
    let watcher = adapter(&scenario.cluster, &request.password)?;
    let observing = CancellationToken::new();
    let every = scenario.cluster.observe_every.0;
    let zones = scenario.zone_ids();
    let observers = observe::start(&watcher, zones, every, clock, &events, &observing);
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
            upgraded = Some(runner.run(stop.clone()).await);
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
    Ok((driven, upgraded))
}

fn show_every_second(
    live: Live,
    clock: RunClock,
    show: impl Fn(&Second) + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        seconds.tick().await;
        loop {
            seconds.tick().await;
            show(&live.second(clock.now()));
        }
    })
}
