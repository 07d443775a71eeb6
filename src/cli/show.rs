//! What is shown of a run while it goes on, and where lines for people go meanwhile.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use super::notice::Notice;
use crate::live::{Board, Dashboard, Lines};

/// Lines that are kept for after the dashboard.
const KEPT_MAX: usize = 1000;

/// How a run's progress is shown, on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Progress {
    // No doc comments: with one a value, `--help` would be twice as long.
    Dashboard,
    Lines,
    None,
}

impl Progress {
    /// What was asked for; else a dashboard where there is a terminal for it, and plain lines where
    /// output is kept.
    ///
    /// # Errors
    /// When a dashboard was asked for and cannot be.
    pub(super) fn choose(asked: Option<Self>, quiet: bool) -> anyhow::Result<Self> {
        match asked {
            _ if quiet => Ok(Self::None),
            Some(Self::Dashboard) if !Dashboard::is_possible() => bail!(
                "--progress dashboard: standard error is not a terminal in the foreground that can \
                 be drawn on; take --progress lines"
            ),
            Some(asked) => Ok(asked),
            None if std::io::stdout().is_terminal() && Dashboard::is_possible() => {
                Ok(Self::Dashboard)
            }
            None => Ok(Self::Lines),
        }
    }
}

/// Shows a board until it is dropped.
pub(super) struct Showing {
    /// Dropped first: the terminal is given back before what was said is printed.
    dashboard: Option<Dashboard>,
    _lines: Option<Lines>,
    teller: Teller,
}

impl Showing {
    /// Begins to show `board`. Whoever watches a dashboard may ask for the run's end: `stop`.
    pub(super) fn start(
        how: Progress,
        board: &Board,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut showing = Self { dashboard: None, _lines: None, teller: Teller { kept: None } };
        match how {
            Progress::Dashboard => {
                let dashboard = Dashboard::start(board.clone(), stop);
                showing.dashboard = Some(dashboard.context("cannot take the terminal over")?);
                showing.teller.kept = Some((board.clone(), Arc::default()));
            }
            Progress::Lines => {
                let notice = Notice;
                showing._lines = Some(Lines::start(board.clone(), move |line| notice.line(line)));
            }
            Progress::None => {}
        }
        Ok(showing)
    }

    /// Where lines for people go while this is shown.
    pub(super) fn teller(&self) -> Teller {
        self.teller.clone()
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        drop(self.dashboard.take());
        if let Some((_, kept)) = self.teller.kept.take() {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().for_each(|line| Notice.line(line));
        }
    }
}

/// Standard error; while a dashboard is there its log, and standard error afterwards.
#[derive(Clone)]
pub(super) struct Teller {
    kept: Option<(Board, Arc<Mutex<VecDeque<String>>>)>,
}

impl Teller {
    pub(super) fn is_dashboard(&self) -> bool {
        self.kept.is_some()
    }

    pub(super) fn line(&self, line: &str) {
        let Some((board, kept)) = &self.kept else { return Notice.line(&line) };
        board.say(line);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(line.to_owned());
        let too_many = kept.len().saturating_sub(KEPT_MAX);
        kept.drain(..too_many);
    }
}
