//! Runs a command of the user's: in a process group of its own, its output in a file, perhaps with
//! a deadline.
//!
//! The output goes to a file and not into a pipe, because a server that the command starts keeps
//! what it inherits open: waiting for the end of a pipe would be waiting for the server's end. The
//! group keeps the terminal's Ctrl-C away from the command: an installation must not be cut in
//! half because its watcher is asked to stop.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Between asking the command of a step to end and making it.
const GRACE: Duration = Duration::from_secs(5);
/// A command that was made to end is waited for this long.
const END: Duration = Duration::from_secs(5);
/// How often it is looked whether a group is empty.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How much of the output's end is looked at, and how many of its lines are shown.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 10;

/// Why a command is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
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
pub(crate) struct Tail {
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

/// A command and how it is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Errand<'a> {
    /// Given to `sh -c`.
    pub(crate) command: &'a str,
    /// What it is called in its log and in errors: itself, where it holds no secrets.
    pub(crate) name: &'a str,
    /// Its output is appended here.
    pub(crate) log: &'a Path,
    /// Variables it finds in its environment besides rollproof's own.
    pub(crate) variables: &'a [(&'a str, &'a OsStr)],
    /// It is ended at this moment, if it has not ended by itself.
    pub(crate) by: Option<Instant>,
    /// It is ended as soon as this is cancelled.
    pub(crate) kill: &'a CancellationToken,
    /// Between asking it to end and making it.
    pub(crate) grace: Duration,
    /// Cuts the grace short.
    pub(crate) hurry: Option<&'a CancellationToken>,
}

impl<'a> Errand<'a> {
    /// The command of a plan's step.
    pub(super) fn of_step(
        command: &'a str,
        log: &'a Path,
        by: Instant,
        kill: &'a CancellationToken,
    ) -> Self {
        let by = Some(by);
        Self { command, name: command, log, variables: &[], by, kill, grace: GRACE, hurry: None }
    }

    /// Runs it and returns its last line. It is ended with all its group. Processes that left the
    /// group, as a server that was started, go on.
    ///
    /// # Errors
    /// When it could not be run, failed, or was ended.
    pub(crate) async fn run(self) -> Result<String, CommandError> {
        let began = Instant::now();
        let Self { log, name, .. } = self;
        let broken = |source| CommandError::Log { path: log.to_owned(), source };
        let (mut file, from) = open(log).map_err(broken)?;
        writeln!(file, "$ {name}").map_err(broken)?;
        let words = || tail(log, from);
        let start = |source| CommandError::Start { command: name.to_owned(), source };
        let output = || file.try_clone().map(Stdio::from).map_err(broken);
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(self.command)
            .envs(self.variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output()?)
            .stderr(output()?)
            .process_group(0)
            .spawn()
            .map_err(start)?;
        let command = name.to_owned();
        let over = tokio::select! {
            ended = child.wait() => Some(ended),
            () = passed(self.by) => None,
            () = self.kill.cancelled() => None,
        };
        match over {
            Some(Ok(status)) if status.success() => Ok(words().lines.pop().unwrap_or_default()),
            Some(Ok(status)) => Err(CommandError::Exit { command, status, tail: words() }),
            Some(Err(source)) => Err(CommandError::Start { command, source }),
            None => {
                end_group(&mut child, self.grace, self.hurry).await;
                Err(match self.kill.is_cancelled() {
                    true => CommandError::Killed { command, tail: words() },
                    false => {
                        CommandError::TimedOut { command, after: began.elapsed(), tail: words() }
                    }
                })
            }
        }
    }
}

async fn passed(by: Option<Instant>) {
    match by {
        Some(by) => tokio::time::sleep_until(by).await,
        None => std::future::pending().await,
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
async fn end_group(child: &mut Child, grace: Duration, hurry: Option<&CancellationToken>) {
    // Without an id it has ended and been waited for already.
    let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let Some(group) = id else { return };
    // What has ended meanwhile cannot be signalled, and need not be.
    let _ = kill_process_group(group, Signal::TERM);
    let empty = async {
        let _ = child.wait().await;
        // The shell is often gone before what it started.
        while test_kill_process_group(group).is_ok() {
            sleep(LOOK_EVERY).await;
        }
    };
    let hurried = async {
        match hurry {
            Some(hurry) => hurry.cancelled().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = timeout(grace, empty) => {}
        () = hurried => {}
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = timeout(END, child.wait()).await;
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
        let result = Errand::of_step(command, &log, by, &CancellationToken::new()).run().await;
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
    async fn what_the_shell_started_has_the_grace_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        // The shell itself dies of the signal at once; the part that matters tidies up.
        let command = "(trap 'sleep 0.5; echo tidied; exit' TERM; echo up; while :; do sleep 0.1; \
                       done) & wait";
        let kill = CancellationToken::new();
        let errand =
            Errand { grace: SOON, ..Errand::of_step(command, &log, Instant::now() + SOON, &kill) };
        let ending = async {
            while !std::fs::read_to_string(&log).unwrap_or_default().contains("\nup") {
                sleep(LOOK_EVERY).await;
            }
            kill.cancel();
        };
        let (result, ()) = tokio::join!(errand.run(), ending);
        assert!(matches!(result, Err(CommandError::Killed { .. })), "{result:?}");
        assert!(std::fs::read_to_string(&log).unwrap().contains("tidied"));
    }

    #[tokio::test]
    async fn a_second_demand_kills_it() {
        let dir = tempfile::tempdir().unwrap();
        let kill = CancellationToken::new();
        kill.cancel();
        let by = Instant::now() + SOON;
        let log = dir.path().join("log");
        let result = Errand::of_step("sleep 60", &log, by, &kill).run().await;
        assert!(matches!(result, Err(CommandError::Killed { .. })));
    }
}
