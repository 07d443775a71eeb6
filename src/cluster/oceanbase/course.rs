//! Makes phases and warnings of a series of looks. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::leaders::{self, Election, Move};
use super::reading::{Members, Server};
use crate::cluster::Told;
use crate::event::{ClusterFact, ClusterWarning, Edge, ZoneId};

/// A zone's steps, in the order in which they can be seen.
const STEPS: [&str; 7] = [
    "stop-zone",
    "stop-server",
    "start-server",
    "wait-version",
    "log-in-sync",
    "schema-refreshed",
    "health-check",
];
const STOP_ZONE: usize = 0;
const STOP_SERVER: usize = 1;
const START_SERVER: usize = 2;
const WAIT_VERSION: usize = 3;
const LOG_IN_SYNC: usize = 4;
const SCHEMA_REFRESHED: usize = 5;
const HEALTH_CHECK: usize = 6;

/// Between a server's clock and ours, and for an event to be shown.
const SLACK: Duration = Duration::from_secs(1);
/// How well the product's own history dates an event.
const DATED: Duration = Duration::from_millis(10);

/// How a zone's own server met a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// Nobody listens, or nobody answers.
    Silent,
    /// It says that it is starting (8001).
    Starting,
    Answers,
}

/// Something in the product's own history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Happened {
    /// As `zone/stop_zone` or `UPGRADE/BEGIN_UPGRADE`.
    pub(super) what: String,
    /// Its values: the zone's name is among them.
    pub(super) words: String,
    pub(super) ago: Duration,
}

/// Since when each server of a zone serves, and its build: what a restart changes, however short it
/// was.
type Marks = BTreeMap<String, (Option<String>, String)>;

/// One look at everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Seen {
    pub(super) members: Members,
    /// Of the scenario's zones, in its order.
    pub(super) ports: Vec<Port>,
    /// Log streams led from a zone.
    pub(super) leaders: BTreeMap<String, u64>,
    /// Values of a parameter over all servers.
    pub(super) parameters: BTreeMap<String, BTreeSet<String>>,
    /// What a zone's replicas and schemas still lack; zones that lack nothing are left out.
    pub(super) log_behind: BTreeMap<String, String>,
    pub(super) schema_behind: BTreeMap<String, String>,
    pub(super) history: Vec<Happened>,
    pub(super) elections: Vec<Election>,
}

impl Seen {
    fn is_active(&self, zone: &str) -> bool {
        self.members.zones.get(zone).copied().unwrap_or(true)
    }

    fn marks(&self, zone: &str) -> Marks {
        let mark = |s: &Server| (s.address.clone(), (s.serves_since.clone(), s.build.clone()));
        self.members.servers_of(zone).map(mark).collect()
    }

    fn led(&self, zone: &str) -> u64 {
        self.leaders.get(zone).copied().unwrap_or(0)
    }

    fn is_silent(&self, zone: ZoneId) -> bool {
        self.ports.get(zone.index()) == Some(&Port::Silent)
    }

    /// Which server of a zone is away: the one that it is reached by, or any that the cluster has
    /// given up.
    fn away(&self, zone: &str, id: ZoneId) -> Option<String> {
        if self.is_silent(id) {
            return Some("its server did not answer".to_owned());
        }
        let server = self.members.servers_of(zone).find(|server| !server.active)?;
        Some(format!("{} was INACTIVE", server.address))
    }

    fn in_upgrade(&self) -> bool {
        self.is("enable_upgrade_mode", "True")
    }

    fn is(&self, parameter: &str, value: &str) -> bool {
        let values = self.parameters.get(parameter);
        values.is_some_and(|values| values.iter().any(|one| one.eq_ignore_ascii_case(value)))
    }
}

/// What is remembered of a zone.
#[derive(Debug, Clone, Default)]
struct Zone {
    name: String,
    /// How far its turn is; `None` while it is not under work.
    step: Option<usize>,
    /// Whether that step was told to have ended.
    ended: bool,
    /// Its servers when it last served undisturbed.
    before: Marks,
    /// A server of it is away while it is in service, and that was told.
    away_told: bool,
}

/// What is remembered between two looks.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    zones: Vec<Zone>,
    last: Option<Seen>,
    /// Parameters before the upgrade's mode was entered; none where that was not seen.
    kept: BTreeMap<String, BTreeSet<String>>,
    /// How long ago the mode was left again.
    left: Option<Duration>,
    two_inactive: bool,
}

impl Course {
    /// Knows the scenario's zones and nothing of them yet.
    pub(super) fn new(zones: impl IntoIterator<Item = String>) -> Self {
        let zone = |name| Zone { name, ..Zone::default() };
        Self { zones: zones.into_iter().map(zone).collect(), ..Self::default() }
    }

    /// What a look tells that the last one, `since` ago, did not.
    pub(super) fn take(&mut self, seen: Seen, since: Duration) -> Vec<Told> {
        let mut told = Vec::new();
        let Some(last) = self.last.take() else {
            self.first(&seen);
            self.last = Some(seen);
            return told;
        };
        let look = Look { seen: &seen, last: &last, since };
        self.whole_cluster(&look, &mut told);
        let moves = leaders::moves(&seen.elections, &last.elections, &seen.members);
        told.extend(moves.into_iter().map(|moved| self.moved(moved)));
        for place in 0..self.zones.len() {
            let zone = &mut self.zones[place];
            let id = ZoneId(u8::try_from(place).unwrap_or(u8::MAX));
            look.zone(zone, id, &mut told);
        }
        self.last = Some(seen);
        told
    }

    fn first(&mut self, seen: &Seen) {
        for zone in &mut self.zones {
            zone.before = seen.marks(&zone.name);
        }
        if !seen.in_upgrade() {
            self.kept.clone_from(&seen.parameters);
        }
    }

    /// What can only be said when nobody looks any longer. Whoever upgrades puts settings back when
    /// it suits them, and some after the upgrade's mode was left: what is not as it was before the
    /// upgrade at the very end, was not put back.
    pub(super) fn end(&self) -> Option<Told> {
        let (seen, left) = (self.last.as_ref()?, self.left?);
        let list = |of: &BTreeSet<String>| of.iter().cloned().collect::<Vec<_>>().join(", ");
        let settings = self.kept.iter().filter(|(name, _)| !STATE.contains(&name.as_str()));
        let changed = settings.filter_map(|(name, before)| {
            let now = seen.parameters.get(name).filter(|now| *now != before)?;
            Some(format!("{name} is {}, it was {}", list(now), list(before)))
        });
        let changed = changed.collect::<Vec<_>>().join("; ");
        let words = format!("{changed}, {} s after the upgrade's mode was left", left.as_secs());
        let kind = ClusterWarning::ParametersNotRestored;
        (!changed.is_empty()).then(|| warning(kind, None, words))
    }

    fn moved(&self, Move { from, to, moved, why, first, last }: Move) -> Told {
        let id = |name: Option<String>| {
            let place = self.zones.iter().position(|zone| Some(&zone.name) == name.as_ref())?;
            u8::try_from(place).ok().map(ZoneId)
        };
        let fact = ClusterFact::Leaders { from: id(from), to: id(to), moved, detail: why };
        Told { ago: last, uncertainty: first - last + DATED, fact }
    }

    fn whole_cluster(&mut self, look: &Look<'_>, told: &mut Vec<Told>) {
        let Look { seen, last, since } = *look;
        let begins = [
            ("begin-upgrade", "enable_upgrade_mode", "True", "UPGRADE/BEGIN_UPGRADE"),
            (
                "begin-rolling-upgrade",
                "_upgrade_stage",
                "DBUPGRADE",
                "UPGRADE/BEGIN_ROLLING_UPGRADE",
            ),
            ("special-actions", "enable_ddl", "False", ""),
            ("end-rolling-upgrade", "_upgrade_stage", "POSTUPGRADE", "UPGRADE/END_ROLLING_UPGRADE"),
            ("end-upgrade", "enable_upgrade_mode", "False", "UPGRADE/END_UPGRADE"),
        ];
        for (step, parameter, value, event) in begins {
            if seen.is(parameter, value) && !last.is(parameter, value) {
                let (ago, uncertainty) = look.dated(event, None);
                for edge in [Edge::Begin, Edge::End] {
                    told.push(fact(step, None, edge, ago, uncertainty));
                }
            }
        }
        let inactive: Vec<&str> = seen
            .members
            .zones
            .iter()
            .filter(|(_, active)| !**active)
            .map(|(zone, _)| zone.as_str())
            .collect();
        if inactive.len() > 1 && !self.two_inactive {
            told.push(warning(ClusterWarning::TwoZonesInactive, None, inactive.join(" and ")));
        }
        self.two_inactive = inactive.len() > 1;
        self.left = match (last.in_upgrade(), seen.in_upgrade()) {
            (_, true) => None,
            (true, false) => Some(Duration::ZERO),
            (false, false) => self.left.map(|left| left + since),
        };
    }
}

/// Parameters that say how far the upgrade is; the others are settings.
const STATE: [&str; 3] = ["enable_upgrade_mode", "_upgrade_stage", "min_observer_version"];

/// Two looks in a row.
#[derive(Clone, Copy)]
struct Look<'a> {
    seen: &'a Seen,
    last: &'a Seen,
    since: Duration,
}

impl Look<'_> {
    /// How long ago something happened: as the product's history says, or at most as long ago as
    /// the last look.
    fn dated(&self, event: &str, of: Option<&str>) -> (Duration, Duration) {
        match self.happened(event, of) {
            Some(ago) => (ago, DATED),
            None => (Duration::ZERO, self.since),
        }
    }

    /// How long ago the product's history has something that happened since the last look. `of` is
    /// the zone or the server that it happened to.
    fn happened(&self, event: &str, of: Option<&str>) -> Option<Duration> {
        let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let names = |words: &str| {
            let is_whole = |at: usize, of: &str| {
                !words[..at].ends_with(plain) && !words[at + of.len()..].starts_with(plain)
            };
            of.is_none_or(|of| words.match_indices(of).any(|(at, of)| is_whole(at, of)))
        };
        let own = self.seen.history.iter().filter(|happened| {
            happened.what.eq_ignore_ascii_case(event)
                && names(&happened.words)
                && happened.ago <= self.since + SLACK
        });
        own.map(|happened| happened.ago).min()
    }

    fn zone(&self, zone: &mut Zone, id: ZoneId, told: &mut Vec<Told>) {
        let name = zone.name.clone();
        let (active, was_active) = (self.seen.is_active(&name), self.last.is_active(&name));
        let port = self.seen.ports.get(id.index()).copied().unwrap_or(Port::Silent);
        if active {
            if zone.step.is_some() || !was_active {
                self.started(zone, id, told);
                zone.before = self.seen.marks(&name);
            } else {
                self.in_service(zone, id, told);
            }
            return;
        }
        if zone.step.is_none() {
            let (ago, uncertainty) = self.dated("zone/stop_zone", Some(&name));
            told.push(fact(STEPS[STOP_ZONE], Some(id), Edge::Begin, ago, uncertainty));
            (zone.step, zone.ended) = (Some(STOP_ZONE), false);
        }
        let now = self.step_of(zone, port);
        let Some(step) = zone.step.filter(|&step| now > step) else {
            if let Some(step) = zone.step.filter(|_| !zone.ended)
                && let Some((ago, uncertainty)) = self.done(step, &name)
            {
                told.push(fact(STEPS[step], Some(id), Edge::End, ago, uncertainty));
                zone.ended = true;
            }
            return;
        };
        if step == STOP_ZONE && now >= STOP_SERVER {
            self.leaders_left(&name, id, told);
        }
        if !zone.ended {
            told.push(fact(STEPS[step], Some(id), Edge::End, Duration::ZERO, self.since));
        }
        // A restart shorter than the lease, or than the time between two looks, is still a restart.
        for passed in [STOP_SERVER, START_SERVER].into_iter().filter(|p| step < *p && *p < now) {
            for edge in [Edge::Begin, Edge::End] {
                told.push(fact(STEPS[passed], Some(id), edge, Duration::ZERO, self.since));
            }
        }
        told.push(fact(STEPS[now], Some(id), Edge::Begin, Duration::ZERO, self.since));
        (zone.step, zone.ended) = (Some(now), false);
    }

    /// When a step ended whose end can be seen before the next one begins: what comes between,
    /// as installing a package, is no part of it.
    fn done(&self, step: usize, zone: &str) -> Option<(Duration, Duration)> {
        match step {
            STOP_ZONE if self.seen.led(zone) == 0 => Some((Duration::ZERO, self.since)),
            STOP_SERVER if self.seen.members.are_gone(zone) => {
                let servers = self.seen.members.servers_of(zone);
                // The last of them to be given up.
                servers.map(|s| self.dated("server/lease_expire", Some(&s.address))).min()
            }
            _ => None,
        }
    }

    /// How far a zone out of service is.
    fn step_of(&self, zone: &Zone, port: Port) -> usize {
        let marks = self.seen.marks(&zone.name);
        let serves = self.seen.members.serves(&zone.name);
        let restarted = serves && marks != zone.before;
        let builds =
            |marks: &Marks| marks.values().map(|(_, build)| build.clone()).collect::<Vec<_>>();
        match port {
            Port::Silent => STOP_SERVER,
            Port::Starting => START_SERVER,
            Port::Answers if !serves && zone.step > Some(STOP_ZONE) => START_SERVER,
            Port::Answers if !restarted => STOP_ZONE,
            Port::Answers if builds(&marks) == builds(&zone.before) => WAIT_VERSION,
            Port::Answers if self.seen.log_behind.contains_key(&zone.name) => LOG_IN_SYNC,
            Port::Answers if self.seen.schema_behind.contains_key(&zone.name) => SCHEMA_REFRESHED,
            Port::Answers => HEALTH_CHECK,
        }
    }

    /// A zone is put back into service.
    fn started(&self, zone: &mut Zone, id: ZoneId, told: &mut Vec<Told>) {
        if let Some(step) = zone.step.take()
            && !zone.ended
        {
            told.push(fact(STEPS[step], Some(id), Edge::End, Duration::ZERO, self.since));
        }
        let (ago, uncertainty) = self.dated("zone/start_zone", Some(&zone.name));
        for edge in [Edge::Begin, Edge::End] {
            told.push(fact("start-zone", Some(id), edge, ago, uncertainty));
        }
        // It was started between two looks: what both of them miss was missing then.
        let lacks = [
            (&self.last.log_behind, &self.seen.log_behind),
            (&self.last.schema_behind, &self.seen.schema_behind),
        ];
        let both = lacks.iter().filter(|(last, _)| last.contains_key(&zone.name));
        let lacking: Vec<&str> =
            both.filter_map(|(_, seen)| seen.get(&zone.name)).map(String::as_str).collect();
        if !lacking.is_empty() {
            told.push(warning(ClusterWarning::StartBeforeReady, Some(id), lacking.join("; ")));
        }
    }

    /// Leaders that a look before the server went away found, and the one after it still does:
    /// where they had moved in between, the second one knows.
    fn leaders_left(&self, zone: &str, id: ZoneId, told: &mut Vec<Told>) {
        let left = self.last.led(zone).min(self.seen.led(zone));
        if left > 0 {
            let words = format!("{left} log streams were still led from it");
            told.push(warning(ClusterWarning::LeadersLeft, Some(id), words));
        }
    }

    /// A zone that is in service at two looks in a row: no server of it may be away, at both or
    /// for a moment in between. A zone that is stopped right after the first of them is none.
    fn in_service(&self, zone: &mut Zone, id: ZoneId, told: &mut Vec<Told>) {
        let (before, now) = (self.last.away(&zone.name, id), self.seen.away(&zone.name, id));
        let whole = now.is_none() && self.seen.ports.get(id.index()) == Some(&Port::Answers);
        let away = match now {
            Some(words) => before.map(|_| words),
            None => self.restarted(zone).filter(|_| whole),
        };
        if let Some(words) = away.filter(|_| !zone.away_told) {
            let words = format!("{words} while DBA_OB_ZONES had the zone ACTIVE");
            told.push(warning(ClusterWarning::ServerDownInActiveZone, Some(id), words));
            if self.seen.is_silent(id) {
                self.leaders_left(&zone.name, id, told);
            }
            zone.away_told = true;
        }
        if whole && self.seen.members.serves(&zone.name) {
            zone.before = self.seen.marks(&zone.name);
            zone.away_told = false;
        }
    }

    /// A server of a zone that has begun to serve anew since it was last seen to serve. Where the
    /// zone was stopped and started meanwhile, that is as it should be.
    fn restarted(&self, zone: &Zone) -> Option<String> {
        let anew = |server: &&Server| {
            let before = zone.before.get(&server.address).and_then(|(since, _)| since.as_ref());
            before.is_some_and(|_| server.serves_since.is_some())
                && before != server.serves_since.as_ref()
        };
        let server = self.seen.members.servers_of(&zone.name).find(anew)?;
        let stopped = self.happened("zone/stop_zone", Some(&zone.name)).is_some();
        (!stopped).then(|| format!("{} was started anew", server.address))
    }
}

fn fact(
    step: &str,
    zone: Option<ZoneId>,
    edge: Edge,
    ago: Duration,
    uncertainty: Duration,
) -> Told {
    let fact = ClusterFact::Step { step: step.to_owned(), zone, edge, detail: String::new() };
    Told { ago, uncertainty, fact }
}

fn warning(warning: ClusterWarning, zone: Option<ZoneId>, detail: String) -> Told {
    let fact = ClusterFact::Warning { warning, zone, detail };
    Told { ago: Duration::ZERO, uncertainty: Duration::ZERO, fact }
}

#[cfg(test)]
mod tests;
