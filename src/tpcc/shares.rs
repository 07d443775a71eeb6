//! Counts what is drawn, so that the tool can audit its own input.

use super::input::{Input, NewOrder, Selector};
use crate::event::InputCounts;

/// Counts the input of one business transaction.
pub fn count_input(input: &Input, counts: &mut InputCounts) {
    match input {
        Input::NewOrder(order) => count_order(order, counts),
        Input::Payment(payment) => {
            let customer = payment.customer;
            counts.payments += 1;
            counts.remote_payments += u64::from(customer.warehouse != payment.warehouse);
            counts.payments_by_name += by_name(customer.selector);
        }
        Input::OrderStatus(status) => {
            counts.order_statuses += 1;
            counts.order_statuses_by_name += by_name(status.customer.selector);
        }
        Input::Delivery(_) => counts.deliveries += 1,
        Input::StockLevel(_) => counts.stock_levels += 1,
    }
}

fn count_order(order: &NewOrder, counts: &mut InputCounts) {
    counts.new_orders += 1;
    counts.rolled_back += u64::from(order.rolls_back());
    counts.lines += order.lines.len() as u64;
    let remote = order.lines.iter().filter(|line| line.supply != order.warehouse);
    counts.remote_lines += remote.count() as u64;
}

fn by_name(selector: Selector) -> u64 {
    u64::from(matches!(selector, Selector::LastName(_)))
}

#[cfg(test)]
mod tests {
    use super::super::input::{Customer, Line, OrderStatus, Payment};
    use super::super::money::Cents;
    use super::super::scale::UNUSED_ITEM;
    use super::*;

    fn counted(inputs: &[Input]) -> InputCounts {
        let mut counts = InputCounts::default();
        inputs.iter().for_each(|input| count_input(input, &mut counts));
        counts
    }

    #[test]
    fn remote_by_name_and_rolled_back_are_told_apart() {
        let line = |item, supply| Line { item, supply, quantity: 1 };
        let order =
            |lines| Input::NewOrder(NewOrder { warehouse: 1, district: 2, customer: 3, lines });
        let orders = [
            order(vec![line(1, 1), line(2, 3), line(3, 1)]),
            order(vec![line(1, 2), line(UNUSED_ITEM, 1)]),
        ];
        let expected = InputCounts {
            new_orders: 2,
            rolled_back: 1,
            lines: 5,
            remote_lines: 2,
            ..InputCounts::default()
        };
        assert_eq!(counted(&orders), expected);

        let customer = |warehouse, selector| Customer { warehouse, district: 1, selector };
        let payment = |customer| {
            Input::Payment(Payment { warehouse: 1, district: 1, customer, amount: Cents(100) })
        };
        let others = [
            payment(customer(1, Selector::LastName(1))),
            payment(customer(2, Selector::Id(1))),
            Input::OrderStatus(OrderStatus { customer: customer(1, Selector::LastName(9)) }),
        ];
        let expected = InputCounts {
            payments: 2,
            remote_payments: 1,
            payments_by_name: 1,
            order_statuses: 1,
            order_statuses_by_name: 1,
            ..InputCounts::default()
        };
        assert_eq!(counted(&others), expected);
    }
}
