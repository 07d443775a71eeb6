//! Whether the answers are right as often as they claim to be: runs with moods, made from a seed.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::judge::{Answer, Judged, Observed, Outcome, answer, settle};
use super::metric::{Metric, Quantity, Subject, UnitSums};
use super::rules::Rules;
use crate::analysis::Block;
use crate::event::TxnKind;

/// Blocks of a side, as four minutes give.
const BLOCKS: usize = 8;
const BLOCK_US: u64 = 30_000_000;
const DEADLINE_US: u64 = 5_000_000;
/// Business transactions of a block: 60 a second.
const TRANSACTIONS: u64 = 1_800;
/// Well above every floor, so that shares alone decide.
const SCALE_US: f64 = 40_000.0;
/// How far the cluster's mood moves from block to block: its standard deviation, as a share.
const MOOD: f64 = 0.02;

struct Simulated(Xoshiro256PlusPlus);

impl Simulated {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Above 0 and at most 1.
    fn share(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.share(), self.share());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// A block in a mood of its own, in which everything takes `slower` times as long.
    fn block(&mut self, slower: f64) -> UnitSums {
        let pace = SCALE_US * slower * (MOOD * self.normal()).exp();
        let mut kinds = Block::default();
        for _ in 0..TRANSACTIONS {
            let kind = match self.0.next_u64() % 100 {
                0..45 => TxnKind::NewOrder,
                45..88 => TxnKind::Payment,
                88..92 => TxnKind::OrderStatus,
                92..96 => TxnKind::Delivery,
                _ => TxnKind::StockLevel,
            };
            // A floor of work and a tail of waiting.
            let us = pace * (0.6 - 0.4 * self.share().ln());
            let tally = &mut kinds[kind.index()];
            tally.counts.offered += 1;
            tally.counts.good += 1;
            tally.response.record(us as u64);
        }
        UnitSums::new(kinds, BLOCK_US, DEADLINE_US)
    }

    fn run(&mut self, blocks: usize, slower: f64) -> Vec<UnitSums> {
        (0..blocks).map(|_| self.block(slower)).collect()
    }

    /// Deals the blocks of a run out into two halves.
    fn halves<T>(&mut self, mut units: Vec<T>) -> [Vec<T>; 2] {
        let half = units.len() / 2;
        let mut dealt = Vec::with_capacity(half);
        for _ in 0..half {
            let index = self.0.next_u64() % units.len() as u64;
            dealt.push(units.swap_remove(index as usize));
        }
        [dealt, units]
    }
}

fn judged(base: &[UnitSums], candidate: &[UnitSums], metrics: &[Metric]) -> Vec<Judged> {
    let rules = Rules::default();
    let each =
        metrics.iter().map(|&metric| Judged::of(metric, base, candidate, &rules, Observed::Blocks));
    let mut all: Vec<Judged> = each.collect();
    settle(all.iter_mut());
    all
}

/// How often each outcome came out for a metric, of so many comparisons.
fn outcomes(times: usize, slower: f64, quantity: Quantity) -> [usize; 3] {
    let metric = Metric { quantity, subject: Subject::All };
    let mut counts = [0; 3];
    let mut world = Simulated::new(11);
    for _ in 0..times {
        let (base, candidate) = (world.run(BLOCKS, 1.0), world.run(BLOCKS, slower));
        match judged(&base, &candidate, &[metric])[0].outcome {
            Outcome::Pass => counts[0] += 1,
            Outcome::Regressed => counts[1] += 1,
            Outcome::Inconclusive | Outcome::Untested => counts[2] += 1,
        }
    }
    counts
}

#[test]
fn two_hundred_halves_of_one_run_raise_no_more_alarms_than_the_level_allows() {
    let mut world = Simulated::new(7);
    let metrics = Metric::all();
    let (mut passed, mut alarms) = (0, 0);
    for _ in 0..20 {
        let mut run = world.run(2 * BLOCKS, 1.0);
        for _ in 0..10 {
            let [base, candidate] = world.halves(run);
            let all = judged(&base, &candidate, &metrics);
            match answer(all.iter()) {
                Answer::Regressed => alarms += 1,
                Answer::Pass => passed += 1,
                Answer::Inconclusive => {}
            }
            run = base.into_iter().chain(candidate).collect();
        }
    }
    // One in forty, were everything worse by just what is tolerated. Here nothing is worse at all.
    assert_eq!(alarms, 0);
    assert!(passed >= 170, "{passed} of 200 passed");
}

#[test]
fn a_slow_down_beyond_what_is_tolerated_is_found() {
    for quantity in [Quantity::P50, Quantity::P95] {
        let found = outcomes(50, 1.2, quantity);
        assert!(found[1] >= 48, "{quantity} of 20 % more: {found:?}");
    }
    let found = outcomes(50, 1.1, Quantity::P50);
    assert!(found[1] >= 45, "10 % more: {found:?}");
    let found = outcomes(50, 1.4, Quantity::P99);
    assert!(found[1] >= 45, "40 % more: {found:?}");
}

#[test]
fn a_slow_down_just_as_large_as_is_tolerated_is_neither_passed_nor_found_more_often_than_by_chance()
{
    for (slower, quantity) in [(1.05, Quantity::P50), (1.1, Quantity::P95), (1.2, Quantity::P99)] {
        let [passed, alarms, _] = outcomes(100, slower, quantity);
        // 1 in 40 of each, with room for chance: 8 or more come up once in 250 times.
        assert!(alarms <= 7 && passed <= 7, "{quantity}: {passed} passed, {alarms} alarms");
    }
}
