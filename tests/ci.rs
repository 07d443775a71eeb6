//! What a CI server is given: `junit.xml` as its common readers want it, `report.md` that fits a
//! comment, and `summary.json` as its schema says.

mod junit;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use junit::cases;
use rollproof::event::{ClusterFact, Edge, Event};
use rollproof::record::Record;
use rollproof::report::{derive, summary_schema};
use serde_json::Value;
use support::{Audit, Story};

/// A calm run and every way in which one can go wrong, each by its name.
fn stories() -> Vec<(&'static str, Story)> {
    let short = || Story {
        zones: 2,
        rate: 40,
        terminals: 8,
        baseline_s: 20,
        settle_s: 4,
        final_s: 6,
        ..Story::default()
    };
    let from = short().step(1, "stop-server").0 + 300_000;
    vec![
        ("calm", short()),
        ("gap", Story { outages: vec![(from, from + 6_000_000)], ..short() }),
        ("lost row", Story { audit: Some(Audit::LostRow), ..short() }),
        ("failed step", Story { fails_at: Some(1), audit: None, ..short() }),
        ("deaf probes", Story { deaf_probes: Some(0), late: 3, ..short() }),
        ("no upgrade", Story { upgrade: false, remote_lines: None, ..short() }),
    ]
}

/// Every derived file of a story, by name.
fn files(story: &Story, events: &[Event]) -> BTreeMap<&'static str, String> {
    let home = tempfile::tempdir().unwrap();
    let derived = derive(&[story.write(&home.path().join("run"), events)]).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    derived.files.into_iter().map(|(name, bytes)| (name, text(bytes))).collect()
}

#[test]
fn common_readers_take_the_junit_file() {
    for (name, story) in stories() {
        let found = cases(&files(&story, &story.events())["junit.xml"]);
        for case in ["objectives.write-gap", "data.checked", "validity.valid"] {
            assert!(found.contains(&format!("rollproof.{case}")), "{name}: {found:?}");
        }
    }
}

/// A CI server follows a case over builds by its name: how a run went must not change it.
#[test]
fn the_names_of_cases_do_not_depend_on_how_it_went() {
    let mut upgrades = stories();
    upgrades.retain(|(_, story)| story.upgrade);
    let (_, calm) = upgrades[0].clone();
    upgrades.push(("failed at the first zone", Story { fails_at: Some(0), ..calm.clone() }));
    let names = |story: &Story| cases(&files(story, &story.events())["junit.xml"]);
    let expected = names(&calm);
    for case in ["objectives.recovery", "upgrade.zone2/check-zone"] {
        assert!(expected.contains(&format!("rollproof.{case}")), "{expected:?}");
    }
    for (name, story) in upgrades {
        // Which checks there would have been is known to the audit alone.
        let audit = story.audit.or(Some(Audit::Clean));
        assert_eq!(names(&Story { audit, ..story }), expected, "{name}");
    }
}

/// What an upgrade did not come to is neither a pass nor a failure.
#[test]
fn what_was_not_reached_is_skipped() {
    let (_, calm) = stories().remove(0);
    let story = Story { fails_at: Some(0), ..calm };
    let junit = &files(&story, &story.events())["junit.xml"];
    for (case, why) in [
        ("objectives\"", "no zone returned"),
        ("upgrade\" time=\"0.000\"", "not begun in this run"),
    ] {
        let skipped = format!("{case}>\n            <skipped message=\"{why}\"/>");
        assert!(junit.contains(&skipped), "{skipped}: {junit}");
    }
    let root = junit.lines().find(|line| line.starts_with("<testsuites")).unwrap();
    assert!(!root.contains("skipped"), "{root}");
}

/// An observer that sees a zone flap, or marks that were sent twice, tell a step more than once.
#[test]
fn a_step_that_is_repeated_is_one_case_and_its_failure_stands() {
    let (_, story) = stories().into_iter().find(|(name, _)| *name == "failed step").unwrap();
    let mut events = story.events();
    for event in &mut events {
        let Event::Cluster(cluster) = event else { continue };
        match &mut cluster.fact {
            ClusterFact::Step { step, .. } if step == "install-package" => {
                *step = "start-server".to_owned();
            }
            _ => {}
        }
    }
    let junit = &files(&story, &events)["junit.xml"];
    let names = cases(junit);
    assert!(names.contains("rollproof.upgrade.zone2/start-server"), "{names:?}");
    let (_, after) = junit.split_once("name=\"zone2/start-server\"").unwrap();
    let (own, _) = after.split_once("</testcase>").unwrap();
    assert!(own.contains("time=\"6.000\"") && own.contains("<failure message=\"mariadbd"), "{own}");
    let (_, after) = junit.split_once("name=\"zone1/start-server\"").unwrap();
    assert!(after.starts_with(" classname=\"rollproof.upgrade\" time=\"6.000\"/>"), "{after}");
}

/// The largest cluster there may be, everything wrong with it, and a server that talks too much.
#[test]
fn the_worst_run_still_fits_a_comment() {
    let story = Story {
        zones: 64,
        rate: 4,
        probe_ms: 100_000,
        audit: Some(Audit::LostRow),
        fails_at: Some(63),
        late: 3,
        outages: (0..200).map(|n| (n * 3_000_000, n * 3_000_000 + 400_000)).collect(),
        ..Story::default()
    };
    let mut events = story.events();
    for event in &mut events {
        let Event::Cluster(cluster) = event else { continue };
        match &mut cluster.fact {
            ClusterFact::Step { edge: Edge::Failed, detail, .. } => *detail = "<|>".repeat(50_000),
            ClusterFact::Zone(status) => {
                status.version = status.version.take().map(|v| v.repeat(20))
            }
            _ => {}
        }
    }
    let files = files(&story, &events);
    let comment = &files["report.md"];
    assert!(comment.chars().count() < 65_536, "{} characters", comment.chars().count());
    assert!(comment.len() > 10_000, "the answer and the objectives are in it:\n{comment}");
    assert!(comment.contains("DATA FAIL") && comment.contains("| MISSED |"), "{comment}");
    assert!(comment.contains("Phases: too long for a comment; see report.html"), "{comment}");
    assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
    assert!(files["report.html"].len() < 8_000_000, "{} bytes", files["report.html"].len());
}

/// The committed schema is the one the layout makes, so a change of the layout is seen in review.
#[test]
fn the_committed_schema_is_that_of_the_summary() {
    let made = serde_json::to_string_pretty(&summary_schema()).unwrap() + "\n";
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/summary.schema.json");
    if fs::read_to_string(&committed).unwrap_or_default() != made {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join("summary.schema.json");
        fs::write(&beside, made).unwrap();
        panic!(
            "{} is not {}; read what changed, then copy it",
            committed.display(),
            beside.display()
        );
    }
}

#[test]
fn every_summary_is_as_its_schema_says() {
    let schema = jsonschema::validator_for(&summary_schema()).unwrap();
    let check = |name: &str, summary: &Value| {
        let wrong: Vec<String> = schema.iter_errors(summary).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example");
    let derived = derive(&[Record::open(&example).unwrap()]).unwrap();
    let (_, bytes) = derived.files.iter().find(|(name, _)| *name == "summary.json").unwrap();
    let mut real: Value = serde_json::from_slice(bytes).unwrap();
    check("the real run", &real);
    for (name, story) in stories() {
        let summary = &files(&story, &story.events())["summary.json"];
        check(name, &serde_json::from_str(summary).unwrap());
    }
    // It is strict enough to tell a summary from something else.
    let spoils: [(&str, Value); 4] = [
        ("/total/offered", Value::from("many")),
        ("/phases/0/total/response/p50_us", Value::from("soon")),
        ("/objectives/0/limit", Value::Null),
        ("/verdict", Value::from("fine")),
    ];
    for (place, wrong) in spoils {
        let right = std::mem::replace(real.pointer_mut(place).unwrap(), wrong);
        assert!(!schema.is_valid(&real), "{place}");
        *real.pointer_mut(place).unwrap() = right;
    }
    real.as_object_mut().unwrap().remove("objectives");
    assert!(!schema.is_valid(&real));
}
