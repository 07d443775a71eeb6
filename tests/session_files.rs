//! LOAD DATA LOCAL INFILE over a session: streamed from memory, and never to a server that did
//! not ask or stopped taking it.

mod common;

use common::client::{PATIENCE, READ, SHORT, SLACK, by, heard_until_gone, one, open, query};
use common::{Reply, Script, Server, What};
use rollproof::event::{ErrorClass, StatementKind};
use rollproof::session::Statement;
use tokio::time::Instant;

const LOAD: Statement =
    Statement::fixed(StatementKind::Write, "LOAD DATA LOCAL INFILE 'rows' INTO TABLE item");

fn pieces(texts: &[&str]) -> impl Iterator<Item = Vec<u8>> + Send + Sync + use<> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>().into_iter()
}

#[tokio::test]
async fn a_local_file_is_streamed_from_memory_piece_by_piece() {
    let script = Script::new()
        .on("LOAD %", Reply::ok_but(2).after_file().late(SHORT))
        .on("SELECT %", one(1));
    let server = Server::start(script).await;
    let mut session = open(&server).await;
    let answer =
        session.load_local(&LOAD, pieces(&["1\ta\n2\t", "b\n"]), by(PATIENCE)).await.unwrap();
    assert_eq!((answer.affected, answer.warnings), (2, 2));
    // The connection is as good as before.
    assert_eq!(session.query(&READ, by(PATIENCE)).await.unwrap().warnings, 0);
    let file = |text: &str| What::File(text.as_bytes().to_vec());
    let heard = server.connections()[0].all().split_off(1);
    let expected = [query(&LOAD.sql), file("1\ta\n2\t"), file("b\n"), file(""), query(&READ.sql)];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_refused_local_file_is_never_sent_and_ends_the_session() {
    let refusal = Reply::error(1148, "42000", "The used command is not allowed");
    let server = Server::start(Script::new().on("LOAD %", refusal)).await;
    let mut session = open(&server).await;
    let failure = session.load_local(&LOAD, pieces(&["1\n"]), by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.code.errno, 1148);
    assert!(!session.is_open());
    assert_eq!(heard_until_gone(&server).await, [query(&LOAD.sql), What::Gone]);
}

#[tokio::test]
async fn an_error_after_the_whole_file_is_the_servers_own() {
    let lock = Reply::error(1205, "HY000", "Lock wait timeout exceeded").after_file();
    let server = Server::start(Script::new().on("LOAD %", lock)).await;
    let mut session = open(&server).await;
    let failure = session.load_local(&LOAD, pieces(&["1\n"]), by(PATIENCE)).await.unwrap_err();
    assert_eq!((failure.class, failure.code.errno), (ErrorClass::LockWait, 1205));
    assert!(!session.is_open());
}

#[tokio::test]
async fn a_file_that_is_not_taken_or_not_answered_in_time_ends_the_session_at_the_deadline() {
    let script = Script::new().on("LOAD %", Reply::stall().after_file());
    let server = Server::start(script).await;
    // One that ends, and waits for an answer; one that is still being sent.
    let endless = std::iter::repeat_with(|| vec![b'x'; 1024]);
    for endless in [None, Some(endless)] {
        let mut session = open(&server).await;
        let began = Instant::now();
        let failure = match endless {
            None => session.load_local(&LOAD, pieces(&["1\n"]), by(SHORT)).await,
            Some(endless) => session.load_local(&LOAD, endless, by(SHORT)).await,
        };
        assert_eq!(failure.unwrap_err().class, ErrorClass::Deadline);
        assert!(began.elapsed() < SHORT + SLACK, "{:?}", began.elapsed());
        assert!(!session.is_open());
    }
    server.until(|all| all.len() == 2 && all.iter().all(|one| one.gone().is_some())).await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_file_unbidden_gets_nothing() {
    let script = Script::new().on("SELECT %", Reply::from(one(1)).after_file());
    let server = Server::start(script).await;
    let mut session = open(&server).await;
    session.query(&READ, by(PATIENCE)).await.unwrap_err();
    assert!(!session.is_open());
    assert_eq!(heard_until_gone(&server).await, [query(&READ.sql), What::Gone]);
}
