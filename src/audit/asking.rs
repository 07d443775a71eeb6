//! A zone that is asked: one connection, one snapshot, a deadline for everything.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::examine::Limits;
use crate::classify::Retry;
use crate::event::{ErrorClass, StatementKind};
use crate::scenario::Product;
use crate::session::{BEGIN, Failure, Login, Row, Session, Statement};

/// Begins a transaction that reads one state to its end.
pub(super) const SNAPSHOT: Statement =
    Statement::fixed(StatementKind::Begin, "START TRANSACTION WITH CONSISTENT SNAPSHOT");

/// Pause before a zone that is not ready is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What is sent first, so that all statements of a transaction read one state. None of it may
/// change any data.
pub(super) fn one_state(product: Product, statement: Duration) -> Vec<String> {
    let mut settings = vec!["SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned()];
    if product == Product::OceanBase {
        // Its time-out of 10 s is too short for sums.
        let us = statement.as_micros();
        settings.push(format!("SET SESSION ob_query_timeout = {us}"));
        settings.push(format!("SET SESSION ob_trx_timeout = {}", us * 10));
    }
    settings
}

/// What is sent besides, so that this state has all that the cluster has committed.
fn caught_up(product: Product) -> Option<String> {
    match product {
        // Every read waits until this node has applied what the cluster has committed before.
        Product::Galera => Some("SET SESSION wsrep_sync_wait = 15".to_owned()),
        Product::GroupReplication => {
            Some("SET SESSION group_replication_consistency = 'BEFORE'".to_owned())
        }
        // Reads are strong unless asked otherwise.
        Product::OceanBase | Product::Plain => None,
    }
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
        let mut settings = one_state(login.product, limits.statement);
        settings.extend(caught_up(login.product));
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
