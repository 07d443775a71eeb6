//! Records in, figures and verdicts out: every definition that can be checked from outside.

mod support;

use proptest::prelude::*;
use rollproof::analysis::*;
use rollproof::event::*;
use rollproof::record::*;
use rollproof::report::stored_baseline;
use rollproof::scenario::Span;
use rollproof::verdict::*;
use support::{Story, analysed, analysed_events, objective, small};

const S: u64 = 1_000_000;

/// The memory that an analysis takes grows with the run's length.
#[test]
fn a_wrong_number_in_a_cut_record_does_not_make_a_run_of_years_of_it() {
    let (story, year) = (small(), RunTime(365 * 86_400 * S));
    let mut events = story.events();
    let far = events.iter().find_map(|event| match event {
        Event::Attempt(attempt) if attempt.kind.is_write() => Some(*attempt),
        _ => None,
    });
    events.push(Event::Attempt(Attempt {
        terminal: 77,
        scheduled: year,
        start: year,
        end: year,
        ..far.unwrap()
    }));
    let home = tempfile::tempdir().unwrap();
    let mut record = story.write(&home.path().join("r"), &events);
    record.manifest.completion = None;
    let analysis = analyze(&[record]).unwrap();
    assert!(analysis.run.end <= RunTime(story.end()).plus_us(60 * S), "{:?}", analysis.run.end);
    assert!(analysis.problems.contains(&Problem::AfterEnd(1)), "{:?}", analysis.problems);
}

#[test]
fn the_small_story_passes_when_it_is_left_alone() {
    let (_, verdict) = analysed(&small());
    assert_eq!(verdict.kind, VerdictKind::Pass, "{verdict:#?}");
}

#[test]
fn a_calm_upgrade_passes_and_shows_no_gap() {
    let (analysis, verdict) = analysed(&Story::default());
    assert_eq!(verdict.kind, VerdictKind::Pass, "{verdict:#?}");
    assert_eq!(verdict.exit_code(), 0);
    assert!(analysis.writes.cluster.gaps.is_empty());
    assert!(analysis.controls.iter().all(|control| control.outcome == ControlOutcome::Held));
    assert!(analysis.total.counts.absorbed > 0, "failover was absorbed by retry");
    let zone = &analysis.probes[1];
    assert!(zone.down_us > 6 * S && zone.unexpected_us == 0);
}

#[test]
fn phases_add_up_to_the_total_and_histograms_to_the_events() {
    let story = Story { outages: vec![(45 * S, 52 * S)], ..Story::default() };
    let events = story.events();
    let (analysis, _) = analysed_events(&story, &events);
    let attempts = |of: &dyn Fn(&Attempt) -> bool| {
        events.iter().filter(|e| matches!(e, Event::Attempt(row) if of(row))).count() as u64
    };
    let total = &analysis.total;
    assert_eq!(total.counts.offered, attempts(&|row| row.last));
    assert_eq!(total.counts.attempts, attempts(&|_| true));
    assert_eq!(total.response.len(), total.counts.offered);
    assert_eq!(total.service.len(), total.counts.offered - total.counts.shed);
    let mut sum = Tally::default();
    for phase in &analysis.phases {
        let mut kinds = Tally::default();
        phase.kinds.iter().for_each(|kind| kinds.add(kind));
        assert_eq!(kinds, phase.total);
        sum.add(&phase.total);
        let by_zone: u64 = phase.zone_attempts.iter().sum();
        assert_eq!(by_zone, phase.total.counts.attempts);
    }
    assert_eq!(&sum, total);
    let c = &total.counts;
    assert_eq!(c.good + c.late + c.failed + c.ambiguous + c.censored + c.shed, c.offered);
    assert!(c.failed > 0);
    let errors: u64 = analysis.errors.iter().map(|error| error.count).sum();
    assert_eq!(errors, attempts(&|row| row.outcome.class().is_some()));
    assert_eq!(errors, analysis.phases.iter().map(|phase| phase.errors).sum::<u64>());
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let story = Story { outages: vec![(17 * S, 19 * S)], ..small() };
    let mut events = story.events();
    let (expected, _) = analysed_events(&story, &events);
    // A fixed shuffle that takes rows far apart.
    let length = events.len();
    for index in 0..length {
        events.swap(index, (index * 7_919 + 31) % length);
    }
    let (shuffled, _) = analysed_events(&story, &events);
    assert_eq!(shuffled, expected);
    events.reverse();
    assert_eq!(analysed_events(&story, &events).0, expected);
}

#[test]
fn an_outage_is_found_and_its_interval_holds_the_truth() {
    for length_ms in [400, 900, 1_700, 3_300, 7_000] {
        let mut story = Story::default();
        let from = story.step(1, "stop-server").0 + 300_000;
        let truth = length_ms * 1_000;
        story.outages = vec![(from, from + truth)];
        let (analysis, verdict) = analysed(&story);
        let gap = analysis.writes.longest(|_| true).unwrap();
        let (least, most) = gap.outage_us;
        assert!(least <= truth && truth <= most, "{truth} not in {least}..{most}");
        assert_eq!(analysis.phases[gap.phase].label, "zone2/stop-server");
        let missed = objective(&verdict, "write-gap").status == Status::Missed;
        assert_eq!(missed, gap.length_us() > S, "{length_ms} ms");
        assert!(analysis.probes[0].unexpected_us > truth - 200_000, "probes of zone1 saw it too");
    }
}

#[test]
fn an_outage_that_lasts_to_the_end_is_seen() {
    let mut story = small();
    let from = story.load_end() - 3 * S;
    story.outages = vec![(from, story.end())];
    let (analysis, verdict) = analysed(&story);
    let gap = analysis.writes.longest(|_| true).unwrap();
    assert!(gap.open && gap.length_us() > 2_900_000, "{gap:?}");
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert!(analysis.outages(Role::is_judged).worst.unwrap().open);
}

#[test]
fn client_outages_run_from_the_first_bad_one_to_the_next_good_one() {
    let story = Story { outages: vec![(20 * S, 28 * S)], ..Story::default() };
    let (analysis, verdict) = analysed(&story);
    let outages = analysis.outages(|_| true);
    assert_eq!(outages.lengths.len(), u64::from(story.terminals), "every terminal had one");
    let worst = outages.worst.unwrap();
    assert!((7 * S..9 * S).contains(&worst.length_us()), "{worst:?}");
    assert_eq!(objective(&verdict, "client-outage-max").status, Status::Missed);
    assert_eq!(objective(&verdict, "failed").status, Status::Missed);
}

#[test]
fn figures_of_windows_follow_an_outage() {
    let mut story = Story::default();
    let from = story.step(1, "install-package").0;
    story.outages = vec![(from, from + 6 * S)];
    let (analysis, verdict) = analysed(&story);
    assert_eq!(objective(&verdict, "throughput").status, Status::Missed);
    let worst = objective(&verdict, "throughput").evidence.as_ref().unwrap();
    assert_eq!(worst.zone.as_deref(), Some("zone2"));
    let stop = analysis.first_successes.iter().find(|first| first.step == "stop-zone").unwrap();
    assert!(stop.after_us.unwrap() < 100_000);
    assert!(analysis.throughput.iter().all(|window| window.offered > 500));
    assert_eq!(analysis.recoveries.len(), 3);
}

/// Windows of ten seconds are not those of the clock: what is lost across an edge is lost.
#[test]
fn the_worst_ten_seconds_are_the_worst_wherever_they_begin() {
    let story = Story { settle_s: 20, ..small() };
    let lost = 18_400_000..21_600_000;
    let mut events = story.events();
    for event in &mut events {
        if let Event::Attempt(row) = event
            && lost.contains(&row.scheduled.0)
        {
            row.outcome = Outcome::Failed(ErrorClass::Deadlock);
        }
    }
    let (_, verdict) = analysed_events(&story, &events);
    let throughput = objective(&verdict, "throughput");
    let Some(Figure::Share(share)) = throughput.measured else { panic!("{throughput:?}") };
    assert!((0.66..0.7).contains(&share), "{share}");
    assert_eq!(throughput.status, Status::Missed);
}

#[test]
fn each_terminal_that_was_on_a_stopped_zone_is_followed_to_its_next_success() {
    let mut story = Story::default();
    let (from, _) = story.step(1, "stop-server");
    story.outages = vec![(from, from + 1_200_000)];
    let (analysis, _) = analysed(&story);
    let first = |step: &str| {
        let of = |first: &&FirstSuccess| first.zone == Some(ZoneId(1)) && first.step == step;
        analysis.first_successes.iter().find(of).unwrap()
    };
    let calm = first("stop-zone");
    assert_eq!(calm.terminals.len(), 4, "a third of twelve terminals have their home there");
    assert!(matches!(calm.terminals.max(), Quantile::Us(us) if us < 300_000), "{calm:?}");
    let felt = first("stop-server");
    assert_eq!(felt.terminals.len(), 4);
    assert!((1_200_000..1_300_000).contains(&felt.after_us.unwrap()), "{felt:?}");
    let Quantile::Us(longest) = felt.terminals.max() else { panic!("all succeeded: {felt:?}") };
    assert!((felt.after_us.unwrap()..1_500_000).contains(&longest), "{felt:?}");
}

#[test]
fn a_brownout_is_found_where_it_was_and_warns_without_failing() {
    let turn = |story: &Story| story.step(1, "install-package").0;
    let mut story = Story { rate: 120, ..Story::default() };
    let from = turn(&story) / S * S;
    story.slow = vec![(from, from + 4 * S, 80_000)];
    let (analysis, verdict) = analysed(&story);
    let found = analysis.brownouts.as_ref().unwrap();
    let [brownout] = found.brownouts[..] else { panic!("{found:?}") };
    assert_eq!((brownout.start, brownout.length_us), (RunTime(from), 4 * S));
    assert_eq!(brownout.zone, Some(ZoneId(1)));
    assert_eq!((found.of_zone(ZoneId(1)), found.of_zone(ZoneId(0))), (4 * S, 0));
    assert_eq!(objective(&verdict, "brownout").status, Status::Met);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{verdict:#?}");

    story.slow = vec![(from, from + 40 * S, 80_000)];
    let (_, verdict) = analysed(&story);
    let warned = objective(&verdict, "brownout");
    assert_eq!(warned.status, Status::Warned, "{warned:?}");
    assert!(warned.evidence.as_ref().unwrap().detail.contains("slower than"), "{warned:?}");
    assert_eq!(objective(&verdict, "write-gap").status, Status::Met);
}

#[test]
fn a_write_gap_is_no_brownout() {
    let mut story = Story { rate: 120, ..Story::default() };
    let from = story.step(1, "install-package").0;
    story.outages = vec![(from, from + 3 * S)];
    let (analysis, _) = analysed(&story);
    let found = analysis.brownouts.unwrap();
    // The seconds of the gap itself are taken out; what waited behind it is soon worked off.
    assert!(found.in_gaps >= 3 && found.brownouts.is_empty(), "{found:?}");
}

#[test]
fn the_error_budget_is_what_is_bad_over_what_may_be() {
    let story = small();
    let mut events = story.events();
    spoil(&mut events, 80, |row| row.outcome = Outcome::Failed(ErrorClass::Deadlock));
    let (analysis, _) = analysed_events(&story, &events);
    let counts = &analysis.total.counts;
    let used = counts.budget_used(0.9995).unwrap();
    assert!((used - 1.0 / (0.0005 * counts.offered as f64)).abs() < 1e-9, "{used}");
    assert_eq!(counts.budget_used(1.0), Some(f64::INFINITY));
    assert_eq!(Tally::default().counts.budget_used(1.0), None);
}

#[test]
fn missing_transactions_are_counted_and_never_a_pass() {
    let story = small();
    let mut events = story.events();
    let victim = events
        .iter()
        .position(|e| matches!(e, Event::Attempt(row) if row.terminal == 2 && row.sequence == 5));
    events.remove(victim.unwrap());
    let (analysis, verdict) = analysed_events(&story, &events);
    assert_eq!(analysis.problems, [Problem::Missing(1)]);
    assert_eq!(verdict.kind, VerdictKind::Inconclusive);
    assert!(verdict.sentence.contains("never came"), "{}", verdict.sentence);
}

#[test]
fn a_set_of_shards_is_one_run() {
    let story = small();
    let home = tempfile::tempdir().unwrap();
    let mut records = Vec::new();
    for shard in 1..=2_u32 {
        let manifest = Manifest { shard: format!("{shard}/2"), ..story.manifest() };
        let dir = home.path().join(shard.to_string());
        let mut writer = RecordWriter::create(&dir, manifest).unwrap();
        story.events().iter().for_each(|event| writer.write(event).unwrap());
        writer.finish(RunTime(story.end()), None).unwrap();
        records.push(Record::open(&dir).unwrap());
    }
    let (one, _) = analysed(&story);
    let both = analyze(&records).unwrap();
    assert!(both.problems.is_empty(), "{:?}", both.problems);
    assert_eq!(both.total.counts.offered, 2 * one.total.counts.offered);
    assert_eq!(both.phases.len(), one.phases.len());
    let gap = Verdict::of(&both);
    assert_eq!(objective(&gap, "write-gap").status, Status::Unknown, "clocks were not compared");
    records.pop();
    let half = analyze(&records).unwrap();
    assert_eq!(half.problems, [Problem::Shards { expected: 2, found: 1 }]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever file is cut wherever, the answer is never PASS, and never a panic.
    #[test]
    fn a_cut_record_is_never_a_pass(which in 0_usize..5, share in 0.0_f64..1.0) {
        let story = small();
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("r");
        story.write(&dir, &story.events());
        let files = [file::TRANSACTIONS, file::PROBES, file::CLUSTER, file::LEDGER, file::OWN];
        let path = dir.join(files[which]);
        let bytes = std::fs::read(&path).unwrap();
        let keep = (bytes.len() as f64 * share) as usize;
        std::fs::write(&path, &bytes[..keep]).unwrap();
        if let Ok(analysis) = analyze(&[Record::open(&dir).unwrap()]) {
            let verdict = Verdict::of(&analysis);
            prop_assert_ne!(verdict.kind, VerdictKind::Pass, "{} cut to {}", files[which], keep);
            prop_assert!(!analysis.problems.is_empty());
        }
    }
}

/// Changes the outcome of the business transaction that terminal 1 did as its number `sequence`.
fn spoil(events: &mut [Event], sequence: u64, change: impl Fn(&mut Attempt)) {
    let found = events.iter_mut().find_map(|event| match event {
        Event::Attempt(row) if row.terminal == 1 && row.sequence == sequence => Some(row),
        _ => None,
    });
    change(found.unwrap());
}

#[test]
fn every_grade_has_its_column_and_none_is_dropped() {
    let story = small();
    let mut events = story.events();
    let lost = ErrorClass::ConnectionLost;
    spoil(&mut events, 80, |row| row.end = row.scheduled.plus_us(5_000_001));
    spoil(&mut events, 81, |row| row.outcome = Outcome::Failed(lost));
    spoil(&mut events, 82, |row| row.outcome = Outcome::Ambiguous(lost));
    spoil(&mut events, 83, |row| (row.outcome, row.zone) = (Outcome::Shed, None));
    spoil(&mut events, 84, |row| row.outcome = Outcome::Censored);
    let (analysis, verdict) = analysed_events(&story, &events);
    let c = &analysis.total.counts;
    assert_eq!([c.late, c.failed, c.ambiguous, c.shed, c.censored, c.overdue], [1; 6]);
    assert_eq!((c.bad(), c.good), (5, c.offered - 5));
    assert_eq!(c.attempts, c.offered - 1, "what was shed was never sent");
    assert_eq!(analysis.total.response.never(), 4, "the late one has a latency");
    assert_eq!(objective(&verdict, "failed").measured, Some(Figure::Count(5)));
    let outages = analysis.outages(|_| true);
    assert_eq!(outages.lengths.len(), 1, "five bad ones in a row are one outage");
    assert_eq!(outages.worst.unwrap().terminal, (0, 1));
}

#[test]
fn what_the_end_of_the_run_cut_off_is_neither_good_nor_bad() {
    let story = small();
    let mut events = story.events();
    let last = story.load_end() * story.rate / S / u64::from(story.terminals) - 2;
    // Its deadline lies after the end of the run.
    spoil(&mut events, last, |row| {
        row.scheduled = RunTime(story.end() - S);
        (row.start, row.end) = (row.scheduled, RunTime(story.end()));
        row.outcome = Outcome::Censored;
    });
    let (analysis, verdict) = analysed_events(&story, &events);
    assert_eq!((analysis.total.counts.undecided(), analysis.total.counts.bad()), (1, 0));
    let failed = objective(&verdict, "failed");
    assert_eq!(failed.status, Status::Unknown);
    assert!(failed.note.contains("1 transaction unfinished"), "{}", failed.note);
}

#[test]
fn what_may_still_become_good_is_no_miss_and_no_outage() {
    let story = Story { deadline: Span::secs(60), ..small() };
    let mut events = story.events();
    let last = story.load_end() * story.rate / S / u64::from(story.terminals) - 2;
    spoil(&mut events, last, |row| {
        (row.outcome, row.end) = (Outcome::Censored, RunTime(story.end()));
        // A write in vain would be a gap.
        row.kind = TxnKind::StockLevel;
    });
    let (analysis, verdict) = analysed_events(&story, &events);
    assert_eq!(analysis.outages(|_| true).lengths.len(), 0);
    // One of fewer than 500 is more than 0.05 %, and may yet be none.
    let good = objective(&verdict, "good-share");
    assert_eq!(good.status, Status::Unknown, "{good:?}");
    assert!(good.note.contains("1 transaction unfinished"), "{}", good.note);
    assert_eq!(verdict.kind, VerdictKind::Inconclusive, "{}", verdict.sentence);

    // What is bad already stays a miss.
    for sequence in [last - 2, last - 1] {
        spoil(&mut events, sequence, |row| row.outcome = Outcome::Failed(ErrorClass::Deadlock));
    }
    let (_, verdict) = analysed_events(&story, &events);
    assert_eq!(objective(&verdict, "good-share").status, Status::Missed);
}

#[test]
fn what_begins_in_the_warm_up_and_outlasts_it_is_seen() {
    // The warm-up takes 3 s.
    let story = Story { outages: vec![(2_900_000, 9 * S)], ..small() };
    let (analysis, verdict) = analysed(&story);
    let pause_us = analysis.writes.cluster.baseline_gap_us;
    assert!((5_900_000..6_300_000).contains(&pause_us), "{pause_us}");
    assert_eq!(objective(&verdict, "write-gap").status, Status::Unknown);
    let outages = analysis.outages(Role::is_judged);
    assert_eq!(outages.worst.unwrap().start, RunTime(3 * S), "{outages:?}");

    // With a stored baseline there is none of its own that it could hide in.
    let home = tempfile::tempdir().unwrap();
    let calm = small().write(&home.path().join("r"), &small().events());
    let baseline = Some(stored_baseline(&calm).unwrap());
    let story = Story { baseline_s: 0, baseline, ..story };
    let (analysis, verdict) = analysed(&story);
    let gap = analysis.writes.longest(|_| true).unwrap();
    assert_eq!(gap.start, RunTime(3 * S), "{gap:?}");
    assert_eq!(objective(&verdict, "write-gap").status, Status::Missed);
}
