//! Takes marks over the socket for as long as a run lasts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::mark::{Mark, MarkError, Recorded, Reply, Request};
use super::socket::{SOCKET, listen};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::Event;

/// Whoever connects must have said what it wants, and taken the answer, by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a request.
const REQUEST_MAX: u64 = 1024;
/// Connections served at the same time.
const SERVED_MAX: usize = 16;

/// The open ear of a run.
pub struct Listener {
    socket: PathBuf,
    listening: JoinHandle<()>,
    stop: CancellationToken,
}

/// What a mark is checked against and where it goes.
struct Scribe {
    run_id: String,
    zones: Vec<String>,
    clock: RunClock,
    events: EventSender,
}

impl Listener {
    /// Makes the socket in the run's directory, mode 0600, and takes marks from then on.
    ///
    /// # Errors
    /// When the file system has no room, or no sockets.
    pub fn start(
        run_dir: &Path,
        run_id: &str,
        zones: Vec<String>,
        clock: RunClock,
        events: EventSender,
    ) -> io::Result<Self> {
        let listener = UnixListener::from_std(listen(run_dir)?)?;
        let scribe = Arc::new(Scribe { run_id: run_id.to_owned(), zones, clock, events });
        let stop = CancellationToken::new();
        let token = stop.clone();
        let listening = tokio::spawn(async move {
            token.run_until_cancelled(serve(listener, scribe)).await;
        });
        Ok(Self { socket: run_dir.join(SOCKET), listening, stop })
    }

    /// Takes no more marks; those that were acknowledged are in the record.
    pub async fn end(self) {
        self.stop.cancel();
        let _ = self.listening.await;
        // Left behind it would only say that nobody listens.
        let _ = std::fs::remove_file(self.socket);
    }
}

async fn serve(listener: UnixListener, scribe: Arc<Scribe>) {
    let mut served = JoinSet::new();
    loop {
        if served.len() >= SERVED_MAX {
            served.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let scribe = Arc::clone(&scribe);
                served.spawn(async move {
                    // One that hangs up or dawdles has only itself to blame.
                    let _ = timeout(PATIENCE, answer(stream, &scribe)).await;
                });
            }
            // Out of descriptors, most likely: it passes or it does not, but must not spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        while served.try_join_next().is_some() {}
    }
}

async fn answer(mut stream: UnixStream, scribe: &Scribe) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    let read = BufReader::new(read.take(REQUEST_MAX)).read_line(&mut line).await;
    // Whoever only wanted to know whether somebody listens says nothing.
    if matches!(read, Ok(0)) {
        return Ok(());
    }
    let reply = match scribe.take(&line).await {
        Ok(recorded) => Reply::Recorded(recorded),
        Err(refusal) => Reply::Refused(refusal.to_string()),
    };
    let mut text = serde_json::to_vec(&reply).expect("a reply has only string keys");
    text.push(b'\n');
    write.write_all(&text).await
}

impl Scribe {
    async fn take(&self, line: &str) -> Result<Recorded, MarkError> {
        let at = self.clock.now();
        let request: Request = serde_json::from_str(line).map_err(|_| MarkError::Garbled)?;
        let mark = Mark::new(&request.phase, request.zone.as_deref(), &self.zones)?;
        let made_us = request.made_us.saturating_sub(self.clock.origin_monotonic_us());
        let uncertainty_us = at.0.saturating_sub(made_us).min(at.0);
        self.events.send(Event::Cluster(mark.event(at, uncertainty_us))).await;
        let utc = jiff::Timestamp::from_microsecond(self.clock.epoch_us(at)).unwrap_or_default();
        Ok(Recorded { run_id: self.run_id.clone(), at, utc, uncertainty_us })
    }
}
