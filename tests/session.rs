//! What [`Session`] promises, held against a server that misbehaves on purpose.
//!
//! Every trap known of the driver below has its test here: a newer driver that behaves differently
//! fails one of them by name.

mod common;

use common::client::{PATIENCE, READ, SHORT, SLACK, by, heard_until_gone, one, open, query};
use common::{Auth, Greeting, Hangup, Reply, Rows, Script, Server, What, black_hole};
use mysql_common::constants::CapabilityFlags;
use rollproof::event::{ErrorClass, ErrorCode, Outcome, StatementKind};
use rollproof::scenario::Product;
use rollproof::session::{
    BEGIN, COMMIT, Failure, Login, Params, Password, Session, Statement, Value, cell,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

static READ_BY_KEY: Statement =
    Statement::fixed(StatementKind::Read, "SELECT d_next_o_id FROM district WHERE d_id = ?");

// Connecting.

#[tokio::test]
async fn connecting_to_a_black_hole_ends_at_the_deadline() {
    let (address, _waiting, _listener) = black_hole().await;
    let server = Server::start(Script::new()).await;
    let login = Login { port: address.port(), ..server.login() };
    let began = Instant::now();
    let failure = Session::open(&login, by(SHORT)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ConnectTimeout);
    assert_eq!(failure.statement, StatementKind::Connect);
    assert!(began.elapsed() >= SHORT && began.elapsed() < SHORT + SLACK, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_left_at_the_deadline() {
    let server = Server::start(Script::new().greeting(Greeting::Silence)).await;
    let failure = Session::open(&server.login(), by(SHORT)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ConnectTimeout);
    let heard = server.until(|all| all[0].gone().is_some()).await[0].all();
    assert_eq!(heard, [What::Gone], "not even a goodbye is sent");
}

#[tokio::test]
async fn a_server_that_takes_too_long_over_a_setting_is_left_at_the_deadline() {
    let server = Server::start(Script::new().on("SET %", Reply::stall())).await;
    let login = Login { settings: vec!["SET autocommit = 1".to_owned()], ..server.login() };
    let failure = Session::open(&login, by(SHORT)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ConnectTimeout);
    assert_eq!(heard_until_gone(&server).await, [query("SET autocommit = 1"), What::Gone]);
}

#[tokio::test]
async fn what_stood_in_the_way_of_connecting_is_told_apart() {
    let refuse = |errno| Greeting::Refuse { errno, message: "no".to_owned() };
    let cases = [
        (Greeting::HangUp(Hangup::Close), ErrorClass::ConnectionLost, 0),
        (Greeting::HangUp(Hangup::Reset), ErrorClass::ConnectionLost, 0),
        (refuse(1040), ErrorClass::Overload, 1040),
        (refuse(1129), ErrorClass::Overload, 1129),
    ];
    for (greeting, class, errno) in cases {
        let server = Server::start(Script::new().greeting(greeting.clone())).await;
        let failure = Session::open(&server.login(), by(PATIENCE)).await.unwrap_err();
        assert_eq!((failure.class, failure.code.errno), (class, errno), "{greeting:?}");
    }
    let mut server = Server::start(Script::new()).await;
    server.stop().await;
    let failure = Session::open(&server.login(), by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Refused);
}

#[tokio::test]
async fn what_is_no_database_is_told_to_be_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let greetings = ["SSH-2.0-OpenSSH_9.2\r\n", "+OK ready\r\n"];
    tokio::spawn(async move {
        for greeting in greetings {
            let (mut one, _) = listener.accept().await.unwrap();
            one.write_all(greeting.as_bytes()).await.unwrap();
            // Until the other side has had enough.
            let _ = one.read(&mut [0; 64]).await;
        }
    });
    let login = Login { port, ..Server::start(Script::new()).await.login() };
    for greeting in greetings {
        let failure = Session::open(&login, by(PATIENCE)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::ConnectionLost, "{greeting}");
        let told = failure.message.contains("does not speak the MySQL protocol");
        assert!(told, "{greeting}: {failure}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_auth_failure() {
    for auth in [Auth::Native, Auth::CachingSha2] {
        let server = Server::start(Script::new().auth(auth)).await;
        let login = Login { password: Password::new("wrong"), ..server.login() };
        let failure = Session::open(&login, by(PATIENCE)).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Auth);
        assert_eq!(failure.code, ErrorCode { errno: 1045, sqlstate: *b"28000" });
    }
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let server = Server::start(Script::new()).await;
    let session = open(&server).await;
    let shown = format!("{session:?} {:?}", server.login());
    assert!(!shown.contains("not-a-secret"), "{shown}");
}

#[tokio::test]
async fn every_way_to_prove_a_password_works_without_tls() {
    for auth in [Auth::Native, Auth::CachingSha2, Auth::CachingSha2Full] {
        let server = Server::start(Script::new().auth(auth).on("SELECT %", one(1))).await;
        let mut session = open(&server).await;
        session.query(&READ, by(PATIENCE)).await.unwrap();
    }
}

#[tokio::test]
async fn connecting_asks_nothing_but_our_settings_in_their_order_every_time() {
    let server = Server::start(Script::new()).await;
    let settings = ["SET autocommit = 1", "SET a = 1", "SET b = 2", "SET c = 3"];
    let login = Login { settings: settings.map(str::to_owned).to_vec(), ..server.login() };
    for _ in 0..2 {
        Session::open(&login, by(PATIENCE)).await.unwrap();
    }
    let connections = server.until(|all| all.len() == 2 && all[1].gone().is_some()).await;
    for connection in connections {
        // No SELECT @@socket among them: the driver must not leave TCP behind our back.
        let expected: Vec<_> = settings.map(query).into_iter().chain([What::Gone]).collect();
        assert_eq!(connection.all()[1..], expected);
    }
}

#[tokio::test]
async fn affected_rows_count_rows_found_and_the_database_is_asked_for() {
    let server = Server::start(Script::new()).await;
    let login = Login { database: Some("tpcc".to_owned()), ..server.login() };
    let _session = Session::open(&login, by(PATIENCE)).await.unwrap();
    let What::Login { capabilities, database, .. } = &server.connections()[0].all()[0] else {
        panic!("a connection begins with a login");
    };
    assert!(capabilities.contains(CapabilityFlags::CLIENT_FOUND_ROWS));
    assert_eq!(database.as_deref(), Some("tpcc"));
}

// Deadlines.

#[tokio::test]
async fn a_missed_deadline_severs_at_once_and_without_another_word() {
    let script = Script::new().on("SELECT %", Reply::stall());
    let server = Server::start(script).await;
    let mut session = open(&server).await;
    session.query(&BEGIN, by(PATIENCE)).await.unwrap();
    let deadline = by(SHORT);
    let failure = session.query(&READ, deadline).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Deadline);
    assert!(!session.is_open());
    let heard = heard_until_gone(&server).await;
    assert_eq!(heard, [query(&BEGIN.sql), query(&READ.sql), What::Gone]);
    let gone = server.connections()[0].gone().unwrap();
    assert!(gone - deadline.into_std() < SLACK, "closed late");
}

#[tokio::test]
async fn a_late_answer_never_reaches_the_next_command() {
    let script = Script::new()
        .times(1, "SELECT %", Reply::from(one(1)).late(SHORT * 2))
        .on("SELECT %", one(2));
    let server = Server::start(script).await;
    let mut session = open(&server).await;
    session.query(&READ, by(SHORT)).await.unwrap_err();
    tokio::time::sleep(SHORT * 2).await;
    let failure = session.query(&READ, by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ConnectionLost);
    let mut session = open(&server).await;
    let answer = session.query(&READ, by(PATIENCE)).await.unwrap();
    assert_eq!(cell::<u32>(&answer.rows[0], 0), Ok(2));
}

#[tokio::test]
async fn a_call_given_up_by_its_caller_severs_like_a_missed_deadline() {
    let script = Script::new().on("SELECT %", Reply::from(one(1)).late(SHORT * 2));
    let server = Server::start(script).await;
    let mut session = open(&server).await;
    let given_up = tokio::time::timeout(SHORT, session.query(&READ, by(PATIENCE))).await;
    assert!(given_up.is_err());
    assert_eq!(heard_until_gone(&server).await, [query(&READ.sql), What::Gone]);
    let failure = session.query(&READ, by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::ConnectionLost);
}

#[tokio::test]
async fn a_stall_between_two_rows_severs_without_a_clean_up() {
    let rows = one(1).row([Value::Int(2)]).row([Value::Int(3)]);
    let stalling = Script::new().on("SELECT %", Reply::from(rows).breaks_off_after_rows(1));
    let server = Server::start(stalling).await;
    for prepared in [false, true] {
        let mut session = open(&server).await;
        session.query(&BEGIN, by(PATIENCE)).await.unwrap();
        let deadline = by(SHORT);
        let result = match prepared {
            false => session.query(&READ, deadline).await,
            true => session.execute(&READ_BY_KEY, (7,), deadline).await,
        };
        assert_eq!(result.unwrap_err().class, ErrorClass::Deadline);
        let last = usize::from(prepared);
        let connections = server.until(|all| all[last].gone().is_some()).await;
        let gone = connections[last].gone().unwrap();
        assert!(gone - deadline.into_std() < SLACK, "closed late");
        let heard = connections[last].all();
        let [.., before, What::Gone] = &heard[..] else { panic!("{heard:?}") };
        assert!(matches!(before, What::Query(_) | What::Execute(..)), "no clean-up: {heard:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_dropped_closes_without_a_word() {
    let server = Server::start(Script::new()).await;
    let mut session = open(&server).await;
    session.query(&BEGIN, by(PATIENCE)).await.unwrap();
    drop(session);
    assert_eq!(heard_until_gone(&server).await, [query(&BEGIN.sql), What::Gone]);
}

#[tokio::test]
async fn a_session_that_is_closed_says_goodbye_and_does_not_wait_for_ever() {
    let server = Server::start(Script::new()).await;
    open(&server).await.close(PATIENCE).await;
    let connections = server.until(|all| all[0].all().contains(&What::Quit)).await;
    assert_eq!(connections[0].all()[1], What::Quit);
}

// Answers.

#[tokio::test]
async fn a_value_of_the_wrong_type_is_a_data_failure() {
    let rows = Rows::new(["a", "b", "c"]).row([Value::from("three"), Value::NULL, Value::Int(-1)]);
    let server = Server::start(Script::new().on("SELECT %", rows)).await;
    let mut session = open(&server).await;
    let text = session.query(&READ, by(PATIENCE)).await.unwrap();
    let binary = session.execute(&READ_BY_KEY, (7,), by(PATIENCE)).await.unwrap();
    for answer in [text, binary] {
        for column in 0..4 {
            let failure = cell::<u32>(&answer.rows[0], column).unwrap_err();
            assert_eq!(failure.class, ErrorClass::Data, "column {column}: {failure}");
        }
        assert_eq!(cell::<String>(&answer.rows[0], 0).as_deref(), Ok("three"));
        assert_eq!(cell::<Option<u32>>(&answer.rows[0], 1), Ok(None));
        assert_eq!(cell::<i64>(&answer.rows[0], 2), Ok(-1));
    }
    assert!(session.is_open(), "a wrong value is no reason to reconnect");
}

#[tokio::test]
async fn too_few_parameters_are_a_schema_failure() {
    let server = Server::start(Script::new()).await;
    let mut session = open(&server).await;
    let failure = session.execute(&READ_BY_KEY, Params::Empty, by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Schema);
}

#[tokio::test]
async fn parameters_and_affected_rows_arrive() {
    let server = Server::start(Script::new().on("UPDATE %", Reply::ok(3))).await;
    let mut session = open(&server).await;
    static UPDATE: Statement =
        Statement::fixed(StatementKind::Write, "UPDATE t SET a = ?, b = ?, c = ?");
    let params = (7, Value::NULL, "x");
    let answer = session.execute(&UPDATE, params, by(PATIENCE)).await.unwrap();
    assert_eq!(answer.affected, 3);
    let sent = vec![Value::Int(7), Value::NULL, Value::from("x")];
    let heard = server.connections()[0].all();
    assert_eq!(heard.last(), Some(&What::Execute(UPDATE.sql.to_string(), sent)));
}

/// They are shown on a terminal, which would do what they say.
#[tokio::test]
async fn a_server_s_words_hold_no_commands_for_a_terminal() {
    let red = Reply::error(1146, "42S02", "no \x1b[31mtable\x07\nat line 2");
    let server = Server::start(Script::new().on("SELECT %", red)).await;
    let failure = open(&server).await.query(&READ, by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.message, "no \u{fffd}[31mtable\u{fffd}\nat line 2");
}

#[tokio::test]
async fn a_server_s_error_ends_the_session_only_where_it_must() {
    let cases = [
        (1213, "40001", ErrorClass::Deadlock, true),
        (1205, "HY000", ErrorClass::LockWait, true),
        (1146, "42S02", ErrorClass::Schema, true),
        (1053, "08S01", ErrorClass::ShuttingDown, false),
        (1290, "HY000", ErrorClass::ReadOnly, false),
        (9999, "HY000", ErrorClass::Other, false),
    ];
    for (errno, sqlstate, class, stays) in cases {
        let script = Script::new().on("SELECT %", Reply::error(errno, sqlstate, "no"));
        let server = Server::start(script).await;
        let mut session = open(&server).await;
        let failure = session.query(&READ, by(PATIENCE)).await.unwrap_err();
        assert_eq!((failure.class, failure.code.errno), (class, errno));
        assert_eq!(failure.code.sqlstate_str(), sqlstate);
        assert_eq!(session.is_open(), stays, "{errno}");
        if stays {
            session.query(&BEGIN, by(PATIENCE)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_lost_connection() {
    for hangup in [Hangup::Close, Hangup::Reset] {
        let half = Reply::from(one(1)).half().then(hangup);
        for reply in [half, Reply::hang_up(hangup)] {
            let server = Server::start(Script::new().on("SELECT %", reply)).await;
            let mut session = open(&server).await;
            let failure = session.query(&READ, by(PATIENCE)).await.unwrap_err();
            assert_eq!(failure.class, ErrorClass::ConnectionLost, "{hangup:?}: {failure}");
            assert!(!failure.may_have_committed && !session.is_open());
        }
    }
}

// COMMIT.

async fn commit(product: Product, reply: Reply) -> Failure {
    let server = Server::start(Script::new().on("COMMIT", reply)).await;
    let login = Login { product, ..server.login() };
    let mut session = Session::open(&login, by(PATIENCE)).await.unwrap();
    session.query(&BEGIN, by(PATIENCE)).await.unwrap();
    let failure = session.query(&COMMIT, by(SHORT * 3)).await.unwrap_err();
    // Whatever happened: no ROLLBACK was sent behind the COMMIT.
    assert_eq!(server.connections()[0].statements(), ["START TRANSACTION", "COMMIT"]);
    failure
}

#[tokio::test]
async fn a_commit_whose_answer_never_came_is_ambiguous() {
    let cases = [
        (Reply::ok(0).lost(), ErrorClass::ConnectionLost),
        (Reply::hang_up(Hangup::Reset), ErrorClass::ConnectionLost),
        (Reply::ok(0).half().then(Hangup::Close), ErrorClass::ConnectionLost),
        (Reply::ok(0).half(), ErrorClass::Deadline),
        (Reply::ok(0).late(PATIENCE), ErrorClass::Deadline),
        (Reply::stall(), ErrorClass::Deadline),
    ];
    for (reply, class) in cases {
        let failure = commit(Product::Plain, reply.clone()).await;
        assert_eq!(failure.outcome(), Outcome::Ambiguous(class), "{reply:?}");
    }
}

#[tokio::test]
async fn a_commit_that_was_never_sent_has_failed_for_certain() {
    let server = Server::start(Script::new().on("SELECT %", Reply::stall())).await;
    let mut session = open(&server).await;
    session.query(&READ, by(SHORT)).await.unwrap_err();
    let failure = session.query(&COMMIT, by(PATIENCE)).await.unwrap_err();
    assert_eq!(failure.outcome(), Outcome::Failed(ErrorClass::ConnectionLost));
}

#[tokio::test]
async fn an_error_at_commit_proves_what_its_code_proves() {
    use ErrorClass as C;
    use Outcome::{Ambiguous, Failed};
    let cases = [
        (Product::Plain, 1213, "40001", Failed(C::Deadlock)),
        (Product::Galera, 1213, "40001", Failed(C::Deadlock)),
        (Product::Galera, 1047, "08S01", Failed(C::NotReady)),
        (Product::GroupReplication, 3101, "40000", Failed(C::Conflict)),
        (Product::Plain, 1205, "HY000", Failed(C::LockWait)),
        (Product::Plain, 1317, "70100", Ambiguous(C::RolledBack)),
        (Product::Plain, 1053, "08S01", Ambiguous(C::ShuttingDown)),
        (Product::OceanBase, 4012, "HY000", Ambiguous(C::Deadline)),
        (Product::OceanBase, 6002, "40000", Failed(C::RolledBack)),
        (Product::Plain, 9999, "HY000", Ambiguous(C::Other)),
    ];
    for (product, errno, sqlstate, outcome) in cases {
        let failure = commit(product, Reply::error(errno, sqlstate, "no")).await;
        assert_eq!(failure.outcome(), outcome, "{product} {errno}");
        assert_eq!(failure.statement, StatementKind::Commit);
    }
}

// Prepared statements.

#[tokio::test]
async fn a_statement_is_prepared_once_a_session() {
    let server = Server::start(Script::new().on("SELECT %", one(1))).await;
    for _ in 0..2 {
        let mut session = open(&server).await;
        for key in 0..3 {
            session.execute(&READ_BY_KEY, (key,), by(PATIENCE)).await.unwrap();
        }
    }
    for connection in server.connections() {
        let prepared = |what: &What| matches!(what, What::Prepare(_));
        assert_eq!(connection.all().iter().filter(|what| prepared(what)).count(), 1);
        assert_eq!(connection.statements().len(), 3);
    }
}

#[tokio::test]
async fn a_session_never_holds_more_than_48_prepared_statements() {
    let server = Server::start(Script::new().on("SELECT %", one(1))).await;
    let mut session = open(&server).await;
    for number in 0..50 {
        let sql = format!("SELECT {number} FROM district WHERE d_id = ?");
        let statement = Box::leak(Box::new(Statement::built(StatementKind::Read, sql)));
        session.execute(statement, (1,), by(PATIENCE)).await.unwrap();
    }
    let (mut open_now, mut open_most) = (0, 0);
    for what in server.connections()[0].all() {
        match what {
            What::Prepare(_) => open_now += 1,
            What::CloseStatement(_) => open_now -= 1,
            _ => {}
        }
        open_most = open_most.max(open_now);
    }
    assert_eq!(open_most, 48);
}

#[tokio::test]
async fn a_server_that_stalls_while_preparing_is_left_at_the_deadline() {
    let script = Script::new().on_prepare("SELECT %", Reply::stall());
    let server = Server::start(script).await;
    let mut session = open(&server).await;
    let failure = session.execute(&READ_BY_KEY, (1,), by(SHORT)).await.unwrap_err();
    assert_eq!(failure.class, ErrorClass::Deadline);
    let prepare = What::Prepare(READ_BY_KEY.sql.to_string());
    assert_eq!(heard_until_gone(&server).await, [prepare, What::Gone]);
}
