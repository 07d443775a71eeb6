//! Writes the record of a run that never was and prints its verdict:
//! `cargo run --example synthetic_run -- DIR [OUTAGE_S] [lost-row | failed-step | hour]`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use support::{Audit, Story};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().expect("the first argument is a new directory"));
    let outage_s: f64 = arguments.next().map_or(0.0, |text| text.parse().unwrap());
    let mut story = match arguments.next().as_deref() {
        None => Story::default(),
        Some("lost-row") => Story { audit: Some(Audit::LostRow), ..Story::default() },
        Some("failed-step") => Story { fails_at: Some(1), ..Story::default() },
        Some("hour") => Story { baseline_s: 3_500, rate: 200, ..Story::default() },
        Some(other) => panic!("{other:?} is no story"),
    };
    let (from, _) = story.step(1, "stop-server");
    if outage_s > 0.0 {
        story.outages = vec![(from + 300_000, from + 300_000 + (outage_s * 1e6) as u64)];
    }
    let record = story.write(&dir, &story.events());
    let derived = rollproof::report::derive(&[record]).unwrap();
    for (name, bytes) in &derived.files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    println!("{}", derived.printed);
}
