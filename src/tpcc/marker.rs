//! The marker: what a database says about the data in it.

use tokio::time::Instant;

use super::random::CLast;
use super::schema;
use crate::event::StatementKind;
use crate::session::{BEGIN, COMMIT, Failure, Session, Statement, cell};

/// The one row of `rollproof_meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// [`schema::VERSION`] of the rollproof that made the data.
    pub schema_version: u32,
    /// How many warehouses.
    pub warehouses: u32,
    /// The seed its rows came from.
    pub seed: u64,
    /// C-Load, from which C-Run keeps its distance.
    pub c_load: CLast,
    /// Whether every row was loaded and checked.
    pub load_complete: bool,
    /// Number of the last run on this data; 0 before the first one.
    pub last_run: u32,
}

/// Why a database cannot be run against.
#[derive(Debug, thiserror::Error)]
pub enum NotLoaded {
    /// There is no such database.
    #[error("database {database} does not exist; create and fill it with `rollproof load`")]
    NoDatabase {
        /// Its name.
        database: String,
    },
    /// The database is not one of ours.
    #[error("database {database} holds no data of rollproof; fill it with `rollproof load`")]
    NoData {
        /// Its name.
        database: String,
    },
    /// A load began and did not end.
    #[error(
        "database {database} is not completely loaded; start `rollproof load --warehouses {warehouses}` again, it goes on where it stopped"
    )]
    HalfLoaded {
        /// Its name.
        database: String,
        /// How many it will have.
        warehouses: u32,
    },
    /// Another release made the data.
    #[error(
        "database {database} has schema version {found}, this rollproof needs {}; load a new database",
        schema::VERSION
    )]
    OtherVersion {
        /// Its name.
        database: String,
        /// Its version.
        found: u32,
    },
    /// The server did not answer.
    #[error("failed to read the marker of database {database}: {failure}")]
    Unreachable {
        /// Its name.
        database: String,
        /// What it said.
        failure: Failure,
    },
}

/// ER_BAD_DB_ERROR.
const NO_DATABASE: u16 = 1049;
/// ER_NO_SUCH_TABLE.
const NO_TABLE: u16 = 1146;

/// Reads the marker of a database, which need not be the session's own. `None` when the database
/// or the marker is not there.
///
/// # Errors
/// What the server said, when it was something else.
pub async fn read_marker(
    session: &mut Session,
    database: &str,
    by: Instant,
) -> Result<Option<Marker>, Failure> {
    match read(session, database, by).await {
        Err(failure) if [NO_DATABASE, NO_TABLE].contains(&failure.code.errno) => Ok(None),
        other => other,
    }
}

/// Reads the marker of a database that a run can be started on.
///
/// # Errors
/// What is missing, and what to do about it.
pub async fn require_loaded(
    session: &mut Session,
    database: &str,
    by: Instant,
) -> Result<Marker, NotLoaded> {
    let named = database.to_owned();
    match read(session, database, by).await {
        Ok(Some(marker)) if marker.schema_version != schema::VERSION => {
            Err(NotLoaded::OtherVersion { database: named, found: marker.schema_version })
        }
        Ok(Some(marker)) if !marker.load_complete => {
            Err(NotLoaded::HalfLoaded { database: named, warehouses: marker.warehouses })
        }
        Ok(Some(marker)) => Ok(marker),
        Ok(None) => Err(NotLoaded::NoData { database: named }),
        Err(failure) if [NO_DATABASE, NO_TABLE].contains(&failure.code.errno) => {
            Err(missing(session, named, by).await)
        }
        Err(failure) => Err(NotLoaded::Unreachable { database: named, failure }),
    }
}

/// Servers say "no such table" for a table in a database that is not there: asks which it is.
async fn missing(session: &mut Session, database: String, by: Instant) -> NotLoaded {
    let sql = format!("SELECT 1 FROM information_schema.schemata WHERE schema_name = '{database}'");
    match session.query(&Statement::built(StatementKind::Read, sql), by).await {
        Ok(answer) if answer.rows.is_empty() => NotLoaded::NoDatabase { database },
        Ok(_) => NotLoaded::NoData { database },
        Err(failure) => NotLoaded::Unreachable { database, failure },
    }
}

async fn read(
    session: &mut Session,
    database: &str,
    by: Instant,
) -> Result<Option<Marker>, Failure> {
    let sql = format!(
        "SELECT schema_version, warehouses, seed, c_load, load_complete, last_run \
         FROM {database}.rollproof_meta WHERE id = 1"
    );
    let answer = session.query(&Statement::built(StatementKind::Read, sql), by).await?;
    let Some(row) = answer.rows.first() else { return Ok(None) };
    Ok(Some(Marker {
        schema_version: cell(row, 0)?,
        warehouses: cell(row, 1)?,
        seed: cell(row, 2)?,
        c_load: CLast(cell(row, 3)?),
        load_complete: cell::<u32>(row, 4)? != 0,
        last_run: cell(row, 5)?,
    }))
}

/// Takes the number of a new run, from 1: no two runs on the same data ever share one, so that
/// their payments never meet at history's primary key. A number lost to a failure is left out.
///
/// # Errors
/// What the server said; take another number then.
pub async fn begin_run(session: &mut Session, database: &str, by: Instant) -> Result<u32, Failure> {
    let take = format!("UPDATE {database}.rollproof_meta SET last_run = last_run + 1 WHERE id = 1");
    session.query(&BEGIN, by).await?;
    let taken = session.query(&Statement::built(StatementKind::Write, take), by).await?.affected;
    if taken != 1 {
        return Err(Failure::data(StatementKind::Write, "the database has no marker"));
    }
    let marker = read(session, database, by).await?;
    session.query(&COMMIT, by).await?;
    marker
        .map(|marker| marker.last_run)
        .ok_or_else(|| Failure::data(StatementKind::Read, "the database has no marker"))
}
