//! The figures that are compared, and how a unit gives them.

use std::fmt;

use crate::analysis::{Block, Quantile, Tally};
use crate::event::TxnKind;
use crate::spelling::spelled;

/// What fewer than this many transactions of a unit exceed, is no quantile of it.
const BEYOND_MIN: f64 = 5.0;

spelled! {
    /// What is compared.
    pub enum Quantity {
        /// Good transactions a second.
        Throughput = "throughput",
        /// Median of the response.
        P50 = "p50",
        /// 95th percentile of the response.
        P95 = "p95",
        /// 99th percentile of the response.
        P99 = "p99",
    }
}

impl Quantity {
    /// The share that does not exceed it; `None` of what is no quantile.
    fn share(self) -> Option<f64> {
        match self {
            Self::Throughput => None,
            Self::P50 => Some(0.5),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
        }
    }

    /// Transactions that a unit must hold to have it.
    pub fn transactions_min(self) -> u64 {
        self.share().map_or(0, |share| (BEYOND_MIN / (1.0 - share)).round() as u64)
    }
}

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// All business transactions together.
    All,
    /// One kind of them.
    Kind(TxnKind),
}

/// One figure that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// What.
    pub quantity: Quantity,
    /// Whose.
    pub subject: Subject,
}

/// As `p99` or `p99[new-order]`: a stable name.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject {
            Subject::All => f.pad(self.quantity.as_str()),
            Subject::Kind(kind) => f.pad(&format!("{}[{kind}]", self.quantity)),
        }
    }
}

impl Metric {
    /// All there are, in the order of reports. The mix is fixed, so throughput is compared once.
    pub fn all() -> Vec<Self> {
        let kinds = TxnKind::TRANSACTIONS.iter().map(|&kind| Subject::Kind(kind));
        let subjects = std::iter::once(Subject::All).chain(kinds);
        let of = |subject| Quantity::ALL.iter().map(move |&quantity| Self { quantity, subject });
        let all = subjects.flat_map(of);
        let wanted = |own: &Self| own.is_required() || own.quantity != Quantity::Throughput;
        all.filter(wanted).collect()
    }

    /// Whether a pass needs it: those of all transactions together. Of a single kind there may be
    /// too few to tell anything.
    pub fn is_required(self) -> bool {
        self.subject == Subject::All
    }

    /// In words, as `p99 of new-order`.
    pub fn words(self) -> String {
        match self.subject {
            Subject::All => self.quantity.to_string(),
            Subject::Kind(kind) => format!("{} of {kind}", self.quantity),
        }
    }
}

/// A unit's figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    /// µs, or transactions a second.
    pub(super) value: f64,
    /// It falls among transactions that never succeeded, and stands at the deadline or the slowest
    /// that did: the least it can be.
    pub(super) beyond: bool,
}

/// One unit: what was counted in so much time.
pub(super) struct UnitSums {
    kinds: Block,
    all: Tally,
    length_us: u64,
    deadline_us: u64,
}

impl UnitSums {
    pub(super) fn new(kinds: Block, length_us: u64, deadline_us: u64) -> Self {
        let mut all = Tally::default();
        kinds.iter().for_each(|kind| all.add(kind));
        Self { kinds, all, length_us, deadline_us }
    }

    /// Its figure; `None` where it holds too few transactions to have one.
    pub(super) fn figure(&self, metric: Metric) -> Option<Figure> {
        let tally = match metric.subject {
            Subject::All => &self.all,
            Subject::Kind(kind) => &self.kinds[kind.index()],
        };
        let Some(share) = metric.quantity.share() else {
            // Half a transaction where there was none, so that it has a logarithm.
            let good = (tally.counts.good as f64).max(0.5);
            return Some(Figure { value: good * 1e6 / self.length_us as f64, beyond: false });
        };
        if tally.response.len() < metric.quantity.transactions_min() {
            return None;
        }
        match tally.response.quantile(share) {
            Quantile::NoData => None,
            Quantile::Us(us) => Some(Figure { value: us.max(1) as f64, beyond: false }),
            Quantile::Never => {
                let least = tally.response.finished().max().max(self.deadline_us);
                Some(Figure { value: least as f64, beyond: true })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(times_us: &[u64], never: u64) -> UnitSums {
        let mut kinds = Block::default();
        let own = &mut kinds[TxnKind::Payment.index()];
        own.counts.good = times_us.len() as u64;
        times_us.iter().for_each(|&us| own.response.record(us));
        (0..never).for_each(|_| own.response.record_never());
        UnitSums::new(kinds, 2_000_000, 5_000_000)
    }

    fn metric(quantity: Quantity) -> Metric {
        Metric { quantity, subject: Subject::All }
    }

    #[test]
    fn a_quantile_of_too_few_is_none() {
        let few = unit(&(1..=99).collect::<Vec<_>>(), 0);
        assert_eq!(few.figure(metric(Quantity::P50)).map(|found| found.value), Some(50.0));
        assert_eq!(few.figure(metric(Quantity::P95)), None);
        assert_eq!(few.figure(metric(Quantity::Throughput)).unwrap().value, 49.5);
        let of_kind = Metric { subject: Subject::Kind(TxnKind::Delivery), ..metric(Quantity::P50) };
        assert_eq!(few.figure(of_kind), None);
    }

    #[test]
    fn what_never_succeeded_stands_at_the_deadline_at_least() {
        let found = unit(&[10; 80], 20).figure(metric(Quantity::P95)).unwrap();
        assert_eq!(found, Figure { value: 5_000_000.0, beyond: true });
    }

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let names: Vec<String> = Metric::all().iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 19);
        assert_eq!(names[..5], ["throughput", "p50", "p95", "p99", "p50[new-order]"]);
    }
}
