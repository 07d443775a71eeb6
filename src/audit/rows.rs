//! Reads what a run left behind, in pieces, in the order of keys, straight into comparisons.

use std::collections::{BTreeMap, HashMap};
use std::io;

use super::asking::Asking;
use super::claim::{Claim, Delivery, Order, Payment};
use super::compare::{Compared, Comparison};
use super::ledger::Ledger;
use super::start::{CustomerSums, Start};
use crate::event::StatementKind;
use crate::record::FindingKind;
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

/// Number of the last run that began in this database.
pub(super) async fn last_run(zone: &mut Asking) -> Result<u32, Failure> {
    match zone.rows("SELECT last_run FROM rollproof_meta".to_owned()).await?.first() {
        Some(row) => cell(row, 0),
        None => Err(Failure::data(StatementKind::Read, "rollproof_meta is empty")),
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
    /// What took effect.
    pub(super) effective: Paid,
}

/// Payments that took effect.
#[derive(Debug, Default)]
pub(super) struct Paid {
    pub(super) count: i64,
    /// Amounts by warehouse and district.
    pub(super) amounts: HashMap<(u32, u32), Cents>,
}

impl Paid {
    /// What was paid in a warehouse.
    pub(super) fn to_warehouse(&self, warehouse: u32) -> Cents {
        let own = self.amounts.iter().filter(|((w, _), _)| *w == warehouse);
        Cents(own.map(|(_, amount)| amount.0).sum())
    }

    /// All that was paid.
    pub(super) fn total(&self) -> Cents {
        Cents(self.amounts.values().map(|amount| amount.0).sum())
    }
}

/// Compares the payments of run number `run` with the ledger.
pub(super) async fn payments(
    zone: &mut Asking,
    ledger: &Ledger,
    run: u32,
) -> Result<PaymentsSeen, Trouble> {
    let mut effective = Paid::default();
    let mut payments = Comparison::new(ledger.payments.iter()?, |payment: &Payment| {
        effective.count += 1;
        let place = (payment.warehouse, payment.district);
        effective.amounts.entry(place).or_default().0 += payment.amount.0;
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

/// Tells which of the unexplained rows are there because a business transaction took effect twice.
/// A zone that does not answer leaves them unexplained.
pub(super) async fn name_twins(zone: &mut Asking, compared: &mut Compared) {
    for (finding, sql) in compared.unexplained.first.iter_mut().zip(&compared.twins) {
        let Some(sql) = sql else { continue };
        let twin = zone.rows(sql.clone()).await.ok().and_then(|rows| rows.into_iter().next());
        if let Some(twin) = twin.and_then(|row| cell::<String>(&row, 0).ok()) {
            finding.kind = FindingKind::Duplicate;
            finding.expected = format!("nothing: the same transaction is there as {twin}");
        }
    }
}

/// `d_next_o_id` of every district.
pub(super) async fn next_orders(zone: &mut Asking) -> Result<HashMap<(u32, u32), u64>, Failure> {
    let rows = zone.rows("SELECT d_w_id, d_id, d_next_o_id FROM district".to_owned()).await?;
    rows.iter().map(|row| Ok(((cell(row, 0)?, cell(row, 1)?), cell(row, 2)?))).collect()
}

/// `w_ytd` of every warehouse and `d_ytd` of every district.
#[derive(Debug, Default)]
pub(super) struct Ytds {
    pub(super) warehouses: HashMap<u32, Cents>,
    pub(super) districts: HashMap<(u32, u32), Cents>,
}

pub(super) async fn ytds(zone: &mut Asking) -> Result<Ytds, Failure> {
    let warehouses = zone.rows("SELECT w_id, w_ytd FROM warehouse".to_owned()).await?;
    let districts = zone.rows("SELECT d_w_id, d_id, d_ytd FROM district".to_owned()).await?;
    let of_district = |row: &Row| Ok(((cell(row, 0)?, cell(row, 1)?), money(row, 2)?));
    Ok(Ytds {
        warehouses: warehouses
            .iter()
            .map(|row| Ok((cell(row, 0)?, money(row, 1)?)))
            .collect::<Result<_, Failure>>()?,
        districts: districts.iter().map(of_district).collect::<Result<_, Failure>>()?,
    })
}

/// What customers' counters say, and what was delivered to them since the start.
#[derive(Debug, Default)]
pub(super) struct CustomersSeen {
    pub(super) sums: CustomerSums,
    pub(super) delivered: Cents,
}

/// Adds up all customers, and all order lines delivered since the start.
pub(super) async fn customers(zone: &mut Asking, start: &Start) -> Result<CustomersSeen, Failure> {
    let mut seen = CustomersSeen::default();
    for begun in &start.warehouses {
        let w = begun.warehouse;
        for row in zone.rows(CustomerSums::sql(w)).await? {
            seen.sums.add(CustomerSums::of(&row)?);
        }
        for (district, oldest) in (1..).zip(begun.oldest_undelivered) {
            let delivered = format!(
                "SELECT COALESCE(SUM(ol_amount), 0) FROM order_line WHERE ol_w_id = {w} \
                 AND ol_d_id = {district} AND ol_o_id >= {oldest} AND ol_delivery_d IS NOT NULL"
            );
            for row in zone.rows(delivered).await? {
                seen.delivered.0 += money(&row, 0)?.0;
            }
        }
    }
    Ok(seen)
}
