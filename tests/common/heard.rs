//! What the scripted server heard, and when.

use std::time::Instant;

use mysql_common::constants::CapabilityFlags;
use rollproof::session::Value;

/// Something a client sent, and when it arrived.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// What a client can send.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Its login, with the capabilities it wants.
    Login { user: String, database: Option<String>, capabilities: CapabilityFlags },
    /// Any further packet of the login.
    Auth(Vec<u8>),
    /// A statement as text.
    Query(String),
    /// A statement to prepare.
    Prepare(String),
    /// A prepared statement to execute.
    Execute(String, Vec<Value>),
    /// A prepared statement it no longer needs.
    CloseStatement(String),
    /// A piece of a local file; an empty one ends it.
    File(Vec<u8>),
    /// Are you there?
    Ping,
    /// Goodbye.
    Quit,
    /// A command the server does not know, by its number.
    Unknown(u8),
    /// The client ended the connection: closed, reset or broken off inside a packet.
    Gone,
    /// The server did, as its script says or to answer a goodbye; nothing is heard after that.
    HungUp,
}

/// Everything one connection sent.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The id the client was told, from 1.
    pub id: u32,
    /// When it was accepted.
    pub opened: Instant,
    /// What it sent, in order.
    pub heard: Vec<Heard>,
}

impl Connection {
    /// Everything heard, without the times.
    pub fn all(&self) -> Vec<What> {
        self.heard.iter().map(|heard| heard.what.clone()).collect()
    }

    /// The texts of all statements, sent as text or executed.
    pub fn statements(&self) -> Vec<&str> {
        let texts = self.heard.iter().filter_map(|heard| match &heard.what {
            What::Query(sql) | What::Execute(sql, _) => Some(sql.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// When the client's end of the connection was seen; `None` while it is open.
    pub fn gone(&self) -> Option<Instant> {
        self.heard.iter().find(|heard| heard.what == What::Gone).map(|heard| heard.at)
    }
}
