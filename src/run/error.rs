//! Why a run cannot be made. What servers do during a run is data, not an error.

use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::{Unsupported, Unusable};
use crate::record::RecordError;
use crate::session::Failure;
use crate::tpcc::{LoadError, NotLoaded};
use crate::upgrade::UpgradeError;

/// Why a run cannot be made, or could not be recorded to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No zone could be talked to, or one is not what it is taken for.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// Some zones are not there. A run that began all the same would measure a cluster that is not
    /// whole, or one whose address was mistyped.
    #[error(
        "a run begins with every zone there, and these are not:\n{}\ncorrect their addresses \
         (--zones or the scenario), start their servers, or leave them out",
        .0.join("\n")
    )]
    Away(Vec<String>),
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
    /// There is nothing left to load.
    #[error(
        "{database} already holds {warehouses} warehouses, complete: nothing would be loaded. Upgrade with `rollproof run --upgrade`, or drop the database"
    )]
    AlreadyLoaded {
        /// Its name.
        database: String,
        /// How many it has.
        warehouses: u32,
    },
    /// The load ended before the first row.
    #[error(transparent)]
    Load(LoadError),
    /// The baseline of another run was measured for something else.
    #[error(
        "the baseline of run {run_id} is not one for this run: {what}. Run like that one, or measure a baseline: --baseline 60s"
    )]
    OtherBaseline {
        /// The run it comes from.
        run_id: String,
        /// The first difference.
        what: String,
    },
    /// An objective is for a phase that the run will not have, and could not be judged.
    #[error(
        "objectives.phases: {key:?} is no phase {of}, so nothing would be held against it; its phases are {}",
        phases.join(", ")
    )]
    NoSuchPhase {
        /// The scenario's key.
        key: String,
        /// `of this run`, and with which plan where it has one.
        of: String,
        /// The phases that are to come.
        phases: Vec<&'static str>,
    },
    /// The cluster carries nothing, so that no rate follows from it.
    #[error("no transaction succeeded in {} s, so no rate follows: give --rate N, or find out why with `rollproof check`", counted.as_secs())]
    NoCapacity {
        /// How long was counted.
        counted: Duration,
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
