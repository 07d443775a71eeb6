//! What a terminal sends for one transaction, and what it makes of a server that lets go of it.

mod common;

use common::client::{PATIENCE, by, open};
use common::{Reply, Rows, Script, Server, What};
use rollproof::event::{ErrorClass, Outcome};
use rollproof::session::{Session, Value};
use rollproof::tpcc::input::StockLevel;
use rollproof::tpcc::{Execution, Input, Limits, Stamp, execute};

/// A server that knows the two statements of Stock-Level.
fn script(first: impl FnOnce(Reply) -> Reply) -> Script {
    let next = Rows::new(["d_next_o_id"]).row([Value::Int(3001)]);
    let low = Rows::new(["count"]).row([Value::Int(7)]);
    Script::new().on("SELECT d_next_o_id %", first(next.into())).on("SELECT COUNT%", low)
}

async fn stock_level(session: &mut Session) -> Execution {
    let input = Input::StockLevel(StockLevel { warehouse: 1, district: 2, threshold: 15 });
    let stamp = Stamp { run_number: 1, terminal: 0, sequence: 0, epoch_us: 1_800_000_000_000_000 };
    let limits = Limits { statement: PATIENCE, by: by(PATIENCE) };
    execute(session, &input, stamp, limits).await
}

#[tokio::test]
async fn nothing_is_prepared_inside_a_transaction() {
    let server = Server::start(script(|reply| reply)).await;
    let mut session = open(&server).await;
    for _ in 0..2 {
        assert_eq!(stock_level(&mut session).await.outcome, Outcome::Committed);
    }
    let heard = server.connections()[0].all().split_off(1);
    let words = heard.iter().map(|what| match what {
        What::Prepare(_) => "prepare",
        What::Execute(..) => "execute",
        What::Query(sql) => sql,
        _ => "something else",
    });
    let transaction = ["START TRANSACTION", "execute", "execute", "COMMIT"];
    let expected = [&["prepare", "prepare"][..], &transaction, &transaction].concat();
    assert_eq!(words.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_transaction_that_the_server_has_let_go_of_is_never_committed() {
    let server = Server::start(script(Reply::lets_go)).await;
    let mut session = open(&server).await;
    let done = stock_level(&mut session).await;
    assert_eq!(done.outcome, Outcome::Failed(ErrorClass::Data));
    let failure = done.failure.unwrap();
    assert!(failure.message.starts_with("executed outside the transaction"), "{failure}");
    assert!(!server.connections()[0].statements().contains(&"COMMIT"));
}
