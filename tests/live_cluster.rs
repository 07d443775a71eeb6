//! What the Galera adapter and its observers see of a real cluster when it is hurt.
//!
//! Needs the lab: `scripts/lab up && eval "$(scripts/lab env)"`. One test, because there is one
//! cluster and every part of this hurts it.

mod lab;

use std::sync::Arc;
use std::time::Duration;

use lab::scripts_lab;
use rollproof::clock::RunClock;
use rollproof::cluster::{Cluster, Finding, adapter, observe};
use rollproof::collect::EventSender;
use rollproof::event::*;
use rollproof::preflight::{self, CheckStatus, Preflight};
use rollproof::scenario;
use rollproof::session::{BEGIN, COMMIT, Login, Password, Session, Statement};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

const ZONE2: ZoneId = ZoneId(1);

/// Waits until the observers report a state of zone2, and says how long that took.
async fn until(observers: &mut observe::ObserverHandle, state: ZoneState) -> Duration {
    let began = Instant::now();
    let seen = observers.statuses.wait_for(|all| all[ZONE2.index()].state == state);
    let seen = timeout(Duration::from_secs(30), seen).await.is_ok();
    assert!(seen, "zone2 never was {state}: {:?}", observers.statuses.borrow());
    println!("seen {state} after {:?}", began.elapsed());
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn observers_and_checks_tell_the_truth_about_a_hurt_cluster() {
    let Some((settings, password)) = lab::cluster() else { return };
    let cluster = adapter(&settings, &password).unwrap();
    let (events, mut queue) = EventSender::channel(100_000);
    let stop = CancellationToken::new();
    let every = Duration::from_millis(100);
    let zones = (0..3).map(ZoneId);
    let own = adapter(&settings, &password).unwrap();
    let mut observers = observe::start(&own, zones, every, RunClock::start(), &events, &stop);
    until(&mut observers, ZoneState::Serving).await;

    out_of_service(&*cluster, &settings, &password, &mut observers).await;

    scripts_lab(&["fault", "pause", "zone2"]);
    let took = until(&mut observers, ZoneState::Down).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let began = Instant::now();
    let silent = preflight::check(&*cluster, None).await;
    assert_eq!(failed(&silent)[0], "reachable");
    assert!(began.elapsed() < Duration::from_secs(20), "one silent zone holds up the others");
    scripts_lab(&["fault", "resume", "zone2"]);
    until(&mut observers, ZoneState::Serving).await;

    scripts_lab(&["fault", "kill", "zone2"]);
    let took = until(&mut observers, ZoneState::Down).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(matches!(cluster.health(None, soon()).await, Finding::NotYet(_)));
    scripts_lab(&["start-server", "zone2"]);
    until(&mut observers, ZoneState::Serving).await;

    stop.cancel();
    timeout(Duration::from_secs(2), observers.ended()).await.expect("observers end when told");
    let mut count = 0;
    while let Ok(Event::Cluster(event)) = queue.try_recv() {
        println!("{}", serde_json::to_string(&event).unwrap());
        count += 1;
    }
    assert!(count < 60, "{count} events: only changes are told");

    mistaken_settings(&settings, &password).await;
}

/// A zone out of service keeps its sessions, answers its observer, and lets nobody commit.
async fn out_of_service(
    cluster: &dyn Cluster,
    settings: &scenario::Cluster,
    password: &Password,
    observers: &mut observe::ObserverHandle,
) {
    let login = Login::to_zone(settings, &settings.zones[ZONE2.index()], password);
    let mut client = Session::open(&login, soon()).await.unwrap();
    let admin = |sql: &'static str| Statement::fixed(StatementKind::Admin, sql);
    for sql in [
        "CREATE DATABASE IF NOT EXISTS rollproof_test",
        "CREATE TABLE IF NOT EXISTS rollproof_test.t (a INT PRIMARY KEY)",
        "DELETE FROM rollproof_test.t",
    ] {
        client.query(&admin(sql), soon()).await.unwrap();
    }
    client.query(&BEGIN, soon()).await.unwrap();
    client.query(&admin("INSERT INTO rollproof_test.t VALUES (1)"), soon()).await.unwrap();

    let began = Instant::now();
    let open = cluster.stop_zone(ZONE2, began + Duration::from_secs(2)).await.unwrap();
    assert!(open.contains("1 idle transactions are still open"), "{open}");
    until(observers, ZoneState::Stopped).await;
    let refused = client.query(&COMMIT, soon()).await.unwrap_err();
    assert_eq!((refused.class, refused.may_have_committed), (ErrorClass::NotReady, false));
    // The session was severed with its transaction: nothing is left to wait for.
    let none = cluster.stop_zone(ZONE2, soon()).await.unwrap();
    assert!(none.contains("no transaction of a client is left"), "{none}");
    let schema = cluster.schema_refreshed(ZONE2, soon()).await;
    assert!(matches!(schema, Finding::Met(_)), "{schema:?}");

    assert_eq!(cluster.start_zone(ZONE2, soon()).await.unwrap(), "accepts queries");
    until(observers, ZoneState::Serving).await;
    let mut client = Session::open(&login, soon()).await.unwrap();
    let rows = client.query(&admin("SELECT a FROM rollproof_test.t"), soon()).await.unwrap().rows;
    assert!(rows.is_empty(), "what was refused was not committed");
    client.query(&admin("DROP DATABASE rollproof_test"), soon()).await.unwrap();
}

fn failed(of: &Preflight) -> Vec<&str> {
    let failed = of.checks.iter().filter(|line| line.status == CheckStatus::Fail);
    failed.map(|line| line.id.as_str()).collect()
}

/// Wrong password, missing schema and wrong address are three different lines.
async fn mistaken_settings(settings: &scenario::Cluster, password: &Password) {
    let check = async |settings: &scenario::Cluster, password: &Password| {
        let cluster: Arc<dyn Cluster> = adapter(settings, password).unwrap();
        let found = preflight::check(&*cluster, None).await;
        println!("{}", preflight::render_text(&found));
        found
    };
    let locked_out = check(settings, &Password::new("wrong")).await;
    assert_eq!(failed(&locked_out)[0], "login");
    let nowhere = scenario::Cluster { database: "no_such_schema".to_owned(), ..settings.clone() };
    let found = check(&nowhere, password).await;
    let database = found.checks.iter().find(|line| line.id == "database").unwrap();
    assert_eq!(database.status, CheckStatus::Warn);
    assert!(database.answer.contains("no_such_schema"), "{}", database.answer);
    let mut astray = settings.clone();
    astray.zones[2].endpoint = "127.0.0.1:1".to_owned();
    assert_eq!(failed(&check(&astray, password).await)[0], "reachable");
}
