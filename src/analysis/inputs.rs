//! The tool's audit of its own input: what the load asked for, beside the bounds that TPC-C's
//! clause 5 sets for a measured run. The mix has minima only (clause 5.2.3).

use crate::event::{InputCounts, TxnKind};
use crate::spelling::spelled;

/// Chance explains a share this many standard deviations from the one that was aimed at, and no
/// more: one sound share in 16 000 lies further off.
const DEVIATIONS_MAX: f64 = 4.0;

/// Cards in the deck a terminal deals from, and those of Payment among them.
const DECK: f64 = 23.0;
const PAYMENT_CARDS: f64 = 10.0;

/// Variance of 5 to 15 lines, each number as likely as the others.
const LINES_VARIANCE: f64 = 10.0;

spelled! {
    /// How a share compares with its bounds.
    pub enum ShareOutcome {
        /// It keeps them.
        Within = "within",
        /// It does not, but so few draws may miss them by chance.
        Unjudged = "unjudged",
        /// It does not, and chance does not explain it.
        Outside = "outside",
    }
}

/// One share of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputShare {
    /// What is shared, as `remote lines`.
    pub name: &'static str,
    /// Whether figure and bounds are per cent; a plain mean otherwise.
    pub percent: bool,
    /// What was drawn; `None` when there was nothing to draw from.
    pub observed: Option<f64>,
    /// The least that is allowed.
    pub least: f64,
    /// The most that is allowed, if there is a most.
    pub most: Option<f64>,
    /// How many draws it is a share of.
    pub draws: u64,
    /// How it compares with the bounds.
    pub outcome: ShareOutcome,
}

/// What the load asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct InputFigures {
    /// The counts, over all drivers.
    pub counts: InputCounts,
    /// Every share that has bounds. With one warehouse nothing can be remote, and the two remote
    /// shares are left out.
    pub shares: Vec<InputShare>,
}

impl InputFigures {
    /// Holds counts against the bounds. A terminal deals its deck to the end before it shuffles it
    /// again, so chance is in the mix only as far as `terminals` decks are not at their end.
    pub(super) fn new(counts: InputCounts, warehouses: u32, terminals: u32) -> Self {
        let all = counts.all();
        let mix = |kind: TxnKind, cards: f64, least| {
            let share = cards / DECK;
            // A hand of j cards has variance j (23 - j) / 22 × share × (1 - share); the first
            // factor is 6 at most.
            let variance =
                6.0 * f64::from(terminals) * share * (1.0 - share) / (all as f64).powi(2);
            let drawn = Drawn { part: counts.of(kind), whole: all, aim: share, variance };
            drawn.share(kind.as_str(), least, None)
        };
        let percent = |name, part, whole, aim: f64, least, most| {
            let variance = aim * (1.0 - aim) / whole as f64;
            Drawn { part, whole, aim, variance }.share(name, least, Some(most))
        };
        let InputCounts { new_orders, payments, order_statuses, lines, .. } = counts;
        let drawn = Drawn {
            part: lines,
            whole: new_orders,
            aim: 10.0,
            variance: LINES_VARIANCE / new_orders as f64,
        };
        let by_name = (counts.payments_by_name, counts.order_statuses_by_name);
        let mut shares = vec![
            mix(TxnKind::Payment, PAYMENT_CARDS, 43.0),
            mix(TxnKind::OrderStatus, 1.0, 4.0),
            mix(TxnKind::Delivery, 1.0, 4.0),
            mix(TxnKind::StockLevel, 1.0, 4.0),
            percent("rolled back", counts.rolled_back, new_orders, 0.01, 0.9, 1.1),
            drawn.mean("lines an order", 9.5, 10.5),
            percent("payment by name", by_name.0, payments, 0.6, 57.0, 63.0),
            percent("order-status by name", by_name.1, order_statuses, 0.6, 57.0, 63.0),
        ];
        if warehouses > 1 {
            shares.push(percent("remote lines", counts.remote_lines, lines, 0.01, 0.95, 1.05));
            let remote = counts.remote_payments;
            shares.push(percent("remote payments", remote, payments, 0.15, 14.0, 16.0));
        }
        Self { counts, shares }
    }
}

/// What was drawn, what was aimed at, and how far chance takes one from the other.
struct Drawn {
    part: u64,
    whole: u64,
    aim: f64,
    variance: f64,
}

impl Drawn {
    fn share(self, name: &'static str, least: f64, most: Option<f64>) -> InputShare {
        self.judge(name, 100.0, least, most)
    }

    fn mean(self, name: &'static str, least: f64, most: f64) -> InputShare {
        self.judge(name, 1.0, least, Some(most))
    }

    fn judge(self, name: &'static str, unit: f64, least: f64, most: Option<f64>) -> InputShare {
        let Self { part, whole, aim, variance } = self;
        let ratio = (whole > 0).then(|| part as f64 / whole as f64);
        let observed = ratio.map(|ratio| ratio * unit);
        let within = |found: f64| found >= least && most.is_none_or(|most| found <= most);
        let by_chance = |found: f64| (found - aim).abs() <= DEVIATIONS_MAX * variance.sqrt();
        let outcome = if observed.is_some_and(within) {
            ShareOutcome::Within
        } else if ratio.is_none_or(by_chance) {
            ShareOutcome::Unjudged
        } else {
            ShareOutcome::Outside
        };
        InputShare { name, percent: unit > 1.0, observed, least, most, draws: whole, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tpcc::random::{CLast, RunConstants};
    use crate::tpcc::{Home, TerminalSource, count_input};

    const TERMINALS: u32 = 20;

    /// What so many terminals draw from the real source.
    fn drawn(each: usize, warehouses: u32) -> InputCounts {
        let constants = RunConstants::new(1, CLast::load(1));
        let mut counts = InputCounts::default();
        for terminal in 0..TERMINALS {
            let home = Home::of(terminal, warehouses);
            let mut source = TerminalSource::new(1, terminal, home, warehouses, constants);
            let mut own = InputCounts::default();
            (0..each).for_each(|_| count_input(&source.next(), &mut own));
            counts.add(&own);
        }
        counts
    }

    fn outcomes(counts: InputCounts) -> Vec<(&'static str, ShareOutcome)> {
        let figures = InputFigures::new(counts, 10, TERMINALS);
        figures.shares.iter().map(|share| (share.name, share.outcome)).collect()
    }

    #[test]
    fn many_draws_keep_every_bound_of_the_specification() {
        let shares = outcomes(drawn(23 * 2_000, 10));
        assert_eq!(shares.len(), 10);
        for (name, outcome) in shares {
            assert_eq!(outcome, ShareOutcome::Within, "{name}");
        }
        assert_eq!(InputFigures::new(drawn(23, 1), 1, TERMINALS).shares.len(), 8);
    }

    #[test]
    fn few_draws_are_never_called_out_of_bounds() {
        let mut unjudged = 0;
        for each in [0, 1, 5, 12, 23, 100, 500] {
            for (name, outcome) in outcomes(drawn(each, 10)) {
                assert_ne!(outcome, ShareOutcome::Outside, "{name} of {each} draws a terminal");
                unjudged += usize::from(outcome == ShareOutcome::Unjudged);
            }
        }
        assert!(unjudged > 20, "{unjudged}");
        assert!(outcomes(InputCounts::default()).iter().all(|(_, o)| *o == ShareOutcome::Unjudged));
    }

    #[test]
    fn a_wrong_load_is_seen_in_the_share_that_is_wrong() {
        type Spoil = fn(&mut InputCounts);
        let cases: [(&str, Spoil); 8] = [
            ("payment", |c| c.new_orders += c.payments / 20),
            ("delivery", |c| c.deliveries = c.deliveries * 9 / 10),
            ("rolled back", |c| c.rolled_back = 0),
            ("lines an order", |c| c.lines = c.new_orders * 11),
            ("payment by name", |c| c.payments_by_name = c.payments / 2),
            ("order-status by name", |c| c.order_statuses_by_name = c.order_statuses),
            ("remote lines", |c| c.remote_lines = c.lines / 10),
            ("remote payments", |c| c.remote_payments = 0),
        ];
        // Two minutes at a hundred a second.
        let sound = drawn(600, 10);
        for (name, spoil) in cases {
            let mut counts = sound;
            spoil(&mut counts);
            let outside = outcomes(counts).contains(&(name, ShareOutcome::Outside));
            assert!(outside, "{name}: {:?}", outcomes(counts));
        }
    }
}
