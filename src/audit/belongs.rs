//! Whether the database is the one that a run worked on: asked before anything is compared with it.

use tokio::time::Instant;

use super::examine::{AuditError, AuditRequest};
use crate::record::{Manifest, Work};
use crate::session::{Failure, Login, Session};
use crate::tpcc::{Marker, read_marker};

impl AuditRequest {
    /// Makes sure that at least one zone holds what the run worked on. An audit of another database
    /// would find everything lost.
    ///
    /// # Errors
    /// What every zone holds instead.
    pub async fn check_database(&self) -> Result<(), AuditError> {
        let Manifest { scenario, run_id, .. } = &self.record.manifest;
        let database = &scenario.cluster.database;
        let (mut reasons, mut answered) = (Vec::new(), false);
        for (zone, login) in scenario.cluster.zones.iter().zip(&self.logins) {
            let marker = self.marker(login, database).await;
            answered |= marker.as_ref().map_or_else(Failure::is_answer, |_| true);
            let found = match marker {
                Ok(Some(marker)) => difference(&self.record.manifest, &marker),
                Ok(None) => Some("holds no data of rollproof".to_owned()),
                Err(failure) => Some(failure.to_string()),
            };
            let Some(found) = found else { return Ok(()) };
            reasons.push(format!("  {} ({}:{}): {found}", zone.name, login.host, login.port));
        }
        let (database, run_id) = (database.clone(), run_id.clone());
        Err(match answered {
            true => AuditError::OtherDatabase { database, run_id, reasons },
            false => AuditError::NoAnswer { database, reasons },
        })
    }

    async fn marker(&self, login: &Login, database: &str) -> Result<Option<Marker>, Failure> {
        let by = Instant::now() + self.limits.connect;
        let anywhere = Login { database: None, ..login.clone() };
        read_marker(&mut Session::open(&anywhere, by).await?, database, by).await
    }
}

/// In what a database differs from the one that a run worked on.
fn difference(manifest: &Manifest, found: &Marker) -> Option<String> {
    let wanted = &manifest.scenario.workload;
    if found.warehouses != wanted.warehouses {
        let (here, there) = (found.warehouses, wanted.warehouses);
        return Some(format!("was loaded with --warehouses {here}, the run had {there}"));
    }
    match manifest.work {
        Work::Load if found.seed != wanted.seed => {
            let (here, there) = (found.seed, wanted.seed);
            Some(format!("was loaded with --seed {here}, the load had {there}"))
        }
        Work::Run if found.last_run < manifest.run_number => {
            let (here, this) = (found.last_run, manifest.run_number);
            Some(format!("has seen {here} runs, and this was number {this}: it was loaded anew"))
        }
        Work::Run | Work::Load => None,
    }
}
