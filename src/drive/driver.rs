//! Starts terminals, probes and the tool's self-watch, and brings them to an orderly end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::{Client, Desk};
use super::ending::Ending;
use super::health::Health;
use super::own::{Dispatch, SelfWatch};
use super::probe::{self, Prober};
use super::retry::Trouble;
use super::route::Route;
use super::schedule::{Backlog, Schedule};
use super::terminal::{Pace, Rules, Terminal};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ProbeKind, RunTime, ZoneId};
use crate::scenario::{LoadModel, Routing, Scenario};
use crate::session::{Login, Password};
use crate::tpcc::random::{Purpose, RunConstants, Stream};
use crate::tpcc::{Home, TerminalSource, session_settings};

/// What an attempt may take beyond its deadline before it is taken for hung: the tool's own delay
/// and a last ROLLBACK.
const GRACE: Duration = Duration::from_millis(500);

/// Closed loops begin spread over this long, so that they neither connect nor think in step.
const CLOSED_BEGIN_SPREAD_US: f64 = 1e6;

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

/// A running load.
pub struct Driver {
    terminals: JoinSet<(u32, u64)>,
    probers: JoinSet<()>,
    watch: SelfWatch,
    ending: Ending,
    drain: Duration,
}

impl Driver {
    /// Starts terminals, probes and self-watch at this moment. All of them report to `events`,
    /// and end by themselves after [`stop`](Self::stop). Call it inside a runtime.
    pub fn start(drive: Drive<'_>, clock: RunClock, events: EventSender) -> Self {
        let begin = clock.now();
        let ending = Ending::new(clock);
        let health = Arc::new(Health::new(drive.scenario.cluster.zones.len()));
        let dispatch = Arc::new(Dispatch::default());
        let rules = Arc::new(drive.rules(clock, health, Arc::clone(&dispatch)));
        let desk = Arc::new(drive.desk(clock));
        let mut terminals = JoinSet::new();
        for id in 0..drive.scenario.load.terminals {
            let terminal = drive.terminal(id, begin, &rules, &desk, &ending, &events);
            terminals.spawn(async move { (id, terminal.run().await) });
        }
        let mut probers = JoinSet::new();
        for (prober, first) in drive.probers(&rules, &ending, &events) {
            probers.spawn(prober.run(begin.plus_us(first)));
        }
        let watch = SelfWatch::start(clock, dispatch, events);
        // No transaction outlives its deadline, so nothing is left to cut unless it hangs.
        let drain = drive.scenario.load.deadline.0 + GRACE;
        Self { terminals, probers, watch, ending, drain }
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
    /// [`EventSender`] dropped. Gives how many business transactions each terminal had; their
    /// sequence numbers are those below.
    pub async fn join(mut self, now: &CancellationToken) -> Vec<u64> {
        let mut counts = vec![0; self.terminals.len()];
        if now.run_until_cancelled(self.join_terminals(&mut counts)).await.is_none() {
            self.cut();
            self.join_terminals(&mut counts).await;
        }
        while let Some(ended) = self.probers.join_next().await {
            ended.expect("a prober neither panics nor is cancelled");
        }
        self.watch.stop().await;
        counts
    }

    async fn join_terminals(&mut self, counts: &mut [u64]) {
        while let Some(ended) = self.terminals.join_next().await {
            let (id, count) = ended.expect("a terminal neither panics nor is cancelled");
            counts[id as usize] = count;
        }
    }
}

impl Drive<'_> {
    fn zones(&self) -> u8 {
        u8::try_from(self.scenario.cluster.zones.len()).expect("a scenario has at most 64 zones")
    }

    fn rules(&self, clock: RunClock, health: Arc<Health>, dispatch: Arc<Dispatch>) -> Rules {
        let load = &self.scenario.load;
        Rules {
            clock,
            deadline_us: load.deadline.as_us(),
            statement_deadline_us: load.statement_deadline.as_us(),
            connect_deadline_us: load.connect_deadline.as_us(),
            retry: load.retry,
            through_proxy: load.routing == Routing::Proxy,
            health,
            dispatch,
        }
    }

    fn desk(&self, clock: RunClock) -> Desk {
        let Scenario { cluster, load, .. } = self.scenario;
        let (statement, transaction) = (load.statement_deadline.0, load.deadline.0);
        let settings = session_settings(cluster.product, load.isolation, statement, transaction);
        let addresses = match load.routing {
            Routing::Proxy => vec![cluster.proxy_host_port()],
            Routing::Failover | Routing::Pinned => {
                cluster.zones.iter().map(|zone| zone.host_port()).collect()
            }
        };
        let login = |address| Login { settings: settings.clone(), ..self.login(address) };
        Desk {
            clock,
            run_number: self.run_number,
            logins: addresses.into_iter().map(login).collect(),
            connect_deadline: load.connect_deadline.0,
            statement_deadline: statement,
            wait_scale: load.wait_scale,
        }
    }

    fn login(&self, address: Option<(&str, u16)>) -> Login {
        let address = address.expect("validation has seen to it that it has both");
        let cluster = &self.scenario.cluster;
        Login::to(cluster, address, self.password).in_database(&cluster.database)
    }

    fn terminal(
        &self,
        id: u32,
        begin: RunTime,
        rules: &Arc<Rules>,
        desk: &Arc<Desk>,
        ending: &Ending,
        events: &EventSender,
    ) -> Terminal<Client> {
        let Scenario { workload, load, .. } = self.scenario;
        let home = Home::of(id, workload.warehouses);
        let source =
            TerminalSource::new(workload.seed, id, home, workload.warehouses, self.constants);
        let mut jitter = Stream::new(workload.seed, Purpose::Jitter, [id.into(), 0, 0]);
        Terminal {
            id,
            warehouse: home.warehouse,
            business: Client::new(id, source, Arc::clone(desk)),
            pace: self.pace(id, begin, &mut jitter),
            backlog: Backlog::new(load.backlog_max),
            route: self.route(id),
            jitter,
            rules: Arc::clone(rules),
            ending: ending.child(),
            events: events.clone(),
            trouble: Trouble::default(),
        }
    }

    fn pace(&self, terminal: u32, begin: RunTime, jitter: &mut Stream) -> Pace {
        let Scenario { workload, load, .. } = self.scenario;
        let spread_us = CLOSED_BEGIN_SPREAD_US * jitter.unit();
        let closed = |waits| Pace::Closed { ready_at: begin.plus_us(spread_us as u64), waits };
        match load.model {
            LoadModel::Rate => Pace::Open(Schedule::new(load, workload.seed, terminal, begin)),
            LoadModel::Max => closed(false),
            LoadModel::Spec => closed(true),
        }
    }

    fn route(&self, terminal: u32) -> Route {
        let Scenario { workload, load, .. } = self.scenario;
        let (home, turn) = home_zone(terminal, workload.warehouses, self.zones());
        match load.routing {
            Routing::Failover => {
                Route::failover(home, self.zones(), turn, load.return_delay.as_us())
            }
            Routing::Pinned => Route::pinned(home),
            Routing::Proxy => Route::pinned(ZoneId(0)),
        }
    }

    /// Every zone's probers, each with the µs after the beginning at which it probes first: the
    /// kinds take turns within the interval, so that they are no burst.
    fn probers(&self, rules: &Rules, ending: &Ending, events: &EventSender) -> Vec<(Prober, u64)> {
        let cluster = &self.scenario.cluster;
        let mut probers = Vec::new();
        for (zone, place) in self.scenario.zone_ids().zip(&cluster.zones) {
            let login = Arc::new(self.login(place.host_port()));
            for (turn, &kind) in (0..).zip(ProbeKind::ALL) {
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
                let kinds = ProbeKind::ALL.len() as u64;
                probers.push((prober, cluster.probe_every.as_us() * turn / kinds));
            }
        }
        probers
    }
}

/// The home zone of a terminal, and its turn among those that share it. All terminals of a
/// warehouse share a home, so that zones do not fight over its rows; only where there are fewer
/// warehouses than zones are terminals dealt out one by one, so that no zone is left without load.
fn home_zone(terminal: u32, warehouses: u32, zones: u8) -> (ZoneId, u32) {
    let zones = u32::from(zones);
    let place = if warehouses < zones { terminal } else { terminal % warehouses };
    (ZoneId((place % zones) as u8), place / zones)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_dealt_out_to_the_zones_by_warehouse() {
        let of = |terminal| home_zone(terminal, 4, 3);
        let expected = [(0, 0), (1, 0), (2, 0), (0, 1), (0, 0), (1, 0)];
        let expected = expected.map(|(zone, turn)| (ZoneId(zone), turn));
        assert_eq!([0, 1, 2, 3, 4, 5].map(of), expected);
    }

    #[test]
    fn no_zone_is_left_without_load() {
        let homes: Vec<_> = (0..4).map(|terminal| home_zone(terminal, 1, 3).0).collect();
        assert_eq!(homes, [0, 1, 2, 0].map(ZoneId));
    }
}
