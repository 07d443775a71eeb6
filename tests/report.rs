//! One small golden run, rendered by every renderer; times are UTC and come from the record alone.

mod support;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use rollproof::analysis::analyze;
use rollproof::event::*;
use rollproof::record::Record;
use rollproof::report::{Derived, derive};
use support::{Audit, Story};

/// Two zones, little load, an outage of 1.4 s that misses the objective, a lost row.
fn golden() -> Story {
    let mut story = Story {
        zones: 2,
        rate: 40,
        terminals: 8,
        baseline_s: 20,
        settle_s: 4,
        final_s: 6,
        ..Story::default()
    };
    let from = story.step(1, "stop-server").0 + 300_000;
    story.outages = vec![(from, from + 1_400_000)];
    story
}

fn record(home: &tempfile::TempDir, story: &Story) -> Record {
    story.write(&home.path().join("20260101-120000-galera"), &story.events())
}

fn derived(story: &Story) -> Derived {
    let home = tempfile::tempdir().unwrap();
    derive(&[record(&home, story)]).unwrap()
}

fn file(derived: &Derived, name: &str) -> String {
    let (_, bytes) = derived.files.iter().find(|(file, _)| *file == name).unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn the_printed_verdict() {
    insta::assert_snapshot!(derived(&golden()).printed);
}

#[test]
fn the_printed_verdict_of_a_calm_run() {
    insta::assert_snapshot!(derived(&Story { outages: Vec::new(), ..golden() }).printed);
}

#[test]
fn the_printed_verdict_when_all_goes_wrong() {
    let mut story = Story { fails_at: Some(1), audit: Some(Audit::LostRow), late: 3, ..golden() };
    story.outages[0].1 += 30_000_000;
    insta::assert_snapshot!(derived(&story).printed);
}

#[test]
fn input_out_of_bounds_is_a_warning_that_names_the_bound() {
    let story = Story { remote_lines: Some(300), ..golden() };
    let printed = derived(&story).printed;
    let warning = "OUT OF BOUNDS: remote lines 3.00 % of";
    assert!(
        printed.contains(warning) && printed.contains("TPC-C wants 0.95 to 1.05."),
        "{printed}"
    );
    let uncounted = derived(&Story { remote_lines: None, ..golden() }).printed;
    assert!(uncounted.contains("What the load asked for was not counted."), "{uncounted}");
}

/// What the ledger says of a payment.
fn entered(terminal: u32, sequence: u64, fate: Fate) -> Event {
    let key = WriteKey::Payment { district: 1, amount_cents: 100 };
    let at = RunTime(30_000_000);
    Event::Ledger(LedgerEntry { terminal, sequence, warehouse: 1, at, fate, key })
}

#[test]
fn commits_of_unknown_fate_are_told_by_phase_and_unknown_codes_in_their_words() {
    let story = Story { outages: Vec::new(), ..golden() };
    let mut events = story.events();
    let (mut found, mut later) = ([Fate::Committed, Fate::Absent].into_iter(), Vec::new());
    let from = RunTime(story.step(0, "install-package").0);
    let attempts = events.iter_mut().filter_map(|event| match event {
        Event::Attempt(attempt) if attempt.last && attempt.scheduled > from => Some(attempt),
        _ => None,
    });
    for attempt in attempts.take(3) {
        attempt.outcome = Outcome::Ambiguous(ErrorClass::ConnectionLost);
        attempt.statement = Some(StatementKind::Commit);
        let (terminal, sequence) = (attempt.terminal, attempt.sequence);
        later.push(entered(terminal, sequence, Fate::Ambiguous));
        later.extend(found.next().map(|fate| entered(terminal, sequence, fate)));
    }
    later.push(Event::Cluster(ClusterEvent {
        at: from,
        uncertainty_us: 0,
        source: Source::Observer,
        fact: ClusterFact::UnknownError(UnknownError {
            zone: Some(ZoneId(1)),
            errno: 9999,
            sqlstate: "HY000".to_owned(),
            statement: StatementKind::Commit,
            text: "the moon is full".to_owned(),
        }),
    }));
    events.extend(later);
    let home = tempfile::tempdir().unwrap();
    let derived = derive(&[story.write(&home.path().join("run"), &events)]).unwrap();
    // Lines are broken where they are long.
    let printed = derived.printed.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "3 commits of unknown fate, 1 committed, 1 absent, 1 open (zone1/install-package 1 \
         committed, 1 absent, 1 open).",
        "0 failed, 0 late, 3 of unknown fate.",
        "UNKNOWN CODE 9999 HY000 at commit (zone2): the moon is full",
    ] {
        assert!(printed.contains(said), "{said}: {}", derived.printed);
    }
    let summary: serde_json::Value = serde_json::from_str(&file(&derived, "summary.json")).unwrap();
    let phases = summary["phases"].as_array().unwrap();
    let told: Vec<_> = phases.iter().filter_map(|p| p.get("ambiguous_looked_up")).collect();
    assert_eq!(told, [&serde_json::json!({"committed": 1, "absent": 1, "open": 1})]);
}

#[test]
fn every_derived_file() {
    let derived = derived(&golden());
    let apart = ["latency.hlog", "summary.json", "report.html"];
    for (name, _) in derived.files.iter().filter(|(name, _)| !apart.contains(name)) {
        insta::assert_snapshot!(*name, file(&derived, name));
    }
}

#[test]
fn the_summary() {
    let mut summary: serde_json::Value =
        serde_json::from_str(&file(&derived(&golden()), "summary.json")).unwrap();
    // One phase shows what all of them look like.
    let phases = summary["phases"].as_array_mut().unwrap();
    phases.retain(|phase| phase["phase"] == "zone2/stop-server");
    for kind in ["payment", "order-status", "delivery", "stock-level"] {
        phases[0]["kinds"].as_object_mut().unwrap().remove(kind);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&summary).unwrap());
}

#[test]
fn deriving_again_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let record = record(&home, &golden());
    let once = derive(std::slice::from_ref(&record)).unwrap();
    let again = derive(&[record]).unwrap();
    assert_eq!(once.files, again.files);
    assert_eq!(once.printed, again.printed);
}

#[test]
fn nothing_printed_is_wider_than_a_hundred_columns() {
    let mut story = Story { audit: Some(Audit::LostRow), ..Story::default() };
    story.outages = vec![(40_000_000, 49_000_000)];
    for line in derived(&story).printed.lines() {
        // A statement to copy is never broken.
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn the_interval_log_holds_every_success_under_its_tag() {
    let home = tempfile::tempdir().unwrap();
    let record = record(&home, &golden());
    let log = file(&derive(std::slice::from_ref(&record)).unwrap(), "latency.hlog");
    let analysis = analyze(&[record]).unwrap();
    let (mut successes, mut tags) = (0, Vec::new());
    for entry in IntervalLogIterator::new(log.as_bytes()) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        tags.push(interval.tag().unwrap().as_str().to_owned());
        let bytes = base64(interval.encoded_histogram());
        let decoded: Histogram<u64> = Deserializer::new().deserialize(&mut &*bytes).unwrap();
        successes += decoded.len();
    }
    assert_eq!(successes, analysis.total.counts.good + analysis.total.counts.late);
    assert!(tags.contains(&"zone2/stop-server:new-order".to_owned()), "{tags:?}");
    assert!(log.contains("StartTime") && log.contains("BaseTime"), "{log}");
}

/// Standard base64, as the log encodes histograms.
fn base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for c in text.bytes().filter(|&c| c != b'=') {
        bits = bits << 6 | u32::from(value(c));
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}
