//! Commands of the guide's pages and pipelines, executed as they stand there.

#![allow(dead_code, reason = "every test uses its own part of this")]

use std::path::Path;
use std::process::Command;

/// The lines of a page's blocks marked `sh`, in their order.
pub(crate) fn commands(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{page}: {error}"));
    let blocks = text.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|rest| rest.split("```").next().unwrap_or_default().lines());
    lines.map(str::to_owned).collect()
}

/// A command, or a script, as a reader would give it: with rollproof in the path.
pub(crate) fn command(line: &str, dir: &Path) -> Command {
    println!("$ {line}");
    let binary = Path::new(env!("CARGO_BIN_EXE_rollproof")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euc", line]).current_dir(dir).env("PATH", path);
    command
}
