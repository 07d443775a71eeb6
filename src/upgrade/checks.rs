//! The steps that rollproof does itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::step::{Step, StepName};
use super::world::World;
use crate::cluster::observe::LOOK_DEADLINE;
use crate::cluster::{Act, Cluster, Finding, Kept, Pending};
use crate::event::{ZoneId, ZoneState, ZoneStatus};
use crate::preflight;
use crate::scenario::Zone;

/// How many looks in a row must find a condition met: joining nodes flicker.
const STEADY_LOOKS: u32 = 3;
/// Between these, however far looks are apart otherwise.
const STEADY_EVERY: Duration = Duration::from_millis(100);
/// How much longer than its deadline an adapter may take to give up.
const GRACE: Duration = Duration::from_secs(2);

/// How long each act may take that undoes what was done before the first zone.
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
        step: &Step,
        zone: Option<ZoneId>,
        kept: &Kept,
        by: Instant,
    ) -> Result<String, String> {
        let Step { name: step, every, .. } = *step;
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
            StepName::HealthCheck => {
                let by = by.max(self.patience().await);
                until(every, by, || cluster.health(zone, look_by(every, by))).await
            }
            StepName::VersionCheck => {
                self.until_world(every, by, |world| world.all_on_target()).await
            }
            StepName::SetZoneContext => {
                let zone = of_zone()?;
                self.until_world(every, by, |world| world.answers(zone)).await
            }
            StepName::StopZone => finished(by, cluster.stop_zone(of_zone()?, by)).await,
            StepName::StartZone => finished(by, cluster.start_zone(of_zone()?, by)).await,
            StepName::WaitVersion => {
                let zone = of_zone()?;
                self.until_world(every, by, |world| world.on_target(zone)).await
            }
            StepName::LogInSync => {
                let zone = of_zone()?;
                until(every, by, || cluster.log_in_sync(zone, look_by(every, by))).await
            }
            StepName::SchemaRefreshed => {
                let zone = of_zone()?;
                // Reads every definition of the schema: more than a look.
                until(every, by, || cluster.schema_refreshed(zone, by)).await
            }
            StepName::CheckZone => {
                let zone = of_zone()?;
                self.until_world(every, by, |world| world.is_back(zone)).await
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

    /// Until when the cluster's health is waited for at the least.
    async fn patience(&self) -> Instant {
        let began = Instant::now();
        let by = began + LOOK_DEADLINE;
        let patience = timeout_at(by + GRACE, self.cluster.health_patience(by)).await;
        began + patience.unwrap_or_default()
    }

    /// What the upgrade may change for the whole cluster.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) async fn keep(&self, by: Instant) -> Result<Kept, String> {
        finished(by, self.cluster.keep(by)).await
    }

    /// Does one of the acts that undo what was done to the whole cluster before the first zone.
    ///
    /// # Errors
    /// What could not be undone.
    pub(super) async fn take_back(&self, act: Act, kept: &Kept) -> Result<String, String> {
        let by = Instant::now() + TAKE_BACK;
        finished(by, self.cluster.act(act, kept, &self.target, by)).await
    }

    /// Waits until every other zone serves, so that `zone` may be taken away.
    ///
    /// # Errors
    /// Which zone does not.
    pub(super) async fn guard(&self, zone: ZoneId, by: Instant) -> Result<String, String> {
        self.until_world(STEADY_EVERY, by, |world| world.may_take_away(zone)).await
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
        every: Duration,
        by: Instant,
        condition: impl Fn(&World<'_>) -> Finding + Send + Sync,
    ) -> Result<String, String> {
        let condition = &condition;
        until(every, by, move || -> Pending<'_, Finding> {
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
            // What a majority needs, and nothing else.
            found.tolerate("zones");
            found.tolerate("locality");
        }
        match found.is_fit() {
            true => Ok(format!("{} checks, none failed", found.checks.len())),
            false => Err(found.failures()),
        }
    }
}

/// A look may take as long as the next one is away: those that are far apart read much.
fn look_by(every: Duration, by: Instant) -> Instant {
    by.min(Instant::now() + every.max(LOOK_DEADLINE))
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

/// Looks every so often until a condition was found met, and then some times more, quickly: looks
/// are a load for the cluster as long as it is not well, and flicker when it is nearly so.
async fn until<'a>(
    every: Duration,
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
        let pause = if steady > 0 { STEADY_EVERY } else { every };
        if Instant::now() + pause > by {
            let unmet = told.unwrap_or_default();
            return Err(format!("still not so after {} s: {unmet}", began.elapsed().as_secs()));
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Looks at a condition that is met from the given second on, except where it flickers.
    async fn looks(every: Duration, met_from: u64, flickers: Option<u64>) -> Vec<u128> {
        let (began, at) = (Instant::now(), RefCell::new(Vec::new()));
        let look = || -> Pending<'static, Finding> {
            let now = began.elapsed();
            at.borrow_mut().push(now.as_millis());
            let is_met = now.as_secs() >= met_from && flickers != Some(at.borrow().len() as u64);
            let finding = if is_met { Finding::Met } else { Finding::NotYet };
            Box::pin(std::future::ready(finding("as set".to_owned())))
        };
        let _ = until(every, began + Duration::from_mins(1), look).await;
        at.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_so_is_looked_at_every_so_often() {
        let ten = Duration::from_secs(10);
        assert_eq!(looks(ten, 0, None).await, [0, 100, 200]);
        assert_eq!(looks(ten, 15, None).await, [0, 10_000, 20_000, 20_100, 20_200]);
        // Met, and not for long.
        assert_eq!(looks(ten, 0, Some(2)).await, [0, 100, 10_100, 10_200, 10_300]);
        let never = looks(ten, 600, None).await;
        assert_eq!(never.last(), Some(&60_000), "{never:?}");
    }
}
