//! The load driver against servers that are not there: ports that refuse, ports that take a
//! connection and never say a word.

mod common;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Hangup, Reply, Rows, Script, Server};
use rollproof::clock::RunClock;
use rollproof::collect::EventSender;
use rollproof::drive::{Drive, Driver};
use rollproof::event::{
    Attempt, ErrorClass, Event, Fate, LedgerEntry, OutcomeKind, Probe, RunTime, SelfSample,
    StatementKind,
};
use rollproof::scenario::{
    Cluster, Load, LoadModel, Product, Rate, Scenario, Span, Workload, Zone,
};
use rollproof::session::{Password, Value};
use rollproof::tpcc::CLast;
use rollproof::tpcc::random::RunConstants;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// A port that nobody listens on.
fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn scenario(endpoints: [String; 3], load: Load) -> Scenario {
    let zones = ["a", "b", "c"].into_iter().zip(endpoints);
    let zones = zones.map(|(name, endpoint)| Zone { name: name.to_owned(), endpoint }).collect();
    let cluster = Cluster {
        product: Product::Plain,
        zones,
        probe_deadline: Span::millis(300),
        ..Cluster::default()
    };
    let workload = Workload { warehouses: 3, ..Workload::default() };
    Scenario { cluster, workload, load, ..Scenario::default() }.validate().unwrap()
}

/// What a run left behind.
#[derive(Default)]
struct Ran {
    counts: Vec<u64>,
    attempts: Vec<Attempt>,
    probes: Vec<Probe>,
    own: Vec<SelfSample>,
    took: Duration,
}

async fn run(scenario: &Scenario, watch: Duration) -> Ran {
    let clock = RunClock::start();
    let (events, received) = EventSender::channel(1 << 20);
    let seed = scenario.workload.seed;
    let drive = Drive {
        scenario,
        password: &Password::default(),
        run_number: 1,
        constants: RunConstants::new(seed, CLast::load(seed)),
    };
    let began = Instant::now();
    let driver = Driver::start(drive, clock, events);
    driver.stop(RunTime::from_duration(watch));
    let counts = driver.join(&CancellationToken::new()).await.transactions;
    let ran = Ran { counts, took: began.elapsed(), ..gather(received) };
    ran.check_that_nothing_is_missing();
    ran
}

fn gather(mut received: Receiver<Event>) -> Ran {
    let mut ran = Ran::default();
    while let Ok(event) = received.try_recv() {
        match event {
            Event::Attempt(attempt) => ran.attempts.push(attempt),
            Event::Probe(probe) => ran.probes.push(probe),
            Event::Own(sample) => ran.own.push(sample),
            other => panic!("nothing was written, yet {other:?}"),
        }
    }
    assert!(received.is_closed(), "somebody still holds a sender");
    ran
}

impl Ran {
    fn check_that_nothing_is_missing(&self) {
        let mut lasts: HashMap<(u32, u64), usize> = HashMap::new();
        for attempt in &self.attempts {
            *lasts.entry((attempt.terminal, attempt.sequence)).or_default() +=
                usize::from(attempt.last);
        }
        let expected: u64 = self.counts.iter().sum();
        assert_eq!(lasts.len() as u64, expected);
        for (terminal, &count) in (0..).zip(&self.counts) {
            for sequence in 0..count {
                assert_eq!(lasts.get(&(terminal, sequence)), Some(&1), "{terminal}/{sequence}");
            }
        }
        let dispatched: u64 = self.own.iter().map(|sample| sample.dispatched).sum();
        assert_eq!(dispatched, expected);
    }

    fn all_failed_as(&self, class: ErrorClass) {
        let sent = self.attempts.iter().filter(|attempt| attempt.zone.is_some());
        for attempt in sent {
            assert_eq!(attempt.outcome.class(), Some(class), "{attempt:?}");
            assert_eq!(attempt.statement, Some(StatementKind::Connect));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_everywhere_costs_little_and_every_failure_is_on_record() {
    for model in [LoadModel::Rate, LoadModel::Max] {
        let load = Load {
            model,
            terminals: 100,
            deadline: Span::secs(2),
            rate: Rate::PerSecond(500.0),
            ..Load::default()
        };
        let scenario = scenario([refusing(), refusing(), refusing()], load);
        let ran = run(&scenario, Duration::from_secs(3)).await;
        ran.all_failed_as(ErrorClass::Refused);
        // A pause is 125 ms at least once it has grown: 8 a second and terminal, and a few more.
        let sent = ran.attempts.iter().filter(|attempt| attempt.zone.is_some()).count();
        assert!((1_000..6_000).contains(&sent), "{model}: {sent} attempts");
        let (first, last) = (ran.own.first().unwrap(), ran.own.last().unwrap());
        let share = (last.cpu_us - first.cpu_us) as f64 / last.at.since_us(first.at) as f64;
        assert!(share < 1.0, "{model}: {share} of a core");
        assert!(ran.took < Duration::from_millis(5_700), "{model}: {:?}", ran.took);
        assert!(ran.probes.iter().all(|probe| probe.failure == Some(ErrorClass::Refused)));
        // Three zones, four kinds, ten a second.
        assert!((300..=372).contains(&ran.probes.len()), "{model}: {}", ran.probes.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn black_holes_everywhere_end_within_the_drain() {
    // The kernel accepts; nobody ever reads.
    let holes = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let endpoints = [0, 1, 2].map(|zone: usize| holes[zone].local_addr().unwrap().to_string());
    let load = Load {
        terminals: 20,
        rate: Rate::PerSecond(100.0),
        deadline: Span::secs(2),
        connect_deadline: Span::millis(300),
        ..Load::default()
    };
    let ran = run(&scenario(endpoints, load), Duration::from_secs(2)).await;
    ran.all_failed_as(ErrorClass::ConnectTimeout);
    assert_eq!(ran.counts.iter().sum::<u64>(), 200);
    assert!(ran.took < Duration::from_millis(4_700), "{:?}", ran.took);
    let censored = |attempt: &&Attempt| attempt.outcome.kind() == OutcomeKind::Censored;
    assert_eq!(ran.attempts.iter().filter(censored).count(), 0);
    // A stall is a failure, and stalled probes do not hold up the next.
    assert!((200..=252).contains(&ran.probes.len()), "{}", ran.probes.len());
    for probe in &ran.probes {
        assert_eq!(probe.failure, Some(ErrorClass::ConnectTimeout));
        assert!((300_000..600_000).contains(&probe.end.since_us(probe.start)), "{probe:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_ends_at_once_and_censors_what_was_under_way() {
    let holes = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let endpoints = holes.each_ref().map(|hole| hole.local_addr().unwrap().to_string());
    let load = Load { terminals: 20, rate: Rate::PerSecond(100.0), ..Load::default() };
    let scenario = scenario(endpoints, load);
    let (events, received) = EventSender::channel(1 << 20);
    let drive = Drive {
        scenario: &scenario,
        password: &Password::default(),
        run_number: 1,
        constants: RunConstants::new(1, CLast::load(1)),
    };
    let driver = Driver::start(drive, RunClock::start(), events);
    tokio::time::sleep(Duration::from_millis(500)).await;
    driver.cut();
    let cut = Instant::now();
    let counts = driver.join(&CancellationToken::new()).await.transactions;
    let ran = Ran { counts, took: cut.elapsed(), ..gather(received) };
    ran.check_that_nothing_is_missing();
    // The probes under way keep their own deadline of 300 ms.
    assert!(ran.took < Duration::from_millis(500), "{:?}", ran.took);
    let censored = |attempt: &&Attempt| attempt.outcome.kind() == OutcomeKind::Censored;
    assert!(ran.attempts.iter().filter(censored).count() >= 20);
}

/// What the server of [`in_doubt`] says of the first session that lost the answer to its COMMIT.
struct Doubtful {
    /// The session is still there, until this is cleared.
    alive: Arc<AtomicBool>,
    /// The row is there, once this is set.
    there: Arc<AtomicBool>,
    uptime_s: &'static str,
}

/// A server that can do payments and nothing else, and answers no COMMIT.
fn in_doubt(doubtful: &Doubtful) -> Script {
    let (alive, there) = (Arc::clone(&doubtful.alive), Arc::clone(&doubtful.there));
    let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
    let listed = move |_: &common::Call| {
        let rows = Rows::new(["Id", "User"]).row([Value::UInt(1_000), Value::NULL]);
        let sessions = (1..100).filter(|_| alive.load(Ordering::SeqCst));
        sessions.fold(rows, |rows, id| rows.row([Value::UInt(id), Value::NULL])).into()
    };
    let counted = move |_: &common::Call| {
        let count = i64::from(there.load(Ordering::SeqCst));
        Rows::new(["count"]).row([Value::Int(count)]).into()
    };
    Script::new()
        .on("SELECT c_id FROM customer %", Rows::new(["c_id"]).row([Value::Int(7)]))
        .on("UPDATE %", Reply::ok(1))
        .on("INSERT INTO history %", Reply::ok(1))
        .on("SELECT w_name, %", Rows::new(["w", "d"]).row([text("w"), text("d")]))
        .on("COMMIT", Reply::hang_up(Hangup::Close))
        .on(
            "SHOW GLOBAL STATUS %",
            Rows::new(["name", "value"]).row([text("Uptime"), text(doubtful.uptime_s)]),
        )
        .compute("SHOW PROCESSLIST", listed)
        .compute("SELECT COUNT(*) FROM history %", counted)
}

/// Drives a little load against it; the state changes when `change` has returned. Gives every
/// entry of the ledger by its fate.
async fn look_ups(doubtful: Doubtful, change: impl Future<Output = ()>) -> HashMap<Fate, Vec<u64>> {
    let server = Server::start(in_doubt(&doubtful)).await;
    let load = Load {
        terminals: 2,
        rate: Rate::PerSecond(20.0),
        deadline: Span::secs(4),
        ..Load::default()
    };
    let endpoint = server.address().to_string();
    let mut scenario = scenario([endpoint, refusing(), refusing()], load);
    scenario.cluster.user = server.login().user;
    let clock = RunClock::start();
    let (events, mut received) = EventSender::channel(1 << 20);
    let seed = scenario.workload.seed;
    let drive = Drive {
        scenario: &scenario,
        password: &server.login().password,
        run_number: 1,
        constants: RunConstants::new(seed, CLast::load(seed)),
    };
    let driver = Driver::start(drive, clock, events);
    driver.stop(RunTime::from_duration(Duration::from_secs(1)));
    let none = CancellationToken::new();
    let (_, ()) = tokio::join!(driver.join(&none), change);
    let mut found: HashMap<Fate, Vec<u64>> = HashMap::new();
    while let Ok(event) = received.try_recv() {
        let Event::Ledger(LedgerEntry { fate, at, .. }) = event else { continue };
        found.entry(fate).or_default().push(at.as_us());
    }
    assert!(!found[&Fate::Ambiguous].is_empty() && !found.contains_key(&Fate::Acknowledged));
    found
}

fn doubtful(alive: bool, uptime_s: &'static str) -> Doubtful {
    let (alive, there) = (AtomicBool::new(alive).into(), Arc::default());
    Doubtful { alive, there, uptime_s }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_comes_late_is_not_taken_for_absent_while_it_may_come() {
    let doubtful = doubtful(true, "5000");
    let there = Arc::clone(&doubtful.there);
    let change = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        there.store(true, Ordering::SeqCst);
    };
    let found = look_ups(doubtful, change).await;
    assert!(!found.contains_key(&Fate::Absent), "{found:?}");
    assert_eq!(found[&Fate::Committed].len(), found[&Fate::Ambiguous].len());
    assert!(found[&Fate::Committed].iter().all(|at| *at > 3_000_000), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_absent_once_its_session_is_gone() {
    let doubtful = doubtful(true, "5000");
    let alive = Arc::clone(&doubtful.alive);
    let change = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        alive.store(false, Ordering::SeqCst);
    };
    let found = look_ups(doubtful, change).await;
    assert!(!found.contains_key(&Fate::Committed), "{found:?}");
    assert_eq!(found[&Fate::Absent].len(), found[&Fate::Ambiguous].len());
    assert!(found[&Fate::Absent].iter().all(|at| *at > 3_000_000), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_started_since_has_none_of_the_sessions_of_before() {
    // It was started a moment ago and has sessions of the same numbers.
    let found = look_ups(doubtful(true, "0"), async {}).await;
    assert_eq!(found[&Fate::Absent].len(), found[&Fate::Ambiguous].len());
}
