//! What a product's cluster looks like from outside, and how a zone is stopped and started.
//!
//! [`Cluster`] is all that the rest of rollproof knows of a product: one look at a zone, taking a
//! zone out of service and back, the conditions an upgrade waits for, the pre-upgrade checks.
//! Product knowledge stays in its adapter; adding a product is adding a file here and a line in
//! [`adapter`]. Adapters share `site`, which keeps one administrative session a zone, and
//! [`check`], the vocabulary of checks with those that hold for every product. [`observe`] looks
//! at every zone all the time and tells what changed; [`reach`] finds out beforehand whether any
//! zone can be talked to.

mod adapter;
pub mod check;
mod galera;
pub mod observe;
mod plain;
mod reach;
mod site;

pub use adapter::{Cluster, Finding, Pending, Refusal, Unsupported, adapter};
pub use reach::{NoZone, reach};
