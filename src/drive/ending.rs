//! How a running load comes to its end: a moment after which nothing is scheduled, and a cut
//! after which nothing is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::RunClock;
use crate::event::RunTime;

/// One part's view of the end. Every part has a [`child`](Self::child) of its own, so that
/// thousands of waiting terminals do not share one lock.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    clock: RunClock,
    at_us: Arc<AtomicU64>,
    reached: CancellationToken,
    cut: CancellationToken,
}

impl Ending {
    /// No end in sight.
    pub(super) fn new(clock: RunClock) -> Self {
        Self {
            clock,
            at_us: Arc::new(AtomicU64::new(u64::MAX)),
            reached: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// The same end, to be waited for apart.
    pub(super) fn child(&self) -> Self {
        Self {
            clock: self.clock,
            at_us: Arc::clone(&self.at_us),
            reached: self.reached.child_token(),
            cut: self.cut.child_token(),
        }
    }

    /// Nothing is scheduled at or after `at`, and the cut comes `drain` later. The earliest of
    /// several ends holds.
    pub(super) fn announce(&self, at: RunTime, drain: Duration) {
        self.at_us.fetch_min(at.as_us(), Ordering::Release);
        let ending = self.clone();
        tokio::spawn(async move {
            sleep_until(ending.clock.instant(at)).await;
            ending.reached.cancel();
            sleep(drain).await;
            ending.cut.cancel();
        });
    }

    /// The end and the cut are now.
    pub(super) fn cut(&self) {
        self.at_us.fetch_min(self.clock.now().as_us(), Ordering::Release);
        self.reached.cancel();
        self.cut.cancel();
    }

    /// Whether the cut has come.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Returns when the cut comes.
    pub(super) async fn until_cut(&self) {
        self.cut.cancelled().await;
    }

    /// Whether something due at `at` is still to be done.
    pub(super) fn allows(&self, at: RunTime) -> bool {
        at.as_us() < self.at_us.load(Ordering::Acquire)
    }

    /// Waits until `due`; until the cut if that comes first.
    pub(super) async fn sleep(&self, due: RunTime) {
        if self.clock.now() < due {
            tokio::select! {
                () = sleep_until(self.clock.instant(due)) => {}
                () = self.cut.cancelled() => {}
            }
        }
    }

    /// Waits for something that is due at `due`; false when the end comes first.
    pub(super) async fn wait_for(&self, due: RunTime) -> bool {
        if self.clock.now() < due {
            tokio::select! {
                () = sleep_until(self.clock.instant(due)) => {}
                () = self.reached.cancelled() => {}
            }
        }
        self.allows(due)
    }
}
