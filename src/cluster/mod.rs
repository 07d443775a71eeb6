//! What a product's cluster looks like from outside, and how a zone is stopped and started.
//!
//! [`Cluster`] is all that the rest of rollproof knows of a product: one look at a zone, taking a
//! zone out of service and back, the conditions an upgrade waits for, the pre-upgrade checks.
//! Product knowledge stays in its adapter; adding a product is adding a file here and a line in
//! [`adapter`]. Adapters share `site`, which keeps one administrative session a zone, and
//! [`check`], the vocabulary of checks with those that hold for every product. [`observe`] looks
//! at every zone all the time and tells what changed; [`reach`] finds out beforehand whether the
//! zones are there and are what they are taken for.

mod adapter;
pub mod check;
mod galera;
mod identity;
pub mod observe;
pub mod oceanbase;
mod plain;
mod reach;
mod site;

pub use adapter::{
    Act, Cluster, Finding, Kept, Pending, Refusal, Setting, Told, Unsupported, adapter, control,
};
pub use reach::{Away, Unusable, reach};
