//! Where a terminal's business transactions come from, and where its deliveries go.
//!
//! Delivery is deferred (clause 2.7.2): a terminal puts it into its warehouse's queue and goes on
//! at once. The queue belongs to a deferred executor, which is a terminal like any other but for
//! its arrivals: they come out of the queue, scheduled when the submitting terminal was due to
//! submit them. The submitting terminal records nothing and spends no sequence number: the one
//! business transaction there is carries the executor's number. An executor ends once every
//! terminal that could submit has ended and the queue is empty.

use std::time::Duration;

use tokio::sync::mpsc;

use super::business::Order;
use super::schedule::Schedule;
use crate::event::RunTime;

/// Draws a terminal's next transaction.
pub(super) type Draw<I> = Box<dyn FnMut() -> Order<I> + Send>;

/// A business transaction that is due.
#[derive(Debug)]
pub(super) struct Arrival<I> {
    /// When it was due.
    pub(super) scheduled: RunTime,
    pub(super) order: Order<I>,
}

/// Where a terminal's transactions come from.
pub(super) enum Work<I> {
    /// It draws them itself.
    Drawn(Drawn<I>),
    /// It is a deferred executor: terminals have queued them.
    Queued(mpsc::Receiver<Arrival<I>>),
}

/// The own work of a terminal.
pub(super) struct Drawn<I> {
    pub(super) draw: Draw<I>,
    pub(super) pace: Pace,
    /// Where its deliveries go. A terminal that finds it full waits for room.
    pub(super) deliveries: mpsc::Sender<Arrival<I>>,
}

/// When a terminal's transactions are due.
#[derive(Debug)]
pub(super) enum Pace {
    /// Open loop.
    Open(Schedule),
    /// Closed loop: due once the one before is done, `waits` for keying and thinking.
    Closed { ready_at: RunTime, waits: bool },
}

impl Pace {
    /// When the next transaction is due. A closed loop without waits goes no faster than it may
    /// connect, which is from `connect_at` on.
    pub(super) fn due(&mut self, keying: Duration, connect_at: RunTime) -> Option<RunTime> {
        match self {
            Self::Open(schedule) => schedule.next(),
            Self::Closed { ready_at, waits: true } => Some(after(*ready_at, keying)),
            Self::Closed { ready_at, waits: false } => Some((*ready_at).max(connect_at)),
        }
    }

    /// The terminal is done with its transaction at `now`, and thinks.
    pub(super) fn done(&mut self, now: RunTime, think: Duration) {
        if let Self::Closed { ready_at, waits } = self {
            *ready_at = if *waits { after(now, think) } else { now };
        }
    }
}

impl<I> Work<I> {
    /// The transaction that came out of here last is done at `now`.
    pub(super) fn done(&mut self, now: RunTime, think: Duration) {
        match self {
            Self::Drawn(drawn) => drawn.pace.done(now, think),
            Self::Queued(_) => {}
        }
    }
}

fn after(at: RunTime, wait: Duration) -> RunTime {
    at.plus_us(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX))
}
