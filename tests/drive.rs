//! The load driver against servers that are not there: ports that refuse, ports that take a
//! connection and never say a word.

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rollproof::clock::RunClock;
use rollproof::collect::EventSender;
use rollproof::drive::{Drive, Driver};
use rollproof::event::{
    Attempt, ErrorClass, Event, OutcomeKind, Probe, RunTime, SelfSample, StatementKind,
};
use rollproof::scenario::{Cluster, Load, LoadModel, Product, Scenario, Span, Workload, Zone};
use rollproof::session::Password;
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
        let load =
            Load { model, terminals: 100, deadline: Span::secs(2), rate: 500.0, ..Load::default() };
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
        rate: 100.0,
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
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoints = [(); 3].map(|()| hole.local_addr().unwrap().to_string());
    let load = Load { terminals: 20, rate: 100.0, ..Load::default() };
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
