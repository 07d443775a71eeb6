//! OceanBase's upgrade and observer against the recorded sys tenant, over the MySQL protocol.
//!
//! Needs a server to keep the views on: `scripts/lab up --zones 1 && eval "$(scripts/lab env)"`.

mod sys_tenant;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rollproof::clock::RunClock;
use rollproof::cluster::{Act as Upgrade, Cluster, Finding, Kept, control, observe};
use rollproof::collect::EventSender;
use rollproof::event::*;
use rollproof::upgrade::*;
use serde::Deserialize;
use sys_tenant::lab::password;
use sys_tenant::{
    Act, Host, NEW, Reply, Script, Store, SysTenant, file, rolling_upgrade, run, seen_steps, soon,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The views are one database: the tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

// ── the runner ──────────────────────────────────────────────────────────────────────────────────

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variants {
    variant: Vec<Variant>,
}

/// A walk that goes wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    /// What is done to the healthy cluster first.
    #[serde(default)]
    before: Option<String>,
    fails: Fails,
    says: Vec<String>,
    /// Whether the cluster is set as before afterwards.
    #[serde(default)]
    takes_back: bool,
    /// Parameters afterwards.
    #[serde(default)]
    afterwards: BTreeMap<String, String>,
    #[serde(default)]
    act: Vec<Act>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fails {
    #[serde(default)]
    zone: Option<String>,
    step: String,
}

/// The plan for ssh with the recorded hosts' commands and a test's patience.
fn plan(dir: &Path, host: &Host, fails: Option<&str>) -> Plan {
    let mut step = String::new();
    let mut text = String::new();
    for line in include_str!("../workloads/plans/oceanbase-ssh.toml").lines() {
        if let Some(name) = line.strip_prefix("step = ") {
            step = name.trim_matches('"').to_owned();
        }
        // A step that fails by its time-out need not have long; what refuses says so by itself.
        let refuses = ["pre-check", "begin-rolling-upgrade"].contains(&&*step);
        let patience = if fails == Some(&*step) && !refuses { "20s" } else { "60s" };
        text += &if line.starts_with("run = ") {
            match step.as_str() {
                "install-dependencies" => "run = \"true\"\n".to_owned(),
                act => format!("run = {:?}\n", host.command(act)),
            }
        } else if line.starts_with("timeout = ") {
            format!("timeout = {patience:?}\n")
        } else if line.starts_with("every = ") {
            "every = \"100ms\"\n".to_owned()
        } else {
            format!("{line}\n")
        };
    }
    let path = dir.join("plan.toml");
    std::fs::write(&path, text).unwrap();
    Plan::read(&path, Some(NEW)).unwrap()
}

/// One upgrade of the recorded cluster, and everything that runner and observers told.
async fn upgrade(
    tenant: &SysTenant,
    store: &Store,
    fails: Option<&str>,
) -> (UpgradeResult, Vec<ClusterEvent>) {
    upgrade_in(tempfile::tempdir().unwrap().path(), None, tenant, store, fails).await
}

async fn upgrade_in(
    dir: &Path,
    resume: Option<&Path>,
    tenant: &SysTenant,
    store: &Store,
    fails: Option<&str>,
) -> (UpgradeResult, Vec<ClusterEvent>) {
    let host = Host::new(dir);
    let settings = Settings {
        plan: plan(dir, &host, fails),
        zones: tenant.control(),
        run_dir: dir.to_owned(),
        resume: resume.map(Path::to_owned),
        allow_unsafe: false,
        resume_hint: "resume".to_owned(),
    };
    let watch = Watch::start(tenant, store, false);
    let cluster = control(&tenant.scenario(store), &password()).unwrap();
    let runner = Runner::new(settings, cluster, watch.clock, watch.events.clone()).unwrap();
    let result = tokio::select! {
        result = runner.run(Stop::default()) => result,
        () = host.serve(tenant) => unreachable!("hosts are served for ever"),
    };
    (result, watch.end().await)
}

/// Listens to what the product tells.
struct Watch {
    clock: RunClock,
    events: EventSender,
    queue: tokio::sync::mpsc::Receiver<Event>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn start(tenant: &SysTenant, store: &Store, steps: bool) -> Self {
        let (clock, stop) = (RunClock::start(), CancellationToken::new());
        let (events, queue) = EventSender::channel(100_000);
        let cluster: Arc<dyn Cluster> = control(&tenant.scenario(store), &password()).unwrap();
        let every = Duration::from_millis(50);
        let task = observe::listen(cluster, every, steps, clock, events.clone(), stop.clone());
        Self { clock, events, queue, stop, task: tokio::spawn(task) }
    }

    async fn end(mut self) -> Vec<ClusterEvent> {
        self.stop.cancel();
        self.task.await.unwrap();
        let mut told = Vec::new();
        while let Ok(Event::Cluster(event)) = self.queue.try_recv() {
            told.push(event);
        }
        told
    }
}

fn warnings(events: &[ClusterEvent]) -> Vec<ClusterWarning> {
    let warning = |event: &ClusterEvent| match &event.fact {
        ClusterFact::Warning { warning, .. } => Some(*warning),
        _ => None,
    };
    events.iter().filter_map(warning).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_upgrade_leaves_the_target_and_every_setting_as_it_was() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let (result, events) = upgrade(&tenant, &store, None).await;
    assert_eq!(result.outcome, UpgradeOutcome::Done, "{}", result.advice);
    assert!(result.zones.iter().all(|zone| zone.runs(NEW)), "{:?}", result.zones);
    assert_eq!(warnings(&events), [], "nothing endangered the cluster");
    let told: Vec<String> =
        tenant.log.lock().unwrap().iter().map(|(_, told)| told.clone()).collect();
    let stops: Vec<_> = told.iter().filter(|sql| sql.contains("STOP ZONE")).collect();
    assert_eq!(stops.len(), 3, "{told:?}");
    assert_set_as_before(&store).await;
    store.drop_database().await;
}

/// The target's version, and every setting as in `cluster.sql`.
async fn assert_set_as_before(store: &Store) {
    for (name, expected) in [
        ("server_permanent_offline_time", "3600s"),
        ("enable_ddl", "True"),
        ("enable_major_freeze", "True"),
        ("enable_upgrade_mode", "False"),
        ("_upgrade_stage", "NONE"),
        ("min_observer_version", NEW),
    ] {
        assert_eq!(store.parameter(name).await, expected, "{name}");
    }
}

/// What it found is kept in the journal of the run that failed, so the one that goes on puts that
/// back, and not what the failure left behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_was_stopped_goes_on_and_puts_back_what_was_there_before_it() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let variants: Variants = toml::from_str(&file("variants.toml")).unwrap();
    let timed_out = |variant: &&Variant| variant.name == "time-out with the zone left inactive";
    let acts = &variants.variant.iter().find(timed_out).unwrap().act;
    let home = tempfile::tempdir().unwrap();
    let [failed, resumed] = ["failed", "resumed"].map(|name| home.path().join(name));
    for dir in [&failed, &resumed] {
        std::fs::create_dir(dir).unwrap();
    }
    {
        let tenant = SysTenant::start(&store, Script::good().with(acts)).await;
        let (result, _) = upgrade_in(&failed, None, &tenant, &store, Some("stop-zone")).await;
        assert!(matches!(result.outcome, UpgradeOutcome::Failed { .. }), "{:?}", result.outcome);
        assert!(result.advice.contains("ALTER SYSTEM START ZONE 'zone1'"), "{}", result.advice);
    }
    assert_eq!(store.parameter("server_permanent_offline_time").await, "72h");
    assert_eq!(store.parameter("enable_ddl").await, "False");
    let tenant = SysTenant::start(&store, Script::good()).await;
    // As it was advised.
    assert!(matches!(tenant.tell("ALTER SYSTEM START ZONE 'zone1'").await, Reply::Ok));
    let (result, _) = upgrade_in(&resumed, Some(&failed), &tenant, &store, None).await;
    assert_eq!(result.outcome, UpgradeOutcome::Done, "{}", result.advice);
    assert_set_as_before(&store).await;
    store.drop_database().await;
}

/// Somebody else's, or one that failed before and is not resumed: its settings are not what was
/// there before, and ending it would be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_it_did_not_begin_is_left_alone() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let acts = [
        ("ALTER SYSTEM BEGIN UPGRADE", 0),
        ("ALTER SYSTEM BEGIN ROLLING UPGRADE", 0),
        ("ALTER SYSTEM SET enable_ddl = 'False'", 200),
    ];
    tenant.orchestrate(&acts).await;
    let (result, _) = upgrade(&tenant, &store, None).await;
    println!("{}", result.advice);
    let UpgradeOutcome::Failed { step, reason, .. } = &result.outcome else {
        panic!("{:?}", result.outcome);
    };
    assert_eq!(step.as_str(), "keep-parameters");
    for words in ["_upgrade_stage is DBUPGRADE", "enable_upgrade_mode is True", "--resume"] {
        assert!(reason.contains(words), "no {words:?} in {reason}");
    }
    assert_eq!(tenant.log.lock().unwrap().len(), acts.len(), "the cluster was told something");
    store.drop_database().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_stops_the_upgrade_where_it_does() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let variants: Variants = toml::from_str(&file("variants.toml")).unwrap();
    for variant in variants.variant {
        let name = &variant.name;
        store.refill().await;
        if let Some(sql) = &variant.before {
            let mut session = store.open().await;
            run(&mut session, "USE oceanbase").await;
            run(&mut session, sql).await;
        }
        let tenant = SysTenant::start(&store, Script::good().with(&variant.act)).await;
        let (result, _) = upgrade(&tenant, &store, Some(&variant.fails.step)).await;
        println!("── {name}\n{}", result.advice);
        let UpgradeOutcome::Failed { zone, step, .. } = &result.outcome else {
            panic!("{name}: {:?}", result.outcome);
        };
        let zones = tenant.scenario(&store).cluster.zones;
        let zone = zone.map(|zone| zones[zone.index()].name.clone());
        assert_eq!((zone, step.as_str()), (variant.fails.zone, &*variant.fails.step), "{name}");
        for words in &variant.says {
            assert!(result.advice.contains(words), "{name}: no {words:?} in {}", result.advice);
        }
        if variant.takes_back {
            assert_eq!(store.parameter("enable_upgrade_mode").await, "False", "{name}");
            assert_eq!(store.parameter("server_permanent_offline_time").await, "3600s", "{name}");
        } else {
            assert!(result.advice.contains("server_permanent_offline_time = 3600s"), "{name}");
        }
        for (parameter, value) in &variant.afterwards {
            assert_eq!(&store.parameter(parameter).await, value, "{name}: {parameter}");
        }
    }
    store.drop_database().await;
}

/// H0 to H5, each by itself, asked of zone1.
#[tokio::test(flavor = "multi_thread")]
async fn what_makes_a_cluster_unhealthy_is_said() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let cluster = control(&tenant.scenario(&store), &password()).unwrap();
    let second_server = [
        "INSERT INTO __all_server SELECT gmt_create, gmt_modified, '10.0.0.9', svr_port, 9, zone, \
         inner_port, 0, status, '4.2.1.8_1', 0, start_service_time, 0 \
         FROM __all_server WHERE zone = 'zone1'",
        "INSERT INTO __all_virtual_server_schema_info SELECT '10.0.0.9', svr_port, tenant_id, \
         refreshed_schema_version, received_schema_version, schema_count, schema_size \
         FROM __all_virtual_server_schema_info WHERE svr_ip = '10.0.0.1'",
    ];
    let cases: [(&str, &[&str]); 8] = [
        ("H0: the cluster has no zone zone1", &["DELETE FROM DBA_OB_ZONES WHERE ZONE = 'zone1'"]),
        (
            "H1: 1 servers do not serve",
            &["UPDATE __all_server SET status = 'inactive' WHERE zone = 'zone1'"],
        ),
        (
            "H1: 1 servers do not serve",
            &["UPDATE __all_server SET start_service_time = 0 WHERE zone = 'zone1'"],
        ),
        ("2 of 3 replicas", &["DELETE FROM GV$OB_LOG_STAT WHERE SVR_IP = '10.0.0.3'"]),
        (
            "10.0.0.2:2882 out of sync",
            &["UPDATE GV$OB_LOG_STAT SET IN_SYNC = 'NO' WHERE SVR_IP = '10.0.0.2'"],
        ),
        (
            "H3: 6 of 9 schemas are refreshed",
            &["UPDATE __all_virtual_server_schema_info SET refreshed_schema_version = 1 \
               WHERE svr_ip = '10.0.0.1'"],
        ),
        ("H4: builds 4.2.1", &second_server),
        (
            "H5: 1 tenants are merging",
            &["UPDATE CDB_OB_MAJOR_COMPACTION SET STATUS = 'COMPACTING' WHERE TENANT_ID = 1002"],
        ),
    ];
    let health = async || cluster.health(Some(ZoneId(0)), soon()).await;
    assert!(matches!(health().await, Finding::Met(_)));
    for (words, changes) in cases {
        store.refill().await;
        let mut session = store.open().await;
        run(&mut session, "USE oceanbase").await;
        for sql in changes {
            run(&mut session, sql).await;
        }
        match health().await {
            Finding::NotYet(found) => assert!(found.contains(words), "{words}: {found}"),
            other => panic!("{words}: {other:?}"),
        }
    }
    store.drop_database().await;
}

/// The job that fails, and the inspection that finds something.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_job_that_fails_is_no_upgrade() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    for (on, sql, words) in [
        (
            "ALTER SYSTEM RUN UPGRADE JOB 'UPGRADE_ALL'",
            "INSERT INTO __all_rootservice_job SELECT NOW(6), MAX(job_id) + 1, 'UPGRADE_ALL', \
             'FAILED' FROM __all_rootservice_job",
            "UPGRADE_ALL failed",
        ),
        (
            "ALTER SYSTEM RUN JOB 'ROOT_INSPECTION'",
            "UPDATE __all_virtual_upgrade_inspection SET info = 'failed' WHERE name = 'sys_stat'",
            "ROOT_INSPECTION",
        ),
    ] {
        store.refill().await;
        let act = format!(
            "[[act]]\non = \"{on}\"\nsource = \"[upg] check_upgrade_job_result, \
             check_root_inspection\"\n[[act.state]]\nsql = [\"{sql}\"]\n"
        );
        let acts = toml::from_str::<Script>(&act).unwrap().acts;
        let tenant = SysTenant::start(&store, Script::good().with(&acts)).await;
        let cluster = control(&tenant.scenario(&store), &password()).unwrap();
        let by = Instant::now() + Duration::from_secs(4);
        let refused = cluster.act(Upgrade::UpgradeJob, &Kept::default(), NEW, by).await;
        assert!(refused.as_ref().is_err_and(|why| why.0.contains(words)), "{refused:?}");
    }
    store.drop_database().await;
}

// ── the observer ────────────────────────────────────────────────────────────────────────────────

/// The steps as they begin.
fn begins(events: &[ClusterEvent]) -> Vec<(&str, Option<usize>, &ClusterEvent)> {
    let mut begun = Vec::new();
    for event in events {
        if let ClusterFact::Step { step, zone, edge: Edge::Begin, .. } = &event.fact {
            begun.push((step.as_str(), zone.map(ZoneId::index), event));
        }
    }
    begun
}

/// Whether an event is dated to the moment it happened, give or take what a busy machine needs.
fn assert_dated(event: &ClusterEvent, truth: RunTime, slack_ms: u64) {
    let (earliest, slack) = (event.at.0.saturating_sub(event.uncertainty_us), slack_ms * 1_000);
    assert!(
        earliest <= truth.0 + slack && truth.0 <= event.at.0 + slack,
        "{event:?}, in truth at {truth:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_s_steps_are_seen_when_they_happen() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let watch = Watch::start(&tenant, &store, true);
    let clock = watch.clock;
    sleep(Duration::from_secs(1)).await;
    tenant.orchestrate(&rolling_upgrade()).await;
    let events = watch.end().await;
    for event in &events {
        println!("{}", serde_json::to_string(event).unwrap());
    }
    assert_eq!(warnings(&events), []);
    let (seen, truth) = (begins(&events), seen_steps());
    let found: Vec<_> = seen.iter().map(|(step, zone, _)| (*step, *zone)).collect();
    let expected: Vec<_> = truth.iter().map(|(step, zone, _)| (*step, *zone)).collect();
    assert_eq!(found, expected);
    for ((_, _, event), (_, _, act)) in seen.iter().zip(&truth) {
        if let Some(act) = act {
            assert_dated(event, clock.of(tenant.told_at(act)), 500);
        }
    }
    // The lease is over 300 ms after the server went down, long before it is started again.
    for (place, zone) in ["zone1", "zone2", "zone3"].iter().enumerate() {
        let gone = events.iter().find(|event| match &event.fact {
            ClusterFact::Step { step, zone: Some(zone), edge: Edge::End, .. } => {
                step == "stop-server" && zone.index() == place
            }
            _ => false,
        });
        let went = tenant.told_at(&format!("HOST stop-server {zone}"));
        assert_dated(gone.unwrap(), clock.of(went + Duration::from_millis(300)), 300);
    }
    leaders_moved(&tenant, clock, &events);
    store.drop_database().await;
}

type Moved<'a> = (Option<u8>, Option<u8>, u32, &'a str, &'a ClusterEvent);

/// What was told of leaders: from, to, how many and why.
fn moves(events: &[ClusterEvent]) -> Vec<Moved<'_>> {
    let id = |zone: &Option<ZoneId>| zone.map(|zone| zone.0);
    let mut moves = Vec::new();
    for event in events {
        if let ClusterFact::Leaders { from, to, moved, detail } = &event.fact {
            moves.push((id(from), id(to), *moved, detail.as_str(), event));
        }
    }
    moves
}

/// Every STOP ZONE sends four leaders to the next zone, RootService's among them, and every START
/// ZONE gets one back; both 200 ms after they are told. The servers write down the former 500 ms
/// later still, by clocks that are hours ahead.
fn leaders_moved(tenant: &SysTenant, clock: RunClock, events: &[ClusterEvent]) {
    let stopped = "ZONE STOPPED; RootService moved along";
    let mut truth = Vec::new();
    for place in 0..3_u8 {
        let (zone, next) = (format!("zone{}", place + 1), (place + 1) % 3);
        let stop = format!("ALTER SYSTEM STOP ZONE '{zone}'");
        let start = format!("ALTER SYSTEM START ZONE '{zone}'");
        truth.push((Some(place), Some(next), 4, stopped, stop));
        truth.push((Some(next), Some(place), 1, "ZONE PRIORITY", start));
    }
    let seen = moves(events);
    assert_eq!(seen.len(), truth.len(), "{seen:?}");
    for ((from, to, moved, why, event), (is_from, is_to, are, because, act)) in
        seen.into_iter().zip(truth)
    {
        assert_eq!((from, to, moved, why), (is_from, is_to, are, because), "{act}");
        let happened = tenant.told_at(&act) + Duration::from_millis(200);
        assert_dated(event, clock.of(happened), 400);
    }
}

/// An orchestrator that does everything wrong, and gets told.
#[tokio::test(flavor = "multi_thread")]
async fn what_endangers_the_cluster_is_a_warning() {
    use ClusterWarning::*;
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let variants: Variants = toml::from_str(&file("variants.toml")).unwrap();
    let acts: Vec<Act> = variants
        .variant
        .into_iter()
        .filter(|variant| ["leaders left", "log out of sync"].contains(&&*variant.name))
        .flat_map(|variant| variant.act)
        .collect();
    let tenant = SysTenant::start(&store, Script::good().with(&acts)).await;
    let watch = Watch::start(&tenant, &store, true);
    sleep(Duration::from_secs(1)).await;
    let acts = [
        ("ALTER SYSTEM BEGIN UPGRADE", 1_000),
        ("ALTER SYSTEM SET enable_ddl = 'False'", 1_000),
        ("ALTER SYSTEM STOP ZONE 'zone1'", 1_500),
        ("HOST stop-server zone1", 1_500),
        ("ALTER SYSTEM STOP ZONE 'zone2'", 1_500),
        ("ALTER SYSTEM START ZONE 'zone2'", 1_000),
        ("HOST start-server zone1", 1_500),
        ("ALTER SYSTEM START ZONE 'zone1'", 1_000),
        ("HOST stop-server zone3", 2_000),
        ("ALTER SYSTEM END UPGRADE", 4_500),
    ];
    tenant.orchestrate(&acts).await;
    let events = watch.end().await;
    let elected: Vec<_> = moves(&events)
        .into_iter()
        .filter(|(from, ..)| from.is_none())
        .map(|(_, to, moved, ..)| (to, moved))
        .collect();
    // Those that were left in zone1, and those that zone3 led when its server went down.
    assert_eq!(elected, [(Some(1), 4), (Some(0), 4)]);
    let seen = warnings(&events);
    for expected in [
        LeadersLeft,
        TwoZonesInactive,
        StartBeforeReady,
        ServerDownInActiveZone,
        ParametersNotRestored,
    ] {
        assert!(seen.contains(&expected), "no {expected} in {seen:?}");
    }
    let once = seen.iter().filter(|one| **one == TwoZonesInactive).count();
    assert_eq!(once, 1, "{seen:?}");
    store.drop_database().await;
}

/// The server that is asked first says nothing any more: the others tell of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_hides_nothing() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let watch = Watch::start(&tenant, &store, true);
    let acts = [("ALTER SYSTEM BEGIN UPGRADE", 500), ("HOST hang-server zone1", 6_000)];
    sleep(Duration::from_secs(1)).await;
    tenant.orchestrate(&acts).await;
    tenant.orchestrate(&[("ALTER SYSTEM STOP ZONE 'zone1'", 5_000)]).await;
    let events = watch.end().await;
    assert!(warnings(&events).contains(&ClusterWarning::ServerDownInActiveZone), "{events:?}");
    let steps: Vec<_> = begins(&events).iter().map(|(step, zone, _)| (*step, *zone)).collect();
    assert!(steps.contains(&("stop-zone", Some(0))), "{steps:?}");
    store.drop_database().await;
}
