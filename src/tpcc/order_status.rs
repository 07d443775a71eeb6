//! Order-Status (clause 2.6), read only: 5 round trips by customer number, 6 by last name.

use super::execute::{End, Work};
use super::input::OrderStatus;
use super::payment::{find_customer, search};
use crate::event::StatementKind;
use crate::session::{Failure, Statement, Value, cell};

static CUSTOMER: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT c_balance, c_first, c_middle, c_last FROM customer \
     WHERE c_w_id = ? AND c_d_id = ? AND c_id = ?",
);

static LAST_ORDER: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT o_id, o_entry_d, o_carrier_id, o_ol_cnt FROM orders \
     WHERE o_w_id = ? AND o_d_id = ? AND o_c_id = ? ORDER BY o_id DESC LIMIT 1",
);

static LINES: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line \
     WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id = ?",
);

/// What [`run`] executes.
pub(super) fn statements(input: &OrderStatus) -> Vec<&'static Statement> {
    search(input.customer).into_iter().chain([&CUSTOMER, &LAST_ORDER, &LINES]).collect()
}

pub(super) async fn run(work: &mut Work<'_>, input: &OrderStatus) -> Result<End, Failure> {
    let customer = find_customer(work, input.customer).await?;
    let (w, d) = (Value::from(input.customer.warehouse), Value::from(input.customer.district));
    let who = vec![w.clone(), d.clone(), customer.into()];
    work.row(&CUSTOMER, who.clone()).await?;
    // Every customer has one order from the beginning on.
    let order = work.row(&LAST_ORDER, who).await?;
    let (number, expected): (u64, usize) = (cell(&order, 0)?, cell(&order, 3)?);
    let lines = work.rows(&LINES, vec![w, d, number.into()]).await?.len();
    if lines != expected {
        let message = format!("order {number} has {lines} lines instead of {expected}");
        return Err(Failure::data(StatementKind::Read, message));
    }
    Ok(End::Commit(None))
}
