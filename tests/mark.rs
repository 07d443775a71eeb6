//! Marks over the socket of a run's directory: taken, refused, and told apart when nobody or more
//! than one run listens.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rollproof::clock::RunClock;
use rollproof::collect::EventSender;
use rollproof::event::*;
use rollproof::outside::*;
use tokio::sync::mpsc::Receiver;

fn listen(dir: &Path, id: &str) -> (Listener, Receiver<Event>) {
    std::fs::create_dir_all(dir).unwrap();
    let (events, queue) = EventSender::channel(100);
    let zones = vec!["zone1".to_owned(), "zone2".to_owned()];
    (Listener::start(dir, id, zones, RunClock::start(), events).unwrap(), queue)
}

async fn mark(phase: &str, zone: Option<&str>, results: &Path) -> Result<Recorded, SendError> {
    send(phase, zone, &Addressee::TheOnlyOne, results).await
}

fn words<T: std::fmt::Debug>(result: Result<T, SendError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_mark_is_in_the_record_at_the_moment_that_is_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    // Deeper than an address of a socket can say.
    let results = home.path().join("d".repeat(120));
    let dir = results.join("r1");
    let (listener, mut queue) = listen(&dir, "r1");
    let mode = std::fs::metadata(dir.join(SOCKET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");

    let recorded = mark("stop-zone", Some("zone2"), &results).await.unwrap();
    assert_eq!(recorded.run_id, "r1");
    let Event::Cluster(event) = queue.try_recv().unwrap() else { panic!("a cluster event") };
    assert_eq!((event.at, event.uncertainty_us), (recorded.at, recorded.uncertainty_us));
    assert_eq!(event.source, Source::Marker);
    let ClusterFact::Step { step, zone, edge, .. } = event.fact else { panic!("a step") };
    assert_eq!((step.as_str(), zone, edge), ("stop-zone", Some(ZoneId(1)), Edge::Begin));

    for (phase, zone, why) in [
        ("stop-everything", None, "upgrade-pre, set-zone-context, stop-zone"),
        ("stop-zone", Some("zone9"), "there are zone1, zone2"),
        ("stop-zone", None, "must name it"),
        ("version-check", Some("zone1"), "must not name a zone"),
    ] {
        let refusal = words(mark(phase, zone, &results).await);
        assert!(refusal.contains(why), "{refusal}");
    }
    let by_name = Addressee::Run(PathBuf::from("r1"));
    assert!(send("upgrade-pre", None, &by_name, &results).await.is_ok());
    assert!(queue.try_recv().is_ok() && queue.try_recv().is_err(), "refusals are not recorded");

    listener.end().await;
    assert!(!dir.join(SOCKET).exists());
    assert!(words(send("upgrade-pre", None, &by_name, &results).await).contains("has ended"));
}

#[tokio::test]
async fn it_is_said_which_runs_there_are_when_there_is_not_exactly_one() {
    let results = tempfile::tempdir().unwrap();
    let results = results.path();
    assert!(words(mark("pre-check", None, results).await).contains("no run in"));
    // A run that was killed leaves its socket.
    std::fs::create_dir(results.join("killed")).unwrap();
    drop(UnixListener::bind(results.join("killed").join(SOCKET)).unwrap());
    assert!(words(mark("pre-check", None, results).await).contains("no run in"));

    let (one, _first) = listen(&results.join("r1"), "r1");
    assert!(mark("pre-check", None, results).await.is_ok());
    let (two, _second) = listen(&results.join("r2"), "r2");
    let several = words(mark("pre-check", None, results).await);
    let path = |id: &str| results.join(id).display().to_string();
    assert!(several.contains(&path("r1")) && several.contains(&path("r2")), "{several}");
    assert!(!several.contains("killed"), "{several}");
    let second = Addressee::Run(results.join("r2"));
    assert_eq!(send("pre-check", None, &second, results).await.unwrap().run_id, "r2");
    let nowhere = Addressee::Run(PathBuf::from("r3"));
    assert!(words(send("pre-check", None, &nowhere, results).await).contains("no run r3"));
    one.end().await;
    two.end().await;
}

#[tokio::test]
async fn a_run_that_does_not_answer_is_given_up_and_a_client_that_says_nothing_holds_up_nobody() {
    let results = tempfile::tempdir().unwrap();
    let deaf = results.path().join("deaf");
    std::fs::create_dir(&deaf).unwrap();
    let socket = UnixListener::bind(deaf.join(SOCKET)).unwrap();
    let to = Addressee::Run(deaf.clone());
    assert!(words(send("pre-check", None, &to, results.path()).await).contains("did not answer"));
    drop(socket);
    let (listener, _queue) = listen(&results.path().join("r1"), "r1");
    let path = results.path().join("r1").join(SOCKET);
    let silent: Vec<_> =
        (0..8).map(|_| std::os::unix::net::UnixStream::connect(&path).unwrap()).collect();
    assert!(mark("pre-check", None, results.path()).await.is_ok());
    drop(silent);
    listener.end().await;
}
