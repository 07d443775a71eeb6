//! What is tolerated, and what is compared.

use super::metric::Quantity;
use super::part::Part;

/// How much worse a quantity may become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// δ, as a share of the base: 0.05 lets a latency grow by 5 % or a throughput fall by it.
    pub share: f64,
    /// A growth of no more than this many µs is tolerated whatever its share; 0 for throughput.
    pub floor_us: u64,
}

/// Everything a comparison depends on beside its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Of good transactions a second.
    pub throughput: Tolerance,
    /// Of medians.
    pub p50: Tolerance,
    /// Of 95th percentiles.
    pub p95: Tolerance,
    /// Of 99th percentiles.
    pub p99: Tolerance,
    /// The parts that decide; `None` for the usual ones.
    pub parts: Option<Vec<Part>>,
    /// Whether runs of different fingerprints are compared all the same.
    pub allow_differences: bool,
}

/// Measurement page, "Before against after"; the floor of p95, which it leaves open, lies between
/// its neighbours'.
impl Default for Rules {
    fn default() -> Self {
        let of = |percent: u32, floor_ms: u64| Tolerance {
            share: f64::from(percent) / 100.0,
            floor_us: floor_ms * 1_000,
        };
        Self {
            throughput: of(5, 0),
            p50: of(5, 1),
            p95: of(10, 2),
            p99: of(20, 5),
            parts: None,
            allow_differences: false,
        }
    }
}

impl Rules {
    /// What is tolerated of a quantity.
    pub fn of(&self, quantity: Quantity) -> Tolerance {
        match quantity {
            Quantity::Throughput => self.throughput,
            Quantity::P50 => self.p50,
            Quantity::P95 => self.p95,
            Quantity::P99 => self.p99,
        }
    }

    /// The ratio of candidate to base up to which, or for throughput down to which, a figure may
    /// go from `base`.
    pub(super) fn limit(&self, quantity: Quantity, base: f64) -> f64 {
        let Tolerance { share, floor_us } = self.of(quantity);
        match quantity {
            Quantity::Throughput => 1.0 - share,
            _ => 1.0 + share.max(floor_us as f64 / base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_holds_where_the_share_of_a_small_figure_would_be_noise() {
        let rules = Rules::default();
        assert_eq!(rules.limit(Quantity::P50, 100_000.0), 1.05);
        assert_eq!(rules.limit(Quantity::P50, 4_000.0), 1.25);
        assert_eq!(rules.limit(Quantity::P99, 10_000.0), 1.5);
        assert_eq!(rules.limit(Quantity::Throughput, 60.0), 0.95);
    }
}
