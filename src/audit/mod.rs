//! The ledger held against the database, on every zone, and the zones held against each other.
//!
//! The client wrote down every write it was told is safe, and every write whose fate it never
//! learned. Once the load has stopped, each zone is asked for the rows of the run in one snapshot.
//! Ledger and rows are both sorted by key and compared like two lists, side by side: what only
//! the ledger has is lost, what only the database has is unexplained, and what the client was not
//! sure of is settled. Nothing grows with the length of the run but files: the ledger is sorted
//! on disk, rows are read in pieces.
//!
//! A load keeps no ledger: what it must leave is known without one. Each zone's tables are held
//! against the rows that its seed gives.
//!
//! [`Start`] is taken before the load; [`audit`](audit()) does the rest. Pure parts: what a ledger
//! claims (`claim`), the comparison with rows (`compare`), the agreement of zones (`agree`).
//! `ledger` and `sorted` sort on disk. `zone` makes all checks of one zone, with `rows` and
//! `checksum` for the questions and `asking` for the connection. [`SpotChecks`] look at one district
//! after the other while the load still goes on.

mod agree;
mod asking;
mod belongs;
#[cfg(test)]
mod bench;
mod checksum;
mod claim;
mod compare;
mod counters;
mod examine;
mod ledger;
mod result;
mod rows;
mod sorted;
mod spot;
mod start;
mod zone;

pub use examine::{AuditError, AuditRequest, Limits, Progress, audit};
pub use spot::SpotChecks;
pub use start::{CustomerSums, Start, WarehouseStart};
