//! The proxy that the live tests break connections with does what it says, before the scripted
//! server.

mod common;
#[path = "support/proxy.rs"]
mod proxy;

use std::time::Duration;

use common::{Reply, Script, Server, What};
use proxy::{Fault, Proxy, Then, monotonic_us};
use rollproof::event::{ErrorClass, StatementKind};
use rollproof::session::{Answer, BEGIN, COMMIT, Failure, Login, Session, Statement};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_millis(300);

struct Scene {
    server: Server,
    proxy: Proxy,
    login: Login,
}

impl Scene {
    async fn set() -> Self {
        let server = Server::start(Script::new().on("UPDATE %", Reply::ok(1))).await;
        let proxy = Proxy::start(&server.address().to_string());
        let login = Login { port: proxy.address().port(), ..server.login() };
        Self { server, proxy, login }
    }

    async fn open(&self) -> Result<Session, Failure> {
        Session::open(&self.login, Instant::now() + PATIENCE).await
    }

    fn commits_heard(&self) -> usize {
        let connections = self.server.connections();
        let heard = connections.iter().flat_map(|connection| &connection.heard);
        heard.filter(|heard| matches!(&heard.what, What::Query(sql) if sql == "COMMIT")).count()
    }
}

async fn ask(session: &mut Session, statement: &Statement) -> Result<Answer, Failure> {
    session.query(statement, Instant::now() + PATIENCE).await
}

fn class<T>(result: Result<T, Failure>) -> Option<ErrorClass> {
    result.err().map(|failure| failure.class)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_broken_as_ordered_and_well_again_afterwards() {
    let expected = [
        (Fault::Refuse, ErrorClass::ConnectionLost, ErrorClass::Refused),
        (Fault::Reset, ErrorClass::ConnectionLost, ErrorClass::ConnectionLost),
        (Fault::Stall, ErrorClass::Deadline, ErrorClass::ConnectTimeout),
        (Fault::HalfOpen, ErrorClass::Deadline, ErrorClass::ConnectTimeout),
    ];
    let scene = Scene::set().await;
    for (fault, at_work, connecting) in expected {
        let mut session = scene.open().await.unwrap();
        let before_us = monotonic_us();
        scene.proxy.begin(fault);
        assert_eq!(class(ask(&mut session, &BEGIN).await), Some(at_work), "{fault:?}");
        assert_eq!(class(scene.open().await), Some(connecting), "{fault:?}");
        scene.proxy.end();
        let mut session = scene.open().await.unwrap();
        ask(&mut session, &BEGIN).await.unwrap();

        let episode = *scene.proxy.episodes().last().unwrap();
        assert_eq!(episode.fault, fault);
        let moments = [before_us, episode.began_us, episode.in_force_us, episode.ended_us.unwrap()];
        assert!(moments.is_sorted() && moments[3] <= monotonic_us(), "{moments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stall_held_back_arrives_at_its_end() {
    let scene = Scene::set().await;
    let mut session = scene.open().await.unwrap();
    scene.proxy.begin(Fault::Stall);
    let end = async {
        tokio::time::sleep(PATIENCE).await;
        scene.proxy.end();
    };
    let (began, statement) = (Instant::now(), BEGIN);
    let begin = session.query(&statement, began + 10 * PATIENCE);
    let (answer, ()) = tokio::join!(begin, end);
    assert!(answer.is_ok() && began.elapsed() >= PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_holds_up_every_exchange_both_ways() {
    let scene = Scene::set().await;
    let mut session = scene.open().await.unwrap();
    scene.proxy.begin(Fault::Delay(Duration::from_millis(40)));
    let began = Instant::now();
    ask(&mut session, &BEGIN).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(80));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_or_its_answer_is_lost_and_nothing_else() {
    let lose = |then| [(Fault::LoseCommit(then), false), (Fault::LoseCommitAnswer(then), true)];
    let scene = Scene::set().await;
    let mut arrived = 0;
    for (then, seen) in
        [(Then::Reset, ErrorClass::ConnectionLost), (Then::Silence, ErrorClass::Deadline)]
    {
        for (fault, reaches_server) in lose(then) {
            let mut session = scene.open().await.unwrap();
            scene.proxy.begin(fault);
            ask(&mut session, &BEGIN).await.unwrap();
            let update = Statement::fixed(StatementKind::Write, "UPDATE t SET a = 1");
            ask(&mut session, &update).await.unwrap();
            let failure = ask(&mut session, &COMMIT).await.unwrap_err();
            assert_eq!((failure.class, failure.may_have_committed), (seen, true), "{fault:?}");
            scene.proxy.end();
            arrived += usize::from(reaches_server);
            assert_eq!(scene.commits_heard(), arrived, "{fault:?}");
            assert_eq!(scene.proxy.lost_commits().last().unwrap().applied, reaches_server);
        }
    }
    assert_eq!(scene.proxy.lost_commits().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_arrives_after_its_client_has_left() {
    let scene = Scene::set().await;
    let mut session = scene.open().await.unwrap();
    scene.proxy.begin(Fault::LateCommit(2 * PATIENCE));
    assert_eq!(class(ask(&mut session, &COMMIT).await), Some(ErrorClass::Deadline));
    assert_eq!(scene.commits_heard(), 0);
    tokio::time::sleep(2 * PATIENCE).await;
    assert_eq!(scene.commits_heard(), 1);
    assert!(scene.proxy.lost_commits()[0].applied);
}
