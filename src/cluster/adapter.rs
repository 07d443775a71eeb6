//! The one interface between rollproof and a product's cluster.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::check::CheckLine;
use super::galera::Galera;
use super::oceanbase::OceanBase;
use super::plain::Plain;
use super::site::Site;
use crate::event::{ClusterFact, ZoneId, ZoneStatus};
use crate::scenario::{self, Product};
use crate::session::{Failure, Password};

/// An answer still on its way; every method of [`Cluster`] returns one, so that adapters can
/// stand behind a pointer.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What one look at a condition found. Each holds the words for the journal and the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It holds.
    Met(String),
    /// It does not hold at this moment; waiting may help.
    NotYet(String),
    /// This product cannot be asked, so waiting never helps. Never taken for [`Finding::Met`].
    Unsupported(String),
}

/// Why a zone could not be taken out of service or back, and in what state that leaves it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

/// Something the product itself tells of an upgrade's course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How long before it was told it happened, at the least.
    pub ago: Duration,
    /// It happened at most this much earlier still.
    pub uncertainty: Duration,
    /// What happened.
    pub fact: ClusterFact,
}

/// A parameter of the cluster, or of one tenant, and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// The tenant that has it; `None` for the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its value, in the product's own spelling.
    pub value: String,
}

/// What the cluster was set to before an upgrade changed it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(pub Vec<Setting>);

impl std::fmt::Display for Kept {
    /// A line each.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, Setting { name, tenant, value }) in self.0.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            let of = tenant.as_deref().map(|t| format!(" of tenant {t}")).unwrap_or_default();
            write!(f, "{end}    {name}{of} = {value}")?;
        }
        Ok(())
    }
}

/// What a product's upgrade does to the whole cluster, before the first zone and after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A server that is away for long keeps its replicas.
    ProtectReplicas,
    /// The cluster enters the mode in which versions may differ.
    BeginUpgrade,
    /// Zones may be taken through it one by one.
    BeginRollingUpgrade,
    /// What two versions side by side cannot bear is switched off.
    SpecialActions,
    /// Every zone runs the new version: the cluster may use it.
    EndRollingUpgrade,
    /// Inner tables and data versions follow.
    UpgradeJob,
    /// The mode is left.
    EndUpgrade,
    /// What was changed is put back and checked.
    RestoreParameters,
}

/// A cluster of one product, seen zone by zone.
///
/// A server's failure is an answer here, not an error: a zone that cannot be reached is `down`.
/// Every method returns by the moment it is given, or a little after it when it is stopping what
/// it does. An instance keeps its own sessions, so the observers and the runner hold one each and
/// never wait for one another.
pub trait Cluster: Send + Sync {
    /// One look at one zone.
    fn look(&self, zone: ZoneId, by: Instant) -> Pending<'_, ZoneStatus>;

    /// Takes a zone out of service so that its clients move on, and waits until they have done
    /// so; the server keeps running. Says what it found.
    fn stop_zone(&self, zone: ZoneId, by: Instant) -> Pending<'_, Result<String, Refusal>>;

    /// Puts a zone back into service. Says what it found.
    fn start_zone(&self, zone: ZoneId, by: Instant) -> Pending<'_, Result<String, Refusal>>;

    /// Whether the zone has caught up with what the others committed while it was away.
    fn log_in_sync(&self, zone: ZoneId, by: Instant) -> Pending<'_, Finding>;

    /// Whether the zone's tables, system tables included, fit the version it runs.
    fn schema_refreshed(&self, zone: ZoneId, by: Instant) -> Pending<'_, Finding>;

    /// Whether the cluster is whole, as seen from one zone or from all of them.
    fn health(&self, zone: Option<ZoneId>, by: Instant) -> Pending<'_, Finding>;

    /// How long an unhealthy cluster is waited for at the least, however short a plan's timeout is:
    /// more than nothing where the way back to health grows with what the cluster holds.
    fn health_patience(&self, by: Instant) -> Pending<'_, Duration> {
        let _ = by;
        Box::pin(std::future::ready(Duration::ZERO))
    }

    /// The pre-upgrade checks, read-only. `target` is the version the cluster is to go to.
    fn checks<'a>(&'a self, target: Option<&'a str>, by: Instant) -> Pending<'a, Vec<CheckLine>>;

    /// What the product tells of an upgrade's course since it was last asked: steps, and what
    /// endangered the cluster. `None` when the product tells nothing but its zones' states.
    fn hear(&self, by: Instant) -> Pending<'_, Option<Vec<Told>>> {
        let _ = by;
        Box::pin(std::future::ready(None))
    }

    /// What can only be told when nothing more will be heard.
    fn hear_last(&self) -> Pending<'_, Vec<Told>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    /// What an upgrade may change for the whole cluster, as it is set now. Refused where that would
    /// not be what was there before: an upgrade is under way.
    fn keep(&self, by: Instant) -> Pending<'_, Result<Kept, Refusal>> {
        let _ = by;
        Box::pin(std::future::ready(Ok(Kept::default())))
    }

    /// The statements that give an upgrade up before its first zone, for people.
    fn undo(&self, kept: &Kept) -> Vec<String> {
        let _ = kept;
        Vec::new()
    }

    /// Does what the product's upgrade does to the whole cluster and waits until every server has
    /// followed. `kept` is what [`Cluster::keep`] found before; `target` the version it goes to.
    fn act<'a>(
        &'a self,
        act: Act,
        kept: &'a Kept,
        target: &'a str,
        by: Instant,
    ) -> Pending<'a, Result<String, Refusal>> {
        let _ = (act, kept, target, by);
        let words = "this product has no such step; leave it out of the plan";
        Box::pin(std::future::ready(Err(Refusal(words.to_owned()))))
    }
}

/// A product that has no adapter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cluster.product: rollproof cannot watch or upgrade {0} yet; \
     use \"oceanbase\" or \"galera\", or \"plain\" to watch by ping alone"
)]
pub struct Unsupported(pub Product);

/// The adapter for the cluster of a validated scenario. Nothing is connected yet.
///
/// # Errors
/// When the product has no adapter.
pub fn adapter(
    settings: &scenario::Cluster,
    password: &Password,
) -> Result<Arc<dyn Cluster>, Unsupported> {
    match settings.product {
        Product::Galera => Ok(Arc::new(Galera::new(Site::new(settings, password)))),
        // Without a control plane of its own, the business side is all that is seen of OceanBase:
        // a server that answers and says its version.
        Product::Plain | Product::OceanBase => {
            Ok(Arc::new(Plain::new(Site::new(settings, password))))
        }
        other @ Product::GroupReplication => Err(Unsupported(other)),
    }
}

/// The adapter for the control plane of a validated scenario: that of the cluster itself, except
/// that OceanBase is watched and told what to do through its sys tenant where the scenario says
/// who may. Nothing is connected yet.
///
/// # Errors
/// When the product has no adapter.
pub fn control(
    scenario: &scenario::Scenario,
    password: &Password,
) -> Result<Arc<dyn Cluster>, Unsupported> {
    let plane = scenario.control_plane();
    match plane.product {
        Product::OceanBase if scenario.control.is_some() => {
            Ok(Arc::new(OceanBase::new(Site::new(&plane, password))))
        }
        _ => adapter(&plane, password),
    }
}
