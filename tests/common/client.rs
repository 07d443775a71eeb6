//! The client's side of a conversation with a scripted server.

use std::time::Duration;

use rollproof::event::StatementKind;
use rollproof::session::{Session, Statement, Value};
use tokio::time::Instant;

use super::{Connection, Rows, Server, What};

/// A statement, and its one row with [`one`].
pub const READ: Statement =
    Statement::fixed(StatementKind::Read, "SELECT d_next_o_id FROM district");

/// Much longer than anything here should take.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The deadline of calls that are meant to miss it.
pub const SHORT: Duration = Duration::from_millis(100);
/// How late after its cause something may be seen on a busy machine.
pub const SLACK: Duration = Duration::from_millis(500);

pub fn by(patience: Duration) -> Instant {
    Instant::now() + patience
}

pub fn one(number: i64) -> Rows {
    Rows::new(["d_next_o_id"]).row([Value::Int(number)])
}

pub async fn open(server: &Server) -> Session {
    Session::open(&server.login(), by(PATIENCE)).await.unwrap()
}

/// What the only connection sent after its login, once the client is gone.
pub async fn heard_until_gone(server: &Server) -> Vec<What> {
    let gone = |all: &[Connection]| all[0].gone().is_some();
    server.until(gone).await[0].all().split_off(1)
}

pub fn query(text: &str) -> What {
    What::Query(text.to_owned())
}
