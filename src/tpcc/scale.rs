//! Constants of the specification: cardinalities, ranges, mix, waits (clauses 1.2, 2.4 to 2.8,
//! 4.3 and 5.2).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::event::TxnKind;
use crate::spelling::spelled;

spelled! {
    /// The nine tables, in the order in which they are created and counted.
    pub enum Table {
        /// `item`: the same 100 000 rows for all warehouses.
        Item = "item",
        /// `warehouse`.
        Warehouse = "warehouse",
        /// `district`: 10 a warehouse.
        District = "district",
        /// `stock`: one row for each item and warehouse.
        Stock = "stock",
        /// `customer`: 3 000 a district.
        Customer = "customer",
        /// `history`: one row for each payment.
        History = "history",
        /// `orders`; ORDER is a reserved word.
        Orders = "orders",
        /// `new_order`: orders not yet delivered.
        NewOrder = "new_order",
        /// `order_line`: 5 to 15 an order.
        OrderLine = "order_line",
    }
}

/// Rows of `item` (clause 4.3.3.1).
pub const ITEMS: u32 = 100_000;
/// Districts of a warehouse.
pub const DISTRICTS: u32 = 10;
/// Customers of a district; as many history rows and orders at the beginning.
pub const CUSTOMERS: u32 = 3_000;
/// Orders of a district at the beginning, one for each customer.
pub const ORDERS: u32 = CUSTOMERS;
/// The first order of a district that is not delivered at the beginning.
pub const FIRST_UNDELIVERED: u32 = 2_101;
/// Undelivered orders of a district at the beginning: rows of `new_order`.
pub const UNDELIVERED: u32 = ORDERS - FIRST_UNDELIVERED + 1;
/// Lines of an order (clauses 2.4.1.3 and 4.3.3.1).
pub const LINES: RangeInclusive<u32> = 5..=15;
/// The most lines an order has, as a size.
pub const LINES_MAX: usize = *LINES.end() as usize;
/// An item number that no item has (clause 2.4.1.5).
pub const UNUSED_ITEM: u32 = ITEMS + 1;
/// Orders that Stock-Level looks back over (clause 2.8.2.2).
pub const STOCK_LEVEL_ORDERS: u32 = 20;
/// `c_data` of a customer with bad credit is cut to this length (clause 2.5.2.2).
pub const C_DATA_MAX: usize = 500;

/// Cards of one kind in a deck of 23, in the order of [`TxnKind::TRANSACTIONS`] (clause 5.2.4.2).
pub const CARDS: [usize; TxnKind::TRANSACTIONS.len()] = [10, 10, 1, 1, 1];

/// Keying time of a kind (clause 5.2.5.7).
pub const fn keying(kind: TxnKind) -> Duration {
    Duration::from_secs(match kind {
        TxnKind::NewOrder => 18,
        TxnKind::Payment => 3,
        TxnKind::OrderStatus | TxnKind::Delivery | TxnKind::StockLevel => 2,
        // A loader has no keyboard.
        TxnKind::LoadChunk => 0,
    })
}

/// Mean think time of a kind (clause 5.2.5.7).
pub const fn think_mean(kind: TxnKind) -> Duration {
    Duration::from_secs(match kind {
        TxnKind::NewOrder | TxnKind::Payment => 12,
        TxnKind::OrderStatus => 10,
        TxnKind::Delivery | TxnKind::StockLevel => 5,
        TxnKind::LoadChunk => 0,
    })
}

/// A think time is cut at this multiple of its mean (clause 5.2.5.4).
pub const THINK_MAX_MEANS: f64 = 10.0;

impl Table {
    /// Rows of the table in a fresh database, for one warehouse; `item` counts for all of them.
    /// `None` for `order_line`, whose number is random.
    pub const fn rows_a_warehouse(self) -> Option<u32> {
        Some(match self {
            Self::Item | Self::Stock => ITEMS,
            Self::Warehouse => 1,
            Self::District => DISTRICTS,
            Self::Customer | Self::History | Self::Orders => DISTRICTS * CUSTOMERS,
            Self::NewOrder => DISTRICTS * UNDELIVERED,
            Self::OrderLine => return None,
        })
    }

    /// The column that says which warehouse a row belongs to, by which tables are partitioned;
    /// `None` for `item`, which belongs to all.
    pub const fn warehouse_column(self) -> Option<&'static str> {
        Some(match self {
            Self::Item => return None,
            Self::Warehouse => "w_id",
            Self::District => "d_w_id",
            Self::Stock => "s_w_id",
            Self::Customer => "c_w_id",
            Self::History => "h_w_id",
            Self::Orders => "o_w_id",
            Self::NewOrder => "no_w_id",
            Self::OrderLine => "ol_w_id",
        })
    }
}
