//! What a run needs, found out before anything is made.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::{RunError, capacity};
use crate::audit::Start;
use crate::cluster::{Away, control, reach};
use crate::drive::Drive;
use crate::event::ErrorClass;
use crate::phase::{step, stretch};
use crate::record::{Capacity, Fingerprint, OutsideUpgrade, StoredBaseline, Work};
use crate::scenario::{LoadModel, PhaseObjectives, Rate, Scenario};
use crate::session::{Login, Password, Session};
use crate::tpcc::random::RunConstants;
use crate::tpcc::{Marker, NotLoaded, begin_run, read_marker, require_loaded};
use crate::upgrade::{Plan, Settings, StepName};

/// Patience with one zone while preparing.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much longer the counters of a warehouse may take: its customers are added up.
const START_PATIENCE: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// What the cluster is to be busy with.
    pub work: Work,
    /// A validated scenario; for a load, with [the loader's](crate::scenario::Load::of_loader)
    /// `load` section.
    pub scenario: Scenario,
    /// Password of the scenario's user.
    pub password: Password,
    /// Password of the control plane's user.
    pub control_password: Password,
    /// The baseline of another run, to be held against in place of one of its own.
    pub baseline: Option<StoredBaseline>,
    /// The upgrade to perform, if any.
    pub upgrade: Option<UpgradeRequest>,
    /// The upgrade that somebody else is to perform meanwhile; never beside one to perform.
    pub outside: Option<OutsideRequest>,
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

/// The upgrade that somebody else performs.
#[derive(Debug, Clone)]
pub struct OutsideRequest {
    /// The command that performs it. Without one the run watches until every zone serves on the
    /// target version.
    pub command: Option<String>,
    /// The version every zone is to report at the end. A run that watches needs one.
    pub target_version: Option<String>,
}

impl RunRequest {
    /// Whether it goes on with an upgrade that failed.
    fn resumes(&self) -> bool {
        self.upgrade.as_ref().is_some_and(|upgrade| upgrade.resume.is_some())
    }

    /// What the run's manifest says of an upgrade by somebody else.
    pub(super) fn outside(&self) -> Option<OutsideUpgrade> {
        let OutsideRequest { command, target_version } = self.outside.clone()?;
        Some(OutsideUpgrade { wrapped: command.is_some(), target_version })
    }

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
    /// What was found of the data; a load begins without any.
    pub(super) ready: Option<Ready>,
}

/// A loaded database, and where a run on it begins.
#[derive(Debug)]
pub(super) struct Ready {
    /// What the database says of its data.
    pub(super) marker: Marker,
    /// Number of this run in the database.
    pub(super) run_number: u32,
    /// Where the database's counters stand before the first transaction.
    pub(super) start: Start,
    /// What the cluster was found to carry, where the scenario leaves the rate open.
    pub(super) capacity: Option<Capacity>,
}

/// Makes sure that the upgrade may begin. For a run, finds a zone that serves with a complete load
/// of the right size in it; for a load, makes sure that there is something left to load, unless an
/// upgrade is to be gone on with.
///
/// # Errors
/// What is missing and what to do; no directory has been made then.
pub async fn prepare(mut request: RunRequest) -> Result<Prepared, RunError> {
    same_baseline(&request)?;
    phases_to_come(&request)?;
    if let Some(settings) = request.upgrade_settings() {
        settings.check()?;
    }
    let Scenario { cluster, control: own_plane, .. } = &request.scenario;
    // A product without an adapter is refused now, and not when everything else is ready.
    control(&request.scenario, &request.control_password)?;
    let mut away = vec![reach(cluster, &request.password).await?];
    if own_plane.is_some() {
        away.push(reach(&request.scenario.control_plane(), &request.control_password).await?);
    }
    let away: Vec<String> = away.iter().flat_map(Away::lines).cloned().collect();
    // What failed before may have left one down.
    if !away.is_empty() && !request.resumes() {
        return Err(RunError::Away(away));
    }
    let ready = match request.work {
        Work::Run => {
            let ready = ready(&request).await?;
            if let Some(capacity) = &ready.capacity {
                request.scenario.load.rate = capacity::rate(capacity);
            }
            Some(ready)
        }
        Work::Load => {
            something_to_load(&request).await?;
            None
        }
    };
    Ok(Prepared { request, ready })
}

/// Refuses a baseline that was measured for something else.
fn same_baseline(request: &RunRequest) -> Result<(), RunError> {
    let Some(StoredBaseline { run_id, fingerprint, .. }) = &request.baseline else { return Ok(()) };
    match fingerprint.difference(&Fingerprint::of_new(&request.scenario)) {
        None => Ok(()),
        Some(what) => Err(RunError::OtherBaseline { run_id: run_id.clone(), what }),
    }
}

/// Refuses an objective for a phase that is not to come: there would be no verdict. Whoever else
/// upgrades may take every step there is.
fn phases_to_come(request: &RunRequest) -> Result<(), RunError> {
    let plan = request.upgrade.as_ref().map(|upgrade| &upgrade.plan);
    let (steps, of_zones): (Vec<_>, Vec<_>) = match plan {
        Some(plan) => {
            (plan.step_names().collect(), plan.zone.iter().map(|step| step.name).collect())
        }
        None => (StepName::ALL.to_vec(), StepName::ALL.to_vec()),
    };
    let stretches: &[&str] = match request.work {
        Work::Run if plan.is_none() => &[
            stretch::BASELINE,
            stretch::WATCH,
            step::COMMAND,
            stretch::SETTLE,
            stretch::FINAL,
            stretch::DRAIN,
        ],
        Work::Run => &[stretch::BASELINE, stretch::SETTLE, stretch::FINAL, stretch::DRAIN],
        Work::Load => &[stretch::PREPARE, stretch::BASELINE, stretch::LOAD, stretch::DRAIN],
    };
    let resume = request.resumes().then_some(step::RESUME);
    let mut phases = Vec::new();
    for name in
        stretches.iter().copied().chain(resume).chain(steps.into_iter().map(StepName::as_str))
    {
        if !phases.contains(&name) {
            phases.push(name);
        }
    }
    let comes = |key: &str| match key.split_once('/') {
        Some((_, step)) => of_zones.iter().any(|one| one.as_str() == step),
        None => phases.contains(&key),
    };
    let limits = request.scenario.objectives.phases.iter();
    let mut wanted = limits.filter(|(_, own)| **own != PhaseObjectives::default());
    match wanted.find(|(key, _)| !comes(key)) {
        None => Ok(()),
        Some((key, _)) => {
            let of = plan.map_or_else(
                || "of this run".to_owned(),
                |plan| format!("of this run with the plan {:?}", plan.name),
            );
            Err(RunError::NoSuchPhase { key: key.clone(), of, phases })
        }
    }
}

async fn ready(request: &RunRequest) -> Result<Ready, RunError> {
    let database = request.scenario.cluster.database.clone();
    let (mut session, marker) = first_serving(request).await?;
    let wanted = request.scenario.workload.warehouses;
    if marker.warehouses != wanted {
        return Err(RunError::OtherScale { database, found: marker.warehouses, wanted });
    }
    let number = async |session: &mut Session| {
        let by = Instant::now() + PATIENCE;
        begin_run(session, &database, by).await.map_err(RunError::Begin)
    };
    let Scenario { load, workload, .. } = &request.scenario;
    let mut found = None;
    if load.rate == Rate::Auto && load.model == LoadModel::Rate {
        // A run of its own to the database: its writes are there before this one's begin.
        let run_number = number(&mut session).await?;
        let constants = RunConstants::new(workload.seed, marker.c_load);
        let (scenario, password) = (&request.scenario, &request.password);
        found = Some(capacity::measure(Drive { scenario, password, run_number, constants }).await?);
    }
    let run_number = number(&mut session).await?;
    let by = Instant::now() + PATIENCE;
    let by = by + START_PATIENCE * wanted;
    let start = Start::take(&mut session, by).await.map_err(RunError::Begin)?;
    session.close(PATIENCE).await;
    Ok(Ready { marker, run_number, start, capacity: found })
}

async fn something_to_load(request: &RunRequest) -> Result<(), RunError> {
    let cluster = &request.scenario.cluster;
    let database = &cluster.database;
    let mut away = Away::default();
    for zone in &cluster.zones {
        let by = Instant::now() + PATIENCE;
        let login = Login::to_zone(cluster, zone, &request.password);
        let marker = match Session::open(&login, by).await {
            Ok(mut session) => read_marker(&mut session, database, by).await,
            Err(failure) => Err(failure),
        };
        match marker {
            // A run since has changed what the load left, so that it could not be checked.
            Ok(Some(Marker { load_complete: true, warehouses, last_run, .. }))
                if !request.resumes() || last_run > 0 =>
            {
                return Err(RunError::AlreadyLoaded { database: database.clone(), warehouses });
            }
            Ok(_) => return Ok(()),
            Err(failure) => {
                away.add(zone, &failure);
            }
        }
    }
    Err(away.all(&request.password).into())
}

/// Goes from zone to zone: one that is down or stopped says nothing about the data.
async fn first_serving(request: &RunRequest) -> Result<(Session, Marker), RunError> {
    let cluster = &request.scenario.cluster;
    let mut away = Away::default();
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
                away.add(zone, &failure);
                continue;
            }
        };
        match require_loaded(&mut session, &cluster.database, by).await {
            Ok(marker) => return Ok((session, marker)),
            Err(NotLoaded::Unreachable { failure, .. }) => {
                away.add(zone, &failure);
            }
            Err(not_loaded) => return Err(not_loaded.into()),
        }
    }
    Err(away.all(&request.password).into())
}
