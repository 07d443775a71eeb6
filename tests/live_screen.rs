//! A run on a real terminal: watched there and over HTTP, and ended by Ctrl-C. Needs a lab
//! (ROLLPROOF_ZONES).

mod lab;
mod pty;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pty::Pty;

const DATABASE: &str = "live_run";
/// Ending a run audits its data, on a machine that others may be using.
const PATIENCE: Duration = Duration::from_secs(240);

/// Enters and leaves the alternate screen.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_run_is_watched_on_a_terminal_and_over_http_and_ended_by_ctrl_c() {
    if lab::zones().is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut pty = Pty::open(PATIENCE);
    let before = pty.settings();
    let start = |pty: &Pty, arguments: &str| {
        pty.start(env!("CARGO_BIN_EXE_rollproof"), |command| {
            command.args(arguments.split_whitespace()).args(["--warehouses", "1"]);
            command.arg("--results").arg(home.path()).env("ROLLPROOF_DATABASE", DATABASE);
            command.env_remove("ROLLPROOF_TARGET_VERSION");
        })
    };
    let Some(load) = start(&pty, "load") else { return };
    pty.wait_for_end(load);
    assert_eq!(pty.settings(), before);

    let run = "run --rate 40 --terminals 8 --warm-up 1s --baseline 3s --duration 10m --settle 0s";
    let child = start(&pty, &format!("{run} --final 0s --listen 0")).unwrap();
    let address = "live page: http://";
    let seen = pty.wait_for(|seen| {
        let seen = String::from_utf8_lossy(seen);
        seen.split_once(address).is_some_and(|(_, after)| after.contains(ENTER))
    });
    let (_, address) = seen.split_once(address).unwrap();
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
    assert_ne!(pty.settings(), before, "a dashboard reads keys as they come");
    pty.press(b"\x03");
    let seen = pty.wait_for_end(child);
    let (_, after) = seen.rsplit_once(LEAVE).unwrap();
    assert!(after.contains("report.html"), "{after}");
    assert_eq!(pty.settings(), before);
}
