//! What can become of an attempt, and the words for why.

use crate::spelling::spelled;

spelled! {
    /// A business transaction: the five of TPC-C (revision 5.11, clauses 2.4 to 2.8), or a chunk
    /// of the initial load.
    pub enum TxnKind {
        /// Clause 2.4: the order entry, the only one counted in tpmC.
        NewOrder = "new-order",
        /// Clause 2.5.
        Payment = "payment",
        /// Clause 2.6, read only.
        OrderStatus = "order-status",
        /// Clause 2.7.
        Delivery = "delivery",
        /// Clause 2.8, read only.
        StockLevel = "stock-level",
        /// A stretch of rows of the initial database (clause 4.3.3.1), written by the loader in one
        /// transaction.
        LoadChunk = "load-chunk",
    }
}

impl TxnKind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The kinds of a run, in the order of the specification.
    pub const TRANSACTIONS: &'static [Self] =
        &[Self::NewOrder, Self::Payment, Self::OrderStatus, Self::Delivery, Self::StockLevel];

    /// The kinds of a load.
    pub const LOAD: &'static [Self] = &[Self::LoadChunk];

    /// Whether a commit of this kind changes data; write gaps look at these alone.
    pub fn is_write(self) -> bool {
        matches!(self, Self::NewOrder | Self::Payment | Self::Delivery | Self::LoadChunk)
    }

    /// Position in [`TxnKind::ALL`], for arrays with one cell a kind.
    pub fn index(self) -> usize {
        self as usize
    }
}

spelled! {
    /// Why an attempt failed: a small closed set, never message text.
    pub enum ErrorClass {
        /// Connection refused or host unreachable.
        Refused = "refused",
        /// The connection was not ready to use within its deadline.
        ConnectTimeout = "connect-timeout",
        /// The server did not accept user, password or database.
        Auth = "auth",
        /// Reset, end of file, "server has gone away".
        ConnectionLost = "connection-lost",
        /// Our own deadline for an answer passed; the connection was severed.
        Deadline = "deadline",
        /// The server chose this transaction as a deadlock's victim.
        Deadlock = "deadlock",
        /// A lock was not granted in time.
        LockWait = "lock-wait",
        /// Certification or write conflict, serialisation failure.
        Conflict = "conflict",
        /// The server refuses writes.
        ReadOnly = "read-only",
        /// The node is up but does not serve.
        NotReady = "not-ready",
        /// The node says that it is stopping.
        ShuttingDown = "shutting-down",
        /// The data's leader is elsewhere or unknown.
        NotPrimary = "not-primary",
        /// The server says that the transaction is gone.
        RolledBack = "rolled-back",
        /// Too many connections, out of memory, throttled.
        Overload = "overload",
        /// A table, column or statement is not as expected.
        Schema = "schema",
        /// A wrong answer: a TPC-C row missing, an unexpected count or type.
        Data = "data",
        /// A code that is in no table.
        Other = "other",
    }
}

spelled! {
    /// Which kind of statement an attempt was executing when it failed.
    pub enum StatementKind {
        /// Opening the connection, session settings included.
        Connect = "connect",
        /// START TRANSACTION, and preparing before it what the session has not prepared yet.
        Begin = "begin",
        /// Any SELECT, locking ones included.
        Read = "read",
        /// INSERT, UPDATE or DELETE.
        Write = "write",
        /// COMMIT: the one statement whose failure may leave the result unknown.
        Commit = "commit",
        /// ROLLBACK.
        Rollback = "rollback",
        /// Administration: SET, SHOW, ALTER SYSTEM.
        Admin = "admin",
    }
}

spelled! {
    /// What became of one attempt, as written in the record.
    pub enum OutcomeKind {
        /// COMMIT was acknowledged.
        Committed = "committed",
        /// The 1 % of New-Order that the specification rolls back (clause 2.4.1.4).
        RolledBack = "rolled-back",
        /// It certainly did not commit.
        Failed = "failed",
        /// COMMIT was sent and its answer never came or does not prove a rollback.
        Ambiguous = "ambiguous",
        /// Unfinished when the run ended.
        Censored = "censored",
        /// Never attempted: the backlog was full.
        Shed = "shed",
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// COMMIT was acknowledged.
    Committed,
    /// The specification's own rollback of New-Order, done as asked.
    RolledBack,
    /// It certainly did not commit.
    Failed(ErrorClass),
    /// COMMIT was sent; whether it took effect is not known.
    Ambiguous(ErrorClass),
    /// Unfinished when the run ended; counted, never dropped.
    Censored,
    /// Refused by the tool because the backlog was full; counted as bad.
    Shed,
}

impl Outcome {
    /// Whether the user got what was asked for (its deadline is judged apart).
    pub fn is_success(self) -> bool {
        matches!(self, Self::Committed | Self::RolledBack)
    }

    /// The outcome without its error class.
    pub fn kind(self) -> OutcomeKind {
        match self {
            Self::Committed => OutcomeKind::Committed,
            Self::RolledBack => OutcomeKind::RolledBack,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Ambiguous(_) => OutcomeKind::Ambiguous,
            Self::Censored => OutcomeKind::Censored,
            Self::Shed => OutcomeKind::Shed,
        }
    }

    /// The error class of a failed or ambiguous attempt.
    pub fn class(self) -> Option<ErrorClass> {
        match self {
            Self::Failed(class) | Self::Ambiguous(class) => Some(class),
            _ => None,
        }
    }

    /// Puts an outcome together from its two columns; `None` where they contradict each other.
    pub fn from_parts(kind: OutcomeKind, class: Option<ErrorClass>) -> Option<Self> {
        Some(match (kind, class) {
            (OutcomeKind::Committed, None) => Self::Committed,
            (OutcomeKind::RolledBack, None) => Self::RolledBack,
            (OutcomeKind::Failed, Some(class)) => Self::Failed(class),
            (OutcomeKind::Ambiguous, Some(class)) => Self::Ambiguous(class),
            (OutcomeKind::Censored, None) => Self::Censored,
            (OutcomeKind::Shed, None) => Self::Shed,
            _ => return None,
        })
    }
}

/// The server's own words about a failure, kept beside the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode {
    /// The server's errno, or 0 when the failure never reached a server.
    pub errno: u16,
    /// Five characters of SQLSTATE; `00000` when there is none.
    pub sqlstate: [u8; 5],
}

impl ErrorCode {
    /// No code: the failure was seen on this side of the wire.
    pub const NONE: Self = Self { errno: 0, sqlstate: *b"00000" };

    /// SQLSTATE as text; `?????` where a server sent something unreadable.
    pub fn sqlstate_str(&self) -> &str {
        std::str::from_utf8(&self.sqlstate).unwrap_or("?????")
    }
}
