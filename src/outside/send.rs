//! Hands a mark to a run: behind `rollproof mark`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::mark::{MarkError, Recorded, Reply, Request, phase};
use super::socket::{Place, SOCKET};
use crate::clock::monotonic_us;

/// A run on the same machine answers within this, or something is wrong with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which run a mark is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressee {
    /// The run of this directory, or of this name among the results.
    Run(PathBuf),
    /// The one that goes on.
    TheOnlyOne,
}

/// Why a mark is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It is none.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// Nobody could take it.
    #[error(
        "no run in {} takes marks; begin one with `rollproof run` (without --upgrade, whose steps \
         rollproof knows itself), or name its directory with --run", .0.display()
    )]
    NoRun(PathBuf),
    /// It is not said which of several is meant.
    #[error("several runs take marks: {}; say which with --run", .0.join(", "))]
    SeveralRuns(Vec<String>),
    /// The run that was named takes none.
    #[error(
        "{} takes no marks: the run has ended, or performs its upgrade itself (--upgrade)",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// There is no such directory.
    #[error("there is no run {}", .0.display())]
    NotThere(PathBuf),
    /// The run did not take the mark.
    #[error("the run did not take the mark: {0}")]
    Refused(String),
    /// The run cannot be talked to.
    #[error("cannot talk to the run in {}: {source}", dir.display())]
    Io {
        /// Its directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run is there and does not answer.
    #[error("the run in {} did not answer within {} s", .0.display(), PATIENCE.as_secs())]
    Silent(PathBuf),
}

/// Hands over that a phase begins now. Returns once it is in the run's record.
///
/// # Errors
/// When it is not a phase, there is not exactly one run to tell, or the run does not take it.
pub async fn send(
    step: &str,
    zone: Option<&str>,
    to: &Addressee,
    results: &Path,
) -> Result<Recorded, SendError> {
    let made_us = monotonic_us();
    let request =
        Request { phase: phase(step)?.to_string(), zone: zone.map(str::to_owned), made_us };
    let (dir, stream) = match to {
        Addressee::Run(run) => named(run, results).await?,
        Addressee::TheOnlyOne => the_only_one(results).await?,
    };
    match timeout(PATIENCE, ask(stream, &request)).await {
        Ok(Ok(Reply::Recorded(recorded))) => Ok(recorded),
        Ok(Ok(Reply::Refused(reason))) => Err(SendError::Refused(reason)),
        Ok(Err(source)) => Err(SendError::Io { dir, source }),
        Err(_) => Err(SendError::Silent(dir)),
    }
}

async fn ask(mut stream: UnixStream, request: &Request) -> io::Result<Reply> {
    let (read, mut write) = stream.split();
    let mut line = serde_json::to_vec(request).expect("a request has only string keys");
    line.push(b'\n');
    write.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(read).read_line(&mut answer).await?;
    serde_json::from_str(&answer).map_err(io::Error::other)
}

async fn named(run: &Path, results: &Path) -> Result<(PathBuf, UnixStream), SendError> {
    let dirs = [run.to_owned(), results.join(run)];
    let Some(dir) = dirs.into_iter().find(|dir| dir.is_dir()) else {
        return Err(SendError::NotThere(run.to_owned()));
    };
    match connect(&dir).await {
        Ok(Some(stream)) => Ok((dir, stream)),
        Ok(None) => Err(SendError::NotRunning(dir)),
        Err(source) => Err(SendError::Io { dir, source }),
    }
}

async fn the_only_one(results: &Path) -> Result<(PathBuf, UnixStream), SendError> {
    let dirs = std::fs::read_dir(results).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = dirs.map(|entry| entry.path()).collect();
    dirs.sort();
    let mut found = Vec::new();
    for dir in dirs.into_iter().filter(|dir| dir.join(SOCKET).exists()) {
        if let Ok(Some(stream)) = connect(&dir).await {
            found.push((dir, stream));
        }
    }
    match found.len() {
        0 => Err(SendError::NoRun(results.to_owned())),
        1 => Ok(found.remove(0)),
        _ => {
            let name = |(dir, _): &(PathBuf, UnixStream)| dir.display().to_string();
            Err(SendError::SeveralRuns(found.iter().map(name).collect()))
        }
    }
}

/// `None` where nobody listens: there is no socket, or a run that was killed left it.
async fn connect(dir: &Path) -> io::Result<Option<UnixStream>> {
    let place = Place::of(dir)?;
    let connected = timeout(PATIENCE, UnixStream::connect(&place.path)).await;
    match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
