//! After the last row: counts, conditions, and what the product wants to be told.

use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::request::{LoadError, LoadRequest};
use crate::event::StatementKind;
use crate::session::{Failure, Session, Statement, cell};
use crate::tpcc::conditions::{CONDITIONS, Condition, Extent, Violations};
use crate::tpcc::scale::Table;

/// Counts every table and checks every condition, warehouse after warehouse.
pub(super) async fn verify(
    client: &mut Client,
    request: &LoadRequest,
    expected: &[(Table, u64)],
) -> Result<(), LoadError> {
    for (table, expected) in expected {
        let found = counted(client, *table, request.patience).await?;
        if found != *expected {
            return Err(LoadError::Count { table: *table, expected: *expected, found });
        }
    }
    for warehouse in 1..=request.warehouses {
        for condition in CONDITIONS {
            check(client, condition, warehouse, request).await?;
        }
    }
    Ok(())
}

async fn counted(client: &mut Client, table: Table, patience: Duration) -> Result<u64, LoadError> {
    let what = format!("counting {table}");
    loop {
        let result = count(client.session(&what).await?, table, patience).await;
        if let Some(count) = client.settle(&what, result).await? {
            return Ok(count);
        }
    }
}

async fn count(session: &mut Session, table: Table, patience: Duration) -> Result<u64, Failure> {
    let statement = Statement::built(StatementKind::Read, format!("SELECT COUNT(*) FROM {table}"));
    let rows = session.query(&statement, Instant::now() + patience).await?.rows;
    match rows.first() {
        Some(row) => cell(row, 0),
        None => Err(Failure::data(StatementKind::Read, "a count without a row")),
    }
}

async fn check(
    client: &mut Client,
    condition: &'static Condition,
    warehouse: u32,
    request: &LoadRequest,
) -> Result<(), LoadError> {
    let what = format!("checking {} of warehouse {warehouse}", condition.id);
    loop {
        let by = Instant::now() + request.patience;
        let (session, extent) = (client.session(&what).await?, Extent::Warehouse(warehouse));
        let result = condition.check(session, extent, request.warehouses, by).await;
        let Some(Violations { total, first }) = client.settle(&what, result).await? else {
            continue;
        };
        return match first.into_iter().next() {
            Some(first) => Err(LoadError::Inconsistent { condition: condition.id, total, first }),
            None => Ok(()),
        };
    }
}

/// Marks the load as complete.
pub(super) async fn complete(client: &mut Client, request: &LoadRequest) -> Result<(), LoadError> {
    let sql = "UPDATE rollproof_meta SET load_complete = 1 WHERE id = 1";
    let statement = Statement::fixed(StatementKind::Write, sql);
    let what = "marking the load as complete";
    loop {
        let by = Instant::now() + request.statement_deadline;
        let result = client.session(what).await?.query(&statement, by).await;
        let result = result.and_then(|answer| match answer.affected {
            1 => Ok(()),
            _ => Err(Failure::data(StatementKind::Write, "the marker has vanished")),
        });
        if client.settle(what, result).await?.is_some() {
            return Ok(());
        }
    }
}

/// Gathers statistics, without which a fresh table's plans are guesses. What cannot be done is
/// returned as a note: it costs speed, not correctness.
pub(super) async fn gather_statistics(
    client: &mut Client,
    request: &LoadRequest,
) -> Result<Vec<String>, LoadError> {
    let mut notes = Vec::new();
    for table in Table::ALL {
        let what = format!("gathering statistics of {table}");
        let sql = format!("ANALYZE TABLE {table}");
        let statement = Statement::built(StatementKind::Admin, sql);
        let by = Instant::now() + request.patience;
        if let Err(failure) = client.session(&what).await?.query(&statement, by).await {
            notes.push(format!("{what}: {failure}"));
        }
    }
    Ok(notes)
}
