//! The dashboard on a real terminal: it is given back as it was, however the program ends.

mod feed;
mod pty;

use std::time::Duration;

use pty::Pty;

use rollproof::live::Dashboard;
use tokio_util::sync::CancellationToken;

/// Enters and leaves the alternate screen, shows the cursor again.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW: &str = "\x1b[?25h";

/// Set for the child that has the terminal.
const WAY_OUT: &str = "ROLLPROOF_TEST_WAY_OUT";

/// What the terminal was sent by one of this file's children, and its settings before and after.
fn on_a_terminal(way_out: &str) -> Option<(String, String, String)> {
    let mut pty = Pty::open(Duration::from_secs(60));
    let before = pty.settings();
    let program = std::env::current_exe().unwrap();
    let child = pty.start(program.to_str().unwrap(), |command| {
        command.args(["--exact", "has_the_terminal", "--ignored", "--nocapture"]);
        command.env(WAY_OUT, way_out);
    })?;
    let shown = pty.wait_for_end(child);
    Some((shown, before, pty.settings()))
}

/// The child. Not a test: it is run by the tests, on a terminal.
#[test]
#[ignore = "needs a terminal; the other tests run it on one"]
fn has_the_terminal() {
    let Ok(way_out) = std::env::var(WAY_OUT) else { return };
    assert!(Dashboard::is_possible());
    let dashboard = Dashboard::start(feed::outage().board, CancellationToken::new()).unwrap();
    std::thread::sleep(Duration::from_millis(600));
    match way_out.as_str() {
        "end" => drop(dashboard),
        "panic" => panic!("in the same thread"),
        _ => {
            let other = std::thread::spawn(|| panic!("in another thread"));
            assert!(other.join().is_err());
            // Whoever unwinds no further must not leave the terminal to nobody.
            std::process::exit(3);
        }
    }
}

#[test]
fn the_terminal_is_given_back_at_the_end() {
    let Some((shown, before, after)) = on_a_terminal("end") else { return };
    assert_eq!(before, after);
    let (inside, _) = shown.split_once(ENTER).unwrap().1.split_once(LEAVE).unwrap();
    // Blanks are not sent where there are some already.
    for word in ["10.11.19", "zone2/stop-server", "Objectives", "connection-lost"] {
        assert!(inside.contains(word), "{word}: {inside:?}");
    }
    assert!(inside.contains(SHOW), "{inside:?}");
}

#[test]
fn the_terminal_is_given_back_before_a_panic_says_its_words() {
    for (way_out, words) in [("panic", "in the same thread"), ("other", "in another thread")] {
        let Some((shown, before, after)) = on_a_terminal(way_out) else { return };
        assert_eq!(before, after);
        let (_, outside) = shown.split_once(ENTER).unwrap().1.split_once(LEAVE).unwrap();
        assert!(outside.contains(words), "{outside:?}");
        assert!(!outside.contains(ENTER) && !outside.contains("Objectives"), "{outside:?}");
    }
}
