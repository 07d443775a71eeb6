//! A stored baseline: which runs give one, and what it is good for in another run.

mod support;

use rollproof::analysis::*;
use rollproof::record::*;
use rollproof::report::{derive, stored_baseline};
use rollproof::verdict::*;
use support::Story;

const S: u64 = 1_000_000;

fn analysed(story: &Story) -> (Analysis, Verdict) {
    let home = tempfile::tempdir().unwrap();
    let analysis = analyze(&[story.write(&home.path().join("r"), &story.events())]).unwrap();
    let verdict = Verdict::of(&analysis);
    (analysis, verdict)
}

#[test]
fn another_run_s_baseline_serves_where_all_that_matters_is_the_same() {
    let home = tempfile::tempdir().unwrap();
    let measured = Story::default();
    let record = measured.write(&home.path().join("first"), &measured.events());
    let stored = stored_baseline(&record).unwrap();
    let own = analyze(&[record]).unwrap();

    let mut story = Story { baseline_s: 0, baseline: Some(stored.clone()), ..Story::default() };
    let (analysis, verdict) = analysed(&story);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{verdict:#?}");
    assert!(analysis.phases.iter().all(|phase| phase.role != Role::Baseline));
    let slow = |of: &Analysis| of.brownouts.as_ref().unwrap().slow_us;
    assert_eq!(slow(&analysis), slow(&own));
    let pause = |of: &Analysis| of.writes.cluster.baseline_gap_us;
    assert!(pause(&analysis) > 0 && pause(&analysis) == pause(&own));
    assert_eq!(analysis.recoveries.len(), 3);
    // What it is for still works: an outage is one.
    let from = story.step(1, "stop-server").0;
    story.outages = vec![(from, from + 2 * S)];
    assert_eq!(analysed(&story).1.kind, VerdictKind::Fail);

    let other = Story { rate: 50, ..story };
    let (_, verdict) = analysed(&other);
    let said = format!("{:?}", verdict.reasons);
    assert!(said.contains("load.rate is 60.0 there and 50.0 here"), "{said}");
    assert_eq!(verdict.kind, VerdictKind::Fail, "what is certainly missed stays missed");
}

/// Whatever run it is of, a baseline should be as long as the longest phase.
#[test]
fn a_stored_baseline_that_is_short_is_told_to_be() {
    let home = tempfile::tempdir().unwrap();
    let measured = Story { baseline_s: 10, ..Story::default() };
    let stored = stored_baseline(&measured.write(&home.path().join("a"), &measured.events()));
    let story = Story { baseline_s: 0, baseline: Some(stored.unwrap()), ..Story::default() };
    let told = |length_us: u64| {
        let mut story = story.clone();
        story.baseline.as_mut().unwrap().figures.length_us = length_us;
        let record = story.write(&home.path().join(length_us.to_string()), &story.events());
        let report = derive(&[record]).unwrap().files.into_iter();
        let markdown = report.filter(|(name, _)| *name == "report.md").map(|(_, bytes)| bytes);
        String::from_utf8(markdown.flatten().collect()).unwrap()
    };
    let (short, long) = (told(S), told(3600 * S));
    assert!(short.contains("It is shorter than zone"), "{short}");
    assert!(long.contains("Held against") && !long.contains("It is shorter"), "{long}");
}

#[test]
fn a_baseline_that_is_not_fit_is_refused_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let calm = Story::default;
    let cases = [
        (Story { baseline_s: 0, ..calm() }, "no baseline"),
        (Story { late: 1, ..calm() }, "more than 10 ms late"),
        (Story { rate: 3, terminals: 3, ..calm() }, "too little load"),
        (Story { clock_step: Some((20 * S, 900_000, 0)), ..calm() }, "clock was set"),
    ];
    for (number, (story, words)) in cases.into_iter().enumerate() {
        let record = story.write(&home.path().join(number.to_string()), &story.events());
        let refused = stored_baseline(&record).unwrap_err().to_string();
        assert!(refused.contains(words) && refused.contains("20260101"), "{refused}: {words}");
    }
    // Neither half, cut nor borrowed.
    let story = Story { baseline_s: 12, upgrade: false, ..calm() };
    let record = story.write(&home.path().join("cut"), &story.events());
    let path = home.path().join("cut").join(file::TRANSACTIONS);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(stored_baseline(&record).unwrap_err().to_string().contains("breaks off"));
}
