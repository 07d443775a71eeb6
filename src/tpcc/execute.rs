//! Executing one input over a session: limits, outcome, and what every transaction is built from.

use std::time::Duration;

use tokio::time::Instant;

use super::input::Input;
use super::{delivery, new_order, order_status, payment, stock_level};
use crate::event::{ErrorClass, Outcome, StatementKind, WriteKey};
use crate::scenario::{Isolation, Product};
use crate::session::{Answer, BEGIN, COMMIT, Failure, ROLLBACK, Row, Session, Statement, Value};

/// A ROLLBACK may take this long past the business transaction's deadline; the session is severed
/// then.
const ROLLBACK_PATIENCE: Duration = Duration::from_millis(200);

/// Who executes, and when: what makes a write findable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the run in this database, from 1; 0 is the load.
    pub run_number: u32,
    /// Terminal, from 0.
    pub terminal: u32,
    /// Number of the business transaction at the terminal, the same for every retry.
    pub sequence: u64,
    /// The client's own date of the business transaction, in µs since the Unix epoch. No two
    /// deliveries of a warehouse have the same: that is how the audit tells them apart.
    pub epoch_us: i64,
}

/// How long may be waited.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the answer to one statement.
    pub statement: Duration,
    /// No wait goes on after this moment.
    pub by: Instant,
}

impl Limits {
    fn next(self) -> Instant {
        self.by.min(Instant::now() + self.statement)
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed, or why its outcome is not known.
    pub failure: Option<Failure>,
    /// How to find what it wrote; set whenever a write was committed or may have been.
    pub key: Option<WriteKey>,
}

/// What a transaction's statements lead to, when all of them succeed.
pub(super) enum End {
    /// COMMIT, and this is what was written, if anything was.
    Commit(Option<WriteKey>),
    /// The specification's own rollback.
    Rollback,
}

/// A transaction at work: the session and its limits.
pub(super) struct Work<'a> {
    session: &'a mut Session,
    limits: Limits,
    /// Whether the server says so while a transaction is open; one that never does is not asked.
    says_so: bool,
}

impl Work<'_> {
    /// Executes one statement, and makes sure that it was part of the transaction. A server that
    /// has let go of the transaction without a word executes what follows by itself, and takes
    /// COMMIT for done: an order is then acknowledged of which a part is missing.
    async fn answer(
        &mut self,
        statement: &'static Statement,
        params: Vec<Value>,
    ) -> Result<Answer, Failure> {
        let answer = self.session.execute(statement, params, self.limits.next()).await?;
        if self.says_so && !answer.in_transaction {
            let start: String = statement.sql.chars().take(80).collect();
            let message = format!("executed outside the transaction, which is gone: {start} …");
            return Err(Failure::data(statement.kind, message));
        }
        Ok(answer)
    }

    /// Reads any number of rows.
    pub(super) async fn rows(
        &mut self,
        statement: &'static Statement,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, Failure> {
        Ok(self.answer(statement, params).await?.rows)
    }

    /// Reads the one row that must be there.
    pub(super) async fn row(
        &mut self,
        statement: &'static Statement,
        params: Vec<Value>,
    ) -> Result<Row, Failure> {
        let rows = self.rows(statement, params).await?;
        let count = rows.len();
        let mut rows = rows.into_iter();
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(row),
            _ => Err(wrong_count(statement, 1, count as u64)),
        }
    }

    /// Writes exactly `expected` rows.
    pub(super) async fn write(
        &mut self,
        statement: &'static Statement,
        params: Vec<Value>,
        expected: u64,
    ) -> Result<(), Failure> {
        let affected = self.affected(statement, params).await?;
        if affected == expected { Ok(()) } else { Err(wrong_count(statement, expected, affected)) }
    }

    /// Writes, and says how many rows.
    pub(super) async fn affected(
        &mut self,
        statement: &'static Statement,
        params: Vec<Value>,
    ) -> Result<u64, Failure> {
        Ok(self.answer(statement, params).await?.affected)
    }
}

fn wrong_count(statement: &Statement, expected: u64, found: u64) -> Failure {
    let start: String = statement.sql.chars().take(80).collect();
    Failure::data(statement.kind, format!("{found} rows instead of {expected}: {start} …"))
}

/// Executes one input as one transaction.
///
/// BEGIN and COMMIT are sent by hand, so that a lost COMMIT is known to be one. After a failure in
/// the middle the transaction is rolled back, unless the session is gone already.
pub async fn execute(
    session: &mut Session,
    input: &Input,
    stamp: Stamp,
    limits: Limits,
) -> Execution {
    match attempt(session, input, stamp, limits).await {
        Ok(End::Commit(key)) => commit(session, key, limits).await,
        Ok(End::Rollback) => match session.query(&ROLLBACK, limits.next()).await {
            Ok(_) => Execution { outcome: Outcome::RolledBack, failure: None, key: None },
            Err(failure) => failed(failure, None),
        },
        Err(failure) => {
            give_up(session, limits).await;
            failed(failure, None)
        }
    }
}

async fn attempt(
    session: &mut Session,
    input: &Input,
    stamp: Stamp,
    limits: Limits,
) -> Result<End, Failure> {
    session.prepare(&statements(input), limits.next()).await?;
    let says_so = session.query(&BEGIN, limits.next()).await?.in_transaction;
    let work = &mut Work { session, limits, says_so };
    match input {
        Input::NewOrder(input) => new_order::run(work, input, stamp).await,
        Input::Payment(input) => payment::run(work, input, stamp).await,
        Input::OrderStatus(input) => order_status::run(work, input).await,
        Input::Delivery(input) => delivery::run(work, input, stamp).await,
        Input::StockLevel(input) => stock_level::run(work, input).await,
    }
}

/// All that a transaction may execute between BEGIN and COMMIT.
fn statements(input: &Input) -> Vec<&'static Statement> {
    match input {
        Input::NewOrder(input) => new_order::statements(input),
        Input::Payment(input) => payment::statements(input),
        Input::OrderStatus(input) => order_status::statements(input),
        Input::Delivery(_) => delivery::statements(),
        Input::StockLevel(_) => stock_level::statements(),
    }
}

async fn commit(session: &mut Session, key: Option<WriteKey>, limits: Limits) -> Execution {
    // It is never repeated, so giving it up early would only turn a slow answer into a doubt.
    match session.query(&COMMIT, limits.by).await {
        Ok(_) => Execution { outcome: Outcome::Committed, failure: None, key },
        Err(failure) => {
            give_up(session, limits).await;
            failed(failure, key)
        }
    }
}

/// A lost COMMIT that wrote nothing is a plain failure: there is nothing to be unsure of.
fn failed(failure: Failure, key: Option<WriteKey>) -> Execution {
    let writes = key.as_ref().is_some_and(WriteKey::is_write);
    let in_doubt = failure.may_have_committed && writes;
    let outcome = if in_doubt { failure.outcome() } else { Outcome::Failed(failure.class) };
    Execution { outcome, failure: Some(failure), key: key.filter(|_| in_doubt) }
}

async fn give_up(session: &mut Session, limits: Limits) {
    if session.is_open() {
        let by = limits.next().max(Instant::now() + ROLLBACK_PATIENCE);
        // A failed ROLLBACK severs the session, which rolls back as well.
        if session.query(&ROLLBACK, by).await.is_err() {
            session.sever();
        }
    }
}

/// Another transaction took what this one had chosen: to be tried again, not a wrong answer.
pub(super) fn conflict(statement: StatementKind, message: &str) -> Failure {
    Failure { class: ErrorClass::Conflict, ..Failure::data(statement, message) }
}

/// Statements that every session of the load must have executed: isolation, strictness, and
/// server-side time-outs just under the client's own, so that a server gives up a statement
/// before the client gives up the server.
///
/// `statement` is the client's deadline for one answer, `transaction` for the whole business
/// transaction.
pub fn session_settings(
    product: Product,
    isolation: Isolation,
    statement: Duration,
    transaction: Duration,
) -> Vec<String> {
    let isolation = format!("SET SESSION TRANSACTION ISOLATION LEVEL {}", isolation.sql());
    let modes = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO";
    let timeouts = match product {
        Product::OceanBase => {
            // In µs. The hours that benchmarks use would hide an outage.
            let under = |limit: Duration| (limit * 9 / 10).as_micros();
            format!(
                "ob_query_timeout = {}, ob_trx_timeout = {}, ob_trx_lock_timeout = {}",
                under(statement),
                under(transaction),
                under(statement),
            )
        }
        Product::Galera | Product::GroupReplication | Product::Plain => {
            // Whole seconds, at least one: under a deadline of 2 s that is 1 s.
            let under = statement.saturating_sub(Duration::from_millis(1)).as_secs().max(1);
            format!("innodb_lock_wait_timeout = {under}")
        }
    };
    vec![isolation, format!("SET SESSION autocommit = 1, sql_mode = '{modes}', {timeouts}")]
}

/// The setting under which a session sees every write that any node has acknowledged before, for
/// reading on one node what was written through another. `None` where that is so anyway.
pub fn causal_reads(product: Product) -> Option<&'static str> {
    match product {
        Product::Galera => Some("SET SESSION wsrep_sync_wait = 1"),
        Product::GroupReplication => Some("SET SESSION group_replication_consistency = 'BEFORE'"),
        Product::OceanBase | Product::Plain => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_give_up_just_before_the_client_does() {
        let settings = |product, statement| {
            let (statement, transaction) =
                (Duration::from_millis(statement), Duration::from_secs(5));
            session_settings(product, Isolation::ReadCommitted, statement, transaction).join("; ")
        };
        for (deadline_ms, lock_wait_s) in [(500, 1), (1000, 1), (2000, 1), (2500, 2), (5000, 4)] {
            let text = settings(Product::Galera, deadline_ms);
            assert!(text.ends_with(&format!("innodb_lock_wait_timeout = {lock_wait_s}")), "{text}");
        }
        let text = settings(Product::OceanBase, 2000);
        assert!(text.contains("ob_query_timeout = 1800000,"), "{text}");
        assert!(text.contains("ob_trx_timeout = 4500000,"), "{text}");
        assert!(text.contains("READ COMMITTED"), "{text}");
    }

    #[test]
    fn only_a_commit_that_wrote_leaves_a_doubt() {
        let key = WriteKey::Payment { district: 1, amount_cents: 100 };
        let lost = Failure {
            class: ErrorClass::ConnectionLost,
            may_have_committed: true,
            ..Failure::data(StatementKind::Commit, "gone")
        };
        let wrote = failed(lost.clone(), Some(key.clone()));
        assert_eq!(wrote.outcome, Outcome::Ambiguous(ErrorClass::ConnectionLost));
        assert_eq!(wrote.key, Some(key.clone()));
        assert_eq!(failed(lost.clone(), None).outcome, Outcome::Failed(ErrorClass::ConnectionLost));
        let refused = Failure { may_have_committed: false, ..lost };
        let certain = failed(refused, Some(key));
        assert_eq!(
            (certain.outcome.class(), certain.key),
            (Some(ErrorClass::ConnectionLost), None)
        );
    }
}
