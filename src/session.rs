//! The only owner of a database connection, and the only file that names the driver.
//!
//! The driver has no time-outs, and a connection on which a command was given up can hand that
//! command's answer to the next one. So every wait here ends at a moment the caller names, and a
//! connection that missed one, or lost its server, is severed on the spot and never used again:
//! [`Session`] then answers every further call with `connection-lost`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
pub use mysql_async::{Params, Row, Value};
use tokio::time::{Instant, timeout, timeout_at};

use crate::classify::{AtCommit, ServerWords, classify};
use crate::event::{ErrorClass, ErrorCode, Outcome, StatementKind};
use crate::scenario::{Cluster, Product, Zone};

/// Prepared statements a session keeps. OceanBase allows 50 a session (`open_cursors`).
const STATEMENT_CACHE: usize = 48;

/// Sent to the driver so that connecting asks the server nothing more.
const MAX_ALLOWED_PACKET: usize = 16 << 20;
const WAIT_TIMEOUT_S: usize = 28_800;

/// A password: never printed, never serialised.
#[derive(Clone, Default)]
pub struct Password(String);

impl Password {
    /// Takes a password over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Everything needed to open a session, over and over.
#[derive(Debug, Clone)]
pub struct Login {
    /// Picks the error table.
    pub product: Product,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database user.
    pub user: String,
    /// Its password; empty for none.
    pub password: Password,
    /// Schema to start in; `None` where it may not exist yet.
    pub database: Option<String>,
    /// Statements applied to every new session, in this order.
    pub settings: Vec<String>,
}

impl Login {
    /// The login of one zone's own server, in no schema and with no settings yet.
    ///
    /// # Panics
    /// When the scenario was not validated and the endpoint is not `host:port`.
    pub fn to_zone(cluster: &Cluster, zone: &Zone, password: &Password) -> Self {
        let (host, port) = zone.host_port().expect("a validated scenario has host:port endpoints");
        Self {
            product: cluster.product,
            host: host.to_owned(),
            port,
            user: cluster.user.clone(),
            password: password.clone(),
            database: None,
            settings: Vec::new(),
        }
    }

    fn opts(&self) -> Opts {
        OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.0.clone()))
            .db_name(self.database.clone())
            // On loopback the driver would silently move to the Unix socket, past any proxy.
            .prefer_socket(false)
            .tcp_nodelay(true)
            .max_allowed_packet(Some(MAX_ALLOWED_PACKET))
            .wait_timeout(Some(WAIT_TIMEOUT_S))
            .stmt_cache_size(STATEMENT_CACHE)
            // "One row affected" then means that one row was found, changed or not.
            .client_found_rows(true)
            .into()
    }
}

/// A statement and what kind it is; the kind decides what a failure proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Its text; `?` marks a parameter.
    pub sql: Cow<'static, str>,
}

impl Statement {
    /// A statement with a fixed text.
    pub const fn fixed(kind: StatementKind, sql: &'static str) -> Self {
        Self { kind, sql: Cow::Borrowed(sql) }
    }

    /// A statement whose text was put together.
    pub fn built(kind: StatementKind, sql: String) -> Self {
        Self { kind, sql: Cow::Owned(sql) }
    }
}

/// Begins a transaction.
pub const BEGIN: Statement = Statement::fixed(StatementKind::Begin, "START TRANSACTION");
/// Commits it. Sent by hand, so that a lost COMMIT is known to be one.
pub const COMMIT: Statement = Statement::fixed(StatementKind::Commit, "COMMIT");
/// Gives it up.
pub const ROLLBACK: Statement = Statement::fixed(StatementKind::Rollback, "ROLLBACK");

/// A server's answer to one statement.
#[derive(Debug, Default)]
pub struct Answer {
    /// The rows, if it returns any.
    pub rows: Vec<Row>,
    /// Rows found by an INSERT, UPDATE or DELETE.
    pub affected: u64,
}

/// Why a statement has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class} at {statement}: {message}")]
pub struct Failure {
    /// What kind of failure.
    pub class: ErrorClass,
    /// The server's own code.
    pub code: ErrorCode,
    /// What was being executed.
    pub statement: StatementKind,
    /// Whether a COMMIT may have taken effect all the same.
    pub may_have_committed: bool,
    /// The server's or the system's words, for people.
    pub message: String,
}

impl Failure {
    /// A wrong answer: a row that must exist is missing, a count or a type is not as expected.
    pub fn data(statement: StatementKind, message: impl Into<String>) -> Self {
        Self {
            class: ErrorClass::Data,
            code: ErrorCode::NONE,
            statement,
            may_have_committed: false,
            message: message.into(),
        }
    }

    /// What became of the attempt that met this failure.
    pub fn outcome(&self) -> Outcome {
        if self.may_have_committed {
            Outcome::Ambiguous(self.class)
        } else {
            Outcome::Failed(self.class)
        }
    }

    fn seen_here(class: ErrorClass, statement: StatementKind, message: String) -> Self {
        let may_have_committed = statement == StatementKind::Commit;
        Self { class, code: ErrorCode::NONE, statement, may_have_committed, message }
    }
}

/// One connection, used by one task.
#[derive(Debug)]
pub struct Session {
    conn: Option<Conn>,
    product: Product,
}

impl Session {
    /// Connects, authenticates and applies every setting, all of it before `by`.
    ///
    /// # Errors
    /// What stood in the way. Nothing stays open then.
    pub async fn open(login: &Login, by: Instant) -> Result<Self, Failure> {
        let connect = StatementKind::Connect;
        let conn = match timeout_at(by, Conn::new(login.opts())).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(failure(login.product, error, connect)),
            Err(_) => {
                let message = format!("{}:{} did not answer in time", login.host, login.port);
                return Err(Failure::seen_here(ErrorClass::ConnectTimeout, connect, message));
            }
        };
        let mut session = Self { conn: Some(conn), product: login.product };
        for setting in &login.settings {
            let statement = Statement::built(connect, setting.clone());
            if let Err(failure) = session.query(&statement, by).await {
                session.sever();
                return Err(failure);
            }
        }
        Ok(session)
    }

    /// Whether the connection can still be used.
    pub fn is_open(&self) -> bool {
        self.conn.is_some()
    }

    /// The server's connection id, by which it can be killed from elsewhere.
    pub fn server_id(&self) -> Option<u32> {
        self.conn.as_ref().map(Conn::id)
    }

    /// Executes a statement without parameters over the text protocol.
    ///
    /// # Errors
    /// What the server said, or that it did not answer before `by`.
    pub async fn query(&mut self, statement: &Statement, by: Instant) -> Result<Answer, Failure> {
        let product = self.product;
        let conn = self.conn.as_mut().ok_or_else(|| gone(statement.kind))?;
        let answer = async {
            let rows = conn.query::<Row, _>(statement.sql.as_ref()).await?;
            Ok(Answer { rows, affected: conn.affected_rows() })
        };
        let result = timeout_at(by, answer).await;
        self.conclude(result, product, statement.kind)
    }

    /// Executes a statement with parameters as a prepared one; the session prepares it once.
    ///
    /// # Errors
    /// What the server said, or that it did not answer before `by`.
    pub async fn execute(
        &mut self,
        statement: &Statement,
        params: impl Into<Params>,
        by: Instant,
    ) -> Result<Answer, Failure> {
        let (product, params) = (self.product, params.into());
        let conn = self.conn.as_mut().ok_or_else(|| gone(statement.kind))?;
        let answer = async {
            let rows = conn.exec::<Row, _, _>(statement.sql.as_ref(), params).await?;
            Ok(Answer { rows, affected: conn.affected_rows() })
        };
        let result = timeout_at(by, answer).await;
        self.conclude(result, product, statement.kind)
    }

    fn conclude(
        &mut self,
        result: Result<Result<Answer, mysql_async::Error>, tokio::time::error::Elapsed>,
        product: Product,
        statement: StatementKind,
    ) -> Result<Answer, Failure> {
        match result {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let from_server = matches!(error, mysql_async::Error::Server(_));
                let failure = failure(product, error, statement);
                if !from_server || !failure.class.keeps_connection() {
                    self.sever();
                }
                Err(failure)
            }
            Err(_) => {
                self.sever();
                let message =
                    "no answer before the deadline; the connection was severed".to_owned();
                Err(Failure::seen_here(ErrorClass::Deadline, statement, message))
            }
        }
    }

    /// Closes the connection now, without another word to the server.
    pub fn sever(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        // Dropping a connection that the driver believes healthy spawns a clean-up without any
        // limit. A command polled once and given up marks it broken; dropping then just closes.
        let mut ping = Box::pin(conn.ping());
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        let _ = ping.as_mut().poll(&mut context);
        drop(ping);
        drop(conn);
    }

    /// Says goodbye, waiting at most `patience` for it.
    pub async fn close(mut self, patience: Duration) {
        if let Some(conn) = self.conn.take() {
            let _ = timeout(patience, conn.disconnect()).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.sever();
    }
}

fn gone(statement: StatementKind) -> Failure {
    // Nothing was sent, so nothing can have been committed.
    let message = "the connection was severed before".to_owned();
    let failure = Failure::seen_here(ErrorClass::ConnectionLost, statement, message);
    Failure { may_have_committed: false, ..failure }
}

/// Translates the driver's error; the only place that looks inside one.
fn failure(product: Product, error: mysql_async::Error, statement: StatementKind) -> Failure {
    use mysql_async::{DriverError, Error, IoError};
    let connecting = statement == StatementKind::Connect;
    let class = match &error {
        Error::Server(server) => {
            let words = ServerWords {
                errno: server.code,
                sqlstate: &server.state,
                message: &server.message,
            };
            let (class, at_commit) = classify(product, words, statement);
            let unknown = statement == StatementKind::Commit && at_commit == AtCommit::Unknown;
            let sqlstate = server.state.as_bytes().try_into().unwrap_or(ErrorCode::NONE.sqlstate);
            return Failure {
                class,
                code: ErrorCode { errno: server.code, sqlstate },
                statement,
                may_have_committed: unknown,
                message: server.message.clone(),
            };
        }
        Error::Io(IoError::Io(io)) => match io.kind() {
            std::io::ErrorKind::ConnectionRefused
            | std::io::ErrorKind::HostUnreachable
            | std::io::ErrorKind::NetworkUnreachable
            | std::io::ErrorKind::AddrNotAvailable => ErrorClass::Refused,
            std::io::ErrorKind::TimedOut if connecting => ErrorClass::ConnectTimeout,
            _ => ErrorClass::ConnectionLost,
        },
        Error::Driver(DriverError::ConnectionClosed) => ErrorClass::ConnectionLost,
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. } | DriverError::MysqlOldPasswordDisabled,
        ) => ErrorClass::Auth,
        Error::Driver(DriverError::StmtParamsMismatch { .. }) => ErrorClass::Schema,
        _ if connecting => ErrorClass::ConnectionLost,
        _ => ErrorClass::Other,
    };
    // The driver wraps the system's words twice in "Input/output error".
    let message = match &error {
        Error::Io(IoError::Io(io)) => io.to_string(),
        other => other.to_string(),
    };
    Failure::seen_here(class, statement, message)
}

/// Takes one cell out of a row.
///
/// # Errors
/// `data` when the column is missing or of another type: a wrong value is an event, not a panic.
pub fn cell<T: mysql_async::prelude::FromValue>(row: &Row, index: usize) -> Result<T, Failure> {
    match row.get_opt::<T, usize>(index) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => {
            Err(Failure::data(StatementKind::Read, format!("column {index}: {error}")))
        }
        None => Err(Failure::data(StatementKind::Read, format!("column {index} is missing"))),
    }
}
