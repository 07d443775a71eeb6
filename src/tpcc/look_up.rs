//! Looks one write up by its key.

use tokio::time::Instant;

use super::time::datetime_text;
use crate::event::{LedgerEntry, StatementKind, WriteKey};
use crate::session::{Failure, Session, Statement, Value, cell};

static ORDER: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT COUNT(*) FROM orders \
     WHERE o_w_id = ? AND o_d_id = ? AND o_id = ? AND o_c_id = ? AND o_entry_d = ?",
);

static PAYMENT: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT COUNT(*) FROM history WHERE h_run = ? AND h_terminal = ? AND h_sequence = ?",
);

/// Every delivered order has a line number 1. Reads all orders of the warehouse: for the few
/// deliveries whose fate is unknown that is no load worth an index.
static DELIVERY: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT COUNT(*) FROM orders JOIN order_line \
     ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id AND ol_number = 1 \
     WHERE o_w_id = ? AND o_carrier_id = ? AND ol_delivery_d = ?",
);

/// Whether a write of run number `run` is in the database, as far as `session` can see.
///
/// # Errors
/// What the server said, or that it did not answer before `by`.
pub async fn took_effect(
    session: &mut Session,
    run: u32,
    entry: &LedgerEntry,
    by: Instant,
) -> Result<bool, Failure> {
    let warehouse = Value::from(entry.warehouse);
    let (statement, params): (&'static Statement, Vec<Value>) = match entry.key {
        WriteKey::NewOrder { district, order, customer, entered_us } => {
            let entered = datetime_text(entered_us).into();
            (&ORDER, vec![warehouse, district.into(), order.into(), customer.into(), entered])
        }
        WriteKey::Payment { .. } => {
            (&PAYMENT, vec![run.into(), entry.terminal.into(), entry.sequence.into()])
        }
        WriteKey::Delivery { carrier, delivered_us, .. } => {
            (&DELIVERY, vec![warehouse, carrier.into(), datetime_text(delivered_us).into()])
        }
        // It was never in doubt.
        WriteKey::Sight { .. } => return Ok(true),
    };
    let answer = session.execute(statement, params, by).await?;
    match answer.rows.first() {
        Some(row) => Ok(cell::<u64>(row, 0)? > 0),
        None => Err(Failure::data(StatementKind::Read, "a count without a row")),
    }
}
