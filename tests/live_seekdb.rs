//! The workload on OceanBase's own kernel: what it takes, what it refuses and how it says so.
//!
//! Needs a lab of that product: `scripts/lab up --product seekdb`, then
//! `eval "$(scripts/lab env)"`. Anywhere else the tests say so and pass. It is a single server:
//! what a cluster of OceanBase does, moving leaders and all, it cannot show.

mod tpcc_lab;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rollproof::cluster::oceanbase::queries;
use rollproof::event::{ErrorClass, Outcome, StatementKind};
use rollproof::scenario::{Isolation, Product};
use rollproof::session::{BEGIN, COMMIT, Failure, Login, ROLLBACK, Session, Statement, cell};
use rollproof::tpcc::load::Bulk;
use rollproof::tpcc::{LoadRequest, begin_run, session_settings};
use tokio::time::Instant;
use tpcc_lab::lab::scripts_lab;
use tpcc_lab::work::{broken, drive};
use tpcc_lab::{MINUTE, admin, load_quietly, patient};

const DATABASE: &str = "live_seekdb";

/// Ten are loaded in minutes; one shows the same in a pinch.
fn warehouses() -> u32 {
    std::env::var("ROLLPROOF_KERNEL_WAREHOUSES").map_or(1, |number| number.parse().unwrap())
}

/// A database of the test's own on the kernel; `None`, and a word about it, where there is none.
async fn kernel(database: &str) -> Option<LoadRequest> {
    if std::env::var("ROLLPROOF_PRODUCT").as_deref() != Ok("oceanbase") {
        println!("skipped: this lab is not OceanBase's; scripts/lab up --product seekdb");
        return None;
    }
    tpcc_lab::database(database, warehouses()).await
}

fn admin_statement(sql: &str) -> Statement {
    Statement::built(StatementKind::Admin, sql.to_owned())
}

async fn first_text(session: &mut Session, sql: &str, column: usize) -> Option<String> {
    let answer = session.query(&admin_statement(sql), Instant::now() + MINUTE).await;
    answer.ok()?.rows.first().map(|row| cell(row, column).unwrap())
}

/// Leaves the database to the next test.
#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_database_keeps_its_conditions_through_every_transaction() {
    let Some(request) = kernel(DATABASE).await else { return };
    let written = load_quietly(&request).await.unwrap();
    let bulk = written.bulk.unwrap();
    assert!(matches!(bulk, Bulk::Insert { .. }), "the kernel commits LOAD DATA by itself: {bulk}");
    assert_eq!(load_quietly(&request).await.unwrap().rows_written, 0);

    let mut session = patient(&request, true).await;
    layout(&mut session).await;
    assert_eq!(broken(&request, &mut session, true).await, Vec::<String>::new());
    let by = Instant::now() + MINUTE;
    let run = begin_run(&mut session, &request.database, by).await.unwrap();
    few_statements(&request, &mut session, run).await;
    assert_eq!(broken(&request, &mut session, false).await, Vec::<String>::new());
}

/// All five kinds of transactions, under a limit on prepared statements that the server itself
/// holds every session to.
async fn few_statements(request: &LoadRequest, session: &mut Session, run: u32) {
    limit_cursors(session, 40).await;
    let driven = {
        let request = request.clone();
        tokio::spawn(async move { drive(&request, run, 115).await.len() }).await
    };
    limit_cursors(session, 3).await;
    let mut one_too_many = None;
    let mut other = patient(request, true).await;
    for number in 0..5 {
        let sql = format!("SELECT {number} FROM warehouse WHERE w_id = ?");
        let statement = Box::leak(Box::new(Statement::built(StatementKind::Read, sql)));
        let by = Instant::now() + MINUTE;
        one_too_many = one_too_many.or(other.execute(statement, (1,), by).await.err());
    }
    limit_cursors(session, 50).await;
    assert!(driven.unwrap() > 350);
    assert_eq!(one_too_many.expect("three are allowed").code.errno, 5930);
}

async fn limit_cursors(session: &mut Session, most: u32) {
    let sql = format!("ALTER SYSTEM SET open_cursors = {most}");
    session.query(&admin_statement(&sql), Instant::now() + MINUTE).await.unwrap();
}

/// Every table but `item` is partitioned by warehouse, and in the tablegroup where the parser
/// knows such a thing.
async fn layout(session: &mut Session) {
    let by = || Instant::now() + MINUTE;
    let grouped = session.query(&admin_statement("CREATE TABLEGROUP live_probe"), by()).await;
    match &grouped {
        Ok(_) => drop(session.query(&admin_statement("DROP TABLEGROUP live_probe"), by()).await),
        Err(failure) => assert_eq!(failure.class, ErrorClass::Schema, "{failure}"),
    }
    println!("tablegroups: {}", if grouped.is_ok() { "yes" } else { "no" });
    let tables =
        ["item", "warehouse", "district", "stock", "customer", "history", "orders", "order_line"];
    for table in tables {
        let sql = format!("SHOW CREATE TABLE {table}");
        let text = first_text(session, &sql, 1).await.unwrap().to_lowercase();
        let spread = table != "item";
        assert_eq!(text.contains("partition by hash"), spread, "{text}");
        assert_eq!(text.contains("tablegroup"), spread && grouped.is_ok(), "{text}");
    }
}

/// A session with these limits, in milliseconds, on a table of two rows.
async fn limited(request: &LoadRequest, statement_ms: u64, transaction_ms: u64) -> Session {
    let time = Duration::from_millis;
    let settings = session_settings(
        Product::OceanBase,
        Isolation::ReadCommitted,
        time(statement_ms),
        time(transaction_ms),
    );
    let login = Login { settings, database: Some("test".to_owned()), ..request.logins[0].clone() };
    Session::open(&login, Instant::now() + MINUTE).await.unwrap()
}

async fn write(session: &mut Session, row: u32) -> Result<(), Failure> {
    let sql = format!("UPDATE live_codes SET b = b + 1 WHERE a = {row}");
    let statement = Statement::built(StatementKind::Write, sql);
    session.query(&statement, Instant::now() + MINUTE).await.map(|_| ())
}

async fn begin(session: &mut Session) {
    session.query(&BEGIN, Instant::now() + MINUTE).await.unwrap();
    write(session, 1).await.unwrap();
}

/// The codes that one server can be brought to say, each by what makes it say so.
#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_s_codes_mean_what_the_table_says() {
    let Some(request) = kernel("live_seekdb_codes").await else { return };
    let by = || Instant::now() + MINUTE;
    let mut root = limited(&request, 30_000, 60_000).await;
    for sql in [
        "DROP TABLE IF EXISTS live_codes",
        "CREATE TABLE live_codes (a INT PRIMARY KEY, b INT NOT NULL)",
        "INSERT INTO live_codes VALUES (1, 0), (2, 0)",
    ] {
        root.query(&admin_statement(sql), by()).await.unwrap();
    }

    // The server gives a statement up just before the client would.
    let mut session = limited(&request, 1_000, 5_000).await;
    let asleep = session.query(&admin_statement("SELECT SLEEP(3)"), by()).await.unwrap_err();
    assert_eq!((asleep.class, asleep.code.errno), (ErrorClass::Deadline, 4012), "{asleep}");

    // A row that somebody holds: the transaction can be tried again on this connection.
    begin(&mut root).await;
    let mut session = limited(&request, 1_000, 5_000).await;
    session.query(&BEGIN, by()).await.unwrap();
    let locked = write(&mut session, 1).await.unwrap_err();
    assert_eq!((locked.class, locked.code.errno), (ErrorClass::LockWait, 1205), "{locked}");
    assert!(session.is_open());
    root.query(&ROLLBACK, by()).await.unwrap();

    // A transaction that took too long is gone, and its COMMIT is known to have failed.
    let mut session = limited(&request, 1_000, 1_000).await;
    begin(&mut session).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let late = write(&mut session, 2).await.unwrap_err();
    assert_eq!((late.class, late.code.errno), (ErrorClass::Deadline, 4012), "{late}");
    let mut session = limited(&request, 1_000, 1_000).await;
    begin(&mut session).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let late = session.query(&COMMIT, by()).await.unwrap_err();
    assert_eq!(late.code.errno, 6002, "{late}");
    assert_eq!(late.outcome(), Outcome::Failed(ErrorClass::RolledBack));

    // Someone ends a statement, someone ends a session in the middle of a transaction.
    let mut session = limited(&request, 10_000, 20_000).await;
    let id = session.server_id().unwrap();
    let (asleep, kill) =
        (admin_statement("SELECT SLEEP(5)"), admin_statement(&format!("KILL QUERY {id}")));
    let (killed, _) = tokio::join!(session.query(&asleep, by()), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        root.query(&kill, by()).await.unwrap()
    });
    assert_eq!(killed.unwrap_err().code.errno, 1317);
    let mut session = limited(&request, 10_000, 20_000).await;
    begin(&mut session).await;
    let id = session.server_id().unwrap();
    root.query(&admin_statement(&format!("KILL {id}")), by()).await.unwrap();
    let lost = session.query(&COMMIT, by()).await.unwrap_err();
    assert_eq!(lost.outcome(), Outcome::Ambiguous(ErrorClass::ConnectionLost), "{lost}");

    // A snapshot that meets a newer row.
    let mut session = limited(&request, 10_000, 20_000).await;
    let snapshot = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    session.query(&admin_statement(snapshot), by()).await.unwrap();
    session.query(&BEGIN, by()).await.unwrap();
    session.query(&admin_statement("SELECT * FROM live_codes"), by()).await.unwrap();
    write(&mut root, 2).await.unwrap();
    let newer = write(&mut session, 2).await.unwrap_err();
    assert_eq!((newer.class, newer.code.errno), (ErrorClass::Conflict, 6235), "{newer}");

    let sum = root.query(&admin_statement("SELECT SUM(b) FROM live_codes"), by()).await.unwrap();
    assert_eq!(cell::<u32>(&sum.rows[0], 0).unwrap(), 1, "only the one that was acknowledged");
    root.query(&admin_statement("DROP TABLE live_codes"), by()).await.unwrap();
}

#[tokio::test]
async fn a_user_is_named_with_the_tenant() {
    let Some(request) = kernel("live_seekdb_user").await else { return };
    let login = |user: &str| Login { user: user.to_owned(), ..request.logins[0].clone() };
    let name = request.logins[0].user.clone();
    let by = Instant::now() + MINUTE;
    Session::open(&login(&format!("{name}@sys")), by).await.unwrap();
    // A server takes the cluster for a part of the tenant's name.
    for wrong in [format!("{name}@nosuch"), format!("{name}@sys#cluster")] {
        let refused = Session::open(&login(&wrong), by).await.unwrap_err();
        assert_eq!(refused.class, ErrorClass::Auth, "{refused}");
    }
}

/// The two parameters that say how far an upgrade is.
async fn stage(session: &mut Session) -> [String; 2] {
    let value =
        |name| format!("SELECT value FROM oceanbase.GV$OB_PARAMETERS WHERE name = '{name}'");
    let mode = first_text(session, &value("enable_upgrade_mode"), 0).await;
    [mode, first_text(session, &value("_upgrade_stage"), 0).await].map(Option::unwrap)
}

/// 1.4 has dropped an upgrade's own statements. Those before refuse END ROLLING UPGRADE, there being
/// no newer version to move to.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_s_own_statements_leave_their_events() {
    let Some(request) = kernel("live_seekdb_beside").await else { return };
    let by = || Instant::now() + MINUTE;
    let mut root = limited(&request, 30_000, 60_000).await;
    if let Err(failure) = root.query(&admin_statement("ALTER SYSTEM BEGIN UPGRADE"), by()).await {
        assert_eq!(failure.class, ErrorClass::Schema, "{failure}");
        println!("this kernel's grammar has no upgrade");
        return;
    }
    assert_eq!(stage(&mut root).await, ["True", "PREUPGRADE"]);
    root.query(&admin_statement("ALTER SYSTEM BEGIN ROLLING UPGRADE"), by()).await.unwrap();
    assert_eq!(stage(&mut root).await, ["True", "DBUPGRADE"]);
    let refused = root.query(&admin_statement("ALTER SYSTEM END ROLLING UPGRADE"), by()).await;
    assert_eq!(refused.unwrap_err().code.errno, 4147);
    let mut root = limited(&request, 30_000, 60_000).await;
    root.query(&admin_statement("ALTER SYSTEM END UPGRADE"), by()).await.unwrap();
    assert_eq!(stage(&mut root).await, ["False", "NONE"]);
    let events = "SELECT GROUP_CONCAT(event ORDER BY `timestamp` DESC SEPARATOR ' ') \
         FROM oceanbase.DBA_OB_CLUSTER_EVENT_HISTORY WHERE module = 'UPGRADE'";
    let events = first_text(&mut root, events, 0).await.unwrap();
    let last = "END_UPGRADE BEGIN_ROLLING_UPGRADE BEGIN_UPGRADE";
    assert!(events.starts_with(last), "{events}");
}

/// What the kernel says to every query of checks and observer. A view it lacks is no view with no
/// rows: that is what `unsupported` stands for.
#[tokio::test(flavor = "multi_thread")]
async fn every_query_whose_view_is_there_is_answered() {
    let Some(request) = kernel("live_seekdb_beside").await else { return };
    let mut root = limited(&request, 30_000, 60_000).await;
    root.query(&admin_statement("USE oceanbase"), Instant::now() + MINUTE).await.unwrap();
    let mut said = String::new();
    for (who, text) in queries() {
        let mut answers = Vec::new();
        for sql in text.replace("=PACKED", "=0").split(';') {
            let answer = root.query(&admin_statement(sql), Instant::now() + MINUTE).await;
            answers.push(match answer {
                Ok(_) => "answered",
                Err(failure) if failure.code.errno == 1146 => "no such view",
                Err(failure) if failure.code.errno == 1054 => "lacks a column",
                Err(failure) => panic!("{who}: {failure}\n{sql}"),
            });
        }
        said += &format!("{who:<21} {}\n", answers.join("; "));
    }
    let version = first_text(&mut root, "SELECT version()", 0).await.unwrap();
    let kernel = version.split("seekdb-v").nth(1).unwrap();
    let kernel = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    insta::assert_snapshot!(format!("queries_on_{kernel}"), said);
}

fn rollproof(verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    // The tenant and a cluster, as through a proxy; the server itself is told the tenant.
    command.args([verb, "--user", "rollproof@sys#lab", "--database", DATABASE]);
    command.args(["--warehouses", &warehouses().to_string(), "--seed", "7"]);
    command
}

/// Waits until the run's record has something of this phase.
fn wait_for(child: &mut Child, dir: &Path, phase: &str) {
    let began = std::time::Instant::now();
    let announced = format!("\"{phase}\"");
    while !fs::read_to_string(dir.join("cluster.jsonl")).is_ok_and(|t| t.contains(&announced)) {
        assert!(began.elapsed() < MINUTE, "{phase} never came");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before {phase}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_loses_nothing_that_was_acknowledged() {
    let Some(request) = kernel("live_seekdb_beside").await else { return };
    let loaded = rollproof("load").output().unwrap();
    assert!(loaded.status.success(), "{loaded:?}");
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("killed");
    let mut run = rollproof("run");
    run.args(["--run-id", "killed", "--rate", "40", "--terminals", "8", "--warm-up", "2s"]);
    run.args(["--baseline", "4s", "--duration", "40s", "--settle", "2s", "--final", "2s"]);
    run.arg("--results").arg(home.path());
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, &dir, "watch");
    for _ in 0..2 {
        std::thread::sleep(Duration::from_secs(1));
        scripts_lab(&["fault", "kill", "zone1"]);
        scripts_lab(&["start-server", "zone1"]);
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!([1, 4].contains(&output.status.code().unwrap()), "{output:?}");
    assert!(text.contains("zone1 unreachable"), "{text}");

    let summary = fs::read_to_string(dir.join("summary.json")).unwrap();
    let data = serde_json::from_str::<serde_json::Value>(&summary).unwrap()["data"].clone();
    assert!(data["acknowledged"].as_u64().unwrap() > 300, "{data}");
    for none in ["checks_failed", "checks_not_made", "ambiguous_unresolved"] {
        assert_eq!(data[none], 0, "{none}: {text}");
    }
    assert_eq!(data["violations"], serde_json::json!({}), "{text}");
    admin(&request, "DROP DATABASE live_seekdb").await;
}
