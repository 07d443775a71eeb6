//! The command line as a person meets it: transcripts in `tests/cli/`, and the clusters that are
//! not what the user thinks they are.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes the transcripts anew; read what changed.

mod command;
mod common;
mod support;

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use command::{Said, recorded, rollproof, said};
use common::{Greeting, Reply, Rows, Script, Server, black_hole};
use rollproof::session::Value;

/// Whom scripted servers welcome.
const USER: &str = "tester";
const PASSWORD: &str = "not-a-secret";

#[test]
fn transcripts() {
    // A user is named in the environment, as in README; usage lines show what is set there.
    trycmd::TestCases::new().env("ROLLPROOF_USER", USER).case("tests/cli/*.trycmd");
}

/// What every verb that needs a cluster says of this one; none may leave a run's directory.
async fn each_verb(addresses: &[SocketAddr], password: &'static str) -> Vec<Said> {
    let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
    each_verb_of("plain", &addresses, password).await
}

/// `zone1=…,zone2=…`
fn zones(addresses: &[String]) -> String {
    let zone = |(n, address): (usize, &String)| format!("zone{}={address}", n + 1);
    addresses.iter().enumerate().map(zone).collect::<Vec<_>>().join(",")
}

async fn each_verb_of(
    product: &'static str,
    addresses: &[String],
    password: &'static str,
) -> Vec<Said> {
    let zones = zones(addresses);
    let asked = ["check", "load", "run"].map(|verb| {
        let zones = zones.clone();
        tokio::task::spawn_blocking(move || {
            let home = tempfile::tempdir().unwrap();
            let mut command = rollproof();
            command.args([verb, "--product", product, "--user", USER, "--zones", &zones]);
            let said = said(command.env("ROLLPROOF_PASSWORD", password).current_dir(home.path()));
            assert!(!home.path().join("results").exists(), "{verb}: {said:?}");
            said
        })
    });
    let mut all = Vec::new();
    for one in asked {
        all.push(one.await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_wrong_connection_data_whatever_the_verb() {
    let server = Server::start(Script::new()).await;
    for said in each_verb(&[server.address()], "an0ther-w0rd").await {
        assert_eq!(said.code, Some(2), "{said:?}");
        for word in ["zone1", "Access denied", "ROLLPROOF_PASSWORD", "--user"] {
            assert!(said.err.contains(word), "{word}: {said:?}");
        }
        let shown = said.out + &said.err;
        assert!(!shown.contains("an0ther-w0rd"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_that_never_answer_do_not_hold_anybody_up() {
    let (hole, _waiting, _listener) = black_hole().await;
    let silent = Server::start(Script::new().greeting(Greeting::Silence)).await;
    let full = Greeting::Refuse { errno: 1040, message: "Too many connections".to_owned() };
    let full = Server::start(Script::new().greeting(full)).await;
    for said in each_verb(&[hole, silent.address(), full.address()], PASSWORD).await {
        assert_eq!(said.code, Some(2), "{said:?}");
        for word in ["zone1", "zone2", "zone3", "Too many connections", "no database's"] {
            assert!(said.err.contains(word), "{word}: {said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_not_given_is_named_as_what_is_missing() {
    let server = Server::start(Script::new()).await;
    for said in each_verb(&[server.address()], "").await {
        assert_eq!(said.code, Some(2), "{said:?}");
        for word in ["no password was given", "ROLLPROOF_PASSWORD", "--option-file"] {
            assert!(said.err.contains(word), "{word}: {said:?}");
        }
    }
}

/// A server that says this of itself.
fn calls_itself(script: Script, variables: &[(&str, &str)]) -> Script {
    let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
    let row = |rows: Rows, &(name, value): &(&str, &str)| rows.row([text(name), text(value)]);
    let rows = variables.iter().fold(Rows::new(["Variable_name", "Value"]), row);
    script.on("SHOW GLOBAL VARIABLES WHERE %", rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_product_than_was_said_is_refused_before_anything_is_done() {
    let maria = [("version", "10.11.18-MariaDB-log"), ("wsrep_on", "OFF")];
    let ocean = [("version", "5.7.25"), ("version_comment", "OceanBase_CE 4.2.1.8 (r1)")];
    let cases: [(&[_], _, _, _); 3] = [
        (&maria, "galera", "MariaDB 10.11.18; --product says galera", "use --product plain"),
        (&maria, "oceanbase", "MariaDB 10.11.18; --product says oceanbase", "--product plain"),
        (&ocean, "galera", "OceanBase_CE 4.2.1.8; --product says", "use --product oceanbase"),
    ];
    for (variables, product, found, remedy) in cases {
        let server = Server::start(calls_itself(marked(marker(10, true), true), variables)).await;
        let address = server.address().to_string();
        for said in each_verb_of(product, std::slice::from_ref(&address), PASSWORD).await {
            assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
            for words in [&format!("zone1 ({address}) answers as"), found, remedy] {
                assert!(said.err.contains(words), "{words}: {said:?}");
            }
        }
    }
    // A product that cannot be watched yet is told as that, not as the wrong one.
    let server = Server::start(calls_itself(Script::new(), &maria)).await;
    let address = server.address().to_string();
    let run = each_verb_of("group-replication", &[address], PASSWORD).await.pop().unwrap();
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("cannot watch or upgrade group-replication yet"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_under_two_names_is_refused() {
    let place =
        |port| [("version", "8.4.5"), ("hostname", "db1"), ("port", port), ("server_id", "1")];
    let script = |port| calls_itself(marked(marker(10, true), true), &place(port));
    let one = Server::start(script("3306")).await;
    let two = Server::start(script("3307")).await;
    let port = one.address().port();
    let names = [one.address().to_string(), two.address().to_string(), format!("localhost:{port}")];
    for said in each_verb_of("plain", &names, PASSWORD).await {
        assert_eq!(said.code, Some(2), "{said:?}");
        let words =
            format!("zone1 (127.0.0.1:{port}) and zone3 (localhost:{port}) are one and the same");
        assert!(said.err.contains(&words), "{said:?}");
        assert!(said.err.contains("hostname, port, server_id db1, 3306, 1"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_does_not_begin_with_a_zone_that_is_not_there() {
    // Enough of a server for a load to be refused.
    let script = marked(marker(3, true), true).on("USE tpcc", Reply::ok(0));
    let server = Server::start(script).await;
    let full = Greeting::Refuse { errno: 1040, message: "Too many connections".to_owned() };
    let full = Server::start(Script::new().greeting(full)).await;
    let silent = Server::start(Script::new().greeting(Greeting::Silence)).await;
    let (here, full) = (server.address().to_string(), full.address().to_string());
    let silent = silent.address().to_string();
    let mistyped = "no-such-host.invalid:3306".to_owned();
    let all = [here, full, mistyped, silent];
    let said = each_verb_of("plain", &all, PASSWORD).await;
    let [check, load, run] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(run.code, Some(2), "{run:?}");
    for words in ["zone3 (no-such-host.invalid:3306): ", "zone4 (", "start their servers"] {
        assert!(run.err.contains(words), "{words}: {run:?}");
    }
    assert!(!run.err.contains("zone2"), "a server that is full is there: {run:?}");
    assert!(load.err.contains("goes on without zone3 (no-such-host.invalid:3306)"), "{load:?}");
    assert_eq!(check.code, Some(5), "its table says which zones are not there: {check:?}");
}

/// A server whose marker is read like this, and whose database is there or not.
fn marked(marker: impl Into<Reply>, database: bool) -> Script {
    let schemata = Rows::new(["1"]);
    let schemata = if database { schemata.row([Value::Int(1)]) } else { schemata };
    Script::new()
        .on("SELECT schema_version, %", marker)
        .on("SELECT 1 FROM information_schema.schemata %", schemata)
}

fn marker(warehouses: i64, complete: bool) -> Rows {
    let columns = ["schema_version", "warehouses", "seed", "c_load", "load_complete", "last_run"];
    let values = [1, warehouses, 20_260_101, 77, i64::from(complete), 0];
    Rows::new(columns).row(values.map(Value::Int))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_what_is_wrong_with_the_database_and_leaves_nothing_behind() {
    let no_table = || Reply::error(1146, "42S02", "Table 'tpcc.rollproof_meta' doesn't exist");
    let cases = [
        (marked(no_table(), false), "does not exist; create and fill it with `rollproof load`"),
        (marked(no_table(), true), "holds no data of rollproof"),
        (marked(marker(10, false), true), "is not completely loaded; start `rollproof load"),
        (marked(marker(3, true), true), "loaded with --warehouses 3, the scenario asks for 10"),
        (marked(Reply::stall(), true), "no zone can be used"),
    ];
    for (script, words) in cases {
        let server = Server::start(script).await;
        let said = each_verb(&[server.address()], PASSWORD).await.pop().unwrap();
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_never_touches_what_is_somebody_else_s() {
    let foreign = Script::new()
        .on("USE tpcc", Reply::ok(0))
        .on("SELECT schema_version, %", Reply::error(1146, "42S02", "no such table"))
        .on(
            "SELECT table_name FROM information_schema.tables %",
            Rows::new(["table_name"]).row([Value::Bytes(b"invoices".to_vec())]),
        );
    let other =
        Script::new().on("USE tpcc", Reply::ok(0)).on("SELECT schema_version, %", marker(3, true));
    for (script, words) in [(foreign, "invoices"), (other, "loaded with --warehouses 3")] {
        let server = Server::start(script).await;
        let said = each_verb(&[server.address()], PASSWORD).await.swap_remove(1);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(words), "{words}: {said:?}");
        assert!(said.err.starts_with("rollproof: "), "no progress of what never began: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_against_another_database_is_refused_and_changes_nothing() {
    let no_table = || Reply::error(1146, "42S02", "Table 'tpcc.rollproof_meta' doesn't exist");
    let cases = [
        (marked(no_table(), true), "holds no data of rollproof"),
        (marked(marker(3, true), true), "was loaded with --warehouses 3, the run had 10"),
        (marked(marker(10, true), true), "has seen 0 runs, and this was number 7"),
    ];
    for (script, words) in cases {
        let home = tempfile::tempdir().unwrap();
        let dir = recorded(home.path());
        let before = std::fs::read(dir.join("audit.json")).unwrap();
        let server = Server::start(script).await;
        let mut command = rollproof();
        let zone = format!("zone1={}", server.address());
        let (path, option_file) = (dir.clone(), home.path().join("client.cnf"));
        let secrets = format!("[client]\nuser={USER}\npassword={PASSWORD}\n");
        std::fs::write(&option_file, secrets).unwrap();
        command.arg("audit").arg(path).args(["--zones", &zone]);
        command.arg("--option-file").arg(option_file);
        let said = tokio::task::spawn_blocking(move || said(&mut command)).await.unwrap();
        assert_eq!(said.code, Some(2), "{said:?}");
        for words in [words, "is not the one that run", "--zones"] {
            assert!(said.err.contains(words), "{words}: {said:?}");
        }
        assert_eq!(std::fs::read(dir.join("audit.json")).unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_nobody_answers_does_not_say_that_data_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded(home.path());
    // Bound and closed again: nobody listens there.
    let [one, other] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [one, other] = [one, other].map(|listener| listener.local_addr().unwrap());
    // It welcomes everybody, says that it is a Galera node, and knows nothing else to say.
    let script = calls_itself(Script::new(), &[("version_comment", "MariaDB"), ("wsrep_on", "ON")]);
    let server = Server::start(script.on("%", Reply::hang_up(common::Hangup::Close))).await;
    let mut command = rollproof();
    let option_file = home.path().join("client.cnf");
    std::fs::write(&option_file, format!("[client]\nuser={USER}\npassword={PASSWORD}\n")).unwrap();
    command.arg("audit").arg(&dir).arg("--option-file").arg(option_file);
    let zones = format!("zone1={},zone2={one},zone3={other}", server.address());
    command.args(["--zones", &zones]);
    let said = tokio::task::spawn_blocking(move || said(&mut command)).await.unwrap();
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(!said.err.contains("gone"), "{said:?}");
    assert!(said.err.contains("no zone said what its database tpcc holds"), "{said:?}");
}

#[test]
fn what_nobody_could_carry_out_is_refused_before_anything_is_asked() {
    let refused = |arguments: &[&str], words: &str| {
        let mut command = rollproof();
        command.args(["run", "--zones", "a=127.0.0.1:1", "--product", "plain", "-u", "u"]);
        let refused = said(command.args(arguments).env("ROLLPROOF_PASSWORD", "p"));
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    };
    refused(&["--until-version", "foo"], "--until-version \"foo\" is no version");
    refused(&["--upgrade-cmd", " "], "--upgrade-cmd is empty");
}

#[test]
fn a_reader_that_has_had_enough_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded(home.path());
    let verdict = [std::ffi::OsString::from("report"), dir.clone().into_os_string()];
    for arguments in [&verdict[..], &["completions".into(), "bash".into()], &["--help".into()]] {
        let mut command = rollproof();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{arguments:?}");
    }
    assert!(dir.join("junit.xml").exists());
}

#[test]
fn completions_are_a_script_that_bash_accepts() {
    let script = said(rollproof().args(["completions", "bash"]));
    assert!(script.code == Some(0) && script.out.contains("--allow-unsafe"), "{script:?}");
    let check = said(Command::new("bash").args(["-n", "-c", &script.out]));
    assert_eq!((check.code, check.err.as_str()), (Some(0), ""));
}

#[test]
fn manual_pages_are_whole_and_name_their_verb() {
    for (verb, words) in [
        ("", "SUBCOMMANDS"),
        ("run", "\\-\\-upgrade"),
        ("check", "ROLLPROOF_ZONES"),
        ("report", "Example"),
    ] {
        let page = said(rollproof().arg("man").args([verb].iter().filter(|verb| !verb.is_empty())));
        assert_eq!((page.code, page.err.as_str()), (Some(0), ""));
        assert!(
            page.out.contains(".TH rollproof") && page.out.contains(words),
            "{verb}: {}",
            page.out
        );
    }
    let unknown = said(rollproof().args(["man", "upgrade"]));
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("is not a verb; there are check, "), "{unknown:?}");
}
