//! The statements of an upgrade and what proves that they took effect.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::parameters::{self, in_sync, set, statement, values};
use super::reading::Members;
use super::sys::{Sys, literal};
use crate::cluster::{Act, Kept, Refusal, Setting};
use crate::event::{ErrorClass, ZoneId};
use crate::session::Failure;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is kept of the time a statement has, to find out what became of it.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// For how long a server may be away before its replicas are made anew elsewhere, while the
/// upgrade goes on.
const OFFLINE_TIME: &str = "72h";

/// Z2: takes a zone out of service and waits until no leader is left in it.
///
/// # Errors
/// What the server refused, and whether the zone is INACTIVE all the same and how to undo that.
pub(super) async fn stop_zone(sys: &Sys, zone: ZoneId, by: Instant) -> Result<String, Refusal> {
    let name = sys.site.name(zone);
    let statement = format!("ALTER SYSTEM STOP ZONE {}", literal(name));
    let told = sys.tell(statement.clone(), Some(zone), before(by)).await;
    if let Err(failure) = told {
        let left = left_inactive(sys, name).await;
        let why = why(&failure);
        return Err(Refusal(format!("`{statement}` was refused: {failure}{why}. {left}")));
    }
    let mut last = "nobody could be asked what became of it".to_owned();
    while Instant::now() < by {
        let found = async {
            let stopped = Members::read(sys, by).await?.zones.get(name) == Some(&false);
            Ok::<_, Failure>((stopped, leaders_of(sys, name, by).await?))
        };
        match found.await {
            Ok((true, 0)) => return Ok("INACTIVE, no leader is left".to_owned()),
            Ok((false, 0)) => last = format!("{name} did not become INACTIVE"),
            Ok((_, leaders)) => last = format!("{leaders} leaders are still in {name}"),
            // Whatever is said while RootService moves along: the zone is on its way out, and how
            // to undo that must be told. A look that the deadline cut short says less than before.
            Err(failure) if Instant::now() < by => last = failure.to_string(),
            Err(_) => {}
        }
        sleep(LOOK_EVERY).await;
    }
    let left = left_inactive(sys, name).await;
    Err(Refusal(format!("`{statement}` was accepted, but {last}. {left}")))
}

/// Z10: puts a zone back into service.
///
/// # Errors
/// What the server refused, or that the zone did not become ACTIVE.
pub(super) async fn start_zone(sys: &Sys, zone: ZoneId, by: Instant) -> Result<String, Refusal> {
    let name = sys.site.name(zone);
    let statement = format!("ALTER SYSTEM START ZONE {}", literal(name));
    let told = sys.tell(statement.clone(), None, before(by)).await;
    told.map_err(|failure| Refusal(format!("`{statement}` was refused: {failure}")))?;
    loop {
        if let Ok(members) = Members::read(sys, by).await
            && members.zones.get(name) == Some(&true)
        {
            return Ok("ACTIVE".to_owned());
        }
        if Instant::now() + LOOK_EVERY > by {
            return Err(Refusal(format!("`{statement}` was accepted, but {name} is not ACTIVE")));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Leaves time to find out what became of a statement.
fn before(by: Instant) -> Instant {
    let half = by.saturating_duration_since(Instant::now()) / 2;
    by.checked_sub(AFTERWARDS.min(half)).unwrap_or(by)
}

/// How many log streams are led from a zone.
pub(super) async fn leaders_of(sys: &Sys, zone: &str, by: Instant) -> Result<u64, Failure> {
    let sql = format!(
        "select count(*) from CDB_OB_LS_LOCATIONS where role = 'LEADER' and zone = {}",
        literal(zone)
    );
    sys.number(sql, by).await
}

/// What the codes of a refusal mean.
fn why(failure: &Failure) -> &'static str {
    match failure.code.errno {
        4660 => " (another zone or server is stopped: two at once are never allowed)",
        4179 => {
            " (a log stream would lose its leader or its majority, its locality is changing, or a \
             replica is more than 5 s behind)"
        }
        4652 | 4012 => " (its time was up)",
        _ => "",
    }
}

/// Whether a zone is out of service after a refusal: when the statement's time is up, the product
/// leaves the zone INACTIVE.
async fn left_inactive(sys: &Sys, zone: &str) -> String {
    match Members::read(sys, Instant::now() + AFTERWARDS).await {
        Ok(members) if members.zones.get(zone) == Some(&false) => format!(
            "The zone is still INACTIVE; undo it with ALTER SYSTEM START ZONE {}",
            literal(zone)
        ),
        Ok(_) => format!("{zone} is ACTIVE as before"),
        Err(failure) => format!(
            "Whether the zone is INACTIVE now is not known ({failure}); look at DBA_OB_ZONES, and \
             undo it with ALTER SYSTEM START ZONE {}",
            literal(zone)
        ),
    }
}

/// A step of the upgrade that is about no zone.
///
/// # Errors
/// What the server refused, or what did not follow in time.
pub(super) async fn act(
    sys: &Sys,
    act: Act,
    kept: &Kept,
    target: &str,
    by: Instant,
) -> Result<String, Refusal> {
    match act {
        Act::ProtectReplicas => protect_replicas(sys, by).await,
        Act::BeginUpgrade => {
            tell(sys, "ALTER SYSTEM BEGIN UPGRADE", by).await?;
            becomes(sys, "enable_upgrade_mode", "True", by).await
        }
        Act::BeginRollingUpgrade => {
            tell(sys, "ALTER SYSTEM BEGIN ROLLING UPGRADE", by).await?;
            becomes(sys, "_upgrade_stage", "DBUPGRADE", by).await
        }
        Act::SpecialActions => {
            for name in ["enable_ddl", "enable_major_freeze"] {
                set(sys, &setting(name, "False"), None, by).await?;
            }
            Ok("enable_ddl and enable_major_freeze are False on every server".to_owned())
        }
        Act::EndRollingUpgrade => {
            tell(sys, "ALTER SYSTEM END ROLLING UPGRADE", by).await?;
            becomes(sys, "_upgrade_stage", "POSTUPGRADE", by).await?;
            // A target may name a build, which this parameter does not.
            let release = target.split(['-', '_']).next().unwrap_or(target);
            becomes(sys, "min_observer_version", release, by).await
        }
        Act::UpgradeJob => upgrade_job(sys, by).await,
        Act::EndUpgrade => end_upgrade(sys, by).await,
        Act::RestoreParameters => parameters::restore(sys, kept, by).await,
    }
}

/// Step 1. Says what was there before: whoever only prepares keeps it nowhere else.
async fn protect_replicas(sys: &Sys, by: Instant) -> Result<String, Refusal> {
    let wanted = setting("server_permanent_offline_time", OFFLINE_TIME);
    let before = values(sys, &wanted, by).await?;
    set(sys, &wanted, None, by).await?;
    let done = format!("{} is {OFFLINE_TIME} on every server", wanted.name);
    Ok(match &before[..] {
        [one] if *one != OFFLINE_TIME => {
            let undo = statement(&setting(&wanted.name, one));
            format!("{done}; it was {one}, undo it after the upgrade with {undo}")
        }
        _ => done,
    })
}

fn setting(name: &str, value: &str) -> Setting {
    Setting { name: name.to_owned(), tenant: None, value: value.to_owned() }
}

async fn tell(sys: &Sys, statement: &str, by: Instant) -> Result<(), Refusal> {
    let told = sys.tell(statement.to_owned(), None, by).await;
    told.map_err(|failure| Refusal(format!("`{statement}` was refused: {failure}")))
}

async fn becomes(sys: &Sys, name: &str, value: &str, by: Instant) -> Result<String, Refusal> {
    in_sync(sys, &setting(name, value), by).await?;
    Ok(format!("{name} is {value} on every server"))
}

/// P4: leaves the upgrade's mode; nothing is sent when the cluster is in none.
async fn end_upgrade(sys: &Sys, by: Instant) -> Result<String, Refusal> {
    const MODE: &str = "select count(*) from __all_virtual_sys_parameter_stat \
         where name = 'enable_upgrade_mode' and value != 'False'";
    if sys.number(MODE, by).await? == 0 {
        return Ok("no upgrade mode to end".to_owned());
    }
    tell(sys, "ALTER SYSTEM END UPGRADE", by).await?;
    becomes(sys, "enable_upgrade_mode", "False", by).await?;
    becomes(sys, "_upgrade_stage", "NONE", by).await
}

/// P3: brings inner tables and data versions up, then has the root service inspect them.
async fn upgrade_job(sys: &Sys, by: Instant) -> Result<String, Refusal> {
    const LAST: &str =
        "select cast(coalesce(max(job_id), 0) as unsigned) from __all_rootservice_job";
    let last = sys.number(LAST, by).await?;
    // The job writes inner tables, which is DDL; what step 4 forbade stays forbidden after it.
    set(sys, &setting("enable_ddl", "True"), None, by).await?;
    tell(sys, "ALTER SYSTEM RUN UPGRADE JOB 'UPGRADE_ALL'", by).await?;
    let status = format!(
        "select job_status from __all_rootservice_job where job_type = 'UPGRADE_ALL' \
         and job_id > {last} order by job_id desc limit 1"
    );
    until(sys, status, "UPGRADE_ALL", by, |status| match status.first().map(String::as_str) {
        Some("SUCCESS") => Ok(true),
        Some("FAILED") => Err("see __all_rootservice_job and the root service's log"),
        _ => Ok(false),
    })
    .await?;
    set(sys, &setting("enable_ddl", "False"), None, by).await?;
    tell(sys, "ALTER SYSTEM RUN JOB 'ROOT_INSPECTION'", by).await?;
    const UNFIT: &str = "select name from __all_virtual_upgrade_inspection where info != 'succeed'";
    until(sys, UNFIT.to_owned(), "ROOT_INSPECTION", by, |unfit| Ok(unfit.is_empty())).await?;
    Ok("UPGRADE_ALL is done and the root inspection succeeded".to_owned())
}

/// Asks until the answer is that a job is done, or that it failed and why.
async fn until(
    sys: &Sys,
    sql: String,
    job: &str,
    by: Instant,
    is_done: impl Fn(&[String]) -> Result<bool, &'static str> + Send,
) -> Result<(), Refusal> {
    let mut words = String::new();
    loop {
        match sys.texts(sql.clone(), by).await {
            Ok(answer) => match is_done(&answer) {
                Ok(true) => return Ok(()),
                Ok(false) => words = answer.join(", "),
                Err(advice) => return Err(Refusal(format!("the job {job} failed; {advice}"))),
            },
            // Waiting does not bring a view; anything else may pass, and the job runs on meanwhile.
            Err(failure) if failure.class == ErrorClass::Schema => return Err(failure.into()),
            Err(failure) if Instant::now() < by => words = failure.to_string(),
            Err(_) => {}
        }
        if Instant::now() + LOOK_EVERY > by {
            return Err(Refusal(format!("the job {job} was not done in time: {words}")));
        }
        sleep(LOOK_EVERY).await;
    }
}
