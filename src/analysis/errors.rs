//! Errors of attempts, counted by everything that tells one from another.

use std::collections::BTreeMap;

use crate::event::{
    Attempt, ErrorClass, ErrorCode, OutcomeKind, RunTime, StatementKind, TxnKind, ZoneId,
};

/// Different errors kept apart; beyond it, codes are no longer told apart.
const KEYS_MAX: usize = 10_000;

/// What tells one error from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorKey {
    /// Phase of the business transaction's scheduled time.
    pub phase: usize,
    /// The zone it was sent to.
    pub zone: Option<ZoneId>,
    /// The class.
    pub class: ErrorClass,
    /// The server's errno, 0 when it never reached one.
    pub errno: u16,
    /// The server's SQLSTATE.
    pub sqlstate: [u8; 5],
    /// What was being executed.
    pub statement: Option<StatementKind>,
    /// Failed for certain, or ambiguous.
    pub outcome: OutcomeKind,
    /// Which transaction.
    pub kind: TxnKind,
}

impl ErrorKey {
    /// The server's code.
    pub fn code(&self) -> ErrorCode {
        ErrorCode { errno: self.errno, sqlstate: self.sqlstate }
    }
}

/// How often an error came, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCount {
    /// What it was.
    pub key: ErrorKey,
    /// How many attempts met it.
    pub count: u64,
    /// End of the first such attempt.
    pub first: RunTime,
    /// End of the last such attempt.
    pub last: RunTime,
}

/// Counts errors while attempts stream by.
#[derive(Debug, Default)]
pub(super) struct ErrorLog(BTreeMap<ErrorKey, ErrorCount>);

impl ErrorLog {
    pub(super) fn record(&mut self, attempt: &Attempt, phase: usize) {
        let Some(class) = attempt.outcome.class() else { return };
        let mut key = ErrorKey {
            phase,
            zone: attempt.zone,
            class,
            errno: attempt.code.errno,
            sqlstate: attempt.code.sqlstate,
            statement: attempt.statement,
            outcome: attempt.outcome.kind(),
            kind: attempt.kind,
        };
        if self.0.len() >= KEYS_MAX && !self.0.contains_key(&key) {
            ErrorCode { errno: key.errno, sqlstate: key.sqlstate } = ErrorCode::NONE;
        }
        let at = attempt.end;
        let entry = self.0.entry(key).or_insert(ErrorCount { key, count: 0, first: at, last: at });
        entry.count += 1;
        entry.first = entry.first.min(at);
        entry.last = entry.last.max(at);
    }

    pub(super) fn finish(self) -> Vec<ErrorCount> {
        self.0.into_values().collect()
    }
}
