//! What is sent.

use std::borrow::Cow;

use crate::event::StatementKind;

/// A statement and what kind it is; the kind decides what a failure proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Its text; `?` marks a parameter.
    pub sql: Cow<'static, str>,
}

impl Statement {
    /// A statement with a fixed text.
    pub const fn fixed(kind: StatementKind, sql: &'static str) -> Self {
        Self { kind, sql: Cow::Borrowed(sql) }
    }

    /// A statement whose text was put together.
    pub fn built(kind: StatementKind, sql: String) -> Self {
        Self { kind, sql: Cow::Owned(sql) }
    }
}

/// Begins a transaction.
pub const BEGIN: Statement = Statement::fixed(StatementKind::Begin, "START TRANSACTION");
/// Commits it. Sent by hand, so that a lost COMMIT is known to be one.
pub const COMMIT: Statement = Statement::fixed(StatementKind::Commit, "COMMIT");
/// Gives it up.
pub const ROLLBACK: Statement = Statement::fixed(StatementKind::Rollback, "ROLLBACK");
