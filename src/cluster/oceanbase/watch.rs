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
    let mut behind = BTreeMap::new();
    let problems: Vec<String> =
        Replica::problems(replicas).into_iter().chain(Replica::behind(replicas)).collect();
    for zone in members.zones.keys() {
        let own: Vec<&str> = members.servers_of(zone).map(|s| s.address.as_str()).collect();
        let of_zone = |problem: &&String| own.iter().any(|address| problem.contains(address));
        let shown = replicas.iter().any(|replica| own.contains(&replica.server.as_str()));
        match problems.iter().find(of_zone) {
            Some(problem) => behind.insert(zone.clone(), problem.clone()),
            None if !shown => behind.insert(zone.clone(), "its replicas are not shown".to_owned()),
            None => None,
        };
    }
    behind
}

/// What each zone's servers lack of the tenants' schemas.
fn schema_behind(members: &Members, schemas: &[Schema]) -> BTreeMap<String, String> {
    let mut behind = BTreeMap::new();
    for zone in members.zones.keys() {
        let own: Vec<&str> = members.servers_of(zone).map(|s| s.address.as_str()).collect();
        let own = schemas.iter().filter(|schema| own.contains(&schema.server.as_str()));
        let problems: Vec<Option<String>> = own.map(Schema::problem).collect();
        match problems.iter().flatten().next() {
            Some(problem) => behind.insert(zone.clone(), problem.clone()),
            None if problems.is_empty() => {
                behind.insert(zone.clone(), "its schemas are not shown".to_owned())
            }
            None => None,
        };
    }
    behind
}
