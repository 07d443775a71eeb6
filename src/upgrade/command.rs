//! Runs the command of a step: with a deadline, in a process group of its own, its output in a
//! file.
//!
//! The output goes to a file and not into a pipe, because a server that the command starts keeps
//! what it inherits open: waiting for the end of a pipe would be waiting for the server's end. The
//! group keeps the terminal's Ctrl-C away from the command: an installation must not be cut in
//! half because its watcher is asked to stop.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Between asking a command to end and making it.
const GRACE: Duration = Duration::from_secs(5);
/// How much of the output's end is looked at, and how many of its lines are shown.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 10;

/// Why a command is not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error("cannot write {path}: {source}")]
    Log { path: PathBuf, source: std::io::Error },
    #[error("cannot run `sh -c {command:?}`: {source}")]
    Start { command: String, source: std::io::Error },
    #[error("`{command}` ended with {status}{tail}")]
    Exit { command: String, status: ExitStatus, tail: Tail },
    #[error("`{command}` was not done within {} s and was killed{tail}", .after.as_secs())]
    TimedOut { command: String, after: Duration, tail: Tail },
    #[error("`{command}` was killed on demand{tail}")]
    Killed { command: String, tail: Tail },
}

/// The last lines of a command's output and where the rest is.
#[derive(Debug)]
pub(super) struct Tail {
    lines: Vec<String>,
    log: PathBuf,
}

impl std::fmt::Display for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.lines.is_empty() {
            return write!(f, "; it said nothing");
        }
        // On a line of its own: the first line of a failure is its headline.
        write!(f, "\nits last words (all in {}):", self.log.display())?;
        self.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// Runs `sh -c command`, appending its output to `log`, and returns its last line. It is ended
/// with all its group at `by`, or as soon as `kill` is cancelled. Processes that left the group,
/// as a server that was started, go on.
///
/// # Errors
/// When it could not be run, failed, or was ended.
pub(super) async fn run(
    command: &str,
    log: &Path,
    by: Instant,
    kill: &CancellationToken,
) -> Result<String, CommandError> {
    let began = Instant::now();
    let broken = |source| CommandError::Log { path: log.to_owned(), source };
    let (mut file, from) = open(log).map_err(broken)?;
    writeln!(file, "$ {command}").map_err(broken)?;
    let words = || tail(log, from);
    let start = |source| CommandError::Start { command: command.to_owned(), source };
    let output = || file.try_clone().map(Stdio::from).map_err(broken);
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
        .process_group(0)
        .spawn()
        .map_err(start)?;
    let command = command.to_owned();
    match kill.run_until_cancelled(timeout_at(by, child.wait())).await {
        Some(Ok(Ok(status))) if status.success() => Ok(words().lines.pop().unwrap_or_default()),
        Some(Ok(Ok(status))) => Err(CommandError::Exit { command, status, tail: words() }),
        Some(Ok(Err(source))) => Err(CommandError::Start { command, source }),
        Some(Err(_)) => {
            end_group(&mut child).await;
            Err(CommandError::TimedOut { command, after: began.elapsed(), tail: words() })
        }
        None => {
            end_group(&mut child).await;
            Err(CommandError::Killed { command, tail: words() })
        }
    }
}

fn open(log: &Path) -> std::io::Result<(File, u64)> {
    if let Some(parent) = log.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(log)?;
    let from = file.seek(SeekFrom::End(0))?;
    Ok((file, from))
}

/// Asks the whole group to end, then makes it.
async fn end_group(child: &mut Child) {
    // Without an id it has ended and been waited for already.
    let Some(group) = child.id() else { return };
    signal("TERM", group).await;
    let _ = timeout(GRACE, child.wait()).await;
    // Also after the shell itself has gone: what it started may have ignored the request.
    signal("KILL", group).await;
    let _ = timeout(GRACE, child.wait()).await;
}

/// Sends a signal to a process group through the shell, which has `kill` built in everywhere.
async fn signal(name: &str, group: u32) {
    let sent = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} -{group}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let _ = timeout(GRACE, sent).await;
}

/// The last lines written after `from`, the line with the command itself left out.
fn tail(log: &Path, from: u64) -> Tail {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(from.max(end.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let own = usize::from(all.first().is_some_and(|line| line.starts_with("$ ")));
    let first = all.len().saturating_sub(TAIL_LINES).max(own);
    Tail { lines: all[first..].iter().map(|&line| line.to_owned()).collect(), log: log.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run_for(command: &str, limit: Duration) -> (Result<String, CommandError>, Duration) {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let by = began + limit;
        let log = dir.path().join("s/step.log");
        let result = run(command, &log, by, &CancellationToken::new()).await;
        (result, began.elapsed())
    }

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_command_that_ends_well_returns_its_last_line() {
        let (result, _) = run_for("echo one; echo two >&2", SOON).await;
        assert_eq!(result.unwrap(), "two");
        assert_eq!(run_for("true", SOON).await.0.unwrap(), "");
    }

    #[tokio::test]
    async fn a_command_that_fails_shows_its_last_words() {
        let (result, _) = run_for("seq 100; exit 3", SOON).await;
        let words = result.unwrap_err().to_string();
        assert!(words.contains("exit status: 3") && words.contains("\n    100"), "{words}");
        assert!(words.contains("\n    91\n") && !words.contains("\n    90\n"), "{words}");
    }

    #[tokio::test]
    async fn a_started_server_that_keeps_the_output_open_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let command = format!(
            "setsid sh -c 'echo $$ >{}; exec sleep 60' & sleep 0.2; echo up",
            pid_file.display()
        );
        let (result, took) = run_for(&command, SOON).await;
        assert_eq!(result.unwrap(), "up");
        assert!(took < Duration::from_secs(10), "{took:?}");
        let pid = std::fs::read_to_string(pid_file).unwrap();
        assert!(Path::new("/proc").join(pid.trim()).exists(), "the server must go on");
        std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
    }

    #[tokio::test]
    async fn at_the_deadline_the_whole_group_ends() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let command = format!("sleep 60 & echo $! >{}; echo waiting; wait", pid_file.display());
        // Long enough for a shell to come up on a busy machine.
        let (result, took) = run_for(&command, Duration::from_secs(3)).await;
        let error = result.unwrap_err();
        assert!(matches!(error, CommandError::TimedOut { .. }), "{error}");
        assert!(error.to_string().contains("waiting"), "{error}");
        assert!(took < SOON, "{took:?}");
        let pid = std::fs::read_to_string(pid_file).unwrap();
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"));
        // Gone, or a zombie that its new parent has not noticed yet.
        assert!(stat.is_err() || stat.unwrap().contains(") Z "), "the child must be gone");
    }

    #[tokio::test]
    async fn a_second_demand_kills_it() {
        let dir = tempfile::tempdir().unwrap();
        let kill = CancellationToken::new();
        kill.cancel();
        let by = Instant::now() + SOON;
        let result = run("sleep 60", &dir.path().join("log"), by, &kill).await;
        assert!(matches!(result, Err(CommandError::Killed { .. })));
    }
}
