//! The audit on a real cluster: it passes what is sound, and finds what was damaged, where it was.
//!
//! Needs a lab: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the test says so and
//! passes.

mod lab;

use std::path::Path;
use std::time::Duration;

use rollproof::audit::{AuditRequest, Limits, Start, audit};
use rollproof::event::{Event, Fate, LedgerEntry, RunTime, StatementKind, WriteKey};
use rollproof::record::{
    AmbiguousCount, AuditRecord, DataVerdict, FORMAT, FindingKind, Manifest, Record, RecordWriter,
    Work,
};
use rollproof::report::derive;
use rollproof::scenario::{Cluster, Product, Scenario, Workload};
use rollproof::session::{Login, Session, Statement};
use rollproof::tpcc::{
    Home, LoadRequest, RunConstants, Stamp, TerminalSource, begin_run, execute, load,
    require_loaded,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const DATABASE: &str = "live_audit";
const MINUTE: Duration = Duration::from_secs(60);
const RUN_DATE_US: i64 = 1_800_000_000_000_000;

fn soon() -> Instant {
    Instant::now() + MINUTE
}

struct Lab {
    scenario: Scenario,
    logins: Vec<Login>,
}

impl Lab {
    fn find() -> Option<Self> {
        let (cluster, password) = lab::cluster()?;
        let login = |zone| Login::to_zone(&cluster, zone, &password).in_database(DATABASE);
        let logins = cluster.zones.iter().map(login).collect();
        let scenario = Scenario {
            cluster: Cluster { database: DATABASE.to_owned(), ..cluster },
            workload: Workload { warehouses: 1, ..Workload::default() },
            ..Scenario::default()
        };
        Some(Self { scenario, logins })
    }

    async fn session(&self, zone: usize) -> Session {
        Session::open(&self.logins[zone], soon()).await.unwrap()
    }

    /// Executes on one zone, for the whole cluster.
    async fn sql(&self, statements: &[&str]) {
        run(&mut self.session(0).await, statements).await;
    }

    /// Executes on one zone and keeps it from the others: what replication must never do.
    async fn sql_on_one_zone_only(&self, zone: usize, statements: &[&str]) {
        let mut session = self.session(zone).await;
        run(&mut session, &["SET SESSION wsrep_on = OFF"]).await;
        run(&mut session, statements).await;
    }

    async fn load(&self) {
        let bare = |login: &Login| Login { database: None, ..login.clone() };
        let request = LoadRequest {
            logins: self.logins.iter().map(bare).collect(),
            product: Product::Galera,
            database: DATABASE.to_owned(),
            warehouses: 1,
            seed: self.scenario.workload.seed,
            workers: 2,
            beside_others: false,
            rows_per_s: None,
            attempts: None,
            load_data: true,
            connect_deadline: Duration::from_secs(2),
            statement_deadline: Duration::from_secs(30),
            patience: MINUTE,
        };
        let mut session = Session::open(&request.logins[0], soon()).await.unwrap();
        run(&mut session, &["DROP DATABASE IF EXISTS live_audit"]).await;
        load(&request, &|_| {}, CancellationToken::new()).await.unwrap();
    }

    /// Transactions of four terminals, one after the other; returns the ledger.
    async fn drive(&self, session: &mut Session, run: u32) -> Vec<LedgerEntry> {
        let marker = require_loaded(session, DATABASE, soon()).await.unwrap();
        let seed = self.scenario.workload.seed;
        let constants = RunConstants::new(seed, marker.c_load);
        let source =
            |terminal| TerminalSource::new(seed, terminal, Home::of(terminal, 1), 1, constants);
        let mut sources: Vec<_> = (0..4).map(source).collect();
        // Two runs never share a moment: a delivery is known by its own.
        let began_us = RUN_DATE_US + i64::from(run) * MINUTE.as_micros() as i64;
        let mut ledger = Vec::new();
        for sequence in 0..60 {
            for (terminal, source) in (0..).zip(&mut sources) {
                let epoch_us = began_us + sequence as i64 * 4 + i64::from(terminal);
                let stamp = Stamp { run_number: run, terminal, sequence, epoch_us };
                let limits = rollproof::tpcc::Limits { statement: MINUTE, by: soon() };
                let execution = execute(session, &source.next(), stamp, limits).await;
                assert!(execution.outcome.is_success(), "{:?}", execution.failure);
                let fate = Fate::Acknowledged;
                let (warehouse, at) = (1, RunTime(sequence));
                ledger.extend(execution.key.map(|key| LedgerEntry {
                    terminal,
                    sequence,
                    warehouse,
                    at,
                    fate,
                    key,
                }));
            }
        }
        ledger
    }

    fn record(&self, dir: &Path, run_number: u32, start: &Start, ledger: &[LedgerEntry]) -> Record {
        let manifest = Manifest {
            work: Work::Run,
            format: FORMAT,
            tool_version: "test".to_owned(),
            run_id: "r".to_owned(),
            run_number,
            origin_wall: jiff::Timestamp::from_microsecond(RUN_DATE_US).unwrap(),
            origin_monotonic_us: 0,
            shard: "1/1".to_owned(),
            scenario: self.scenario.clone(),
            sessions: None,
            capacity: None,
            baseline: None,
            upgrade: None,
            outside: None,
            completion: None,
        };
        let mut writer = RecordWriter::create(dir, manifest).unwrap();
        start.write(dir).unwrap();
        ledger.iter().for_each(|entry| writer.write(&Event::Ledger(entry.clone())).unwrap());
        writer.finish(RunTime(60), None).unwrap();
        Record::open(dir).unwrap()
    }

    async fn audit(&self, record: &Record) -> AuditRecord {
        let began = Instant::now();
        let limits = Limits { ready: Duration::from_secs(3), ..Limits::default() };
        let request = AuditRequest { record: record.clone(), logins: self.logins.clone(), limits };
        let made = audit(request, |_| ()).await.unwrap();
        println!("audited in {:?}", began.elapsed());
        made
    }
}

async fn run(session: &mut Session, statements: &[&str]) {
    for sql in statements {
        let statement = Statement::built(StatementKind::Admin, (*sql).to_owned());
        session.query(&statement, soon()).await.unwrap();
    }
}

/// Every failed check with the zones it failed on and its first finding.
fn failures(made: &AuditRecord) -> Vec<(&str, u8, FindingKind, &str)> {
    let first = |check: &rollproof::record::CheckResult| check.findings[0].kind;
    made.failures()
        .map(|(zone, check)| {
            (check.check.as_str(), zone.0, first(check), check.findings[0].key.as_str())
        })
        .collect()
}

fn verdicts(made: &AuditRecord, zone: usize, verdict: DataVerdict) -> Vec<&str> {
    let checks = made.zones[zone].checks.iter().filter(|check| check.verdict == verdict);
    checks.map(|check| check.check.as_str()).collect()
}

/// The nth order of the ledger as (district, number), with its place in the ledger.
fn nth_order(ledger: &[LedgerEntry], n: usize) -> (usize, u32, u64) {
    let orders = ledger.iter().enumerate().filter_map(|(index, entry)| match entry.key {
        WriteKey::NewOrder { district, order, .. } => Some((index, district, order)),
        _ => None,
    });
    orders.into_iter().nth(n).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sound_passes_and_what_is_damaged_is_found_where_it_is() {
    let Some(lab) = Lab::find() else { return };
    lab.load().await;
    let mut session = lab.session(0).await;
    let run_number = begin_run(&mut session, DATABASE, soon()).await.unwrap();
    let start = Start::take(&mut session, soon()).await.unwrap();
    let mut ledger = lab.drive(&mut session, run_number).await;

    // Of one order the client never learned that it is there, another one never was.
    let (uncertain, district, order) = nth_order(&ledger, 3);
    ledger[uncertain].fate = Fate::Ambiguous;
    let absent = WriteKey::NewOrder { district: 1, order: 9999, customer: 1, entered_us: 1 };
    ledger.push(LedgerEntry { key: absent, ..ledger[uncertain].clone() });

    let home = tempfile::tempdir().unwrap();
    let record = lab.record(&home.path().join("r"), run_number, &start, &ledger);
    let sound = lab.audit(&record).await;
    assert_eq!(failures(&sound), []);
    assert_eq!(sound.unknowns().map(|(_, check)| check).collect::<Vec<_>>(), Vec::<&_>::new());
    let writes = ledger.iter().filter(|entry| entry.key.is_write()).count() as u64;
    assert!(writes < ledger.len() as u64, "Stock-Levels are in the ledger for what they saw");
    assert_eq!(sound.acknowledged, writes - 2);
    let settled = AmbiguousCount { committed: 1, absent: 1, unresolved: 0 };
    assert_eq!(sound.ambiguous, settled);

    // A look during the run had found that the uncertain order could not come any more.
    ledger.push(LedgerEntry { fate: Fate::Absent, ..ledger[uncertain].clone() });
    let late = lab.record(&home.path().join("late"), run_number, &start, &ledger);
    a_commit_that_came_late(&lab, &late, &format!("order (w 1, d {district}, o {order})")).await;
    damaged_everywhere(&lab, &record, &ledger, run_number).await;
    a_district_that_is_gone(&lab, &record).await;
    if lab.logins.len() > 1 {
        damaged_on_one_zone(&lab, &record, (district, order)).await;
        a_zone_that_does_not_answer(&lab, &record).await;
    }
    a_ledger_that_breaks_off(&lab, &record).await;
    assert_eq!(failures(&lab.audit(&record).await), [], "every damage was undone");
    another_run_since(&lab, &record, &mut session).await;
    lab.sql(&["DROP DATABASE live_audit"]).await;
}

async fn a_commit_that_came_late(lab: &Lab, record: &Record, key: &str) {
    let made = lab.audit(record).await;
    let found = failures(&made);
    let expected: Vec<_> = (0..lab.logins.len() as u8)
        .map(|zone| ("unexplained-orders", zone, FindingKind::Phantom, key))
        .collect();
    assert_eq!(found, expected);
    made.write(record.dir()).unwrap();
    let verdict = derive(std::slice::from_ref(record)).unwrap().verdict;
    assert_eq!(verdict.exit_code(), 3);
    assert!(verdict.sentence.contains("which appeared later"), "{}", verdict.sentence);
}

/// An acknowledged order deleted, a payment's amount edited, a payment made twice.
async fn damaged_everywhere(lab: &Lab, record: &Record, ledger: &[LedgerEntry], run: u32) {
    let (_, d, o) = nth_order(ledger, 7);
    let order = format!("o_w_id = 1 AND o_d_id = {d} AND o_id = {o}");
    let paid = ledger.iter().find(|entry| matches!(entry.key, WriteKey::Payment { .. })).unwrap();
    let (terminal, sequence) = (paid.terminal, paid.sequence);
    let payment = format!("h_run = {run} AND h_terminal = {terminal} AND h_sequence = {sequence}");
    lab.sql(&[
        &format!("CREATE TABLE kept AS SELECT * FROM orders WHERE {order}"),
        &format!("DELETE FROM orders WHERE {order}"),
        &format!("UPDATE history SET h_amount = h_amount + 0.01 WHERE {payment}"),
        &format!(
            "INSERT INTO history SELECT h_run, h_terminal, 777777, h_c_id, h_c_d_id, h_c_w_id, \
             h_d_id, h_w_id, h_date, h_amount, h_data FROM history WHERE {payment}"
        ),
    ])
    .await;
    let made = lab.audit(record).await;
    let found = failures(&made);
    let stranger = format!("payment (run {run}, terminal {terminal}, sequence 777777)");
    let edited = format!("payment (run {run}, terminal {terminal}, sequence {sequence})");
    for zone in 0..lab.logins.len() as u8 {
        let order = format!("order (w 1, d {d}, o {o})");
        for expected in [
            ("ledger-orders", zone, FindingKind::Lost, order.as_str()),
            ("ledger-payments", zone, FindingKind::Lost, edited.as_str()),
            ("unexplained-payments", zone, FindingKind::Duplicate, stranger.as_str()),
        ] {
            assert!(found.contains(&expected), "{expected:?} is not among {found:#?}");
        }
    }
    assert!(!found.iter().any(|(check, ..)| check.starts_with("same-")), "{found:?}");
    // Every finding comes with a statement that shows it.
    let mut session = lab.session(0).await;
    for (_, check) in made.failures() {
        for finding in &check.findings {
            run_one(&mut session, &finding.sql).await;
        }
    }
    lab.sql(&[
        "INSERT INTO orders SELECT * FROM kept",
        "DROP TABLE kept",
        &format!("UPDATE history SET h_amount = h_amount - 0.01 WHERE {payment}"),
        &format!("DELETE FROM history WHERE h_run = {run} AND h_sequence = 777777"),
    ])
    .await;
}

async fn run_one(session: &mut Session, sql: &str) {
    run(session, &[sql]).await;
}

async fn a_district_that_is_gone(lab: &Lab, record: &Record) {
    lab.sql(&[
        "CREATE TABLE kept AS SELECT * FROM district WHERE d_w_id = 1 AND d_id = 4",
        "CREATE TABLE kept_orders AS SELECT * FROM orders WHERE o_w_id = 1 AND o_d_id = 4",
        "DELETE FROM district WHERE d_w_id = 1 AND d_id = 4",
        "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 4",
    ])
    .await;
    let made = lab.audit(record).await;
    let failed = verdicts(&made, 0, DataVerdict::Fail);
    for check in
        ["ledger-orders", "ledger-deliveries", "counted-orders", "cardinalities", "orphans"]
    {
        assert!(failed.contains(&check), "{check} is not among {failed:?}");
    }
    lab.sql(&[
        "INSERT INTO district SELECT * FROM kept",
        "INSERT INTO orders SELECT * FROM kept_orders",
        "DROP TABLE kept",
        "DROP TABLE kept_orders",
    ])
    .await;
}

/// What another run wrote is not held against this one, nor for it.
async fn another_run_since(lab: &Lab, record: &Record, session: &mut Session) {
    let number = begin_run(session, DATABASE, soon()).await.unwrap();
    assert!(number > record.manifest.run_number);
    lab.drive(session, number).await;
    let made = lab.audit(record).await;
    assert_eq!(failures(&made), []);
    for zone in 0..lab.logins.len() {
        let unknown = [
            "unexplained-orders",
            "unexplained-deliveries",
            "counted-orders",
            "counted-payments",
            "counted-customers",
        ];
        assert_eq!(verdicts(&made, zone, DataVerdict::Unknown), unknown);
        let known = verdicts(&made, zone, DataVerdict::Pass);
        for check in ["ledger-orders", "ledger-deliveries", "unexplained-payments"] {
            assert!(known.contains(&check), "{check} is not among {known:?}");
        }
    }
}

/// One zone lost an order of unknown fate that the others have, and one customer's phone number.
async fn damaged_on_one_zone(lab: &Lab, record: &Record, (d, o): (u32, u64)) {
    let order = format!("o_w_id = 1 AND o_d_id = {d} AND o_id = {o}");
    let customer = "c_w_id = 1 AND c_d_id = 2 AND c_id = 3";
    lab.sql(&[
        &format!("CREATE TABLE kept AS SELECT * FROM orders WHERE {order}"),
        &format!("CREATE TABLE kept_customer AS SELECT * FROM customer WHERE {customer}"),
    ])
    .await;
    // The copies must be there before they are needed with replication switched off.
    run(&mut lab.session(1).await, &["SET SESSION wsrep_sync_wait = 15", "SELECT 1 FROM kept"])
        .await;
    lab.sql_on_one_zone_only(
        1,
        &[
            &format!("DELETE FROM orders WHERE {order}"),
            &format!("UPDATE customer SET c_phone = '0' WHERE {customer}"),
        ],
    )
    .await;
    let made = lab.audit(record).await;
    let zones = lab.logins.len();
    let found = failures(&made);
    let key = format!("order (w 1, d {d}, o {o})");
    for expected in [
        ("uncertain-writes", key.as_str()),
        ("same-orders", "orders (w 1)"),
        ("same-customer", "customer (w 1)"),
    ] {
        let (check, key) = expected;
        let expected = (check, 1, FindingKind::Divergent, key);
        assert!(found.contains(&expected), "{expected:?} is not among {found:#?}");
    }
    if zones > 2 {
        assert!(found.iter().all(|(_, zone, ..)| *zone == 1), "the others are sound: {found:#?}");
    }
    lab.sql_on_one_zone_only(
        1,
        &[
            "INSERT INTO orders SELECT * FROM kept",
            &format!(
                "UPDATE customer SET c_phone = (SELECT c_phone FROM kept_customer) WHERE {customer}"
            ),
        ],
    )
    .await;
    lab.sql(&["DROP TABLE kept", "DROP TABLE kept_customer"]).await;
}

async fn a_zone_that_does_not_answer(lab: &Lab, record: &Record) {
    let mut logins = lab.logins.clone();
    logins[1].port = 1;
    let away = Lab { scenario: lab.scenario.clone(), logins };
    let made = away.audit(record).await;
    assert_eq!(failures(&made), []);
    assert_eq!(verdicts(&made, 1, DataVerdict::Pass), Vec::<&str>::new());
    assert!(verdicts(&made, 1, DataVerdict::Unknown).contains(&"ledger-orders"));
    let known = verdicts(&made, 0, DataVerdict::Pass);
    assert_eq!(known.contains(&"same-orders"), lab.logins.len() > 2);
    assert_eq!(made.ambiguous.unresolved, 0, "the other zones know");
}

async fn a_ledger_that_breaks_off(lab: &Lab, record: &Record) {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(record.dir()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let path = dir.path().join(rollproof::record::file::LEDGER);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let made = lab.audit(&Record::open(dir.path()).unwrap()).await;
    assert_eq!(failures(&made), [], "what is not known is not held against the database");
    let unknown = verdicts(&made, 0, DataVerdict::Unknown);
    for check in
        ["unexplained-orders", "unexplained-payments", "counted-orders", "counted-payments"]
    {
        assert!(unknown.contains(&check), "{check} is not among {unknown:?}");
    }
}
