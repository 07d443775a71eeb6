//! The upgrade runner against a cluster made of files: its order, its refusals, its resuming.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rollproof::clock::RunClock;
use rollproof::cluster::check::{CheckLine, CheckStatus};
use rollproof::cluster::{Act, Cluster, Finding, Kept, Pending, Refusal, Setting};
use rollproof::collect::EventSender;
use rollproof::event::*;
use rollproof::scenario::Zone;
use rollproof::upgrade::*;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

const OLD: &str = "1.0.1";
const NEW: &str = "1.0.2";

/// Each zone is a file `STATE VERSION`, which commands of a plan can change as well.
struct Files {
    dir: PathBuf,
    zones: u8,
}

impl Files {
    fn path(&self, zone: ZoneId) -> PathBuf {
        self.dir.join(format!("zone{}", zone.0 + 1))
    }

    fn status(&self, zone: ZoneId) -> ZoneStatus {
        let text = fs::read_to_string(self.path(zone)).unwrap();
        let (state, version) = text.trim().split_once(' ').unwrap();
        let state: ZoneState = state.parse().unwrap();
        ZoneStatus {
            zone,
            state,
            version: (state != ZoneState::Down).then(|| version.to_owned()),
            cluster_size: None,
            detail: "from a file".to_owned(),
        }
    }

    fn set(&self, zone: ZoneId, state: &str) {
        let version = self.status(zone).version.unwrap();
        fs::write(self.path(zone), format!("{state} {version}")).unwrap();
        let log = self.dir.join("log");
        let before = fs::read_to_string(&log).unwrap_or_default();
        fs::write(log, format!("{before}zone{} {state}\n", zone.0 + 1)).unwrap();
    }
}

fn ready<T: Send + 'static>(answer: T) -> Pending<'static, T> {
    Box::pin(std::future::ready(answer))
}

impl Cluster for Files {
    fn look(&self, zone: ZoneId, _: Instant) -> Pending<'_, ZoneStatus> {
        ready(self.status(zone))
    }

    fn stop_zone(&self, zone: ZoneId, _: Instant) -> Pending<'_, Result<String, Refusal>> {
        for other in (0..self.zones).map(ZoneId).filter(|&other| other != zone) {
            assert_eq!(self.status(other).state, ZoneState::Serving, "two zones away at once");
        }
        self.set(zone, "stopped");
        ready(Ok(String::new()))
    }

    fn start_zone(&self, zone: ZoneId, _: Instant) -> Pending<'_, Result<String, Refusal>> {
        self.set(zone, "serving");
        ready(Ok(String::new()))
    }

    fn log_in_sync(&self, _: ZoneId, _: Instant) -> Pending<'_, Finding> {
        ready(Finding::Met(String::new()))
    }

    fn schema_refreshed(&self, _: ZoneId, _: Instant) -> Pending<'_, Finding> {
        ready(Finding::Met(String::new()))
    }

    /// Not well for as many looks as its file has lines.
    fn health(&self, _: Option<ZoneId>, _: Instant) -> Pending<'_, Finding> {
        let ill = self.dir.join("ill");
        let left = fs::read_to_string(&ill).unwrap_or_default();
        let Some((_, left)) = left.split_once('\n') else {
            return ready(Finding::Met(String::new()));
        };
        fs::write(ill, left).unwrap();
        ready(Finding::NotYet("ill".to_owned()))
    }

    fn health_patience(&self, _: Instant) -> Pending<'_, Duration> {
        let patient = self.dir.join("patient").exists();
        ready(if patient { Duration::from_secs(60) } else { Duration::ZERO })
    }

    fn checks<'a>(&'a self, _: Option<&'a str>, _: Instant) -> Pending<'a, Vec<CheckLine>> {
        let unfit = self.dir.join("unfit").exists();
        let line = |id: &str, status| CheckLine {
            id: id.to_owned(),
            title: String::new(),
            status,
            query: String::new(),
            answer: "as set".to_owned(),
            meaning: String::new(),
            advice: "remove the file".to_owned(),
        };
        let zones = if self.zones < 3 { CheckStatus::Fail } else { CheckStatus::Pass };
        let file = if unfit { CheckStatus::Fail } else { CheckStatus::Pass };
        ready(vec![line("zones", zones), line("fit", file)])
    }

    fn keep(&self, _: Instant) -> Pending<'_, Result<Kept, Refusal>> {
        let (name, value) = ("a".to_owned(), "1".to_owned());
        ready(Ok(Kept(vec![Setting { name, tenant: None, value }])))
    }

    fn act<'a>(
        &'a self,
        act: Act,
        _: &'a Kept,
        _: &'a str,
        _: Instant,
    ) -> Pending<'a, Result<String, Refusal>> {
        let log = self.dir.join("log");
        let before = fs::read_to_string(&log).unwrap_or_default();
        fs::write(log, format!("{before}{act:?}\n")).unwrap();
        ready(match self.dir.join(format!("refuses-{act:?}")).exists() {
            true => Err(Refusal(format!("{act:?} is refused"))),
            false => Ok(format!("{act:?} is done")),
        })
    }
}

/// One cluster of files, on which upgrades are tried one after another.
struct World {
    dir: tempfile::TempDir,
    zones: u8,
    plan: String,
}

impl World {
    fn new(zones: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for zone in 1..=zones {
            fs::write(dir.path().join(format!("zone{zone}")), format!("serving {OLD}")).unwrap();
        }
        let at = dir.path().display();
        let run = |step: &str| match step {
            "stop-server" => {
                format!("echo {{zone}} {step} >>{at}/log; sleep 0.2; echo down - >{at}/{{zone}}")
            }
            "start-server" => format!(
                "echo {{zone}} {step} >>{at}/log; test ! -e {at}/broken-{{zone}} || {{ echo no such symbol; exit 127; }}; \
                 echo stopped {{target_version}} >{at}/{{zone}}"
            ),
            "install-dependencies" | "install-package" => "true".to_owned(),
            _ => String::new(),
        };
        let mut plan = format!("name = \"files\"\ntarget_version = \"{NEW}\"\n");
        let stages = [
            ("before", "pre-check"),
            (
                "zone",
                "set-zone-context stop-zone stop-server install-dependencies install-package \
                 start-server wait-version log-in-sync schema-refreshed health-check start-zone \
                 check-zone",
            ),
            ("after", "version-check"),
        ];
        for (stage, steps) in stages {
            for step in steps.split_whitespace() {
                let action = match run(step) {
                    command if command.is_empty() => format!("check = \"{step}\""),
                    command => format!("run = '''{command}'''"),
                };
                plan += &format!("[[{stage}]]\nstep = \"{step}\"\n{action}\ntimeout = \"2s\"\n");
            }
        }
        Self { dir, zones, plan }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn settings(&self, run: &str, resume: Option<&str>) -> Settings {
        let plan = self.path("plan.toml");
        fs::write(&plan, &self.plan).unwrap();
        let run_dir = self.path(run);
        fs::create_dir(&run_dir).unwrap();
        let zone = |n| Zone { name: format!("zone{n}"), endpoint: format!("127.0.0.1:{n}") };
        Settings {
            plan: Plan::read(&plan, None).unwrap(),
            zones: (1..=self.zones).map(zone).collect(),
            run_dir,
            resume: resume.map(|run| self.path(run)),
            allow_unsafe: false,
            resume_hint: "rollproof run --resume r1".to_owned(),
        }
    }

    fn runner(&self, settings: Settings) -> Result<(Runner, Receiver<Event>), UpgradeError> {
        let cluster = Arc::new(Files { dir: self.dir.path().to_owned(), zones: self.zones });
        let (events, queue) = EventSender::channel(1000);
        Ok((Runner::new(settings, cluster, RunClock::start(), events)?, queue))
    }

    async fn upgrade(&self, run: &str, resume: Option<&str>) -> UpgradeResult {
        let (runner, _queue) = self.runner(self.settings(run, resume)).unwrap();
        runner.run(Stop::default()).await
    }
}

fn failed_at(result: &UpgradeResult) -> (Option<u8>, &'static str) {
    match &result.outcome {
        UpgradeOutcome::Failed { zone, step, .. } => (zone.map(|zone| zone.0), step.as_str()),
        other => panic!("{other:?}"),
    }
}

fn steps(mut queue: Receiver<Event>) -> Vec<(String, Option<u8>, Edge)> {
    let mut steps = Vec::new();
    while let Ok(Event::Cluster(event)) = queue.try_recv() {
        assert_eq!((event.source, event.uncertainty_us), (Source::Runner, 0));
        if let ClusterFact::Step { step, zone, edge, .. } = event.fact {
            steps.push((step, zone.map(|zone| zone.0), edge));
        }
    }
    steps
}

#[tokio::test]
async fn zones_are_upgraded_strictly_one_after_another() {
    let world = World::new(3);
    let (runner, queue) = world.runner(world.settings("r1", None)).unwrap();
    let result = runner.run(Stop::default()).await;
    assert_eq!(result.outcome, UpgradeOutcome::Done, "{}", result.advice);
    assert!(result.zones.iter().all(|zone| zone.runs(NEW) && zone.state == ZoneState::Serving));
    let of = |z| {
        format!("zone{z} stopped\nzone{z} stop-server\nzone{z} start-server\nzone{z} serving\n")
    };
    assert_eq!(world.log(), [of(1), of(2), of(3)].concat());
    let steps = steps(queue);
    assert_eq!(steps.len(), 2 * (1 + 3 * 12 + 1));
    for pair in steps.chunks(2) {
        assert_eq!((&pair[0].0, pair[0].1), (&pair[1].0, pair[1].1));
        assert_eq!((pair[0].2, pair[1].2), (Edge::Begin, Edge::End));
    }
    assert!(world.path("r1/upgrade/04-zone1-stop-server.log").exists());
}

#[tokio::test]
async fn a_failed_step_stops_everything_and_resuming_goes_on_with_it() {
    let world = World::new(3);
    fs::write(world.path("broken-zone2"), "").unwrap();
    let result = world.upgrade("r1", None).await;
    assert_eq!(failed_at(&result), (Some(1), "start-server"));
    assert!(result.advice.contains("no such symbol"), "{}", result.advice);
    assert!(result.advice.contains("rollproof run --resume r1"), "{}", result.advice);
    assert!(result.advice.contains("zone2 is down"), "{}", result.advice);
    assert!(!world.log().contains("zone3"));

    // Still broken: fails at the same step, and the second journal is as good as the first.
    assert_eq!(failed_at(&world.upgrade("r2", Some("r1")).await), (Some(1), "start-server"));
    fs::remove_file(world.path("broken-zone2")).unwrap();
    let before = world.log();
    let result = world.upgrade("r3", Some("r2")).await;
    assert_eq!(result.outcome, UpgradeOutcome::Done, "{}", result.advice);
    let after = world.log();
    let done = after.strip_prefix(&before).unwrap();
    assert!(done.starts_with("zone2 start-server\nzone2 serving\nzone3 stopped\n"), "{done}");
    assert!(!done.contains("zone1"));

    // Nothing is left to do, which is no reason to fail.
    assert_eq!(world.upgrade("r4", Some("r3")).await.outcome, UpgradeOutcome::Done);
    assert_eq!(world.log(), after);
}

/// The hint after a refused resume names that try's own directory: it has to know as much.
#[tokio::test]
async fn a_resume_that_is_refused_does_not_forget_what_was_begun() {
    let world = World::new(3);
    fs::write(world.path("broken-zone2"), "").unwrap();
    assert_eq!(failed_at(&world.upgrade("r1", None).await), (Some(1), "start-server"));
    fs::remove_file(world.path("broken-zone2")).unwrap();
    // Its server came up after all; another zone is away for a moment.
    let files = Files { dir: world.dir.path().to_owned(), zones: 3 };
    let put = |zone, state: &str| fs::write(files.path(zone), format!("{state} {NEW}")).unwrap();
    put(ZoneId(1), "serving");
    put(ZoneId(0), "down");
    let refused = world.upgrade("r2", Some("r1")).await;
    assert!(matches!(refused.outcome, UpgradeOutcome::Refused { .. }), "{:?}", refused.outcome);
    put(ZoneId(0), "serving");
    let result = world.upgrade("r3", Some("r2")).await;
    assert_eq!(result.outcome, UpgradeOutcome::Done, "{:?} {}", result.outcome, result.advice);
}

#[tokio::test]
async fn no_zone_is_stopped_while_another_is_away_whatever_the_plan_says() {
    let mut world = World::new(3);
    // A plan that never looks whether the zone came back.
    for step in ["start-zone", "check-zone"] {
        world.plan = world.plan.replace(&format!("check = \"{step}\""), "run = \"true\"");
    }
    let result = world.upgrade("r1", None).await;
    assert_eq!(failed_at(&result), (Some(1), "stop-zone"));
    assert!(result.advice.contains("zone1 is stopped"), "{}", result.advice);
    assert_eq!(result.zones[1].state, ZoneState::Serving);
    assert!(!world.log().contains("zone2"));
}

#[tokio::test]
async fn failed_checks_touch_nothing_and_are_repeated_by_a_resume() {
    let world = World::new(3);
    fs::write(world.path("unfit"), "").unwrap();
    let result = world.upgrade("r1", None).await;
    assert_eq!(failed_at(&result), (None, "pre-check"));
    assert!(result.advice.contains("no zone was touched"), "{}", result.advice);
    assert!(result.advice.contains("remove the file"), "{}", result.advice);
    assert_eq!(failed_at(&world.upgrade("r2", Some("r1")).await), (None, "pre-check"));
    fs::remove_file(world.path("unfit")).unwrap();
    assert_eq!(world.upgrade("r3", Some("r2")).await.outcome, UpgradeOutcome::Done);
}

/// What a cluster holds may need more time to be well than whoever wrote the plan had in mind.
#[tokio::test]
async fn health_is_waited_for_as_long_as_the_cluster_says_it_may_take() {
    let mut world = World::new(3);
    let health = "check = \"health-check\"\ntimeout = ";
    world.plan = world.plan.replace(&format!("{health}\"2s\""), &format!("{health}\"300ms\""));
    fs::write(world.path("ill"), "\n".repeat(10)).unwrap();
    let result = world.upgrade("r1", None).await;
    assert_eq!(failed_at(&result), (Some(0), "health-check"));
    fs::write(world.path("patient"), "").unwrap();
    fs::write(world.path("ill"), "\n".repeat(10)).unwrap();
    assert_eq!(world.upgrade("r2", Some("r1")).await.outcome, UpgradeOutcome::Done);
}

/// A cluster-wide step of the product's own is undone only where this upgrade began it, and one
/// that cannot be undone leaves no other undone.
#[tokio::test]
async fn what_was_begun_before_the_first_zone_is_taken_back_and_nothing_else() {
    let mut world = World::new(3);
    let step = |name: &str| {
        format!("[[before]]\nstep = \"{name}\"\ncheck = \"{name}\"\ntimeout = \"2s\"\n")
    };
    let after = ["protect-replicas", "begin-upgrade", "begin-rolling-upgrade"].map(step).concat();
    let check = step("pre-check");
    world.plan = world.plan.replace(&check, &(step("keep-parameters") + &check + &after));
    let last = "[[after]]\nstep = \"version-check\"";
    let ends = ["end-rolling-upgrade", "end-upgrade", "restore-parameters"].map(step).concat();
    let ends = ends.replace("[[before]]", "[[after]]");
    world.plan = world.plan.replace(last, &(ends + last));

    fs::write(world.path("unfit"), "").unwrap();
    let result = world.upgrade("unfit-run", None).await;
    assert_eq!(failed_at(&result), (None, "pre-check"));
    assert_eq!(world.log(), "", "nothing was begun, so nothing is taken back: {}", result.advice);
    assert_eq!(failed_at(&world.upgrade("again", Some("unfit-run")).await), (None, "pre-check"));
    assert_eq!(world.log(), "", "nor by the run that goes on with it");
    fs::remove_file(world.path("unfit")).unwrap();

    let refuse = |act: &str| fs::write(world.path(&format!("refuses-{act}")), "").unwrap();
    refuse("ProtectReplicas");
    assert_eq!(failed_at(&world.upgrade("r1", None).await), (None, "protect-replicas"));
    assert_eq!(world.log(), "ProtectReplicas\nRestoreParameters\n");
    fs::remove_file(world.path("refuses-ProtectReplicas")).unwrap();
    fs::remove_file(world.path("log")).unwrap();

    refuse("BeginRollingUpgrade");
    refuse("EndUpgrade");
    let result = world.upgrade("r2", None).await;
    assert_eq!(failed_at(&result), (None, "begin-rolling-upgrade"));
    let told =
        "ProtectReplicas\nBeginUpgrade\nBeginRollingUpgrade\nEndUpgrade\nRestoreParameters\n";
    assert_eq!(world.log(), told);
    let words = "could NOT be taken back: EndUpgrade is refused; RestoreParameters is done";
    assert!(result.advice.contains(words), "{}", result.advice);
}

#[tokio::test]
async fn a_cluster_unlike_the_journal_is_not_touched() {
    let world = World::new(3);
    fs::write(world.path("broken-zone2"), "").unwrap();
    world.upgrade("r1", None).await;
    fs::remove_file(world.path("broken-zone2")).unwrap();
    fs::write(world.path("zone1"), format!("serving {OLD}")).unwrap();
    let before = world.log();
    let (runner, queue) = world.runner(world.settings("r2", Some("r1"))).unwrap();
    let result = runner.run(Stop::default()).await;
    let UpgradeOutcome::Refused { reason } = &result.outcome else { panic!("{result:?}") };
    assert!(reason.contains("zone1 was upgraded and checked"), "{reason}");
    assert_eq!(world.log(), before);
    // The record has it as a failed step, without which the verdict could not say what happened.
    let told = [Edge::Begin, Edge::Failed].map(|edge| ("resume".to_owned(), None, edge));
    assert_eq!(steps(queue), told);
    // The refused run's journal still knows everything.
    fs::write(world.path("zone1"), format!("serving {NEW}")).unwrap();
    assert_eq!(world.upgrade("r3", Some("r2")).await.outcome, UpgradeOutcome::Done);
}

#[tokio::test]
async fn fewer_than_three_zones_are_refused_unless_accepted() {
    let world = World::new(2);
    let refused = world.runner(world.settings("r1", None)).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("--allow-unsafe"), "{refused}");
    let settings = Settings { allow_unsafe: true, ..world.settings("r2", None) };
    let (runner, _queue) = world.runner(settings).unwrap();
    assert_eq!(runner.run(Stop::default()).await.outcome, UpgradeOutcome::Done);
}

#[tokio::test]
async fn a_journal_of_other_zones_is_refused() {
    let world = World::new(3);
    world.upgrade("r1", None).await;
    let mut settings = world.settings("r2", Some("r1"));
    settings.zones.swap(0, 1);
    let error = world.runner(settings).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("another upgrade"), "{error}");
}

/// Waits until a step's command is running.
async fn running(log: &Path) {
    while !fs::read_to_string(log).unwrap_or_default().contains("stop-server") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_first_demand_lets_the_step_finish() {
    let world = World::new(3);
    let (runner, _queue) = world.runner(world.settings("r1", None)).unwrap();
    let stop = Stop::default();
    let upgrade = tokio::spawn(runner.run(stop.clone()));
    running(&world.path("log")).await;
    stop.gently.cancel();
    let result = upgrade.await.unwrap();
    let next = StepName::InstallDependencies;
    assert_eq!(result.outcome, UpgradeOutcome::Stopped { zone: Some(ZoneId(0)), next });
    assert_eq!(result.zones[0].state, ZoneState::Down, "stop-server was finished");
    assert_eq!(world.upgrade("r2", Some("r1")).await.outcome, UpgradeOutcome::Done);
}

#[tokio::test]
async fn the_second_demand_kills_the_command() {
    let mut world = World::new(3);
    world.plan = world.plan.replace("sleep 0.2", "sleep 30");
    let (runner, _queue) = world.runner(world.settings("r1", None)).unwrap();
    let stop = Stop::default();
    let upgrade = tokio::spawn(runner.run(stop.clone()));
    running(&world.path("log")).await;
    stop.gently.cancel();
    stop.now.cancel();
    let result = upgrade.await.unwrap();
    assert_eq!(failed_at(&result), (Some(0), "stop-server"));
    assert!(result.advice.contains("killed on demand"), "{}", result.advice);
    assert_eq!(result.zones[0].state, ZoneState::Stopped, "the rest of the command never ran");
}
