//! Spot checks: while the load goes on, one district after the other is looked at, on one zone
//! after the other. A fault that heals before the end is seen all the same.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::asking::{SNAPSHOT, one_state};
use crate::clock::RunClock;
use crate::collect::EventSender;
use crate::event::{BrokenCondition, ClusterEvent, ClusterFact, Event, Source, SpotCheck, ZoneId};
use crate::scenario::Scenario;
use crate::session::{Failure, Login, Password, ROLLBACK, Session};
use crate::tpcc::conditions::{CONDITIONS, Extent};
use crate::tpcc::random::{Purpose, Stream};
use crate::tpcc::scale::DISTRICTS;

/// A zone that has not answered all of a look's questions by then could not be read.
const LOOK_DEADLINE: Duration = Duration::from_secs(3);

/// The running spot checks.
pub struct SpotChecks {
    task: JoinHandle<()>,
}

impl SpotChecks {
    /// Starts looking, every `cluster.spot_check_every` of the scenario and never twice at once,
    /// until `stop` is cancelled. Looks that the zones cannot keep up with are left out. `None`
    /// when the scenario wants no looks.
    pub fn start(
        scenario: &Scenario,
        password: &Password,
        clock: RunClock,
        events: &EventSender,
        stop: &CancellationToken,
    ) -> Option<Self> {
        let cluster = &scenario.cluster;
        let every = cluster.spot_check_every.0;
        if every.is_zero() {
            return None;
        }
        let settings = one_state(cluster.product, LOOK_DEADLINE);
        let seat = |zone| {
            let login = Login::to_zone(cluster, zone, password).in_database(&cluster.database);
            Seat { login: Login { settings: settings.clone(), ..login }, session: None }
        };
        let looker = Looker {
            seats: cluster.zones.iter().map(seat).collect(),
            draw: Stream::new(scenario.workload.seed, Purpose::SpotCheck, [0; 3]),
            warehouses: scenario.workload.warehouses,
            clock,
            events: events.clone(),
        };
        let stop = stop.clone();
        let task = tokio::spawn(async move {
            stop.run_until_cancelled(looker.look_around(every)).await;
        });
        Some(Self { task })
    }

    /// Waits until the looks have ended, soon after their token is cancelled.
    pub async fn ended(self) {
        self.task.await.expect("a look neither panics nor is cancelled");
    }
}

/// A zone and the connection kept open to it.
struct Seat {
    login: Login,
    session: Option<Session>,
}

struct Looker {
    seats: Vec<Seat>,
    draw: Stream,
    warehouses: u32,
    clock: RunClock,
    events: EventSender,
}

impl Looker {
    async fn look_around(mut self, every: Duration) {
        let mut due = Instant::now() + every;
        loop {
            sleep_until(due).await;
            let look = self.look().await;
            let event = ClusterEvent {
                at: self.clock.of(due),
                uncertainty_us: 0,
                source: Source::Observer,
                fact: ClusterFact::Check(look),
            };
            self.events.send(Event::Cluster(event)).await;
            due = (due + every).max(Instant::now());
        }
    }

    /// Looks at a district and a zone that the seed chooses.
    async fn look(&mut self) -> SpotCheck {
        let place = self.draw.below(self.seats.len());
        let zone = ZoneId(u8::try_from(place).expect("a scenario has at most 64 zones"));
        let warehouse = self.draw.between(1, self.warehouses);
        let district = self.draw.between(1, DISTRICTS);
        let extent = Extent::District(warehouse, district);
        let looked = self.seats[place].look(extent, self.warehouses).await;
        let (broken, unread) = match looked {
            Ok(broken) => (broken, None),
            Err(failure) => (Vec::new(), Some(failure.to_string())),
        };
        SpotCheck { zone, warehouse, district, broken, unread }
    }
}

impl Seat {
    /// Asks for every watched condition in one snapshot.
    async fn look(
        &mut self,
        extent: Extent,
        warehouses: u32,
    ) -> Result<Vec<BrokenCondition>, Failure> {
        let by = Instant::now() + LOOK_DEADLINE;
        // Whatever stops this look in the middle takes the connection with it.
        let mut session = match self.session.take().filter(Session::is_open) {
            Some(session) => session,
            None => Session::open(&self.login, by).await?,
        };
        session.query(&SNAPSHOT, by).await?;
        let mut broken = Vec::new();
        for condition in CONDITIONS.iter().filter(|condition| condition.watched) {
            let violations = condition.check(&mut session, extent, warehouses, by).await?;
            broken.extend(violations.first.into_iter().next().map(|first| BrokenCondition {
                condition: condition.id.to_owned(),
                places: violations.total,
                place: first.place,
                expected: first.expected,
                found: first.found,
                sql: condition.sql(extent, warehouses),
            }));
        }
        session.query(&ROLLBACK, by).await?;
        self.session = Some(session);
        Ok(broken)
    }
}
