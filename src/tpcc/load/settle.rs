//! What a product wants done with freshly loaded data. None of it matters to correctness: what
//! cannot be done becomes a note, because not every user may do it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::Client;
use super::request::{LoadError, LoadRequest};
use crate::event::StatementKind;
use crate::scenario::Product;
use crate::session::{Failure, Session, Statement, cell};
use crate::tpcc::scale::Table;

/// How often a compaction is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Compacts (OceanBase) and gathers statistics. On OceanBase both belong before the pre-upgrade
/// checks, which want no compaction under way.
pub(super) async fn settle(
    client: &mut Client,
    request: &LoadRequest,
) -> Result<Vec<String>, LoadError> {
    let mut notes = Vec::new();
    if request.product == Product::OceanBase {
        let what = "compacting";
        if let Err(failure) = compact(client.session(what).await?, request.patience).await {
            notes.push(format!("{what}: {failure}"));
        }
    }
    // Without statistics a fresh table's plans are guesses.
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

/// A major freeze of the tenant, and the wait for its compaction.
async fn compact(session: &mut Session, patience: Duration) -> Result<(), Failure> {
    let by = Instant::now() + patience;
    let (_, before) = compaction(session, by).await?;
    let freeze = Statement::fixed(StatementKind::Admin, "ALTER SYSTEM MAJOR FREEZE");
    session.query(&freeze, by).await?;
    // The view goes on saying IDLE until the freeze has begun: its end is a newer LAST_SCN.
    loop {
        let (status, last) = compaction(session, by).await?;
        if last > before && status == "IDLE" {
            return Ok(());
        }
        if Instant::now() + LOOK_EVERY > by {
            let message = format!("still {status} after {}s", patience.as_secs());
            return Err(Failure::data(StatementKind::Admin, message));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Status of the tenant's compaction, and up to where the last one went.
async fn compaction(session: &mut Session, by: Instant) -> Result<(String, u64), Failure> {
    let sql = "SELECT STATUS, LAST_SCN FROM oceanbase.DBA_OB_MAJOR_COMPACTION";
    let rows = session.query(&Statement::fixed(StatementKind::Read, sql), by).await?.rows;
    match rows.first() {
        Some(row) => Ok((cell(row, 0)?, cell(row, 1)?)),
        None => Err(Failure::data(StatementKind::Read, "the tenant has no compaction to show")),
    }
}
