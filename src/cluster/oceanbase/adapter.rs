//! The adapter: what the rest of rollproof may ask of OceanBase.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::course::Course;
use super::reading::Members;
use super::sys::Sys;
use super::{acts, checks, health, parameters, watch};
use crate::cluster::check::CheckLine;
use crate::cluster::site::{Site, unread};
use crate::cluster::{Act, Cluster, Finding, Kept, Pending, Refusal, Told};
use crate::event::{ErrorClass, ZoneId, ZoneState, ZoneStatus};
use crate::session::Failure;

/// Looks at several zones that fall together share one reading of the views: they are the whole
/// cluster's, and each is a question to every server.
const FRESH: Duration = Duration::from_millis(80);

/// The adapter for [`crate::scenario::Product::OceanBase`].
pub(in crate::cluster) struct OceanBase {
    sys: Sys,
    /// The latest reading and when it began.
    members: Mutex<Option<(Instant, Result<Members, Failure>)>>,
    /// What the looks have made of the cluster so far, and when the last one began.
    course: Mutex<(Course, Instant)>,
}

impl OceanBase {
    /// `site` reaches the sys tenant's database through every zone's own server.
    pub(in crate::cluster) fn new(site: Site) -> Self {
        let course = Course::new(site.ids().map(|zone| site.name(zone).to_owned()));
        Self {
            sys: Sys::new(site.in_schema("oceanbase")),
            members: Mutex::new(None),
            course: Mutex::new((course, Instant::now())),
        }
    }

    async fn members(&self, by: Instant) -> Result<Members, Failure> {
        let mut latest = self.members.lock().await;
        let now = Instant::now();
        if let Some((at, members)) = &*latest
            && now.duration_since(*at) < FRESH
        {
            return members.clone();
        }
        let members = Members::read(&self.sys, by).await;
        *latest = Some((now, members.clone()));
        members
    }

    async fn status(&self, zone: ZoneId, by: Instant) -> ZoneStatus {
        let (own, members) = tokio::join!(self.sys.ping(zone, by), self.members(by));
        match members {
            Err(failure) => unread(zone, &failure),
            Ok(members) => status(zone, self.sys.site.name(zone), own.err().as_ref(), &members),
        }
    }
}

/// What a zone's own server and the sys tenant say of it. The server's word counts more: it is
/// down for ten seconds before its lease is over and the views know.
fn status(zone: ZoneId, name: &str, own: Option<&Failure>, members: &Members) -> ZoneStatus {
    let active = members.zones.get(name).copied();
    let servers = members.servers_of(name).filter(|server| !server.active).count();
    let words = match active {
        Some(true) => "zone ACTIVE",
        Some(false) => "zone INACTIVE",
        None => "no such zone",
    };
    let (state, detail) = match (own, active) {
        (Some(failure), _) if failure.code.errno == 0 => {
            (ZoneState::Down, format!("{words}; {}: {}", failure.class, failure.message))
        }
        (Some(failure), _) if failure.class == ErrorClass::NotReady => {
            (ZoneState::NotReady, format!("{words}; the server is starting"))
        }
        (_, None) => (ZoneState::Down, format!("DBA_OB_ZONES has no {name}")),
        (_, Some(_)) if servers > 0 => {
            (ZoneState::Down, format!("{words}; {servers} servers INACTIVE"))
        }
        (_, Some(_)) if !members.serves(name) => {
            (ZoneState::NotReady, format!("{words}; servers do not serve yet"))
        }
        (_, Some(false)) => (ZoneState::Stopped, format!("{words}; servers ACTIVE")),
        (_, Some(true)) => (ZoneState::Serving, format!("{words}; servers ACTIVE")),
    };
    let whole = members.zones.keys().filter(|zone| members.serves(zone)).count();
    ZoneStatus {
        zone,
        state,
        version: members.build(name).filter(|_| state != ZoneState::Down).map(str::to_owned),
        cluster_size: u32::try_from(whole).ok(),
        detail,
    }
}

impl Cluster for OceanBase {
    fn look(&self, zone: ZoneId, by: Instant) -> Pending<'_, ZoneStatus> {
        Box::pin(self.status(zone, by))
    }

    fn stop_zone(&self, zone: ZoneId, by: Instant) -> Pending<'_, Result<String, Refusal>> {
        Box::pin(acts::stop_zone(&self.sys, zone, by))
    }

    fn start_zone(&self, zone: ZoneId, by: Instant) -> Pending<'_, Result<String, Refusal>> {
        Box::pin(acts::start_zone(&self.sys, zone, by))
    }

    fn log_in_sync(&self, _: ZoneId, by: Instant) -> Pending<'_, Finding> {
        Box::pin(health::log_in_sync(&self.sys, by))
    }

    fn schema_refreshed(&self, zone: ZoneId, by: Instant) -> Pending<'_, Finding> {
        Box::pin(health::schema_refreshed(&self.sys, zone, by))
    }

    fn health(&self, zone: Option<ZoneId>, by: Instant) -> Pending<'_, Finding> {
        Box::pin(health::health(&self.sys, zone, by))
    }

    fn health_patience(&self, by: Instant) -> Pending<'_, Duration> {
        Box::pin(health::patience(&self.sys, by))
    }

    fn checks<'a>(&'a self, target: Option<&'a str>, by: Instant) -> Pending<'a, Vec<CheckLine>> {
        Box::pin(checks::all(&self.sys, target, by))
    }

    fn hear(&self, by: Instant) -> Pending<'_, Option<Vec<Told>>> {
        Box::pin(async move {
            let began = Instant::now();
            let seen = watch::look(&self.sys, by).await;
            let (course, last) = &mut *self.course.lock().await;
            // Half a look tells nothing; the next whole one reaches back to the last.
            let Ok(seen) = seen else { return Some(Vec::new()) };
            // What the last look saw was true when it began, at the latest.
            let since = last.elapsed();
            *last = began;
            Some(course.take(seen, since))
        })
    }

    fn hear_last(&self) -> Pending<'_, Vec<Told>> {
        Box::pin(async { self.course.lock().await.0.end().into_iter().collect() })
    }

    fn keep(&self, by: Instant) -> Pending<'_, Result<Kept, Refusal>> {
        Box::pin(parameters::keep(&self.sys, by))
    }

    fn undo(&self, kept: &Kept) -> Vec<String> {
        let end = "ALTER SYSTEM END UPGRADE".to_owned();
        [end].into_iter().chain(kept.0.iter().map(parameters::statement)).collect()
    }

    fn act<'a>(
        &'a self,
        act: Act,
        kept: &'a Kept,
        target: &'a str,
        by: Instant,
    ) -> Pending<'a, Result<String, Refusal>> {
        Box::pin(acts::act(&self.sys, act, kept, target, by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::oceanbase::reading::Server;
    use crate::event::{ErrorCode, StatementKind};

    fn members(zone_active: bool, server_active: bool, serves: bool) -> Members {
        let server = Server {
            zone: "z1".into(),
            address: "a:2882".into(),
            active: server_active,
            serves_since: serves.then(|| "2024-01-01 00:00:00.000000".into()),
            build: "4.2.1.6_1".into(),
        };
        Members { zones: [("z1".to_owned(), zone_active)].into(), servers: vec![server] }
    }

    fn failure(errno: u16, class: ErrorClass) -> Failure {
        Failure {
            class,
            code: ErrorCode { errno, ..ErrorCode::NONE },
            statement: StatementKind::Connect,
            may_have_committed: false,
            message: "as set".into(),
        }
    }

    #[test]
    fn a_zone_is_what_its_server_and_the_views_say() {
        let refused = failure(0, ErrorClass::Refused);
        let starting = failure(8001, ErrorClass::NotReady);
        let cases = [
            (None, members(true, true, true), ZoneState::Serving),
            (None, members(false, true, true), ZoneState::Stopped),
            (None, members(false, true, false), ZoneState::NotReady),
            (None, members(true, false, false), ZoneState::Down),
            // The lease has not run out yet: the views still say ACTIVE.
            (Some(&refused), members(true, true, true), ZoneState::Down),
            (Some(&starting), members(false, false, false), ZoneState::NotReady),
            (None, Members::default(), ZoneState::Down),
        ];
        for (own, members, state) in cases {
            let found = status(ZoneId(0), "z1", own, &members);
            assert_eq!(found.state, state, "{found:?}");
        }
    }
}
