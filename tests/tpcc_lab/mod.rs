//! What the live tests of the workload share: a database of their own on the lab.

use std::time::Duration;

use rollproof::event::StatementKind;
use rollproof::scenario::{Isolation, Product, Zone};
use rollproof::session::{Login, Password, Session, Statement};
use rollproof::tpcc::{LoadError, LoadRequest, LoadSummary, causal_reads, load, session_settings};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A database of the test's own on the lab; `None`, and a word about it, where there is no lab.
pub(crate) async fn lab(database: &str, warehouses: u32) -> Option<LoadRequest> {
    let Ok(zones) = std::env::var("ROLLPROOF_ZONES") else {
        println!("skipped: ROLLPROOF_ZONES is not set; start a lab with `scripts/lab up`");
        return None;
    };
    let product = std::env::var("ROLLPROOF_PRODUCT")
        .map_or(Product::Galera, |product| product.parse().unwrap());
    let login = |zone: &str| {
        let zone: Zone = zone.parse().unwrap();
        let (host, port) = zone.host_port().unwrap();
        Login {
            product,
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
        product,
        database: database.to_owned(),
        warehouses,
        seed: 7,
        workers: 2,
        beside_others: false,
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

pub(crate) async fn admin(request: &LoadRequest, sql: &str) {
    let mut session = open(request, false).await;
    let statement = Statement::built(StatementKind::Admin, sql.to_owned());
    session.query(&statement, Instant::now() + MINUTE).await.unwrap();
}

pub(crate) async fn load_quietly(request: &LoadRequest) -> Result<LoadSummary, LoadError> {
    let summary = load(request, &|_| {}, CancellationToken::new()).await?;
    assert!(summary.marker.load_complete && summary.notes.is_empty(), "{summary:?}");
    Ok(summary)
}
