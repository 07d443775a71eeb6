//! What terminals and probes did.

use super::{ErrorClass, ErrorCode, Outcome, RunTime, StatementKind, TxnKind, ZoneId};
use crate::spelling::spelled;

/// One execution of a business transaction against one endpoint.
///
/// A business transaction is the run of attempts that share a terminal and a sequence number;
/// its last attempt, and only that one, is `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The terminal that executed it, from 0.
    pub terminal: u32,
    /// Number of the business transaction at this terminal, from 0 and without gaps.
    pub sequence: u64,
    /// Number of the attempt within the business transaction, from 0.
    pub attempt: u16,
    /// Whether no further attempt of this business transaction follows.
    pub last: bool,
    /// Which transaction.
    pub kind: TxnKind,
    /// The terminal's home warehouse, from 1.
    pub warehouse: u32,
    /// When the business transaction was due.
    pub scheduled: RunTime,
    /// When this attempt began, connecting included.
    pub start: RunTime,
    /// When its outcome was known.
    pub end: RunTime,
    /// The zone it was sent to; `None` when it was never sent, or went through a proxy.
    pub zone: Option<ZoneId>,
    /// What became of it.
    pub outcome: Outcome,
    /// The server's code for a failure.
    pub code: ErrorCode,
    /// What it was executing when it failed.
    pub statement: Option<StatementKind>,
}

spelled! {
    /// What a probe does at an endpoint.
    pub enum ProbeKind {
        /// A new connection, then a read.
        NewRead = "new-read",
        /// A new connection, then a committed write.
        NewWrite = "new-write",
        /// A read on a connection kept open.
        ReusedRead = "reused-read",
        /// A committed write on a connection kept open.
        ReusedWrite = "reused-write",
    }
}

/// One probe of one endpoint, dated at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The zone whose endpoint was probed, directly.
    pub zone: ZoneId,
    /// What was tried.
    pub kind: ProbeKind,
    /// When it began.
    pub start: RunTime,
    /// When its result was known; at most its deadline later.
    pub end: RunTime,
    /// `None` when it succeeded.
    pub failure: Option<ErrorClass>,
    /// The server's code for a failure.
    pub code: ErrorCode,
}
