//! The checks by name, and how a check's result is put together.

use super::compare::Findings;
use crate::record::{CheckResult, DataVerdict};
use crate::session::Failure;
use crate::tpcc::scale::Table;

/// A check: a stable name and what it states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    name: String,
    title: String,
}

/// What a check found and what it looked at, or why it could not be made.
pub(super) type Finding = Result<(Findings, String), String>;

impl Check {
    pub(super) fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self { name: name.into(), title: title.into() }
    }

    pub(super) fn ledger_orders() -> Self {
        Self::new("ledger-orders", "every acknowledged order is there, as acknowledged, once")
    }

    pub(super) fn ledger_payments() -> Self {
        Self::new("ledger-payments", "every acknowledged payment is there with its amount, once")
    }

    pub(super) fn ledger_deliveries() -> Self {
        Self::new("ledger-deliveries", "every acknowledged delivery is there with all its orders")
    }

    pub(super) fn unexplained_orders() -> Self {
        Self::new(
            "unexplained-orders",
            "every order since the start is one that the ledger explains",
        )
    }

    pub(super) fn unexplained_payments() -> Self {
        Self::new(
            "unexplained-payments",
            "every payment of this run is one that the ledger explains",
        )
    }

    pub(super) fn unexplained_deliveries() -> Self {
        Self::new(
            "unexplained-deliveries",
            "every delivery since the start is one that the ledger explains",
        )
    }

    pub(super) fn counted_orders() -> Self {
        Self::new("counted-orders", "d_next_o_id moved by exactly the orders that took effect")
    }

    pub(super) fn counted_payments() -> Self {
        Self::new(
            "counted-payments",
            "w_ytd and d_ytd moved by exactly the payments that took effect",
        )
    }

    pub(super) fn counted_customers() -> Self {
        Self::new(
            "counted-customers",
            "c_balance, c_ytd_payment and c_payment_cnt moved by exactly what took effect",
        )
    }

    pub(super) fn chunks() -> Self {
        Self::new("loaded-chunks", "every chunk of the load is marked as written, once")
    }

    pub(super) fn loaded(table: Table) -> Self {
        Self::new(format!("loaded-{table}"), format!("{table} holds exactly the rows of the load"))
    }

    pub(super) fn uncertain_writes() -> Self {
        Self::new("uncertain-writes", "a write of unknown fate has the same fate on every zone")
    }

    pub(super) fn same_rows(table: Table) -> Self {
        Self::new(format!("same-{table}"), format!("{table} holds the same rows on every zone"))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn result(self, finding: Finding) -> CheckResult {
        let (verdict, findings, detail) = match finding {
            Ok((findings, detail)) if findings.total == 0 => (DataVerdict::Pass, findings, detail),
            Ok((findings, detail)) => (DataVerdict::Fail, findings, detail),
            Err(why) => (DataVerdict::Unknown, Findings::default(), why),
        };
        CheckResult {
            check: self.name,
            title: self.title,
            verdict,
            violations: findings.total,
            detail,
            findings: findings.first,
        }
    }
}

/// Why a zone gave no answer, in one line.
pub(super) fn no_answer(failure: &Failure) -> String {
    format!("the zone did not answer: {failure}")
}
