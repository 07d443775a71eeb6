//! Two small samples in, their ratio with an interval out.
//!
//! The ratio is Hodges and Lehmann's: the median over all pairs of one unit from each side. It
//! shrugs off a few units in which something else happened. How uncertain it is comes from a
//! bootstrap that draws whole units, blocks of time or runs, with replacement from each side. Since
//! there are few of them, the interval is t times that standard error rather than a pair of
//! percentiles, which would be too narrow, and the bootstrap's own bias in small samples,
//! n / (n − 1), is taken out (T. Hesterberg, "What Teachers Should Know about the Bootstrap", 2015).

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::student::{chance_above, exceeded_with};

/// Fewer units of a side than this prove nothing.
pub(super) const UNITS_MIN: usize = 4;
/// Runs of a side from which on ranks are asked as well.
const RANKED_RUNS_MIN: usize = 6;
/// The level of each interval, and of its two ends one half.
pub(super) const CONFIDENCE: f64 = 0.95;
/// How often units are drawn; the standard error is then known to some 4 %.
const DRAWS: usize = 400;
/// Always the same, so that the same records give the same bytes.
const SEED: u64 = 0x726f_6c6c_7072_6f6f;

/// The ratio of a candidate's figure to the base's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Candidate over base.
    pub ratio: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Standard error of the ratio's logarithm.
    error: f64,
    degrees: usize,
}

impl Estimate {
    /// The ratio of two sides, each of at least [`UNITS_MIN`] positive figures.
    pub(super) fn of(base: &[f64], candidate: &[f64]) -> Self {
        let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
        let (base, candidate) = (logs(base), logs(candidate));
        let mut pairs = Vec::with_capacity(base.len() * candidate.len());
        let centre = shift(&base, &candidate, &mut pairs);
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(SEED);
        let (mut sum, mut squares) = (0.0, 0.0);
        let (mut drawn_base, mut drawn_candidate) = (base.clone(), candidate.clone());
        for _ in 0..DRAWS {
            draw(&base, &mut drawn_base, &mut dice);
            draw(&candidate, &mut drawn_candidate, &mut dice);
            let off = shift(&drawn_base, &drawn_candidate, &mut pairs) - centre;
            sum += off;
            squares += off * off;
        }
        let draws = DRAWS as f64;
        let variance = (squares - sum * sum / draws) / (draws - 1.0);
        let units = base.len().min(candidate.len());
        let unbiased = units as f64 / (units - 1) as f64;
        let error = (variance.max(0.0) * unbiased).sqrt();
        let degrees = degrees(&base, &candidate);
        let reach = exceeded_with((1.0 - CONFIDENCE) / 2.0, degrees) * error;
        let [ratio, low, high] = [centre, centre - reach, centre + reach].map(f64::exp);
        Self { ratio, low, high, error, degrees }
    }

    /// The chance of such a ratio, or a greater one, were the truth `limit`.
    pub(super) fn chance_if(&self, limit: f64) -> f64 {
        let over = self.ratio.ln() - limit.ln();
        match self.error > 0.0 {
            true => chance_above(over / self.error, self.degrees),
            // Every unit says exactly the same.
            false if over > 0.0 => 0.0,
            false => 1.0,
        }
    }

    /// The same, the other way about: base over candidate.
    pub(super) fn inverse(self) -> Self {
        let Self { ratio, low, high, .. } = self;
        Self { ratio: 1.0 / ratio, low: 1.0 / high, high: 1.0 / low, ..self }
    }
}

/// Welch and Satterthwaite's degrees of freedom, rounded down: those of the smaller side at least,
/// those of both together at most.
fn degrees(base: &[f64], candidate: &[f64]) -> usize {
    let parts = [base, candidate].map(|side| {
        let count = side.len() as f64;
        let mean = side.iter().sum::<f64>() / count;
        let squares: f64 = side.iter().map(|value| (value - mean).powi(2)).sum();
        let of_mean = squares / (count - 1.0) / count;
        (of_mean, of_mean * of_mean / (count - 1.0))
    });
    let (sum, below) = (parts[0].0 + parts[1].0, parts[0].1 + parts[1].1);
    let least = base.len().min(candidate.len()) - 1;
    let found = if below > 0.0 { (sum * sum / below) as usize } else { least };
    found.clamp(least, base.len() + candidate.len() - 2)
}

/// Hodges and Lehmann's shift: the median of all differences.
fn shift(base: &[f64], candidate: &[f64], pairs: &mut Vec<f64>) -> f64 {
    pairs.clear();
    pairs.extend(candidate.iter().flat_map(|c| base.iter().map(move |b| c - b)));
    median(pairs)
}

/// The median; the mean of the middle two of an even number. Reorders what it is given.
pub(super) fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| even);
    lower.map_or(upper, |lower| f64::midpoint(lower, upper))
}

/// Draws as many as there are, with replacement.
fn draw(from: &[f64], to: &mut [f64], dice: &mut Xoshiro256PlusPlus) {
    for place in to {
        let index = (u128::from(dice.next_u64()) * from.len() as u128) >> 64;
        *place = from[index as usize];
    }
}

/// Mann and Whitney's one-sided chance that a candidate's figures exceed the base's times `limit`
/// as they do, were that the truth: over all orders of the runs, each as likely as the others.
/// `None` for fewer than six runs of a side. What is equal counts against the candidate's excess.
pub(super) fn rank_chance(base: &[f64], candidate: &[f64], limit: f64) -> Option<f64> {
    let (m, n) = (base.len(), candidate.len());
    if m.min(n) < RANKED_RUNS_MIN {
        return None;
    }
    let over = |c: &f64| base.iter().filter(|b| *c > **b * limit).count();
    let wins: usize = candidate.iter().map(over).sum();
    let orders = orders_by_wins(m, n);
    let all: f64 = orders.iter().sum();
    Some(orders[wins..].iter().sum::<f64>() / all)
}

/// In how many orders of `m` and `n` runs the candidate's win so many of the m × n pairs.
fn orders_by_wins(m: usize, n: usize) -> Vec<f64> {
    // The greatest run is either the candidate's, which then wins against all m, or the base's.
    let mut rows = vec![vec![1.0]; m + 1];
    for _ in 0..n {
        let mut next: Vec<Vec<f64>> = Vec::with_capacity(m + 1);
        for (own, before) in rows.iter().enumerate() {
            let mut counts = vec![0.0; own];
            counts.extend(before);
            if let Some(fewer) = next.last() {
                counts.iter_mut().zip(fewer).for_each(|(count, more)| *count += more);
            }
            next.push(counts);
        }
        rows = next;
    }
    rows.pop().unwrap_or_default()
}

/// Holm's adjustment: chances that may be held against one level however many there are, in the
/// order they came in.
pub(super) fn holm(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|&a, &b| chances[a].total_cmp(&chances[b]));
    let (mut adjusted, mut worst) = (vec![0.0; chances.len()], 0.0_f64);
    for (rank, &index) in order.iter().enumerate() {
        let left = (chances.len() - rank) as f64;
        worst = worst.max((chances[index] * left).min(1.0));
        adjusted[index] = worst;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_over_all_pairs() {
        let base = [10.0, 11.0, 9.0, 10.5, 9.5, 10.0];
        let candidate = base.map(|value| value * 1.2);
        let found = Estimate::of(&base, &candidate);
        assert!((found.ratio - 1.2).abs() < 1e-12, "{found:?}");
        assert!(found.low > 1.05 && found.high < 1.37, "{found:?}");
        let back = Estimate::of(&candidate, &base).inverse();
        assert!((back.ratio - 1.2).abs() < 1e-12);
        assert!(found.chance_if(1.0) < 0.01 && (found.chance_if(1.2) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn one_unit_that_went_wrong_does_not_move_it() {
        let base = [10.0, 11.0, 9.0, 10.5, 9.5, 10.0, 10.2, 9.8];
        let mut candidate = base;
        candidate[3] = 500.0;
        let found = Estimate::of(&base, &candidate);
        assert!((found.ratio - 1.0).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn figures_that_are_all_the_same_leave_no_doubt() {
        let found = Estimate::of(&[5.0; 4], &[6.0; 4]);
        assert!((found.low - 1.2).abs() < 1e-12 && (found.high - 1.2).abs() < 1e-12);
        assert_eq!((found.chance_if(1.1), found.chance_if(1.3)), (0.0, 1.0));
    }

    #[test]
    fn ranks_agree_with_the_tables() {
        // m = n = 3: 20 orders, of 0 to 9 wins.
        assert_eq!(orders_by_wins(3, 3), [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 2.0, 1.0, 1.0]);
        let base = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        // The only order in which all 36 pairs are won, of 924.
        let found = rank_chance(&base, &base.map(|b| b + 10.0), 1.0).unwrap();
        assert!((found - 1.0 / 924.0).abs() < 1e-12);
        // The table's critical value for m = n = 6, one-sided 0.025: U = 5, that is 31 wins.
        let all = orders_by_wins(6, 6);
        let tail = |wins: usize| all[wins..].iter().sum::<f64>() / 924.0;
        assert!(tail(31) <= 0.025 && tail(30) > 0.025);
        assert_eq!(rank_chance(&base[..5], &base, 1.0), None);
    }

    #[test]
    fn holm_steps_down_and_never_back() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        for (found, wanted) in adjusted.iter().zip(expected) {
            assert!((found - wanted).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }

    #[test]
    fn a_median_is_that_of_the_sorted_values() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
