//! The only owner of a database connection, and the only file that names the driver.
//!
//! The driver has no time-outs, and a connection on which a command was given up can hand that
//! command's answer to the next one. So every wait here ends at a moment the caller names, and a
//! connection that missed one, lost its server or was given up in the middle of a call is severed
//! on the spot and never used again: [`Session`] then answers every further call with
//! `connection-lost`.

mod failure;
mod login;
mod statement;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;
use std::time::Duration;

pub use failure::Failure;
use futures_util::stream;
pub use login::{Login, Password};
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, InfileData, OkPacket, Opts, OptsBuilder};
pub use mysql_async::{Params, Row, Value};
pub use statement::{BEGIN, COMMIT, ROLLBACK, Statement};
use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, timeout, timeout_at};

use crate::classify::{AtCommit, ServerWords, classify};
use crate::event::{ErrorClass, ErrorCode, StatementKind};
use crate::scenario::Product;

/// How statements are sent, for reports. [`Session::execute`] and [`Session::query`] hold it.
pub const STATEMENT_STYLE: &str = "statements prepared once a session, outside transactions, parameters and rows in the \
     binary protocol; START TRANSACTION, COMMIT and ROLLBACK sent by hand as text";
/// What they go through, for reports.
pub const PROTOCOL: &str = "MySQL protocol over TCP with TCP_NODELAY, neither TLS nor compression";

/// Prepared statements a session ever holds. OceanBase allows 50 a session (`open_cursors`).
const STATEMENTS_MAX: usize = 48;

/// Sent to the driver so that connecting asks the server nothing more.
const MAX_ALLOWED_PACKET: usize = 16 << 20;
const WAIT_TIMEOUT_S: usize = 28_800;

/// What the driver has to know.
fn opts(login: &Login) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(login.host.clone())
        .tcp_port(login.port)
        .user(Some(login.user.clone()))
        .pass(Some(login.password.text().to_owned()))
        .db_name(login.database.clone())
        // On loopback the driver would silently move to the Unix socket, past any proxy.
        .prefer_socket(false)
        .tcp_nodelay(true)
        .max_allowed_packet(Some(MAX_ALLOWED_PACKET))
        .wait_timeout(Some(WAIT_TIMEOUT_S))
        // The driver's own cache parses a statement's whole text to find it, every time.
        .stmt_cache_size(0)
        // "One row affected" then means that one row was found, changed or not.
        .client_found_rows(true)
        .into()
}

/// A server's answer to one statement.
#[derive(Debug, Default)]
pub struct Answer {
    /// The rows, if it returns any.
    pub rows: Vec<Row>,
    /// Rows found by an INSERT, UPDATE or DELETE, or loaded.
    pub affected: u64,
    /// How many of the server's complaints were not worth an error to it.
    pub warnings: u16,
    /// Whether the server says that a transaction is open now (`SERVER_STATUS_IN_TRANS`).
    pub in_transaction: bool,
}

impl Answer {
    /// The answer that a connection has just read.
    fn of(conn: &Conn, rows: Vec<Row>) -> Self {
        let status = conn.last_ok_packet().map(OkPacket::status_flags);
        Self {
            rows,
            affected: conn.affected_rows(),
            warnings: conn.get_warnings(),
            in_transaction: status
                .is_some_and(|flags| flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS)),
        }
    }
}

/// A runtime that has already been shut down: a task spawned here is dropped on the spot.
static NOWHERE: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().build().expect("it asks nothing of the system");
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    handle
});

/// Holds what owns a connection and drops it without another word to the server.
///
/// When a connection that the driver believes healthy is dropped, the driver spawns a task that
/// drains, sends ROLLBACK and COM_QUIT, and waits for as long as the server likes. Spawned into
/// [`NOWHERE`], that task ends before it begins, and all that is left of it is the closed socket.
struct Silent<T>(Option<T>);

impl<T> Silent<T> {
    fn new(value: T) -> Self {
        Self(Some(value))
    }

    fn into_inner(mut self) -> T {
        self.0.take().expect("it is emptied here and in drop only")
    }
}

impl<T> Deref for Silent<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is emptied when it is given up only")
    }
}

impl<T> DerefMut for Silent<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is emptied when it is given up only")
    }
}

impl<T> Drop for Silent<T> {
    fn drop(&mut self) {
        let _nowhere = NOWHERE.enter();
        self.0.take();
    }
}

/// One connection, used by one task.
///
/// Dropping a session, or a call on it that has not returned, closes the connection at once.
pub struct Session {
    /// Taken out while a call is under way, so that it is gone when the call is given up.
    conn: Option<Silent<Conn>>,
    product: Product,
    /// What is prepared on it, in order, found by where it stands in this program.
    prepared: Vec<(&'static Statement, mysql_async::Statement)>,
}

impl fmt::Debug for Session {
    /// The driver would print the password along.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("product", &self.product)
            .field("server_id", &self.server_id())
            .finish()
    }
}

impl Session {
    /// Connects, authenticates and applies every setting, all of it before `by`.
    ///
    /// # Errors
    /// What stood in the way. Nothing stays open then.
    pub async fn open(login: &Login, by: Instant) -> Result<Self, Failure> {
        let connect = StatementKind::Connect;
        let mut connecting = Silent::new(Conn::new(opts(login)));
        let conn = match timeout_at(by, &mut *connecting).await {
            Ok(Ok(conn)) => Silent::new(conn),
            Ok(Err(error)) => return Err(failure(login.product, error, connect)),
            Err(_) => {
                let message = "neither refused nor answered in time: a firewall, a server that \
                               hangs, or a port that is no database's"
                    .to_owned();
                return Err(Failure::seen_here(ErrorClass::ConnectTimeout, connect, message));
            }
        };
        let mut session = Self { conn: Some(conn), product: login.product, prepared: Vec::new() };
        for setting in &login.settings {
            let statement = Statement::built(connect, setting.clone());
            session.query(&statement, by).await?;
        }
        Ok(session)
    }

    /// Whether the connection can still be used.
    pub fn is_open(&self) -> bool {
        self.conn.is_some()
    }

    /// The server's connection id, by which it can be killed from elsewhere.
    pub fn server_id(&self) -> Option<u32> {
        self.conn.as_ref().map(|conn| conn.id())
    }

    /// Executes a statement without parameters over the text protocol.
    ///
    /// # Errors
    /// What the server said, or that it did not answer before `by`.
    pub async fn query(&mut self, statement: &Statement, by: Instant) -> Result<Answer, Failure> {
        let mut conn = self.take_conn(statement.kind)?;
        let answer = async {
            let rows = conn.query::<Row, _>(statement.sql.as_ref()).await?;
            Ok(Answer::of(&conn, rows))
        };
        let result = timeout_at(by, answer).await;
        self.conclude(conn, result, statement.kind)
    }

    /// Prepares what will be executed, unless that was done before. A failure is told as one of
    /// beginning: nothing of the transaction was sent yet.
    ///
    /// To be called outside a transaction: MariaDB Galera, when it takes a transaction back while
    /// one of its statements is being prepared, has no way left to say so, and executes what
    /// follows by itself.
    ///
    /// # Errors
    /// What the server said, or that it had not prepared all of them before `by`.
    pub async fn prepare(
        &mut self,
        statements: &[&'static Statement],
        by: Instant,
    ) -> Result<(), Failure> {
        for statement in statements {
            self.prepared(statement, StatementKind::Begin, by).await?;
        }
        Ok(())
    }

    /// The server's handle of a statement. Where it has none yet, a failure to get one is told as
    /// one of `told_as`.
    async fn prepared(
        &mut self,
        statement: &'static Statement,
        told_as: StatementKind,
        by: Instant,
    ) -> Result<mysql_async::Statement, Failure> {
        let is_it = |(known, _): &&(&Statement, _)| std::ptr::eq(*known, statement);
        if let Some((_, handle)) = self.prepared.iter().find(is_it) {
            return Ok(handle.clone());
        }
        let mut conn = self.take_conn(told_as)?;
        let is_full = self.prepared.len() == STATEMENTS_MAX;
        let oldest = is_full.then(|| self.prepared.remove(0));
        let preparing = async {
            if let Some((_, oldest)) = oldest {
                conn.close(oldest).await?;
            }
            conn.prep(statement.sql.as_ref()).await
        };
        let result = timeout_at(by, preparing).await;
        let handle = self.conclude(conn, result, told_as)?;
        self.prepared.push((statement, handle.clone()));
        Ok(handle)
    }

    /// Executes a statement with parameters as a prepared one; the session prepares it once, and
    /// knows it by its address, which is why it must be there as long as the program is.
    ///
    /// # Errors
    /// What the server said, or that it did not answer before `by`.
    pub async fn execute(
        &mut self,
        statement: &'static Statement,
        params: impl Into<Params>,
        by: Instant,
    ) -> Result<Answer, Failure> {
        let params = params.into();
        let handle = self.prepared(statement, statement.kind, by).await?;
        let mut conn = self.take_conn(statement.kind)?;
        let answer = async {
            let rows = conn.exec::<Row, _, _>(handle, params).await?;
            Ok(Answer::of(&conn, rows))
        };
        let result = timeout_at(by, answer).await;
        self.conclude(conn, result, statement.kind)
    }

    /// Executes LOAD DATA LOCAL INFILE and hands over `pieces`, one after the other, as the file
    /// that the server asks for, whatever its name. The pieces are made as the server takes them.
    ///
    /// # Errors
    /// What the server said, or that it had not taken and answered everything before `by`. The
    /// session is severed then, come what may: a file that was never asked for would wait on it.
    pub async fn load_local(
        &mut self,
        statement: &Statement,
        pieces: impl Iterator<Item = Vec<u8>> + Send + Sync + 'static,
        by: Instant,
    ) -> Result<Answer, Failure> {
        if let Some(conn) = &mut self.conn {
            conn.set_infile_handler(async move {
                let pieces = pieces.map(|piece| Ok(piece.into()));
                Ok(Box::pin(stream::iter(pieces)) as InfileData)
            });
        }
        let loaded = self.query(statement, by).await;
        if loaded.is_err() {
            self.sever();
        }
        loaded
    }

    fn take_conn(&mut self, statement: StatementKind) -> Result<Silent<Conn>, Failure> {
        self.conn.take().ok_or_else(|| gone(statement))
    }

    /// Keeps the connection where it is certain that nothing of this call is left on it.
    fn conclude<T>(
        &mut self,
        conn: Silent<Conn>,
        result: Result<Result<T, mysql_async::Error>, tokio::time::error::Elapsed>,
        statement: StatementKind,
    ) -> Result<T, Failure> {
        match result {
            Ok(Ok(answer)) => {
                self.conn = Some(conn);
                Ok(answer)
            }
            Ok(Err(error)) => {
                let from_server = matches!(error, mysql_async::Error::Server(_));
                let failure = failure(self.product, error, statement);
                if from_server && failure.class.keeps_connection() {
                    self.conn = Some(conn);
                }
                Err(failure)
            }
            Err(_) => {
                let class = match statement {
                    StatementKind::Connect => ErrorClass::ConnectTimeout,
                    _ => ErrorClass::Deadline,
                };
                let message = "no answer before the deadline; the connection was severed";
                Err(Failure::seen_here(class, statement, message.to_owned()))
            }
        }
    }

    /// Closes the connection now, without another word to the server.
    pub fn sever(&mut self) {
        self.conn = None;
    }

    /// Says goodbye, waiting at most `patience` for it.
    pub async fn close(mut self, patience: Duration) {
        if let Some(conn) = self.conn.take() {
            let _ = timeout(patience, conn.into_inner().disconnect()).await;
        }
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
                message: printable(&server.message),
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
    let words = match &error {
        Error::Io(IoError::Io(io)) => io.to_string(),
        other => other.to_string(),
    };
    let message = match connecting && is_gibberish(&error) {
        true => format!("what answers there does not speak the MySQL protocol ({words})"),
        false => words,
    };
    Failure::seen_here(class, statement, message)
}

/// Whether the driver could make nothing of what came: an SSH server's greeting, say.
fn is_gibberish(error: &mysql_async::Error) -> bool {
    use std::io::ErrorKind;

    use mysql_async::{DriverError, Error, IoError};
    match error {
        Error::Driver(DriverError::PacketTooLarge | DriverError::PacketOutOfOrder) => true,
        Error::Driver(DriverError::UnexpectedPacket { .. }) => true,
        Error::Io(IoError::Io(io)) => {
            matches!(io.kind(), ErrorKind::Other | ErrorKind::InvalidData)
        }
        _ => false,
    }
}

/// A server's words without what would command the terminal they are shown on.
fn printable(text: &str) -> String {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().map(|c| if plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
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
