//! MariaDB Galera Cluster (Galera documentation, "Galera Status Variables"; MariaDB knowledge base,
//! "Galera Cluster System Variables").
//!
//! A zone is one node. It is taken out of service with `wsrep_reject_queries=ALL`: every session
//! stays open and gets error 1047 for anything that touches a table, COMMIT included, so its
//! clients move on. What answers all the same, then as well as on a node without quorum: SHOW,
//! SET, SELECT without tables and information_schema. All looks here keep to these.
//!
//! The variable does not survive the server: a restarted node accepts clients as soon as it is
//! synced, before the plan reaches start-zone. To keep it out until then let the server start with
//! an init file that sets it.

mod adapter;
mod checks;
mod membership;
mod reading;

pub(super) use adapter::Galera;
