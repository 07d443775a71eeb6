//! A terminal against scripted outcomes, on a scripted clock.

mod bench;

use proptest::prelude::*;

use super::*;
use crate::scenario::{Arrivals, Span};
use bench::{Bench, Fault};

/// Connecting takes longer than the oldest in the backlog ever have left: what is cut short must
/// not keep a terminal from ever getting through again.
#[test]
fn a_backlog_of_nearly_expired_transactions_is_worked_off() {
    let mut script = vec![Fault::Commits(2); 10_000];
    script[..3].fill(Fault::Hangs);
    let ran = Bench { reconnect_ms: 150, stop_ms: 20_000, ..Bench::new(100.0, &script) }.run();
    let recovered = ran.attempts.iter().find(|attempt| attempt.start > RunTime(9_000_000));
    assert!(recovered.is_some_and(|a| a.start == a.scheduled), "{recovered:?}");
}

const REFUSED: Fault = Fault::Fails(0, ErrorClass::Refused);
const DEADLOCK: Fault = Fault::Fails(3, ErrorClass::Deadlock);

#[test]
fn an_undisturbed_terminal_keeps_its_schedule() {
    let ran = Bench::new(10.0, &[Fault::Commits(5)]).run();
    assert_eq!((ran.count, ran.count_of(Outcome::Committed)), (100, 100));
    assert!(ran.attempts.iter().all(|a| a.start == a.scheduled && a.zone == Some(ZoneId(0))));
}

#[test]
fn arrivals_during_a_stall_keep_their_scheduled_time() {
    let mut script = vec![Fault::Commits(1); 100];
    script[10] = Fault::Commits(1_500);
    let ran = Bench::new(10.0, &script).run();
    // The stall begins at 1.0 s; those due at 1.1, 1.2 … 2.4 s wait for its end at 2.5 s.
    for waited in &ran.attempts[11..25] {
        let due = waited.sequence * 100_000;
        assert_eq!(waited.scheduled, RunTime(due));
        assert!(waited.start >= RunTime(2_500_000), "{waited:?}");
    }
    assert_eq!(ran.attempts[30].start, ran.attempts[30].scheduled);
}

/// Share of the transactions that took longer than `x_ms` from when they were due.
fn share_slower(ran: &bench::Ran, x_ms: u64) -> f64 {
    let slower = |a: &&Attempt| a.end.since_us(a.scheduled) > x_ms * 1_000;
    ran.attempts.iter().filter(slower).count() as f64 / ran.count as f64
}

/// Measurement page, "Proof": a stall of length d in a run of T at constant rate gives
/// P(response > x) = max(0, (d − x)/T). The closed loop, which asks for nothing while it waits,
/// sees one slow transaction and calls it a rarity.
#[test]
fn a_stall_is_felt_by_all_that_fell_due_in_it_and_a_closed_loop_hides_it() {
    let (d_ms, length_ms) = (1_500_u64, 10_000_u64);
    let law = |x_ms: u64| d_ms.saturating_sub(x_ms) as f64 / length_ms as f64;
    let mut script = vec![Fault::Commits(0); 5_000];
    script[137] = Fault::Commits(d_ms);
    let open = Bench::new(200.0, &script).run();
    for x_ms in (0..2_000).step_by(50) {
        let (found, law) = (share_slower(&open, x_ms), law(x_ms));
        // One arrival more or less, at either edge.
        assert!((found - law).abs() <= 2.0 / open.count as f64, "x {x_ms} ms: {found} for {law}");
    }
    script.fill(Fault::Commits(5));
    script[137] = Fault::Commits(d_ms);
    let closed = Bench { closed: Some(false), ..Bench::new(200.0, &script) }.run();
    assert!(closed.count > 1_500, "it does as much when nothing stalls: {}", closed.count);
    for x_ms in [100, 500, 1_000] {
        let (found, law) = (share_slower(&closed, x_ms), law(x_ms));
        assert!(found > 0.0 && found < law / 50.0, "x {x_ms} ms: {found} where {law} were felt");
    }
}

#[test]
fn a_deadlock_is_repeated_in_the_same_zone_and_a_refusal_in_another() {
    let ran = Bench::new(1.0, &[DEADLOCK, Fault::Commits(1)]).run();
    assert!(ran.attempts.iter().all(|attempt| attempt.zone == Some(ZoneId(0))));
    assert_eq!(ran.count_of(Outcome::Committed), 10);
    let down = Bench { down: vec![ZoneId(0)], ..Bench::new(10.0, &[Fault::Commits(1)]) }.run();
    let zones: Vec<_> = down.attempts[..3].iter().map(|a| a.zone.map(|zone| zone.0)).collect();
    assert_eq!(zones, [Some(0), Some(1), Some(1)]);
    // Left alone for at least the return delay of 2 s: asked again 5 times in 10 s at most.
    let refused = down.count_of(Outcome::Failed(ErrorClass::Refused));
    assert!((3..=5).contains(&refused), "{refused}");
    assert_eq!(down.count_of(Outcome::Committed), 100);
}

#[test]
fn retry_none_makes_one_attempt() {
    let mut bench = Bench::new(5.0, &[DEADLOCK, REFUSED, Fault::Commits(1)]);
    bench.load.retry = RetryPolicy::None;
    let ran = bench.run();
    assert_eq!((ran.attempts.len(), ran.count), (50, 50));
}

#[test]
fn a_transaction_whose_deadline_passed_in_the_backlog_fails_without_being_sent() {
    let mut script = vec![Fault::Commits(1); 1_000];
    // The second is given up as the third's deadline passes, during the pause after a failure.
    (script[0], script[1]) = (Fault::Hangs, Fault::Hangs);
    let mut bench = Bench::new(100.0, &script);
    bench.load.deadline = Span::millis(2_000);
    let ran = bench.run();
    let expired: Vec<_> = ran.attempts.iter().filter(|attempt| attempt.zone.is_none()).collect();
    assert!(!expired.is_empty());
    for attempt in expired {
        assert_eq!(attempt.outcome, Outcome::Failed(ErrorClass::Deadline));
        // At most half the deadline is given up for the sake of getting through.
        assert!(attempt.start >= attempt.scheduled.plus_us(1_000_000));
    }
    assert_eq!(ran.count, 1_000);
}

#[test]
fn a_full_backlog_sheds_and_counts() {
    let mut bench = Bench::new(100.0, &[Fault::Commits(1)]);
    bench.script = vec![Fault::Commits(1); 10_000];
    bench.script[0] = Fault::Commits(1_000);
    bench.load.backlog_max = 10;
    let ran = bench.run();
    // 99 arrive during the stall of one second; ten find room.
    assert_eq!(ran.count_of(Outcome::Shed), 89);
    let shed = ran.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Shed);
    shed.for_each(|a| assert!(a.start == a.scheduled && a.end == a.scheduled && a.last));
}

#[test]
fn an_ambiguous_commit_is_entered_and_never_repeated() {
    let ran = Bench::new(10.0, &[Fault::LosesAnswer(3), Fault::Commits(1)]).run();
    assert_eq!((ran.count, ran.attempts.len(), ran.ledger.len()), (100, 100, 100));
}

#[test]
fn a_terminal_facing_nothing_but_black_holes_ends_within_the_drain() {
    let ran = Bench::new(20.0, &[Fault::Hangs]).run();
    assert!(ran.ended <= ran.stop.plus_us(5_500_000), "{:?}", ran.ended);
    assert_eq!(ran.count_of(Outcome::Censored), 0);
    assert_eq!(ran.count, 200);
}

#[test]
fn what_hangs_past_every_deadline_is_cut_and_censored_with_its_backlog() {
    let ran = Bench::new(20.0, &[Fault::HangsForGood]).run();
    assert!(ran.ended <= ran.stop.plus_us(5_600_000), "{:?}", ran.ended);
    assert_eq!((ran.count, ran.count_of(Outcome::Censored)), (200, 200));
    assert_eq!(ran.attempts[0].start, RunTime::ZERO);
}

#[test]
fn with_every_zone_down_attempts_are_few() {
    for (closed, retry) in [
        (None, RetryPolicy::Deadline),
        (None, RetryPolicy::None),
        (Some(false), RetryPolicy::Deadline),
        (Some(false), RetryPolicy::None),
    ] {
        let mut bench = Bench { closed, ..Bench::new(100.0, &[REFUSED]) };
        bench.load.retry = retry;
        let ran = bench.run();
        // Ten seconds and the drain: a pause is 125 ms at least, once it has grown.
        let sent = ran.attempts.iter().filter(|attempt| attempt.zone.is_some()).count();
        assert!((50..=130).contains(&sent), "{sent} attempts, {closed:?} {retry:?}");
    }
}

#[test]
fn the_closed_loop_follows_completions_and_the_spec_s_waits() {
    let max = Bench { closed: Some(false), ..Bench::new(1.0, &[Fault::Commits(100)]) }.run();
    // The timer of the runtime counts whole milliseconds.
    assert!((98..=100).contains(&max.count), "{}", max.count);
    assert!(max.attempts.iter().all(|attempt| attempt.scheduled == attempt.start));
    let spec = Bench { closed: Some(true), ..Bench::new(1.0, &[Fault::Commits(100)]) }.run();
    // Keying 200 ms, 100 ms of work, thinking 300 ms.
    assert!((16..=17).contains(&spec.count), "{}", spec.count);
    assert_eq!(spec.attempts[0].scheduled, RunTime(200_000));
}

const MIXED: [TxnKind; 4] =
    [TxnKind::Payment, TxnKind::Delivery, TxnKind::StockLevel, TxnKind::NewOrder];

/// The terminal goes on at once, and the delivery's latency counts from when it was due there.
#[test]
fn a_delivery_is_queued_and_holds_up_nobody() {
    let kinds = MIXED.to_vec();
    // Every fourth of ten a second is a delivery, and each takes half a second.
    let deferred = vec![Fault::Commits(500)];
    let ran = Bench { kinds, deferred, ..Bench::new(10.0, &[Fault::Commits(5)]) }.run();
    assert_eq!(ran.counts, [75, 25]);
    assert!(ran.attempts.iter().filter(|a| a.terminal == 0).all(|a| a.start == a.scheduled));
    for (number, delivery) in (0..).zip(ran.deferred()) {
        assert_eq!(delivery.scheduled, RunTime(100_000 + number * 400_000));
        // It waits for the ones before it: 100 ms more each time.
        assert_eq!(delivery.start, RunTime(100_000 + number * 500_000));
    }
    assert_eq!(ran.count_of(Outcome::Committed), 100);
}

#[test]
fn in_a_closed_loop_a_full_queue_holds_the_terminal_back() {
    let bench = |queue_max| Bench {
        kinds: vec![TxnKind::Payment, TxnKind::Delivery],
        deferred: vec![Fault::Commits(1_000)],
        closed: Some(false),
        queue_max,
        ..Bench::new(1.0, &[Fault::Commits(10)])
    };
    let ran = bench(1).run();
    // One delivery a second for ten seconds, one waiting, one that waits for room, and no more.
    assert_eq!(ran.counts[1], 12, "{:?}", ran.counts);
    assert!(ran.counts[0] <= 13, "{:?}", ran.counts);
    assert!(ran.deferred().iter().all(|a| a.end.since_us(a.scheduled) <= 3_010_000));
    let ahead = bench(1_000).run();
    assert!(ahead.counts[1] > 900, "{:?}", ahead.counts);
}

/// `Bench::run` checks that the ledger's keys differ.
#[test]
fn deliveries_that_were_due_at_one_moment_are_told_apart() {
    let ran = Bench {
        kinds: vec![TxnKind::Delivery],
        closed: Some(false),
        queue_max: 10,
        ..Bench::new(1.0, &[Fault::Commits(100)])
    }
    .run();
    let deferred = ran.deferred();
    let at_once = deferred.iter().filter(|delivery| delivery.scheduled == deferred[0].scheduled);
    assert!(at_once.count() >= 10);
}

#[test]
fn deliveries_that_find_the_backlog_full_are_shed() {
    let mut bench = Bench::new(100.0, &[Fault::Commits(1)]);
    bench.kinds = vec![TxnKind::Delivery];
    bench.deferred = vec![Fault::Commits(1); 10_000];
    bench.deferred[0] = Fault::Commits(1_000);
    bench.load.backlog_max = 10;
    let ran = bench.run();
    assert_eq!((ran.counts, ran.count_of(Outcome::Shed)), ([0, 1_000], 89));
}

/// After the end queued deliveries have their whole deadline; after the cut they are censored.
#[test]
fn the_queue_is_drained_at_the_end_and_censored_at_the_cut() {
    let bench = |deferred: Fault| Bench {
        kinds: vec![TxnKind::Delivery],
        deferred: vec![deferred],
        stop_ms: 1_000,
        ..Bench::new(20.0, &[Fault::Commits(1)])
    };
    let drained = bench(Fault::Commits(100)).run();
    assert_eq!((drained.count, drained.count_of(Outcome::Committed)), (20, 20));
    assert_eq!(drained.ended, RunTime(2_000_000));
    let cut = bench(Fault::HangsForGood).run();
    assert_eq!((cut.count, cut.count_of(Outcome::Censored)), (20, 20));
    assert!(cut.ended <= cut.stop.plus_us(5_600_000), "{:?}", cut.ended);
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let class = (0..ErrorClass::ALL.len()).prop_map(|index| ErrorClass::ALL[index]);
    prop_oneof![
        4 => (0u64..400).prop_map(Fault::Commits),
        3 => (0u64..50, class).prop_map(|(ms, class)| Fault::Fails(ms, class)),
        1 => (0u64..50).prop_map(Fault::LosesAnswer),
        1 => Just(Fault::Hangs),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_time: 20_000, ..ProptestConfig::with_cases(64) })]

    /// `Bench::run` checks that no event is lost, that numbers have no gap, that every
    /// transaction has exactly one last attempt and none is repeated past its deadline.
    #[test]
    fn the_promises_hold_whatever_the_zones_do(
        script in prop::collection::vec(any_fault(), 1..40),
        deferred in prop::collection::vec(any_fault(), 1..40),
        kinds in prop::collection::vec(prop::sample::select(TxnKind::TRANSACTIONS), 1..10),
        queue_max in 1usize..50,
        rate in 0.5..60.0f64,
        poisson: bool,
        closed: Option<bool>,
        backlog_max in 1u32..50,
        stop_ms in 0u64..8_000,
        drain_ms in 0u64..6_000,
        down in prop::collection::vec((0u8..3).prop_map(ZoneId), 0..3),
    ) {
        let mut bench = Bench { stop_ms, drain_ms, closed, down, ..Bench::new(rate, &script) };
        (bench.deferred, bench.kinds, bench.queue_max) = (deferred, kinds, queue_max);
        bench.load.arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
        bench.load.backlog_max = backlog_max;
        let ran = bench.run();
        let patience_us = drain_ms.min(5_000) * 1_000;
        prop_assert!(ran.ended <= ran.stop.plus_us(patience_us + 50_000), "{:?}", ran.ended);
    }
}
