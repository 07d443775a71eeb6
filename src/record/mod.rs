//! The record of a run on disk: the ground both towers stand on.
//!
//! A run's directory holds a raw part, written as the run goes, and derived files that can be
//! deleted at any time. The raw part is `manifest.json`, `transactions.csv.zst`,
//! `probes.csv.zst`, `cluster.jsonl`, `ledger.csv.zst`, `self.csv`, `start.json` (the counters
//! before the load), `inputs.json` (what the load asked for, once it has ended) and, once the data
//! was checked, `audit.json`. Rows are flushed about once a
//! second, so a run that was killed can be read up to its last flushed second; what is cut is said
//! to be cut and never mistaken for whole.

mod audit;
mod baseline;
mod cells;
mod columns;
mod error;
mod json;
mod manifest;
mod reader;
mod row;
mod writer;

pub use audit::{
    AmbiguousCount, AuditRecord, CheckResult, DataVerdict, Finding, FindingKind, ZoneAudit,
};
pub use baseline::{BaselineFigures, Fingerprint, StoredBaseline};
pub(crate) use error::MEND;
pub use error::RecordError;
pub(crate) use json::read as read_json;
pub(crate) use manifest::write_atomically;
pub use manifest::{
    Capacity, Completion, FORMAT, Manifest, OutsideUpgrade, RowCounts, SessionStyle, UpgradeIntent,
    Work,
};
pub use reader::{Record, Rows, Wholeness};
pub use row::Row;
pub use writer::{RecordWriter, write_inputs};

/// Names of the raw files inside a run's directory.
pub mod file {
    /// What was run, and whether it came to its end.
    pub const MANIFEST: &str = "manifest.json";
    /// One row per attempt.
    pub const TRANSACTIONS: &str = "transactions.csv.zst";
    /// One row per probe.
    pub const PROBES: &str = "probes.csv.zst";
    /// What observers, runner and markers saw, one JSON object a line.
    pub const CLUSTER: &str = "cluster.jsonl";
    /// Acknowledged and ambiguous writes with their keys, and the order numbers that reads saw.
    pub const LEDGER: &str = "ledger.csv.zst";
    /// The tool's own health, about once a second.
    pub const OWN: &str = "self.csv";
    /// Order numbers and sums before the load began, which the audit counts from.
    pub const START: &str = "start.json";
    /// Counts of what the load asked for, over the whole run.
    pub const INPUTS: &str = "inputs.json";
    /// What the data checks found.
    pub const AUDIT: &str = "audit.json";
    /// The upgrade runner's journal, from which `--resume` goes on.
    pub const JOURNAL: &str = "upgrade.jsonl";
    /// What lies beside the tables, and changes no more once the run has ended.
    pub const BESIDE: &[&str] = &[START, INPUTS, JOURNAL];
}
