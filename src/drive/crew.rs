//! Sets up everyone who works on the cluster during a run: terminals, the deferred executors of
//! their deliveries, and probers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::client::{Client, Desk, deck};
use super::driver::Drive;
use super::ending::Ending;
use super::health::Health;
use super::look_up::{DOUBTS_MAX, Doubt, LookUp};
use super::own::Dispatch;
use super::probe::{self, Prober};
use super::retry::Trouble;
use super::route::Route;
use super::schedule::{Backlog, Schedule};
use super::terminal::{Rules, Terminal};
use super::unknown::Unknowns;
use super::work::{Draw, Drawn, Pace, Work};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{ProbeKind, RunTime, ZoneId};
use crate::scenario::{LoadModel, Routing, Scenario, Zone};
use crate::session::Login;
use crate::tpcc::random::{Purpose, Stream};
use crate::tpcc::{Home, Input, TerminalSource, causal_reads, session_settings};

/// Closed loops begin spread over this long, so that they neither connect nor think in step.
const CLOSED_BEGIN_SPREAD_US: f64 = 1e6;

/// The statements that every session of a run's load begins with.
pub fn load_settings(scenario: &Scenario) -> Vec<String> {
    let Scenario { cluster, load, .. } = scenario;
    let (statement, transaction) = (load.statement_deadline.0, load.deadline.0);
    session_settings(cluster.product, load.isolation, statement, transaction)
}

/// Everyone who works on the cluster during a run.
pub(super) struct Crew<'a> {
    drive: Drive<'a>,
    begin: RunTime,
    rules: Arc<Rules>,
    desk: Arc<Desk>,
    ending: Ending,
    events: EventSender,
    doubts: mpsc::Sender<Doubt>,
}

impl<'a> Crew<'a> {
    /// The crew of a run that begins now, and who looks up what its terminals are not sure of.
    pub(super) fn new(
        drive: Drive<'a>,
        clock: RunClock,
        ending: Ending,
        events: EventSender,
    ) -> (Self, LookUp) {
        let rules = Arc::new(drive.rules(clock));
        let desk = Arc::new(drive.desk(clock));
        let (doubts, received) = mpsc::channel(DOUBTS_MAX);
        let look_up = LookUp {
            clock,
            run_number: drive.run_number,
            logins: drive.readers(),
            patience: drive.scenario.load.connect_deadline.0
                + drive.scenario.load.statement_deadline.0,
            doubts: received,
            ending: ending.child(),
            events: events.clone(),
        };
        (Self { drive, begin: clock.now(), rules, desk, ending, events, doubts }, look_up)
    }

    /// The run's clock.
    pub(super) fn clock(&self) -> RunClock {
        self.rules.clock
    }

    /// The end that all of them share.
    pub(super) fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// How long a business transaction may take.
    pub(super) fn deadline(&self) -> Duration {
        self.drive.scenario.load.deadline.0
    }

    /// Where arrivals are counted.
    pub(super) fn dispatch(&self) -> Arc<Dispatch> {
        Arc::clone(&self.rules.dispatch)
    }

    /// Every terminal, numbered from 0, and behind them, in the same numbering, one deferred
    /// executor for each warehouse that has terminals.
    pub(super) fn terminals(&self) -> Vec<Terminal<Client>> {
        let Scenario { workload, load, .. } = self.drive.scenario;
        let served = load.terminals.min(workload.warehouses);
        let mut queues = Vec::new();
        let mut executors = Vec::new();
        for place in 0..served {
            let (deliveries, queue) = mpsc::channel(self.queue_max(place));
            queues.push(deliveries);
            let id = load.terminals + place;
            let jitter = self.jitter(id);
            executors.push(self.terminal(id, place, jitter, Work::Queued(queue)));
        }
        let terminals = (0..load.terminals).map(|id| {
            let mut jitter = self.jitter(id);
            // Terminals are dealt out warehouse after warehouse, so the first ones have one each.
            let deliveries = queues[(id % served) as usize].clone();
            let draw = self.draw(id);
            let work = Work::Drawn(Drawn { draw, pace: self.pace(id, &mut jitter), deliveries });
            self.terminal(id, id, jitter, work)
        });
        terminals.chain(executors).collect()
    }

    /// How many deliveries may wait for the executor of the warehouse of terminal `first`. In a
    /// closed loop as many as the warehouse has terminals, so that they do not run ahead of it.
    fn queue_max(&self, first: u32) -> usize {
        let Scenario { workload, load, .. } = self.drive.scenario;
        let max = match load.model {
            LoadModel::Rate => load.backlog_max,
            LoadModel::Max | LoadModel::Spec => {
                (load.terminals - first).div_ceil(workload.warehouses)
            }
        };
        max as usize
    }

    /// A terminal that stands where terminal number `place` stands.
    fn terminal(&self, id: u32, place: u32, jitter: Stream, work: Work<Input>) -> Terminal<Client> {
        let Scenario { workload, load, .. } = self.drive.scenario;
        Terminal {
            id,
            warehouse: Home::of(place, workload.warehouses).warehouse,
            business: Client::new(id, Arc::clone(&self.desk)),
            work,
            backlog: Backlog::new(load.backlog_max),
            route: self.drive.route(place),
            jitter,
            rules: Arc::clone(&self.rules),
            ending: self.ending.child(),
            events: self.events.clone(),
            doubts: self.doubts.clone(),
            trouble: Trouble::default(),
            dated: RunTime::ZERO,
        }
    }

    fn jitter(&self, terminal: u32) -> Stream {
        let seed = self.drive.scenario.workload.seed;
        Stream::new(seed, Purpose::Jitter, [terminal.into(), 0, 0])
    }

    fn draw(&self, terminal: u32) -> Draw<Input> {
        let Drive { scenario: Scenario { workload, load, .. }, constants, .. } = self.drive;
        let home = Home::of(terminal, workload.warehouses);
        let source =
            TerminalSource::new(workload.seed, terminal, home, workload.warehouses, constants);
        deck(source, load.wait_scale)
    }

    fn pace(&self, terminal: u32, jitter: &mut Stream) -> Pace {
        let Scenario { workload, load, .. } = self.drive.scenario;
        let spread_us = CLOSED_BEGIN_SPREAD_US * jitter.unit();
        let closed = |waits| Pace::Closed { ready_at: self.begin.plus_us(spread_us as u64), waits };
        match load.model {
            LoadModel::Rate => Pace::Open(Schedule::new(load, workload.seed, terminal, self.begin)),
            LoadModel::Max => closed(false),
            LoadModel::Spec => closed(true),
        }
    }

    /// Every zone's probers, each with the moment at which it probes first: the
    /// kinds take turns within the interval, so that they are no burst.
    pub(super) fn probers(&self) -> Vec<(Prober, RunTime)> {
        let scenario = self.drive.scenario;
        let cluster = &scenario.cluster;
        let mut probers = Vec::new();
        for (zone, place) in scenario.zone_ids().zip(&cluster.zones) {
            let login = Login::to_zone(cluster, place, self.drive.password);
            let login = Arc::new(login.in_database(&cluster.database));
            for (turn, &kind) in (0..).zip(ProbeKind::ALL) {
                let prober = Prober {
                    zone,
                    kind,
                    login: Arc::clone(&login),
                    statement: probe::statement(&place.name, kind),
                    every: cluster.probe_every.0,
                    deadline: cluster.probe_deadline.0,
                    clock: self.rules.clock,
                    ending: self.ending.child(),
                    health: Arc::clone(&self.rules.health),
                    events: self.events.clone(),
                };
                let kinds = ProbeKind::ALL.len() as u64;
                let first = self.begin.plus_us(cluster.probe_every.as_us() * turn / kinds);
                probers.push((prober, first));
            }
        }
        probers
    }
}

impl Drive<'_> {
    fn zones(&self) -> u8 {
        u8::try_from(self.scenario.cluster.zones.len()).expect("a scenario has at most 64 zones")
    }

    fn rules(&self, clock: RunClock) -> Rules {
        let load = &self.scenario.load;
        Rules {
            clock,
            deadline_us: load.deadline.as_us(),
            statement_deadline_us: load.statement_deadline.as_us(),
            connect_deadline_us: load.connect_deadline.as_us(),
            retry: load.retry,
            through_proxy: load.routing == Routing::Proxy,
            health: Arc::new(Health::new(self.scenario.cluster.zones.len())),
            dispatch: Arc::default(),
            unknowns: Unknowns::default(),
        }
    }

    fn desk(&self, clock: RunClock) -> Desk {
        let Scenario { cluster, load, .. } = self.scenario;
        let logins = match load.routing {
            Routing::Proxy => {
                let proxy = cluster.proxy_host_port().expect("validation has seen to it");
                vec![Login::to(cluster, proxy, self.password)]
            }
            Routing::Failover | Routing::Pinned => {
                let zones = cluster.zones.iter();
                zones.map(|zone| Login::to_zone(cluster, zone, self.password)).collect()
            }
        };
        let settings = load_settings(self.scenario);
        let login = |login: Login| Login {
            settings: settings.clone(),
            ..login.in_database(&cluster.database)
        };
        Desk {
            clock,
            run_number: self.run_number,
            logins: logins.into_iter().map(login).collect(),
            connect_deadline: load.connect_deadline.0,
            statement_deadline: load.statement_deadline.0,
        }
    }

    /// How to read in each zone what was acknowledged in any of them.
    fn readers(&self) -> Vec<Login> {
        let cluster = &self.scenario.cluster;
        let settings: Vec<_> =
            causal_reads(cluster.product).map(str::to_owned).into_iter().collect();
        let login = |zone: &Zone| Login {
            settings: settings.clone(),
            ..Login::to_zone(cluster, zone, self.password).in_database(&cluster.database)
        };
        cluster.zones.iter().map(login).collect()
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
