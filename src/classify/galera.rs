//! MariaDB Galera Cluster (MariaDB knowledge base, "Galera Cluster" and error reference).

use super::lookup::{Entry, sure};
use crate::event::ErrorClass as C;

pub(super) const TABLE: &[Entry] = &[
    // ER_UNKNOWN_COM_ERROR: "WSREP has not yet prepared node for application use", and every
    // statement under wsrep_reject_queries. It is raised before the statement is executed, so a
    // COMMIT that meets it has done nothing.
    sure(1047, C::NotReady),
    // ER_DUP_ENTRY: two nodes gave out the same order number, and the other one's write set was
    // applied while this transaction was between its statements; seen instead of 1213 in a
    // membership change of 10.11.19. A true double is not hidden by a retry: it fails again until
    // its deadline.
    sure(1062, C::Conflict),
    // ER_LOCK_DEADLOCK: at COMMIT it is a failed certification, which rolls back.
    sure(1213, C::Deadlock),
];
