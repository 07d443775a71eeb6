//! The workload on a real cluster: load, transactions, conditions, and a loader killed on the way.
//!
//! Needs a lab: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the tests say so and
//! pass.

use std::sync::Mutex;
use std::time::Duration;

use rollproof::classify::Retry;
use rollproof::event::{Outcome, StatementKind, TxnKind, WriteKey};
use rollproof::scenario::{Isolation, Product, Zone};
use rollproof::session::{Login, Password, Session, Statement, cell};
use rollproof::tpcc::conditions::{CONDITIONS, Extent, Holds, find};
use rollproof::tpcc::load::LoadStage;
use rollproof::tpcc::scale::Table;
use rollproof::tpcc::schema::column_names;
use rollproof::tpcc::{
    Home, Input, Limits, LoadError, LoadRequest, NotLoaded, RunConstants, Stamp, TerminalSource,
    begin_run, execute, load, read_marker, require_loaded, session_settings,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);

/// A database of the test's own on the lab; `None`, and a word about it, where there is no lab.
async fn lab(database: &str, warehouses: u32) -> Option<LoadRequest> {
    let Ok(zones) = std::env::var("ROLLPROOF_ZONES") else {
        println!("skipped: ROLLPROOF_ZONES is not set; start a lab with `scripts/lab up`");
        return None;
    };
    let login = |zone: &str| {
        let zone: Zone = zone.parse().unwrap();
        let (host, port) = zone.host_port().unwrap();
        Login {
            product: Product::Galera,
            host: host.to_owned(),
            port,
            user: std::env::var("ROLLPROOF_USER").unwrap(),
            password: Password::new(std::env::var("ROLLPROOF_PASSWORD").unwrap_or_default()),
            database: None,
            settings: Vec::new(),
        }
    };
    let request = LoadRequest {
        logins: zones.split(',').map(login).collect(),
        product: Product::Galera,
        database: database.to_owned(),
        warehouses,
        seed: 7,
        workers: 2,
        beside_others: false,
        connect_deadline: Duration::from_secs(2),
        statement_deadline: Duration::from_secs(30),
        patience: MINUTE,
    };
    admin(&request, &format!("DROP DATABASE IF EXISTS {database}")).await;
    Some(request)
}

async fn open(request: &LoadRequest, database: bool) -> Session {
    let settings = session_settings(
        request.product,
        Isolation::ReadCommitted,
        Duration::from_secs(2),
        Duration::from_secs(5),
    );
    let database = database.then(|| request.database.clone());
    let login = Login { database, settings, ..request.logins[0].clone() };
    Session::open(&login, Instant::now() + MINUTE).await.unwrap()
}

async fn admin(request: &LoadRequest, sql: &str) {
    let mut session = open(request, false).await;
    let statement = Statement::built(StatementKind::Admin, sql.to_owned());
    session.query(&statement, Instant::now() + MINUTE).await.unwrap();
}

async fn number(session: &mut Session, sql: String) -> u64 {
    let statement = Statement::built(StatementKind::Read, sql);
    let answer = session.query(&statement, Instant::now() + MINUTE).await.unwrap();
    cell(&answer.rows[0], 0).unwrap()
}

/// Row count and an order-independent checksum of every table.
async fn contents(request: &LoadRequest) -> Vec<(Table, u64, String)> {
    let mut session = open(request, true).await;
    let mut contents = Vec::new();
    for table in Table::ALL {
        let columns: Vec<_> =
            column_names(*table).map(|column| format!("COALESCE({column}, 'NULL')")).collect();
        let sql = format!(
            "SELECT COUNT(*), CAST(SUM(CRC32(CONCAT_WS('|', {}))) AS CHAR) FROM {table}",
            columns.join(", ")
        );
        let statement = Statement::built(StatementKind::Read, sql);
        let answer = session.query(&statement, Instant::now() + MINUTE).await.unwrap();
        contents.push((
            *table,
            cell(&answer.rows[0], 0).unwrap(),
            cell(&answer.rows[0], 1).unwrap(),
        ));
    }
    contents
}

async fn load_quietly(request: &LoadRequest) -> Result<u64, LoadError> {
    let summary = load(request, &|_| {}, CancellationToken::new()).await?;
    assert!(summary.marker.load_complete && summary.notes.is_empty(), "{summary:?}");
    Ok(summary.rows_written)
}

/// Every condition that does not hold, with its first violation.
async fn broken(request: &LoadRequest, session: &mut Session, after_load: bool) -> Vec<String> {
    let mut broken = Vec::new();
    for condition in CONDITIONS {
        if condition.holds == Holds::AfterLoad && !after_load {
            continue;
        }
        let by = Instant::now() + MINUTE;
        let found = condition.check(session, Extent::All, request.warehouses, by).await.unwrap();
        if let Some(first) = found.first.first() {
            broken.push(format!("{}: {} {first:?}", condition.id, found.total));
        }
    }
    broken
}

type Written = Vec<(Input, Stamp, WriteKey)>;

/// Four terminals at once do what the deck says, repeating what a lock or a conflict prevented.
async fn drive(request: &LoadRequest, run: u32, count: u64) -> Written {
    let mut session = open(request, true).await;
    let by = Instant::now() + MINUTE;
    let marker = require_loaded(&mut session, &request.database, by).await.unwrap();
    let constants = RunConstants::new(request.seed, marker.c_load);
    let mut terminals = tokio::task::JoinSet::new();
    for terminal in 0..4 {
        let home = Home::of(terminal, request.warehouses);
        let source =
            TerminalSource::new(request.seed, terminal, home, request.warehouses, constants);
        terminals.spawn(work(open(request, true).await, source, run, terminal, count));
    }
    terminals.join_all().await.concat()
}

async fn work(
    mut session: Session,
    mut source: TerminalSource,
    run: u32,
    terminal: u32,
    count: u64,
) -> Written {
    let mut seen = [0; TxnKind::COUNT];
    let (mut written, mut repeated) = (Vec::new(), 0);
    for sequence in 0..count {
        let input = source.next();
        let epoch_us = 1_800_000_000_000_000 + sequence as i64 * 4 + i64::from(terminal);
        let stamp = Stamp { run_number: run, terminal, sequence, epoch_us };
        let execution = loop {
            let limits = Limits { statement: Duration::from_secs(2), by: Instant::now() + MINUTE };
            let execution = execute(&mut session, &input, stamp, limits).await;
            match execution.outcome {
                Outcome::Failed(class) if class.retry() == Retry::SameEndpoint => repeated += 1,
                _ => break execution,
            }
        };
        let expected = match &input {
            Input::NewOrder(order) if order.rolls_back() => Outcome::RolledBack,
            _ => Outcome::Committed,
        };
        assert_eq!(execution.outcome, expected, "{input:?}: {:?}", execution.failure);
        seen[input.kind().index()] += 1;
        written.extend(execution.key.map(|key| (input, stamp, key)));
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
    assert!(repeated < count / 20, "{repeated} of {count} were repeated");
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_database_keeps_its_conditions_through_every_transaction() {
    let Some(request) = lab("live_tpcc_run", 2).await else { return };
    let written = load_quietly(&request).await.unwrap();
    assert_eq!(load_quietly(&request).await.unwrap(), 0, "loading again writes nothing");
    assert!(written > 1_090_000, "{written}");

    let mut session = open(&request, true).await;
    assert_eq!(broken(&request, &mut session, true).await, Vec::<String>::new());
    let run = begin_run(&mut session, &request.database, Instant::now() + MINUTE).await.unwrap();
    assert_eq!(run, 1);
    let written = drive(&request, run, 230).await;
    assert_eq!(broken(&request, &mut session, false).await, Vec::<String>::new());

    for (input, stamp, key) in &written {
        let w = input.warehouse();
        let at = rollproof::tpcc::time::datetime_text(stamp.epoch_us);
        let (sql, expected) = match key {
            WriteKey::NewOrder { district, order, customer, .. } => (
                format!(
                    "SELECT COUNT(*) FROM orders WHERE o_w_id = {w} AND o_d_id = {district} \
                     AND o_id = {order} AND o_c_id = {customer} AND o_entry_d = '{at}'"
                ),
                1,
            ),
            WriteKey::Payment { amount_cents, .. } => (
                format!(
                    "SELECT COUNT(*) FROM history WHERE h_run = {run} AND h_terminal = {} AND \
                     h_sequence = {} AND h_amount * 100 = {amount_cents} AND h_date = '{at}'",
                    stamp.terminal, stamp.sequence
                ),
                1,
            ),
            WriteKey::Delivery { carrier, orders, .. } => (
                format!(
                    "SELECT COUNT(DISTINCT o_d_id) FROM orders JOIN order_line ON ol_w_id = o_w_id \
                     AND ol_d_id = o_d_id AND ol_o_id = o_id WHERE o_w_id = {w} \
                     AND o_carrier_id = {carrier} AND ol_delivery_d = '{at}'"
                ),
                u64::from(*orders),
            ),
        };
        assert_eq!(number(&mut session, sql).await, expected, "{key:?}");
    }

    let payment = written.iter().find(|(input, ..)| input.kind() == TxnKind::Payment).unwrap();
    let limits = Limits { statement: Duration::from_secs(2), by: Instant::now() + MINUTE };
    let twice = execute(&mut session, &payment.0, payment.1, limits).await;
    let failure = twice.failure.expect("a payment executed twice meets its own key");
    assert_eq!((failure.code.errno, twice.key), (1062, None));
    assert_eq!(broken(&request, &mut session, false).await, Vec::<String>::new());

    spoil_and_see(&request, &mut session).await;
    admin(&request, "DROP DATABASE live_tpcc_run").await;
}

/// Each condition must be able to fail: one row is spoiled, and its condition says where.
async fn spoil_and_see(request: &LoadRequest, session: &mut Session) {
    let cases = [
        ("condition-1", "UPDATE warehouse SET w_ytd = w_ytd + 0.01 WHERE w_id = 2"),
        (
            "condition-2",
            "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = 1 AND d_id = 3",
        ),
        (
            "condition-3",
            "DELETE FROM new_order WHERE no_w_id = 1 AND no_d_id = 4 AND no_o_id = 2900",
        ),
        ("condition-4", "DELETE FROM order_line WHERE ol_w_id = 2 AND ol_d_id = 5"),
        (
            "condition-5",
            "UPDATE orders SET o_carrier_id = NULL WHERE o_w_id = 1 AND o_d_id = 1 AND o_id = 1",
        ),
        (
            "condition-6",
            "DELETE FROM order_line WHERE ol_w_id = 1 AND ol_d_id = 6 AND ol_o_id = 77",
        ),
        (
            "condition-7",
            "UPDATE order_line SET ol_delivery_d = NULL WHERE ol_w_id = 1 AND ol_d_id = 1 AND ol_o_id = 9 AND ol_number = 1",
        ),
        (
            "condition-8",
            "DELETE FROM history WHERE h_run = 0 AND h_terminal = 1 AND h_sequence = 5",
        ),
        ("condition-9", "UPDATE district SET d_ytd = d_ytd - 0.01 WHERE d_w_id = 2 AND d_id = 10"),
        (
            "condition-10",
            "UPDATE customer SET c_balance = c_balance + 0.01 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 1",
        ),
        (
            "condition-12",
            "UPDATE customer SET c_ytd_payment = c_ytd_payment + 0.01 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 1",
        ),
        ("condition-11", "DELETE FROM orders WHERE o_w_id = 2 AND o_d_id = 9"),
        ("cardinalities", "DELETE FROM customer WHERE c_w_id = 2 AND c_d_id = 2"),
        ("cardinalities", "DELETE FROM warehouse WHERE w_id = 1"),
        ("order-numbers", "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 8 AND o_id = 1500"),
        ("stock-moved", "UPDATE stock SET s_ytd = s_ytd + 1 WHERE s_w_id = 1 AND s_i_id = 1"),
        (
            "customer-counts",
            "UPDATE customer SET c_delivery_cnt = 99 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 1",
        ),
        ("orphans", "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 8 AND o_id = 1500"),
        ("orphans", "DELETE FROM item WHERE i_id = 5"),
    ];
    let by = || Instant::now() + MINUTE;
    for (condition, spoil) in cases {
        session.query(&rollproof::session::BEGIN, by()).await.unwrap();
        let statement = Statement::fixed(StatementKind::Write, spoil);
        assert_ne!(session.query(&statement, by()).await.unwrap().affected, 0, "{spoil}");
        let condition = find(condition).unwrap();
        let found = condition.check(session, Extent::All, request.warehouses, by()).await.unwrap();
        assert!(found.total > 0 && !found.first.is_empty(), "{} misses: {spoil}", condition.id);
        session.query(&rollproof::session::ROLLBACK, by()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_killed_again_and_again_ends_with_the_rows_of_an_undisturbed_load() {
    let Some(calm) = lab("live_tpcc_calm", 1).await else { return };
    let Some(killed) = lab("live_tpcc_killed", 1).await else { return };
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
    assert_eq!(contents(&killed).await, contents(&calm).await);

    let mut other = killed.clone();
    other.seed += 1;
    assert!(matches!(load_quietly(&other).await, Err(LoadError::OtherParameters { .. })));
    admin(&calm, "DROP DATABASE live_tpcc_calm").await;
    admin(&calm, "DROP DATABASE live_tpcc_killed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_somebody_else_is_left_alone() {
    let Some(request) = lab("live_tpcc_foreign", 1).await else { return };
    admin(&request, "CREATE DATABASE live_tpcc_foreign").await;
    admin(&request, "CREATE TABLE live_tpcc_foreign.ledger (id INT PRIMARY KEY)").await;
    let error = load_quietly(&request).await.unwrap_err();
    assert!(matches!(&error, LoadError::Foreign { example, .. } if example == "ledger"), "{error}");

    let mut session = open(&request, true).await;
    let by = Instant::now() + MINUTE;
    assert_eq!(read_marker(&mut session, &request.database, by).await.unwrap(), None);
    let error = require_loaded(&mut session, "live_tpcc_nowhere", by).await.unwrap_err();
    assert!(matches!(error, NotLoaded::NoDatabase { .. }), "{error}");
    admin(&request, "DROP DATABASE live_tpcc_foreign").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_a_server_gives_up_and_names_the_last_failure() {
    let Some(mut request) = lab("live_tpcc_nobody", 1).await else { return };
    request.logins.iter_mut().for_each(|login| login.port = 1);
    request.patience = Duration::from_secs(1);
    let stages = Mutex::new(Vec::new());
    let watch = |progress: rollproof::tpcc::LoadProgress| {
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
