//! What the ledger claims about the database, and the rows that can bear it out.

use std::fmt::Debug;

use crate::event::{Fate, LedgerEntry, WriteKey};
use crate::tpcc::money::Cents;
use crate::tpcc::time::datetime_text;

/// Numbers a row is made of, on disk.
pub(super) const WORDS: usize = 5;

/// A row that a transaction leaves behind, reduced to what tells whose it is and what it says.
/// Rows are ordered by their keys first, as the database hands them out.
pub(super) trait Trace: Copy + Ord + Debug + Send + Sync + 'static {
    /// What identifies the row.
    type Key: Copy + Ord + Send;

    fn key(&self) -> Self::Key;
    /// The key for people.
    fn place(key: Self::Key) -> String;
    /// What the row says besides, for people.
    fn content(&self) -> String;
    /// A statement that shows the row.
    fn sql(key: Self::Key) -> String;
    /// A statement that names another row of the same business transaction, if there is one: then
    /// this row is one too many. `None` where rows have nothing that would tell.
    fn twin_sql(&self) -> Option<String>;

    fn to_words(self) -> [u64; WORDS];
    fn from_words(words: [u64; WORDS]) -> Self;
}

/// What the ledger says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    /// It is there: COMMIT was acknowledged.
    There,
    /// It may be there.
    Uncertain,
    /// It was uncertain, and was there when it was looked up during the run.
    Found,
    /// It was uncertain, and was not there when nothing could commit it any more.
    NeverThere,
}

impl Said {
    pub(super) const ALL: [Self; 4] = [Self::There, Self::Uncertain, Self::Found, Self::NeverThere];
}

impl From<Fate> for Said {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Acknowledged => Self::There,
            Fate::Ambiguous => Self::Uncertain,
            Fate::Committed => Self::Found,
            Fate::Absent => Self::NeverThere,
        }
    }
}

/// An entry of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim<T> {
    pub(super) row: T,
    pub(super) said: Said,
}

/// An order, by what makes it this client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) warehouse: u32,
    pub(super) district: u32,
    pub(super) order: u64,
    pub(super) customer: u32,
    pub(super) entered_us: i64,
}

impl Trace for Order {
    type Key = (u32, u32, u64);

    fn key(&self) -> Self::Key {
        (self.warehouse, self.district, self.order)
    }

    fn place((w, d, o): Self::Key) -> String {
        format!("order (w {w}, d {d}, o {o})")
    }

    fn content(&self) -> String {
        format!("customer {}, entered {}", self.customer, datetime_text(self.entered_us))
    }

    fn sql((w, d, o): Self::Key) -> String {
        format!("SELECT * FROM orders WHERE o_w_id = {w} AND o_d_id = {d} AND o_id = {o}")
    }

    fn twin_sql(&self) -> Option<String> {
        let Self { warehouse: w, district: d, order: o, customer: c, .. } = self;
        let entered = datetime_text(self.entered_us);
        Some(format!(
            "SELECT CONCAT('order ', o_id) FROM orders WHERE o_w_id = {w} AND o_d_id = {d} \
             AND o_c_id = {c} AND o_entry_d = '{entered}' AND o_id <> {o} LIMIT 1"
        ))
    }

    fn to_words(self) -> [u64; WORDS] {
        let Self { warehouse, district, order, customer, entered_us } = self;
        [warehouse.into(), district.into(), order, customer.into(), entered_us.cast_unsigned()]
    }

    fn from_words([w, d, order, customer, entered]: [u64; WORDS]) -> Self {
        Self {
            warehouse: w as u32,
            district: d as u32,
            order,
            customer: customer as u32,
            entered_us: entered.cast_signed(),
        }
    }
}

/// A payment, by the primary key that the client gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Payment {
    pub(super) run: u32,
    pub(super) terminal: u32,
    pub(super) sequence: u64,
    pub(super) warehouse: u32,
    pub(super) district: u32,
    pub(super) amount: Cents,
}

impl Trace for Payment {
    type Key = (u32, u32, u64);

    fn key(&self) -> Self::Key {
        (self.run, self.terminal, self.sequence)
    }

    fn place((run, terminal, sequence): Self::Key) -> String {
        format!("payment (run {run}, terminal {terminal}, sequence {sequence})")
    }

    fn content(&self) -> String {
        format!("{} to w {}, d {}", self.amount, self.warehouse, self.district)
    }

    fn sql((run, terminal, sequence): Self::Key) -> String {
        format!(
            "SELECT * FROM history WHERE h_run = {run} AND h_terminal = {terminal} AND h_sequence = {sequence}"
        )
    }

    fn twin_sql(&self) -> Option<String> {
        let Self { run, terminal, sequence, .. } = self;
        Some(format!(
            "SELECT CONCAT('sequence ', twin.h_sequence) FROM history AS own JOIN history AS twin \
             ON twin.h_run = own.h_run AND twin.h_terminal = own.h_terminal \
             AND twin.h_date = own.h_date AND twin.h_sequence <> own.h_sequence \
             WHERE own.h_run = {run} AND own.h_terminal = {terminal} AND own.h_sequence = {sequence} LIMIT 1"
        ))
    }

    fn to_words(self) -> [u64; WORDS] {
        let Self { run, terminal, sequence, warehouse, district, amount } = self;
        let taken_at = u64::from(warehouse) << 32 | u64::from(district);
        [run.into(), terminal.into(), sequence, taken_at, amount.0.cast_unsigned()]
    }

    fn from_words([run, terminal, sequence, taken_at, cents]: [u64; WORDS]) -> Self {
        Self {
            run: run as u32,
            terminal: terminal as u32,
            sequence,
            warehouse: (taken_at >> 32) as u32,
            district: taken_at as u32,
            amount: Cents(cents.cast_signed()),
        }
    }
}

/// A delivery, put together from the orders it touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delivery {
    pub(super) warehouse: u32,
    pub(super) delivered_us: i64,
    pub(super) carrier: u32,
    pub(super) orders: u32,
}

impl Trace for Delivery {
    type Key = (u32, i64, u32);

    fn key(&self) -> Self::Key {
        (self.warehouse, self.delivered_us, self.carrier)
    }

    fn place((w, delivered_us, carrier): Self::Key) -> String {
        format!("delivery (w {w}, at {}, carrier {carrier})", datetime_text(delivered_us))
    }

    fn content(&self) -> String {
        format!("{} orders delivered", self.orders)
    }

    fn sql((w, delivered_us, carrier): Self::Key) -> String {
        format!(
            "SELECT o_d_id, o_id FROM orders JOIN order_line \
             ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id AND ol_number = 1 \
             WHERE o_w_id = {w} AND o_carrier_id = {carrier} AND ol_delivery_d = '{}'",
            datetime_text(delivered_us)
        )
    }

    fn twin_sql(&self) -> Option<String> {
        None
    }

    fn to_words(self) -> [u64; WORDS] {
        let Self { warehouse, delivered_us, carrier, orders } = self;
        [warehouse.into(), delivered_us.cast_unsigned(), carrier.into(), orders.into(), 0]
    }

    fn from_words([w, delivered, carrier, orders, _]: [u64; WORDS]) -> Self {
        Self {
            warehouse: w as u32,
            delivered_us: delivered.cast_signed(),
            carrier: carrier as u32,
            orders: orders as u32,
        }
    }
}

/// A claim of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnyClaim {
    Order(Claim<Order>),
    Payment(Claim<Payment>),
    Delivery(Claim<Delivery>),
}

impl AnyClaim {
    /// What an entry of the ledger of run number `run` claims; `None` where nothing was written.
    pub(super) fn of(entry: &LedgerEntry, run: u32) -> Option<Self> {
        let said = entry.fate.into();
        let LedgerEntry { terminal, sequence, warehouse, .. } = *entry;
        Some(match entry.key {
            WriteKey::NewOrder { district, order, customer, entered_us } => {
                let row = Order { warehouse, district, order, customer, entered_us };
                Self::Order(Claim { row, said })
            }
            WriteKey::Payment { district, amount_cents } => {
                let amount = Cents(amount_cents);
                let row = Payment { run, terminal, sequence, warehouse, district, amount };
                Self::Payment(Claim { row, said })
            }
            WriteKey::Delivery { carrier, delivered_us, orders } => {
                let row = Delivery { warehouse, delivered_us, carrier, orders };
                Self::Delivery(Claim { row, said })
            }
            WriteKey::Sight { .. } => return None,
        })
    }
}
