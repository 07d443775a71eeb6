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
use std::time::Duration;

use super::business::{Business, Call, Order};
use super::ending::Ending;
use super::health::Health;
use super::own::Dispatch;
use super::retry::{Trouble, next_attempt};
use super::route::Route;
use super::schedule::{Backlog, Schedule};
use crate::classify::Retry;
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{
    Attempt, ErrorClass, ErrorCode, Event, Fate, LedgerEntry, Outcome, RunTime, ZoneId,
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

/// When a terminal's transactions are due.
#[derive(Debug)]
pub(super) enum Pace {
    /// Open loop.
    Open(Schedule),
    /// Closed loop: due once the one before is done, `waits` for keying and thinking.
    Closed { ready_at: RunTime, waits: bool },
}

/// One terminal.
pub(super) struct Terminal<B> {
    pub(super) id: u32,
    pub(super) warehouse: u32,
    pub(super) business: B,
    pub(super) pace: Pace,
    pub(super) backlog: Backlog,
    pub(super) route: Route,
    pub(super) jitter: Stream,
    pub(super) rules: Arc<Rules>,
    pub(super) ending: Ending,
    pub(super) events: EventSender,
    pub(super) trouble: Trouble,
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
    /// Runs until the end. Returns how many business transactions it had: their sequence numbers
    /// are those below.
    pub(super) async fn run(mut self) -> u64 {
        let mut sequence = 0;
        loop {
            let order = self.business.draw();
            let Some(scheduled) = self.wait_for_arrival(&order).await else { break };
            self.transact(sequence, scheduled, &order).await;
            sequence += 1;
            if let Pace::Closed { ready_at, waits } = &mut self.pace {
                let now = self.rules.clock.now();
                *ready_at = if *waits { after(now, order.think) } else { now };
            }
        }
        self.business.close().await;
        sequence
    }

    /// When the next transaction is due, once it is; `None` at the end.
    async fn wait_for_arrival(&mut self, order: &Order<B::Input>) -> Option<RunTime> {
        let scheduled = match &mut self.pace {
            Pace::Open(schedule) => schedule.next()?,
            Pace::Closed { ready_at, waits: true } => after(*ready_at, order.keying),
            Pace::Closed { ready_at, waits: false } => (*ready_at).max(self.trouble.connect_at()),
        };
        let idle = self.rules.clock.now() < scheduled;
        if !self.ending.wait_for(scheduled).await {
            return None;
        }
        let late_us = if idle { self.rules.clock.now().since_us(scheduled) } else { 0 };
        self.rules.dispatch.note(late_us);
        Some(scheduled)
    }

    /// Sees one business transaction through to its last attempt.
    async fn transact(&mut self, sequence: u64, scheduled: RunTime, order: &Order<B::Input>) {
        let by = scheduled.plus_us(self.rules.deadline_us);
        let due = Due { order, call: Call { sequence, scheduled, by } };
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
            self.events.send(Event::Ledger(entry)).await;
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

fn after(at: RunTime, wait: Duration) -> RunTime {
    at.plus_us(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
