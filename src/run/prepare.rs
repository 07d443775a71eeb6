//! What a run needs, found out before anything is made.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::RunError;
use crate::audit::Start;
use crate::cluster::{NoZone, reach};
use crate::event::ErrorClass;
use crate::scenario::Scenario;
use crate::session::{Login, Password, Session};
use crate::tpcc::{Marker, NotLoaded, begin_run, require_loaded};
use crate::upgrade::{Plan, Settings};

/// Patience with one zone while preparing.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// A validated scenario.
    pub scenario: Scenario,
    /// Password of the scenario's user.
    pub password: Password,
    /// The upgrade to perform, if any.
    pub upgrade: Option<UpgradeRequest>,
    /// The directory to make.
    pub dir: PathBuf,
    /// The run's name.
    pub run_id: String,
}

/// The upgrade to perform.
#[derive(Debug, Clone)]
pub struct UpgradeRequest {
    /// Its plan.
    pub plan: Plan,
    /// The directory of the run whose failed upgrade this one goes on with.
    pub resume: Option<PathBuf>,
    /// Upgrade fewer than three zones all the same.
    pub allow_unsafe: bool,
    /// The command line that goes on with it after a failure.
    pub resume_hint: String,
}

impl RunRequest {
    /// What the upgrade needs to know, if there is to be one.
    pub(super) fn upgrade_settings(&self) -> Option<Settings> {
        let UpgradeRequest { plan, resume, allow_unsafe, resume_hint } = self.upgrade.clone()?;
        let (zones, run_dir) = (self.scenario.cluster.zones.clone(), self.dir.clone());
        Some(Settings { plan, zones, run_dir, resume, allow_unsafe, resume_hint })
    }
}

/// A run that can begin.
#[derive(Debug)]
pub struct Prepared {
    /// What is asked for.
    pub request: RunRequest,
    /// What the database says of its data.
    pub marker: Marker,
    /// Number of this run in the database.
    pub run_number: u32,
    /// Where the database's counters stand before the first transaction.
    pub start: Start,
}

/// Makes sure that the upgrade may begin, and finds a zone that serves with a complete load of the
/// right size in it.
///
/// # Errors
/// What is missing and what to do; no directory has been made then.
pub async fn prepare(request: RunRequest) -> Result<Prepared, RunError> {
    let database = request.scenario.cluster.database.clone();
    if let Some(settings) = request.upgrade_settings() {
        settings.check()?;
    }
    reach(&request.scenario.cluster, &request.password).await?;
    let (mut session, marker) = first_serving(&request).await?;
    let wanted = request.scenario.workload.warehouses;
    if marker.warehouses != wanted {
        return Err(RunError::OtherScale { database, found: marker.warehouses, wanted });
    }
    let by = Instant::now() + PATIENCE;
    let run_number = begin_run(&mut session, &database, by).await.map_err(RunError::Begin)?;
    let start = Start::take(&mut session, by).await.map_err(RunError::Begin)?;
    session.close(PATIENCE).await;
    Ok(Prepared { request, marker, run_number, start })
}

/// Goes from zone to zone: one that is down or stopped says nothing about the data.
async fn first_serving(request: &RunRequest) -> Result<(Session, Marker), RunError> {
    let cluster = &request.scenario.cluster;
    let mut reasons = Vec::new();
    for zone in &cluster.zones {
        let login = Login::to_zone(cluster, zone, &request.password);
        let login = login.in_database(&cluster.database);
        let by = Instant::now() + PATIENCE;
        let mut session = match Session::open(&login, by).await {
            Ok(session) => session,
            Err(failure) if failure.class == ErrorClass::Schema => {
                return Err(NotLoaded::NoDatabase { database: cluster.database.clone() }.into());
            }
            Err(failure) => {
                reasons.push(NoZone::reason(zone, &failure));
                continue;
            }
        };
        match require_loaded(&mut session, &cluster.database, by).await {
            Ok(marker) => return Ok((session, marker)),
            Err(NotLoaded::Unreachable { failure, .. }) => {
                reasons.push(NoZone::reason(zone, &failure));
            }
            Err(not_loaded) => return Err(not_loaded.into()),
        }
    }
    Err(NoZone(reasons).into())
}
