//! Inputs of the five transactions, drawn before execution (clauses 2.4.1 to 2.8.1): every retry
//! of a business transaction executes the same input.

use std::time::Duration;

use super::deck::Deck;
use super::money::Cents;
use super::random::{Purpose, RunConstants, Stream};
use super::scale::{
    CUSTOMERS, DISTRICTS, LINES, LINES_MAX, THINK_MAX_MEANS, UNUSED_ITEM, keying, think_mean,
};
use crate::event::TxnKind;

/// Where a terminal stands (clause 2.4.1.1 and 2.8.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// Its warehouse, from 1.
    pub warehouse: u32,
    /// Its district, from 1 to 10; Stock-Level asks about this one.
    pub district: u32,
}

impl Home {
    /// Home of terminal number `terminal`, from 0: warehouse after warehouse, then the next
    /// district, so that any number of terminals is spread evenly.
    pub fn of(terminal: u32, warehouses: u32) -> Self {
        let warehouses = warehouses.max(1);
        Self {
            warehouse: terminal % warehouses + 1,
            district: terminal / warehouses % DISTRICTS + 1,
        }
    }
}

/// One line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Item; [`UNUSED_ITEM`] on the last line of an order that is to be rolled back.
    pub item: u32,
    /// Supplying warehouse.
    pub supply: u32,
    /// How many.
    pub quantity: u32,
}

/// Input of New-Order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Warehouse.
    pub warehouse: u32,
    /// District.
    pub district: u32,
    /// Customer.
    pub customer: u32,
    /// 5 to 15 lines, sorted by supplying warehouse and item, so that any two orders lock stock
    /// in the same order. An item that no item has comes last.
    pub lines: Vec<Line>,
}

impl NewOrder {
    /// Whether the specification wants this order rolled back (clause 2.4.1.4).
    pub fn rolls_back(&self) -> bool {
        self.lines.last().is_some_and(|line| line.item == UNUSED_ITEM)
    }

    /// Whether no line is supplied from elsewhere: `o_all_local`.
    pub fn all_local(&self) -> bool {
        self.lines.iter().all(|line| line.supply == self.warehouse)
    }
}

/// How a customer is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// By number.
    Id(u32),
    /// By the number of the last name: the middle one of all who have it.
    LastName(u32),
}

/// A customer, somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// Its warehouse.
    pub warehouse: u32,
    /// Its district.
    pub district: u32,
    /// Which one.
    pub selector: Selector,
}

/// Input of Payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Warehouse that takes the payment.
    pub warehouse: u32,
    /// District that takes it.
    pub district: u32,
    /// Who pays.
    pub customer: Customer,
    /// How much: 1.00 to 5000.00.
    pub amount: Cents,
}

/// Input of Order-Status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStatus {
    /// Whose last order.
    pub customer: Customer,
}

/// Input of Delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Warehouse; the oldest order of each of its districts is delivered.
    pub warehouse: u32,
    /// Carrier, from 1 to 10.
    pub carrier: u32,
}

/// Input of Stock-Level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    /// The terminal's warehouse.
    pub warehouse: u32,
    /// The terminal's district.
    pub district: u32,
    /// Stock below this is counted: 10 to 20.
    pub threshold: u32,
}

/// A business transaction: what it does and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Clause 2.4.
    NewOrder(NewOrder),
    /// Clause 2.5.
    Payment(Payment),
    /// Clause 2.6.
    OrderStatus(OrderStatus),
    /// Clause 2.7.
    Delivery(Delivery),
    /// Clause 2.8.
    StockLevel(StockLevel),
}

impl Input {
    /// Which of the five it is.
    pub fn kind(&self) -> TxnKind {
        match self {
            Self::NewOrder(_) => TxnKind::NewOrder,
            Self::Payment(_) => TxnKind::Payment,
            Self::OrderStatus(_) => TxnKind::OrderStatus,
            Self::Delivery(_) => TxnKind::Delivery,
            Self::StockLevel(_) => TxnKind::StockLevel,
        }
    }

    /// The terminal's home warehouse.
    pub fn warehouse(&self) -> u32 {
        match self {
            Self::NewOrder(input) => input.warehouse,
            Self::Payment(input) => input.warehouse,
            Self::OrderStatus(input) => input.customer.warehouse,
            Self::Delivery(input) => input.warehouse,
            Self::StockLevel(input) => input.warehouse,
        }
    }
}

/// Waits around a transaction in the `spec` model, before any scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// Before it is sent: constant for its kind (clause 5.2.5.2).
    pub keying: Duration,
    /// After its answer: negative exponential, cut at ten means (clause 5.2.5.4).
    pub think: Duration,
}

/// One terminal's endless business: a deck, and streams of inputs and waits.
///
/// Seed and terminal number alone decide what comes: two runs with the same seed ask for the same
/// things in the same order, which is what makes them comparable.
#[derive(Debug, Clone)]
pub struct TerminalSource {
    home: Home,
    warehouses: u32,
    constants: RunConstants,
    deck: Deck,
    inputs: Stream,
    waits: Stream,
}

impl TerminalSource {
    /// The source of terminal number `terminal`, from 0, on a database of `warehouses`.
    pub fn new(
        seed: u64,
        terminal: u32,
        home: Home,
        warehouses: u32,
        constants: RunConstants,
    ) -> Self {
        let stream = |purpose| Stream::new(seed, purpose, [terminal.into(), 0, 0]);
        Self {
            home,
            warehouses: warehouses.max(1),
            constants,
            deck: Deck::new(stream(Purpose::Deck)),
            inputs: stream(Purpose::Input),
            waits: stream(Purpose::Wait),
        }
    }

    /// The next business transaction.
    #[expect(clippy::should_implement_trait, reason = "a source never ends")]
    pub fn next(&mut self) -> Input {
        match self.deck.deal() {
            TxnKind::NewOrder => Input::NewOrder(self.new_order()),
            TxnKind::Payment => Input::Payment(self.payment()),
            TxnKind::OrderStatus => Input::OrderStatus(OrderStatus { customer: self.neighbour() }),
            TxnKind::Delivery => Input::Delivery(Delivery {
                warehouse: self.home.warehouse,
                carrier: self.inputs.between(1, 10),
            }),
            TxnKind::StockLevel => Input::StockLevel(StockLevel {
                warehouse: self.home.warehouse,
                district: self.home.district,
                threshold: self.inputs.between(10, 20),
            }),
            TxnKind::LoadChunk => unreachable!("a deck holds the kinds of a run alone"),
        }
    }

    /// Waits of the `spec` model around a transaction of this kind.
    pub fn waits(&mut self, kind: TxnKind) -> Waits {
        let means = (-self.waits.unit().ln()).min(THINK_MAX_MEANS);
        Waits { keying: keying(kind), think: think_mean(kind).mul_f64(means) }
    }

    fn new_order(&mut self) -> NewOrder {
        let (district, customer) =
            (self.district(), self.constants.draw_customer(&mut self.inputs));
        let count = self.inputs.between(*LINES.start(), *LINES.end());
        let rolls_back = self.inputs.percent(1);
        let mut lines = Vec::with_capacity(LINES_MAX);
        lines.extend((0..count).map(|_| self.line()));
        if rolls_back && let Some(last) = lines.last_mut() {
            last.item = UNUSED_ITEM;
        }
        lines.sort_by_key(|line| (line.item == UNUSED_ITEM, line.supply, line.item));
        NewOrder { warehouse: self.home.warehouse, district, customer, lines }
    }

    fn line(&mut self) -> Line {
        let item = self.constants.draw_item(&mut self.inputs);
        let remote = self.inputs.percent(1);
        let supply = if remote { self.elsewhere() } else { self.home.warehouse };
        Line { item, supply, quantity: self.inputs.between(1, 10) }
    }

    fn payment(&mut self) -> Payment {
        let district = self.district();
        let remote = self.inputs.percent(15) && self.warehouses > 1;
        let (customer_warehouse, customer_district) = if remote {
            (self.elsewhere(), self.district())
        } else {
            (self.home.warehouse, district)
        };
        let customer = Customer {
            warehouse: customer_warehouse,
            district: customer_district,
            selector: self.selector(),
        };
        let amount = Cents(self.inputs.between(100, 500_000).into());
        Payment { warehouse: self.home.warehouse, district, customer, amount }
    }

    /// A customer of the home warehouse.
    fn neighbour(&mut self) -> Customer {
        let district = self.district();
        Customer { warehouse: self.home.warehouse, district, selector: self.selector() }
    }

    /// 60 % by last name (clauses 2.5.1.2 and 2.6.1.2).
    fn selector(&mut self) -> Selector {
        if self.inputs.percent(60) {
            Selector::LastName(self.constants.last.draw(&mut self.inputs))
        } else {
            Selector::Id(self.constants.draw_customer(&mut self.inputs))
        }
    }

    fn district(&mut self) -> u32 {
        self.inputs.between(1, DISTRICTS)
    }

    /// Any other warehouse; the home warehouse when there is none.
    fn elsewhere(&mut self) -> u32 {
        if self.warehouses == 1 {
            return self.home.warehouse;
        }
        let other = self.inputs.between(1, self.warehouses - 1);
        other + u32::from(other >= self.home.warehouse)
    }
}

const _: () = assert!(CUSTOMERS == 3_000, "last names are spread over the first 1 000 customers");

#[cfg(test)]
mod tests {
    use super::super::random::CLast;
    use super::*;

    fn source(terminal: u32, warehouses: u32) -> TerminalSource {
        let constants = RunConstants::new(11, CLast::load(11));
        TerminalSource::new(11, terminal, Home::of(terminal, warehouses), warehouses, constants)
    }

    #[test]
    fn terminals_fill_warehouses_before_districts() {
        let homes: Vec<_> =
            (0..5).map(|t| Home::of(t, 2)).map(|h| (h.warehouse, h.district)).collect();
        assert_eq!(homes, [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)]);
        assert_eq!(Home::of(2 * 10, 2), Home { warehouse: 1, district: 1 });
    }

    #[test]
    fn the_same_terminal_asks_for_the_same_and_another_for_something_else() {
        let inputs = |terminal| {
            let mut source = source(terminal, 3);
            (0..50).map(|_| source.next()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(4), inputs(4));
        assert_ne!(inputs(4), inputs(7));
    }

    #[test]
    fn orders_are_sorted_and_within_their_ranges() {
        let mut source = source(1, 3);
        for _ in 0..3000 {
            let Input::NewOrder(order) = source.next() else { continue };
            assert!(LINES.contains(&(order.lines.len() as u32)));
            assert!((1..=10).contains(&order.district) && (1..=3000).contains(&order.customer));
            let sure = &order.lines[..order.lines.len() - usize::from(order.rolls_back())];
            assert!(sure.is_sorted_by_key(|line| (line.supply, line.item)));
            for line in sure {
                assert!((1..=100_000).contains(&line.item) && (1..=10).contains(&line.quantity));
                assert!((1..=3).contains(&line.supply));
            }
        }
    }

    #[test]
    fn payments_stay_in_range_and_never_cross_with_one_warehouse() {
        let (mut one, mut many) = (source(0, 1), source(0, 4));
        for _ in 0..3000 {
            if let Input::Payment(payment) = one.next() {
                assert_eq!(payment.customer.warehouse, 1);
                assert_eq!(payment.customer.district, payment.district);
            }
            if let Input::Payment(payment) = many.next() {
                assert!((100..=500_000).contains(&payment.amount.0));
                assert!((1..=4).contains(&payment.customer.warehouse));
            }
        }
    }

    #[test]
    fn think_times_have_the_right_mean_and_are_cut_at_ten_means() {
        let mut source = source(0, 1);
        let n = 100_000;
        let thinks: Vec<_> = (0..n)
            .map(|_| source.waits(TxnKind::NewOrder))
            .inspect(|waits| assert_eq!(waits.keying, Duration::from_secs(18)))
            .map(|waits| waits.think)
            .collect();
        let mean = thinks.iter().sum::<Duration>() / n;
        assert!(mean.abs_diff(Duration::from_secs(12)) < Duration::from_millis(200), "{mean:?}");
        assert!(thinks.iter().all(|think| *think <= Duration::from_secs(120)));
    }
}
