//! A limit on how fast rows are written, so that a small load can last as long as an upgrade.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Shared by all workers of a load.
#[derive(Debug)]
pub(super) struct Pace {
    rows_per_s: Option<u32>,
    began: Instant,
    rows: AtomicU64,
}

impl Pace {
    /// No more than this many rows a second from now on; `None` is as fast as can be.
    pub(super) fn new(rows_per_s: Option<u32>) -> Self {
        Self { rows_per_s, began: Instant::now(), rows: AtomicU64::new(0) }
    }

    /// Waits until it is time for a chunk of `rows`. Time lost to a cluster that stood still may
    /// be made up for.
    pub(super) async fn wait_for(&self, rows: u64) {
        let Some(rows_per_s) = self.rows_per_s else { return };
        // Each worker learns how many rows go before its own; nothing else is ordered by it.
        let before = self.rows.fetch_add(rows, Ordering::Relaxed);
        let after = Duration::from_secs_f64(before as f64 / f64::from(rows_per_s.max(1)));
        sleep_until(self.began + after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rows_take_the_time_they_are_given() {
        let (paced, free) = (Pace::new(Some(100)), Pace::new(None));
        let began = Instant::now();
        for _ in 0..5 {
            paced.wait_for(50).await;
            free.wait_for(1_000_000).await;
        }
        assert_eq!(began.elapsed().as_secs(), 2);
    }
}
