//! A real cluster loses a node without warning and gets it back; every terminal finds its way to
//! the other zones and home again by itself.

mod tpcc_lab;

use std::collections::HashMap;
use std::time::Duration;

use rollproof::clock::RunClock;
use rollproof::collect::EventSender;
use rollproof::drive::{Drive, Driver};
use rollproof::event::*;
use rollproof::scenario::{Cluster, Load, Rate, Scenario, Workload};
use rollproof::session::Password;
use rollproof::tpcc::random::RunConstants;
use rollproof::tpcc::{CLast, LoadRequest};
use tpcc_lab::lab::{self, scripts_lab_beside};
use tpcc_lab::{admin, database, load_quietly};

const DATABASE: &str = "live_drive";
const TERMINALS: u32 = 12;
const WATCH: Duration = Duration::from_secs(40);

/// A loaded database on the lab as a scenario, and the password of its user.
async fn loaded(request: &LoadRequest) -> (Scenario, Password) {
    let (cluster, password) = lab::cluster().unwrap();
    load_quietly(request).await.unwrap();
    let scenario = Scenario {
        cluster: Cluster { database: DATABASE.to_owned(), ..cluster },
        workload: Workload { warehouses: 1, seed: request.seed, ..Workload::default() },
        load: Load { terminals: TERMINALS, rate: Rate::PerSecond(60.0), ..Load::default() },
        ..Scenario::default()
    };
    (scenario.validate().unwrap(), password)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminals_survive_a_killed_node_and_return_to_it() {
    let Some(request) = database(DATABASE, 1).await else { return };
    let (scenario, password) = loaded(&request).await;
    let victim = ZoneId(1);
    let clock = RunClock::start();
    let (events, mut received) = EventSender::channel(1 << 20);
    let seed = scenario.workload.seed;
    let drive = Drive {
        scenario: &scenario,
        password: &password,
        run_number: std::process::id(),
        constants: RunConstants::new(seed, CLast::load(seed)),
    };
    let driver = Driver::start(drive, clock, events);
    driver.stop(RunTime::from_duration(WATCH));
    tokio::time::sleep(Duration::from_secs(8)).await;
    let killed = clock.now();
    scripts_lab_beside(&["fault", "kill", "zone2"]).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    scripts_lab_beside(&["start-server", "zone2"]).await;
    let back = clock.now();
    let counts = driver.join(&tokio_util::sync::CancellationToken::new()).await.transactions;

    let (mut attempts, mut probes, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let mut ledger: HashMap<(u32, u64), Fate> = HashMap::new();
    while let Ok(event) = received.try_recv() {
        match event {
            Event::Attempt(attempt) => attempts.push(attempt),
            Event::Probe(probe) => probes.push(probe),
            Event::Own(sample) => own.push(sample),
            Event::Ledger(entry) if entry.fate.settles() => {
                assert_eq!(ledger.get(&(entry.terminal, entry.sequence)), Some(&Fate::Ambiguous));
            }
            Event::Ledger(entry) => {
                let before = ledger.insert((entry.terminal, entry.sequence), entry.fate);
                assert_eq!(before, None, "entered twice: {entry:?}");
            }
            Event::Cluster(event) => panic!("nobody observes, yet {event:?}"),
        }
    }
    summary(&attempts, &probes, &own, killed, back);

    // Nothing is missing, and no business transaction failed: retries absorbed the loss.
    let last: Vec<_> = attempts.iter().filter(|attempt| attempt.last).collect();
    assert_eq!(last.len() as u64, counts.iter().sum::<u64>());
    let rate = scenario.load.rate.per_second().unwrap() * WATCH.as_secs_f64();
    assert!((last.len() as f64 - rate).abs() <= 1.0, "{} of {rate}", last.len());
    for attempt in &last {
        let lost_answer = matches!(attempt.outcome, Outcome::Ambiguous(_));
        assert!(attempt.outcome.is_success() || lost_answer, "{attempt:?}");
        // What it wrote, or what a Stock-Level saw; a Delivery may find nothing to deliver.
        let keeps = attempt.kind.is_write() || attempt.kind == TxnKind::StockLevel;
        let has_key = lost_answer || attempt.outcome == Outcome::Committed && keeps;
        let entered = ledger.get(&(attempt.terminal, attempt.sequence));
        assert!(entered.is_some() == has_key || attempt.kind == TxnKind::Delivery, "{attempt:?}");
    }
    // The loss was real: attempts and probes there failed, none succeeded while it was down.
    let there = |attempt: &&Attempt| attempt.zone == Some(victim);
    assert!(attempts.iter().filter(there).any(|attempt| attempt.outcome.class().is_some()));
    let down = |at: RunTime| killed.plus_us(500_000) < at && at.plus_us(500_000) < back;
    let probed = probes.iter().filter(|probe| probe.zone == victim && down(probe.start));
    let (mut seen, mut failed) = (0, 0);
    probed
        .for_each(|probe| (seen, failed) = (seen + 1, failed + u32::from(probe.failure.is_some())));
    assert!(seen > 100 && failed >= seen - 40, "{failed} of {seen} probes failed");
    // Every terminal that was at home there before the loss is there again at the end.
    let at = |from: RunTime, to: RunTime| {
        let mut terminals: Vec<_> = attempts
            .iter()
            .filter(there)
            .filter(|a| from <= a.start && a.start < to && a.outcome.is_success())
            .map(|attempt| attempt.terminal)
            .collect();
        terminals.sort_unstable();
        terminals.dedup();
        terminals
    };
    let (before, after) = (at(RunTime::ZERO, killed), at(back, RunTime(u64::MAX)));
    assert!(!before.is_empty());
    assert_eq!(before, after);
    admin(&request, "DROP DATABASE live_drive").await;
}

/// What a person wants to see of such a run.
fn summary(
    attempts: &[Attempt],
    probes: &[Probe],
    own: &[SelfSample],
    killed: RunTime,
    back: RunTime,
) {
    println!(
        "killed at {:.2} s, answering again at {:.2} s",
        killed.as_secs_f64(),
        back.as_secs_f64()
    );
    let mut tally: HashMap<String, usize> = HashMap::new();
    for attempt in attempts {
        let class = attempt.outcome.class().map_or("", ErrorClass::as_str);
        let statement = attempt.statement.map_or("", StatementKind::as_str);
        let key = format!(
            "{} {class} {statement} errno {} zone {:?} last {}",
            attempt.outcome.kind(),
            attempt.code.errno,
            attempt.zone.map(|zone| zone.0),
            attempt.last,
        );
        *tally.entry(key).or_default() += 1;
    }
    for probe in probes {
        let failure = probe.failure.map_or("ok", ErrorClass::as_str);
        let key = format!(
            "probe zone {} {} {failure} errno {}",
            probe.zone.0, probe.kind, probe.code.errno
        );
        *tally.entry(key).or_default() += 1;
    }
    let mut tally: Vec<_> = tally.into_iter().collect();
    tally.sort_unstable();
    tally.iter().for_each(|(what, count)| println!("{count:7} {what}"));
    let mut response_us: Vec<_> =
        attempts.iter().filter(|a| a.last).map(|a| a.end.since_us(a.scheduled)).collect();
    response_us.sort_unstable();
    let quantile = |q: f64| response_us[((response_us.len() - 1) as f64 * q) as usize];
    println!(
        "response p50 {} µs, p99 {} µs, max {} µs",
        quantile(0.5),
        quantile(0.99),
        quantile(1.0)
    );
    let stall = own.iter().map(|sample| sample.stall_us_max).max();
    let late: u64 = own.iter().map(|sample| sample.dispatched_late).sum();
    let cpu = own.last().zip(own.first()).map(|(last, first)| last.cpu_us - first.cpu_us);
    println!("own: longest stall {stall:?} µs, {late} dispatched late, CPU {cpu:?} µs");
}
