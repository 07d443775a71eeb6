//! Workers: each takes the next chunk of the list until none is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::chunk::{ChunkWriter, Written};
use super::client::{Client, Shared, until_done};
use super::request::LoadError;
use crate::tpcc::rows::Chunk;

/// A chunk that is in the database for certain.
#[derive(Debug)]
pub(super) struct Done {
    /// Place in the list.
    pub(super) index: usize,
    /// Whether this load wrote it.
    pub(super) written: Written,
}

/// Starts `count` workers on `chunks`. Dropping the set stops them where they are, which is safe
/// at any moment.
pub(super) fn start(
    shared: &Arc<Shared>,
    seed: u64,
    chunks: &Arc<Vec<Chunk>>,
    count: u32,
) -> (JoinSet<Result<(), LoadError>>, mpsc::Receiver<Done>) {
    let next = Arc::new(AtomicUsize::new(0));
    let (done, all_done) = mpsc::channel(64);
    let mut workers = JoinSet::new();
    for worker in 0..count.max(1) as usize {
        let client = Client::new(Arc::clone(shared), worker);
        let writer = ChunkWriter::new(seed, shared.statement_deadline);
        workers.spawn(work(client, writer, Arc::clone(chunks), Arc::clone(&next), done.clone()));
    }
    (workers, all_done)
}

async fn work(
    mut client: Client,
    mut writer: ChunkWriter,
    chunks: Arc<Vec<Chunk>>,
    next: Arc<AtomicUsize>,
    done: mpsc::Sender<Done>,
) -> Result<(), LoadError> {
    // The counter hands out each number once; nothing else is ordered by it.
    while let index = next.fetch_add(1, Ordering::Relaxed)
        && let Some(chunk) = chunks.get(index)
    {
        let what = chunk.to_string();
        let written = until_done!(client, &what, |session| writer.write(session, chunk));
        // Nobody listens any more when the load has given up.
        if done.send(Done { index, written }).await.is_err() {
            break;
        }
    }
    Ok(())
}
