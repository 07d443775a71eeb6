//! The run cut into equal slices of time: what charts draw.
//!
//! Two widths, because the eye asks two things. Counts are kept in slices of 100 ms, so that a gap
//! shows its edges; response times in slices of a second, because the p99 of a handful is none.
//! Longer runs get wider slices: neither kind ever holds more than its limit.

use std::collections::BTreeMap;

use crate::event::{Attempt, ErrorClass, Grade, RunTime, SelfSample};

use super::business::Ended;
use super::latency::Quantile;

/// The finest slice of counts, in µs.
const FLOW_US_MIN: u64 = 100_000;
/// Slices of counts: an hour of 100 ms.
const FLOWS_MAX: u64 = 36_000;
/// The finest slice of response times, errors and the tool's health, in µs.
const SECOND_US_MIN: u64 = 1_000_000;
/// Slices of those: two hours of seconds.
const SECONDS_MAX: u64 = 7_200;

/// Equal, half-open slices of the run from its origin on; none is left out, however empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sliced<T> {
    /// Width of each, in µs.
    pub width_us: u64,
    /// All of them, in order.
    pub slices: Vec<T>,
}

impl<T: Default + Clone> Sliced<T> {
    /// Slices for a run of this length: the narrowest of 1, 2, 5, 10, 20, 50 … × `us_min` of which
    /// no more than `slices_max` are needed.
    fn new(length_us: u64, us_min: u64, slices_max: u64) -> Self {
        let mut widths =
            (0..).flat_map(|power| [1, 2, 5].map(|step| us_min * step * 10_u64.pow(power)));
        let fits = |width: &u64| length_us.div_ceil(*width) <= slices_max;
        let width_us = widths.find(fits).expect("a wide enough slice holds any run");
        let count = length_us.div_ceil(width_us).max(1) as usize;
        Self { width_us, slices: vec![T::default(); count] }
    }

    /// The slice that holds a moment; whatever is dated past the end stands in the last one.
    fn at(&mut self, at: RunTime) -> &mut T {
        let index = ((at.0 / self.width_us) as usize).min(self.slices.len() - 1);
        &mut self.slices[index]
    }
}

/// Business transactions of one slice, each counted where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowSlice {
    /// Due in it.
    pub offered: u32,
    /// Completed well in it.
    pub completed: u32,
    /// Ended in it any other way: late, failed, ambiguous, shed, or unfinished at the end.
    pub failed: u32,
}

/// Response times of one slice, errors met in it, and how the tool itself was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecondSlice {
    /// Of the business transactions due in it.
    pub responses: Spread,
    /// Errors of attempts that ended in it, by class.
    pub errors: BTreeMap<ErrorClass, u32>,
    /// The tool's longest stall, in µs.
    pub stall_us: u64,
    /// Arrivals that the tool itself dispatched late.
    pub late: u64,
}

/// Sixteen steps an octave: a value is known to a sixteenth of itself.
const STEPS_BITS: u32 = 4;
/// Steps of [`Spread::counts`] that make up one row of [`Spread::rows`]: four rows an octave.
const STEPS_A_ROW: usize = 4;

/// Response times in logarithmic steps, small enough to be kept for every second of a run. Whole
/// numbers only, so that every machine finds the same step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread {
    /// Good ones by step; as long as the last step that holds any.
    counts: Vec<u32>,
    /// The slowest good one, in µs.
    us_max: u64,
    /// Those beyond the deadline: late ones, and what never succeeded.
    beyond: u64,
}

fn step_of(us: u64) -> usize {
    let octave = 63 - us.max(1).leading_zeros();
    if octave < STEPS_BITS {
        return us as usize;
    }
    let within = us >> (octave - STEPS_BITS) & ((1 << STEPS_BITS) - 1);
    ((octave - STEPS_BITS + 1) << STEPS_BITS) as usize + within as usize
}

/// The least value of a step, in µs.
fn step_start_us(step: usize) -> u64 {
    let (octave, within) = (step >> STEPS_BITS, step as u64 & ((1 << STEPS_BITS) - 1));
    match octave {
        0 => within,
        _ => ((1 << STEPS_BITS) + within) << (octave - 1),
    }
}

/// The least value of a row, in µs.
pub fn row_start_us(row: usize) -> u64 {
    step_start_us(row * STEPS_A_ROW)
}

impl Spread {
    fn record(&mut self, us: u64) {
        let step = step_of(us);
        if step >= self.counts.len() {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.us_max = self.us_max.max(us);
    }

    /// How many lie beyond the deadline.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The rows that hold any, with their counts, the quickest first.
    pub fn rows(&self) -> impl Iterator<Item = (usize, u32)> {
        let rows = self.counts.chunks(STEPS_A_ROW).map(|steps| steps.iter().sum::<u32>());
        rows.enumerate().filter(|(_, count)| *count > 0)
    }

    /// The response that a share `q` (0 to 1) does not exceed, to a sixteenth; `Never` where it
    /// falls among those beyond the deadline.
    pub fn quantile(&self, q: f64) -> Quantile {
        let good: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let total = good + self.beyond;
        if total == 0 {
            return Quantile::NoData;
        }
        let mut rank = ((q * total as f64).ceil() as u64).clamp(1, total);
        if rank > good {
            return Quantile::Never;
        }
        for (step, &count) in self.counts.iter().enumerate() {
            if rank <= u64::from(count) {
                let middle = u64::midpoint(step_start_us(step), step_start_us(step + 1));
                return Quantile::Us(middle.min(self.us_max));
            }
            rank -= u64::from(count);
        }
        Quantile::Us(self.us_max)
    }

    /// Mean of the natural logarithms of the good ones' µs; `None` where none was good. Steps are
    /// a sixteenth wide, and many values even that out.
    pub fn mean_log(&self) -> Option<f64> {
        let good: u64 = self.counts.iter().map(|&count| u64::from(count)).sum();
        let log = |step| u64::midpoint(step_start_us(step), step_start_us(step + 1)).max(1) as f64;
        let steps = self.counts.iter().enumerate();
        let sum: f64 = steps.map(|(step, &count)| f64::from(count) * log(step).ln()).sum();
        (good > 0).then(|| sum / good as f64)
    }

    /// The slowest, exact in µs; `Never` where one lies beyond the deadline.
    pub fn max(&self) -> Quantile {
        match (self.beyond, self.counts.is_empty()) {
            (0, true) => Quantile::NoData,
            (0, false) => Quantile::Us(self.us_max),
            _ => Quantile::Never,
        }
    }
}

/// What charts draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Counts, in fine slices.
    pub flows: Sliced<FlowSlice>,
    /// Everything else, in coarser ones.
    pub seconds: Sliced<SecondSlice>,
}

impl Series {
    pub(super) fn new(length: RunTime) -> Self {
        Self {
            flows: Sliced::new(length.0, FLOW_US_MIN, FLOWS_MAX),
            seconds: Sliced::new(length.0, SECOND_US_MIN, SECONDS_MAX),
        }
    }

    /// Counts the error of an attempt, if it met one.
    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        if let Some(class) = attempt.outcome.class() {
            *self.seconds.at(attempt.end).errors.entry(class).or_default() += 1;
        }
    }

    /// Counts a business transaction: offered and its response where it was due, its end where it
    /// ended.
    pub(super) fn business(&mut self, Ended { whole, grade, .. }: &Ended) {
        self.flows.at(whole.scheduled).offered += 1;
        let end = self.flows.at(whole.end);
        let responses = &mut self.seconds.at(whole.scheduled).responses;
        if *grade == Grade::Good {
            end.completed += 1;
            responses.record(whole.response_us());
        } else {
            end.failed += 1;
            responses.beyond += 1;
        }
    }

    /// Takes a sample of the tool's own health. A stall stands where it began.
    pub(super) fn own(&mut self, sample: &SelfSample) {
        let stalled = self.seconds.at(sample.stall_at);
        stalled.stall_us = stalled.stall_us.max(sample.stall_us_max);
        // A sample speaks of the interval that ends with it.
        self.seconds.at(RunTime(sample.at.0.saturating_sub(1))).late += sample.dispatched_late;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_runs_get_wider_slices_and_no_slice_is_left_out() {
        let cases = [
            (1, 1_000_000, 1),
            (3_600_000_000, 1_000_000, 3_600),
            (7_200_000_001, 2_000_000, 3_601),
        ];
        for (length, width, count) in cases {
            let sliced = Sliced::<FlowSlice>::new(length, SECOND_US_MIN, SECONDS_MAX);
            assert_eq!((sliced.width_us, sliced.slices.len()), (width, count));
        }
        let mut sliced = Sliced::<FlowSlice>::new(5_000_000, SECOND_US_MIN, SECONDS_MAX);
        sliced.at(RunTime(u64::MAX)).offered = 7;
        assert_eq!(sliced.slices[4].offered, 7);
    }

    #[test]
    fn what_is_beyond_the_deadline_is_slower_than_everything() {
        let mut spread = Spread::default();
        assert_eq!((spread.quantile(0.5), spread.max()), (Quantile::NoData, Quantile::NoData));
        (0..9).for_each(|_| spread.record(10_000));
        assert_eq!(spread.max(), Quantile::Us(10_000));
        spread.beyond = 1;
        assert_eq!(spread.quantile(0.9), Quantile::Us(9_984), "to a sixteenth");
        assert_eq!((spread.quantile(0.91), spread.max()), (Quantile::Never, Quantile::Never));
    }

    proptest! {
        #[test]
        fn a_step_holds_its_values_and_is_a_sixteenth_wide(us in 0_u64..1 << 40) {
            let step = step_of(us);
            let (start, end) = (step_start_us(step), step_start_us(step + 1));
            prop_assert!(start <= us && us < end, "{us}: {start} to {end}");
            prop_assert!((end - start) * 16 <= us.max(16));
        }

        #[test]
        fn quantiles_are_right_to_a_sixteenth(
            mut values in proptest::collection::vec(1_u64..10_000_000, 1..100),
            q in 0.01_f64..=1.0,
        ) {
            let mut spread = Spread::default();
            values.iter().for_each(|&us| spread.record(us));
            values.sort_unstable();
            let exact = values[((q * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1];
            let Quantile::Us(us) = spread.quantile(q) else { panic!("all are good") };
            prop_assert!(us.abs_diff(exact) * 16 <= exact.max(16), "{us} {exact}");
            prop_assert_eq!(spread.rows().map(|(_, count)| count as usize).sum::<usize>(), values.len());
        }
    }
}
