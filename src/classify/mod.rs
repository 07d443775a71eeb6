//! What a server's error means: tables in data form, one file a product.
//!
//! A code is looked up in the product's own table first, then in the one that holds for every
//! server that speaks the protocol. A code in no table is
//! [`Other`](crate::event::ErrorClass::Other): shown with its text, counted as bad, and never taken
//! for a proof that a COMMIT did nothing.

mod galera;
mod group_replication;
mod lookup;
mod mysql;
mod oceanbase;
mod remedy;

pub use lookup::{AtCommit, Entry, ServerWords, classify};
pub use remedy::Retry;
