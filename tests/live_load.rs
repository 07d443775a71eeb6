//! The loader on a real cluster, undisturbed and disturbed.
//!
//! Needs a lab: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the tests say so and
//! pass.

#[path = "support/proxy.rs"]
mod proxy;
mod tpcc_lab;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proxy::{Fault, Proxy, Then};
use rollproof::event::StatementKind;
use rollproof::session::{Statement, cell};
use rollproof::tpcc::load::{Bulk, LoadStage};
use rollproof::tpcc::{
    EndpointState, LoadError, LoadProgress, LoadRequest, NotLoaded, load, read_marker,
    require_loaded,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tpcc_lab::lab::{ask_lab, scripts_lab_beside};
use tpcc_lab::{MINUTE, admin, contents, database, load_quietly, open, open_at};

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_killed_again_and_again_ends_with_the_rows_of_an_undisturbed_load() {
    let Some(calm) = database("live_load_calm", 1).await else { return };
    let Some(killed) = database("live_load_killed", 1).await else { return };
    load_quietly(&calm).await.unwrap();

    // Interrupted every 1.5 s; at last it is left alone, because checking takes longer than that.
    let mut interruptions = 0;
    while interruptions < 6 {
        let part = tokio::time::timeout(Duration::from_millis(1500), load_quietly(&killed));
        match part.await {
            Ok(result) => drop(result.unwrap()),
            Err(_) => interruptions += 1,
        }
        let mut session = open(&killed, false).await;
        let by = Instant::now() + MINUTE;
        match require_loaded(&mut session, &killed.database, by).await {
            Err(NotLoaded::HalfLoaded { warehouses: 1, .. }) => {}
            Ok(_) => break,
            other => panic!("{other:?}"),
        }
    }
    load_quietly(&killed).await.unwrap();
    assert!(interruptions > 0, "the loader was never interrupted");
    assert_eq!(contents(&killed, 0).await, contents(&calm, 0).await);

    let mut other = killed.clone();
    other.seed += 1;
    assert!(matches!(load_quietly(&other).await, Err(LoadError::OtherParameters { .. })));
    admin(&calm, "DROP DATABASE live_load_calm").await;
    admin(&calm, "DROP DATABASE live_load_killed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_sent_as_files_and_rows_inserted_are_the_same() {
    let Some(files) = database("live_load_files", 1).await else { return };
    let Some(inserts) = database("live_load_inserts", 1).await else { return };
    let inserts = LoadRequest { load_data: false, ..inserts };
    let by_files = load_quietly(&files).await.unwrap();
    let by_inserts = load_quietly(&inserts).await.unwrap();
    // The lab allows files; elsewhere this only says that both ways do the same.
    assert_eq!(by_files.bulk, Some(Bulk::LoadData));
    assert!(matches!(by_inserts.bulk, Some(Bulk::Insert { .. })), "{by_inserts:?}");
    assert_eq!(contents(&files, 0).await, contents(&inserts, 0).await);
    // Of the probe nothing is left, and a complete load is not written again.
    assert_eq!(
        admin_count(&files, "SELECT COUNT(*) FROM live_load_files.rollproof_probe").await,
        0
    );
    assert_eq!(load_quietly(&files).await.unwrap().bulk, None);
    admin(&files, "DROP DATABASE live_load_files").await;
    admin(&files, "DROP DATABASE live_load_inserts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_files_is_sent_inserts() {
    let Some(request) = database("live_load_refused", 1).await else { return };
    let files = async |value: &str| {
        for zone in 0..request.logins.len() {
            let sql = format!("SET GLOBAL local_infile = {value}");
            let statement = Statement::built(StatementKind::Admin, sql);
            let mut session = open_at(&request, zone, false).await;
            session.query(&statement, Instant::now() + MINUTE).await.unwrap();
        }
    };
    files("OFF").await;
    let loaded = load_quietly(&request).await;
    files("ON").await;
    let loaded = loaded.unwrap();
    assert!(matches!(&loaded.bulk, Some(Bulk::Insert { because }) if !because.is_empty()));
    assert_eq!((loaded.failures, loaded.rows_written), (0, loaded.rows_total));
    admin(&request, "DROP DATABASE live_load_refused").await;
}

async fn admin_count(request: &LoadRequest, sql: &'static str) -> u64 {
    let mut session = open(request, false).await;
    let statement = Statement::fixed(StatementKind::Read, sql);
    let answer = session.query(&statement, Instant::now() + MINUTE).await.unwrap();
    cell(&answer.rows[0], 0).unwrap()
}

async fn all_zones_are_back() {
    let status = || tokio::task::spawn_blocking(|| ask_lab(&["status"]).status.success());
    let by = Instant::now() + MINUTE;
    while !status().await.unwrap() {
        assert!(Instant::now() < by, "a zone did not come back");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Disturbs one zone after the other: the first stands still for longer than its peers put up
/// with, the second is killed, the third stopped in order.
async fn disturb() {
    scripts_lab_beside(&["fault", "pause", "zone1"]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    scripts_lab_beside(&["fault", "resume", "zone1"]).await;
    all_zones_are_back().await;
    scripts_lab_beside(&["fault", "kill", "zone2"]).await;
    scripts_lab_beside(&["start-server", "zone2"]).await;
    all_zones_are_back().await;
    scripts_lab_beside(&["stop-server", "zone3"]).await;
    scripts_lab_beside(&["start-server", "zone3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_survives_its_zones_and_ends_the_same_on_each_of_them() {
    let Some(mut disturbed) = database("live_load_disturbed", 2).await else { return };
    if disturbed.logins.len() < 3 {
        println!("skipped: a cluster of one zone does not survive losing it");
        return;
    }
    disturbed.workers = 3;
    // Long enough for all that is done to the zones, here and on faster machines.
    disturbed.rows_per_s = Some(50_000);
    let Some(calm) = database("live_load_calm", 2).await else { return };
    load_quietly(&calm).await.unwrap();

    let request = disturbed.clone();
    let away = Arc::new(Mutex::new([false; 3]));
    let seen = Arc::clone(&away);
    let loading = tokio::spawn(async move {
        let watch = |progress: LoadProgress| {
            let mut seen = seen.lock().unwrap();
            for (zone, state) in progress.endpoints.iter().enumerate() {
                seen[zone] |= matches!(state, EndpointState::Away(_));
            }
        };
        load(&request, &watch, CancellationToken::new()).await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    disturb().await;
    let summary = loading.await.unwrap().unwrap();
    assert!(summary.failures > 0, "nothing disturbed the load: {summary:?}");
    assert_eq!(summary.rows_written, summary.rows_total);
    let [_, killed, stopped] = *away.lock().unwrap();
    assert!(killed && stopped, "the progress never told which zones were away");

    let expected = contents(&calm, 0).await;
    for zone in 0..3 {
        assert_eq!(contents(&disturbed, zone).await, expected, "zone {zone}");
    }
    admin(&calm, "DROP DATABASE live_load_calm").await;
    admin(&calm, "DROP DATABASE live_load_disturbed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_counts_as_written_although_the_answer_to_its_commit_was_lost() {
    let Some(request) = database("live_load_answers", 1).await else { return };
    let proxy = Proxy::start(&format!("{}:{}", request.logins[0].host, request.logins[0].port));
    let mut lossy = request.clone();
    lossy.logins.truncate(1);
    lossy.logins[0].port = proxy.address().port();

    proxy.begin(Fault::LoseCommitAnswer(Then::Reset));
    let loading = tokio::spawn(async move { load_quietly(&lossy).await });
    let by = Instant::now() + MINUTE;
    let lost = || proxy.lost_commits().iter().filter(|commit| commit.applied).count();
    while lost() < 3 {
        assert!(Instant::now() < by, "no COMMIT was lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.end();
    let summary = loading.await.unwrap().unwrap();
    assert!(summary.failures >= 3, "{summary:?}");
    assert_eq!(summary.rows_written, summary.rows_total);
    admin(&request, "DROP DATABASE live_load_answers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_somebody_else_is_left_alone() {
    let Some(request) = database("live_load_foreign", 1).await else { return };
    admin(&request, "CREATE DATABASE live_load_foreign").await;
    admin(&request, "CREATE TABLE live_load_foreign.ledger (id INT PRIMARY KEY)").await;
    let error = load_quietly(&request).await.unwrap_err();
    assert!(matches!(&error, LoadError::Foreign { example, .. } if example == "ledger"), "{error}");

    let mut session = open(&request, true).await;
    let by = Instant::now() + MINUTE;
    assert_eq!(read_marker(&mut session, &request.database, by).await.unwrap(), None);
    let error = require_loaded(&mut session, "live_load_nowhere", by).await.unwrap_err();
    assert!(matches!(error, NotLoaded::NoDatabase { .. }), "{error}");
    admin(&request, "DROP DATABASE live_load_foreign").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_a_server_gives_up_and_names_the_last_failure() {
    let Some(mut request) = database("live_load_nobody", 1).await else { return };
    request.logins.iter_mut().for_each(|login| login.port = 1);
    request.patience = Duration::from_secs(1);
    let stages = Mutex::new(Vec::new());
    let watch = |progress: LoadProgress| {
        stages.lock().unwrap().push(progress.stage);
    };
    let error = load(&request, &watch, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, LoadError::NoProgress { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(stages.into_inner().unwrap(), [LoadStage::Preparing]);

    let stop = CancellationToken::new();
    stop.cancel();
    assert!(matches!(load(&request, &|_| {}, stop).await, Err(LoadError::Stopped)));
}
