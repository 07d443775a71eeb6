//! OceanBase (product error code reference; numbers are the server's own where no MySQL code is
//! mapped).

use super::lookup::{AtCommit, Entry, ServerWords, open, sure};
use crate::event::{ErrorClass as C, StatementKind};

pub(super) const TABLE: &[Entry] = &[
    open(4009, C::ConnectionLost), // OB_IO_ERROR
    sure(4013, C::Overload),       // OB_ALLOCATE_MEMORY_FAILED
    sure(4030, C::Overload),       // OB_TENANT_OUT_OF_MEM
    sure(4038, C::NotPrimary),     // OB_NOT_MASTER
    open(4114, C::ShuttingDown),   // OB_SERVER_IS_STOPPING
    open(4124, C::ConnectionLost), // OB_RPC_CONNECT_ERROR
    open(4265, C::ConnectionLost), // OB_RPC_CONNECT_ERROR of the newer transport
    sure(4653, C::NotPrimary),     // OB_LOCATION_LEADER_NOT_EXIST
    sure(4654, C::NotPrimary),     // OB_LOCATION_NOT_EXIST
    sure(4719, C::NotPrimary),     // OB_LS_NOT_EXIST
    sure(4725, C::NotPrimary),     // OB_TABLET_NOT_EXIST
    open(4746, C::Other),          // OB_TRANS_UNKNOWN
    sure(4760, C::NotPrimary),     // OB_LS_OFFLINE
    sure(5150, C::NotReady),       // OB_TENANT_NOT_IN_SERVER
    sure(5627, C::Conflict),       // OB_SCHEMA_EAGAIN: the schema is not fresh here yet
    sure(6002, C::RolledBack),     // OB_TRANS_KILLED and its relatives: the transaction is gone
    open(6222, C::Other),          // OB_TRANS_UNKNOWN
    sure(8001, C::NotReady),       // OB_SERVER_IS_INIT
    open(8002, C::ShuttingDown),   // OB_SERVER_IS_STOPPING
];

/// 4012 stands for a statement's time-out, a transaction's time-out, an unknown result and a
/// failed remote call: at COMMIT it proves nothing, elsewhere it is the server's own deadline.
pub(super) fn overloaded_code(
    words: ServerWords<'_>,
    statement: StatementKind,
) -> Option<(C, AtCommit)> {
    let at_commit = match statement {
        StatementKind::Commit => AtCommit::Unknown,
        _ => AtCommit::NotCommitted,
    };
    (words.errno == 4012).then_some((C::Deadline, at_commit))
}
