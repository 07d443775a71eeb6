//! After the last row: counts, conditions, and what the product wants to be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, until_done};
use super::request::{LoadError, LoadRequest};
use crate::event::StatementKind;
use crate::session::{Failure, Session, Statement, cell};
use crate::tpcc::conditions::{CONDITIONS, Condition, Extent, Violations};
use crate::tpcc::scale::Table;

/// Counts every table and checks every condition in every warehouse.
pub(super) async fn verify(
    client: &mut Client,
    request: &LoadRequest,
    expected: &[(Table, u64)],
) -> Result<(), LoadError> {
    let patience = request.patience;
    for (table, expected) in expected {
        let what = format!("counting {table}");
        let found = until_done!(client, &what, |session| count(session, *table, patience));
        if found != *expected {
            return Err(LoadError::Count { table: *table, expected: *expected, found });
        }
    }
    check_warehouses(client, request).await
}

/// Checks the warehouses in parallel, as many at a time as there are workers.
async fn check_warehouses(client: &Client, request: &LoadRequest) -> Result<(), LoadError> {
    let next = Arc::new(AtomicU32::new(1));
    let (warehouses, patience) = (request.warehouses, request.patience);
    let mut workers = JoinSet::new();
    for worker in 0..request.workers.max(1) {
        let mut client = client.sibling(worker as usize);
        let next = Arc::clone(&next);
        workers.spawn(async move {
            // The counter hands out each warehouse once; nothing else is ordered by it.
            while let warehouse = next.fetch_add(1, Ordering::Relaxed)
                && warehouse <= warehouses
            {
                for condition in CONDITIONS {
                    check(&mut client, condition, warehouse, warehouses, patience).await?;
                }
            }
            Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.expect("workers are neither cancelled nor do they panic")?;
    }
    Ok(())
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
    warehouses: u32,
    patience: Duration,
) -> Result<(), LoadError> {
    let what = format!("checking {} of warehouse {warehouse}", condition.id);
    let extent = Extent::Warehouse(warehouse);
    let Violations { total, first } = until_done!(client, &what, |session| {
        condition.check(session, extent, warehouses, Instant::now() + patience)
    });
    match first.into_iter().next() {
        Some(first) => Err(LoadError::Inconsistent { condition: condition.id, total, first }),
        None => Ok(()),
    }
}

/// Marks the load as complete.
pub(super) async fn complete(client: &mut Client, request: &LoadRequest) -> Result<(), LoadError> {
    let deadline = request.statement_deadline;
    let what = "marking the load as complete";
    until_done!(client, what, |session| mark_complete(session, deadline));
    Ok(())
}

async fn mark_complete(session: &mut Session, deadline: Duration) -> Result<(), Failure> {
    let sql = "UPDATE rollproof_meta SET load_complete = 1 WHERE id = 1";
    let statement = Statement::fixed(StatementKind::Write, sql);
    match session.query(&statement, Instant::now() + deadline).await?.affected {
        1 => Ok(()),
        _ => Err(Failure::data(StatementKind::Write, "the marker has vanished")),
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
