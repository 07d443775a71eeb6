//! Before against after: records in, answers out; and what is told of them.

mod junit;
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rollproof::compare::{Answer, CompareError, Comparison, Outcome, Part, Rules, compare};
use rollproof::record::Record;
use rollproof::report::{comparison, comparison_schema, derive};
use rollproof::scenario::Span;
use support::{Audit, Story};

/// Two and a half minutes of an undisturbed cluster.
fn calm() -> Story {
    Story {
        zones: 1,
        rate: 60,
        terminals: 12,
        baseline_s: 120,
        settle_s: 10,
        final_s: 20,
        probe_ms: 1_000,
        upgrade: false,
        smooth: true,
        ..Story::default()
    }
}

/// An upgrade with room before and after it.
fn upgraded() -> Story {
    Story { baseline_s: 60, final_s: 60, upgrade: true, ..calm() }
}

/// The record of a story, by a name of its own, begun so many minutes after the others.
fn record(home: &Path, name: &str, minute: u32, story: &Story) -> Record {
    let dir = home.join(name);
    story.write(&dir, &story.events());
    let path = dir.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("20260101-120000-galera", name);
    let text = text.replace("2026-01-01T12:00:00Z", &format!("2026-01-01T12:{minute:02}:00Z"));
    std::fs::write(&path, text).unwrap();
    Record::open(&dir).unwrap()
}

/// The simulation takes some 6 ms: a floor of 1 ms would be a fifth of it.
fn without_floors() -> Rules {
    let mut rules = Rules::default();
    for own in [&mut rules.p50, &mut rules.p95, &mut rules.p99] {
        own.floor_us = 0;
    }
    rules
}

fn pair(base: &Story, candidate: &Story, rules: &Rules) -> Result<Comparison, CompareError> {
    let home = tempfile::tempdir().unwrap();
    let base = record(home.path(), "base", 0, base);
    let candidate = record(home.path(), "candidate", 10, candidate);
    compare(&[base], &[candidate], rules)
}

fn outcome(found: &Comparison, metric: &str) -> Outcome {
    let all = found.sections.iter().flat_map(|section| &section.metrics);
    let named = |judged: &&rollproof::compare::Judged| judged.metric.to_string() == metric;
    all.into_iter().find(named).unwrap().outcome
}

#[test]
fn a_run_against_itself_passes() {
    let found = pair(&calm(), &calm(), &Rules::default()).unwrap();
    assert_eq!(found.answer, Answer::Pass, "{}", found.sentence);
    let strict = pair(&calm(), &calm(), &without_floors()).unwrap();
    assert_eq!(strict.answer, Answer::Pass, "{}", strict.sentence);
    for judged in found.sections.iter().flat_map(|section| &section.metrics) {
        let ratio = judged.estimate.map_or(1.0, |estimate| estimate.ratio);
        assert!((ratio - 1.0).abs() < 1e-12, "{}: {ratio}", judged.metric);
    }
}

#[test]
fn what_is_slower_by_more_than_is_tolerated_is_found_and_noise_is_not() {
    let home = tempfile::tempdir().unwrap();
    let long = Story { baseline_s: 240, ..calm() };
    let base = [record(home.path(), "base", 0, &long)];
    let other_day = |slower_percent: u64| {
        let story = Story { seed: 2, slower_percent, ..long.clone() };
        [record(home.path(), &format!("slower-by-{slower_percent}"), 10, &story)]
    };
    let found = compare(&base, &other_day(0), &without_floors()).unwrap();
    assert_eq!(found.answer, Answer::Pass, "{}", found.sentence);
    for (slower_percent, found_in) in [(10, ["p50"].as_slice()), (30, &["p50", "p95", "p99"])] {
        let slower = other_day(slower_percent);
        let found = compare(&base, &slower, &without_floors()).unwrap();
        assert_eq!(found.answer, Answer::Regressed, "{slower_percent}: {}", found.sentence);
        for metric in found_in {
            assert_eq!(outcome(&found, metric), Outcome::Regressed, "{slower_percent}: {metric}");
        }
        assert_eq!(outcome(&found, "throughput"), Outcome::Pass);
        // The other way about it became quicker, which is no regression.
        let quicker = compare(&slower, &base, &without_floors()).unwrap();
        assert_eq!(quicker.answer, Answer::Pass, "{slower_percent}: {}", quicker.sentence);
    }
    // Just what is tolerated is neither passed nor called a regression.
    let slower = other_day(5);
    let found = compare(&base, &slower, &without_floors()).unwrap();
    assert_eq!(outcome(&found, "p50"), Outcome::Inconclusive, "{}", found.sentence);
    assert_eq!(found.answer, Answer::Inconclusive);
    // Less than a floor is nothing, whatever its share.
    let found = compare(&base, &slower, &Rules::default()).unwrap();
    assert_eq!(found.answer, Answer::Pass, "{}", found.sentence);
}

#[test]
fn transactions_that_fail_are_slow_ones_and_missing_throughput() {
    let from = 20_000_000;
    let outages = (0..14).map(|n| (from + n * 10_000_000, from + n * 10_000_000 + 8_000_000));
    let failing = Story { outages: outages.collect(), deadline: Span::secs(1), ..calm() };
    let base = Story { deadline: Span::secs(1), ..calm() };
    let found = pair(&base, &failing, &Rules::default()).unwrap();
    assert_eq!(found.answer, Answer::Regressed, "{}", found.sentence);
    for metric in ["throughput", "p50", "p99"] {
        assert_eq!(outcome(&found, metric), Outcome::Regressed, "{metric}");
    }
    let noted = found.sections[0].metrics.iter().find(|judged| !judged.note.is_empty());
    assert!(noted.unwrap().note.contains("beyond the deadline"), "{noted:?}");
}

#[test]
fn like_is_compared_with_like() {
    let parts = |found: &Comparison| -> Vec<(String, bool)> {
        found.sections.iter().map(|own| (own.pair.name(), own.pair.gated)).collect()
    };
    let usual = pair(&upgraded(), &upgraded(), &Rules::default()).unwrap();
    assert_eq!(parts(&usual), [("steady".to_owned(), true), ("upgrade".to_owned(), false)]);
    let mixed = pair(&calm(), &upgraded(), &Rules::default()).unwrap();
    assert_eq!(parts(&mixed), [("steady".to_owned(), true)]);
    let rules = Rules { parts: Some(vec![Part::After]), ..Rules::default() };
    assert_eq!(parts(&pair(&upgraded(), &upgraded(), &rules).unwrap())[0].0, "after");
    let without = pair(&calm(), &calm(), &rules).unwrap_err().to_string();
    assert!(without.contains("has no part after: it needs an upgrade"), "{without}");

    let home = tempfile::tempdir().unwrap();
    let alone =
        compare(&[record(home.path(), "base", 0, &upgraded())], &[], &Rules::default()).unwrap();
    assert_eq!(parts(&alone), [("steady-after".to_owned(), true)]);
    assert_eq!(alone.answer, Answer::Pass, "{}", alone.sentence);
}

#[test]
fn whole_runs_are_the_unit_where_each_side_has_several() {
    let home = tempfile::tempdir().unwrap();
    let short = |seed, slower_percent| Story {
        baseline_s: 20,
        settle_s: 2,
        final_s: 3,
        seed,
        slower_percent,
        ..calm()
    };
    let side = |name: &str, first: u32, slower| -> Vec<Record> {
        let run = |n: u32| {
            let story = short(u64::from(n) + u64::from(first) * 100 + 1, slower);
            record(home.path(), &format!("{name}{n}"), first + 2 * n, &story)
        };
        (0..6).map(run).collect()
    };
    let (base, same, slow) = (side("a", 0, 0), side("b", 1, 0), side("c", 1, 20));
    let found = compare(&base, &same, &without_floors()).unwrap();
    assert_eq!((found.answer, found.sections[0].units), (Answer::Pass, [6, 6]));
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    let found = compare(&base, &slow, &without_floors()).unwrap();
    assert_eq!(found.answer, Answer::Regressed, "{}", found.sentence);
    let p50 = found.sections[0].metrics.iter().find(|own| own.metric.to_string() == "p50");
    let ranks = p50.unwrap().ranks.unwrap();
    assert!((ranks - 1.0 / 924.0).abs() < 1e-9, "every run of one side is slower: {ranks}");

    let few = compare(&base[..3], &slow[..3], &without_floors()).unwrap();
    assert_eq!(few.answer, Answer::Inconclusive);
    assert!(few.sentence.contains("at least 4 runs a side"), "{}", few.sentence);
    let one_after_the_other = side("d", 30, 0);
    let found = compare(&base, &one_after_the_other, &without_floors()).unwrap();
    assert!(found.notes[0].contains("not interleaved"), "{:?}", found.notes);
    assert!(found.sections[0].metrics.iter().all(|judged| judged.ranks.is_none()));
    let lopsided = compare(&base, &same[..1], &without_floors()).unwrap_err();
    assert!(matches!(lopsided, CompareError::Lopsided { base: 6, candidate: 1 }));
}

#[test]
fn runs_that_did_not_do_the_same_are_refused_with_every_reason() {
    let other = Story { rate: 50, terminals: 10, ..calm() };
    let refused = pair(&calm(), &other, &Rules::default()).unwrap_err();
    let CompareError::Different { reasons } = &refused else { panic!("{refused}") };
    assert_eq!(
        reasons[..],
        [
            "load.rate is 60.0 in the base and 50.0 in the candidate",
            "load.terminals is 12 in the base and 10 in the candidate"
        ]
    );
    assert!(refused.to_string().contains("--allow-differences"), "{refused}");
    let rules = Rules { allow_differences: true, ..Rules::default() };
    let found = pair(&calm(), &other, &rules).unwrap();
    assert_eq!(&found.differences, reasons);
    assert_eq!(found.answer, Answer::Regressed, "throughput fell: {}", found.sentence);
    for text in [comparison(&found).printed, comparison(&found).json] {
        assert!(text.contains("load.terminals is 12 in the base and 10"), "{text}");
    }
}

#[test]
fn a_run_that_lost_data_is_compared_with_nothing_and_an_unchecked_one_gets_a_remark() {
    let lost = Story { audit: Some(Audit::LostRow), ..calm() };
    let refused = pair(&calm(), &lost, &Rules::default()).unwrap_err();
    assert!(refused.to_string().contains("run candidate: DATA FAIL"), "{refused}");
    let unchecked = Story { audit: None, ..calm() };
    let found = pair(&calm(), &unchecked, &Rules::default()).unwrap();
    let remark = "the data of run candidate were not checked after it";
    assert!(found.notes.iter().any(|note| note == remark), "{:?}", found.notes);
}

#[test]
fn nothing_rests_on_a_run_that_is_invalid_or_not_whole() {
    let late = Story { late: 3, ..calm() };
    let refused = pair(&calm(), &late, &Rules::default()).unwrap_err();
    let CompareError::Unfit { reasons } = &refused else { panic!("{refused}") };
    assert!(reasons[0].contains("run candidate: INVALID: the measuring machine"), "{reasons:?}");

    let home = tempfile::tempdir().unwrap();
    let whole = record(home.path(), "base", 0, &calm());
    let cut = record(home.path(), "cut", 1, &calm());
    let path = cut.dir().join("transactions.csv.zst");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let refused = compare(&[whole], &[cut], &Rules::default()).unwrap_err().to_string();
    assert!(refused.contains("run cut: transactions.csv.zst"), "{refused}");
}

/// What is told of a regression, in every form.
#[test]
fn every_rendering() {
    let slower = Story { slower_percent: 30, seed: 2, ..upgraded() };
    let found = pair(&upgraded(), &slower, &without_floors()).unwrap();
    assert_eq!(found.answer, Answer::Regressed);
    let compared = comparison(&found);
    assert!(compared.printed.lines().all(|line| line.chars().count() <= 100));
    insta::assert_snapshot!("printed", compared.printed);
    for (name, bytes) in compared.files.iter().filter(|(name, _)| !name.ends_with("html")) {
        insta::assert_snapshot!(*name, std::str::from_utf8(bytes).unwrap());
    }
    let again = pair(&upgraded(), &slower, &without_floors()).unwrap();
    assert_eq!(comparison(&again).files, compared.files, "the same records, the same bytes");
}

/// A CI server reads the file whatever came of it, and follows each figure by its name.
#[test]
fn common_readers_take_the_junit_file() {
    let of = |found: &Comparison| -> BTreeSet<String> {
        let files = comparison(found).files;
        let (_, bytes) = files.iter().find(|(name, _)| name.ends_with("junit.xml")).unwrap();
        junit::cases(std::str::from_utf8(bytes).unwrap())
    };
    let slower = Story { slower_percent: 60, seed: 2, ..upgraded() };
    let mut names = Vec::new();
    for (candidate, answer) in [(upgraded(), Answer::Pass), (slower, Answer::Regressed)] {
        let found = pair(&upgraded(), &candidate, &Rules::default()).unwrap();
        assert_eq!(found.answer, answer, "{}", found.sentence);
        names.push(of(&found));
    }
    assert_eq!(names[0], names[1]);
    assert!(names[0].contains("rollproof.compare.steady.p99[new-order]"), "{:?}", names[0]);
    let short = Story { baseline_s: 10, settle_s: 2, final_s: 4, ..calm() };
    let open = pair(&short, &short, &Rules::default()).unwrap();
    assert_eq!(open.answer, Answer::Inconclusive, "{}", open.sentence);
    let steady = |names: BTreeSet<String>| -> BTreeSet<String> {
        names.into_iter().filter(|name| name.contains(".compare.steady.")).collect()
    };
    assert_eq!(steady(of(&open)), steady(names.remove(0)));
}

/// Two runs are base and candidate, the parts of one are before and after, wherever it is said.
#[test]
fn the_sides_are_called_the_same_in_every_form() {
    let home = tempfile::tempdir().unwrap();
    let alone = record(home.path(), "alone", 0, &upgraded());
    let alone = compare(&[alone], &[], &Rules::default()).unwrap();
    let two = pair(&upgraded(), &upgraded(), &Rules::default()).unwrap();
    for (found, [base, candidate]) in [(alone, ["before", "after"]), (two, ["base", "candidate"])] {
        let text = |end: &str| {
            let files = comparison(&found).files;
            let (_, bytes) = files.into_iter().find(|(name, _)| name.ends_with(end)).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let title = format!("{base} against {candidate}");
        assert!(text(".md").contains(&format!("rollproof, {title}\n")), "{}", text(".md"));
        assert!(text(".html").contains(&title), "{title}");
        let told = format!("throughput: ok: 60.0/s {base}, 60.0/s {candidate};");
        assert!(text("junit.xml").contains(&told), "{told}: {}", text("junit.xml"));
    }
}

/// The figures of a run's own report are those that a comparison of it alone rests on.
#[test]
fn a_run_s_own_report_holds_its_end_against_its_beginning() {
    let home = tempfile::tempdir().unwrap();
    let mut story = Story { zones: 3, ..upgraded() };
    let final_from = story.load_end() - story.final_s * 1_000_000;
    story.slow = vec![(final_from, story.load_end(), 40_000)];
    let record = record(home.path(), "slower-after", 0, &story);
    let alone = compare(std::slice::from_ref(&record), &[], &Rules::default()).unwrap();
    let derived = derive(&[record]).unwrap();
    let file = |name: &str| {
        let (_, bytes) = derived.files.iter().find(|(file, _)| *file == name).unwrap();
        String::from_utf8(bytes.clone()).unwrap()
    };
    let summary: serde_json::Value = serde_json::from_str(&file("summary.json")).unwrap();
    let compared: serde_json::Value = serde_json::from_str(&comparison(&alone).json).unwrap();
    let own = &summary["before_after"];
    assert_eq!(own["metrics"], compared["parts"][0]["metrics"]);
    assert_eq!((own["gated"].as_bool(), own["base"].as_str()), (Some(false), Some("steady")));
    assert_eq!(outcome(&alone, "p95"), Outcome::Regressed, "{}", alone.sentence);
    for (name, text) in [
        ("report.html", "id=\"before-after\""),
        ("report.html", "aria-label=\"p95: ratio"),
        ("report.md", "| REGRESSED | p95 |"),
    ] {
        assert!(file(name).contains(text), "{name}: {text}");
    }
    let printed = derived.printed.split_whitespace().collect::<Vec<_>>().join(" ");
    let worse = printed.split_once("worse than is tolerated: ").unwrap().1.split_once('.').unwrap();
    assert!(worse.0.split(", ").any(|metric| metric == "p95"), "{}", derived.printed);
    assert_eq!(derived.verdict.exit_code(), 0, "it decides nothing: {}", derived.verdict.sentence);
}

#[test]
fn a_run_s_own_report_says_why_it_cannot_hold_its_end_against_its_beginning() {
    let printed = |story: &Story| {
        let home = tempfile::tempdir().unwrap();
        let derived = derive(&[record(home.path(), "run", 0, story)]).unwrap();
        derived.printed.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let short = printed(&Story { final_s: 12, ..upgraded() });
    assert!(
        short.contains("60.0 s before and 12.0 s after are too little time: a block"),
        "{short}"
    );
    let without = printed(&Story { final_s: 0, ..upgraded() });
    assert!(without.contains("has no part after: it needs an upgrade and, after it"), "{without}");
    let late = printed(&Story { late: 3, ..upgraded() });
    assert!(late.contains("cannot be told: run run: INVALID: the measuring machine"), "{late}");
    assert!(!printed(&calm()).contains("BEFORE AGAINST AFTER"), "nothing was upgraded");
}

#[test]
fn the_exit_code_is_the_answer() {
    let home = tempfile::tempdir().unwrap();
    let slower = Story { slower_percent: 60, ..calm() };
    let stories = [("base", calm()), ("same", Story { seed: 2, ..calm() }), ("slow", slower)];
    for (name, story) in &stories {
        record(home.path(), name, 0, story);
    }
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rollproof"))
            .arg("compare")
            .args(arguments)
            .current_dir(home.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = run(&["base", "same"]);
    assert!(code == Some(0) && text.starts_with("PASS: "), "{text}");
    let (code, text) = run(&["base", "slow", "--out", "made/here"]);
    assert!(code == Some(1) && text.starts_with("REGRESSED: "), "{text}");
    for name in ["comparison.html", "comparison.json", "comparison.md", "comparison.junit.xml"] {
        assert!(home.path().join("made/here").join(name).exists(), "{name}");
    }
    let (code, text) = run(&["base", "slow", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, json["answer"].as_str(), json["exit_code"].as_u64()),
        (Some(1), Some("regressed"), Some(1))
    );
    // Whoever tolerates so much.
    let all = ["base", "slow", "--p50", "80%", "--p95", "80", "--p99", "80%"];
    assert_eq!(run(&all).0, Some(0));
}

/// The committed schema is the one the layout makes, so a change of the layout is seen in review.
#[test]
fn the_committed_schema_is_that_of_the_comparison() {
    let schema = comparison_schema();
    let made = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/comparison.schema.json");
    if std::fs::read_to_string(&committed).unwrap_or_default() != made {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("comparison.schema.json");
        std::fs::write(&beside, made).unwrap();
        panic!(
            "{} is not {}; read what changed, then copy it",
            committed.display(),
            beside.display()
        );
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for candidate in [calm(), Story { slower_percent: 40, ..calm() }] {
        let found = pair(&calm(), &candidate, &Rules::default()).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&comparison(&found).json).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        json["answer"] = "fine".into();
        assert!(!validator.is_valid(&json));
    }
}

/// As strict as `tests/page.rs` is with `report.html`: one file, and nothing but words from outside.
#[test]
fn the_page_is_one_file_without_a_script() {
    let home = tempfile::tempdir().unwrap();
    let slower = Story { slower_percent: 30, ..calm() };
    let evil = "<img src=x onerror=alert(1)>";
    let mut base = record(home.path(), "base", 0, &calm());
    base.manifest.run_id = evil.to_owned();
    let candidate = record(home.path(), "candidate", 10, &slower);
    let found = compare(&[base], &[candidate], &without_floors()).unwrap();
    let compared = comparison(&found);
    let (_, bytes) = compared.files.iter().find(|(name, _)| name.ends_with(".html")).unwrap();
    let page = std::str::from_utf8(bytes).unwrap();
    for word in ["<script", "@import", "url(http", "<link", "<img", "http://", "https://"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("REGRESSED"));
    // Each figure that was tested has its plot, and each plot its words.
    let tested = found.sections[0].metrics.iter().filter(|own| own.estimate.is_some()).count();
    assert_eq!(page.matches("<svg ").count(), tested);
    assert_eq!(page.matches("aria-label=\"p99: ratio 1.3").count(), 1, "{page}");
    let markdown = compared.files.iter().find(|(name, _)| name.ends_with(".md")).unwrap();
    assert!(!std::str::from_utf8(&markdown.1).unwrap().contains("<img"));
}
