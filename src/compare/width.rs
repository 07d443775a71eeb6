//! How long a block of time must be to be a unit.

use crate::analysis::Series;
use crate::event::RunTime;

use super::estimate::UNITS_MIN;

/// A block, in µs, where there is time enough.
const WIDTH_US: u64 = 30_000_000;
/// No block is shorter, in µs.
pub(super) const WIDTH_US_MIN: u64 = 5_000_000;
/// Where whole blocks give fewer units than this, shorter ones are taken.
const UNITS_WANTED: u64 = 8;
/// More blocks than this say no more and cost memory; they are made longer.
const UNITS_MAX: u64 = 120;
/// The sum over lags ends once it reaches this many times itself (A. Sokal, "Monte Carlo Methods
/// in Statistical Mechanics", 1989).
const SOKAL: f64 = 5.0;

/// Time to cut, on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// Its length, in µs.
    pub(super) length_us: u64,
    /// How long its figures remember themselves, in µs.
    pub(super) memory_us: u64,
    /// In how many µs enough transactions are due for every quantile of all of them.
    pub(super) quantiles_us: u64,
}

/// The width of a block on both sides, in µs: 30 s or the longer memory of the two, whichever is
/// more. Where the shorter side then has fewer than eight blocks they are made shorter, down to
/// 5 s, but never shorter than that memory, and not so short that they hold no p99, unless there is
/// no other way to have four. `None` where even so a side has fewer than four.
pub(super) fn width_us(sides: [Stretch; 2]) -> Option<u64> {
    let shorter = sides[0].length_us.min(sides[1].length_us);
    let longer = sides[0].length_us.max(sides[1].length_us);
    let memory = sides[0].memory_us.max(sides[1].memory_us);
    let affordable = (shorter / UNITS_WANTED).max(WIDTH_US_MIN);
    let wanted = (longer / UNITS_MAX).max(WIDTH_US);
    let quantiles = sides[0].quantiles_us.max(sides[1].quantiles_us);
    let width = wanted.min(affordable).max(memory);
    let is_enough = |width: &u64| shorter / *width >= UNITS_MIN as u64;
    [width.max(quantiles), width].into_iter().find(is_enough)
}

/// How long response times and completions remember themselves within some stretches of a run, in
/// µs: the integrated autocorrelation time, 1 + 2 Σ ρ, of their slices.
pub(super) fn memory_us(series: &Series, spans: &[(RunTime, RunTime)]) -> u64 {
    let width_us = series.seconds.width_us;
    let whole = |(start, end): &(RunTime, RunTime)| {
        let (first, last) = (start.0.div_ceil(width_us), end.0 / width_us);
        (first as usize)..(last.max(first) as usize).min(series.seconds.slices.len())
    };
    let seconds = || spans.iter().flat_map(whole);
    let responses = seconds().filter_map(|at| series.seconds.slices[at].responses.mean_log());
    let a_second = (width_us / series.flows.width_us).max(1) as usize;
    let completed = seconds().map(|at| {
        let flows = series.flows.slices.iter().skip(at * a_second).take(a_second);
        flows.map(|flow| f64::from(flow.completed)).sum()
    });
    let memory = slices_remembered(&responses.collect::<Vec<_>>());
    let memory = memory.max(slices_remembered(&completed.collect::<Vec<_>>()));
    (memory * width_us as f64).ceil() as u64
}

fn slices_remembered(values: &[f64]) -> f64 {
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count.max(1) as f64;
    let product = |lag: usize| -> f64 {
        let pairs = values.iter().zip(&values[lag..]);
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let variance = if count == 0 { 0.0 } else { product(0) };
    let mut memory = 1.0;
    for lag in 1..count / 2 {
        if variance <= f64::EPSILON * count as f64 || lag as f64 >= SOKAL * memory {
            break;
        }
        memory += 2.0 * product(lag) / variance;
        memory = memory.max(1.0);
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    #[test]
    fn blocks_are_thirty_seconds_unless_there_is_a_reason() {
        let side = |length: u64, memory| Stretch {
            length_us: length * S,
            memory_us: memory * S,
            quantiles_us: 8 * S,
        };
        let cases = [
            ((600, 1), (600, 1), Some(30)),
            ((600, 1), (600, 75), Some(75)),
            ((600, 1), (300, 160), None),
            ((72, 1), (600, 2), Some(9)),
            ((60, 1), (600, 2), Some(8)),
            ((31, 1), (600, 2), Some(5)),
            ((19, 1), (600, 1), None),
            ((7_200, 1), (7_200, 1), Some(60)),
            ((28_800, 1), (600, 1), Some(75)),
        ];
        for ((a, a_memory), (b, b_memory), seconds) in cases {
            let found = width_us([side(a, a_memory), side(b, b_memory)]);
            assert_eq!(found.map(|us| us / S), seconds, "{a} s and {b} s");
        }
    }

    #[test]
    fn noise_has_no_memory_and_a_drift_has() {
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        };
        let white: Vec<f64> = (0..600).map(|_| noise()).collect();
        assert!(slices_remembered(&white) < 2.5, "{}", slices_remembered(&white));
        // First-order with ρ = 0.8: (1 + ρ) / (1 − ρ) = 9.
        let mut last = 0.0;
        let red: Vec<f64> = white
            .iter()
            .map(|shock| {
                last = 0.8 * last + shock;
                last
            })
            .collect();
        let found = slices_remembered(&red);
        assert!((5.0..25.0).contains(&found), "{found}");
        assert_eq!(slices_remembered(&[4.0; 50]), 1.0);
        assert_eq!(slices_remembered(&[]), 1.0);
    }
}
