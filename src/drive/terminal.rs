//! One terminal: takes its business transactions one after the other, attempts each as often as
//! the retry policy allows, and reports every attempt and every write.
//!
//! Every business transaction that was scheduled ends with exactly one attempt marked last:
//! - executed, and its outcome known or ambiguous;
//! - `failed(deadline)` in no zone, when too little of its deadline, or nothing, was left as the
//!   terminal got to it;
//! - `shed`, dated at its arrival, when it arrived to a full backlog;
//! - `censored`, when the run was cut while it was under way or waiting.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::business::{Business, Call, Order};
use super::ending::Ending;
use super::health::Health;
use super::look_up::Doubt;
use super::own::Dispatch;
use super::retry::{Trouble, next_attempt};
use super::route::Route;
use super::schedule::Backlog;
use super::unknown::Unknowns;
use super::work::{Arrival, Work};
use crate::classify::Retry;
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{
    Attempt, ErrorClass, ErrorCode, Event, Fate, InputCounts, LedgerEntry, Outcome, RunTime,
    TxnKind, ZoneId,
};
use crate::scenario::RetryPolicy;
use crate::tpcc::Execution;
use crate::tpcc::random::Stream;

/// What holds for every terminal of a run.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) clock: RunClock,
    pub(super) deadline_us: u64,
    pub(super) statement_deadline_us: u64,
    pub(super) connect_deadline_us: u64,
    pub(super) retry: RetryPolicy,
    pub(super) through_proxy: bool,
    pub(super) health: Arc<Health>,
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) unknowns: Unknowns,
}

impl Rules {
    /// How much time an attempt that failed this way must have had before its zone is blamed: what
    /// is left of a deadline after waiting in the backlog may be too little for any server.
    fn needed_us(&self, class: ErrorClass) -> u64 {
        let full = match class {
            ErrorClass::Deadline => self.statement_deadline_us,
            ErrorClass::ConnectTimeout => self.connect_deadline_us,
            _ => 0,
        };
        // Half, so that a transaction that did not wait always has it.
        full.min(self.deadline_us / 2)
    }
}

/// One terminal, or the deferred executor of one warehouse's deliveries.
pub(super) struct Terminal<B: Business> {
    pub(super) id: u32,
    pub(super) warehouse: u32,
    pub(super) business: B,
    pub(super) work: Work<B::Input>,
    pub(super) backlog: Backlog,
    pub(super) route: Route,
    pub(super) jitter: Stream,
    pub(super) rules: Arc<Rules>,
    pub(super) ending: Ending,
    pub(super) events: EventSender,
    /// Where commits of unknown fate go, to be looked up.
    pub(super) doubts: mpsc::Sender<Doubt>,
    pub(super) trouble: Trouble,
    /// What the rows of its last business transaction were dated.
    pub(super) dated: RunTime,
}

/// What a terminal did, beside what it reported.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// How many business transactions it had: their sequence numbers are those below.
    pub(super) transactions: u64,
    /// Their inputs, each counted once.
    pub(super) inputs: InputCounts,
}

/// A business transaction under way.
struct Due<'a, I> {
    order: &'a Order<I>,
    call: Call,
}

/// One attempt before it is known whether another follows.
struct Tried {
    start: RunTime,
    end: RunTime,
    zone: Option<ZoneId>,
    execution: Execution,
}

impl<B: Business> Terminal<B> {
    /// Runs until the end.
    pub(super) async fn run(mut self) -> Done {
        let mut done = Done::default();
        while let Some(Arrival { scheduled, order }) = self.next().await {
            B::count(&order.input, &mut done.inputs);
            self.transact(done.transactions, scheduled, &order).await;
            done.transactions += 1;
            self.work.done(self.rules.clock.now(), order.think);
        }
        self.business.close().await;
        done
    }

    /// The next transaction to execute here, once it is due; `None` at the end. Deliveries drawn
    /// before it are put into their queue.
    async fn next(&mut self) -> Option<Arrival<B::Input>> {
        loop {
            let drawn = match &mut self.work {
                Work::Queued(queue) => return queue.recv().await,
                Work::Drawn(drawn) => drawn,
            };
            let order = (drawn.draw)();
            let scheduled = drawn.pace.due(order.keying, self.trouble.connect_at())?;
            let idle = self.rules.clock.now() < scheduled;
            if !self.ending.wait_for(scheduled).await {
                return None;
            }
            let late_us = if idle { self.rules.clock.now().since_us(scheduled) } else { 0 };
            self.rules.dispatch.note(late_us);
            let (kind, think) = (order.kind, order.think);
            let arrival = Arrival { scheduled, order };
            if kind != TxnKind::Delivery {
                return Some(arrival);
            }
            // The executor outlives every terminal that can submit to it.
            let _ = drawn.deliveries.send(arrival).await;
            drawn.pace.done(self.rules.clock.now(), think);
        }
    }

    /// Sees one business transaction through to its last attempt.
    async fn transact(&mut self, sequence: u64, scheduled: RunTime, order: &Order<B::Input>) {
        let by = scheduled.plus_us(self.rules.deadline_us);
        // Not when it was due: answers that come together make several terminals of a warehouse due
        // at once, and their deliveries all come here.
        self.dated = self.rules.clock.now().max(self.dated.plus_us(1));
        let due = Due { order, call: Call { sequence, scheduled, dated: self.dated, by } };
        if !self.backlog.admits(scheduled) {
            let tried = Tried::not_sent(scheduled, Outcome::Shed);
            return self.report(&due, 0, true, tried).await;
        }
        let mut begin = self.trouble.connect_at();
        for attempt in 0.. {
            self.ending.sleep(begin.min(by)).await;
            if attempt == 0 {
                self.backlog.began(self.rules.clock.now());
            }
            let tried = self.attempt(&due).await;
            let next = self.after(&tried, attempt, &due);
            self.report(&due, attempt, next.is_none(), tried).await;
            let Some(at) = next else { break };
            begin = at;
        }
    }

    /// Makes one attempt, or finds that there is nothing left to attempt.
    async fn attempt(&mut self, due: &Due<'_, B::Input>) -> Tried {
        let start = self.rules.clock.now();
        if self.ending.is_cut() {
            return Tried::not_sent(start, Outcome::Censored);
        }
        if start.plus_us(self.trouble.margin_us()) >= due.call.by {
            return Tried::not_sent(start, Outcome::Failed(ErrorClass::Deadline));
        }
        let zone = self.route.choose(start, |zone| self.rules.health.serving_since(zone));
        let executed = tokio::select! {
            biased;
            execution = self.business.execute(zone, &due.order.input, due.call) => Some(execution),
            () = self.ending.until_cut() => None,
        };
        let end = self.rules.clock.now();
        let execution = executed.unwrap_or_else(|| {
            self.business.sever();
            Execution { outcome: Outcome::Censored, failure: None, key: None }
        });
        Tried { start, end, zone: Some(zone), execution }
    }

    /// Learns from an attempt; says when the next one of the same business transaction begins.
    fn after(&mut self, tried: &Tried, attempt: u16, due: &Due<'_, B::Input>) -> Option<RunTime> {
        // What was not sent says nothing about any zone.
        tried.zone?;
        let outcome = tried.execution.outcome;
        if outcome.is_success() {
            self.trouble.resolved();
            self.route.served();
        }
        let class = outcome.class()?;
        let resume_at = self.trouble.failed(class, tried.end, self.jitter.unit());
        let needed_us = self.rules.needed_us(class);
        if tried.start.plus_us(needed_us) > due.call.by {
            self.trouble.was_cut_short(needed_us);
        } else if class.retry() == Retry::OtherEndpoint {
            self.route.failed(tried.end, self.jitter.unit());
        } else {
            self.route.served();
        }
        next_attempt(self.rules.retry, outcome, attempt + 1, resume_at, due.call.by)
    }

    /// Hands an attempt, and the write it made or may have made, to the record.
    async fn report(&mut self, due: &Due<'_, B::Input>, attempt: u16, last: bool, tried: Tried) {
        let Tried { start, end, zone, execution: Execution { outcome, failure, key } } = tried;
        // Which zone a proxy chose is not known.
        let zone = zone.filter(|_| !self.rules.through_proxy);
        let (terminal, warehouse, sequence) = (self.id, self.warehouse, due.call.sequence);
        let unknown = failure.as_ref().and_then(|f| self.rules.unknowns.tell(f, zone, end));
        if let Some(told) = unknown {
            self.events.send(told).await;
        }
        let code = failure.as_ref().map_or(ErrorCode::NONE, |failure| failure.code);
        let statement = failure.map(|failure| failure.statement);
        let attempt = Attempt {
            terminal,
            sequence,
            attempt,
            last,
            kind: due.order.kind,
            warehouse,
            scheduled: due.call.scheduled,
            start,
            end,
            zone,
            outcome,
            code,
            statement,
        };
        self.events.send(Event::Attempt(attempt)).await;
        let fate = match outcome {
            Outcome::Committed => Fate::Acknowledged,
            Outcome::Ambiguous(_) => Fate::Ambiguous,
            _ => return,
        };
        if let Some(key) = key {
            let entry = LedgerEntry { terminal, sequence, warehouse, at: end, fate, key };
            self.events.send(Event::Ledger(entry.clone())).await;
            if fate == Fate::Ambiguous {
                let session = zone.zip(self.business.session_id());
                // Where there are too many to follow, the audit looks.
                let _ = self.doubts.try_send(Doubt { entry, session });
            }
        }
    }
}

impl Tried {
    /// Nothing was sent to any zone.
    fn not_sent(at: RunTime, outcome: Outcome) -> Self {
        let execution = Execution { outcome, failure: None, key: None };
        Self { start: at, end: at, zone: None, execution }
    }
}

#[cfg(test)]
mod tests;
