//! Why a run cannot be made. What servers do during a run is data, not an error.

use std::path::PathBuf;

use crate::cluster::{NoZone, Unsupported};
use crate::record::RecordError;
use crate::session::Failure;
use crate::tpcc::NotLoaded;
use crate::upgrade::UpgradeError;

/// Why a run cannot be made, or could not be recorded to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No zone could be talked to.
    #[error(transparent)]
    NoZone(#[from] NoZone),
    /// The database is not ready for a run.
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
    /// The database has another number of warehouses than the scenario.
    #[error(
        "database {database} was loaded with --warehouses {found}, the scenario asks for {wanted}: give --warehouses {found}, or load another database"
    )]
    OtherScale {
        /// Its name.
        database: String,
        /// How many it has.
        found: u32,
        /// How many the scenario asks for.
        wanted: u32,
    },
    /// The run could not be announced in the database.
    #[error("failed to begin a run in the database: {0}")]
    Begin(Failure),
    /// The product has no adapter.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The upgrade cannot begin.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The run's directory cannot be made; nothing was measured.
    #[error(transparent)]
    Directory(RecordError),
    /// The record could not be written to its end, and the run was stopped.
    #[error(
        "{source}; the run was stopped there. What was written can be read: rollproof report {}",
        dir.display()
    )]
    Record {
        /// The run's directory.
        dir: PathBuf,
        /// Why not.
        source: RecordError,
    },
}
