//! What a load is asked to do, and what comes of it.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;

use super::attempts::ChunkAttempt;
use super::bulk::Bulk;
use crate::scenario::{Product, Scenario};
use crate::session::{Failure, Login, Password};
use crate::tpcc::conditions::Violation;
use crate::tpcc::marker::Marker;
use crate::tpcc::scale::Table;
use crate::tpcc::schema;
use crate::words::count;

/// A load to be done.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// One login for each endpoint, at least one. Database and settings are filled in here.
    pub logins: Vec<Login>,
    /// The product, which picks the schema's variant.
    pub product: Product,
    /// The database to fill; it is created when it is not there.
    pub database: String,
    /// How many warehouses.
    pub warehouses: u32,
    /// Where all rows come from.
    pub seed: u64,
    /// Parallel workers, spread over the endpoints.
    pub workers: u32,
    /// Load into a database that already holds tables of somebody else. Never on top of them: a
    /// table of theirs with one of our names stops the load all the same.
    pub beside_others: bool,
    /// No more rows a second than this.
    pub rows_per_s: Option<u32>,
    /// Who is told of every attempt to write a chunk; a full queue holds the workers up.
    pub attempts: Option<mpsc::Sender<ChunkAttempt>>,
    /// Send rows as files (LOAD DATA LOCAL INFILE) where that proves to work; multi-row INSERT
    /// otherwise.
    pub load_data: bool,
    /// How long to wait for a connection.
    pub connect_deadline: Duration,
    /// How long to wait for the answer to one statement.
    pub statement_deadline: Duration,
    /// How long the load goes on without any progress before it gives up; also how long the
    /// last checks may take each.
    pub patience: Duration,
}

impl LoadRequest {
    /// The load that a scenario asks for, whose `load` section is
    /// [the loader's](crate::scenario::Load::of_loader).
    pub fn of(scenario: &Scenario, password: &Password) -> Self {
        let Scenario { cluster, workload, load, .. } = scenario;
        Self {
            logins: cluster.zones.iter().map(|z| Login::to_zone(cluster, z, password)).collect(),
            product: cluster.product,
            database: cluster.database.clone(),
            warehouses: workload.warehouses,
            seed: workload.seed,
            workers: workload.load_workers,
            beside_others: false,
            load_data: true,
            rows_per_s: workload.load_rows_per_s,
            attempts: None,
            connect_deadline: load.connect_deadline.0,
            statement_deadline: load.statement_deadline.0,
            patience: load.deadline.0,
        }
    }
}

impl LoadError {
    /// Whether what was written is wrong, and not merely incomplete.
    pub fn is_wrong_data(&self) -> bool {
        matches!(self, Self::Count { .. } | Self::Inconsistent { .. })
    }

    /// Whether starting the load again with the same parameters would go on with it.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Stopped | Self::NoProgress { .. })
    }
}

/// What a load is doing, in the order in which it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadStage {
    /// Creating database, tables and marker.
    Preparing,
    /// Writing rows.
    Writing,
    /// Counting rows and checking conditions.
    Checking,
    /// Compacting where the product does that, and gathering statistics.
    Settling,
}

/// How an endpoint took what it was last asked for by any worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    /// It was not asked yet.
    Unused,
    /// It did its work.
    Serving,
    /// It failed, and has served nobody for this long.
    Away(Duration),
}

/// How far a load is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadProgress {
    /// What it is doing.
    pub stage: LoadStage,
    /// Rows in the database for certain, those of earlier attempts included.
    pub rows_done: u64,
    /// Rows there will be.
    pub rows_total: u64,
    /// Statements that failed and were repeated so far.
    pub failures: u64,
    /// How each endpoint does, in the order of the request's logins.
    pub endpoints: Vec<EndpointState>,
}

/// What a load did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadSummary {
    /// The marker, complete.
    pub marker: Marker,
    /// Rows of the initial database.
    pub rows_total: u64,
    /// Of these, written this time; the others were there.
    pub rows_written: u64,
    /// How they were written; `None` when they all were there.
    pub bulk: Option<Bulk>,
    /// Failures met and overcome.
    pub failures: u64,
    /// Wall time until the last row was there.
    pub writing: Duration,
    /// Wall time of it all, the checks and what comes with them included.
    pub elapsed: Duration,
    /// Things that could not be done and do not matter to correctness, such as statistics.
    pub notes: Vec<String>,
}

impl fmt::Display for LoadSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows_total, rows_written, elapsed, bulk, .. } = self;
        let seconds = elapsed.as_secs_f64();
        let all = count(*rows_total);
        if rows_written == rows_total {
            write!(f, "{all} rows written and checked in {seconds:.1} s")
        } else {
            write!(
                f,
                "{all} rows, of which this load wrote {}, checked in {seconds:.1} s",
                count(*rows_written)
            )
        }?;
        bulk.as_ref().map_or(Ok(()), |bulk| write!(f, " (by {bulk})"))
    }
}

/// Why a load is not complete.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No endpoint was named.
    #[error("no endpoint to load through; name at least one zone")]
    NoEndpoint,
    /// It was interrupted.
    #[error("the load was interrupted; start it again with the same parameters to go on")]
    Stopped,
    /// Nothing moved for too long.
    #[error(
        "the load is not complete: nothing moved for {}s; the last failure, at {what}: {failure}. \
         Start it again with the same parameters to go on", patience.as_secs()
    )]
    NoProgress {
        /// What was being done.
        what: String,
        /// The last failure of it.
        failure: Failure,
        /// The time without progress.
        patience: Duration,
    },
    /// A failure that would only repeat itself.
    #[error("the load is not complete: {what} failed for good: {failure}")]
    Refused {
        /// What was being done.
        what: String,
        /// Why not.
        failure: Failure,
    },
    /// The database belongs to somebody else.
    #[error(
        "database {database} already holds tables that are not rollproof's, {example} among them; name another database"
    )]
    Foreign {
        /// The database.
        database: String,
        /// One of the tables.
        example: String,
    },
    /// The database was loaded with other parameters.
    #[error(
        "database {database} was loaded with --warehouses {} --seed {} (schema version {}), not with \
         --warehouses {warehouses} --seed {seed} (schema version {}); name another database, or drop \
         this one",
        found.warehouses, found.seed, found.schema_version, schema::VERSION
    )]
    OtherParameters {
        /// The database.
        database: String,
        /// What its marker says.
        found: Marker,
        /// What was asked for.
        warehouses: u32,
        /// What was asked for.
        seed: u64,
    },
    /// A table has too few or too many rows.
    #[error(
        "the load is wrong: {table} has {found} rows instead of {expected}; drop the database and load again"
    )]
    Count {
        /// The table.
        table: Table,
        /// How many there must be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A consistency condition does not hold.
    #[error(
        "the load is wrong: {condition} does not hold in {total} places, first at {}: {} instead of {}; \
         drop the database and load again", first.place, first.found, first.expected
    )]
    Inconsistent {
        /// Name of the condition.
        condition: &'static str,
        /// In how many places.
        total: u64,
        /// The first of them.
        first: Violation,
    },
}
