//! A zone that is asked: one connection, one snapshot, a deadline for everything.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::examine::Limits;
use crate::classify::Retry;
use crate::event::{ErrorClass, StatementKind};
use crate::scenario::Product;
use crate::session::{BEGIN, Failure, Login, Row, Session, Statement};

const SNAPSHOT: Statement =
    Statement::fixed(StatementKind::Begin, "START TRANSACTION WITH CONSISTENT SNAPSHOT");

/// Pause before a zone that is not ready is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What is sent first, so that what is read is all that the cluster has committed, and one state
/// of it. None of it may change any data.
fn settings(product: Product, limits: &Limits) -> Vec<String> {
    let mut settings = vec!["SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned()];
    let us = limits.statement.as_micros();
    match product {
        // Every read waits until this node has applied what the cluster has committed before.
        Product::Galera => settings.push("SET SESSION wsrep_sync_wait = 15".to_owned()),
        Product::GroupReplication => {
            settings.push("SET SESSION group_replication_consistency = 'BEFORE'".to_owned());
        }
        // Reads are strong unless asked otherwise; the time-out of 10 s is too short for sums.
        Product::OceanBase => settings.extend([
            format!("SET SESSION ob_query_timeout = {us}"),
            format!("SET SESSION ob_trx_timeout = {}", us * 10),
        ]),
        Product::Plain => {}
    }
    settings
}

/// A zone with its snapshot.
pub(super) struct Asking {
    login: Login,
    limits: Limits,
    session: Session,
    /// Whether the product took the snapshot; without one, every statement has its own.
    pub(super) has_snapshot: bool,
}

impl Asking {
    /// Connects, waits until the zone has caught up and takes a snapshot. A zone that is not ready
    /// is tried again until `limits.ready` has passed.
    pub(super) async fn open(login: &Login, limits: Limits) -> Result<Self, Failure> {
        let settings = settings(login.product, &limits);
        let login = Login { settings, ..login.clone() };
        let give_up = Instant::now() + limits.ready;
        loop {
            match connect(&login, &limits).await {
                Ok((session, has_snapshot)) => {
                    return Ok(Self { login, limits, session, has_snapshot });
                }
                Err(failure) if failure.class.retry() == Retry::Never => return Err(failure),
                Err(failure) if Instant::now() + AGAIN_AFTER >= give_up => return Err(failure),
                Err(_) => sleep(AGAIN_AFTER).await,
            }
        }
    }

    /// The session, with a new snapshot if the old one was lost, and the deadline for a statement.
    pub(super) async fn session(&mut self) -> Result<(&mut Session, Instant), Failure> {
        if !self.session.is_open() {
            (self.session, self.has_snapshot) = connect(&self.login, &self.limits).await?;
        }
        Ok((&mut self.session, Instant::now() + self.limits.statement))
    }

    /// Asks one question.
    pub(super) async fn rows(&mut self, sql: String) -> Result<Vec<Row>, Failure> {
        let (session, by) = self.session().await?;
        let statement = Statement::built(StatementKind::Read, sql);
        Ok(session.query(&statement, by).await?.rows)
    }
}

async fn connect(login: &Login, limits: &Limits) -> Result<(Session, bool), Failure> {
    let open = || Session::open(login, Instant::now() + limits.connect);
    let mut session = open().await?;
    // On Galera this is where the wait for the rest of the cluster takes place.
    let refusal = match session.query(&SNAPSHOT, Instant::now() + limits.ready).await {
        Ok(_) => return Ok((session, true)),
        Err(failure) => failure,
    };
    if !matches!(refusal.class, ErrorClass::Schema | ErrorClass::Other) {
        return Err(refusal);
    }
    if !session.is_open() {
        session = open().await?;
    }
    session.query(&BEGIN, Instant::now() + limits.ready).await?;
    Ok((session, false))
}
