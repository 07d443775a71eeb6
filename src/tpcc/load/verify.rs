//! After the last row: counts and conditions, then the mark that all is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, until_done};
use super::request::{LoadError, LoadRequest};
use crate::event::StatementKind;
use crate::session::{Failure, Session, Statement, cell};
use crate::tpcc::conditions::{CONDITIONS, Condition, Extent, Violations};
use crate::tpcc::scale::Table;

/// One thing to look at, alone.
#[derive(Debug, Clone, Copy)]
enum Look {
    /// A table has as many rows as it is to have.
    Count(Table, u64),
    /// Every condition holds in a warehouse; those that others imply hold with them.
    Warehouse(u32),
}

/// Counts every table and makes sure that every condition holds in every warehouse, as many things
/// at a time as there are workers.
///
/// # Errors
/// Of all that is wrong, what comes first in that order.
pub(super) async fn verify(
    client: &Client,
    request: &LoadRequest,
    expected: &[(Table, u64)],
) -> Result<(), LoadError> {
    let counts = expected.iter().map(|&(table, rows)| Look::Count(table, rows));
    let looks: Arc<[Look]> = counts.chain((1..=request.warehouses).map(Look::Warehouse)).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let (warehouses, patience) = (request.warehouses, request.patience);
    let mut workers = JoinSet::new();
    for worker in 0..request.workers.max(1) {
        let mut client = client.sibling(worker as usize);
        let (looks, next) = (Arc::clone(&looks), Arc::clone(&next));
        workers.spawn(async move {
            // The counter hands out each look once; nothing else is ordered by it.
            while let index = next.fetch_add(1, Ordering::Relaxed)
                && let Some(look) = looks.get(index)
            {
                let looked = look_at(&mut client, *look, warehouses, patience).await;
                if let Err(error) = looked {
                    // What is under way ends, nothing more begins.
                    next.fetch_max(looks.len(), Ordering::Relaxed);
                    return Some((index, error));
                }
            }
            None
        });
    }
    let wrong = workers.join_all().await.into_iter().flatten().min_by_key(|(index, _)| *index);
    wrong.map_or(Ok(()), |(_, error)| Err(error))
}

async fn look_at(
    client: &mut Client,
    look: Look,
    warehouses: u32,
    patience: Duration,
) -> Result<(), LoadError> {
    match look {
        Look::Count(table, expected) => {
            let what = format!("counting {table}");
            let found = until_done!(client, &what, |session| count(session, table, patience));
            if found == expected {
                Ok(())
            } else {
                Err(LoadError::Count { table, expected, found })
            }
        }
        Look::Warehouse(warehouse) => {
            // Nobody writes any more: what follows from the others holds with them.
            for condition in CONDITIONS.iter().filter(|one| one.follows_from.is_empty()) {
                check(client, condition, warehouse, warehouses, patience).await?;
            }
            Ok(())
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
