//! Whether a zone, or the whole cluster, is healthy: H0 to H5.

use std::time::Duration;

use tokio::time::Instant;

use super::questions::MERGING;
use super::reading::{Replica, Schema, replicas};
use super::sys::{Sys, literal};
use crate::cluster::Finding;
use crate::event::{ErrorClass, ZoneId};
use crate::session::{Failure, cell};

/// Schemas that are refreshed, and how many there should be: one for each server and tenant.
pub(super) const SCHEMAS: &str = "select count(*), (select count(*) from __all_server) * \
     (select count(*) from __all_tenant) from __all_virtual_server_schema_info \
     where refreshed_schema_version > 1 and refreshed_schema_version % 8 = 0";

/// Refreshed and expected.
pub(super) async fn schemas(sys: &Sys, by: Instant) -> Result<(u64, u64), Failure> {
    let rows = sys.rows(SCHEMAS, by).await?;
    let row =
        rows.first().ok_or_else(|| Failure::data(crate::event::StatementKind::Read, "no row"))?;
    Ok((cell(row, 0)?, cell(row, 1)?))
}

/// A condition that could not be asked about: waiting helps unless the view is not there.
pub(super) fn unread(failure: &Failure) -> Finding {
    match failure.class {
        ErrorClass::Schema => Finding::Unsupported(failure.to_string()),
        _ => Finding::NotYet(failure.to_string()),
    }
}

/// H0 to H5, for one zone or all of them.
pub(super) async fn health(sys: &Sys, zone: Option<ZoneId>, by: Instant) -> Finding {
    match unhealthy(sys, zone.map(|zone| sys.site.name(zone)), by).await {
        Ok(None) => {
            Finding::Met("servers, replicas, schemas and builds are as they should be".into())
        }
        Ok(Some(words)) => Finding::NotYet(words),
        Err(failure) => unread(&failure),
    }
}

/// What the product's own health checker allows a tenant, sys and meta tenants included.
const PATIENCE_A_TENANT: Duration = Duration::from_secs(30);

/// Schemas are refreshed and log streams caught up tenant by tenant. Nothing where their number
/// cannot be read, as on a cluster that is not well.
pub(super) async fn patience(sys: &Sys, by: Instant) -> Duration {
    let tenants = sys.number("select count(*) from __all_tenant", by).await.unwrap_or(0);
    PATIENCE_A_TENANT.saturating_mul(u32::try_from(tenants).unwrap_or(u32::MAX))
}

/// The first thing that is not as it should be.
async fn unhealthy(sys: &Sys, zone: Option<&str>, by: Instant) -> Result<Option<String>, Failure> {
    let of_zone = |word: &str| zone.map(|zone| format!(" {word} zone = {}", literal(zone)));
    if let Some(zone) = zone {
        let sql = format!("select count(*) from DBA_OB_ZONES where zone = {}", literal(zone));
        if sys.number(sql, by).await? == 0 {
            return Ok(Some(format!("H0: the cluster has no zone {zone}")));
        }
    }
    let condition = of_zone("and").unwrap_or_default();
    let away = format!(
        "select count(*) from __all_server \
         where (start_service_time <= 0 or status = 'inactive'){condition}"
    );
    let away = sys.number(away, by).await?;
    if away > 0 {
        return Ok(Some(format!("H1: {away} servers do not serve")));
    }
    let replicas = Replica::problems(&replicas(sys, by).await?);
    if let Some(first) = replicas.first() {
        return Ok(Some(format!("H2: {} of the log streams: {first}", replicas.len())));
    }
    let (refreshed, expected) = schemas(sys, by).await?;
    if refreshed != expected {
        return Ok(Some(format!("H3: {refreshed} of {expected} schemas are refreshed")));
    }
    // Builds differ between zones while the upgrade is under way.
    if let Some(condition) = of_zone("where") {
        let builds = format!(
            "select distinct(substring_index(build_version,'_',1)) from __all_server{condition}"
        );
        let builds = sys.texts(builds, by).await?;
        if builds.len() != 1 {
            return Ok(Some(format!("H4: builds {}", builds.join(", "))));
        }
    }
    let merging = sys.number(MERGING, by).await?;
    Ok((merging > 0).then(|| format!("H5: {merging} tenants are merging")))
}

/// Z7: the log of every replica in the zone has caught up.
pub(super) async fn log_in_sync(sys: &Sys, by: Instant) -> Finding {
    let replicas = match replicas(sys, by).await {
        Ok(replicas) => replicas,
        Err(failure) => return unread(&failure),
    };
    let behind = Replica::problems(&replicas).into_iter().chain(Replica::behind(&replicas));
    match behind.into_iter().next() {
        None => Finding::Met(format!("{} replicas in sync", replicas.len())),
        Some(problem) => Finding::NotYet(problem),
    }
}

/// Z8: the zone's servers know the schema of every tenant.
pub(super) async fn schema_refreshed(sys: &Sys, zone: ZoneId, by: Instant) -> Finding {
    let sql = format!(
        "select i.svr_ip, i.svr_port, i.tenant_id, i.refreshed_schema_version, \
         i.received_schema_version from GV$OB_SERVER_SCHEMA_INFO i join DBA_OB_SERVERS s \
         on s.svr_ip = i.svr_ip and s.svr_port = i.svr_port where s.zone = {}",
        literal(sys.site.name(zone))
    );
    let expected = format!(
        "select (select count(*) from DBA_OB_SERVERS where zone = {}) * \
         (select count(*) from __all_tenant)",
        literal(sys.site.name(zone))
    );
    let asked = async {
        let rows = sys.rows(sql, by).await?;
        let schemas = rows.iter().map(Schema::read).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Failure>((schemas, sys.number(expected, by).await?))
    };
    match asked.await {
        Err(failure) => unread(&failure),
        Ok((schemas, expected)) if (schemas.len() as u64) < expected => {
            Finding::NotYet(format!("{} of {expected} schemas are known", schemas.len()))
        }
        Ok((schemas, _)) => match schemas.iter().find_map(Schema::problem) {
            Some(problem) => Finding::NotYet(problem),
            None => Finding::Met(format!("{} schemas refreshed", schemas.len())),
        },
    }
}
