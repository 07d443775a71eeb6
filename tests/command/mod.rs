//! `rollproof` as a command: what it says and how it ends.

#![allow(dead_code, reason = "every test uses its own part of this")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::Story;

/// "Within seconds", on a machine that does other things as well.
pub(crate) const SECONDS: Duration = Duration::from_secs(20);

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// `rollproof` with nothing of the developer's own environment.
pub(crate) fn rollproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROLLPROOF_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn said(command: &mut Command) -> Said {
    let began = Instant::now();
    let output = command.output().unwrap();
    assert!(began.elapsed() < SECONDS, "{command:?} took {:?}", began.elapsed());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The record of a run that never was.
pub(crate) fn recorded(home: &Path) -> PathBuf {
    let dir = home.join("run");
    let story = Story { baseline_s: 20, settle_s: 4, final_s: 6, ..Story::default() };
    story.write(&dir, &story.events());
    dir
}

/// However it was wrapped.
pub(crate) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
