//! What the observer makes of somebody else's upgrade of the recorded sys tenant.
//!
//! Needs a server to keep the views on: `scripts/lab up --zones 1 && eval "$(scripts/lab env)"`.

mod sys_tenant;

use std::time::Duration;

use rollproof::clock::RunClock;
use rollproof::event::*;
use sys_tenant::{
    Act, Script, Store, SysTenant, Variants, Watch, rolling_upgrade, seen_steps, warnings,
};
use tokio::time::sleep;

/// The views are one database: the tests take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The steps as they begin.
fn begins(events: &[ClusterEvent]) -> Vec<(&str, Option<usize>, &ClusterEvent)> {
    let mut begun = Vec::new();
    for event in events {
        if let ClusterFact::Step { step, zone, edge: Edge::Begin, .. } = &event.fact {
            begun.push((step.as_str(), zone.map(ZoneId::index), event));
        }
    }
    begun
}

/// Whether an event is dated to the moment it happened, give or take what a busy machine needs.
fn assert_dated(event: &ClusterEvent, truth: RunTime, slack_ms: u64) {
    let (earliest, slack) = (event.at.0.saturating_sub(event.uncertainty_us), slack_ms * 1_000);
    assert!(
        earliest <= truth.0 + slack && truth.0 <= event.at.0 + slack,
        "{event:?}, in truth at {truth:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_s_steps_are_seen_when_they_happen() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let watch = Watch::start(&tenant, &store, true);
    let clock = watch.clock;
    sleep(Duration::from_secs(1)).await;
    tenant.orchestrate(&rolling_upgrade()).await;
    let events = watch.end().await;
    for event in &events {
        println!("{}", serde_json::to_string(event).unwrap());
    }
    assert_eq!(warnings(&events), []);
    let (seen, truth) = (begins(&events), seen_steps());
    let found: Vec<_> = seen.iter().map(|(step, zone, _)| (*step, *zone)).collect();
    let expected: Vec<_> = truth.iter().map(|(step, zone, _)| (*step, *zone)).collect();
    assert_eq!(found, expected);
    for ((_, _, event), (_, _, act)) in seen.iter().zip(&truth) {
        if let Some(act) = act {
            assert_dated(event, clock.of(tenant.told_at(act)), 500);
        }
    }
    // The lease is over 300 ms after the server went down, long before it is started again.
    for (place, zone) in ["zone1", "zone2", "zone3"].iter().enumerate() {
        let gone = events.iter().find(|event| match &event.fact {
            ClusterFact::Step { step, zone: Some(zone), edge: Edge::End, .. } => {
                step == "stop-server" && zone.index() == place
            }
            _ => false,
        });
        let went = tenant.told_at(&format!("HOST stop-server {zone}"));
        assert_dated(gone.unwrap(), clock.of(went + Duration::from_millis(300)), 300);
    }
    leaders_moved(&tenant, clock, &events);
    store.drop_database().await;
}

type Moved<'a> = (Option<u8>, Option<u8>, u32, &'a str, &'a ClusterEvent);

/// What was told of leaders: from, to, how many and why.
fn moves(events: &[ClusterEvent]) -> Vec<Moved<'_>> {
    let id = |zone: &Option<ZoneId>| zone.map(|zone| zone.0);
    let mut moves = Vec::new();
    for event in events {
        if let ClusterFact::Leaders { from, to, moved, detail } = &event.fact {
            moves.push((id(from), id(to), *moved, detail.as_str(), event));
        }
    }
    moves
}

/// Every STOP ZONE sends four leaders to the next zone, RootService's among them, and every START
/// ZONE gets one back; both 200 ms after they are told. The servers write down the former 500 ms
/// later still, by clocks that are hours ahead.
fn leaders_moved(tenant: &SysTenant, clock: RunClock, events: &[ClusterEvent]) {
    let stopped = "ZONE STOPPED; RootService moved along";
    let mut truth = Vec::new();
    for place in 0..3_u8 {
        let (zone, next) = (format!("zone{}", place + 1), (place + 1) % 3);
        let stop = format!("ALTER SYSTEM STOP ZONE '{zone}'");
        let start = format!("ALTER SYSTEM START ZONE '{zone}'");
        truth.push((Some(place), Some(next), 4, stopped, stop));
        truth.push((Some(next), Some(place), 1, "ZONE PRIORITY", start));
    }
    let seen = moves(events);
    assert_eq!(seen.len(), truth.len(), "{seen:?}");
    for ((from, to, moved, why, event), (is_from, is_to, are, because, act)) in
        seen.into_iter().zip(truth)
    {
        assert_eq!((from, to, moved, why), (is_from, is_to, are, because), "{act}");
        let happened = tenant.told_at(&act) + Duration::from_millis(200);
        assert_dated(event, clock.of(happened), 400);
    }
}

/// An orchestrator that does everything wrong, and gets told.
#[tokio::test(flavor = "multi_thread")]
async fn what_endangers_the_cluster_is_a_warning() {
    use ClusterWarning::*;
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let acts: Vec<Act> = Variants::read()
        .variant
        .into_iter()
        .filter(|variant| ["leaders left", "log out of sync"].contains(&&*variant.name))
        .flat_map(|variant| variant.act)
        .collect();
    let tenant = SysTenant::start(&store, Script::good().with(&acts)).await;
    let watch = Watch::start(&tenant, &store, true);
    sleep(Duration::from_secs(1)).await;
    let acts = [
        ("ALTER SYSTEM BEGIN UPGRADE", 1_000),
        ("ALTER SYSTEM SET enable_ddl = 'False'", 1_000),
        ("ALTER SYSTEM STOP ZONE 'zone1'", 1_500),
        ("HOST stop-server zone1", 1_500),
        ("ALTER SYSTEM STOP ZONE 'zone2'", 1_500),
        ("ALTER SYSTEM START ZONE 'zone2'", 1_000),
        ("HOST start-server zone1", 1_500),
        ("ALTER SYSTEM START ZONE 'zone1'", 1_000),
        ("HOST stop-server zone3", 2_000),
        ("ALTER SYSTEM END UPGRADE", 4_500),
    ];
    tenant.orchestrate(&acts).await;
    let events = watch.end().await;
    let elected: Vec<_> = moves(&events)
        .into_iter()
        .filter(|(from, ..)| from.is_none())
        .map(|(_, to, moved, ..)| (to, moved))
        .collect();
    // Those that were left in zone1, and those that zone3 led when its server went down.
    assert_eq!(elected, [(Some(1), 4), (Some(0), 4)]);
    let seen = warnings(&events);
    for expected in [
        LeadersLeft,
        TwoZonesInactive,
        StartBeforeReady,
        ServerDownInActiveZone,
        ParametersNotRestored,
    ] {
        assert!(seen.contains(&expected), "no {expected} in {seen:?}");
    }
    let once = seen.iter().filter(|one| **one == TwoZonesInactive).count();
    assert_eq!(once, 1, "{seen:?}");
    store.drop_database().await;
}

/// The server that is asked first says nothing any more: the others tell of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_hides_nothing() {
    let _turn = TURN.lock().await;
    let Some(store) = Store::of_lab() else { return };
    store.reset().await;
    let tenant = SysTenant::start(&store, Script::good()).await;
    let watch = Watch::start(&tenant, &store, true);
    let acts = [("ALTER SYSTEM BEGIN UPGRADE", 500), ("HOST hang-server zone1", 6_000)];
    sleep(Duration::from_secs(1)).await;
    tenant.orchestrate(&acts).await;
    tenant.orchestrate(&[("ALTER SYSTEM STOP ZONE 'zone1'", 5_000)]).await;
    let events = watch.end().await;
    assert!(warnings(&events).contains(&ClusterWarning::ServerDownInActiveZone), "{events:?}");
    let steps: Vec<_> = begins(&events).iter().map(|(step, zone, _)| (*step, *zone)).collect();
    assert!(steps.contains(&("stop-zone", Some(0))), "{steps:?}");
    store.drop_database().await;
}
