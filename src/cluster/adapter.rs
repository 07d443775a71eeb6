//! The one interface between rollproof and a product's cluster.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;

use super::check::CheckLine;
use super::galera::Galera;
use super::plain::Plain;
use super::site::Site;
use crate::event::{ZoneId, ZoneStatus};
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

    /// The pre-upgrade checks, read-only. `target` is the version the cluster is to go to.
    fn checks<'a>(&'a self, target: Option<&'a str>, by: Instant) -> Pending<'a, Vec<CheckLine>>;
}

/// A product that has no adapter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cluster.product: rollproof cannot watch or upgrade {0} yet; \
     use \"galera\", or \"plain\" to watch by ping alone"
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
        Product::Plain => Ok(Arc::new(Plain::new(Site::new(settings, password)))),
        other @ (Product::OceanBase | Product::GroupReplication) => Err(Unsupported(other)),
    }
}
