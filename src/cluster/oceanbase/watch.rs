//! One look at everything that an observer judges.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::course::{Happened, Port, Seen};
use super::leaders::{ELECTIONS, Election};
use super::reading::{Members, Replica, Schema, replicas};
use super::sys::Sys;
use crate::event::{ErrorClass, ZoneId};
use crate::session::{Failure, Row, cell};

pub(super) const LEADERS: &str =
    "select zone, count(*) from CDB_OB_LS_LOCATIONS where role='LEADER' group by zone";
pub(super) const SCHEMAS: &str = "select svr_ip, svr_port, tenant_id, refreshed_schema_version, \
     received_schema_version from GV$OB_SERVER_SCHEMA_INFO";
pub(super) const PARAMETERS: &str = "select distinct name, value from GV$OB_PARAMETERS where name in \
     ('min_observer_version', 'enable_upgrade_mode', '_upgrade_stage', 'enable_ddl', \
     'enable_major_freeze', 'server_permanent_offline_time', 'enable_rebalance', \
     'enable_rereplication')";
/// Both histories, of the last minute: an event is dated by the clock that wrote it.
pub(super) const HISTORY: &str = "select concat(module, '/', event), \
     concat_ws(' ', value1, value2, extra_info), timestampdiff(microsecond, timestamp, now(6)) \
     from DBA_OB_ROOTSERVICE_EVENT_HISTORY where module in ('zone', 'server') \
     and timestamp > date_sub(now(6), interval 60 second) \
     union all select concat(module, '/', event), concat_ws(' ', value1, value2, extra_info), \
     timestampdiff(microsecond, timestamp, now(6)) \
     from DBA_OB_CLUSTER_EVENT_HISTORY where module = 'UPGRADE' \
     and timestamp > date_sub(now(6), interval 60 second)";

/// Everything, as two zones show it.
///
/// # Errors
/// When something could not be read: nothing is concluded from half a look.
pub(super) async fn look(sys: &Sys, by: Instant) -> Result<Seen, Failure> {
    let ports = join_all(sys.site.ids().map(|zone| port(sys, zone, by)));
    // One server that says nothing must not take the time that the others need.
    let (ports, views) = tokio::join!(ports, views(sys, by));
    let views = views?;
    // Last, because they say how long ago things were: as of now, when the look is told.
    let history = told(sys, HISTORY, by).await?.iter().map(happened).collect::<Result<_, _>>()?;
    let elections = told(sys, ELECTIONS, by).await?;
    let elections = elections.iter().map(Election::read).collect::<Result<_, _>>()?;
    Ok(Seen { ports, history, elections, ..views })
}

/// What the views say at this moment.
async fn views(sys: &Sys, by: Instant) -> Result<Seen, Failure> {
    let members = Members::read(sys, by).await?;
    let led = sys.rows(LEADERS, by).await?;
    let led = led.iter().map(|row| Ok((cell(row, 0)?, cell(row, 1)?)));
    let leaders = led.collect::<Result<_, Failure>>()?;
    let mut parameters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in sys.rows(PARAMETERS, by).await? {
        parameters.entry(cell(&row, 0)?).or_default().insert(cell(&row, 1)?);
    }
    let schemas = sys.rows(SCHEMAS, by).await?;
    let schemas = schemas.iter().map(Schema::read).collect::<Result<Vec<_>, _>>()?;
    let log_behind = log_behind(&members, &replicas(sys, by).await?);
    let schema_behind = schema_behind(&members, &schemas);
    Ok(Seen { members, leaders, parameters, log_behind, schema_behind, ..Seen::default() })
}

/// Rows of a history. One that this release lacks tells nothing; the looks themselves still do.
async fn told(sys: &Sys, sql: &str, by: Instant) -> Result<Vec<Row>, Failure> {
    match sys.rows(sql, by).await {
        Err(failure) if failure.class == ErrorClass::Schema => Ok(Vec::new()),
        rows => rows,
    }
}

/// How a zone's own server meets us.
async fn port(sys: &Sys, zone: ZoneId, by: Instant) -> Port {
    match sys.ping(zone, by).await {
        Ok(()) => Port::Answers,
        Err(failure) if failure.class == ErrorClass::NotReady => Port::Starting,
        Err(failure) if failure.code.errno == 0 => Port::Silent,
        Err(_) => Port::Answers,
    }
}

fn happened(row: &Row) -> Result<Happened, Failure> {
    // Clocks of servers differ: what seems to come from the future has just happened.
    let ago = u64::try_from(cell::<i64>(row, 2)?).unwrap_or(0);
    Ok(Happened { what: cell(row, 0)?, words: cell(row, 1)?, ago: Duration::from_micros(ago) })
}

/// What the log of each zone's replicas lacks.
fn log_behind(members: &Members, replicas: &[Replica]) -> BTreeMap<String, String> {
    behind(members, |servers| {
        let shown = replicas.iter().any(|replica| servers.contains(&replica.server.as_str()));
        let lacking = || servers.iter().find_map(|server| Replica::lacking(replicas, server));
        if shown { lacking() } else { Some("its replicas are not shown".to_owned()) }
    })
}

/// What each zone's servers lack of the tenants' schemas: every server knows every tenant's.
fn schema_behind(members: &Members, schemas: &[Schema]) -> BTreeMap<String, String> {
    let tenants: BTreeSet<u64> = schemas.iter().map(|schema| schema.tenant).collect();
    behind(members, |servers| {
        let lacking = |server: &&str| {
            let own = || schemas.iter().filter(|schema| schema.server == **server);
            let missing = tenants.iter().find(|tenant| own().all(|own| own.tenant != **tenant));
            own().find_map(Schema::problem).or_else(|| {
                missing.map(|tenant| format!("{server}, tenant {tenant}: its schema is not shown"))
            })
        };
        match tenants.is_empty() {
            true => Some("its schemas are not shown".to_owned()),
            false => servers.iter().find_map(lacking),
        }
    })
}

/// Zones whose servers lack something, and what.
fn behind(
    members: &Members,
    lacking: impl Fn(&[&str]) -> Option<String>,
) -> BTreeMap<String, String> {
    let of_zone = |zone: &String| {
        let servers: Vec<&str> = members.servers_of(zone).map(|s| s.address.as_str()).collect();
        lacking(&servers).map(|words| (zone.clone(), words))
    };
    members.zones.keys().filter_map(of_zone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::oceanbase::reading::Server;

    /// One zone with one server, and one with two.
    fn members() -> Members {
        let server = Server::serving;
        Members {
            zones: [("z1".into(), true), ("z2".into(), false)].into(),
            servers: vec![server("z1", "a:1"), server("z2", "b:1"), server("z2", "c:1")],
        }
    }

    fn zones(behind: &BTreeMap<String, String>) -> Vec<&str> {
        behind.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_zone_s_log_is_there_when_every_one_of_its_replicas_is() {
        let replica = |stream, server: &str, leads| Replica {
            tenant: 1,
            stream,
            server: server.into(),
            leads,
            in_sync: true,
            members: 2,
            end_scn: 1,
            member_list: format!("a:1:9,{}:9", if stream == 1 { "b:1" } else { "c:1" }),
        };
        let all = [
            replica(1, "a:1", true),
            replica(2, "a:1", true),
            replica(1, "b:1", false),
            replica(2, "c:1", false),
        ];
        assert_eq!(zones(&log_behind(&members(), &all)), [""; 0]);
        // One of the zone's two servers shows its replicas already.
        let told = log_behind(&members(), &all[..3]);
        assert_eq!(zones(&told), ["z2"]);
        assert_eq!(told["z2"], "tenant 1, log stream 2: c:1 is not shown");
        assert_eq!(zones(&log_behind(&members(), &[])), ["z1", "z2"]);
    }

    #[test]
    fn a_zone_s_schemas_are_there_when_every_server_knows_every_tenant_s() {
        let all: Vec<Schema> = ["a:1", "b:1", "c:1"]
            .iter()
            .flat_map(|server| [1, 1002].map(|tenant| Schema::of(server, tenant, 16)))
            .collect();
        assert_eq!(zones(&schema_behind(&members(), &all)), [""; 0]);
        // The last server knows sys, and nothing of the tenant yet.
        let told = schema_behind(&members(), &all[..5]);
        assert_eq!(told["z2"], "c:1, tenant 1002: its schema is not shown");
        assert_eq!(zones(&told), ["z2"]);
        assert_eq!(zones(&schema_behind(&members(), &all[..4])), ["z2"]);
        let mut old = all;
        old[2] = Schema::of("b:1", 1, 8);
        assert_eq!(schema_behind(&members(), &old)["z2"], "b:1, tenant 1: refreshed 8 of 16");
        assert_eq!(zones(&schema_behind(&members(), &[])), ["z1", "z2"]);
    }
}
