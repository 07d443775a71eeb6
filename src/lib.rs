//! rollproof proves, with numbers anyone can check, whether a database cluster kept serving its
//! business while it was upgraded zone by zone.
//!
//! Two towers share only their ground floor and the record on disk: measuring writes a record,
//! reporting reads it. ARCHITECTURE.md has the map.

// Here and not in Cargo.toml, because integration tests may unwrap and print.
#![warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

// The ground floor: pure vocabulary, then the record.
pub mod classify;
pub mod event;
pub mod gap;
pub mod phase;
pub mod record;
pub mod scenario;
pub mod spelling;
pub mod words;

// Measuring.
pub mod audit;
pub mod clock;
pub mod cluster;
pub mod collect;
pub mod drive;
pub mod live;
pub mod outside;
pub mod preflight;
pub mod run;
pub mod session;
pub mod tpcc;
pub mod upgrade;

// Reporting.
pub mod analysis;
pub mod compare;
pub mod report;
pub mod verdict;

pub mod cli;
