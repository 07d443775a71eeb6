//! The steps that rollproof does itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::step::StepName;
use super::world::World;
use crate::cluster::observe::LOOK_DEADLINE;
use crate::cluster::{Act, Cluster, Finding, Kept, Pending};
use crate::event::{ZoneId, ZoneState, ZoneStatus};
use crate::preflight;
use crate::scenario::Zone;

/// Between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many looks in a row must find a condition met: joining nodes flicker.
const STEADY_LOOKS: u32 = 3;
/// How much longer than its deadline an adapter may take to give up.
const GRACE: Duration = Duration::from_secs(2);

/// How long undoing what was done before the first zone may take.
const TAKE_BACK: Duration = Duration::from_mins(1);

/// The cluster, seen and acted on as an upgrade needs it.
pub(super) struct Checks {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) zones: Vec<Zone>,
    pub(super) target: String,
    pub(super) allow_unsafe: bool,
}

impl Checks {
    /// Does a built-in step. `Ok` says what was found.
    ///
    /// # Errors
    /// What was found instead, in words for the user.
    pub(super) async fn perform(
        &self,
        step: StepName,
        zone: Option<ZoneId>,
        kept: &Kept,
        by: Instant,
    ) -> Result<String, String> {
        let cluster = &*self.cluster;
        let act = |act: Act| finished(by, cluster.act(act, kept, &self.target, by));
        let of_zone = || zone.ok_or_else(|| format!("{step} is a step of a zone"));
        match step {
            StepName::PreCheck => self.pre_check(by).await,
            StepName::ProtectReplicas => act(Act::ProtectReplicas).await,
            StepName::BeginUpgrade => act(Act::BeginUpgrade).await,
            StepName::BeginRollingUpgrade => act(Act::BeginRollingUpgrade).await,
            StepName::SpecialActions => act(Act::SpecialActions).await,
            StepName::EndRollingUpgrade => act(Act::EndRollingUpgrade).await,
            StepName::UpgradeJob => act(Act::UpgradeJob).await,
            StepName::EndUpgrade => act(Act::EndUpgrade).await,
            StepName::RestoreParameters => act(Act::RestoreParameters).await,
            StepName::HealthCheck => until(by, || cluster.health(zone, look_by(by))).await,
            StepName::VersionCheck => self.until_world(by, |world| world.all_on_target()).await,
            StepName::SetZoneContext => {
                let zone = of_zone()?;
                self.until_world(by, |world| world.answers(zone)).await
            }
            StepName::StopZone => finished(by, cluster.stop_zone(of_zone()?, by)).await,
            StepName::StartZone => finished(by, cluster.start_zone(of_zone()?, by)).await,
            StepName::WaitVersion => {
                let zone = of_zone()?;
                self.until_world(by, |world| world.on_target(zone)).await
            }
            StepName::LogInSync => {
                let zone = of_zone()?;
                until(by, || cluster.log_in_sync(zone, look_by(by))).await
            }
            StepName::SchemaRefreshed => {
                let zone = of_zone()?;
                // Reads every definition of the schema: more than a look.
                until(by, || cluster.schema_refreshed(zone, by)).await
            }
            StepName::CheckZone => {
                let zone = of_zone()?;
                self.until_world(by, |world| world.is_back(zone)).await
            }
            // Kept by the runner, which has the journal to write it to.
            StepName::KeepParameters
            | StepName::UpgradePre
            | StepName::UpgradePost
            | StepName::StopServer
            | StepName::InstallDependencies
            | StepName::InstallPackage
            | StepName::StartServer => Err(format!("{step} needs a command")),
        }
    }

    /// What the upgrade may change for the whole cluster.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) async fn keep(&self, by: Instant) -> Result<Kept, String> {
        finished(by, self.cluster.keep(by)).await
    }

    /// Undoes what was done to the whole cluster before the first zone.
    ///
    /// # Errors
    /// What could not be undone.
    pub(super) async fn take_back(&self, kept: &Kept) -> Result<String, String> {
        let by = Instant::now() + TAKE_BACK;
        finished(by, self.cluster.act(Act::TakeBack, kept, &self.target, by)).await
    }

    /// Waits until every other zone serves, so that `zone` may be taken away.
    ///
    /// # Errors
    /// Which zone does not.
    pub(super) async fn guard(&self, zone: ZoneId, by: Instant) -> Result<String, String> {
        self.until_world(by, |world| world.may_take_away(zone)).await
    }

    /// A fresh look at every zone, all at the same time.
    pub(super) async fn look(&self) -> Vec<ZoneStatus> {
        let mut looks = JoinSet::new();
        let by = Instant::now() + LOOK_DEADLINE;
        for zone in (0..u8::try_from(self.zones.len()).unwrap_or(u8::MAX)).map(ZoneId) {
            let cluster = Arc::clone(&self.cluster);
            looks.spawn(async move {
                let silent = ZoneStatus {
                    zone,
                    state: ZoneState::Down,
                    version: None,
                    cluster_size: None,
                    detail: "no answer in time".to_owned(),
                };
                timeout_at(by + GRACE, cluster.look(zone, by)).await.unwrap_or(silent)
            });
        }
        let mut statuses = looks.join_all().await;
        statuses.sort_by_key(|status| status.zone);
        statuses
    }

    /// The zones as just found, with what is needed to judge them.
    pub(super) fn world<'a>(&'a self, statuses: &'a [ZoneStatus]) -> World<'a> {
        World { zones: &self.zones, statuses, target: &self.target }
    }

    async fn until_world(
        &self,
        by: Instant,
        condition: impl Fn(&World<'_>) -> Finding + Send + Sync,
    ) -> Result<String, String> {
        let condition = &condition;
        until(by, move || -> Pending<'_, Finding> {
            Box::pin(async move {
                let statuses = self.look().await;
                condition(&self.world(&statuses))
            })
        })
        .await
    }

    async fn pre_check(&self, by: Instant) -> Result<String, String> {
        let check = preflight::check(&*self.cluster, Some(&self.target));
        let mut found = timeout_at(by, check)
            .await
            .map_err(|_| "the checks were not done in time".to_owned())?;
        if self.allow_unsafe {
            found.tolerate("zones");
        }
        match found.is_fit() {
            true => Ok(format!("{} checks, none failed", found.checks.len())),
            false => Err(found.failures()),
        }
    }
}

fn look_by(by: Instant) -> Instant {
    by.min(Instant::now() + LOOK_DEADLINE)
}

async fn finished<T, E: std::fmt::Display>(
    by: Instant,
    act: Pending<'_, Result<T, E>>,
) -> Result<T, String> {
    match timeout_at(by + GRACE, act).await {
        Ok(result) => result.map_err(|refusal| refusal.to_string()),
        Err(_) => Err("the server did not answer in time; what it did is not known".to_owned()),
    }
}

/// Looks until a condition was found met several times in a row.
async fn until<'a>(
    by: Instant,
    mut look: impl FnMut() -> Pending<'a, Finding>,
) -> Result<String, String> {
    let began = Instant::now();
    let (mut steady, mut told) = (0, None);
    loop {
        let finding = timeout_at(by + GRACE, look())
            .await
            .unwrap_or_else(|_| Finding::NotYet("no answer".to_owned()));
        let unmet = match finding {
            Finding::Met(words) => {
                steady += 1;
                if steady == STEADY_LOOKS {
                    return Ok(words);
                }
                format!("{words}, but not for long enough")
            }
            Finding::NotYet(words) => {
                steady = 0;
                words
            }
            Finding::Unsupported(words) => return Err(words),
        };
        // A look that the deadline cut short says less than the one before it.
        if told.is_none() || Instant::now() < by {
            told = Some(unmet);
        }
        if Instant::now() + LOOK_EVERY > by {
            let unmet = told.unwrap_or_default();
            return Err(format!("still not so after {} s: {unmet}", began.elapsed().as_secs()));
        }
        sleep(LOOK_EVERY).await;
    }
}
