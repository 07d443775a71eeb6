//! A server that carries out all five transactions at a known pace and keeps none of them: what a
//! client measures of it is known before.

use std::time::Duration;

use rollproof::session::Value;
use rollproof::tpcc::scale::{LINES_MAX, UNUSED_ITEM};

use super::script::{Call, Reply, Rows, Script};

/// Columns of an order line that are sent with it.
const LINE_PARAMS: usize = 9;

/// Every statement takes half as long to one and a half times as long as `pace`, evenly spread by
/// dice of this seed, BEGIN and COMMIT included.
pub fn tpcc(pace: Duration, seed: u64) -> Script {
    let mut dice = seed.wrapping_mul(2).wrapping_add(1);
    let mut late = move |reply: Reply| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        reply.late(pace.mul_f64(0.5 + (dice >> 40) as f64 / f64::from(1 << 24)))
    };
    Script::new().compute("%", move |call| late(reply_to(call)))
}

fn reply_to(call: &Call) -> Reply {
    let sql = call.sql.as_str();
    let begins = |with: &str| sql.starts_with(with);
    if begins("INSERT INTO order_line") {
        Reply::ok((call.params.len() / LINE_PARAMS) as u64)
    } else if begins("UPDATE stock") {
        Reply::ok(named(call).count() as u64)
    } else if begins("INSERT") || begins("UPDATE") {
        Reply::ok(1)
    } else if begins("SELECT s_w_id") {
        stock(call).into()
    } else if begins("SELECT d_id, (SELECT") {
        // Everything is delivered already, in every district.
        Rows::new(["d_id", "oldest"]).into()
    } else if begins("SELECT w_name") {
        Rows::new(["w_name", "d_name"]).row([text("w"), text("d")]).into()
    } else if begins("SELECT o_id") {
        // An order without lines.
        let columns = ["o_id", "o_entry_d", "o_carrier_id", "o_ol_cnt"];
        let order = [Value::Int(3000), text("2026-01-01 12:00:00"), Value::NULL, Value::Int(0)];
        Rows::new(columns).row(order).into()
    } else if begins("SELECT ol_i_id") {
        Rows::new(["ol_i_id"]).into()
    } else if begins("SELECT") {
        // Of the rest only a number in the first column is looked at.
        Rows::new(["number"]).row([Value::Int(3001)]).into()
    } else {
        // BEGIN, COMMIT, ROLLBACK and the session's settings.
        Reply::ok(0)
    }
}

/// The stock rows that a statement of New-Order names in its last parameters: warehouse and item.
fn named(call: &Call) -> impl Iterator<Item = (i64, i64)> {
    let keys = &call.params[call.params.len() - 2 * LINES_MAX..];
    let keys = keys.chunks_exact(2).map(|pair| (number(&pair[0]), number(&pair[1])));
    keys.filter(|(warehouse, _)| *warehouse != 0)
}

fn stock(call: &Call) -> Rows {
    let columns = ["s_w_id", "s_i_id", "s_quantity", "i_price", "s_dist"];
    let existing = named(call).filter(|(_, item)| *item != i64::from(UNUSED_ITEM));
    existing.fold(Rows::new(columns), |rows, (warehouse, item)| {
        let (w, i) = (Value::Int(warehouse), Value::Int(item));
        rows.row([w, i, Value::Int(50), text("9.99"), text("twenty-four letters here")])
    })
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::UInt(number) => i64::try_from(*number).unwrap(),
        other => panic!("{other:?} is not a number"),
    }
}

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}
