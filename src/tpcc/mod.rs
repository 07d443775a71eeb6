//! The workload: TPC-C revision 5.11 as an availability load. "TPC-C-style": nothing here is an
//! audited tpmC.
//!
//! Pure parts first: the constants of the specification ([`scale`]), seeded random streams
//! ([`random`]), the rows of the initial database by index ([`rows`], [`encoding`]), the deck and
//! the inputs of the five transactions ([`deck`], [`input`]). Then what talks to a
//! server: the schema and its marker ([`schema`], [`marker`]), the loader ([`mod@load`]), the
//! transactions ([`mod@execute`] and one file each) and the consistency conditions
//! ([`conditions`]).

mod columns;
pub mod conditions;
pub mod deck;
mod delivery;
pub mod encoding;
pub mod execute;
pub mod input;
pub mod load;
mod look_up;
pub mod marker;
pub mod money;
mod new_order;
mod order_status;
mod payment;
pub mod random;
pub mod rows;
pub mod scale;
pub mod schema;
mod shares;
mod stock_level;
pub mod time;

pub use execute::{Execution, Limits, Stamp, causal_reads, execute, session_settings};
pub use input::{Home, Input, TerminalSource, Waits};
pub use load::{
    ChunkAttempt, EndpointState, LoadError, LoadProgress, LoadRequest, LoadSummary, chunk_count,
    load,
};
pub use look_up::took_effect;
pub use marker::{Marker, NotLoaded, begin_run, read_marker, require_loaded};
pub use random::{CLast, RunConstants};
pub use shares::count_input;
