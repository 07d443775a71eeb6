//! Starts terminals, probes and the tool's self-watch, and brings them to an orderly end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::business::Business;
use super::ending::Ending;
use super::health::Health;
use super::own::{Dispatch, SelfWatch};
use super::probe::{self, Prober};
use super::retry::Trouble;
use super::route::Route;
use super::schedule::{Backlog, Schedule};
use super::stream::{Purpose, Stream};
use super::terminal::{Pace, Rules, Terminal};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ProbeKind, RunTime, ZoneId};
use crate::scenario::{LoadModel, Routing, Scenario};
use crate::session::{Login, Password};

/// What an attempt may take beyond its deadline before it is taken for hung: the tool's own delay.
const GRACE: Duration = Duration::from_millis(500);

/// Closed loops begin spread over this long, so that they neither connect nor think in step.
const CLOSED_BEGIN_SPREAD_US: f64 = 1e6;

/// Where one terminal works: its warehouse, its Stock-Level district and its home zone. All
/// terminals of a warehouse share a home, so that zones do not fight over its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// From 1.
    pub warehouse: u32,
    /// From 1 to 10, for Stock-Level (clause 2.8.1.1).
    pub district: u32,
    /// The zone it turns to first.
    pub home: ZoneId,
}

impl Binding {
    /// The binding of `terminal`, from 0, with `warehouses` and `zones` of at least one.
    pub fn of(terminal: u32, warehouses: u32, zones: u8) -> Self {
        let warehouse = terminal % warehouses;
        Self {
            warehouse: warehouse + 1,
            district: terminal / warehouses % 10 + 1,
            home: ZoneId((warehouse % u32::from(zones)) as u8),
        }
    }
}

/// A running load.
pub struct Driver {
    terminals: JoinSet<(u32, u64)>,
    probers: JoinSet<()>,
    watch: SelfWatch,
    ending: Ending,
    drain: Duration,
}

/// How many business transactions one terminal had, by terminal.
pub type SequenceCounts = Vec<u64>;

impl Driver {
    /// Starts the load of a validated scenario at this moment, with one `business` a terminal.
    /// Everything that is driven reports to `events` and ends by itself after [`stop`](Self::stop).
    pub fn start<B: Business>(
        scenario: &Scenario,
        password: &Password,
        clock: RunClock,
        events: EventSender,
        mut business: impl FnMut(u32, Binding) -> B,
    ) -> Self {
        let begin = clock.now();
        let ending = Ending::new(clock);
        let health = Arc::new(Health::new(scenario.cluster.zones.len()));
        let dispatch = Arc::new(Dispatch::default());
        let rules = Arc::new(rules(scenario, clock, &health, &dispatch));
        let mut terminals = JoinSet::new();
        for id in 0..scenario.load.terminals {
            let binding = Binding::of(id, scenario.workload.warehouses, zone_count(scenario));
            let mut jitter = Stream::new(scenario.workload.seed, Purpose::Jitter, id);
            let terminal = Terminal {
                id,
                warehouse: binding.warehouse,
                business: business(id, binding),
                pace: pace(scenario, id, begin, &mut jitter),
                backlog: Backlog::new(scenario.load.backlog_max),
                route: route(scenario, binding),
                jitter,
                rules: Arc::clone(&rules),
                ending: ending.child(),
                events: events.clone(),
                trouble: Trouble::default(),
            };
            terminals.spawn(async move { (id, terminal.run().await) });
        }
        let probers = start_probers(scenario, password, &rules, &ending, &events, begin);
        let watch = SelfWatch::start(clock, dispatch, events);
        // No transaction outlives its deadline, so nothing is left to cut unless it hangs.
        let drain = scenario.load.deadline.0 + GRACE;
        Self { terminals, probers, watch, ending, drain }
    }

    /// Schedules nothing at or after `at`. What was scheduled before has its whole deadline to
    /// finish; what has not by then is cut and recorded as censored.
    pub fn stop(&self, at: RunTime) {
        self.ending.announce(at, self.drain);
    }

    /// Ends at once: severs every connection and records what was under way as censored. A commit
    /// under way may take effect without being in the ledger.
    pub fn cut(&self) {
        self.ending.cut();
    }

    /// Waits until everything has ended after [`stop`](Self::stop) or [`cut`](Self::cut), every
    /// event has been handed over and every [`EventSender`] dropped.
    pub async fn join(mut self) -> SequenceCounts {
        let mut counts = vec![0; self.terminals.len()];
        while let Some(ended) = self.terminals.join_next().await {
            let (id, count) = ended.expect("a terminal neither panics nor is cancelled");
            counts[id as usize] = count;
        }
        while let Some(ended) = self.probers.join_next().await {
            ended.expect("a prober neither panics nor is cancelled");
        }
        self.watch.stop().await;
        counts
    }
}

fn zone_count(scenario: &Scenario) -> u8 {
    u8::try_from(scenario.cluster.zones.len()).expect("a scenario has at most 64 zones")
}

fn rules(
    scenario: &Scenario,
    clock: RunClock,
    health: &Arc<Health>,
    dispatch: &Arc<Dispatch>,
) -> Rules {
    let load = &scenario.load;
    Rules {
        clock,
        deadline_us: load.deadline.as_us(),
        statement_deadline_us: load.statement_deadline.as_us(),
        connect_deadline_us: load.connect_deadline.as_us(),
        retry: load.retry,
        through_proxy: load.routing == Routing::Proxy,
        health: Arc::clone(health),
        dispatch: Arc::clone(dispatch),
    }
}

fn pace(scenario: &Scenario, terminal: u32, begin: RunTime, jitter: &mut Stream) -> Pace {
    let spread_us = CLOSED_BEGIN_SPREAD_US * jitter.unit();
    let closed = |waits| Pace::Closed { ready_at: begin.plus_us(spread_us as u64), waits };
    match scenario.load.model {
        LoadModel::Rate => {
            Pace::Open(Schedule::new(&scenario.load, scenario.workload.seed, terminal, begin))
        }
        LoadModel::Max => closed(false),
        LoadModel::Spec => closed(true),
    }
}

fn route(scenario: &Scenario, Binding { warehouse, home, .. }: Binding) -> Route {
    let zones = zone_count(scenario);
    match scenario.load.routing {
        Routing::Failover => {
            let turn = (warehouse - 1) / u32::from(zones);
            Route::failover(home, zones, turn, scenario.load.return_delay.as_us())
        }
        Routing::Pinned => Route::pinned(home),
        Routing::Proxy => Route::pinned(ZoneId(0)),
    }
}

fn start_probers(
    scenario: &Scenario,
    password: &Password,
    rules: &Rules,
    ending: &Ending,
    events: &EventSender,
    begin: RunTime,
) -> JoinSet<()> {
    let cluster = &scenario.cluster;
    let mut probers = JoinSet::new();
    for (zone, place) in scenario.zone_ids().zip(&cluster.zones) {
        let address = place.host_port().expect("the scenario was validated");
        let login = Arc::new(login(scenario, password, address, Vec::new()));
        for (index, &kind) in ProbeKind::ALL.iter().enumerate() {
            let prober = Prober {
                zone,
                kind,
                login: Arc::clone(&login),
                statement: probe::statement(&place.name, kind),
                every: cluster.probe_every.0,
                deadline: cluster.probe_deadline.0,
                clock: rules.clock,
                ending: ending.child(),
                health: Arc::clone(&rules.health),
                events: events.clone(),
            };
            // The kinds take turns within the interval, so that they are no burst.
            let phase_us = cluster.probe_every.as_us() * index as u64 / ProbeKind::ALL.len() as u64;
            probers.spawn(prober.run(begin.plus_us(phase_us)));
        }
    }
    probers
}

/// How to log in at an address of the scenario's cluster.
pub(super) fn login(
    scenario: &Scenario,
    password: &Password,
    (host, port): (&str, u16),
    settings: Vec<String>,
) -> Login {
    Login {
        product: scenario.cluster.product,
        host: host.to_owned(),
        port,
        user: scenario.cluster.user.clone(),
        password: password.clone(),
        database: Some(scenario.cluster.database.clone()),
        settings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_of_a_warehouse_share_a_home_and_differ_in_district() {
        let of = |terminal| Binding::of(terminal, 4, 3);
        let binding =
            |warehouse, district, home| Binding { warehouse, district, home: ZoneId(home) };
        assert_eq!(of(0), binding(1, 1, 0));
        assert_eq!(of(3), binding(4, 1, 0));
        assert_eq!(of(4), binding(1, 2, 0));
        assert_eq!(of(6), binding(3, 2, 2));
        assert_eq!(of(4 * 10), binding(1, 1, 0));
    }
}
