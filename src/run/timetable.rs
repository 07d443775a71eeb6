//! Tells the record which stretch of the timetable begins, and waits until it is over.

use tokio_util::sync::CancellationToken;

use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ClusterEvent, ClusterFact, Edge, Event, RunTime, Source};
use crate::scenario::Span;

/// Announces the stretches of a run.
pub(super) struct Timetable<'a> {
    pub(super) clock: RunClock,
    pub(super) events: EventSender,
    /// Cuts a stretch short.
    pub(super) stop: &'a CancellationToken,
}

impl Timetable<'_> {
    /// Announces that a stretch begins; gives the moment.
    pub(super) async fn begin(&self, stretch: &str) -> RunTime {
        self.tell(stretch, Edge::Begin, String::new()).await
    }

    /// Announces that a stretch begins or has ended; gives the moment.
    pub(super) async fn tell(&self, stretch: &str, edge: Edge, detail: String) -> RunTime {
        let at = self.clock.now();
        let fact = ClusterFact::Step { step: stretch.to_owned(), zone: None, edge, detail };
        let event = ClusterEvent { at, uncertainty_us: 0, source: Source::Timetable, fact };
        self.events.send(Event::Cluster(event)).await;
        at
    }

    /// Announces a stretch and waits its length, or until the run is to stop. A stretch without
    /// length is left out, and so is one that comes after the stop.
    pub(super) async fn pass(&self, stretch: &str, length: Span) {
        if !length.0.is_zero() && !self.stop.is_cancelled() {
            self.begin(stretch).await;
            self.stop.run_until_cancelled(tokio::time::sleep(length.0)).await;
        }
    }
}
