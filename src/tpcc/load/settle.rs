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

/// How long a compaction is waited for. The server looks whether one has ended every
/// `merger_check_interval` only, ten minutes by default, however little there is to compact.
const COMPACTION: Duration = Duration::from_secs(30 * 60);

/// Compacts (OceanBase) and gathers statistics. On OceanBase both belong before the pre-upgrade
/// checks, which want no compaction under way. `tell` is called again and again while it goes on.
pub(super) async fn settle(
    client: &mut Client,
    request: &LoadRequest,
    tell: impl Fn(),
) -> Result<Vec<String>, LoadError> {
    let mut notes = Vec::new();
    tell();
    if request.product == Product::OceanBase {
        let what = "compacting";
        let session = client.session(what).await?;
        if let Err(failure) = compact(session, COMPACTION, &tell).await {
            notes.push(format!("{what}: {failure}"));
        }
    }
    // Without statistics a fresh table's plans are guesses.
    for table in Table::ALL {
        tell();
        let what = format!("gathering statistics of {table}");
        let by = Instant::now() + request.patience;
        let gathered = client.session(&what).await?.query(&gather(request, *table), by).await;
        if let Err(failure) = gathered {
            notes.push(format!("{what}: {failure}"));
        }
    }
    Ok(notes)
}

/// How a product gathers a table's statistics.
fn gather(request: &LoadRequest, table: Table) -> Statement {
    let sql = match request.product {
        // ANALYZE TABLE alone, without a list of what to compute, came to it late.
        Product::OceanBase => {
            format!("CALL DBMS_STATS.GATHER_TABLE_STATS('{}', '{table}')", request.database)
        }
        _ => format!("ANALYZE TABLE {table}"),
    };
    Statement::built(StatementKind::Admin, sql)
}

/// A major freeze of the tenant, and the wait for its compaction.
async fn compact(
    session: &mut Session,
    patience: Duration,
    tell: impl Fn(),
) -> Result<(), Failure> {
    let by = Instant::now() + patience;
    let before = compaction(session, by).await?.last;
    let freeze = Statement::fixed(StatementKind::Admin, "ALTER SYSTEM MAJOR FREEZE");
    session.query(&freeze, by).await?;
    // The view goes on saying IDLE until the freeze has begun: its end is a newer LAST_SCN.
    loop {
        let Compaction { status, last, failed } = compaction(session, by).await?;
        if failed {
            let message = format!("{status} with an error; see DBA_OB_MAJOR_COMPACTION");
            return Err(Failure::data(StatementKind::Admin, message));
        }
        if last > before && status == "IDLE" {
            return Ok(());
        }
        if Instant::now() + LOOK_EVERY > by {
            let message = format!("still {status} after {}s", patience.as_secs());
            return Err(Failure::data(StatementKind::Admin, message));
        }
        tell();
        sleep(LOOK_EVERY).await;
    }
}

/// The tenant's compaction.
struct Compaction {
    status: String,
    /// Up to where the last one that ended went.
    last: u64,
    /// It cannot go on by itself, a checksum being wrong.
    failed: bool,
}

async fn compaction(session: &mut Session, by: Instant) -> Result<Compaction, Failure> {
    let sql = "SELECT STATUS, LAST_SCN, IS_ERROR FROM oceanbase.DBA_OB_MAJOR_COMPACTION";
    let rows = session.query(&Statement::fixed(StatementKind::Read, sql), by).await?.rows;
    let row = rows.first().ok_or_else(|| {
        Failure::data(StatementKind::Read, "the tenant has no compaction to show")
    })?;
    let failed = cell::<String>(row, 2)?.eq_ignore_ascii_case("YES");
    Ok(Compaction { status: cell(row, 0)?, last: cell(row, 1)?, failed })
}
