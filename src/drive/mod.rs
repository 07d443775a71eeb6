//! Drives the load: terminals with their schedules, routes and retries, probes, self-watch.
//!
//! Each terminal is a task of its own and shares nothing but atomics with the others. What it does
//! next is decided by pure parts that are told the time: `schedule` (when), `route` (where),
//! `retry` (whether again). It waits for nothing without a limit, loses no event, and ends by
//! itself. Deliveries are deferred: terminals queue them for an executor of their warehouse, which
//! is one more terminal (`work`). Commits of unknown fate are looked up by key while the load goes
//! on (`look_up`). `crew` sets them all up, `driver` starts and stops them.

mod business;
mod client;
mod crew;
mod driver;
mod ending;
mod health;
mod look_up;
mod own;
mod probe;
mod retry;
mod route;
mod schedule;
mod terminal;
mod unknown;
mod work;

pub use crew::load_settings;
pub use driver::{Drive, Driven, Driver};
