//! One bounded queue, one collector: every event of a run goes through here to the record.
//!
//! The collector is a thread of its own, so that compressing and writing never sit on the threads
//! that measure. A sender that finds the queue full waits, and that wait is the tool's own stall.

use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, RunTime};
use crate::record::{Manifest, RecordError, RecordWriter};

/// Events the queue holds before senders wait: a second and more at the highest rates.
pub const QUEUE_MAX: usize = 1 << 16;

/// How long written rows may stay in memory: what a killed run loses at most.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Where every part of a run sends its events.
#[derive(Debug, Clone)]
pub struct EventSender(mpsc::Sender<Event>);

impl EventSender {
    /// Hands an event over, waiting while the queue is full. After the collector has stopped the
    /// event is dropped: the run is over, and its record says so.
    pub async fn send(&self, event: Event) {
        let _ = self.0.send(event).await;
    }

    /// Waits until the queue would take an event.
    pub async fn room(&self) {
        drop(self.0.reserve().await);
    }

    /// Events waiting at this moment.
    pub fn queued(&self) -> usize {
        self.0.max_capacity() - self.0.capacity()
    }

    /// A sender and the queue's other end, for tests of the parts that send.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self(sender), receiver)
    }
}

/// The running collector.
pub struct Collector {
    thread: JoinHandle<Result<Manifest, RecordError>>,
    finish: std_mpsc::Sender<(RunTime, Option<String>)>,
}

impl Collector {
    /// Starts the collector. Every event is shown to `tap` before it is written; the live view
    /// lives there. When writing fails `stop` is cancelled, so that the run ends at once with a
    /// record that can be read up to that moment.
    pub fn start(
        mut writer: RecordWriter,
        mut tap: impl FnMut(&Event) + Send + 'static,
        stop: CancellationToken,
    ) -> (EventSender, Self) {
        let (sender, mut queue) = mpsc::channel::<Event>(QUEUE_MAX);
        let (finish, finished) = std_mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut flushed = Instant::now();
            let written = (|| {
                while let Some(event) = queue.blocking_recv() {
                    tap(&event);
                    writer.write(&event)?;
                    if flushed.elapsed() >= FLUSH_EVERY {
                        writer.flush()?;
                        flushed = Instant::now();
                    }
                }
                Ok(())
            })();
            if let Err(error) = written {
                stop.cancel();
                return Err(error);
            }
            // Every sender is gone: the run is over, and how it ended is on its way.
            let (end, ended_early) =
                finished.recv().unwrap_or((RunTime::ZERO, Some("abandoned".to_owned())));
            writer.finish(end, ended_early)
        });
        (EventSender(sender), Self { thread, finish })
    }

    /// Waits until every event is on disk and completes the record. Every [`EventSender`] must
    /// have been dropped; the run's own parts do that when they end.
    ///
    /// # Errors
    /// When the record could not be written, now or earlier.
    pub async fn finish(
        self,
        end: RunTime,
        ended_early: Option<String>,
    ) -> Result<Manifest, RecordError> {
        let _ = self.finish.send((end, ended_early));
        tokio::task::spawn_blocking(|| self.thread.join())
            .await
            .expect("joining the collector is not cancelled")
            .expect("the collector does not panic")
    }
}
