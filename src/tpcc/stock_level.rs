//! Stock-Level (clause 2.8), read only: 4 round trips.

use super::execute::{End, Work};
use super::input::StockLevel;
use super::scale::STOCK_LEVEL_ORDERS;
use crate::event::{StatementKind, WriteKey};
use crate::session::{Failure, Statement, Value, cell};

static NEXT_ORDER: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT d_next_o_id FROM district WHERE d_w_id = ? AND d_id = ?",
);

/// Items of the district's last orders whose stock is low, each counted once.
static LOW_STOCK: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT COUNT(DISTINCT s_i_id) FROM order_line JOIN stock ON s_i_id = ol_i_id \
     WHERE ol_w_id = ? AND ol_d_id = ? AND ol_o_id >= ? AND ol_o_id < ? \
     AND s_w_id = ? AND s_quantity < ?",
);

/// What [`run`] executes.
pub(super) fn statements() -> Vec<&'static Statement> {
    vec![&NEXT_ORDER, &LOW_STOCK]
}

pub(super) async fn run(work: &mut Work<'_>, input: &StockLevel) -> Result<End, Failure> {
    let (w, d) = (Value::from(input.warehouse), Value::from(input.district));
    let row = work.row(&NEXT_ORDER, vec![w.clone(), d.clone()]).await?;
    let next: u64 = cell(&row, 0)?;
    let first = next.saturating_sub(STOCK_LEVEL_ORDERS.into());
    let params = vec![w.clone(), d, first.into(), next.into(), w, input.threshold.into()];
    let row = work.row(&LOW_STOCK, params).await?;
    cell::<u64>(&row, 0)?;
    let newest = next.saturating_sub(1);
    Ok(End::Commit(Some(WriteKey::Sight { district: input.district, newest })))
}
