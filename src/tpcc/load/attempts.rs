//! What every attempt to write a chunk met, told to whoever keeps a record of the load.

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::event::{ErrorCode, Outcome, StatementKind};
use crate::session::Failure;

/// One attempt of one worker to write one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkAttempt {
    /// The worker, from 0.
    pub worker: u32,
    /// Number of the chunk at this worker, from 0 and without gaps.
    pub sequence: u64,
    /// Number of the attempt at this chunk, from 0.
    pub attempt: u16,
    /// Whether no further attempt of this worker at this chunk follows.
    pub last: bool,
    /// The chunk's warehouse; 0 for items.
    pub warehouse: u32,
    /// When the worker took the chunk.
    pub taken: Instant,
    /// When this attempt began, connecting included.
    pub start: Instant,
    /// When its outcome was known.
    pub end: Instant,
    /// The endpoint, by its place in the request's logins; `None` when nothing was sent.
    pub endpoint: Option<usize>,
    /// What became of it. An unknown one is repeated: the chunk's mark tells whether it is there.
    pub outcome: Outcome,
    /// The server's code for a failure.
    pub code: ErrorCode,
    /// What it was executing when it failed.
    pub statement: Option<StatementKind>,
}

/// Where attempts are told; `None` where nobody keeps a record.
pub(super) type Told = Option<mpsc::Sender<ChunkAttempt>>;

/// Follows one worker from chunk to chunk. A chunk that is dropped half done ends as censored.
#[derive(Debug)]
pub(super) struct Attempts {
    told: Told,
    worker: u32,
    sequence: u64,
    chunk: Option<Taken>,
}

/// The chunk under way.
#[derive(Debug, Clone, Copy)]
struct Taken {
    warehouse: u32,
    taken: Instant,
    attempt: u16,
    /// Endpoint and beginning of the attempt under way.
    trying: Option<(usize, Instant)>,
}

impl Attempts {
    pub(super) fn new(told: &Told, worker: usize) -> Self {
        let worker = u32::try_from(worker).unwrap_or(u32::MAX);
        Self { told: told.clone(), worker, sequence: 0, chunk: None }
    }

    /// The worker takes a chunk of this warehouse.
    pub(super) fn take(&mut self, warehouse: u32) {
        self.chunk = Some(Taken { warehouse, taken: Instant::now(), attempt: 0, trying: None });
    }

    /// An attempt goes on, or begins, at this endpoint.
    pub(super) fn at(&mut self, endpoint: usize) {
        if let Some(chunk) = &mut self.chunk {
            let start = chunk.trying.map_or_else(Instant::now, |(_, start)| start);
            chunk.trying = Some((endpoint, start));
        }
    }

    /// The chunk is in the database.
    pub(super) async fn done(&mut self) {
        self.tell(None, true).await;
    }

    /// The attempt failed; `last` when the worker gives up.
    pub(super) async fn failed(&mut self, failure: &Failure, last: bool) {
        self.tell(Some(failure), last).await;
    }

    async fn tell(&mut self, failure: Option<&Failure>, last: bool) {
        let Some(mut chunk) = self.chunk else { return };
        if let Some(told) = self.told.clone() {
            // First a place in the queue: a worker that is stopped while it waits for one still
            // has its chunk to account for.
            let Ok(place) = told.reserve().await else { return };
            let outcome = failure.map_or(Outcome::Committed, Failure::outcome);
            place.send(ChunkAttempt {
                code: failure.map_or(ErrorCode::NONE, |failure| failure.code),
                statement: failure.map(|failure| failure.statement),
                ..self.attempt(chunk, outcome, last)
            });
        }
        chunk.attempt = chunk.attempt.saturating_add(1);
        chunk.trying = None;
        self.sequence += u64::from(last);
        self.chunk = (!last).then_some(chunk);
    }

    fn attempt(&self, chunk: Taken, outcome: Outcome, last: bool) -> ChunkAttempt {
        let end = Instant::now();
        ChunkAttempt {
            worker: self.worker,
            sequence: self.sequence,
            attempt: chunk.attempt,
            last,
            warehouse: chunk.warehouse,
            taken: chunk.taken,
            start: chunk.trying.map_or(end, |(_, start)| start),
            end,
            endpoint: chunk.trying.map(|(endpoint, _)| endpoint),
            outcome,
            code: ErrorCode::NONE,
            statement: None,
        }
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        if let (Some(chunk), Some(told)) = (self.chunk, &self.told) {
            // A queue that is full just now leaves a gap in the record, which the analysis finds.
            let _ = told.try_send(self.attempt(chunk, Outcome::Censored, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_chunk_taken_ends_with_one_last_attempt() {
        let (told, mut heard) = mpsc::channel(16);
        let mut attempts = Attempts::new(&Some(told), 2);
        attempts.take(1);
        attempts.at(0);
        attempts.failed(&Failure::data(StatementKind::Write, "too few"), false).await;
        attempts.at(1);
        attempts.done().await;
        attempts.take(3);
        attempts.at(1);
        drop(attempts);

        let mut seen = Vec::new();
        while let Some(told) = heard.recv().await {
            assert_eq!(told.worker, 2);
            assert!(told.taken <= told.start && told.start <= told.end);
            seen.push((told.sequence, told.attempt, told.last, told.endpoint, told.outcome.kind()));
        }
        use crate::event::OutcomeKind::{Censored, Committed, Failed};
        assert_eq!(
            seen,
            [
                (0, 0, false, Some(0), Failed),
                (0, 1, true, Some(1), Committed),
                (1, 0, true, Some(1), Censored)
            ]
        );
    }
}
