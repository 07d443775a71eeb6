//! A distribution of latencies in which failures count as infinitely slow.

use std::fmt;

use hdrhistogram::Histogram;

/// The longest latency kept apart, in µs: one hour. Longer ones are counted, never saturated.
pub const LATENCY_US_MAX: u64 = 3_600_000_000;

/// A quantile of a [`Latency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantile {
    /// There is nothing to take a quantile of.
    NoData,
    /// This many µs.
    Us(u64),
    /// It falls among the transactions that never succeeded: more than any deadline.
    Never,
}

/// Latencies of successes in µs, to three digits, beside the count of what never succeeded.
#[derive(Clone, PartialEq)]
pub struct Latency {
    finished: Histogram<u64>,
    never: u64,
    overflow: u64,
    us_max: u64,
}

/// A histogram has thousands of cells; what a person can read of it is this.
impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.quantile(0.5), self.quantile(0.99), self.max());
        write!(
            f,
            "Latency({} of which {} never; p50 {p50:?}, p99 {p99:?}, max {max:?})",
            self.len(),
            self.never
        )
    }
}

impl Default for Latency {
    fn default() -> Self {
        let mut finished = Histogram::new(3).expect("three digits are within the library's range");
        // Grows with what it holds: a run has hundreds of these and most hold milliseconds.
        finished.auto(true);
        Self { finished, never: 0, overflow: 0, us_max: 0 }
    }
}

impl Latency {
    /// Counts a success that took this many µs.
    pub fn record(&mut self, us: u64) {
        self.us_max = self.us_max.max(us);
        if us > LATENCY_US_MAX || self.finished.record(us).is_err() {
            self.overflow += 1;
        }
    }

    /// Counts one that never succeeded.
    pub fn record_never(&mut self) {
        self.never += 1;
    }

    /// Everything counted.
    pub fn len(&self) -> u64 {
        self.finished.len() + self.never + self.overflow
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many never succeeded.
    pub fn never(&self) -> u64 {
        self.never
    }

    /// How many took longer than [`LATENCY_US_MAX`].
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// The successes alone.
    pub fn finished(&self) -> &Histogram<u64> {
        &self.finished
    }

    /// The latency that a share `q` (0 to 1) does not exceed, by nearest rank over everything
    /// counted.
    pub fn quantile(&self, q: f64) -> Quantile {
        let total = self.len();
        if total == 0 {
            return Quantile::NoData;
        }
        let rank = ((q * total as f64).ceil() as u64).clamp(1, total);
        let finished = self.finished.len();
        if rank > finished {
            return match self.never {
                0 => Quantile::Us(self.us_max),
                _ => Quantile::Never,
            };
        }
        // Half a rank less: the library rounds up, and must not be pushed past the rank by the
        // division's last bit.
        let share = (rank as f64 - 0.5) / finished as f64;
        Quantile::Us(self.finished.value_at_quantile(share).min(self.us_max))
    }

    /// How many took longer than `us`, to the histogram's three digits, or never succeeded.
    pub fn slower_than(&self, us: u64) -> u64 {
        let within = match self.finished.is_empty() {
            true => 0,
            false => self.finished.count_between(0, us),
        };
        self.len() - within
    }

    /// The slowest: exact in µs, unless something never succeeded.
    pub fn max(&self) -> Quantile {
        self.quantile(1.0).max(match self.is_empty() {
            true => Quantile::NoData,
            false => Quantile::Us(self.us_max),
        })
    }

    /// Adds everything another one counted, without loss.
    pub fn add(&mut self, other: &Self) {
        self.finished.add(&other.finished).expect("a growing histogram takes every value");
        self.never += other.never;
        self.overflow += other.overflow;
        self.us_max = self.us_max.max(other.us_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quantile_that_falls_among_failures_is_infinite() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(0.5), Quantile::NoData);
        (1..=98).for_each(|us| latency.record(us));
        latency.record_never();
        latency.record_never();
        assert_eq!(latency.quantile(0.5), Quantile::Us(50));
        assert_eq!(latency.quantile(0.98), Quantile::Us(98));
        assert_eq!(latency.quantile(0.99), Quantile::Never);
        assert_eq!(latency.max(), Quantile::Never);
    }

    #[test]
    fn what_is_too_long_is_counted_and_not_saturated() {
        let mut latency = Latency::default();
        latency.record(LATENCY_US_MAX + 1);
        latency.record(5);
        assert_eq!((latency.overflow(), latency.len()), (1, 2));
        assert_eq!(latency.max(), Quantile::Us(LATENCY_US_MAX + 1));
        assert_eq!(latency.quantile(0.5), Quantile::Us(5));
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            mut values in proptest::collection::vec(1_u64..10_000_000, 1..200),
            q in 0.0_f64..=1.0,
        ) {
            let (mut whole, mut half) = (Latency::default(), Latency::default());
            for (index, &value) in values.iter().enumerate() {
                if index % 2 == 0 { whole.record(value) } else { half.record(value) }
            }
            whole.add(&half);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let Quantile::Us(us) = whole.quantile(q) else { panic!("all finished") };
            let exact = values[rank - 1];
            prop_assert!(us >= exact && us as f64 <= exact as f64 * 1.001 + 1.0, "{us} {exact}");
            prop_assert_eq!(whole.len(), values.len() as u64);
            prop_assert_eq!(whole.max(), Quantile::Us(*values.last().unwrap()));
        }
    }
}
