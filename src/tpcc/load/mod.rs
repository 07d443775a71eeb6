//! The loader: fills a database exactly once, whatever happens to servers or to itself meanwhile.
//!
//! The plan is a fixed list of chunks (`plan`). A chunk and its mark are one transaction
//! (`chunk`), by LOAD DATA from memory where that proves to work (`bulk`): the mark's primary key decides whether a chunk is there, so an unknown outcome is
//! resolved by simply trying again, and a loader started again skips what is marked. Workers share
//! the list (`workers`); each goes from endpoint to endpoint while nodes come and go
//! (`client`, `endpoints`), at a `pace` if one is set, and tells of every attempt it makes
//! (`attempts`). `prepare` comes before, `verify` and `settle` after.

mod attempts;
mod bulk;
mod chunk;
mod client;
mod endpoints;
mod loader;
mod pace;
mod plan;
mod prepare;
mod request;
mod settle;
mod verify;
mod workers;

pub use attempts::ChunkAttempt;
pub use bulk::Bulk;
pub use loader::{chunk_count, load};
pub use request::{EndpointState, LoadError, LoadProgress, LoadRequest, LoadStage, LoadSummary};
