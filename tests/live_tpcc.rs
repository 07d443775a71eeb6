//! The transactions and the consistency conditions on a real cluster.
//!
//! Needs a lab: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the tests say so and
//! pass.

mod tpcc_lab;

use std::time::Duration;

use rollproof::event::{StatementKind, TxnKind, WriteKey};
use rollproof::session::{Session, Statement, cell};
use rollproof::tpcc::conditions::{CONDITIONS, Extent, find};
use rollproof::tpcc::{Limits, LoadRequest, begin_run, execute};
use tokio::time::Instant;
use tpcc_lab::work::{broken, drive};
use tpcc_lab::{MINUTE, admin, database, load_quietly, open};

async fn number(session: &mut Session, sql: String) -> u64 {
    let statement = Statement::built(StatementKind::Read, sql);
    let answer = session.query(&statement, Instant::now() + MINUTE).await.unwrap();
    cell(&answer.rows[0], 0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loaded_database_keeps_its_conditions_through_every_transaction() {
    let Some(request) = database("live_tpcc_run", 2).await else { return };
    let written = load_quietly(&request).await.unwrap();
    assert_eq!(
        load_quietly(&request).await.unwrap().rows_written,
        0,
        "loading again writes nothing"
    );
    assert!(written.rows_written > 1_090_000, "{written:?}");

    let mut session = open(&request, true).await;
    assert_eq!(broken(&request, &mut session, true).await, Vec::<String>::new());
    spoil_and_see(&request, &mut session).await;
    let run = begin_run(&mut session, &request.database, Instant::now() + MINUTE).await.unwrap();
    assert_eq!(run, 1);
    let written = drive(&request, run, 230).await;
    assert_eq!(broken(&request, &mut session, false).await, Vec::<String>::new());

    for (input, stamp, key) in &written {
        let w = input.warehouse();
        let at = rollproof::tpcc::time::datetime_text(stamp.epoch_us);
        let (sql, expected) = match key {
            WriteKey::NewOrder { district, order, customer, .. } => (
                format!(
                    "SELECT COUNT(*) FROM orders WHERE o_w_id = {w} AND o_d_id = {district} \
                     AND o_id = {order} AND o_c_id = {customer} AND o_entry_d = '{at}'"
                ),
                1,
            ),
            WriteKey::Payment { amount_cents, .. } => (
                format!(
                    "SELECT COUNT(*) FROM history WHERE h_run = {run} AND h_terminal = {} AND \
                     h_sequence = {} AND h_amount * 100 = {amount_cents} AND h_date = '{at}'",
                    stamp.terminal, stamp.sequence
                ),
                1,
            ),
            WriteKey::Delivery { carrier, orders, .. } => (
                format!(
                    "SELECT COUNT(DISTINCT o_d_id) FROM orders JOIN order_line ON ol_w_id = o_w_id \
                     AND ol_d_id = o_d_id AND ol_o_id = o_id WHERE o_w_id = {w} \
                     AND o_carrier_id = {carrier} AND ol_delivery_d = '{at}'"
                ),
                u64::from(*orders),
            ),
            WriteKey::Sight { district, newest } => (
                format!(
                    "SELECT COUNT(*) FROM orders WHERE o_w_id = {w} AND o_d_id = {district} \
                     AND o_id = {newest}"
                ),
                1,
            ),
        };
        assert_eq!(number(&mut session, sql).await, expected, "{key:?}");
    }

    let payment = written.iter().find(|(input, ..)| input.kind() == TxnKind::Payment).unwrap();
    let limits = Limits { statement: Duration::from_secs(2), by: Instant::now() + MINUTE };
    let twice = execute(&mut session, &payment.0, payment.1, limits).await;
    let failure = twice.failure.expect("a payment executed twice meets its own key");
    assert_eq!((failure.code.errno, twice.key), (1062, None));
    assert_eq!(broken(&request, &mut session, false).await, Vec::<String>::new());
    admin(&request, "DROP DATABASE live_tpcc_run").await;
}

/// A condition, a statement that breaks it, and where the condition then says it is broken.
type Spoilt = (&'static str, &'static str, &'static str);

const SPOILT: &[Spoilt] = &[
    ("condition-1", "UPDATE warehouse SET w_ytd = w_ytd + 0.01 WHERE w_id = 2", "w 2"),
    ("condition-1", "DELETE FROM district WHERE d_w_id = 1 AND d_id = 7", "w 1"),
    ("condition-1", "DELETE FROM district WHERE d_w_id = 1", "w 1"),
    (
        "condition-2",
        "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = 1 AND d_id = 3",
        "w 1, d 3",
    ),
    ("condition-2", "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 3", "w 1, d 3"),
    (
        "condition-2",
        "INSERT INTO new_order (no_w_id, no_d_id, no_o_id) VALUES (1, 3, 999999)",
        "w 1, d 3",
    ),
    (
        "condition-3",
        "DELETE FROM new_order WHERE no_w_id = 1 AND no_d_id = 4 AND no_o_id = 2900",
        "w 1, d 4",
    ),
    ("condition-4", "DELETE FROM order_line WHERE ol_w_id = 2 AND ol_d_id = 5", "w 2, d 5"),
    ("condition-4", "DELETE FROM orders WHERE o_w_id = 2 AND o_d_id = 5", "w 2, d 5"),
    (
        "condition-5",
        "UPDATE orders SET o_carrier_id = NULL WHERE o_w_id = 1 AND o_d_id = 1 AND o_id = 1",
        "w 1, d 1, o 1",
    ),
    (
        "condition-5",
        "UPDATE orders SET o_carrier_id = 3 WHERE o_w_id = 1 AND o_d_id = 2 AND o_id = 3000",
        "w 1, d 2, o 3000",
    ),
    (
        "condition-5",
        "DELETE FROM new_order WHERE no_w_id = 1 AND no_d_id = 2 AND no_o_id = 3000",
        "w 1, d 2, o 3000",
    ),
    (
        "condition-6",
        "DELETE FROM order_line WHERE ol_w_id = 1 AND ol_d_id = 6 AND ol_o_id = 77 AND ol_number = 1",
        "w 1, d 6, o 77",
    ),
    // An order without lines, a whole district without: no line is there to be counted.
    (
        "condition-6",
        "DELETE FROM order_line WHERE ol_w_id = 1 AND ol_d_id = 6 AND ol_o_id = 77",
        "w 1, d 6, o 77",
    ),
    ("condition-6", "DELETE FROM order_line WHERE ol_w_id = 1 AND ol_d_id = 6", "w 1, d 6, o 1"),
    (
        "condition-7",
        "UPDATE order_line SET ol_delivery_d = NULL WHERE ol_w_id = 1 AND ol_d_id = 1 AND ol_o_id = 9 AND ol_number = 1",
        "w 1, d 1, o 9, line 1",
    ),
    (
        "condition-7",
        "UPDATE order_line SET ol_delivery_d = '2026-02-02' WHERE ol_w_id = 1 AND ol_d_id = 2 AND ol_o_id = 3000 AND ol_number = 2",
        "w 1, d 2, o 3000, line 2",
    ),
    (
        "condition-7",
        "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 8 AND o_id = 1500",
        "w 1, d 8, o 1500, line 1",
    ),
    (
        "condition-8",
        "DELETE FROM history WHERE h_run = 0 AND h_terminal = 1 AND h_sequence = 5",
        "w 1",
    ),
    ("condition-8", "DELETE FROM history WHERE h_w_id = 2", "w 2"),
    (
        "condition-9",
        "UPDATE district SET d_ytd = d_ytd - 0.01 WHERE d_w_id = 2 AND d_id = 10",
        "w 2, d 10",
    ),
    ("condition-9", "DELETE FROM history WHERE h_w_id = 2 AND h_d_id = 6", "w 2, d 6"),
    (
        "condition-10",
        "UPDATE customer SET c_balance = c_balance + 0.01 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 1",
        "w 1, d 1, c 1",
    ),
    (
        "condition-10",
        "DELETE FROM history WHERE h_c_w_id = 2 AND h_c_d_id = 3 AND h_c_id = 4",
        "w 2, d 3, c 4",
    ),
    ("condition-11", "DELETE FROM orders WHERE o_w_id = 2 AND o_d_id = 9", "w 2, d 9"),
    (
        "condition-12",
        "UPDATE customer SET c_ytd_payment = c_ytd_payment + 0.01 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 1",
        "w 1, d 1, c 1",
    ),
    (
        "condition-12",
        "UPDATE order_line SET ol_amount = 7 WHERE ol_w_id = 1 AND ol_d_id = 1 AND ol_o_id = 9 AND ol_number = 1",
        "w 1, d 1, c ",
    ),
    (
        "cardinalities",
        "DELETE FROM customer WHERE c_w_id = 2 AND c_d_id = 2",
        "customers of w 2, d 2",
    ),
    (
        "cardinalities",
        "DELETE FROM customer WHERE c_w_id = 2 AND c_d_id = 2 AND c_id = 3000",
        "customers of w 2, d 2",
    ),
    ("cardinalities", "DELETE FROM warehouse WHERE w_id = 1", "warehouses"),
    ("cardinalities", "DELETE FROM district WHERE d_w_id = 1 AND d_id = 7", "districts of w 1"),
    ("cardinalities", "DELETE FROM stock WHERE s_w_id = 1 AND s_i_id = 100000", "stock of w 1"),
    ("cardinalities", "DELETE FROM item WHERE i_id = 100000", "items"),
    (
        "order-numbers",
        "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 8 AND o_id = 1500",
        "w 1, d 8",
    ),
    ("order-numbers", "DELETE FROM orders WHERE o_w_id = 1 AND o_d_id = 8", "w 1, d 8"),
    (
        "stock-moved",
        "UPDATE stock SET s_ytd = s_ytd + 1 WHERE s_w_id = 1 AND s_i_id = 1",
        "w 1, i 1",
    ),
    (
        "stock-moved",
        "UPDATE stock SET s_order_cnt = s_order_cnt + 1 WHERE s_w_id = 2 AND s_i_id = 7",
        "w 2, i 7",
    ),
    (
        "stock-moved",
        "UPDATE stock SET s_remote_cnt = s_remote_cnt + 1 WHERE s_w_id = 2 AND s_i_id = 9",
        "w 2, i 9",
    ),
    (
        "customer-counts",
        "UPDATE customer SET c_delivery_cnt = 99 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 1",
        "w 1, d 1, c 1",
    ),
    (
        "customer-counts",
        "UPDATE customer SET c_payment_cnt = c_payment_cnt + 1 WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 2",
        "w 1, d 1, c 2",
    ),
    (
        "customer-counts",
        "DELETE FROM history WHERE h_c_w_id = 2 AND h_c_d_id = 3 AND h_c_id = 4",
        "w 2, d 3, c 4",
    ),
    (
        "stock-moved",
        "UPDATE order_line SET ol_o_id = 3001 WHERE ol_w_id = 1 AND ol_d_id = 8 AND ol_o_id = 1500 AND ol_number = 1",
        "w 1, i ",
    ),
    (
        "stock-moved",
        "INSERT INTO order_line (ol_w_id, ol_d_id, ol_o_id, ol_number, ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_dist_info) \
         VALUES (1, 1, 3001, 1, 100001, 2, 5, 1.00, '')",
        "w 2, i 100001",
    ),
    (
        "orphans",
        "INSERT INTO new_order (no_w_id, no_d_id, no_o_id) VALUES (1, 3, 999999)",
        "new_order w 1, d 3, o 999999",
    ),
    (
        "orphans",
        "UPDATE orders SET o_c_id = 3001 WHERE o_w_id = 2 AND o_d_id = 2 AND o_id = 2",
        "orders w 2, d 2, o 2",
    ),
    (
        "orphans",
        "UPDATE history SET h_c_id = 3001 WHERE h_run = 0 AND h_terminal = 1 AND h_sequence = 5",
        "history run 0, terminal 1, sequence 5",
    ),
    ("orphans", "DELETE FROM item WHERE i_id = 5", "stock w 1, i 5"),
    // All items are there, and yet this stock has none.
    (
        "orphans",
        "UPDATE stock SET s_i_id = 100001 WHERE s_w_id = 2 AND s_i_id = 7",
        "stock w 2, i 100001",
    ),
    ("orphans", "DELETE FROM warehouse WHERE w_id = 2", "district w 2"),
];

/// Each condition must be able to fail: a row of a fresh database, in which all of them hold, is
/// spoiled, and its condition says where.
async fn spoil_and_see(request: &LoadRequest, session: &mut Session) {
    let by = || Instant::now() + MINUTE;
    for condition in CONDITIONS {
        assert!(
            SPOILT.iter().any(|(id, ..)| *id == condition.id),
            "{} is never broken",
            condition.id
        );
    }
    for (condition, spoil, place) in SPOILT {
        session.query(&rollproof::session::BEGIN, by()).await.unwrap();
        let statement = Statement::fixed(StatementKind::Write, spoil);
        assert_ne!(session.query(&statement, by()).await.unwrap().affected, 0, "{spoil}");
        let condition = find(condition).unwrap();
        let found = condition.check(session, Extent::All, request.warehouses, by()).await.unwrap();
        let seen = found.first.iter().any(|violation| violation.place.starts_with(place));
        assert!(found.total > 0 && seen, "{} on {spoil}: {found:?}", condition.id);
        // A load asks only those that it follows from, warehouse by warehouse.
        let mut noticed = condition.follows_from.is_empty();
        for reason in condition.follows_from {
            for extent in (1..=request.warehouses).map(Extent::Warehouse) {
                let reason = find(reason).unwrap();
                let found = reason.check(session, extent, request.warehouses, by()).await.unwrap();
                noticed |= found.total > 0;
            }
        }
        assert!(noticed, "{} is not noticed by {:?}", condition.id, condition.follows_from);
        session.query(&rollproof::session::ROLLBACK, by()).await.unwrap();
    }
}
