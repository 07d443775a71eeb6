//! A run's own part: TPC-C's transactions on a loaded database, through the timetable.

use super::perform::{AtWork, Driven};
use super::prepare::Ready;
use super::timetable::Timetable;
use super::upgrader::{UpgradeEnd, Upgrader};
use super::watching::Watching;
use crate::collect::EventSender;
use crate::drive::{Drive, Driver};
use crate::phase::stretch;
use crate::tpcc::random::RunConstants;

/// Drives the load through the timetable; every sender of events is gone when it returns.
pub(super) async fn drive(
    at_work: AtWork<'_>,
    ready: &Ready,
    upgrader: Option<Upgrader>,
    events: EventSender,
) -> Driven {
    let AtWork { prepared, clock, stop, .. } = at_work;
    let request = &prepared.request;
    let scenario = &request.scenario;
    let watching = Watching::start(at_work, &events);
    let drive = Drive {
        scenario,
        password: &request.password,
        run_number: ready.run_number,
        constants: RunConstants::new(scenario.workload.seed, ready.marker.c_load),
    };
    let driver = Driver::start(drive, clock, events.clone());
    let timetable = Timetable { clock, events, stop: &stop.gently };
    let phases = &scenario.phases;
    timetable.pass(stretch::WARM_UP, phases.warm_up).await;
    timetable.pass(stretch::BASELINE, phases.baseline).await;
    let mut upgraded = None;
    match upgrader {
        Some(upgrader) if !stop.gently.is_cancelled() => {
            upgraded = Some(upgrader.apart(stop.clone()).await);
        }
        // Dropped here, because it holds a sender of events.
        Some(upgrader) => drop(upgrader),
        None => {
            let watched = timetable.pass(stretch::WATCH, phases.duration);
            let target = request.outside.as_ref().and_then(|own| own.target_version.as_deref());
            let reached = async {
                match target {
                    Some(version) => watching.until_all_run(version).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = watched => {}
                () = reached => {}
            }
        }
    }
    timetable.pass(stretch::SETTLE, phases.settle).await;
    let whole = upgraded.as_ref().is_none_or(|upgraded| upgraded.end == UpgradeEnd::Done);
    if whole {
        timetable.pass(stretch::FINAL, phases.final_).await;
    }
    let end = timetable.begin(stretch::DRAIN).await;
    drop(timetable);
    driver.stop(end);
    let driven = driver.join(&stop.now).await;
    watching.end().await;
    Driven { upgrade: upgraded, inputs: Some(driven.inputs), load: None }
}
