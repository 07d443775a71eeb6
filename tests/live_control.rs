//! `rollproof run` with its load on one server and the control plane on another: somebody else
//! takes the recorded sys tenant through a rolling upgrade, and the record must have its phases.
//!
//! Needs a server for both: `scripts/lab up --zones 1 && eval "$(scripts/lab env)"`.

mod sys_tenant;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rollproof::clock::RunClock;
use rollproof::event::RunTime;
use rollproof::scenario::Zone;
use serde_json::Value;
use sys_tenant::{Script, Store, SysTenant, listed, rolling_upgrade, run, seen_steps};
use tokio::time::sleep;

const DATABASE: &str = "live_control";
/// May read the views and nothing else, as the load's user reads its schema.
const WATCHER: &str = "watcher@sys";
const PASSWORD: &str = "only for the views";
/// The load and the looks share a server here, and the looks must not miss a step for that.
const SLOWER: u64 = 2;

fn rollproof(verb: &str, zones: &[Zone]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.args([verb, "--database", DATABASE, "--warehouses", "1", "--zones", &listed(zones)]);
    command.env_remove("ROLLPROOF_TARGET_VERSION").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn accounts(store: &Store, statements: &[String]) {
    let mut session = store.open().await;
    for sql in statements {
        run(&mut session, sql).await;
    }
}

fn summary(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("summary.json")).unwrap()).unwrap()
}

fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_else(|| panic!("{name} in {of}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_by_somebody_else_is_told_by_the_sys_tenant_while_the_load_runs_elsewhere() {
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let drop = [format!("DROP USER IF EXISTS '{WATCHER}'"), format!("DROP DATABASE {DATABASE}")];
    let create = [
        drop[0].clone(),
        format!("CREATE USER '{WATCHER}' IDENTIFIED BY '{PASSWORD}'"),
        format!("GRANT SELECT ON oceanbase.* TO '{WATCHER}'"),
    ];
    accounts(&store, &create).await;
    let server = format!("zone1={}:{}", store.login.host, store.login.port).parse().unwrap();
    let mut load = rollproof("load", &[server]);
    let loaded = load.args(["--product", "plain"]).output().unwrap();
    assert!(loaded.status.success(), "{loaded:?}");

    let tenant = SysTenant::start(&store, Script::good().slowed(SLOWER)).await;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("watched");
    let mut watched = rollproof("run", &tenant.business());
    // As for OCP, but for addresses and accounts; and the script is in a hurry.
    let scenario = include_str!("../workloads/plans/oceanbase-ocp.toml");
    let hurried = scenario.replace("observe_every = \"500ms\"", "observe_every = \"100ms\"");
    assert_ne!(scenario, hurried);
    std::fs::write(home.path().join("scenario.toml"), hurried).unwrap();
    watched.arg("--scenario").arg(home.path().join("scenario.toml"));
    watched.args(["--routing", "failover"]);
    watched.args(["--product", "oceanbase", "--control", &listed(&tenant.control())]);
    watched.args(["--control-user", WATCHER]).env("ROLLPROOF_CONTROL_PASSWORD", PASSWORD);
    watched.args(["--rate", "10", "--terminals", "3", "--quiet", "--run-id", "watched"]);
    watched.args(["--warm-up", "1s", "--baseline", "5s", "--duration", "66s"]);
    watched.args(["--settle", "1s", "--final", "1s", "--results"]).arg(home.path());
    let child = watched.spawn().unwrap();
    let began = || std::fs::read_to_string(dir.join("cluster.jsonl"));
    let patience = tokio::time::Instant::now() + Duration::from_secs(60);
    while !began().is_ok_and(|events| events.contains("\"watch\"")) {
        assert!(tokio::time::Instant::now() < patience, "the watch never began");
        sleep(Duration::from_millis(100)).await;
    }
    let slower = |(act, pause_ms)| (act, pause_ms * SLOWER);
    let acts: Vec<_> = rolling_upgrade().into_iter().map(slower).collect();
    tenant.orchestrate(&acts).await;
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    phases_are_the_script_s(&tenant, &summary(&dir), &dir);
    what_else_was_seen(&summary(&dir), &text);
    // What the load felt, and whether this machine kept up with it, is another matter.
    assert!([0, 1, 4].contains(&output.status.code().unwrap()), "{output:?}");
    store.drop_database().await;
    accounts(&store, &drop).await;
}

/// Every phase of the upgrade, in order, none beside, each begun when the script's act was told.
fn phases_are_the_script_s(tenant: &SysTenant, summary: &Value, dir: &Path) {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(dir.join("manifest.json")).unwrap()).unwrap();
    // The test's clock and the run's count from different moments of the machine's.
    let clock = RunClock::start();
    let apart_us = clock.origin_monotonic_us() - number(&manifest, "origin_monotonic_us");
    let ago_us = |at| u64::try_from(clock.instant(RunTime::ZERO).duration_since(at).as_micros());
    let phases: Vec<&Value> = summary["phases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|phase| phase["source"] == "observer")
        .collect();
    let labels: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    let truth = seen_steps();
    let expected: Vec<String> = truth
        .iter()
        .map(|(step, zone, _)| match zone {
            Some(place) => format!("zone{}/{step}", place + 1),
            None => (*step).to_owned(),
        })
        .collect();
    assert_eq!(labels, expected);
    for (phase, (_, _, act)) in phases.iter().zip(truth) {
        let Some(act) = act else { continue };
        let truth_us = apart_us - ago_us(tenant.told_at(&act)).unwrap();
        let latest_us = number(phase, "start_us");
        let earliest_us = latest_us - number(phase, "uncertainty_us");
        // A statement takes its time to reach the views on a busy machine.
        let slack_us = 700_000;
        assert!(
            earliest_us <= truth_us + slack_us && truth_us <= latest_us + slack_us,
            "{act}: {earliest_us} … {latest_us}, in truth at {truth_us}"
        );
    }
}

fn what_else_was_seen(summary: &Value, text: &str) {
    assert!(text.contains("Steps are known from: observer"), "{text}");
    for zone in ["zone1", "zone2", "zone3"] {
        let versions = format!("{zone} went from 4.2.1.6_106000012024042515 to 4.2.1.8_");
        assert!(text.contains(&versions), "{text}");
        assert!(text.contains(&format!("{zone} unreachable from")), "by the load's port: {text}");
    }
    let moved: u64 =
        summary["leaders"].as_array().unwrap().iter().map(|seen| number(seen, "moved")).sum();
    assert_eq!(moved, 3 * (4 + 1), "{}", summary["leaders"]);
    assert_eq!(summary["warnings"], Value::Null, "{}", summary["warnings"]);
    for none in ["checks_failed", "checks_not_made", "ambiguous_unresolved"] {
        assert_eq!(summary["data"][none], 0, "{none}: {text}");
    }
    assert_eq!(summary["data"]["violations"], serde_json::json!({}), "{text}");
}
