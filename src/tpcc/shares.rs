//! The tool audits its own input: mix, remote, by-name and rollback shares against the bounds
//! that the specification sets for a measured run (clauses 5.2.3 and 8.1.7).

use std::ops::RangeInclusive;

use super::input::{Input, NewOrder, Selector};
use crate::event::TxnKind;

/// Counts over the inputs of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    kinds: [u64; TxnKind::COUNT],
    rollbacks: u64,
    lines: u64,
    remote_lines: u64,
    remote_payments: u64,
    payments_by_name: u64,
    statuses_by_name: u64,
}

/// One share with the bounds it should keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// What is shared, as `remote lines`.
    pub name: &'static str,
    /// What was drawn; NaN when there was nothing to draw from.
    pub observed: f64,
    /// The specification's bounds: percent, but for lines an order.
    pub bounds: RangeInclusive<f64>,
}

impl Share {
    /// Whether the bounds hold. Short runs may miss narrow ones by chance.
    pub fn holds(&self) -> bool {
        self.bounds.contains(&self.observed)
    }
}

impl Shares {
    /// Counts one business transaction, once however often it is retried.
    pub fn count(&mut self, input: &Input) {
        self.kinds[input.kind().index()] += 1;
        let by_name = |selector| u64::from(matches!(selector, Selector::LastName(_)));
        match input {
            Input::NewOrder(order) => self.count_order(order),
            Input::Payment(payment) => {
                let customer = payment.customer;
                self.remote_payments += u64::from(customer.warehouse != payment.warehouse);
                self.payments_by_name += by_name(customer.selector);
            }
            Input::OrderStatus(status) => {
                self.statuses_by_name += by_name(status.customer.selector);
            }
            Input::Delivery(_) | Input::StockLevel(_) => {}
        }
    }

    fn count_order(&mut self, order: &NewOrder) {
        self.rollbacks += u64::from(order.rolls_back());
        self.lines += order.lines.len() as u64;
        let remote = order.lines.iter().filter(|line| line.supply != order.warehouse);
        self.remote_lines += remote.count() as u64;
    }

    /// Adds what another part of the tool counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            *mine += theirs;
        }
        self.rollbacks += other.rollbacks;
        self.lines += other.lines;
        self.remote_lines += other.remote_lines;
        self.remote_payments += other.remote_payments;
        self.payments_by_name += other.payments_by_name;
        self.statuses_by_name += other.statuses_by_name;
    }

    /// Every share with its bounds. With one warehouse nothing can be remote, and the two remote
    /// shares are left out.
    pub fn audit(&self, warehouses: u32) -> Vec<Share> {
        let of = |kind: TxnKind| self.kinds[kind.index()];
        let all = self.kinds.iter().sum();
        let share =
            |name, part, whole, bounds| Share { name, observed: percent(part, whole), bounds };
        let (orders, payments) = (of(TxnKind::NewOrder), of(TxnKind::Payment));
        let mut shares = vec![
            share("payment", payments, all, 43.0..=100.0),
            share("order-status", of(TxnKind::OrderStatus), all, 4.0..=100.0),
            share("delivery", of(TxnKind::Delivery), all, 4.0..=100.0),
            share("stock-level", of(TxnKind::StockLevel), all, 4.0..=100.0),
            share("new-order rolled back", self.rollbacks, orders, 0.9..=1.1),
            Share {
                name: "lines an order",
                observed: percent(self.lines, orders) / 100.0,
                bounds: 9.5..=10.5,
            },
            share("payment by last name", self.payments_by_name, payments, 57.0..=63.0),
            share(
                "order-status by last name",
                self.statuses_by_name,
                of(TxnKind::OrderStatus),
                57.0..=63.0,
            ),
        ];
        if warehouses > 1 {
            shares.push(share("remote lines", self.remote_lines, self.lines, 0.95..=1.05));
            shares.push(share("remote payments", self.remote_payments, payments, 14.0..=16.0));
        }
        shares
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::super::input::{Home, TerminalSource};
    use super::super::random::{CLast, RunConstants};
    use super::*;

    #[test]
    fn many_draws_keep_every_bound_of_the_specification() {
        let constants = RunConstants::new(1, CLast::load(1));
        let mut shares = Shares::default();
        for terminal in 0..20 {
            let home = Home::of(terminal, 10);
            let mut source = TerminalSource::new(1, terminal, home, 10, constants);
            let mut own = Shares::default();
            (0..23 * 2000).for_each(|_| own.count(&source.next()));
            shares.merge(&own);
        }
        let audit = shares.audit(10);
        assert_eq!(audit.len(), 10);
        for share in audit {
            assert!(share.holds(), "{share:?}");
        }
        assert_eq!(shares.audit(1).len(), 8);
    }

    #[test]
    fn a_share_of_nothing_never_holds() {
        assert!(Shares::default().audit(1).iter().all(|share| !share.holds()));
    }
}
