//! The command line as a person meets it: transcripts in `tests/cli/`, and the clusters that are
//! not what the user thinks they are.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes the transcripts anew; read what changed.

mod common;
mod support;

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Greeting, Reply, Rows, Script, Server, black_hole};
use rollproof::session::Value;
use support::Story;

/// Whom scripted servers welcome.
const USER: &str = "tester";
const PASSWORD: &str = "not-a-secret";

/// "Within seconds", on a machine that does other things as well.
const SECONDS: Duration = Duration::from_secs(20);

#[test]
fn transcripts() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}

/// What a command said, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// `rollproof` with nothing of the developer's own environment.
fn rollproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROLLPROOF_")) {
        command.env_remove(name);
    }
    command
}

fn said(command: &mut Command) -> Said {
    let began = Instant::now();
    let output = command.output().unwrap();
    assert!(began.elapsed() < SECONDS, "{command:?} took {:?}", began.elapsed());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What every verb that needs a cluster says of this one; none may leave a run's directory.
async fn each_verb(addresses: &[SocketAddr], password: &'static str) -> Vec<Said> {
    let zone = |(n, address): (usize, &SocketAddr)| format!("zone{}={address}", n + 1);
    let zones = addresses.iter().enumerate().map(zone).collect::<Vec<_>>().join(",");
    let asked = ["check", "load", "run"].map(|verb| {
        let zones = zones.clone();
        tokio::task::spawn_blocking(move || {
            let home = tempfile::tempdir().unwrap();
            let mut command = rollproof();
            command.args([verb, "--product", "plain", "--user", USER, "--zones", &zones]);
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
        for word in ["zone1", "auth", "ROLLPROOF_PASSWORD", "--user"] {
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
        for word in ["zone1", "zone2", "zone3", "Too many connections"] {
            assert!(said.err.contains(word), "{word}: {said:?}");
        }
    }
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
    }
}

/// The record of a run that never was.
fn recorded(home: &Path) -> std::path::PathBuf {
    let dir = home.join("run");
    let story = Story { baseline_s: 20, settle_s: 4, final_s: 6, ..Story::default() };
    story.write(&dir, &story.events());
    dir
}

#[test]
fn a_damaged_record_proves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dir = recorded(home.path());
    let good = said(rollproof().arg("report").arg(&dir));
    assert!(good.code == Some(0) && good.out.contains("PASS"), "{good:?}");
    let path = dir.join("cluster.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen('{', "[", 1)).unwrap();
    let bad = said(rollproof().arg("report").arg(&dir));
    assert_eq!(bad.code, Some(4), "{bad:?}");
    assert!(bad.err.contains("cluster.jsonl is damaged at line 1"), "{bad:?}");
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
