//! Before any row is written: the database, its tables and its marker. Every step may be repeated.

use std::time::Duration;

use tokio::time::Instant;

use super::request::{LoadError, LoadRequest};
use crate::event::{ErrorClass, StatementKind};
use crate::scenario::Product;
use crate::session::cell;
use crate::session::{Failure, Session, Statement};
use crate::tpcc::marker::{Marker, read_marker};
use crate::tpcc::random::CLast;
use crate::tpcc::rows::Chunk;
use crate::tpcc::scale::Table;
use crate::tpcc::schema::{self, Layout, OWN_TABLES};

/// ER_DUP_ENTRY.
const DUPLICATE: u16 = 1062;
/// ER_BAD_DB_ERROR.
const NO_DATABASE: u16 = 1049;

/// Creates what is missing and makes sure that what is there is ours.
///
/// The outer error is the server's and worth another attempt, the inner one is final.
pub(super) async fn prepare(
    session: &mut Session,
    request: &LoadRequest,
) -> Result<Result<Marker, LoadError>, Failure> {
    let mut work = Work { session, deadline: request.statement_deadline };
    let database = &request.database;
    work.enter(database).await?;
    let found = match work.marker(database).await? {
        Some(found) => found,
        None => {
            if let Some(example) = work.foreign_table(request).await? {
                return Ok(Err(LoadError::Foreign { database: database.clone(), example }));
            }
            work.create(request).await?;
            work.mark(request).await?;
            work.marker(database).await?.ok_or_else(|| {
                Failure::data(StatementKind::Read, "the marker just written is not there")
            })?
        }
    };
    let same = found.schema_version == schema::VERSION
        && found.warehouses == request.warehouses
        && found.seed == request.seed;
    Ok(if same {
        Ok(found)
    } else {
        let (warehouses, seed) = (request.warehouses, request.seed);
        Err(LoadError::OtherParameters { database: database.clone(), found, warehouses, seed })
    })
}

struct Work<'a> {
    session: &'a mut Session,
    deadline: Duration,
}

impl Work<'_> {
    fn by(&self) -> Instant {
        Instant::now() + self.deadline
    }

    async fn admin(&mut self, sql: String) -> Result<(), Failure> {
        let by = self.by();
        self.session.query(&Statement::built(StatementKind::Admin, sql), by).await?;
        Ok(())
    }

    /// Makes the database the session's own; creates it only where it is not, because not every
    /// user who may fill one may create one.
    async fn enter(&mut self, database: &str) -> Result<(), Failure> {
        match self.admin(format!("USE {database}")).await {
            Err(failure) if failure.code.errno == NO_DATABASE => {
                self.admin(format!("CREATE DATABASE IF NOT EXISTS {database}")).await?;
                self.admin(format!("USE {database}")).await
            }
            other => other,
        }
    }

    async fn marker(&mut self, database: &str) -> Result<Option<Marker>, Failure> {
        let by = self.by();
        read_marker(self.session, database, by).await
    }

    /// A table that stands in the way. An interrupted load leaves tables without a marker behind:
    /// our own three come first, so where `rollproof_meta` is, the others are ours as well.
    async fn foreign_table(&mut self, request: &LoadRequest) -> Result<Option<String>, Failure> {
        let sql = format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}'",
            request.database
        );
        let by = self.by();
        let rows = self.session.query(&Statement::built(StatementKind::Read, sql), by).await?.rows;
        let tables = rows.iter().map(|row| cell(row, 0)).collect::<Result<Vec<String>, _>>()?;
        if tables.iter().any(|table| table == OWN_TABLES[0]) {
            return Ok(None);
        }
        let in_the_way = |name: &String| {
            !request.beside_others || Table::ALL.iter().any(|table| table.as_str() == name)
        };
        Ok(tables.into_iter().find(in_the_way))
    }

    async fn create(&mut self, request: &LoadRequest) -> Result<(), Failure> {
        let group = format!("{}_group", request.database);
        let grouped = request.product == Product::OceanBase && self.has_tablegroups(&group).await?;
        let layout = Layout {
            product: request.product,
            warehouses: request.warehouses,
            tablegroup: grouped.then_some(&group),
        };
        for sql in schema::tables(layout) {
            self.admin(sql).await?;
        }
        Ok(())
    }

    /// Some builds of OceanBase's kernel know no tablegroups: tried, not assumed.
    async fn has_tablegroups(&mut self, group: &str) -> Result<bool, Failure> {
        match self.admin(schema::tablegroup(group)).await {
            Ok(()) => Ok(true),
            Err(failure) if failure.class == ErrorClass::Schema => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn mark(&mut self, request: &LoadRequest) -> Result<(), Failure> {
        let sql = format!(
            "INSERT INTO rollproof_meta (id, schema_version, warehouses, seed, c_load, load_complete, last_run) \
             VALUES (1, {}, {}, {}, {}, 0, 0)",
            schema::VERSION,
            request.warehouses,
            request.seed,
            CLast::load(request.seed).0,
        );
        match self.admin(sql).await {
            // Another loader was faster; what it wrote is read and compared next.
            Err(failure) if failure.code.errno == DUPLICATE => Ok(()),
            other => other,
        }
    }
}

/// The chunks that are marked as written.
pub(super) async fn marked_chunks(
    session: &mut Session,
    patience: Duration,
) -> Result<Vec<Chunk>, Failure> {
    let by = Instant::now() + patience;
    let sql = "SELECT table_name, warehouse, first_index, end_index FROM rollproof_chunk";
    let rows = session.query(&Statement::fixed(StatementKind::Read, sql), by).await?.rows;
    rows.iter()
        .map(|row| {
            let table = cell::<String>(row, 0)?.parse();
            let table = table.map_err(|error: crate::spelling::UnknownName| {
                Failure::data(StatementKind::Read, format!("mark of a chunk: {error}"))
            })?;
            Ok(Chunk { table, warehouse: cell(row, 1)?, range: cell(row, 2)?..cell(row, 3)? })
        })
        .collect()
}
