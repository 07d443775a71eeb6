//! The vocabulary of a run: what a terminal did, what became of it, and when.
//!
//! Everything here is plain data. No clock, no database, no async: a finished run is nothing but
//! a stream of these values on disk.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spelling::spelled;

/// A moment of a run: microseconds since the run's origin, on one monotonic clock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RunTime(pub u64);

impl RunTime {
    /// The run's origin.
    pub const ZERO: Self = Self(0);

    /// The moment `elapsed` after the origin; saturates after some 584 000 years.
    pub fn from_duration(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// Microseconds since the origin.
    pub fn as_us(self) -> u64 {
        self.0
    }

    /// Seconds since the origin, for people.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Microseconds from `earlier` to this moment; zero when `earlier` is later.
    pub fn since_us(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `us` microseconds later.
    pub fn plus_us(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }
}

spelled! {
    /// The five transactions of TPC-C (revision 5.11, clauses 2.4 to 2.8).
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
    }
}

impl TxnKind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Whether a commit of this kind changes data; write gaps look at these alone.
    pub fn is_write(self) -> bool {
        matches!(self, Self::NewOrder | Self::Payment | Self::Delivery)
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
        /// Opening the connection, session settings and preparation included.
        Connect = "connect",
        /// START TRANSACTION.
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

/// Index of a zone in the scenario's list of zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZoneId(pub u8);

impl ZoneId {
    /// Position in the scenario's list of zones.
    pub fn index(self) -> usize {
        usize::from(self.0)
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

spelled! {
    /// Where a cluster event comes from, best first.
    pub enum Source {
        /// rollproof's own upgrade runner.
        Runner = "runner",
        /// A marker sent by an outside orchestrator.
        Marker = "marker",
        /// What an observer saw in the cluster.
        Observer = "observer",
        /// rollproof's own timetable: warm-up, baseline, settle, final.
        Timetable = "timetable",
    }
}

spelled! {
    /// Whether something began or ended.
    pub enum Edge {
        /// It began.
        Begin = "begin",
        /// It ended well.
        End = "end",
        /// It ended badly.
        Failed = "failed",
    }
}

spelled! {
    /// Whether a zone serves, in words that fit every product.
    pub enum ZoneState {
        /// Up, in sync and accepting business.
        Serving = "serving",
        /// Up, but taken out of service on purpose.
        Stopped = "stopped",
        /// Up, but joining, donating, behind or without quorum.
        NotReady = "not-ready",
        /// Does not answer.
        Down = "down",
    }
}

/// What one look at one zone found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneStatus {
    /// The zone looked at.
    pub zone: ZoneId,
    /// Whether it serves.
    pub state: ZoneState,
    /// The server's version, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many members the zone's node sees, when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_size: Option<u32>,
    /// The product's own words for the state, or why there was no answer.
    pub detail: String,
}

impl ZoneStatus {
    /// Whether the zone's server said that it runs `target`: the target's numbers must begin the
    /// server's, as numbers, so `10.11.1` is not `10.11.19` but `10.11.19` is
    /// `10.11.19-MariaDB-0+deb12u1`.
    pub fn runs(&self, target: &str) -> bool {
        let (target, running) = (numbers(target), self.version.as_deref().map(numbers));
        !target.is_empty() && running.is_some_and(|running| running.starts_with(&target))
    }
}

/// The dotted numbers a version begins with; what follows them is the packager's.
fn numbers(version: &str) -> Vec<u64> {
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// What happened to the cluster, as the runner, a marker or an observer tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum ClusterFact {
    /// A zone was looked at and its status differs from the last one.
    Zone(ZoneStatus),
    /// A step of the upgrade, or a stretch of the timetable, began or ended.
    Step {
        /// Name of the step, as `stop-zone`, or of the stretch, as `baseline`.
        step: String,
        /// The zone it concerns; `None` for the whole cluster.
        zone: Option<ZoneId>,
        /// Began, ended or failed.
        edge: Edge,
        /// What a failed step said, or what an ended one found.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
}

/// A fact about the cluster with its date and origin: one line of `cluster.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterEvent {
    /// When it happened or was seen.
    pub at: RunTime,
    /// It happened at most this many µs before `at`: the observer's polling interval, 0 for the
    /// runner's own acts.
    pub uncertainty_us: u64,
    /// Who says so.
    pub source: Source,
    /// What happened.
    #[serde(flatten)]
    pub fact: ClusterFact,
}

spelled! {
    /// How sure the client is of a write when it enters it in the ledger.
    pub enum Fate {
        /// COMMIT was acknowledged.
        Acknowledged = "acknowledged",
        /// COMMIT was sent, its result is unknown.
        Ambiguous = "ambiguous",
    }
}

/// The key by which a write is found again in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteKey {
    /// An order: its number, its customer and the client's own entry time.
    NewOrder {
        /// District of the order.
        district: u32,
        /// `o_id`.
        order: u64,
        /// `o_c_id`.
        customer: u32,
        /// `o_entry_d` in µs since the Unix epoch.
        entered_us: i64,
    },
    /// A payment: found by history's primary key (run, terminal, sequence).
    Payment {
        /// District that took the payment.
        district: u32,
        /// `h_amount` in cents.
        amount_cents: i64,
    },
    /// A delivery: found by carrier and delivery time.
    Delivery {
        /// `o_carrier_id`.
        carrier: u32,
        /// `ol_delivery_d` in µs since the Unix epoch.
        delivered_us: i64,
        /// How many orders it delivered, one a district at most.
        orders: u32,
    },
}

/// An acknowledged or ambiguous write: one row of `ledger.csv.zst`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The terminal that wrote.
    pub terminal: u32,
    /// The business transaction's sequence number at that terminal.
    pub sequence: u64,
    /// The home warehouse, which is the warehouse of every key.
    pub warehouse: u32,
    /// When the client knew, or gave up knowing.
    pub at: RunTime,
    /// Acknowledged or ambiguous.
    pub fate: Fate,
    /// How to find it.
    pub key: WriteKey,
}

/// The tool's own health over about a second: one row of `self.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SelfSample {
    /// End of the interval.
    pub at: RunTime,
    /// Longest delay of the heartbeat thread in the interval, in µs.
    pub stall_us_max: u64,
    /// When that heartbeat was due.
    pub stall_at: RunTime,
    /// Events waiting in the collector's queue at the end.
    pub queue_len: u64,
    /// CPU time used by the process so far, in µs.
    pub cpu_us: u64,
    /// How far the wall clock moved against the monotonic one since the run began, in µs.
    pub wall_step_us: i64,
    /// Arrivals dispatched in the interval.
    pub dispatched: u64,
    /// Of those, dispatched more than 10 ms late although the terminal was idle.
    pub dispatched_late: u64,
}

/// One event of a run. Everything that reaches the record is one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An attempt ended.
    Attempt(Attempt),
    /// A probe ended.
    Probe(Probe),
    /// Something happened to the cluster.
    Cluster(ClusterEvent),
    /// A write was acknowledged or became ambiguous.
    Ledger(LedgerEntry),
    /// The tool looked at itself.
    Own(SelfSample),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let cases = [
            ("10.11.19-MariaDB-0+deb12u1", "10.11.19", true),
            ("10.11.19-MariaDB", "10.11", true),
            ("10.11.19-MariaDB", "10.11.1", false),
            ("10.11.1", "10.11.19", false),
            ("4.2.1.8_108000022024072217", "4.2.1.8", true),
            ("4.2.1.10", "4.2.1.1", false),
            ("10.11.19", "", false),
            ("unknown", "10", false),
        ];
        for (running, target, same) in cases {
            let status = ZoneStatus {
                zone: ZoneId(0),
                state: ZoneState::Serving,
                version: Some(running.to_owned()),
                cluster_size: None,
                detail: String::new(),
            };
            assert_eq!(status.runs(target), same, "{running} against {target}");
        }
    }
}
