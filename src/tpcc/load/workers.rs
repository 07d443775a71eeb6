//! Workers: each takes the next chunk of the list until none is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::bulk::Bulk;
use super::chunk::{ChunkWriter, Written};
use super::client::{Client, until_done};
use super::pace::Pace;
use super::plan::Planned;
use super::request::{LoadError, LoadRequest};

/// A chunk that is in the database for certain.
#[derive(Debug)]
pub(super) struct Done {
    /// Its rows.
    pub(super) rows: u64,
    /// Whether this load wrote it.
    pub(super) written: Written,
}

/// Starts as many workers on `chunks` as were asked for. Dropping the set stops them where they
/// are, which is safe at any moment.
pub(super) fn start(
    client: &Client,
    request: &LoadRequest,
    bulk: &Bulk,
    chunks: &Arc<Vec<Planned>>,
) -> (JoinSet<Result<(), LoadError>>, mpsc::Receiver<Done>) {
    let list = Arc::new(List {
        chunks: Arc::clone(chunks),
        next: AtomicUsize::new(0),
        pace: Pace::new(request.rows_per_s),
    });
    let (done, all_done) = mpsc::channel(64);
    let mut workers = JoinSet::new();
    for worker in 0..request.workers.max(1) as usize {
        let client = client.sibling(worker);
        let writer = ChunkWriter::new(request.seed, bulk.clone(), request.statement_deadline);
        workers.spawn(work(client, writer, Arc::clone(&list), done.clone()));
    }
    (workers, all_done)
}

/// What the workers share: the chunks to write, which of them is next, and when.
struct List {
    chunks: Arc<Vec<Planned>>,
    next: AtomicUsize,
    pace: Pace,
}

async fn work(
    mut client: Client,
    mut writer: ChunkWriter,
    list: Arc<List>,
    done: mpsc::Sender<Done>,
) -> Result<(), LoadError> {
    // The counter hands out each number once; nothing else is ordered by it.
    while let index = list.next.fetch_add(1, Ordering::Relaxed)
        && let Some(Planned { chunk, rows }) = list.chunks.get(index)
    {
        list.pace.wait_for(*rows).await;
        client.take_chunk(chunk.warehouse);
        let what = chunk.to_string();
        let written = until_done!(client, &what, |session| writer.write(session, chunk));
        // Nobody listens any more when the load has given up.
        if done.send(Done { rows: *rows, written }).await.is_err() {
            break;
        }
    }
    Ok(())
}
