//! Writes and the keys by which they are found again.

use super::RunTime;
use crate::spelling::spelled;

spelled! {
    /// How sure the client is of a write when it enters it in the ledger.
    pub enum Fate {
        /// COMMIT was acknowledged.
        Acknowledged = "acknowledged",
        /// COMMIT was sent, its result is unknown.
        Ambiguous = "ambiguous",
        /// Ambiguous before, then looked up during the run and found.
        Committed = "committed",
        /// Ambiguous before, then looked up during the run, after its session had ended, and not
        /// found.
        Absent = "absent",
    }
}

impl Fate {
    /// Whether an entry settles an earlier one of the same transaction, which was ambiguous.
    pub fn settles(self) -> bool {
        matches!(self, Self::Committed | Self::Absent)
    }
}

/// What the ledger keeps of a transaction: the key by which its write is found again in the
/// database, or what it saw there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteKey {
    /// An order: its number, its customer and the client's own entry time.
    NewOrder {
        /// District of the order.
        district: u32,
        /// `o_id`.
        order: u64,
        /// `o_c_id`.
        customer: u32,
        /// `o_entry_d` in µs since the Unix epoch.
        entered_us: i64,
    },
    /// A payment: found by history's primary key (run, terminal, sequence).
    Payment {
        /// District that took the payment.
        district: u32,
        /// `h_amount` in cents.
        amount_cents: i64,
    },
    /// A delivery: found by carrier and delivery time.
    Delivery {
        /// `o_carrier_id`.
        carrier: u32,
        /// `ol_delivery_d` in µs since the Unix epoch.
        delivered_us: i64,
        /// How many orders it delivered, one a district at most.
        orders: u32,
    },
    /// Nothing was written: what a Stock-Level saw.
    Sight {
        /// District it looked at.
        district: u32,
        /// The newest order of the district: `d_next_o_id` less one.
        newest: u64,
    },
}

impl WriteKey {
    /// Whether there is a write to be found.
    pub fn is_write(&self) -> bool {
        !matches!(self, Self::Sight { .. })
    }
}

/// An acknowledged or ambiguous write, what became of an ambiguous one, or an acknowledged sight: one
/// row of `ledger.csv.zst`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The terminal that wrote.
    pub terminal: u32,
    /// The business transaction's sequence number at that terminal.
    pub sequence: u64,
    /// The home warehouse, which is the warehouse of every key.
    pub warehouse: u32,
    /// When the client knew, or gave up knowing.
    pub at: RunTime,
    /// How sure the client was at that moment.
    pub fate: Fate,
    /// How to find it.
    pub key: WriteKey,
}
