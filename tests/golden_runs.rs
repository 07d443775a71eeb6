//! Golden runs: small records, and every file that was ever derived from them. A change of any
//! figure or word shows as a difference here, to be looked at and then taken over with
//! `ROLLPROOF_TAKE_OVER=1 cargo test --test golden_runs`.
//!
//! The records were written by `make_the_records`, once; they are kept as they are, so that records
//! of older formats go on being read.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use rollproof::record::{Record, file};
use rollproof::report::derive;
use support::{Audit, Story};

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_runs")
}

const NAMES: [&str; 3] = ["upgrade", "brownout", "cut"];

#[test]
fn every_file_derived_from_a_golden_run_is_as_it_was() {
    let take_over = std::env::var_os("ROLLPROOF_TAKE_OVER").is_some();
    for name in NAMES {
        let (record, kept) = (home().join(name).join("record"), home().join(name).join("derived"));
        let mut derived = derive(&[Record::open(&record).unwrap()]).unwrap();
        derived.files.push(("printed.txt", derived.printed.into_bytes()));
        for (file, bytes) in derived.files {
            let bytes = if file == "report.html" { without_dress(&bytes) } else { bytes };
            if take_over {
                fs::create_dir_all(&kept).unwrap();
                fs::write(kept.join(file), &bytes).unwrap();
            }
            let known = fs::read(kept.join(file)).unwrap_or_default();
            let (found, known) = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&known));
            let lines = found.lines().zip(known.lines()).zip(1..);
            let first = lines.clone().find(|((found, known), _)| found != known);
            assert!(found == known, "{name}/{file}: first difference: {first:?}");
        }
    }
}

/// The page without its style and script, which are the same for every run and stand in
/// `src/report/page/`.
fn without_dress(page: &[u8]) -> Vec<u8> {
    let page = std::str::from_utf8(page).unwrap();
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, rest) = rest.split_once("<script type=\"module\">").unwrap();
    let (_, tail) = rest.split_once("</script>").unwrap();
    [head, body, tail].concat().into_bytes()
}

/// What each is about, so that nobody takes over what says something else.
#[test]
fn golden_runs_come_to_the_verdicts_they_were_made_for() {
    let printed =
        NAMES.map(|name| fs::read_to_string(home().join(name).join("derived/printed.txt")));
    let [upgrade, brownout, cut] = printed.map(Result::unwrap);
    assert!(upgrade.starts_with("FAIL: the longest write gap was"), "{upgrade}");
    assert!(brownout.starts_with("PASS") && brownout.contains("WARN"), "{brownout}");
    assert!(cut.starts_with("INCONCLUSIVE") && cut.contains("breaks off"), "{cut}");
}

#[test]
#[ignore = "writes the records anew; only where they must change"]
fn make_the_records() {
    let small = Story {
        zones: 1,
        rate: 20,
        terminals: 4,
        baseline_s: 8,
        settle_s: 2,
        final_s: 3,
        ..Story::default()
    };
    let watched = Story { rate: 40, upgrade: false, settle_s: 20, ..small.clone() };
    let slow = vec![(15_000_000, 24_000_000, 90_000)];
    let objectives = "brownout_warn = '5s'".to_owned();
    let stories = [
        small,
        Story { slow, objectives, ..watched.clone() },
        Story { audit: Some(Audit::Unresolved), ..watched },
    ];
    for (name, story) in NAMES.into_iter().zip(stories) {
        let record = home().join(name).join("record");
        story.write(&record, &story.events());
        if name == "cut" {
            let path = record.join(file::TRANSACTIONS);
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() * 3 / 5]).unwrap();
        }
    }
}
