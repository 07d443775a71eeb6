//! A slow-down of known size, in a server that the real driver drives: what `compare` makes of the
//! two records. `tests/compare.rs` asks the same of simulated ones.

mod common;
mod support;

use std::path::Path;
use std::time::Duration;

use common::{Server, tpcc};
use rollproof::clock::RunClock;
use rollproof::collect::EventSender;
use rollproof::compare::{Answer, Comparison, Judged, Outcome, Rules, compare};
use rollproof::drive::{Drive, Driver};
use rollproof::event::{Event, RunTime, SelfSample};
use rollproof::record::Record;
use rollproof::scenario::{Cluster, Product, Scenario, Zone};
use rollproof::tpcc::CLast;
use rollproof::tpcc::random::RunConstants;
use support::Story;
use tokio_util::sync::CancellationToken;

/// What a statement takes on average in the base; a New-Order has nine. So long that what machine
/// and network add to it, which does not slow down, is little beside it.
const PACE: Duration = Duration::from_millis(80);

/// Four blocks of 30 s, which is what a comparison takes for its unit.
fn story() -> Story {
    Story {
        zones: 1,
        rate: 40,
        terminals: 80,
        baseline_s: 120,
        settle_s: 1,
        final_s: 0,
        upgrade: false,
        ..Story::default()
    }
}

/// Drives a server that is slower than the base by so many per cent, and records it.
async fn drive(home: &Path, name: &str, slower_percent: u32) -> Record {
    let story = story();
    let seed = name.bytes().map(u64::from).sum();
    let pace = PACE * (100 + slower_percent) / 100;
    let server = Server::start(tpcc(pace, seed)).await;
    let zone = Zone { name: "zone1".to_owned(), endpoint: server.address().to_string() };
    let cluster = Cluster {
        product: Product::Plain,
        zones: vec![zone],
        user: server.login().user,
        ..Cluster::default()
    };
    let scenario = Scenario { cluster, ..story.scenario() };
    let drive = Drive {
        scenario: &scenario,
        password: &server.login().password,
        run_number: 1,
        constants: RunConstants::new(seed, CLast::load(seed)),
    };
    let (events, mut received) = EventSender::channel(1 << 20);
    let driver = Driver::start(drive, RunClock::start(), events);
    driver.stop(RunTime(story.load_end()));
    driver.join(&CancellationToken::new()).await;

    let mut told = story.cluster();
    while let Ok(event) = received.try_recv() {
        match event {
            // Nothing was written that an audit would look for.
            Event::Ledger(_) => {}
            // Where this machine stalls, the run would be INVALID and nothing compared. All runs
            // are driven at once and feel it alike; tests/judging.rs asks what it does to a verdict.
            Event::Own(sample) => {
                told.push(Event::Own(SelfSample { stall_us_max: 0, dispatched_late: 0, ..sample }))
            }
            event => told.push(event),
        }
    }
    let dir = home.join(name);
    story.write(&dir, &told);
    let manifest = dir.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("20260101-120000-galera", name)).unwrap();
    Record::open(&dir).unwrap()
}

fn judged<'a>(found: &'a Comparison, metric: &str) -> &'a Judged {
    let mut all = found.sections.iter().flat_map(|section| &section.metrics);
    all.find(|judged| judged.metric.to_string() == metric).unwrap()
}

fn outcome(found: &Comparison, metric: &str) -> Outcome {
    judged(found, metric).outcome
}

fn ratio(found: &Comparison, metric: &str) -> f64 {
    judged(found, metric).estimate.unwrap().ratio
}

/// The same server again, and servers that are slower by 5, 10 and 20 %, each against the base.
async fn compared() -> [Comparison; 4] {
    let home = tempfile::tempdir().unwrap();
    // All at once, so that whatever else this machine does happens to all of them.
    let (base, same, by_5, by_10, by_20) = tokio::join!(
        drive(home.path(), "base", 0),
        drive(home.path(), "same", 0),
        drive(home.path(), "slower-by-5", 5),
        drive(home.path(), "slower-by-10", 10),
        drive(home.path(), "slower-by-20", 20),
    );
    let base = [base];
    let against = |candidate: Record| compare(&base, &[candidate], &Rules::default()).unwrap();
    [same, by_5, by_10, by_20].map(against)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_slower_is_found_and_one_that_did_not_is_not() {
    let [found, by_5, by_10, by_20] = compared().await;
    assert_eq!(found.answer, Answer::Pass, "{}", found.sentence);
    // A median may grow by 5 % and a 95th percentile by 10 %. What is as much as that is seen, and
    // no regression.
    let found = by_5;
    assert_ne!(outcome(&found, "p50"), Outcome::Regressed, "{}", found.sentence);
    assert!((1.03..1.07).contains(&ratio(&found, "p50")), "{}", ratio(&found, "p50"));
    let found = by_10;
    assert!((1.07..1.13).contains(&ratio(&found, "p50")), "{}", ratio(&found, "p50"));
    assert_eq!(outcome(&found, "p50"), Outcome::Regressed, "{}", found.sentence);
    assert_eq!(found.answer, Answer::Regressed, "{}", found.sentence);
    let found = by_20;
    assert!((1.15..1.25).contains(&ratio(&found, "p50")), "{}", ratio(&found, "p50"));
    for metric in ["p50", "p95"] {
        assert_eq!(outcome(&found, metric), Outcome::Regressed, "{metric}: {}", found.sentence);
    }
    assert_eq!(outcome(&found, "throughput"), Outcome::Pass, "{}", found.sentence);
}
