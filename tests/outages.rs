//! Outages whose length is known to the microsecond, in a simulation of the load: whether they are
//! found, and whether the truth lies in the interval that is reported. `scripts/accuracy` does the
//! same with real servers.

mod simulated;
mod support;

use rollproof::analysis::{Analysis, analyze};
use rollproof::event::Event;
use simulated::{Fault, Outage, World};
use support::Story;
use support::dice::Dice;

const S: u64 = 1_000_000;

/// What is reported of one outage.
#[derive(Debug)]
struct Found {
    outage: Outage,
    tau_us: u64,
    /// The least and the most it may have lasted, and the gap's length.
    reported: Option<(u64, u64)>,
}

impl Found {
    fn must_be_found(&self) -> bool {
        self.outage.length() >= 2 * self.tau_us
    }

    fn is_within(&self) -> Option<bool> {
        let (least, most) = self.reported?;
        Some((least..=most).contains(&self.outage.length()))
    }
}

/// A run at so many transactions a second with outages of one kind, of 50 ms and more.
fn run(fault: Fault, rate: u64, poisson: bool, seed: u64) -> Vec<Found> {
    let mut dice = Dice(seed);
    let (baseline_s, count) = (20, if rate > 500 { 6 } else { 10 });
    let mut at = (3 + baseline_s + 2) * S;
    let outages: Vec<_> = (0..count)
        .map(|_| {
            // As many short as long ones: from 50 ms to 5 s.
            let length = (50_000.0 * 100.0_f64.powf(dice.unit())) as u64;
            let from = at + dice.below(S);
            // Whoever waits for an answer that is lost does so for 5 s.
            at = from + length + 7 * S;
            Outage { fault, from, until: from + length }
        })
        .collect();
    let settle_s = at / S - 3 - baseline_s;
    let terminals = if rate > 100 { 64 } else { 20 };
    let story = Story {
        rate,
        terminals,
        baseline_s,
        settle_s,
        zones: 1,
        final_s: 0,
        upgrade: false,
        ..Story::default()
    };
    let end = story.load_end();
    let crowd = 1 + dice.below(20);
    let world = World { rate, terminals, poisson, end, outages: outages.clone(), crowd, dice };
    let mut events = story.rest();
    events.extend(world.attempts().into_iter().map(Event::Attempt));
    let home = tempfile::tempdir().unwrap();
    let analysis = analyze(&[story.write(&home.path().join("r"), &events)]).unwrap();
    assert_eq!(analysis.problems, []);
    outages.into_iter().map(|outage| look_up(&analysis, outage)).collect()
}

fn look_up(analysis: &Analysis, outage: Outage) -> Found {
    let writes = &analysis.writes.cluster;
    let gap = writes
        .gaps
        .iter()
        .filter(|gap| gap.start.0 < outage.until && gap.end.0 > outage.from)
        .max_by_key(|gap| gap.length_us());
    Found {
        outage,
        tau_us: writes.tau_us.iter().copied().max().unwrap_or(0),
        reported: gap.map(|gap| gap.outage_us),
    }
}

fn median(mut of: Vec<u64>) -> u64 {
    of.sort_unstable();
    of[of.len() / 2]
}

fn hold(rate: u64, seeds: std::ops::Range<u64>) {
    let (mut due, mut missed, mut seen, mut astray) = (0, Vec::new(), 0, Vec::new());
    for fault in Fault::ALL {
        let mut errors = Vec::new();
        let mut resolutions = Vec::new();
        for seed in seeds.clone() {
            for found in run(fault, rate, seed % 2 == 1, seed * 10 + rate) {
                due += usize::from(found.must_be_found());
                if let Some((least, most)) = found.reported {
                    errors.push(most.abs_diff(found.outage.length()));
                    resolutions.push(most - least);
                }
                match found.is_within() {
                    Some(within) => {
                        seen += 1;
                        if !within {
                            astray.push(found);
                        }
                    }
                    None if found.must_be_found() => missed.push(found),
                    None => {}
                }
            }
        }
        let (error, resolution) = (median(errors), median(resolutions));
        println!("{rate}/s {fault:?}: median error {error} µs, resolution {resolution} µs");
        assert!(error <= resolution, "{fault:?}: median error {error} µs of {resolution} µs");
    }
    println!("{rate}/s: {} of {due} missed, {} of {seen} astray", missed.len(), astray.len());
    assert!(missed.len() * 100 <= due, "{} of {due}: {missed:#?}", missed.len());
    assert!(astray.len() * 100 <= seen, "{} of {seen}: {astray:#?}", astray.len());
}

#[test]
fn the_truth_lies_in_the_interval_at_50_a_second() {
    hold(50, 0..3);
}

#[test]
fn the_truth_lies_in_the_interval_at_200_a_second() {
    hold(200, 0..2);
}

#[test]
fn the_truth_lies_in_the_interval_at_1000_a_second() {
    hold(1_000, 0..2);
}
