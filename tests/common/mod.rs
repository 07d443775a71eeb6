//! What tests share.
//!
//! [`Server`] speaks the MySQL protocol over real TCP and answers from a [`Script`]: as asked,
//! late, in part, or never. It writes down what every connection sent and when, so a test can hold
//! what a client did against what it says it did.
//!
//! ```ignore
//! let server = Server::start(
//!     Script::new()
//!         .on("SELECT d_next_o_id FROM %", Rows::new(["d_next_o_id"]).row([Value::Int(3001)]))
//!         .times(1, "COMMIT", Reply::ok(0).lost())   // applied, but the client never learns it
//!         .on("UPDATE %", Reply::error(1213, "40001", "deadlock")),
//! )
//! .await;
//! let session = Session::open(&server.login(), deadline).await;
//! ```
#![allow(dead_code, unreachable_pub, reason = "every test uses its own part of this")]

pub mod client;
mod heard;
mod script;
mod server;
mod talk;
mod tpcc;
mod wire;

#[allow(unused_imports, reason = "every test uses its own part of this")]
pub use {
    heard::{Connection, Heard, What},
    script::{Auth, Call, Greeting, Hangup, Reply, Rows, Script, Verb},
    server::{Server, black_hole},
    tpcc::tpcc,
};
