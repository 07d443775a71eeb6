//! One look at the views.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::Version;
use super::sys::Sys;
use crate::session::{Failure, Row, cell};

/// How far a follower's log may end behind its leader's, in ns: SCNs are ns. What the product
/// itself demands before it stops a zone.
const BEHIND_MAX_NS: u64 = 5_000_000_000;

pub(super) const REPLICAS: &str = "select tenant_id, ls_id, svr_ip, svr_port, role, in_sync, \
     paxos_replica_num, end_scn, paxos_member_list from GV$OB_LOG_STAT";
pub(super) const ZONES: &str = "select zone, status from DBA_OB_ZONES";
pub(super) const SERVERS: &str = "select zone, svr_ip, svr_port, status, \
     cast(start_service_time as char), build_version from DBA_OB_SERVERS";

/// One replica of a log stream (GV$OB_LOG_STAT).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) tenant: u64,
    pub(super) stream: u64,
    pub(super) server: String,
    pub(super) leads: bool,
    pub(super) in_sync: bool,
    /// How many members its log stream should have.
    pub(super) members: u64,
    /// End of its log, in ns.
    pub(super) end_scn: u64,
    /// Which servers it takes for members, as `10.0.0.1:2882:1,10.0.0.2:2882:1`: whatever follows
    /// an address is since when. The newer kind of addresses is bracketed.
    pub(super) member_list: String,
}

/// Every replica that is shown.
pub(super) async fn replicas(sys: &Sys, by: Instant) -> Result<Vec<Replica>, Failure> {
    let read = |row: &Row| {
        Ok(Replica {
            tenant: cell(row, 0)?,
            stream: cell(row, 1)?,
            server: format!("{}:{}", cell::<String>(row, 2)?, cell::<u16>(row, 3)?),
            leads: cell::<String>(row, 4)?.eq_ignore_ascii_case("LEADER"),
            in_sync: cell::<String>(row, 5)?.eq_ignore_ascii_case("YES"),
            members: cell(row, 6)?,
            end_scn: cell(row, 7)?,
            member_list: cell(row, 8)?,
        })
    };
    sys.rows(REPLICAS, by).await?.iter().map(read).collect()
}

impl Replica {
    fn place(&self) -> String {
        format!("tenant {}, log stream {}", self.tenant, self.stream)
    }

    fn streams(all: &[Self]) -> BTreeMap<(u64, u64), Vec<&Self>> {
        let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for replica in all {
            streams.entry((replica.tenant, replica.stream)).or_default().push(replica);
        }
        streams
    }

    /// Log streams with a replica that is missing or out of sync, a line each.
    pub(super) fn problems(all: &[Self]) -> Vec<String> {
        let mut problems = Vec::new();
        for replicas in Self::streams(all).into_values() {
            let (there, expected) = (replicas.len() as u64, replicas[0].members);
            if there < expected {
                problems.push(format!("{}: {there} of {expected} replicas", replicas[0].place()));
            }
            let lagging: Vec<&str> =
                replicas.iter().filter(|r| !r.in_sync).map(|r| r.server.as_str()).collect();
            if !lagging.is_empty() {
                problems.push(format!(
                    "{}: {} out of sync",
                    replicas[0].place(),
                    lagging.join(", ")
                ));
            }
        }
        problems
    }

    /// Whether it knows a server as a member of its log stream.
    fn counts_on(&self, server: &str) -> bool {
        let list = self.member_list.replace(['[', ']'], "");
        let mut members = list.split(',').filter_map(|member| member.trim().strip_prefix(server));
        members.any(|rest| rest.is_empty() || rest.starts_with(':'))
    }

    /// What a server's log lacks: the first log stream that counts on it and whose replica there is
    /// not shown, not in sync or too far behind to be. One that nobody leads cannot be compared.
    pub(super) fn lacking(all: &[Self], server: &str) -> Option<String> {
        Self::streams(all).into_values().find_map(|replicas| {
            let place = replicas[0].place();
            let Some(own) = replicas.iter().find(|replica| replica.server == server) else {
                let missed = replicas.iter().any(|replica| replica.counts_on(server));
                return missed.then(|| format!("{place}: {server} is not shown"));
            };
            if !own.in_sync {
                return Some(format!("{place}: {server} is out of sync"));
            }
            let Some(leader) = replicas.iter().find(|replica| replica.leads) else {
                return Some(format!("{place}: no leader"));
            };
            own.behind_of(leader)
        })
    }

    /// Said when its log ends more than 5 s before the leader's.
    fn behind_of(&self, leader: &Self) -> Option<String> {
        let lag = leader.end_scn.saturating_sub(self.end_scn);
        let (place, server) = (self.place(), &self.server);
        let seconds = lag / 1_000_000_000;
        (lag > BEHIND_MAX_NS).then(|| format!("{place}: {server} is {seconds} s behind"))
    }

    /// Followers whose log ends more than 5 s before their leader's, a line each.
    pub(super) fn behind(all: &[Self]) -> Vec<String> {
        let mut problems = Vec::new();
        for replicas in Self::streams(all).into_values() {
            let Some(leader) = replicas.iter().find(|replica| replica.leads) else {
                problems.push(format!("{}: no leader", replicas[0].place()));
                continue;
            };
            problems.extend(replicas.iter().filter_map(|follower| follower.behind_of(leader)));
        }
        problems
    }
}

/// What one server knows of one tenant's schema (GV$OB_SERVER_SCHEMA_INFO).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) server: String,
    pub(super) tenant: u64,
    refreshed: u64,
    received: u64,
}

impl Schema {
    pub(super) fn read(row: &Row) -> Result<Self, Failure> {
        Ok(Self {
            server: format!("{}:{}", cell::<String>(row, 0)?, cell::<u16>(row, 1)?),
            tenant: cell(row, 2)?,
            refreshed: cell(row, 3)?,
            received: cell(row, 4)?,
        })
    }

    #[cfg(test)]
    pub(super) fn of(server: &str, tenant: u64, refreshed: u64) -> Self {
        Self { server: server.to_owned(), tenant, refreshed, received: 16 }
    }

    /// Why it is not refreshed; a whole version is more than 1 and a multiple of 8.
    pub(super) fn problem(&self) -> Option<String> {
        let Self { server, tenant, refreshed, received } = self;
        let whole = *refreshed > 1 && refreshed % 8 == 0 && refreshed == received;
        (!whole).then(|| format!("{server}, tenant {tenant}: refreshed {refreshed} of {received}"))
    }
}

/// One server (DBA_OB_SERVERS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) zone: String,
    pub(super) address: String,
    pub(super) active: bool,
    /// When it began to serve, as the product writes it; `None` while it does not.
    pub(super) serves_since: Option<String>,
    /// As 4.2.1.8_108000022024072217.
    pub(super) build: String,
}

#[cfg(test)]
impl Server {
    /// One that serves, on the older build.
    pub(super) fn serving(zone: &str, address: &str) -> Self {
        Self {
            zone: zone.to_owned(),
            address: address.to_owned(),
            active: true,
            serves_since: Some("t0".to_owned()),
            build: "4.2.1.6_1".to_owned(),
        }
    }
}

/// The zones and servers as the sys tenant shows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Members {
    /// Name of every zone and whether it is ACTIVE.
    pub(super) zones: BTreeMap<String, bool>,
    pub(super) servers: Vec<Server>,
}

impl Members {
    pub(super) async fn read(sys: &Sys, by: Instant) -> Result<Self, Failure> {
        let active = |status: String| status.eq_ignore_ascii_case("ACTIVE");
        let zone = |row: &Row| Ok::<_, Failure>((cell(row, 0)?, active(cell(row, 1)?)));
        let server = |row: &Row| {
            Ok(Server {
                zone: cell(row, 0)?,
                address: format!("{}:{}", cell::<String>(row, 1)?, cell::<u16>(row, 2)?),
                active: active(cell(row, 3)?),
                serves_since: cell(row, 4)?,
                build: cell(row, 5)?,
            })
        };
        Ok(Self {
            zones: sys.rows(ZONES, by).await?.iter().map(zone).collect::<Result<_, _>>()?,
            servers: sys
                .rows(SERVERS, by)
                .await?
                .iter()
                .map(server)
                .collect::<Result<_, Failure>>()?,
        })
    }

    pub(super) fn servers_of<'a>(&'a self, zone: &str) -> impl Iterator<Item = &'a Server> {
        self.servers.iter().filter(move |server| server.zone == zone)
    }

    /// Whether every server of a zone is active and serves.
    pub(super) fn serves(&self, zone: &str) -> bool {
        let mut servers = self.servers_of(zone).peekable();
        servers.peek().is_some() && servers.all(|s| s.active && s.serves_since.is_some())
    }

    /// Whether the cluster has given up every server of a zone: their leases are over.
    pub(super) fn are_gone(&self, zone: &str) -> bool {
        let mut servers = self.servers_of(zone).peekable();
        servers.peek().is_some() && servers.all(|server| !server.active)
    }

    /// The oldest build of a zone's servers: a zone runs a version when all of them do.
    pub(super) fn build<'a>(&'a self, zone: &str) -> Option<&'a str> {
        let builds = self.servers_of(zone).map(|server| server.build.as_str());
        builds.min_by_key(|build| build.parse::<Version>().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(server: &str, leads: bool) -> Replica {
        Replica {
            tenant: 1002,
            stream: 1001,
            server: server.to_owned(),
            leads,
            in_sync: true,
            members: 3,
            end_scn: 100_000_000_000,
            member_list: "a:1:7,b:1:7,[c]:1:7".to_owned(),
        }
    }

    #[test]
    fn a_replica_that_vanished_is_missed() {
        let all = [replica("a:1", true), replica("b:1", false), replica("c:1", false)];
        assert!(Replica::problems(&all).is_empty() && Replica::behind(&all).is_empty());
        assert_eq!(Replica::problems(&all[..2]), ["tenant 1002, log stream 1001: 2 of 3 replicas"]);
        let mut lagging = all.clone();
        lagging[1].in_sync = false;
        lagging[2].end_scn = 94_000_000_000;
        assert_eq!(Replica::problems(&lagging), ["tenant 1002, log stream 1001: b:1 out of sync"]);
        assert_eq!(Replica::behind(&lagging), ["tenant 1002, log stream 1001: c:1 is 6 s behind"]);
        assert_eq!(Replica::behind(&all[1..]), ["tenant 1002, log stream 1001: no leader"]);
    }

    #[test]
    fn a_server_s_log_lacks_what_others_count_on_it_for() {
        let mut all = vec![replica("a:1", true), replica("b:1", false), replica("c:1", false)];
        // A second log stream, of which the server shows nothing yet.
        let other = |server, leads| Replica { stream: 1002, ..replica(server, leads) };
        all.extend([other("a:1", true), other("b:1", false)]);
        let lacking = |all: &[Replica], server| Replica::lacking(all, server);
        assert_eq!(lacking(&all, "b:1"), None);
        // Neither a member nor the beginning of one.
        assert_eq!((lacking(&all, "d:1"), lacking(&all, "c:12")), (None, None));
        let words = "tenant 1002, log stream 1002: c:1 is not shown";
        assert_eq!(lacking(&all, "c:1").as_deref(), Some(words));
        all.push(Replica { end_scn: 1, ..other("c:1", false) });
        let words = "tenant 1002, log stream 1002: c:1 is 99 s behind";
        assert_eq!(lacking(&all, "c:1").as_deref(), Some(words));
        all[5] = Replica { in_sync: false, ..other("c:1", false) };
        let words = "tenant 1002, log stream 1002: c:1 is out of sync";
        assert_eq!(lacking(&all, "c:1").as_deref(), Some(words));
        all[5].in_sync = true;
        assert_eq!(lacking(&all, "c:1"), None);
        all[3].leads = false;
        assert_eq!(
            lacking(&all, "c:1").as_deref(),
            Some("tenant 1002, log stream 1002: no leader")
        );
    }

    #[test]
    fn a_schema_version_is_whole_or_not() {
        let schema =
            |refreshed, received| Schema { server: "a:1".into(), tenant: 1, refreshed, received };
        for (refreshed, received, whole) in
            [(16, 16, true), (0, 0, false), (1, 1, false), (17, 17, false), (16, 24, false)]
        {
            assert_eq!(schema(refreshed, received).problem().is_none(), whole);
        }
    }

    #[test]
    fn a_zone_runs_its_oldest_build() {
        let server = |build: &str| Server {
            zone: "z".into(),
            address: "a:1".into(),
            active: true,
            serves_since: Some("now".into()),
            build: build.into(),
        };
        let members = Members {
            zones: BTreeMap::new(),
            servers: vec![server("4.2.1.10_1"), server("4.2.1.8_9")],
        };
        assert_eq!(members.build("z"), Some("4.2.1.8_9"));
        assert!(members.serves("z") && !members.serves("y"));
    }
}
