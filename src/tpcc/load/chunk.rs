//! Writing one chunk exactly once.

use std::time::Duration;

use tokio::time::Instant;

use super::bulk::Bulk;
use crate::event::StatementKind;
use crate::session::{BEGIN, COMMIT, Failure, ROLLBACK, Session, Statement};
use crate::tpcc::encoding::{RowBuffer, SqlValues};
use crate::tpcc::rows::{Chunk, Pieces, RowMaker};
use crate::tpcc::schema::{insert_into, load_into};

/// A statement ends at this many bytes of rows: far under every server's packet limit, far over
/// what a round trip costs.
const STATEMENT_BYTES: usize = 256 << 10;

/// ER_DUP_ENTRY.
const DUPLICATE: u16 = 1062;

/// Whether this load wrote the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Yes, now or by an earlier attempt whose COMMIT took effect although its answer was lost.
    ByThisLoad,
    /// No: it came from a load that ended before, whose last COMMIT was still under way.
    ByAnother,
}

/// Makes and writes chunks; reuses its buffer.
#[derive(Debug)]
pub(super) struct ChunkWriter {
    maker: RowMaker,
    bulk: Bulk,
    rows: RowBuffer<SqlValues>,
    statement_deadline: Duration,
    /// The chunk that a COMMIT was sent for last.
    committed: Option<Chunk>,
}

impl ChunkWriter {
    pub(super) fn new(seed: u64, bulk: Bulk, statement_deadline: Duration) -> Self {
        let (maker, rows) = (RowMaker::new(seed), RowBuffer::new());
        Self { maker, bulk, rows, statement_deadline, committed: None }
    }

    /// Writes the chunk and its mark in one transaction.
    ///
    /// The mark goes first. If the chunk is there already, its key says so; if an earlier attempt
    /// is still under way on some server, it waits for that one's lock or loses at COMMIT. Either
    /// way the chunk cannot be written twice, so every failure may simply be followed by another
    /// attempt.
    ///
    /// # Errors
    /// What stood in the way; nothing of this attempt is left, or all of it with its mark.
    pub(super) async fn write(
        &mut self,
        session: &mut Session,
        chunk: &Chunk,
    ) -> Result<Written, Failure> {
        session.query(&BEGIN, self.by()).await?;
        match session.query(&mark(chunk), self.by()).await {
            Ok(_) => {}
            Err(failure) if failure.code.errno == DUPLICATE => {
                session.query(&ROLLBACK, self.by()).await?;
                let ours = self.committed.as_ref() == Some(chunk);
                return Ok(if ours { Written::ByThisLoad } else { Written::ByAnother });
            }
            Err(failure) => return Err(failure),
        }
        match self.bulk {
            Bulk::LoadData => self.load(session, chunk).await?,
            Bulk::Insert { .. } => self.insert_all(session, chunk).await?,
        }
        self.committed = Some(chunk.clone());
        session.query(&COMMIT, self.by()).await?;
        Ok(Written::ByThisLoad)
    }

    /// Sends the chunk as a file. Of such a file a server takes what it can and warns of the rest,
    /// whatever the session's SQL mode: a chunk with a warning is as good as none.
    async fn load(&mut self, session: &mut Session, chunk: &Chunk) -> Result<(), Failure> {
        let statement = Statement::built(StatementKind::Write, load_into(chunk.table));
        let pieces = Pieces::new(self.maker.clone(), chunk.clone());
        let loaded = session.load_local(&statement, pieces, self.by()).await;
        // Another server than the one that was probed may refuse: the next attempt does without.
        if let Some(instead) = loaded.as_ref().err().and_then(Bulk::instead) {
            self.bulk = instead;
        }
        let (loaded, rows) = (loaded?, self.maker.count(chunk));
        if (loaded.affected, loaded.warnings) == (rows, 0) {
            return Ok(());
        }
        let message = format!(
            "{} of {rows} rows loaded into {}, {} warnings",
            loaded.affected, chunk.table, loaded.warnings
        );
        Err(Failure::data(StatementKind::Write, message))
    }

    async fn insert_all(&mut self, session: &mut Session, chunk: &Chunk) -> Result<(), Failure> {
        self.rows.clear();
        for index in chunk.range.clone() {
            self.maker.write(chunk.table, chunk.warehouse, index, &mut self.rows);
            if self.rows.bytes().len() >= STATEMENT_BYTES {
                self.insert(session, chunk).await?;
            }
        }
        if self.rows.rows() > 0 {
            self.insert(session, chunk).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, session: &mut Session, chunk: &Chunk) -> Result<(), Failure> {
        let values = std::str::from_utf8(self.rows.bytes()).expect("rows are ASCII");
        let sql = insert_into(chunk.table) + values;
        let statement = Statement::built(StatementKind::Write, sql);
        let inserted = session.query(&statement, self.by()).await?.affected;
        if inserted != self.rows.rows() {
            let message =
                format!("{inserted} of {} rows inserted into {}", self.rows.rows(), chunk.table);
            return Err(Failure::data(StatementKind::Write, message));
        }
        self.rows.clear();
        Ok(())
    }

    fn by(&self) -> Instant {
        Instant::now() + self.statement_deadline
    }
}

fn mark(chunk: &Chunk) -> Statement {
    let Chunk { table, warehouse, range } = chunk;
    let sql = format!(
        "INSERT INTO rollproof_chunk (table_name, warehouse, first_index, end_index) \
         VALUES ('{table}', {warehouse}, {}, {})",
        range.start, range.end,
    );
    Statement::built(StatementKind::Write, sql)
}
