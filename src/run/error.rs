//! Why a run cannot be made. What servers do during a run is data, not an error.

use crate::cluster::Unsupported;
use crate::record::RecordError;
use crate::session::Failure;
use crate::tpcc::NotLoaded;
use crate::upgrade::UpgradeError;

/// Why a run cannot be made, or could not be recorded to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No zone could be talked to.
    #[error("no zone can be used:\n{}\ncheck endpoints, user and ROLLPROOF_PASSWORD, or see `rollproof check`", .0.join("\n"))]
    NoZone(Vec<String>),
    /// The database is not ready for a run.
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
    /// The database has another number of warehouses than the scenario.
    #[error(
        "database {database} holds {found} warehouses, the scenario asks for {wanted}: give --warehouses {found}, or load another database"
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
    /// The record cannot be written.
    #[error("{0}; what was written so far can be read with `rollproof report`")]
    Record(#[from] RecordError),
}
