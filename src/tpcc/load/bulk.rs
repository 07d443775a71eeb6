//! How rows are sent: chosen by trying, never by a product's name.

use std::fmt;

use tokio::time::Instant;

use crate::classify::Retry;
use crate::event::StatementKind;
use crate::scenario::Product;
use crate::session::{BEGIN, Failure, ROLLBACK, Session, Statement, cell};

/// How rows are sent. Both ways give the same data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bulk {
    /// As a file that is never on any disk: half the work for the client, and less for the server.
    LoadData,
    /// By multi-row INSERT, because of this.
    Insert {
        /// Why not as a file.
        because: String,
    },
}

impl fmt::Display for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadData => f.write_str("LOAD DATA LOCAL INFILE, streamed from memory"),
            Self::Insert { because } => write!(f, "multi-row INSERT ({because})"),
        }
    }
}

impl Bulk {
    pub(super) fn insert(because: impl Into<String>) -> Self {
        Self::Insert { because: because.into() }
    }

    /// The way that is left when LOAD DATA failed for a reason that will not pass: the server or
    /// the user may not.
    pub(super) fn instead(failure: &Failure) -> Option<Self> {
        let for_good = failure.is_answer() && failure.class.retry() == Retry::Never;
        for_good.then(|| Self::insert(failure.message.clone()))
    }
}

const LOAD: Statement = Statement::fixed(
    StatementKind::Write,
    "LOAD DATA LOCAL INFILE 'probe' INTO TABLE rollproof_probe CHARACTER SET utf8mb4 \
     (zone, kind, writes)",
);
const FILE: &[u8] = b"rollproof load\tprobe\t1\n";
const LEFT: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT COUNT(*) FROM rollproof_probe WHERE zone = 'rollproof load'",
);
const CLEAR: Statement = Statement::fixed(
    StatementKind::Write,
    "DELETE FROM rollproof_probe WHERE zone = 'rollproof load'",
);
const SPLITTING: Statement =
    Statement::fixed(StatementKind::Read, "SHOW GLOBAL VARIABLES LIKE 'wsrep_load_data_splitting'");

/// Finds out by one small load whether the server takes files from this client, and whether its
/// LOAD DATA is part of the transaction it stands in, which a chunk and its mark depend on.
///
/// # Errors
/// When nothing was found out, because something else failed.
pub(super) async fn probe(
    session: &mut Session,
    product: Product,
    by: Instant,
) -> Result<Bulk, Failure> {
    if product == Product::Galera && splits(session, by).await? {
        return Ok(Bulk::insert("wsrep_load_data_splitting is on"));
    }
    session.query(&CLEAR, by).await?;
    session.query(&BEGIN, by).await?;
    let loaded = match session.load_local(&LOAD, std::iter::once(FILE.to_vec()), by).await {
        Ok(answer) => answer,
        Err(failure) => return Bulk::instead(&failure).ok_or(failure),
    };
    session.query(&ROLLBACK, by).await?;
    let rows = session.query(&LEFT, by).await?.rows;
    let left: u64 = rows.first().map_or(Ok(0), |row| cell(row, 0))?;
    session.query(&CLEAR, by).await?;
    Ok(match (loaded.affected, loaded.warnings, left) {
        (1, 0, 0) => Bulk::LoadData,
        (_, _, 0) => Bulk::insert("a row sent as a file did not arrive as it was"),
        _ => Bulk::insert("the server commits LOAD DATA by itself"),
    })
}

/// Galera can be told to commit a LOAD DATA every 10 000 rows.
async fn splits(session: &mut Session, by: Instant) -> Result<bool, Failure> {
    let rows = session.query(&SPLITTING, by).await?.rows;
    let value: Option<String> = rows.first().map(|row| cell(row, 1)).transpose()?;
    Ok(value.is_some_and(|value| value != "OFF"))
}
