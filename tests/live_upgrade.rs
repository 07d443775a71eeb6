//! Real rolling upgrades of the lab through the runner, watched by observers, without load.
//!
//! One test, because there is one cluster: it rolls it to the newer release, where zone2 first
//! gets a release that cannot start. Needs a fresh lab of three zones:
//! `scripts/lab up --fresh && eval "$(scripts/lab env)"`.

mod lab;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lab::scripts_lab;
use rollproof::clock::RunClock;
use rollproof::cluster::{Cluster, adapter, observe};
use rollproof::collect::EventSender;
use rollproof::event::*;
use rollproof::preflight::{self, CheckStatus};
use rollproof::scenario;
use rollproof::session::Password;
use rollproof::upgrade::*;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

struct Roll {
    settings: scenario::Cluster,
    password: Password,
    plan: Plan,
    dir: tempfile::TempDir,
}

impl Roll {
    fn cluster(&self) -> Arc<dyn Cluster> {
        adapter(&self.settings, &self.password).unwrap()
    }

    fn run_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One run of the plan under observation, with everything that was seen.
    async fn upgrade(&self, run: &str, resume: Option<&str>) -> (UpgradeResult, Vec<ClusterEvent>) {
        std::fs::create_dir(self.run_dir(run)).unwrap();
        let clock = RunClock::start();
        let (events, queue) = EventSender::channel(100_000);
        let stop = CancellationToken::new();
        let zones = (0..3).map(ZoneId);
        let every = Duration::from_millis(100);
        let observers = observe::start(&self.cluster(), zones, every, clock, &events, &stop);
        let settings = Settings {
            plan: self.plan.clone(),
            zones: self.settings.zones.clone(),
            run_dir: self.run_dir(run),
            resume: resume.map(|run| self.run_dir(run)),
            allow_unsafe: false,
            resume_hint: "resume".to_owned(),
        };
        let runner = Runner::new(settings, self.cluster(), clock, events).unwrap();
        let result = runner.run(Stop::default()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let latest = observers.statuses.borrow().clone();
        assert_eq!(latest, result.zones, "observers and runner see the same");
        stop.cancel();
        observers.ended().await;
        (result, drain(queue))
    }
}

fn drain(mut queue: Receiver<Event>) -> Vec<ClusterEvent> {
    let mut events = Vec::new();
    while let Ok(Event::Cluster(event)) = queue.try_recv() {
        events.push(event);
    }
    events
}

/// What the observer of one zone told, in order.
fn seen(events: &[ClusterEvent], of: ZoneId) -> Vec<(&ClusterEvent, &ZoneStatus)> {
    let zone = |event: &'_ ClusterEvent| match &event.fact {
        ClusterFact::Zone(status) if status.zone == of => Some(status.clone()),
        _ => None,
    };
    events
        .iter()
        .filter(|event| zone(event).is_some())
        .map(|event| match &event.fact {
            ClusterFact::Zone(status) => (event, status),
            _ => unreachable!("filtered above"),
        })
        .collect()
}

fn print(events: &[ClusterEvent]) {
    for event in events {
        println!("{}", serde_json::to_string(event).unwrap());
    }
}

/// While the runner had a zone's server stopped, its observer saw it down; before, it saw it taken
/// out of service; in the end it saw it serve on the target.
fn observed_as_done(events: &[ClusterEvent], zone: ZoneId, target: &str) {
    let step = |name: &str, edge: Edge| {
        let found = events.iter().find(|event| {
            matches!(&event.fact, ClusterFact::Step { step, zone: z, edge: e, .. }
                if step == name && *z == Some(zone) && *e == edge)
        });
        found.unwrap_or_else(|| panic!("{name} {edge} of {zone:?}")).at
    };
    let seen = seen(events, zone);
    let first = |state: ZoneState| {
        seen.iter().find(|(_, status)| status.state == state).map(|(event, _)| *event)
    };
    let stopped = first(ZoneState::Stopped).expect("seen out of service");
    let (begun, ended) = (step("stop-zone", Edge::Begin), step("stop-server", Edge::Begin));
    assert!(stopped.at >= begun && RunTime(stopped.at.0 - stopped.uncertainty_us) <= ended);
    assert!(stopped.uncertainty_us < 400_000, "{}", stopped.uncertainty_us);
    let down = first(ZoneState::Down).expect("seen down");
    assert!(RunTime(down.at.0 - down.uncertainty_us) <= step("start-server", Edge::Begin));
    let (_, last) = seen.last().unwrap();
    assert!(last.state == ZoneState::Serving && last.runs(target), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lab_is_rolled_to_the_newer_release_past_one_that_cannot_start() {
    let Some((settings, password)) = lab::cluster() else { return };
    let target = std::env::var("ROLLPROOF_LAB_NEW_VERSION").unwrap();
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/plans/galera-lab.toml");
    let plan = Plan::read(&plan, Some(&target)).unwrap();
    let roll = Roll { settings, password, plan, dir: tempfile::tempdir().unwrap() };

    let check = preflight::check(&*roll.cluster(), Some(&target)).await;
    println!("{}", preflight::render_text(&check));
    assert!(check.is_fit(), "{}", check.failures());
    assert_eq!(check.count(CheckStatus::Unsupported), 0);

    scripts_lab(&["break-release", "zone2"]);
    let (result, events) = roll.upgrade("r1", None).await;
    print(&events);
    println!("{}", result.advice);
    let UpgradeOutcome::Failed { zone, step, reason } = &result.outcome else {
        panic!("{result:?}")
    };
    assert_eq!((*zone, *step), (Some(ZoneId(1)), StepName::StartServer));
    assert!(reason.contains("broken_by_the_lab"), "{reason}");
    let states: Vec<_> = result.zones.iter().map(|zone| zone.state).collect();
    assert_eq!(states, [ZoneState::Serving, ZoneState::Down, ZoneState::Serving]);
    observed_as_done(&events, ZoneId(0), &target);

    scripts_lab(&["mend-release", "zone2"]);
    let (result, events) = roll.upgrade("r2", Some("r1")).await;
    print(&events);
    assert_eq!(result.outcome, UpgradeOutcome::Done, "{}", result.advice);
    assert!(result.zones.iter().all(|zone| zone.runs(&target) && zone.cluster_size == Some(3)));
    observed_as_done(&events, ZoneId(2), &target);

    let check = preflight::check(&*roll.cluster(), Some(&target)).await;
    let failed: Vec<_> = check.checks.iter().filter(|l| l.status == CheckStatus::Fail).collect();
    assert!(failed.len() == 1 && failed[0].id == "target-version", "{failed:?}");
}
