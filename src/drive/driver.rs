//! Starts terminals, probes and the tool's self-watch, and brings them to an orderly end.

use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::crew::Crew;
use super::ending::Ending;
use super::look_up::LookUp;
use super::own::SelfWatch;
use super::terminal::{Done, Terminal};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{InputCounts, RunTime};
use crate::scenario::Scenario;
use crate::session::Password;
use crate::tpcc::random::{CLast, RunConstants};

/// What an attempt may take beyond its deadline before it is taken for hung: the tool's own delay
/// and a last ROLLBACK.
const GRACE: Duration = Duration::from_millis(500);

/// What is to be driven.
#[derive(Debug, Clone, Copy)]
pub struct Drive<'a> {
    /// A validated scenario.
    pub scenario: &'a Scenario,
    /// Password of the scenario's user.
    pub password: &'a Password,
    /// Number of the run in its database, from 1.
    pub run_number: u32,
    /// Constants of the run's random numbers, which depend on those of the load.
    pub constants: RunConstants,
}

/// What was driven, beside what is in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driven {
    /// How many business transactions each terminal had, the deferred executors behind the others;
    /// their sequence numbers are those below.
    pub transactions: Vec<u64>,
    /// The inputs of all of them.
    pub inputs: InputCounts,
}

/// A running load.
pub struct Driver {
    terminals: JoinSet<(u32, Done)>,
    probers: JoinSet<()>,
    look_up: JoinHandle<()>,
    watch: SelfWatch,
    ending: Ending,
    drain: Duration,
}

impl Driver {
    /// Starts terminals, probes and self-watch at this moment. All of them report to `events`,
    /// and end by themselves after [`stop`](Self::stop). Call it inside a runtime.
    pub fn start(drive: Drive<'_>, clock: RunClock, events: EventSender) -> Self {
        let (crew, look_up) = Crew::new(drive, clock, Ending::new(clock), events.clone());
        let terminals = crew.terminals();
        Self::with(crew, terminals, look_up, events)
    }

    /// Starts probes and self-watch alone, beside a load that somebody else drives.
    pub fn without_terminals(
        scenario: &Scenario,
        password: &Password,
        clock: RunClock,
        events: EventSender,
    ) -> Self {
        let seed = scenario.workload.seed;
        let constants = RunConstants::new(seed, CLast::load(seed));
        let drive = Drive { scenario, password, run_number: 0, constants };
        let (crew, look_up) = Crew::new(drive, clock, Ending::new(clock), events.clone());
        Self::with(crew, Vec::new(), look_up, events)
    }

    fn with(
        crew: Crew<'_>,
        crew_terminals: Vec<Terminal<Client>>,
        look_up: LookUp,
        events: EventSender,
    ) -> Self {
        let mut terminals = JoinSet::new();
        for terminal in crew_terminals {
            terminals.spawn(async move { (terminal.id, terminal.run().await) });
        }
        let mut probers = JoinSet::new();
        for (prober, first) in crew.probers() {
            probers.spawn(prober.run(first));
        }
        let watch = SelfWatch::start(crew.clock(), crew.dispatch(), events);
        // No transaction outlives its deadline, so nothing is left to cut unless it hangs.
        let drain = crew.deadline() + GRACE;
        let look_up = tokio::spawn(look_up.run());
        Self { terminals, probers, look_up, watch, ending: crew.ending(), drain }
    }

    /// Schedules nothing at or after `at`, which may lie ahead; the earliest of several holds.
    /// What was scheduled before has its whole deadline to finish; what hangs longer is cut.
    pub fn stop(&self, at: RunTime) {
        self.ending.announce(at, self.drain);
    }

    /// Ends at once: severs every connection and records what was under way or waiting as
    /// censored. A commit under way may take effect without being in the ledger.
    pub fn cut(&self) {
        self.ending.cut();
    }

    /// Waits for the end that [`stop`](Self::stop) or [`cut`](Self::cut) brings, and cuts when
    /// `now` is cancelled meanwhile: every event has been handed over then, and every
    /// [`EventSender`] dropped.
    pub async fn join(mut self, now: &CancellationToken) -> Driven {
        let transactions = vec![0; self.terminals.len()];
        let mut driven = Driven { transactions, inputs: InputCounts::default() };
        if now.run_until_cancelled(self.join_terminals(&mut driven)).await.is_none() {
            self.cut();
            self.join_terminals(&mut driven).await;
        }
        // It ends once no terminal is left that could be unsure of anything, at the cut at last.
        if now.run_until_cancelled(&mut self.look_up).await.is_none() {
            self.cut();
            self.look_up.await.expect("it neither panics nor is cancelled");
        }
        while let Some(ended) = self.probers.join_next().await {
            ended.expect("a prober neither panics nor is cancelled");
        }
        self.watch.stop().await;
        driven
    }

    async fn join_terminals(&mut self, driven: &mut Driven) {
        while let Some(ended) = self.terminals.join_next().await {
            let (id, done) = ended.expect("a terminal neither panics nor is cancelled");
            driven.transactions[id as usize] = done.transactions;
            driven.inputs.add(&done.inputs);
        }
    }
}
