//! Whether there is anybody to talk to, found out before anything is begun.

use std::time::Duration;

use tokio::time::Instant;

use crate::scenario;
use crate::session::{Login, Password, Session};

/// A zone that has not let the user in by then counts as unreachable.
const CONNECT: Duration = Duration::from_secs(5);

/// Not one zone let the user in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no zone can be used:\n{}\n\
     correct the addresses (--zones or the scenario), the user (--user) or ROLLPROOF_PASSWORD, or \
     start the servers",
    .0.join("\n")
)]
pub struct NoZone(pub Vec<String>);

impl NoZone {
    /// Why a zone cannot be used, in a line.
    pub fn reason(zone: &scenario::Zone, why: &dyn std::fmt::Display) -> String {
        format!("  {} ({}): {why}", zone.name, zone.endpoint)
    }
}

/// Waits until a zone of a validated scenario lets the user in. All are asked at once, so that
/// zones behind a dead link do not add up.
///
/// # Errors
/// What each zone said, when none did.
pub async fn reach(cluster: &scenario::Cluster, password: &Password) -> Result<(), NoZone> {
    let by = Instant::now() + CONNECT;
    let mut asked = tokio::task::JoinSet::new();
    for (index, zone) in cluster.zones.iter().enumerate() {
        let login = Login::to_zone(cluster, zone, password);
        asked.spawn(async move { (index, Session::open(&login, by).await) });
    }
    let mut reasons = vec![String::new(); cluster.zones.len()];
    while let Some(answer) = asked.join_next().await {
        match answer.expect("a session opens without panic and is not cancelled") {
            (_, Ok(_)) => return Ok(()),
            (index, Err(failure)) => {
                reasons[index] = NoZone::reason(&cluster.zones[index], &failure);
            }
        }
    }
    Err(NoZone(reasons))
}
