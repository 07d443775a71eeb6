//! Every way a run can be judged: runs that never were, spoilt in one way each.

mod support;

use rollproof::analysis::*;
use rollproof::event::*;
use rollproof::scenario::Span;
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

/// What a story's runner said, as marks: beginnings only, and of these the ones wanted.
fn marked(story: &Story, wanted: impl Fn(&str) -> bool) -> Vec<Event> {
    let as_mark = |event: Event| match event {
        Event::Cluster(ClusterEvent {
            at,
            source: Source::Runner,
            fact: ClusterFact::Step { step, zone: Some(zone), edge, .. },
            ..
        }) => {
            let fact = ClusterFact::Step {
                step: step.clone(),
                zone: Some(zone),
                edge: Edge::Begin,
                detail: String::new(),
            };
            let mark = ClusterEvent { at, uncertainty_us: 0, source: Source::Marker, fact };
            (edge == Edge::Begin && wanted(&step)).then_some(Event::Cluster(mark))
        }
        event => Some(event),
    };
    story.events().into_iter().filter_map(as_mark).collect()
}

/// A mark says when a step began; the return it tells of is then, and not when the next zone stops.
#[test]
fn returns_are_the_same_whether_a_runner_tells_them_marks_do_or_they_were_only_seen() {
    let mut story = Story { zones: 1, settle_s: 60, final_s: 60, ..Story::default() };
    let (_, returned) = story.step(0, "start-zone");
    let slow_until = returned + 80 * S;
    story.slow = vec![(returned, slow_until, 500_000)];
    let told = [
        ("the runner", story.events()),
        ("marks", marked(&story, |_| true)),
        ("the stop alone", marked(&story, |step| step == "stop-zone")),
    ];
    for (who, events) in told {
        let (analysis, verdict) = analysed_events(&story, &events);
        let [back] = &analysis.recoveries[..] else { panic!("{who}: {:?}", analysis.recoveries) };
        let calm_at = back.returned.plus_us(back.after_us.unwrap_or(0));
        let error_us = calm_at.0.abs_diff(slow_until);
        assert!(error_us <= 2 * RECOVERY_WINDOW_US, "{who}: {back:?} against {slow_until}");
        let recovery = objective(&verdict, "recovery");
        assert_eq!(recovery.status, Status::Missed, "{who}: {recovery:?}");
        assert_eq!(verdict.kind, VerdictKind::Fail, "{who}: {}", verdict.sentence);
    }
}

#[test]
fn a_return_that_nobody_could_watch_or_saw_is_unknown() {
    // The load ends with the last zone's return.
    let story = Story { settle_s: 0, final_s: 0, ..Story::default() };
    let (analysis, verdict) = analysed(&story);
    assert_eq!(analysis.recoveries.len(), 3, "{:?}", analysis.recoveries);
    let recovery = objective(&verdict, "recovery");
    assert_eq!(recovery.status, Status::Unknown, "{recovery:?}");
    assert!(recovery.note.contains("phases.settle"), "{}", recovery.note);

    // Nobody marked it and no observer saw it.
    let story = Story { zones: 1, ..Story::default() };
    let (_, returned) = story.step(0, "start-server");
    let mut events = marked(&story, |step| step.starts_with("stop-"));
    let is_late = |event: &Event| {
        matches!(event, Event::Cluster(seen) if matches!(seen.fact, ClusterFact::Zone(_))
            && seen.at.0 > returned - S)
    };
    events.retain(|event| !is_late(event));
    let (_, verdict) = analysed_events(&story, &events);
    let recovery = objective(&verdict, "recovery");
    assert_eq!(recovery.status, Status::Unknown, "{recovery:?}");
    assert!(recovery.note.contains("when zone1 returned"), "{}", recovery.note);
}

/// The window that begins at the limit would still be in time: it has to be watched to its end.
#[test]
fn a_return_is_too_slow_only_where_the_last_window_in_time_was_watched() {
    let mut story = Story { zones: 1, settle_s: 5, final_s: 57, ..Story::default() };
    let (_, returned) = story.step(0, "start-zone");
    story.slow = vec![(returned, returned + 600 * S, 500_000)];
    let status = |story: &Story| {
        let (analysis, verdict) = analysed(story);
        let [back] = &analysis.recoveries[..] else { panic!("{:?}", analysis.recoveries) };
        println!("watched for {} us", back.watched_us);
        objective(&verdict, "recovery").status
    };
    assert_eq!(status(&story), Status::Unknown, "62 s of 65");
    story.final_s += 5;
    assert_eq!(status(&story), Status::Missed, "67 s");
}

/// What had not ended with the load is only known to be longer than it was seen to be.
#[test]
fn a_write_gap_without_an_end_is_not_within_any_limit() {
    let objectives = "failed_max = 1000".to_owned();
    let deadline = Span::millis(100);
    let story = Story { objectives, deadline, ..Story::default() };
    let end = story.load_end();
    let story = Story { outages: vec![(end - 700_000, end + 60 * S)], ..story };
    let (analysis, verdict) = analysed(&story);
    assert!(analysis.writes.cluster.gaps.iter().any(|gap| gap.open), "{:?}", analysis.writes);
    let gap = objective(&verdict, "write-gap");
    assert_eq!(gap.status, Status::Unknown, "{gap:?}");
    assert!(gap.note.contains("had not ended"), "{}", gap.note);
}

/// Ten seconds anywhere from the upgrade on: a cluster may break down behind its last step.
#[test]
fn throughput_is_looked_at_to_the_end_of_the_load() {
    let story =
        Story { objectives: "failed_max = 1000".to_owned(), final_s: 30, ..Story::default() };
    let end = story.load_end();
    let story = Story { outages: vec![(end - 20 * S, end - 14 * S)], ..story };
    let (_, verdict) = analysed(&story);
    let throughput = objective(&verdict, "throughput");
    assert_eq!(throughput.status, Status::Missed, "{throughput:?}");
    let evidence = throughput.evidence.as_ref().unwrap();
    assert_eq!(evidence.phase, "final", "{evidence:?}");
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
