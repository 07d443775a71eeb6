//! Every way a run can be judged: runs that never were, spoilt in one way each.

mod support;

use rollproof::analysis::*;
use rollproof::event::*;
use rollproof::verdict::*;
use support::{Audit, Story, analysed, analysed_events, objective, small};

const S: u64 = 1_000_000;

#[test]
fn a_phase_s_own_limit_stands_in_the_place_of_the_run_s() {
    let mut story = Story::default();
    let (from, _) = story.step(1, "stop-server");
    story.outages = vec![(from + 300_000, from + 1_900_000)];
    let judged = |toml: &str| {
        let story = Story { objectives: toml.to_owned(), ..story.clone() };
        analysed(&story).1
    };
    let of = |verdict: &Verdict, name: &str| {
        verdict.objectives.iter().find(|result| result.name() == name).cloned().unwrap()
    };
    assert_eq!(judged("").kind, VerdictKind::Fail);

    let lax = judged("[phases.stop-server]\nwrite_gap_max = '2s'");
    assert_eq!(lax.kind, VerdictKind::Pass, "{lax:#?}");
    assert_eq!(of(&lax, "write-gap").measured, Some(Figure::NoneOverUs(261_772)));
    let own = of(&lax, "write-gap[stop-server]");
    assert_eq!(own.evidence.unwrap().phase, "zone2/stop-server");

    let strict = "[phases.stop-server]\nwrite_gap_max = '2s'\n[phases.'zone2/stop-server']\nwrite_gap_max = '1500ms'";
    let strict = judged(strict);
    assert_eq!(of(&strict, "write-gap[zone2/stop-server]").status, Status::Missed);
    assert_eq!(of(&strict, "write-gap[stop-server]").status, Status::Met);
    assert!(strict.sentence.contains("1.50 s is allowed"), "{}", strict.sentence);

    let absent = judged("[phases.reboot]\ngood_share_min = 0.5");
    assert_eq!(of(&absent, "good-share[reboot]").status, Status::Unknown);
}

/// What each spoilt run must come to, and why in its own words.
#[test]
fn every_way_not_to_pass_has_its_verdict() {
    use VerdictKind::*;
    let calm = Story::default;
    let outage = vec![(50 * S, 53 * S)];
    let cases: Vec<(Story, VerdictKind, u8, &str)> = vec![
        (Story { outages: outage.clone(), ..calm() }, Fail, 1, "write gap"),
        (Story { audit: Some(Audit::LostRow), ..calm() }, DataFail, 3, "2 lost"),
        (
            Story { audit: Some(Audit::Unresolved), ..calm() },
            Inconclusive,
            4,
            "could not be resolved",
        ),
        (Story { audit: None, ..calm() }, Inconclusive, 4, "not checked"),
        (Story { fails_at: Some(1), ..calm() }, UpgradeFailed, 5, "zone2/start-server failed"),
        (Story { old_version: Some(2), ..calm() }, Invalid, 4, "zone3: it ended at 10.11.17"),
        (
            Story { deaf_probes: Some(0), ..calm() },
            Invalid,
            4,
            "zone1: 161 of 161 probes succeeded",
        ),
        (Story { dead_probes: Some(2), ..calm() }, Invalid, 4, "probes failed before its turn"),
        (Story { late: 1, ..calm() }, Invalid, 4, "more than 10 ms late"),
        (
            Story { outages: outage.clone(), stall: Some((51 * S, 2 * S)), ..calm() },
            Invalid,
            4,
            "stood still for 2.00 s",
        ),
        (
            Story { clock_step: Some((51 * S, -2_000_000, 0)), ..calm() },
            Invalid,
            4,
            "clock was set back by 2.00 s before 51.0 s",
        ),
        (
            Story {
                clock_step: Some((51 * S, 3_000_000, 3_000_000)),
                outages: outage.clone(),
                ..calm()
            },
            Invalid,
            4,
            "machine slept for 3.00 s",
        ),
        (Story { rate: 3, terminals: 3, ..calm() }, Inconclusive, 4, "too little load"),
        (
            Story { audit: Some(Audit::LostRow), fails_at: Some(0), outages: outage, ..calm() },
            DataFail,
            3,
            "2 lost",
        ),
    ];
    for (story, kind, code, words) in cases {
        let (_, verdict) = analysed(&story);
        let shown = format!("{} {:?}", verdict.sentence, verdict.reasons);
        assert_eq!(verdict.kind, kind, "{shown}");
        assert_eq!(verdict.exit_code(), code);
        assert!(verdict.sentence.contains(words), "{shown} should say {words:?}");
    }
}

#[test]
fn a_low_rate_cannot_prove_a_short_gap_and_says_so() {
    let story = Story { rate: 4, terminals: 4, baseline_s: 60, ..Story::default() };
    let (_, verdict) = analysed(&story);
    let gap = objective(&verdict, "write-gap");
    assert_eq!(gap.status, Status::Unknown);
    assert!(gap.note.contains("raise load.rate"), "{}", gap.note);
    assert_eq!(verdict.kind, VerdictKind::Inconclusive);
}

#[test]
fn watching_without_an_upgrade_judges_all_that_follows_the_baseline() {
    let story = Story { upgrade: false, ..Story::default() };
    let (analysis, verdict) = analysed(&story);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{verdict:#?}");
    let roles: Vec<_> = analysis.phases.iter().map(|phase| phase.role).collect();
    use Role::*;
    assert_eq!(roles, [WarmUp, Baseline, Window, Window, Drain]);
}

#[test]
fn a_return_nobody_knows_the_end_of_is_not_outdone_by_a_slower_one() {
    // The last zone's return is watched for less than a window, the others' lie behind it.
    let (analysis, verdict) = analysed(&Story { settle_s: 2, final_s: 2, ..Story::default() });
    let [first, .., last] = &analysis.recoveries[..] else { panic!("three zones returned") };
    assert!(first.after_us > Some(last.watched_us), "{:?}", analysis.recoveries);
    assert_eq!(last.after_us, None);
    let recovery = objective(&verdict, "recovery");
    assert_eq!(recovery.status, Status::Unknown, "{recovery:?}");
    assert!(recovery.note.contains("phases.settle"), "{}", recovery.note);
}

/// Marks are words: a zone that somebody marked as stopped must have been down.
#[test]
fn an_upgrade_that_was_only_marked_is_no_upgrade() {
    let story = Story { upgrade: false, settle_s: 20, ..small() };
    let mark = |at_s: u64, step: &str| {
        let (step, detail) = (step.to_owned(), String::new());
        let zone = Some(ZoneId(0));
        let fact = ClusterFact::Step { step, zone, edge: Edge::Begin, detail };
        let (at, source) = (RunTime(at_s * S), Source::Marker);
        Event::Cluster(ClusterEvent { at, uncertainty_us: 0, source, fact })
    };
    let marks: [(&[Event], &str); 3] = [
        (&[mark(20, "stop-server"), mark(22, "start-server")], "its server was never seen down"),
        (
            &[mark(20, "stop-server"), mark(21, "install-package"), mark(23, "start-server")],
            "probes succeeded in the 2.00 s its server was stopped",
        ),
        (&[mark(20, "stop-server"), mark(21, "install-package")], "probes succeeded in the"),
    ];
    for (marks, words) in marks {
        let mut events = story.events();
        events.extend_from_slice(marks);
        let (analysis, verdict) = analysed_events(&story, &events);
        assert_eq!(verdict.kind, VerdictKind::Invalid, "{}", verdict.sentence);
        let told = analysis.controls.iter().any(|control| control.detail.contains(words));
        assert!(told, "{words}: {:?}", analysis.controls);
    }
}
