//! Brownouts: the cluster served, but many waited far longer than before.

use std::collections::{BTreeMap, VecDeque};

use crate::event::{Grade, RunTime, ZoneId};
use crate::record::BaselineFigures;

use super::business::Ended;
use super::gaps::Gap;
use super::phases::Phases;

/// Length of a window, in µs.
pub const BROWNOUT_WINDOW_US: u64 = 1_000_000;
/// Slow is more than this many times the baseline's p99 …
const SLOW_FACTOR: u64 = 3;
/// … and more than this many µs above it …
const SLOW_MORE_US: u64 = 20_000;
/// … and more than this, in µs.
const SLOW_US_MIN: u64 = 50_000;
/// Share of slow ones from which on a window is bad …
const SHARE_MIN: f64 = 0.05;
/// … unless chance makes so many of them with at least this probability.
const CHANCE_MAX: f64 = 1e-6;
/// A brownout is entered when of so many windows …
const RECENT: usize = 5;
/// … so many are bad …
const BAD_MIN: usize = 3;
/// … and left after so many clean ones in a row.
const CLEAN_MIN: usize = 5;

/// A stretch in which too many were slow. Windows with a write gap in them are no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brownout {
    /// Start of the first bad window.
    pub start: RunTime,
    /// End of the last bad one.
    pub end: RunTime,
    /// It had not been left when the load ended.
    pub open: bool,
    /// The phase it began in.
    pub phase: usize,
    /// The zone whose turn in the upgrade came last before it.
    pub zone: Option<ZoneId>,
    /// Its length without write gaps, in µs.
    pub length_us: u64,
    /// Transactions due in it.
    pub transactions: u64,
    /// Of those, slow or never done.
    pub slow: u64,
}

/// The brownouts of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct BrownoutFigures {
    /// L: what took longer than this many µs was slow.
    pub slow_us: u64,
    /// The share of slow ones that the baseline makes expect.
    pub expected_share: f64,
    /// Windows that were judged.
    pub windows: u64,
    /// Of those, with so few transactions that not even all of them slow would say anything.
    pub blind: u64,
    /// Windows left out because of a write gap.
    pub in_gaps: u64,
    /// Every brownout, in order.
    pub brownouts: Vec<Brownout>,
}

impl BrownoutFigures {
    /// Time in brownout in the turn of one zone, in µs.
    pub fn of_zone(&self, zone: ZoneId) -> u64 {
        self.sum(|brownout| brownout.zone == Some(zone))
    }

    /// Length of the brownouts that `of` accepts, in µs.
    pub fn sum(&self, of: impl Fn(&Brownout) -> bool) -> u64 {
        self.brownouts.iter().filter(|own| of(own)).map(|own| own.length_us).sum()
    }
}

/// L: what takes longer than this many µs is slow, where the baseline's p99 is `p99_us`.
pub(super) fn slow_us(p99_us: u64) -> u64 {
    SLOW_US_MIN.max(p99_us.saturating_add(SLOW_MORE_US)).max(p99_us.saturating_mul(SLOW_FACTOR))
}

/// What a baseline says of how slow is slow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ordinary {
    slow_us: u64,
    share: f64,
}

impl Ordinary {
    /// One slow one more than there was is expected: what did not happen in a minute may still do
    /// so by chance.
    pub(super) fn new(baseline: &BaselineFigures) -> Self {
        let BaselineFigures { slow_us, slow, transactions, .. } = *baseline;
        Self { slow_us, share: (slow + 1) as f64 / (transactions + 1) as f64 }
    }
}

/// Transactions due in one window; those that may turn out slow by how long they took.
#[derive(Debug, Clone, Default)]
struct Window {
    transactions: u64,
    never: u64,
    /// Only those over [`SLOW_US_MIN`], so that a calm run costs next to nothing.
    slow: BTreeMap<u16, u64>,
}

/// Steps within an octave: slow and not slow are told apart to 0.8 %.
const OCTAVE_BITS: u32 = 7;

fn bucket(us: u64) -> u16 {
    let octave = us.max(1 << OCTAVE_BITS).ilog2();
    let step = (us >> (octave - OCTAVE_BITS)) & ((1 << OCTAVE_BITS) - 1);
    (octave << OCTAVE_BITS) as u16 | step as u16
}

impl Window {
    fn slower_than(&self, us: u64) -> u64 {
        self.never + self.slow.range(bucket(us) + 1..).map(|(_, count)| count).sum::<u64>()
    }
}

/// Collects windows while transactions stream by: it is known only at the end what is slow.
#[derive(Debug, Default)]
pub(super) struct BrownoutLog(Vec<Window>);

impl BrownoutLog {
    /// Counts a business transaction of a run that ends at `end`.
    pub(super) fn record(&mut self, Ended { whole, grade, .. }: &Ended, end: RunTime) {
        let index = (whole.scheduled.min(end).0 / BROWNOUT_WINDOW_US) as usize;
        if index >= self.0.len() {
            self.0.resize_with(index + 1, Window::default);
        }
        let window = &mut self.0[index];
        window.transactions += 1;
        match grade {
            Grade::Good | Grade::Late => {
                let us = whole.response_us();
                if us > SLOW_US_MIN {
                    *window.slow.entry(bucket(us)).or_default() += 1;
                }
            }
            _ => window.never += 1,
        }
    }

    /// Finds the brownouts among the windows that lie whole within judged phases.
    pub(super) fn finish(
        &self,
        ordinary: Ordinary,
        gaps: &[Gap],
        phases: &Phases,
    ) -> BrownoutFigures {
        let mut found = BrownoutFigures {
            slow_us: ordinary.slow_us,
            expected_share: ordinary.share,
            windows: 0,
            blind: 0,
            in_gaps: 0,
            brownouts: Vec::new(),
        };
        let mut watch = Watch::default();
        for (index, window) in self.0.iter().enumerate() {
            let start = RunTime(index as u64 * BROWNOUT_WINDOW_US);
            let end = start.plus_us(BROWNOUT_WINDOW_US);
            let is_judged = |at| phases.role(phases.at(at)).is_judged();
            if window.transactions == 0 || !is_judged(start) || !is_judged(RunTime(end.0 - 1)) {
                continue;
            }
            if gaps.iter().any(|gap| gap.start < end && gap.end > start) {
                found.in_gaps += 1;
                continue;
            }
            found.windows += 1;
            let (all, slow) = (window.transactions, window.slower_than(ordinary.slow_us));
            found.blind += u64::from(is_blind(all, ordinary.share));
            let seen = Seen { start, all, slow, bad: is_bad(all, slow, ordinary.share) };
            found.brownouts.extend(watch.see(seen).map(|run| brownout(&run, false, phases)));
        }
        found.brownouts.extend(watch.end().map(|run| brownout(&run, true, phases)));
        found
    }
}

/// A window, judged.
#[derive(Debug, Clone, Copy)]
struct Seen {
    start: RunTime,
    all: u64,
    slow: u64,
    bad: bool,
}

fn is_bad(all: u64, slow: u64, expected_share: f64) -> bool {
    slow as f64 >= SHARE_MIN * all as f64 && chance(all, slow, expected_share) < CHANCE_MAX
}

/// Whether chance makes all of a window's transactions slow too easily for them to say anything.
fn is_blind(all: u64, expected_share: f64) -> bool {
    expected_share.powf(all as f64) >= CHANCE_MAX
}

/// Probability that `slow` or more of `all` are slow where each is so with probability `share`.
fn chance(all: u64, slow: u64, share: f64) -> f64 {
    if slow == 0 || share >= 1.0 {
        return 1.0;
    }
    let odds = share / (1.0 - share);
    let ln_first: f64 =
        (0..slow).map(|i| ((all - i) as f64 / (i + 1) as f64).ln() + share.ln()).sum::<f64>()
            + (all - slow) as f64 * (1.0 - share).ln();
    let (mut term, mut sum) = (1.0, 1.0);
    for i in slow..all {
        term *= (all - i) as f64 / (i + 1) as f64 * odds;
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    ln_first.exp() * sum
}

/// Enters and leaves brownouts as windows go by.
#[derive(Debug, Default)]
struct Watch {
    recent: VecDeque<Seen>,
    /// The windows of the brownout that is on, from its first bad one.
    on: Option<Vec<Seen>>,
}

impl Watch {
    /// Takes the next window; gives the brownout it ends.
    fn see(&mut self, seen: Seen) -> Option<Vec<Seen>> {
        if let Some(windows) = &mut self.on {
            windows.push(seen);
            let clean = windows.iter().rev().take_while(|seen| !seen.bad).count();
            return if clean >= CLEAN_MIN { self.end() } else { None };
        }
        self.recent.push_back(seen);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        if self.recent.iter().filter(|seen| seen.bad).count() >= BAD_MIN {
            self.on = Some(self.recent.drain(..).skip_while(|seen| !seen.bad).collect());
        }
        None
    }

    /// The brownout that is on, up to its last bad window.
    fn end(&mut self) -> Option<Vec<Seen>> {
        let mut windows = self.on.take()?;
        while windows.pop_if(|last| !last.bad).is_some() {}
        Some(windows)
    }
}

fn brownout(windows: &[Seen], open: bool, phases: &Phases) -> Brownout {
    let start = windows.first().map_or(RunTime::ZERO, |first| first.start);
    let last = windows.last().map_or(start, |last| last.start);
    let phase = phases.at(start);
    Brownout {
        start,
        end: last.plus_us(BROWNOUT_WINDOW_US),
        open,
        phase,
        zone: phases.zone_before(phase),
        length_us: windows.len() as u64 * BROWNOUT_WINDOW_US,
        transactions: windows.iter().map(|seen| seen.all).sum(),
        slow: windows.iter().map(|seen| seen.slow).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `b` is a bad window, `.` a clean one.
    fn stretches(course: &str) -> Vec<(u64, u64)> {
        let mut watch = Watch::default();
        let span = |windows: Vec<Seen>| {
            let (first, last) = (windows.first().unwrap(), windows.last().unwrap());
            (first.start.0, last.start.0 + 1)
        };
        let seen = (0..).zip(course.chars());
        let seen = seen.map(|(at, c)| Seen { start: RunTime(at), all: 1, slow: 0, bad: c == 'b' });
        let mut found: Vec<_> = seen.filter_map(|seen| watch.see(seen)).map(span).collect();
        found.extend(watch.end().map(span));
        found
    }

    #[test]
    fn three_of_five_enter_and_five_clean_ones_leave() {
        assert_eq!(stretches("bb...bb...b"), []);
        assert_eq!(stretches("..b.b.b....."), [(2, 7)]);
        assert_eq!(stretches("b..bb....b....bbb....."), [(0, 17)], "four clean ones do not leave");
        assert_eq!(stretches("bbb.....bbb"), [(0, 3), (8, 11)]);
        assert_eq!(stretches("bbb..."), [(0, 3)], "open at the end");
    }

    #[test]
    fn slow_follows_the_baseline_and_has_its_floors() {
        assert_eq!(
            [5_000, 15_000, 25_000, 1_000_000].map(slow_us),
            [50_000, 50_000, 75_000, 3_000_000]
        );
        // Where the p99 is very short, three times it is less than it and 20 ms.
        assert!(slow_us(9_000) >= 9_000 + SLOW_MORE_US);
    }

    #[test]
    fn a_bad_window_has_a_share_and_is_no_chance() {
        // One expected in a thousand: eight of a hundred are none, three of thirty may be.
        assert!(is_bad(100, 8, 0.001) && !is_bad(30, 3, 0.01));
        assert!(!is_bad(10_000, 499, 0.001), "certain, and too few to be felt");
        assert!(!is_bad(1, 1, 0.001) && is_bad(2, 2, 0.0001));
    }

    proptest! {
        #[test]
        fn the_chance_is_the_binomial_tail(all in 1_u64..40, slow in 0_u64..40, share in 0.001..0.5) {
            let slow = slow.min(all);
            let choose = |k: u64| (0..k).fold(1.0, |c, i| c * (all - i) as f64 / (i + 1) as f64);
            let exactly = |k: u64| {
                choose(k) * f64::powi(share, k as i32) * f64::powi(1.0 - share, (all - k) as i32)
            };
            let naive: f64 = (slow..=all).map(exactly).sum();
            let found = chance(all, slow, share);
            prop_assert!((found - naive).abs() <= naive * 1e-9, "{found} {naive}");
        }

        #[test]
        fn what_is_counted_as_slow_is_slow_and_little_is_left_out(us in 50_001_u64..4_000_000_000, limit in 50_000_u64..4_000_000_000) {
            let mut window = Window::default();
            window.slow.insert(bucket(us), 1);
            if window.slower_than(limit) > 0 {
                prop_assert!(us > limit);
            } else {
                prop_assert!(us as f64 <= limit as f64 * 1.008);
            }
        }
    }
}
