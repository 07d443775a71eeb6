//! The load from beginning to end.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::chunk::Written;
use super::client::{Client, Shared, until_done};
use super::prepare::{marked_chunks, prepare};
use super::request::{LoadError, LoadProgress, LoadRequest, LoadStage, LoadSummary};
use super::verify::{complete, gather_statistics, verify};
use super::{plan, workers};
use crate::scenario::Isolation;
use crate::session::Login;
use crate::tpcc::execute::session_settings;
use crate::tpcc::marker::Marker;
use crate::tpcc::rows::{Chunk, RowMaker};
use crate::tpcc::scale::Table;

/// Fills a database, or goes on filling it. On data that is complete already it only says so: a
/// run may have changed it since.
///
/// `progress` is told after every chunk. Cancelling `stop`, or dropping the future, ends the load
/// at once; started again it goes on.
///
/// # Errors
/// Why the load is not complete, with the last failure of what it could not do.
pub async fn load(
    request: &LoadRequest,
    progress: &(impl Fn(LoadProgress) + Sync),
    stop: CancellationToken,
) -> Result<LoadSummary, LoadError> {
    tokio::select! {
        () = stop.cancelled() => Err(LoadError::Stopped),
        result = load_all(request, progress) => result,
    }
}

async fn load_all(
    request: &LoadRequest,
    progress: &(impl Fn(LoadProgress) + Sync),
) -> Result<LoadSummary, LoadError> {
    let started = Instant::now();
    if request.logins.is_empty() {
        return Err(LoadError::NoEndpoint);
    }
    let all: Vec<Chunk> = plan::chunks(request.warehouses).collect();
    let maker = RowMaker::new(request.seed);
    let rows_total = all.iter().map(|chunk| maker.count(chunk)).sum();
    progress(LoadProgress { stage: LoadStage::Preparing, rows_done: 0, rows_total, failures: 0 });

    let marker = prepared(request).await?;
    let shared = Arc::new(shared(request, Some(&request.database)));
    let mut client = Client::new(Arc::clone(&shared), 0);
    let mut load = Load { request, progress, shared, rows_total, rows_done: 0, rows_written: 0 };
    let mut notes = Vec::new();
    if marker.load_complete {
        load.rows_done = rows_total;
    } else {
        load.write(&mut client, all.clone()).await?;
        load.tell(LoadStage::Checking);
        verify(&mut client, request, &expected_counts(&maker, &all)).await?;
        notes = gather_statistics(&mut client, request).await?;
        complete(&mut client, request).await?;
    }
    load.tell(LoadStage::Checking);
    Ok(LoadSummary {
        marker: Marker { load_complete: true, ..marker },
        rows_total,
        rows_written: load.rows_written,
        failures: load.shared.failures(),
        elapsed: started.elapsed(),
        notes,
    })
}

/// Database, tables and marker, through a session that needs no database yet.
async fn prepared(request: &LoadRequest) -> Result<Marker, LoadError> {
    let mut client = Client::new(Arc::new(shared(request, None)), 0);
    let what = format!("preparing database {}", request.database);
    until_done!(client, &what, |session| prepare(session, request))
}

fn shared(request: &LoadRequest, database: Option<&String>) -> Shared {
    // A chunk is one transaction of several statements.
    let transaction = request.statement_deadline * 10;
    let settings = session_settings(
        request.product,
        Isolation::ReadCommitted,
        request.statement_deadline,
        transaction,
    );
    let complete = |login: &Login| Login {
        product: request.product,
        database: database.cloned(),
        settings: settings.clone(),
        ..login.clone()
    };
    let limits: [Duration; 3] =
        [request.connect_deadline, request.statement_deadline, request.patience];
    Shared::new(request.logins.iter().map(complete).collect(), limits)
}

fn expected_counts(maker: &RowMaker, chunks: &[Chunk]) -> Vec<(Table, u64)> {
    let count = |table: Table| {
        let of_table = chunks.iter().filter(|chunk| chunk.table == table);
        (table, of_table.map(|chunk| maker.count(chunk)).sum())
    };
    Table::ALL.iter().map(|table| count(*table)).collect()
}

/// A load under way.
struct Load<'a, P> {
    request: &'a LoadRequest,
    progress: &'a P,
    shared: Arc<Shared>,
    rows_total: u64,
    rows_done: u64,
    rows_written: u64,
}

impl<P: Fn(LoadProgress) + Sync> Load<'_, P> {
    fn tell(&self, stage: LoadStage) {
        let (rows_done, rows_total) = (self.rows_done, self.rows_total);
        (self.progress)(LoadProgress {
            stage,
            rows_done,
            rows_total,
            failures: self.shared.failures(),
        });
    }

    /// Writes every chunk that is not marked yet.
    async fn write(&mut self, client: &mut Client, all: Vec<Chunk>) -> Result<(), LoadError> {
        let patience = self.request.patience;
        let what = "reading the marks of loaded chunks";
        let marked = until_done!(client, what, |session| marked_chunks(session, patience));
        let key = |chunk: &Chunk| (chunk.table, chunk.warehouse, chunk.range.start);
        let marked: HashSet<_> = marked.iter().map(key).collect();
        let (there, missing): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|chunk| marked.contains(&key(chunk)));
        let maker = RowMaker::new(self.request.seed);
        self.rows_done = there.iter().map(|chunk| maker.count(chunk)).sum();
        self.tell(LoadStage::Writing);

        let missing = Arc::new(missing);
        let (mut workers, mut done) =
            workers::start(&self.shared, self.request.seed, &missing, self.request.workers);
        loop {
            tokio::select! {
                Some(chunk) = done.recv() => {
                    let rows = maker.count(&missing[chunk.index]);
                    self.rows_done += rows;
                    self.rows_written += if chunk.written == Written::Now { rows } else { 0 };
                    self.tell(LoadStage::Writing);
                }
                // The first error ends the load; leaving drops, and so stops, the other workers.
                Some(worker) = workers.join_next() => {
                    worker.expect("workers are neither cancelled nor do they panic")?;
                }
                else => break,
            }
        }
        Ok(())
    }
}
