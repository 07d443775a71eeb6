//! MariaDB Galera Cluster (MariaDB knowledge base, "Galera Cluster" and error reference).

use super::lookup::{Entry, sure};
use crate::event::ErrorClass as C;

pub(super) const TABLE: &[Entry] = &[
    // ER_UNKNOWN_COM_ERROR: "WSREP has not yet prepared node for application use", and every
    // statement under wsrep_reject_queries. It is raised before the statement is executed, so a
    // COMMIT that meets it has done nothing.
    sure(1047, C::NotReady),
    // ER_LOCK_DEADLOCK: at COMMIT it is a failed certification, which rolls back.
    sure(1213, C::Deadlock),
];
