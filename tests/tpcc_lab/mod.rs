//! What the live tests of the workload share: a database of their own on the lab.

#![allow(dead_code, reason = "every test uses its own part of this")]

#[path = "../lab/mod.rs"]
pub(crate) mod lab;
pub(crate) mod work;

use std::time::Duration;

use rollproof::event::StatementKind;
use rollproof::scenario::Isolation;
use rollproof::session::{Login, Session, Statement, cell};
use rollproof::tpcc::scale::Table;
use rollproof::tpcc::schema::column_names;
use rollproof::tpcc::{LoadError, LoadRequest, LoadSummary, causal_reads, load, session_settings};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A database of the test's own on the lab; `None`, and a word about it, where there is no lab.
pub(crate) async fn database(database: &str, warehouses: u32) -> Option<LoadRequest> {
    let (cluster, password) = lab::cluster()?;
    let login = |zone| Login::to_zone(&cluster, zone, &password);
    let request = LoadRequest {
        logins: cluster.zones.iter().map(login).collect(),
        product: cluster.product,
        database: database.to_owned(),
        warehouses,
        seed: 7,
        workers: 2,
        beside_others: false,
        rows_per_s: None,
        attempts: None,
        load_data: true,
        connect_deadline: Duration::from_secs(2),
        statement_deadline: Duration::from_secs(30),
        patience: MINUTE,
    };
    admin(&request, &format!("DROP DATABASE IF EXISTS {database}")).await;
    Some(request)
}

/// A session that sees what any zone has acknowledged.
pub(crate) async fn open(request: &LoadRequest, database: bool) -> Session {
    open_at(request, 0, database).await
}

pub(crate) async fn open_at(request: &LoadRequest, zone: usize, database: bool) -> Session {
    let mut settings = session_settings(
        request.product,
        Isolation::ReadCommitted,
        Duration::from_secs(2),
        Duration::from_secs(5),
    );
    settings.extend(causal_reads(request.product).map(str::to_owned));
    let database = database.then(|| request.database.clone());
    let login = Login { database, settings, ..request.logins[zone].clone() };
    Session::open(&login, Instant::now() + MINUTE).await.unwrap()
}

/// Does what a terminal would not wait for.
pub(crate) async fn admin(request: &LoadRequest, sql: &str) {
    let mut session = patient(request, false).await;
    let statement = Statement::built(StatementKind::Admin, sql.to_owned());
    session.query(&statement, Instant::now() + MINUTE).await.unwrap();
}

/// A session for what takes longer than a terminal would wait: sums over whole tables, DDL.
pub(crate) async fn patient(request: &LoadRequest, database: bool) -> Session {
    let settings = session_settings(request.product, Isolation::ReadCommitted, MINUTE, 10 * MINUTE);
    let database = database.then(|| request.database.clone());
    let login = Login { database, settings, ..request.logins[0].clone() };
    Session::open(&login, Instant::now() + MINUTE).await.unwrap()
}

pub(crate) async fn load_quietly(request: &LoadRequest) -> Result<LoadSummary, LoadError> {
    let summary = load(request, &|_| {}, CancellationToken::new()).await?;
    assert!(summary.marker.load_complete && summary.notes.is_empty(), "{summary:?}");
    Ok(summary)
}

/// Row count and an order-independent checksum of every table.
pub(crate) async fn contents(request: &LoadRequest, zone: usize) -> Vec<(Table, u64, String)> {
    let mut session = open_at(request, zone, true).await;
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
