//! OceanBase's upgrade against the recorded sys tenant, over the MySQL protocol.
//!
//! Needs a server to keep the views on: `scripts/lab up --zones 1 && eval "$(scripts/lab env)"`.

mod sys_tenant;

use std::path::Path;
use std::time::Duration;

use rollproof::cluster::{Act as Upgrade, Finding, Kept, control};
use rollproof::event::*;
use rollproof::upgrade::*;
use sys_tenant::lab::password;
use sys_tenant::{
    Host, NEW, Reply, Script, Store, SysTenant, Variant, Variants, Watch, run, soon, warnings,
};
use tokio::time::{Instant, sleep};

/// The views are one database: the tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

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
    let variants = Variants::read();
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
    let variants = Variants::read();
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
    // sys, the business tenant and its meta tenant.
    assert_eq!(cluster.health_patience(soon()).await, Duration::from_secs(90));
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

/// Servers that come and go say nothing of the job, which runs on meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_job_is_waited_for_through_looks_that_fail() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let acts = r#"
        [[act]]
        on = "ALTER SYSTEM RUN UPGRADE JOB 'UPGRADE_ALL'"
        source = "[upg] run_upgrade_job"
        [[act.state]]
        sql = ["INSERT INTO __all_rootservice_job SELECT NOW(6), MAX(job_id) + 1, 'UPGRADE_ALL', 'INPROGRESS' FROM __all_rootservice_job"]
        [[act.state]]
        after_ms = 3000
        sql = ["UPDATE __all_rootservice_job SET job_status = 'SUCCESS' WHERE job_type = 'UPGRADE_ALL'"]
        [[act]]
        on = "HOST blink {zone}"
        source = "a network that fails between rollproof and every server"
        [[act.state]]
        server = "down"
        [[act.state]]
        after_ms = 1300
        server = "up"
    "#;
    let acts = toml::from_str::<Script>(acts).unwrap().acts;
    let tenant = SysTenant::start(&store, Script::good().with(&acts)).await;
    let cluster = control(&tenant.scenario(&store), &password()).unwrap();
    let by = Instant::now() + Duration::from_secs(20);
    let kept = Kept::default();
    let blink = async {
        sleep(Duration::from_millis(700)).await;
        tenant
            .orchestrate(&["zone1", "zone2", "zone3"].map(|zone| (format!("HOST blink {zone}"), 0)))
            .await;
        sleep(Duration::from_millis(300)).await;
        // As every look is refused.
        cluster.look(ZoneId(0), soon()).await.state
    };
    let (done, state) = tokio::join!(cluster.act(Upgrade::UpgradeJob, &kept, NEW, by), blink);
    assert_eq!(state, ZoneState::Down);
    assert!(done.as_ref().is_ok_and(|words| words.contains("UPGRADE_ALL is done")), "{done:?}");
    store.drop_database().await;
}
