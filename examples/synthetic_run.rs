//! Writes the record of a run that never was and prints its verdict:
//! `cargo run --example synthetic_run -- DIR [OUTAGE_S]`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().expect("the first argument is a new directory"));
    let outage_s: f64 = arguments.next().map_or(0.0, |text| text.parse().unwrap());
    let mut story = support::Story::default();
    let (from, _) = story.step(1, "stop-server");
    story.outages = vec![(from + 300_000, from + 300_000 + (outage_s * 1e6) as u64)];
    let record = story.write(&dir, &story.events());
    let derived = rollproof::report::derive(&[record]).unwrap();
    for (name, bytes) in &derived.files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    println!("{}", derived.printed);
}
