//! The load from beginning to end.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bulk::{Bulk, probe};
use super::chunk::Written;
use super::client::{Client, Logins, Shared, until_done};
use super::plan::{Planned, plan};
use super::prepare::{marked_chunks, prepare};
use super::request::{LoadError, LoadProgress, LoadRequest, LoadStage, LoadSummary};
use super::settle::settle;
use super::verify::{complete, verify};
use super::workers::{self, Done};
use crate::scenario::Isolation;
use crate::session::Login;
use crate::tpcc::execute::{causal_reads, session_settings};
use crate::tpcc::marker::Marker;
use crate::tpcc::rows::{Chunk, RowMaker};
use crate::tpcc::scale::Table;

/// Progress is told at least this often while rows are written.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How often LOAD DATA is tried while connections are lost over it.
const PROBES: u32 = 3;

/// Fills a database, or goes on filling it. On data that is complete already it only says so: a
/// run may have changed it since.
///
/// `progress` is told after every chunk and once a second. Cancelling `stop`, or dropping the future, ends the load
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
    let all = plan(request.warehouses, &RowMaker::new(request.seed));
    let shared = Arc::new(Shared::new(request));
    let mut load = Load {
        request,
        progress,
        shared,
        rows_total: all.iter().map(|planned| planned.rows).sum(),
        rows_done: 0,
        rows_written: 0,
    };
    load.tell(LoadStage::Preparing);
    let marker = load.prepare().await?;
    let (mut bulk, mut writing, mut notes) = (None, Duration::ZERO, Vec::new());
    if marker.load_complete {
        load.rows_done = load.rows_total;
    } else {
        let expected = expected_counts(&all);
        bulk = load.write(all).await?;
        writing = started.elapsed();
        load.tell(LoadStage::Checking);
        notes = load.check(&expected).await?;
    }
    load.tell(LoadStage::Checking);
    Ok(LoadSummary {
        marker: Marker { load_complete: true, ..marker },
        rows_total: load.rows_total,
        rows_written: load.rows_written,
        bulk,
        failures: load.shared.failures(),
        writing,
        elapsed: started.elapsed(),
        notes,
    })
}

/// Logins with everything a loader's session needs, and `more`.
fn logins(request: &LoadRequest, database: Option<&String>, more: Option<&str>) -> Logins {
    // A chunk is one transaction of several statements.
    let (statement, transaction) = (request.statement_deadline, request.statement_deadline * 10);
    let mut settings =
        session_settings(request.product, Isolation::ReadCommitted, statement, transaction);
    settings.extend(more.map(str::to_owned));
    let complete = |login: &Login| Login {
        product: request.product,
        database: database.cloned(),
        settings: settings.clone(),
        ..login.clone()
    };
    Arc::new(request.logins.iter().map(complete).collect())
}

/// How many chunks a load of as many warehouses has.
pub fn chunk_count(warehouses: u32, seed: u64) -> u64 {
    plan(warehouses, &RowMaker::new(seed)).len() as u64
}

fn expected_counts(all: &[Planned]) -> Vec<(Table, u64)> {
    let count = |table: Table| {
        let of_table = all.iter().filter(|planned| planned.chunk.table == table);
        (table, of_table.map(|planned| planned.rows).sum())
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
            endpoints: self.shared.endpoints(),
        });
    }

    /// Database, tables and marker, through sessions that need no database yet.
    async fn prepare(&self) -> Result<Marker, LoadError> {
        let request = self.request;
        let mut client = Client::new(&self.shared, &logins(request, None, None), 0);
        let what = format!("preparing database {}", request.database);
        until_done!(client, &what, |session| prepare(session, request))
    }

    /// Writes every chunk that is not marked yet, and says how; `None` when there was none.
    async fn write(&mut self, all: Vec<Planned>) -> Result<Option<Bulk>, LoadError> {
        let (request, patience) = (self.request, self.request.patience);
        let logins = logins(request, Some(&request.database), None);
        let mut client = Client::new(&self.shared, &logins, 0);
        let what = "reading the marks of loaded chunks";
        let marked = until_done!(client, what, |session| marked_chunks(session, patience));
        let key = |chunk: &Chunk| (chunk.table, chunk.warehouse, chunk.range.start);
        let marked: HashSet<_> = marked.iter().map(key).collect();
        let (there, missing): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|planned| marked.contains(&key(&planned.chunk)));
        self.rows_done = there.iter().map(|planned| planned.rows).sum();
        self.tell(LoadStage::Writing);
        if missing.is_empty() {
            return Ok(None);
        }

        let bulk = self.choose(&mut client).await?;
        let (mut workers, mut done) = workers::start(&client, request, &bulk, &Arc::new(missing));
        let mut tick = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                Some(Done { rows, written }) = done.recv() => {
                    self.rows_done += rows;
                    self.rows_written += if written == Written::ByThisLoad { rows } else { 0 };
                    self.tell(LoadStage::Writing);
                }
                // The first error ends the load; leaving drops, and so stops, the other workers.
                Some(worker) = workers.join_next() => {
                    worker.expect("workers are neither cancelled nor do they panic")?;
                }
                // Also while nothing moves: that is when somebody looks.
                _ = tick.tick(), if !workers.is_empty() => self.tell(LoadStage::Writing),
                else => break,
            }
        }
        Ok(Some(bulk))
    }

    /// Chooses by trying how rows are sent.
    async fn choose(&self, client: &mut Client) -> Result<Bulk, LoadError> {
        if !self.request.load_data {
            return Ok(Bulk::insert("as asked for"));
        }
        // A proxy may take offence and close: that cannot be told from a server that went away.
        for _ in 0..PROBES {
            let what = "trying LOAD DATA LOCAL INFILE";
            let session = client.session(what).await?;
            let by = Instant::now() + self.request.connect_deadline;
            let tried = probe(session, self.request.product, by).await;
            if let Some(bulk) = client.settle(what, tried).await? {
                return Ok(bulk);
            }
        }
        Ok(Bulk::insert(format!("LOAD DATA LOCAL INFILE found no answer {PROBES} times")))
    }

    /// Checks what was written, through whichever node, and marks it complete.
    async fn check(&self, expected: &[(Table, u64)]) -> Result<Vec<String>, LoadError> {
        let request = self.request;
        let causal = causal_reads(request.product);
        let logins = logins(request, Some(&request.database), causal);
        let mut client = Client::new(&self.shared, &logins, 0);
        verify(&client, request, expected).await?;
        let notes = settle(&mut client, request, || self.tell(LoadStage::Settling)).await?;
        complete(&mut client, request).await?;
        Ok(notes)
    }
}
