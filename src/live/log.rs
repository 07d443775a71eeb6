//! What happened, in lines.

use std::collections::VecDeque;

use crate::event::RunTime;

/// Lines that are kept.
const LINES_MAX: usize = 500;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It happened.
    Plain,
    /// Something is well again, or went well.
    Good,
    /// Somebody may have to look at it.
    Warn,
    /// Something failed.
    Bad,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it happened.
    pub at: RunTime,
    /// How much it matters.
    pub weight: Weight,
    /// What happened.
    pub text: String,
}

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Log(VecDeque<LogLine>);

impl Log {
    pub(super) fn push(&mut self, at: RunTime, weight: Weight, text: String) {
        self.0.push_back(LogLine { at, weight, text });
        self.0.drain(..self.0.len().saturating_sub(LINES_MAX));
    }

    /// Oldest first.
    pub(super) fn lines(&self) -> Vec<LogLine> {
        self.0.iter().cloned().collect()
    }
}
