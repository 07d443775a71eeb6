//! Every fault that a cluster or the way to it can have, on a real cluster under load: terminals
//! resume by themselves, nothing is lost or done twice, and each fault is called what it is.
//!
//! Needs a lab of three zones: `scripts/lab up`, then `eval "$(scripts/lab env)"`. Without it the
//! tests say so and pass.

mod faults_lab;

use std::collections::BTreeSet;
use std::time::Duration;

use faults_lab::lab::scripts_lab_beside;
use faults_lab::proxy::{Fault, Then};
use faults_lab::{Scene, SessionLog, TERMINALS, Told, sql, synced};
use rollproof::drive::load_settings;
use rollproof::event::{ErrorClass as C, Fate, Outcome, ZoneId};
use rollproof::scenario::{RetryPolicy, Routing};

const ZONE1: &[u8] = &[0];
const ZONE2: &[u8] = &[1];
const ZONE3: &[u8] = &[2];
const ALL: &[u8] = &[0, 1, 2];

async fn ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// One fault of the proxy before zone2.
async fn broken(
    scene: &mut Scene,
    name: &'static str,
    classes: &'static [C],
    fault: Fault,
    length_ms: u64,
) {
    let during = async |scene: &Scene| {
        scene.proxy.begin(fault);
        ms(length_ms).await;
        scene.proxy.end();
    };
    scene.chapter(name, ZONE2, classes, during).await;
}

async fn connections_break(scene: &mut Scene) {
    const LOST: &[C] = &[C::ConnectionLost];
    const SILENT: &[C] = &[C::Deadline, C::ConnectTimeout];
    broken(scene, "reset", LOST, Fault::Reset, 1000).await;
    broken(scene, "refused", &[C::Refused, C::ConnectionLost], Fault::Refuse, 1000).await;
    broken(scene, "stalled", SILENT, Fault::Stall, 2500).await;
    broken(scene, "half-open", SILENT, Fault::HalfOpen, 2000).await;
    broken(scene, "slow", &[], Fault::Delay(Duration::from_millis(50)), 2000).await;
    let flapping = async |scene: &Scene| {
        for _ in 0..5 {
            scene.proxy.begin(Fault::Refuse);
            ms(500).await;
            scene.proxy.end();
            ms(500).await;
        }
    };
    scene.chapter("flapping", ZONE2, &[C::Refused, C::ConnectionLost], flapping).await;
}

async fn commits_are_lost(scene: &mut Scene) {
    const RESET: &[C] = &[C::ConnectionLost];
    const SILENT: &[C] = &[C::Deadline];
    broken(scene, "answer reset", RESET, Fault::LoseCommitAnswer(Then::Reset), 1000).await;
    broken(scene, "commit reset", RESET, Fault::LoseCommit(Then::Reset), 1000).await;
    let silent = async |scene: &Scene, fault| {
        scene.proxy.begin(fault);
        ms(500).await;
        scene.proxy.end();
        // Their clients wait for as long as their deadline allows.
        ms(3000).await;
    };
    let answer = async |scene: &Scene| silent(scene, Fault::LoseCommitAnswer(Then::Silence)).await;
    scene.chapter("answer silent", ZONE2, SILENT, answer).await;
    let commit = async |scene: &Scene| silent(scene, Fault::LoseCommit(Then::Silence)).await;
    scene.chapter("commit silent", ZONE2, SILENT, commit).await;
    let late = async |scene: &Scene| {
        silent(scene, Fault::LateCommit(Duration::from_millis(3500))).await;
    };
    scene.chapter("commit late", ZONE2, SILENT, late).await;
}

async fn servers_turn_away(scene: &mut Scene) {
    let read_only = async |_: &Scene| {
        sql("zone1", "SET GLOBAL read_only = ON").await;
        ms(2000).await;
        sql("zone1", "SET GLOBAL read_only = OFF").await;
    };
    scene.chapter("read-only", ZONE1, &[C::ReadOnly], read_only).await;
    let locked = async |_: &Scene| {
        sql("zone1", "FLUSH TABLES WITH READ LOCK; SELECT SLEEP(2.5); UNLOCK TABLES").await;
    };
    scene.chapter("read lock", ZONE1, &[C::Deadline, C::LockWait], locked).await;
    let full = async |scene: &Scene| {
        sql("zone1", "SET GLOBAL max_connections = 10; KILL USER faults").await;
        let idle = scene.fill(0).await;
        ms(2000).await;
        drop(idle);
        // One session more than there may be is the administrator's own.
        sql("zone1", "SET GLOBAL max_connections = 500").await;
    };
    let classes = &[C::Overload, C::ConnectionLost];
    scene.chapter("max_connections", ZONE1, classes, full).await;
}

/// What a server that is stopped and started again may look like.
const STOPPED: &[C] =
    &[C::ConnectionLost, C::Refused, C::NotReady, C::ShuttingDown, C::Deadline, C::ConnectTimeout];

async fn servers_stop(scene: &mut Scene) {
    let killed = async |_: &Scene| {
        scripts_lab_beside(&["fault", "kill", "zone3"]).await;
        ms(2000).await;
        scripts_lab_beside(&["start-server", "zone3"]).await;
        synced().await;
    };
    let classes = &[C::ConnectionLost, C::Refused, C::NotReady, C::Deadline, C::ConnectTimeout];
    scene.chapter("kill -9", ZONE3, classes, killed).await;
    let stopped = async |_: &Scene| {
        scripts_lab_beside(&["stop-server", "zone3"]).await;
        scripts_lab_beside(&["start-server", "zone3"]).await;
        synced().await;
    };
    scene.chapter("graceful stop", ZONE3, STOPPED, stopped).await;
    frozen(scene, "SIGSTOP 2 s", 2000).await;
}

async fn frozen(scene: &mut Scene, name: &'static str, length_ms: u64) {
    let frozen = async |_: &Scene| {
        scripts_lab_beside(&["fault", "pause", "zone3"]).await;
        ms(length_ms).await;
        scripts_lab_beside(&["fault", "resume", "zone3"]).await;
        // It may have been put out meanwhile, and takes a moment to find out.
        ms(3000).await;
        synced().await;
    };
    let classes = &[C::Deadline, C::ConnectTimeout, C::NotReady, C::ConnectionLost];
    scene.chapter(name, ZONE3, classes, frozen).await;
}

async fn everything_is_down(scene: &mut Scene) {
    let dead = async |_: &Scene| {
        for zone in ["zone1", "zone2", "zone3"] {
            scripts_lab_beside(&["fault", "kill", zone]).await;
        }
        ms(10_000).await;
        scripts_lab_beside(&["recover"]).await;
        synced().await;
    };
    scene.chapter("all down", ALL, STOPPED, dead).await;
}

/// A commit whose answer was lost is found where it took effect, and one that was lost itself is
/// found to be absent, all of it while the load goes on.
fn assert_looked_up(told: &Told) {
    for chapter in ["answer reset", "answer silent"] {
        let found = told.looked_up(chapter);
        let count = |fate| found.iter().filter(|found| **found == Some(fate)).count();
        assert_eq!(count(Fate::Committed) + count(Fate::Absent), found.len(), "{chapter}");
        assert!(count(Fate::Committed) > 0, "{chapter}: {found:?}");
        // Another zone's transaction may have won, and the lost answer have said so.
        assert!(count(Fate::Absent) <= told.without_effect(chapter), "{chapter}: {found:?}");
    }
    for chapter in ["commit reset", "commit silent"] {
        let found = told.looked_up(chapter);
        assert!(!found.is_empty(), "{chapter}");
        assert!(found.iter().all(|found| *found == Some(Fate::Absent)), "{chapter}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_survived_and_called_what_it_is() {
    let Some(mut scene) = Scene::begin(|_| {}).await else { return };
    let logs = tempfile::tempdir().unwrap();
    let log = |zone: &'static str| SessionLog::begin(zone, logs.path().join(zone));
    let heard = [log("zone1").await, log("zone2").await];
    connections_break(&mut scene).await;
    commits_are_lost(&mut scene).await;
    servers_turn_away(&mut scene).await;
    let mut sessions = Vec::new();
    let mut prepared_inside = Vec::new();
    for log in heard {
        let heard = log.end().await;
        sessions.extend(heard.before);
        prepared_inside.extend(heard.prepared_inside);
    }
    servers_stop(&mut scene).await;
    frozen(&mut scene, "SIGSTOP 30 s", 30_000).await;
    everything_is_down(&mut scene).await;

    let settings = load_settings(&scene.scenario);
    let told = scene.end().await;
    told.print();
    told.assert_whole();
    told.assert_safe();
    told.assert_chapters();
    assert_looked_up(&told);
    assert_eq!(prepared_inside, Vec::<String>::new(), "prepared inside a transaction");
    assert!(sessions.len() > 20, "only {} sessions were opened anew", sessions.len());
    for session in sessions {
        assert_eq!(session, settings, "a session began a transaction without its settings");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pinned_terminals_stay_and_only_theirs_feel_a_zone_s_fault() {
    let begun = Scene::begin(|scenario| scenario.load.routing = Routing::Pinned);
    let Some(mut scene) = begun.await else { return };
    const GONE: &[C] = &[C::Refused, C::ConnectionLost];
    // Longer than the deadline, so that retrying at the same place does not help.
    broken(&mut scene, "refused", GONE, Fault::Refuse, 4500).await;
    let told = scene.end().await;
    told.print();
    told.assert_whole();
    told.assert_safe();
    told.assert_chapters();
    let home = |terminal: u32| ZoneId((terminal % 3) as u8);
    let tried = || told.attempts.iter().filter(|attempt| attempt.zone.is_some());
    let terminals = || tried().filter(|attempt| attempt.terminal < TERMINALS);
    assert!(terminals().all(|attempt| attempt.zone == Some(home(attempt.terminal))));
    let failed: BTreeSet<_> = terminals()
        .filter(|attempt| attempt.last && !attempt.outcome.is_success())
        .map(|attempt| home(attempt.terminal))
        .collect();
    assert_eq!(failed, BTreeSet::from([ZoneId(1)]), "who failed for good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_retry_every_fault_is_felt_and_a_proxy_hides_who_caused_it() {
    let begun = Scene::begin(|scenario| {
        scenario.load.retry = RetryPolicy::None;
        scenario.load.routing = Routing::Proxy;
        scenario.cluster.proxy = Some(scenario.cluster.zones[1].endpoint.clone());
    });
    let Some(mut scene) = begun.await else { return };
    const LOST: &[C] = &[C::ConnectionLost];
    broken(&mut scene, "reset", LOST, Fault::Reset, 500).await;
    let answer = Fault::LoseCommitAnswer(Then::Reset);
    broken(&mut scene, "answer reset", LOST, answer, 500).await;
    let commit = Fault::LoseCommit(Then::Reset);
    broken(&mut scene, "commit reset", LOST, commit, 500).await;
    let told = scene.end().await;
    told.print();
    told.assert_whole();
    told.assert_safe();
    assert!(told.attempts.iter().all(|attempt| attempt.last && attempt.attempt == 0));
    assert!(told.attempts.iter().all(|attempt| attempt.zone.is_none()));
    let lost = Outcome::Failed(C::ConnectionLost);
    assert!(told.attempts.iter().any(|attempt| attempt.outcome == lost));
    // What is there has committed. Whose session it was is not known, so nothing proves that what
    // is not there will not come: that is left to the audit.
    let answers = told.looked_up("answer reset");
    assert!(answers.contains(&Some(Fate::Committed)), "{answers:?}");
    let commits = told.looked_up("commit reset");
    assert!(!commits.is_empty() && commits.iter().all(Option::is_none), "{commits:?}");
    assert!(!answers.contains(&Some(Fate::Absent)), "{answers:?}");
}
