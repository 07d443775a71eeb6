//! Performs a prepared run and closes its record.

use std::sync::Arc;

use super::upgrader::{UpgradeEnd, Upgraded, Upgrader};
use super::{Prepared, RunError, RunRequest, UpgradeRequest, loading, transactions};
use crate::clock::RunClock;
use crate::cluster::{Cluster, control};
use crate::collect::{Collector, EventSender};
use crate::drive::load_settings;
use crate::event::{InputCounts, RunTime};
use crate::live::Board;
use crate::outside::{Listener, Wrapped};
use crate::record::{
    FORMAT, Manifest, RecordError, RecordWriter, SessionStyle, Work, write_inputs,
};
use crate::session::{PROTOCOL, STATEMENT_STYLE};
use crate::tpcc::{LoadError, LoadProgress, LoadSummary};
use crate::upgrade::{Runner, Stop};

/// What a run left, its directory apart.
#[derive(Debug)]
pub struct Finished {
    /// How the upgrade ended, if there was one.
    pub upgrade: Option<Upgraded>,
    /// How the load ended, if there was one.
    pub load: Option<Result<LoadSummary, LoadError>>,
    /// The complete manifest; or why the record breaks off, which says nothing about the upgrade.
    pub record: Result<Manifest, RunError>,
}

/// What everything that works on the cluster during a run is given.
#[derive(Clone, Copy)]
pub(super) struct AtWork<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) watcher: &'a Arc<dyn Cluster>,
    pub(super) clock: RunClock,
    pub(super) stop: &'a Stop,
}

/// What came of it, beside what is in the record.
pub(super) struct Driven {
    pub(super) upgrade: Option<Upgraded>,
    /// The inputs of a run's transactions.
    pub(super) inputs: Option<InputCounts>,
    pub(super) load: Option<Result<LoadSummary, LoadError>>,
}

/// Who is told what goes on.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a, P, O> {
    /// Shown every event, for whoever looks at it.
    pub board: &'a Board,
    /// Called after every chunk of a load.
    pub load: P,
    /// Called with every line of a wrapped command's output.
    pub output: O,
}

/// Performs a run or a load.
///
/// # Errors
/// When the run cannot begin; there is no directory then.
pub async fn perform(
    prepared: &Prepared,
    stop: &Stop,
    show: Show<
        '_,
        impl Fn(LoadProgress) + Send + Sync + 'static,
        impl Fn(&str) + Send + Sync + 'static,
    >,
) -> Result<Finished, RunError> {
    let request = &prepared.request;
    let scenario = &request.scenario;
    let clock = RunClock::start();
    let watcher = control(scenario, &request.control_password)?;
    let writer = begin_record(prepared, clock)?;
    show.board.begin(clock);
    let tap = show.board.clone();
    // The collector stops the run when it cannot write; the user stops it through `stop`.
    let stop = Stop { gently: stop.gently.child_token(), now: stop.now.clone() };
    let (events, collector) =
        Collector::start(writer, move |event| tap.observe(event), stop.gently.clone());

    let at_work = AtWork { prepared, watcher: &watcher, clock, stop: &stop };
    let driven = match acting(request, clock, &events, show.output) {
        Err(error) => {
            drop(events);
            Err(error)
        }
        Ok(Acting { upgrader, marks }) => {
            let driven = match &prepared.ready {
                Some(ready) => Ok(transactions::drive(at_work, ready, upgrader, events).await),
                None => loading::drive(at_work, upgrader, events, show.load).await,
            };
            if let Some(marks) = marks {
                marks.end().await;
            }
            driven
        }
    };
    let Driven { upgrade, inputs, load } = match driven {
        Ok(driven) => driven,
        Err(error) => {
            // Nothing was measured: leave no directory that looks like a run.
            let _ = collector.finish(RunTime::ZERO, Some("never began".to_owned())).await;
            let _ = std::fs::remove_dir_all(&request.dir);
            return Err(error);
        }
    };

    let early = match &upgrade {
        Some(Upgraded { end: UpgradeEnd::Failed, .. }) => None,
        _ => stop.gently.is_cancelled().then(|| "interrupted".to_owned()),
    };
    let inputs = inputs.map_or(Ok(()), |inputs| write_inputs(&request.dir, &inputs));
    let record = match inputs {
        Ok(()) => collector.finish(clock.now(), early).await,
        Err(error) => Err(error),
    };
    show.board.over(clock.now());
    let broke_off = |source| RunError::Record { dir: request.dir.clone(), source };
    Ok(Finished { upgrade, load, record: record.map_err(broke_off) })
}

/// Makes the run's directory, or leaves none behind.
fn begin_record(prepared: &Prepared, clock: RunClock) -> Result<RecordWriter, RunError> {
    let dir = &prepared.request.dir;
    let writer = RecordWriter::create(dir, manifest(prepared, clock));
    let begun = writer.and_then(|writer| match &prepared.ready {
        Some(ready) => ready.start.write(dir).map(|()| writer),
        None => Ok(writer),
    });
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
        work: request.work,
        run_number: prepared.ready.as_ref().map_or(0, |ready| ready.run_number),
        origin_wall: clock.origin_wall(),
        origin_monotonic_us: clock.origin_monotonic_us(),
        shard: "1/1".to_owned(),
        scenario: request.scenario.clone(),
        // A load's sessions are the loader's: it says itself how it writes.
        sessions: (request.work == Work::Run).then(|| SessionStyle {
            statements: STATEMENT_STYLE.to_owned(),
            protocol: PROTOCOL.to_owned(),
            settings: load_settings(&request.scenario),
        }),
        capacity: prepared.ready.as_ref().and_then(|ready| ready.capacity.clone()),
        baseline: request.baseline.clone(),
        upgrade: request.upgrade.as_ref().map(|upgrade| upgrade.plan.intent(resumed(upgrade))),
        outside: request.outside(),
        completion: None,
    }
}

/// Who tells what is done to the cluster.
struct Acting {
    upgrader: Option<Upgrader>,
    /// Where nobody but rollproof upgrades, nobody else is listened to.
    marks: Option<Listener>,
}

fn acting(
    request: &RunRequest,
    clock: RunClock,
    events: &EventSender,
    show: impl Fn(&str) + Send + Sync + 'static,
) -> Result<Acting, RunError> {
    if let Some(settings) = request.upgrade_settings() {
        let cluster = control(&request.scenario, &request.control_password)?;
        let runner = Runner::new(settings, cluster, clock, events.clone())?;
        return Ok(Acting { upgrader: Some(Upgrader::Plan(Box::new(runner))), marks: None });
    }
    let (dir, zones) = (&request.dir, request.scenario.zone_names());
    let marks = Listener::start(dir, &request.run_id, zones.clone(), clock, events.clone());
    let marks = match marks {
        Ok(marks) => Some(marks),
        // Not every file system has sockets, and not every run is told anything.
        Err(error) => {
            show(&format!("rollproof: this run takes no marks: {error}"));
            None
        }
    };
    let command = request.outside.as_ref().and_then(|outside| outside.command.clone());
    let wrapped = command.map(|command| {
        let (run_dir, events) = (dir.clone(), events.clone());
        Wrapped { command, run_dir, zones, clock, events, show: Box::new(show) }
    });
    Ok(Acting { upgrader: wrapped.map(Upgrader::Command), marks })
}
