//! The initial load while all three zones are upgraded, and a recorded load that is killed.
//!
//! Rolls the lab of `scripts/test`, which it puts back on the older release first: run it on a lab
//! whose data may be thrown away, `eval "$(scripts/lab env)"`. Without one it says so and passes.

mod tpcc_lab;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rollproof::analysis::{Analysis, StepOutcome, analyze};
use rollproof::event::{StatementKind, ZoneId};
use rollproof::record::Record;
use rollproof::session::{Statement, cell};
use rollproof::tpcc::{LoadRequest, chunk_count};
use tokio::time::Instant;
use tpcc_lab::lab::scripts_lab;
use tpcc_lab::{MINUTE, admin, contents, database, load_quietly, open_at};

const PLAN: &str = "workloads/plans/galera-lab.toml";

/// `rollproof load` of what `request` describes, recorded in `results/id`.
fn rollproof_load(request: &LoadRequest, results: &Path, id: &str, more: &[&str]) -> Child {
    let (warehouses, seed) = (request.warehouses.to_string(), request.seed.to_string());
    Command::new(env!("CARGO_BIN_EXE_rollproof"))
        .args(["load", "--database", &request.database, "--warehouses", &warehouses])
        .args(["--seed", &seed, "--quiet", "--run-id", id, "--results"])
        .arg(results)
        .args(more)
        .stdout(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn analysis(results: &Path, id: &str) -> Analysis {
    analyze(&[Record::open(&results.join(id)).unwrap()]).unwrap()
}

/// Every zone holds what an undisturbed load of the same seed gives, and every chunk's mark once.
async fn is_exact(loaded: &LoadRequest, calm: &LoadRequest) {
    let expected = contents(calm, 0).await;
    let chunks = chunk_count(loaded.warehouses, loaded.seed);
    for zone in 0..loaded.logins.len() {
        assert_eq!(contents(loaded, zone).await, expected, "zone {zone}");
        let mut session = open_at(loaded, zone, true).await;
        let sql = "SELECT COUNT(*) FROM rollproof_chunk";
        let count = Statement::fixed(StatementKind::Read, sql);
        let answer = session.query(&count, Instant::now() + MINUTE).await.unwrap();
        assert_eq!(cell::<u64>(&answer.rows[0], 0).unwrap(), chunks, "zone {zone}");
    }
}

/// The record has every step of every zone as a phase, and what the workers met.
fn has_every_step(of: &Analysis) {
    let steps = &of.run.upgrade.as_ref().unwrap().zone_steps;
    for zone in (0..3).map(ZoneId) {
        for step in steps {
            let done = of.course.steps.iter().any(|run| {
                run.zone == Some(zone) && run.step == *step && run.outcome == StepOutcome::Done
            });
            assert!(done, "{step} of {zone:?} did not end well");
            let phase = of
                .phases
                .iter()
                .any(|p| p.phase.name.zone == Some(zone) && p.phase.name.step == *step);
            assert!(phase, "{step} of {zone:?} is no phase");
        }
        let probes = &of.probes[zone.index()];
        assert!(probes.down_us > 0, "nobody felt {zone:?} go away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_through_a_rolling_upgrade_is_exact_on_every_zone() {
    let Ok(target) = std::env::var("ROLLPROOF_LAB_NEW_VERSION") else {
        println!(
            "skipped: ROLLPROOF_LAB_NEW_VERSION is not set; eval \"$(scripts/lab env)\" first"
        );
        return;
    };
    scripts_lab(&["up", "--fresh"]);
    let Some(loaded) = database("live_upload", 1).await else { return };
    let Some(calm) = database("live_upload_calm", 1).await else { return };
    load_quietly(&calm).await.unwrap();

    let results = tempfile::tempdir().unwrap();
    let upgrade = ["--upgrade", PLAN, "--target-version", &target, "--baseline", "2s"];
    // Slow enough for the load to last through most of the upgrade, here and on slow machines.
    let more = [&upgrade[..], &["--rows-per-second", "12000"]].concat();
    let status = rollproof_load(&loaded, results.path(), "up", &more).wait().unwrap();
    assert_eq!(status.code(), Some(0));

    let of = analysis(results.path(), "up");
    has_every_step(&of);
    let (counts, load) = (&of.total.counts, of.load.as_ref().unwrap());
    assert_eq!((load.outcome, counts.good), (StepOutcome::Done, counts.offered));
    assert_eq!(counts.good, chunk_count(loaded.warehouses, loaded.seed));
    assert!(load.upgrade_share.unwrap() > 0.3, "{load:?}");
    assert!(counts.absorbed > 0 && !of.errors.is_empty(), "nothing disturbed the load: {counts:?}");
    assert!(of.problems.is_empty(), "{:?}", of.problems);
    is_exact(&loaded, &calm).await;

    // A row that is not the load's, on one zone alone: data wrong, and the audit says where.
    let spoil = "UPDATE item SET i_price = i_price + 1 WHERE i_id = 7";
    let mut session = open_at(&loaded, 1, true).await;
    for sql in ["SET SESSION wsrep_on = OFF", spoil] {
        let statement = Statement::fixed(StatementKind::Admin, sql);
        session.query(&statement, Instant::now() + MINUTE).await.unwrap();
    }
    let again = Command::new(env!("CARGO_BIN_EXE_rollproof"))
        .arg("audit")
        .arg(results.path().join("up"))
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    let wrong = analysis(results.path(), "up").data.unwrap();
    let names: Vec<_> =
        wrong.failures.iter().map(|of| (of.zone, of.check.check.as_str())).collect();
    assert_eq!(names, [(ZoneId(1), "loaded-item"), (ZoneId(1), "same-item")]);
    for database in [&loaded, &calm] {
        admin(database, &format!("DROP DATABASE {}", database.database)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_killed_in_the_middle_goes_on_when_started_again() {
    let Some(loaded) = database("live_upload_killed", 1).await else { return };
    let Some(calm) = database("live_upload_calm", 1).await else { return };
    load_quietly(&calm).await.unwrap();

    let results = tempfile::tempdir().unwrap();
    let slow = ["--rows-per-second", "60000"];
    let mut killed = rollproof_load(&loaded, results.path(), "killed", &slow);
    tokio::time::sleep(Duration::from_secs(5)).await;
    killed.kill().unwrap();
    assert!(killed.wait().unwrap().code().is_none(), "it ended before it was killed");
    let of = analysis(results.path(), "killed");
    assert_eq!(of.load.as_ref().unwrap().outcome, StepOutcome::Open);
    let before = of.total.counts.good;
    assert!(before > 0, "it was killed before it wrote anything");

    let status = rollproof_load(&loaded, results.path(), "again", &[]).wait().unwrap();
    assert_eq!(status.code(), Some(0));
    let of = analysis(results.path(), "again");
    let chunks = chunk_count(loaded.warehouses, loaded.seed);
    assert!(of.total.counts.good + before <= chunks, "a chunk was written twice");
    is_exact(&loaded, &calm).await;

    // Complete: nothing left to load, and no directory that looks like a run.
    let status = rollproof_load(&loaded, results.path(), "third", &[]).wait().unwrap();
    assert_eq!(status.code(), Some(0));
    let more = ["--upgrade", PLAN, "--target-version", "1"];
    let status = rollproof_load(&loaded, results.path(), "third", &more).wait().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(!results.path().join("third").exists());
    for database in [&loaded, &calm] {
        admin(database, &format!("DROP DATABASE {}", database.database)).await;
    }
}
