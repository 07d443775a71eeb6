//! Delivery (clause 2.7): the oldest undelivered order of each of ten districts in one
//! transaction and 8 round trips, BEGIN and COMMIT included.
//!
//! The DELETE is the lock. Whoever deletes an entry of `new_order` delivers the order; a delivery
//! that finds its choice taken by another one in between has a conflict and is tried again. An
//! order older than the chosen one cannot appear, because order numbers become visible in order:
//! New-Order holds the district's row until it commits.
//!
//! Each statement names ten (district, number) pairs. A district without undelivered orders is
//! skipped: its slot names order 0, which does not exist.

use std::sync::LazyLock;

use super::execute::{End, Stamp, Work, conflict};
use super::input::Delivery;
use super::money::{Cents, money};
use super::scale::DISTRICTS;
use super::time::datetime_text;
use crate::event::{StatementKind, WriteKey};
use crate::session::{Failure, Row, Statement, Value, cell};

/// LIMIT rather than MIN: servers then stop at the first entry of each district, where a grouped
/// MIN reads every undelivered order of the warehouse.
static OLDEST: Statement = Statement::fixed(
    StatementKind::Read,
    "SELECT d_id, (SELECT no_o_id FROM new_order WHERE no_w_id = d_w_id AND no_d_id = d_id \
     ORDER BY no_o_id LIMIT 1) FROM district WHERE d_w_id = ?",
);

static TAKE: LazyLock<Statement> = LazyLock::new(|| {
    let sql =
        format!("DELETE FROM new_order WHERE no_w_id = ? AND ({})", keys("no_d_id", "no_o_id"));
    Statement::built(StatementKind::Write, sql)
});

static READ: LazyLock<Statement> = LazyLock::new(|| {
    let sql = format!(
        "SELECT o_d_id, o_c_id, o_ol_cnt, COUNT(*), SUM(ol_amount) \
         FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id \
         WHERE o_w_id = ? AND ({}) GROUP BY o_d_id, o_c_id, o_ol_cnt",
        keys("o_d_id", "o_id"),
    );
    Statement::built(StatementKind::Read, sql)
});

static DELIVER_ORDERS: LazyLock<Statement> = LazyLock::new(|| {
    let sql = format!(
        "UPDATE orders SET o_carrier_id = ? WHERE o_w_id = ? AND ({}) AND o_carrier_id IS NULL",
        keys("o_d_id", "o_id"),
    );
    Statement::built(StatementKind::Write, sql)
});

static DELIVER_LINES: LazyLock<Statement> = LazyLock::new(|| {
    let sql = format!(
        "UPDATE order_line SET ol_delivery_d = ? WHERE ol_w_id = ? AND ({}) AND ol_delivery_d IS NULL",
        keys("ol_d_id", "ol_o_id"),
    );
    Statement::built(StatementKind::Write, sql)
});

static CHARGE: LazyLock<Statement> = LazyLock::new(|| {
    let sql = format!(
        "UPDATE customer SET c_balance = c_balance + CASE c_d_id {}ELSE 0.00 END, \
         c_delivery_cnt = c_delivery_cnt + 1 WHERE c_w_id = ? AND ({})",
        "WHEN ? THEN CAST(? AS DECIMAL(16, 2)) ".repeat(DISTRICTS as usize),
        keys("c_d_id", "c_id"),
    );
    Statement::built(StatementKind::Write, sql)
});

fn keys(district: &str, number: &str) -> String {
    vec![format!("({district} = ? AND {number} = ?)"); DISTRICTS as usize].join(" OR ")
}

/// One value a district; zero where nothing is delivered.
type PerDistrict<T> = [T; DISTRICTS as usize];

/// What the delivered orders are worth, and to whom.
#[derive(Default)]
struct Bills {
    customers: PerDistrict<u64>,
    amounts: PerDistrict<Cents>,
    lines: u64,
}

/// What [`run`] executes.
pub(super) fn statements() -> Vec<&'static Statement> {
    vec![&OLDEST, &TAKE, &READ, &DELIVER_ORDERS, &DELIVER_LINES, &CHARGE]
}

pub(super) async fn run(
    work: &mut Work<'_>,
    input: &Delivery,
    stamp: Stamp,
) -> Result<End, Failure> {
    let w = Value::from(input.warehouse);
    let orders = oldest(work, w.clone()).await?;
    let count = orders.iter().filter(|order| **order != 0).count() as u64;
    if count == 0 {
        return Ok(End::Commit(None));
    }
    let taken = work.affected(&TAKE, [vec![w.clone()], pairs(&orders)].concat()).await?;
    if taken != count {
        return Err(conflict(StatementKind::Write, "another delivery took the oldest order"));
    }
    let bills = bills(work, w.clone(), &orders, count).await?;

    let keys = [vec![w.clone()], pairs(&orders)].concat();
    let carried = [vec![input.carrier.into()], keys.clone()].concat();
    work.write(&DELIVER_ORDERS, carried, count).await?;
    let delivered = [vec![datetime_text(stamp.epoch_us).into()], keys].concat();
    work.write(&DELIVER_LINES, delivered, bills.lines).await?;
    let charged = [pairs(&bills.amounts), vec![w], pairs(&bills.customers)].concat();
    work.write(&CHARGE, charged, count).await?;

    Ok(End::Commit(Some(WriteKey::Delivery {
        carrier: input.carrier,
        delivered_us: stamp.epoch_us,
        orders: count as u32,
    })))
}

async fn oldest(work: &mut Work<'_>, warehouse: Value) -> Result<PerDistrict<u64>, Failure> {
    let mut orders = PerDistrict::default();
    for row in work.rows(&OLDEST, vec![warehouse]).await? {
        orders[district(&row)?] = cell::<Option<u64>>(&row, 1)?.unwrap_or(0);
    }
    Ok(orders)
}

async fn bills(
    work: &mut Work<'_>,
    warehouse: Value,
    orders: &PerDistrict<u64>,
    count: u64,
) -> Result<Bills, Failure> {
    let rows = work.rows(&READ, [vec![warehouse], pairs(orders)].concat()).await?;
    if rows.len() as u64 != count {
        let message = format!("{} of {count} undelivered orders have lines", rows.len());
        return Err(Failure::data(StatementKind::Read, message));
    }
    let mut bills = Bills::default();
    for row in &rows {
        let (expected, lines): (u64, u64) = (cell(row, 2)?, cell(row, 3)?);
        if lines != expected {
            let message = format!("an order to deliver has {lines} lines instead of {expected}");
            return Err(Failure::data(StatementKind::Read, message));
        }
        let district = district(row)?;
        bills.customers[district] = cell(row, 1)?;
        bills.amounts[district] = money(row, 4)?;
        bills.lines += lines;
    }
    Ok(bills)
}

/// Index of the district named in a row's first cell.
fn district(row: &Row) -> Result<usize, Failure> {
    match cell::<u32>(row, 0)? {
        district @ 1..=DISTRICTS => Ok(district as usize - 1),
        other => Err(Failure::data(StatementKind::Read, format!("there is a district {other}"))),
    }
}

/// Parameters for ten pairs of district and value.
fn pairs<T: Copy + Into<Value>>(values: &PerDistrict<T>) -> Vec<Value> {
    (1_u32..).zip(values).flat_map(|(district, value)| [district.into(), (*value).into()]).collect()
}
