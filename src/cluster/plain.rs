//! Any server that speaks the protocol: it answers or it does not, and says its version.
//!
//! Nothing is known of how such a cluster takes a zone out of service or knows itself in sync, so
//! an upgrade of it needs commands of the plan for these steps.

use tokio::time::Instant;

use super::check::{self, CheckLine};
use super::site::{Site, unread};
use super::{Cluster, Finding, Pending, Refusal};
use crate::event::{StatementKind, ZoneId, ZoneState, ZoneStatus};
use crate::session::{Failure, cell};

/// The adapter for [`crate::scenario::Product::Plain`].
pub(super) struct Plain {
    site: Site,
}

impl Plain {
    pub(super) fn new(site: Site) -> Self {
        Self { site }
    }

    async fn version(&self, zone: ZoneId, by: Instant) -> Result<String, Failure> {
        let rows = self.site.rows(zone, "SELECT VERSION()", by).await?;
        let row = rows.first().ok_or_else(|| Failure::data(StatementKind::Admin, "no version"))?;
        cell(row, 0)
    }

    async fn ping(&self, zone: ZoneId, by: Instant) -> ZoneStatus {
        match self.version(zone, by).await {
            Ok(version) => ZoneStatus {
                zone,
                state: ZoneState::Serving,
                version: Some(version),
                cluster_size: None,
                detail: "answers".to_owned(),
            },
            Err(failure) => unread(zone, &failure),
        }
    }

    async fn all(&self, target: Option<&str>, by: Instant) -> Vec<CheckLine> {
        let mut lines = check::connections(&self.site).await;
        lines.push(check::enough_zones(self.site.len()));
        let mut statuses = Vec::new();
        for zone in self.site.ids() {
            statuses.push(self.ping(zone, by).await);
        }
        lines.extend(check::versions(&statuses, target));
        lines
    }
}

fn unknown<T: Send + 'static>(answer: impl Fn(String) -> T) -> Pending<'static, T> {
    let words = "the product \"plain\" does not know how; give this step of the plan a command \
                 with `run`";
    let answer = answer(words.to_owned());
    Box::pin(std::future::ready(answer))
}

impl Cluster for Plain {
    fn look(&self, zone: ZoneId, by: Instant) -> Pending<'_, ZoneStatus> {
        Box::pin(self.ping(zone, by))
    }

    fn stop_zone(&self, _: ZoneId, _: Instant) -> Pending<'_, Result<String, Refusal>> {
        unknown(|words| Err(Refusal(words)))
    }

    fn start_zone(&self, _: ZoneId, _: Instant) -> Pending<'_, Result<String, Refusal>> {
        unknown(|words| Err(Refusal(words)))
    }

    fn log_in_sync(&self, _: ZoneId, _: Instant) -> Pending<'_, Finding> {
        unknown(Finding::Unsupported)
    }

    fn schema_refreshed(&self, _: ZoneId, _: Instant) -> Pending<'_, Finding> {
        unknown(Finding::Unsupported)
    }

    fn health(&self, _: Option<ZoneId>, _: Instant) -> Pending<'_, Finding> {
        unknown(Finding::Unsupported)
    }

    fn checks<'a>(&'a self, target: Option<&'a str>, by: Instant) -> Pending<'a, Vec<CheckLine>> {
        Box::pin(self.all(target, by))
    }
}
