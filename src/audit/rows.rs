//! Reads what a run left behind, in pieces, in the order of keys, straight into comparisons.

use std::collections::{BTreeMap, HashMap};
use std::io;

use super::asking::Asking;
use super::claim::{Claim, Delivery, Order, Payment};
use super::compare::{Compared, Comparison};
use super::ledger::Ledger;
use super::start::Start;
use crate::event::StatementKind;
use crate::session::{Failure, Row, cell};
use crate::tpcc::money::{Cents, money};
use crate::tpcc::scale::DISTRICTS;
use crate::tpcc::time::datetime_us;

/// Rows asked for at once.
const PIECE_ROWS: usize = 2000;

/// Why rows could not be compared.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The zone's fault: data.
    Zone(Failure),
    /// Our own: the sorted ledger cannot be read.
    Own(io::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Zone(failure)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Own(error)
    }
}

/// What the tables of orders say.
pub(super) struct OrdersSeen {
    pub(super) orders: Compared,
    /// `None` without a start: then nobody knows which orders were delivered before.
    pub(super) deliveries: Option<Compared>,
    /// Orders that took effect, by warehouse and district.
    pub(super) effective: HashMap<(u32, u32), u64>,
}

/// Compares orders and deliveries with the ledger, one pass over both.
pub(super) async fn orders(
    zone: &mut Asking,
    ledger: &Ledger,
    start: Option<&Start>,
    warehouses: u32,
) -> Result<OrdersSeen, Trouble> {
    let mut effective = HashMap::new();
    let mut orders = Comparison::new(ledger.orders.iter()?, |order: &Order| {
        *effective.entry((order.warehouse, order.district)).or_default() += 1;
    });
    let mut deliveries = Comparison::new(ledger.deliveries.iter()?, |_: &Delivery| ());
    for warehouse in 1..=warehouses {
        let begun = start.and_then(|start| start.of(warehouse));
        let mut delivered = BTreeMap::new();
        for district in 1..=DISTRICTS {
            orders.advance_to((warehouse, district, 0))?;
            let from = match begun {
                Some(begun) => {
                    let index = district as usize - 1;
                    (begun.next_order[index], begun.oldest_undelivered[index])
                }
                None => match orders.next_key() {
                    Some((w, d, order)) if (w, d) == (warehouse, district) => (order, order),
                    _ => continue,
                },
            };
            district_orders(zone, (warehouse, district), from, &mut orders, &mut delivered).await?;
        }
        for ((delivered_us, carrier), orders) in delivered {
            deliveries.row(&Delivery { warehouse, delivered_us, carrier, orders })?;
        }
    }
    let orders = orders.finish()?;
    let deliveries = start.map(|_| deliveries.finish()).transpose()?;
    Ok(OrdersSeen { orders, deliveries, effective })
}

/// Reads one district from the first new or the oldest undelivered order on.
async fn district_orders<I, F>(
    zone: &mut Asking,
    (warehouse, district): (u32, u32),
    (first_new, oldest_undelivered): (u64, u64),
    orders: &mut Comparison<Order, I, F>,
    delivered: &mut BTreeMap<(i64, u32), u32>,
) -> Result<(), Trouble>
where
    I: Iterator<Item = io::Result<Claim<Order>>>,
    F: FnMut(&Order),
{
    let mut from = first_new.min(oldest_undelivered);
    loop {
        // Every order has a line 1, and all its lines carry the same date.
        let rows = zone
            .rows(format!(
                "SELECT o_id, o_c_id, o_entry_d, o_carrier_id, ol_delivery_d FROM orders \
                 LEFT JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id AND ol_number = 1 \
                 WHERE o_w_id = {warehouse} AND o_d_id = {district} AND o_id >= {from} \
                 ORDER BY o_id LIMIT {PIECE_ROWS}"
            ))
            .await?;
        for row in &rows {
            let order = cell(row, 0)?;
            let (customer, entered_us) = (cell(row, 1)?, moment(row, 2)?.unwrap_or_default());
            from = order + 1;
            if order >= first_new {
                orders.row(&Order { warehouse, district, order, customer, entered_us })?;
            }
            let (carrier, delivered_us) = (cell::<Option<u32>>(row, 3)?, moment(row, 4)?);
            if let (Some(carrier), Some(delivered_us)) = (carrier, delivered_us) {
                *delivered.entry((delivered_us, carrier)).or_default() += 1;
            }
        }
        if rows.len() < PIECE_ROWS {
            return Ok(());
        }
    }
}

fn moment(row: &Row, index: usize) -> Result<Option<i64>, Failure> {
    let Some(text) = cell::<Option<String>>(row, index)? else { return Ok(None) };
    match datetime_us(&text) {
        Some(us) => Ok(Some(us)),
        None => Err(Failure::data(StatementKind::Read, format!("{text:?} is not a date"))),
    }
}

/// What `history` says.
pub(super) struct PaymentsSeen {
    pub(super) payments: Compared,
    /// Amounts that took effect, by warehouse.
    pub(super) effective: HashMap<u32, Cents>,
}

/// Compares the payments of run number `run` with the ledger.
pub(super) async fn payments(
    zone: &mut Asking,
    ledger: &Ledger,
    run: u32,
) -> Result<PaymentsSeen, Trouble> {
    let mut effective = HashMap::<u32, Cents>::new();
    let mut payments = Comparison::new(ledger.payments.iter()?, |payment: &Payment| {
        effective.entry(payment.warehouse).or_default().0 += payment.amount.0;
    });
    let mut from = (0_u32, 0_u64);
    loop {
        let (terminal, sequence) = from;
        let rows = zone
            .rows(format!(
                "SELECT h_terminal, h_sequence, h_w_id, h_d_id, h_amount FROM history WHERE h_run = {run} \
                 AND (h_terminal > {terminal} OR (h_terminal = {terminal} AND h_sequence >= {sequence})) \
                 ORDER BY h_terminal, h_sequence LIMIT {PIECE_ROWS}"
            ))
            .await?;
        for row in &rows {
            let (terminal, sequence) = (cell(row, 0)?, cell(row, 1)?);
            let (warehouse, district) = (cell(row, 2)?, cell(row, 3)?);
            let amount = money(row, 4)?;
            payments.row(&Payment { run, terminal, sequence, warehouse, district, amount })?;
            from = (terminal, sequence + 1);
        }
        if rows.len() < PIECE_ROWS {
            break;
        }
    }
    let payments = payments.finish()?;
    Ok(PaymentsSeen { payments, effective })
}

/// `d_next_o_id` of every district.
pub(super) async fn next_orders(zone: &mut Asking) -> Result<HashMap<(u32, u32), u64>, Failure> {
    let rows = zone.rows("SELECT d_w_id, d_id, d_next_o_id FROM district".to_owned()).await?;
    rows.iter().map(|row| Ok(((cell(row, 0)?, cell(row, 1)?), cell(row, 2)?))).collect()
}

/// `w_ytd` of every warehouse.
pub(super) async fn ytds(zone: &mut Asking) -> Result<HashMap<u32, Cents>, Failure> {
    let rows = zone.rows("SELECT w_id, w_ytd FROM warehouse".to_owned()).await?;
    rows.iter().map(|row| Ok((cell(row, 0)?, money(row, 1)?))).collect()
}
