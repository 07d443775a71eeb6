//! What the load asked for, counted: the tool's audit of itself stands on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TxnKind;

/// Counts over the inputs of all business transactions of a run that came due, each counted once
/// however often it was attempted and whatever became of it: `inputs.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InputCounts {
    /// New-Orders.
    pub new_orders: u64,
    /// Payments.
    pub payments: u64,
    /// Order-Statuses.
    pub order_statuses: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Stock-Levels.
    pub stock_levels: u64,
    /// New-Orders that are to be rolled back.
    pub rolled_back: u64,
    /// Order lines of all New-Orders.
    pub lines: u64,
    /// Of those, supplied by another warehouse.
    pub remote_lines: u64,
    /// Payments by a customer of another warehouse.
    pub remote_payments: u64,
    /// Payments whose customer is named by last name.
    pub payments_by_name: u64,
    /// Order-Statuses whose customer is named by last name.
    pub order_statuses_by_name: u64,
}

impl InputCounts {
    /// Business transactions of a kind.
    pub fn of(&self, kind: TxnKind) -> u64 {
        match kind {
            TxnKind::NewOrder => self.new_orders,
            TxnKind::Payment => self.payments,
            TxnKind::OrderStatus => self.order_statuses,
            TxnKind::Delivery => self.deliveries,
            TxnKind::StockLevel => self.stock_levels,
            // A load draws nothing.
            TxnKind::LoadChunk => 0,
        }
    }

    /// All business transactions.
    pub fn all(&self) -> u64 {
        TxnKind::TRANSACTIONS.iter().fold(0, |sum, kind| sum.saturating_add(self.of(*kind)))
    }

    /// Adds what another part of the run counted.
    pub fn add(&mut self, other: &Self) {
        self.new_orders += other.new_orders;
        self.payments += other.payments;
        self.order_statuses += other.order_statuses;
        self.deliveries += other.deliveries;
        self.stock_levels += other.stock_levels;
        self.rolled_back += other.rolled_back;
        self.lines += other.lines;
        self.remote_lines += other.remote_lines;
        self.remote_payments += other.remote_payments;
        self.payments_by_name += other.payments_by_name;
        self.order_statuses_by_name += other.order_statuses_by_name;
    }
}
