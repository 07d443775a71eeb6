//! A terminal and its executor against scripted outcomes, and what holds for them whatever happens.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver};

use super::super::super::schedule::Schedule;
use super::super::super::work::{Draw, Drawn, Pace};
use super::super::*;
use crate::event::{ClusterFact, StatementKind, WriteKey};
use crate::scenario::{Load, Rate};
use crate::session::Failure;
use crate::tpcc::random::{Purpose, Stream};

/// What a zone does to an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// It commits after so many ms.
    Commits(u64),
    /// It fails after so many ms.
    Fails(u64, ErrorClass),
    /// COMMIT is not answered.
    LosesAnswer(u64),
    /// Nothing is ever answered.
    Hangs,
    /// Nothing is ever answered, and our own deadline does not work either.
    HangsForGood,
}

/// Plays a script over and over: one fault an attempt, wherever it is sent.
struct Scripted {
    clock: RunClock,
    script: Vec<Fault>,
    next: usize,
    /// Zones that refuse whatever the script says.
    down: Vec<ZoneId>,
    /// What the first attempt after a failure takes longer.
    reconnect_ms: u64,
    connected: bool,
    statement_deadline_us: u64,
}

impl Business for Scripted {
    type Input = ();

    fn count(_: &(), counts: &mut InputCounts) {
        counts.payments += 1;
    }

    async fn execute(&mut self, zone: ZoneId, _: &(), call: Call) -> Execution {
        let fault = match self.down.contains(&zone) {
            true => Fault::Fails(0, ErrorClass::Refused),
            false => self.script[self.next % self.script.len()],
        };
        self.next += 1;
        let statement_by = self.clock.now().plus_us(self.statement_deadline_us).min(call.by);
        let (takes_ms, outcome) = match fault {
            Fault::Commits(ms) => (ms, Outcome::Committed),
            Fault::Fails(ms, class) => (ms, Outcome::Failed(class)),
            Fault::LosesAnswer(ms) => (ms, Outcome::Ambiguous(ErrorClass::ConnectionLost)),
            Fault::Hangs => (1_000_000, Outcome::Failed(ErrorClass::Deadline)),
            Fault::HangsForGood => std::future::pending().await,
        };
        let takes_ms = takes_ms + if self.connected { 0 } else { self.reconnect_ms };
        let done = self.clock.now().plus_us(takes_ms * 1_000);
        tokio::time::sleep_until(self.clock.instant(done.min(statement_by))).await;
        let outcome =
            if done > statement_by { Outcome::Failed(ErrorClass::Deadline) } else { outcome };
        self.connected = outcome.class().is_none();
        let failure = outcome.class().map(|class| Failure {
            class,
            code: ErrorCode::NONE,
            statement: StatementKind::Write,
            may_have_committed: false,
            message: String::new(),
        });
        let delivered_us = call.dated.0.cast_signed();
        let key = Some(WriteKey::Delivery { carrier: 1, delivered_us, orders: 10 });
        Execution { outcome, failure, key }
    }

    fn session_id(&self) -> Option<u32> {
        None
    }

    fn sever(&mut self) {}

    async fn close(&mut self) {}
}

/// A terminal of its own at `rate` arrivals a second and the executor of its deliveries, before
/// anything is spoilt.
pub(super) struct Bench {
    pub(super) load: Load,
    pub(super) script: Vec<Fault>,
    /// What the terminal draws, over and over.
    pub(super) kinds: Vec<TxnKind>,
    /// What the executor meets.
    pub(super) deferred: Vec<Fault>,
    /// Deliveries that may wait for it.
    pub(super) queue_max: usize,
    pub(super) down: Vec<ZoneId>,
    pub(super) reconnect_ms: u64,
    /// The load is stopped after this long and cut so much later.
    pub(super) stop_ms: u64,
    pub(super) drain_ms: u64,
    pub(super) closed: Option<bool>,
}

impl Bench {
    pub(super) fn new(rate: f64, script: &[Fault]) -> Self {
        let load = Load { rate: Rate::PerSecond(rate), terminals: 1, ..Load::default() };
        let drain_ms = 5_500;
        Self {
            load,
            script: script.to_vec(),
            kinds: vec![TxnKind::Payment],
            deferred: script.to_vec(),
            queue_max: 1000,
            down: Vec::new(),
            reconnect_ms: 0,
            stop_ms: 10_000,
            drain_ms,
            closed: None,
        }
    }

    /// Runs it on a paused clock: waiting costs no time. Gives the attempts, the ledger and the
    /// terminal's own count; checks what holds for every terminal whatever happens.
    pub(super) fn run(self) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let ran = runtime.block_on(self.drive());
        ran.check_the_promises();
        ran
    }

    async fn drive(self) -> Ran {
        let clock = RunClock::start();
        let (events, received) = EventSender::channel(1 << 20);
        let ending = Ending::new(clock);
        let rules = Arc::new(self.rules(clock));
        let (deliveries, queue) = mpsc::channel(self.queue_max);
        let pace = match self.closed {
            None => Pace::Open(Schedule::new(&self.load, 1, 0, RunTime::ZERO)),
            Some(waits) => Pace::Closed { ready_at: RunTime::ZERO, waits },
        };
        let drawn = Work::Drawn(Drawn { draw: draw(self.kinds.clone()), pace, deliveries });
        let terminal = self.terminal(0, &self.script, drawn, &rules, &ending, &events);
        let queued = Work::Queued(queue);
        let executor = self.terminal(1, &self.deferred, queued, &rules, &ending, &events);
        drop(events);
        let stop = RunTime(self.stop_ms * 1_000);
        ending.announce(stop, Duration::from_millis(self.drain_ms));
        let (terminal, executor) = tokio::join!(terminal.run(), executor.run());
        Ran::new([terminal, executor], stop, self.load.deadline.as_us(), clock.now(), received)
    }

    fn rules(&self, clock: RunClock) -> Rules {
        let load = &self.load;
        Rules {
            clock,
            deadline_us: load.deadline.as_us(),
            statement_deadline_us: load.statement_deadline.as_us(),
            connect_deadline_us: load.connect_deadline.as_us(),
            retry: load.retry,
            through_proxy: false,
            health: Arc::new(Health::new(3)),
            dispatch: Arc::default(),
            unknowns: Unknowns::default(),
        }
    }

    fn terminal(
        &self,
        id: u32,
        script: &[Fault],
        work: Work<()>,
        rules: &Arc<Rules>,
        ending: &Ending,
        events: &EventSender,
    ) -> Terminal<Scripted> {
        let load = &self.load;
        let business = Scripted {
            clock: rules.clock,
            script: script.to_vec(),
            next: 0,
            down: self.down.clone(),
            reconnect_ms: self.reconnect_ms,
            connected: true,
            statement_deadline_us: load.statement_deadline.as_us(),
        };
        Terminal {
            id,
            warehouse: 1,
            business,
            work,
            backlog: Backlog::new(load.backlog_max),
            route: Route::failover(ZoneId(0), 3, 0, load.return_delay.as_us()),
            jitter: Stream::new(1, Purpose::Jitter, [id.into(), 0, 0]),
            rules: Arc::clone(rules),
            ending: ending.child(),
            events: events.clone(),
            // Nobody looks anything up here.
            doubts: mpsc::channel(1).0,
            trouble: Trouble::default(),
            dated: RunTime::ZERO,
        }
    }
}

/// Deals the kinds one after the other, over and over.
fn draw(kinds: Vec<TxnKind>) -> Draw<()> {
    let mut kinds = kinds.into_iter().cycle();
    Box::new(move || {
        let kind = kinds.next().expect("there are kinds to deal");
        let (keying, think) = (Duration::from_millis(200), Duration::from_millis(300));
        Order { kind, input: (), keying, think }
    })
}

/// What a terminal and its executor left behind.
pub(super) struct Ran {
    /// Business transactions of each.
    pub(super) counts: [u64; 2],
    /// Of both.
    pub(super) count: u64,
    pub(super) stop: RunTime,
    pub(super) deadline_us: u64,
    pub(super) ended: RunTime,
    pub(super) attempts: Vec<Attempt>,
    pub(super) ledger: Vec<LedgerEntry>,
}

impl Ran {
    fn new(
        done: [Done; 2],
        stop: RunTime,
        deadline_us: u64,
        ended: RunTime,
        mut received: Receiver<Event>,
    ) -> Self {
        let (mut attempts, mut ledger) = (Vec::new(), Vec::new());
        while let Ok(event) = received.try_recv() {
            match event {
                Event::Attempt(attempt) => attempts.push(attempt),
                Event::Ledger(entry) => ledger.push(entry),
                // What stands behind the class `other`.
                Event::Cluster(event) if matches!(event.fact, ClusterFact::UnknownError(_)) => {}
                other => panic!("a terminal does not send {other:?}"),
            }
        }
        let counts = done.each_ref().map(|done| done.transactions);
        let count = counts.iter().sum();
        // Whoever executes an input counts it, once.
        assert_eq!(done.map(|done| done.inputs.all()), counts);
        Self { counts, count, stop, deadline_us, ended, attempts, ledger }
    }

    fn check_the_promises(&self) {
        let mut by_number: HashMap<(u32, u64), Vec<&Attempt>> = HashMap::new();
        for attempt in &self.attempts {
            by_number.entry((attempt.terminal, attempt.sequence)).or_default().push(attempt);
            assert_eq!(attempt.kind == TxnKind::Delivery, attempt.terminal == 1, "{attempt:?}");
        }
        assert_eq!(by_number.len() as u64, self.count);
        let numbers =
            (0..2).zip(self.counts).flat_map(|(id, count)| (0..count).map(move |n| (id, n)));
        for number in numbers {
            let attempts = &by_number[&number];
            for (number, attempt) in attempts.iter().enumerate() {
                assert_eq!(usize::from(attempt.attempt), number);
                assert_eq!(attempt.last, number + 1 == attempts.len(), "{attempts:?}");
                assert_eq!(attempt.scheduled, attempts[0].scheduled);
                assert!(attempt.scheduled < self.stop);
                assert!(attempt.scheduled <= attempt.start && attempt.start <= attempt.end);
                let deadline = attempt.scheduled.plus_us(self.deadline_us);
                assert!(attempt.zone.is_none() || attempt.start < deadline, "{attempt:?}");
                let ambiguous = attempt.outcome.kind() == crate::event::OutcomeKind::Ambiguous;
                assert!(!ambiguous || attempt.last, "repeated after {attempt:?}");
            }
        }
        let mut keys = HashSet::new();
        for entry in &self.ledger {
            let WriteKey::Delivery { delivered_us, .. } = entry.key else { panic!("{entry:?}") };
            assert!(keys.insert((entry.terminal, delivered_us)), "not told apart: {entry:?}");
        }
        let writes = |outcome: fn(&Outcome) -> bool| {
            self.attempts.iter().filter(|attempt| outcome(&attempt.outcome)).count()
        };
        let entries = |fate| self.ledger.iter().filter(|entry| entry.fate == fate).count();
        let committed = writes(|outcome| *outcome == Outcome::Committed);
        assert_eq!(entries(Fate::Acknowledged), committed);
        let ambiguous = writes(|outcome| matches!(outcome, Outcome::Ambiguous(_)));
        assert_eq!(entries(Fate::Ambiguous), ambiguous);
    }

    pub(super) fn count_of(&self, outcome: Outcome) -> usize {
        self.attempts.iter().filter(|attempt| attempt.outcome == outcome).count()
    }

    /// Attempts of the executor.
    pub(super) fn deferred(&self) -> Vec<&Attempt> {
        self.attempts.iter().filter(|attempt| attempt.terminal == 1).collect()
    }
}
