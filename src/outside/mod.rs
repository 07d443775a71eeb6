//! An upgrade that somebody else performs: how rollproof is told where it is.
//!
//! A [`Mark`] names a phase that begins. It comes over a local socket in the run's directory
//! ([`Listener`], and [`send`] behind `rollproof mark`), or as a line of the output of a [`Wrapped`]
//! command. Either way it becomes an event of the record with the moment it was made and how
//! uncertain that is.

mod listener;
mod mark;
mod send;
mod socket;
mod wrapped;

pub use listener::Listener;
pub use mark::{Mark, MarkError, Recorded};
pub use send::{Addressee, SendError, send};
pub use socket::SOCKET;
pub use wrapped::{RUN_VARIABLE, Wrapped, WrappedEnd};
