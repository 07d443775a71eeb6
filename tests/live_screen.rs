//! A run on a real terminal, which `script` of util-linux makes: watched there and over HTTP, and
//! ended by Ctrl-C. Needs a lab (ROLLPROOF_ZONES).

mod lab;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DATABASE: &str = "live_run";
/// Ending a run audits its data, on a machine that others may be using.
const PATIENCE: Duration = Duration::from_secs(240);

/// Enters and leaves the alternate screen.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

fn rollproof(arguments: &str) -> String {
    format!("{} {arguments} --warehouses 1", env!("CARGO_BIN_EXE_rollproof"))
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The last of what a terminal was sent: a bar is drawn many times.
fn end_of(seen: &str) -> &str {
    &seen[seen.floor_char_boundary(seen.len().saturating_sub(4_000))..]
}

/// Reads what the terminal is sent until `enough` says so.
fn read_until(terminal: &mut impl Read, seen: &mut String, enough: impl Fn(&str) -> bool) {
    let began = Instant::now();
    let mut bytes = [0; 4096];
    while !enough(seen) {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {}", end_of(seen));
        let count = terminal.read(&mut bytes).unwrap();
        assert!(count > 0, "it ended: {}", end_of(seen));
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[test]
fn a_run_is_watched_on_a_terminal_and_over_http_and_ended_by_ctrl_c() {
    if lab::zones().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let run = rollproof("run --rate 40 --terminals 8 --warm-up 1s --baseline 3s --duration 10m");
    let more = format!("--settle 0s --final 0s --listen 0 --results {}", home.path().display());
    let line = format!("stty rows 24 cols 80; {} && {run} {more}; stty -a", rollproof("load"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.env("ROLLPROOF_DATABASE", DATABASE).env("TERM", "xterm-256color");
    command.env_remove("ROLLPROOF_TARGET_VERSION").stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("there is no `script` to make a terminal");
        return;
    };
    let (mut keys, mut terminal) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    read_until(&mut terminal, &mut seen, |seen| seen.contains(ENTER));
    let (_, address) = seen.split_once("live page: http://").unwrap();
    let address = address.split_once('/').unwrap().0.to_owned();
    let began = Instant::now();
    loop {
        let metrics = scrape(&address);
        assert!(metrics.contains("rollproof_offered_per_second 40.0\n"), "{metrics}");
        if metrics.contains("rollproof_phase{phase=\"watch\"} 1\n") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{metrics}");
        std::thread::sleep(Duration::from_millis(500));
    }
    keys.write_all(b"\x03").unwrap();
    read_until(&mut terminal, &mut seen, |seen| seen.contains("echoke"));
    child.wait().unwrap();
    let (_, after) = seen.split_once(LEAVE).unwrap();
    assert!(after.contains("report.html"), "{after}");
    let settings: Vec<&str> = after.split_whitespace().collect();
    for setting in ["icanon", "echo", "isig", "ixon"] {
        assert!(settings.contains(&setting), "{setting}: {after}");
    }
    assert!(after.contains("susp = ^Z"), "{after}");
}
