//! When a pause between good writes is a write gap: the one rule, for the look while it lasts and
//! for the verdict afterwards.

/// Chance that a quiet stretch shows a gap at all.
const ALPHA: f64 = 0.001;
/// No shorter gap is claimed, in µs.
const TAU_US_MIN: u64 = 100_000;
/// A gap must be longer than the baseline's longest pause by this factor.
const BASELINE_FACTOR: f64 = 1.5;

/// τ in µs: no pause up to it is claimed to be a gap. It is the longest of 100 ms, 1.5 times the
/// baseline's longest pause (µs), and what chance explains at `rate_per_s` writes a second within
/// `length_us` µs.
pub fn tau_us(baseline_pause_us: u64, rate_per_s: f64, length_us: u64) -> u64 {
    let baseline_us = (baseline_pause_us as f64 * BASELINE_FACTOR) as u64;
    TAU_US_MIN.max(baseline_us).max(chance_us(rate_per_s, length_us))
}

/// ln(λT/α)/λ in µs: arrivals at random leave a longer pause within T with a chance under α.
fn chance_us(rate_per_s: f64, length_us: u64) -> u64 {
    if rate_per_s <= 0.0 {
        return length_us;
    }
    let expected = rate_per_s * length_us as f64 / 1e6;
    ((expected / ALPHA).ln().max(0.0) / rate_per_s * 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_three_decides() {
        assert_eq!(tau_us(0, 1e6, 1_000_000), TAU_US_MIN);
        assert_eq!(tau_us(400_000, 1e6, 1_000_000), 600_000);
        let by_chance = tau_us(0, 100.0, 10_000_000);
        assert_eq!(by_chance, 138_155, "ln(10^6)/100 s");
        assert_eq!(tau_us(0, 0.0, 10_000_000), 10_000_000, "nothing is ever missed");
    }
}
