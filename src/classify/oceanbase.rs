//! OceanBase, and ODP, its proxy.
//!
//! Where no MySQL code is mapped the server sends its own, and so does the proxy. Numbers, mapping
//! and SQLSTATEs are those of the servers' `ob_errno.def` (the product's error code reference lists
//! the same).

use super::lookup::{AtCommit, Entry, ServerWords, open, sure};
use crate::event::{ErrorClass as C, StatementKind};

/// While leaders move the server repeats a COMMIT inside. A code of theirs that comes out all the
/// same says where it gave up, not what became of the transaction: those are open.
pub(super) const TABLE: &[Entry] = &[
    open(4009, C::ConnectionLost), // OB_IO_ERROR
    sure(4013, C::Overload),       // OB_ALLOCATE_MEMORY_FAILED
    sure(4030, C::Overload),       // OB_TENANT_OUT_OF_MEM
    open(4038, C::NotPrimary),     // OB_NOT_MASTER
    open(4064, C::ConnectionLost), // OB_SESSION_KILLED; 1317 in releases that map it
    open(4114, C::ShuttingDown),   // OB_IN_STOP_STATE
    open(4124, C::ConnectionLost), // OB_CONNECT_ERROR, between servers
    sure(4184, C::Overload),       // OB_SERVER_OUTOF_DISK_SPACE
    open(4260, C::NotPrimary),     // OB_IS_CHANGING_LEADER
    open(4265, C::ConnectionLost), // OB_RPC_CONNECT_ERROR, between servers
    sure(4383, C::NotReady),       // OB_GTI_NOT_READY: no transaction id could be had
    open(4653, C::NotPrimary),     // OB_LOCATION_NOT_EXIST
    open(4654, C::NotPrimary),     // OB_LOCATION_LEADER_NOT_EXIST
    open(4719, C::NotPrimary),     // OB_LS_NOT_EXIST
    open(4725, C::NotPrimary),     // OB_TABLET_NOT_EXIST
    open(4746, C::Other),          // OB_PACKET_STATUS_UNKNOWN: sent, and no more is known
    open(4760, C::NotPrimary),     // OB_LS_OFFLINE
    open(5066, C::ConnectionLost), // OB_ERR_SESSION_INTERRUPTED; 1317 in releases that map it
    sure(5150, C::NotReady),       // OB_TENANT_NOT_IN_SERVER
    sure(5157, C::Auth),           // OB_TENANT_NOT_EXIST: the user names a tenant there is not
    sure(5627, C::Conflict),       // OB_SCHEMA_EAGAIN: the schema is not fresh here yet
    sure(6005, C::LockWait),       // OB_TRY_LOCK_ROW_CONFLICT
    open(6222, C::Other),          // OB_TRANS_STATE_UNKNOWN
    sure(6231, C::NotReady),       // OB_REPLICA_NOT_READABLE
    sure(6235, C::Conflict),       // OB_TRANS_CANNOT_SERIALIZE
    open(6239, C::NotReady),       // OB_GTS_IS_NOT_SERVING: no time stamps to commit with
    sure(8001, C::NotReady),       // OB_SERVER_IS_INIT
    open(8002, C::ShuttingDown),   // OB_SERVER_IS_STOPPING
    sure(8205, C::Auth),           // OB_ERR_CAN_NOT_PASS_WHITELIST
    // ODP. Nothing it says of itself tells whether the server had the request already; what a
    // server sent before it broke comes as 2013.
    open(10001, C::ConnectionLost), // OB_PROXY_INTERNAL_ERROR
    open(10010, C::ConnectionLost), // OB_CLIENT_RECEIVING_PACKET_CONNECTION_ERROR
    open(10011, C::ConnectionLost), // OB_CLIENT_HANDLING_REQUEST_CONNECTION_ERROR
    open(10012, C::ConnectionLost), // OB_CLIENT_TRANSFERRING_PACKET_CONNECTION_ERROR
    open(10013, C::Refused),        // OB_SERVER_BUILD_CONNECTION_ERROR
    open(10014, C::ConnectionLost), // OB_SERVER_RECEIVING_PACKET_CONNECTION_ERROR
    open(10015, C::Deadline),       // OB_SERVER_CONNECT_TIMEOUT: waiting for the server's answer
    open(10016, C::ConnectionLost), // OB_SERVER_TRANSFERRING_PACKET_CONNECTION_ERROR
    open(10017, C::ConnectionLost), // OB_PLUGIN_TRANSFERRING_ERROR
    open(10018, C::NotReady),       // OB_PROXY_INTERNAL_REQUEST_FAIL
    open(10019, C::ConnectionLost), // OB_PROXY_NO_NEED_RETRY: the proxy may not repeat it
    open(10020, C::ConnectionLost), // OB_PROXY_HOLD_CONNECTION
    sure(10021, C::Auth),           // OB_PROXY_INVALID_USER
    open(10022, C::ConnectionLost), // OB_PROXY_INACTIVITY_TIMEOUT
    open(10023, C::ConnectionLost), // OB_PROXY_RECONNECT_COORDINATOR
    open(10024, C::ConnectionLost), // OB_PROXY_INVALID_COORDINATOR
];

/// The two numbers that stand for many codes of the server.
///
/// The message refines the class only. What a failed COMMIT proves never hangs on words.
pub(super) fn overloaded_code(
    words: ServerWords<'_>,
    statement: StatementKind,
) -> Option<(C, AtCommit)> {
    match words.errno {
        4012 => Some((timed_out(words), commit_after_time_out(statement))),
        6002 => Some((rolled_back(words), AtCommit::NotCommitted)),
        _ => None,
    }
}

/// 4012 is the time-out of a statement (OB_TIMEOUT, OB_TRANS_STMT_TIMEOUT), of the transaction
/// (OB_TRANS_TIMEOUT), of a lock (OB_ERR_SHARED_LOCK_CONFLICT), a call between servers that failed
/// (OB_RPC_SEND_ERROR, OB_RPC_POST_ERROR, OB_TRANS_RPC_TIMEOUT) and a result that is not known
/// (OB_TRANS_UNKNOWN).
fn timed_out(words: ServerWords<'_>) -> C {
    let says = |part: &str| words.message.to_ascii_lowercase().contains(part);
    if words.sqlstate == "25000" && says("unknown") {
        C::Other
    } else if says("rpc ") {
        C::ConnectionLost
    } else if says("statement is timeout") {
        C::LockWait
    } else {
        C::Deadline
    }
}

/// A COMMIT that timed out goes on inside the cluster, whichever of its codes came out. Any other
/// statement left a transaction behind that will never commit.
fn commit_after_time_out(statement: StatementKind) -> AtCommit {
    match statement {
        StatementKind::Commit => AtCommit::Unknown,
        _ => AtCommit::NotCommitted,
    }
}

/// 6002 is a transaction that is gone: killed, its context missing, in need of a rollback, idle
/// for too long. At COMMIT as well: where the server is not sure it says 4012 or 6222.
fn rolled_back(words: ServerWords<'_>) -> C {
    let full = words.message.to_ascii_lowercase().contains("reach limit");
    if full { C::Overload } else { C::RolledBack }
}

#[cfg(test)]
mod tests {
    use super::super::classify;
    use super::*;
    use crate::classify::Retry;
    use crate::scenario::Product;

    fn answer(errno: u16, sqlstate: &str, message: &str, at: StatementKind) -> (C, AtCommit) {
        classify(Product::OceanBase, ServerWords { errno, sqlstate, message }, at)
    }

    /// SQLSTATE and words as the servers send them.
    const FOUR_THOUSAND_TWELVE: &[(&str, &str, C)] = &[
        ("HY000", "Timeout, query has reached the maximum query timeout: 1800000(us)", C::Deadline),
        ("HY000", "Timeout", C::Deadline),
        ("HY000", "Task timeout and not executed", C::Deadline),
        ("HY000", "Statement is timeout", C::LockWait),
        ("HY000", "RPC send error", C::ConnectionLost),
        ("HY000", "RPC post error", C::ConnectionLost),
        ("25000", "transaction rpc timeout", C::ConnectionLost),
        ("25000", "Transaction timeout occurred, please rollback the transaction", C::Deadline),
        ("25000", "Statement timeout occurred, please set the variable", C::Deadline),
        ("25000", "Transaction result is unknown", C::Other),
        ("HY000", "", C::Deadline),
    ];

    #[test]
    fn every_4012_is_ambiguous_at_commit_and_none_elsewhere() {
        for (sqlstate, message, class) in FOUR_THOUSAND_TWELVE {
            let at = |statement| answer(4012, sqlstate, message, statement);
            assert_eq!(at(StatementKind::Commit), (*class, AtCommit::Unknown), "{message}");
            for statement in [StatementKind::Read, StatementKind::Write, StatementKind::Begin] {
                assert_eq!(at(statement), (*class, AtCommit::NotCommitted), "{message}");
            }
        }
    }

    #[test]
    fn every_6002_is_a_transaction_that_is_gone() {
        let cases = [
            ("40000", "Transaction rollbacked", C::RolledBack),
            ("25000", "Transaction is killed", C::RolledBack),
            ("HY000", "Transaction context does not exist", C::RolledBack),
            ("25000", "transaction needs rollback", C::RolledBack),
            ("25000", "Transaction exiting", C::RolledBack),
            ("25000", "Transaction idle timeout occurred", C::RolledBack),
            ("25000", "transaction context count reach limit", C::Overload),
        ];
        for (sqlstate, message, class) in cases {
            for statement in [StatementKind::Commit, StatementKind::Write] {
                let found = answer(6002, sqlstate, message, statement);
                assert_eq!(found, (class, AtCommit::NotCommitted), "{message}");
            }
        }
    }

    /// What may be done about a code, and whether it leaves a COMMIT in doubt.
    #[test]
    fn each_code_says_where_to_go_on_and_what_became_of_a_commit() {
        use Retry::{Never, OtherEndpoint, SameEndpoint};
        let cases: &[(&[u16], Retry, bool)] = &[
            (&[1205, 1213, 5627, 6002, 6005, 6235], SameEndpoint, false),
            (&[4013, 4030, 4184, 4383, 5150, 6231, 8001], OtherEndpoint, false),
            (&[4038, 4260, 4653, 4654, 4719, 4725, 4760], OtherEndpoint, true),
            (&[2013, 4009, 4012, 4064, 4114, 4124, 4265, 5066, 6239, 8002], OtherEndpoint, true),
            (&[10001, 10013, 10014, 10015, 10016, 10017], OtherEndpoint, true),
            (&[10018, 10019, 10020, 10022, 10023, 10024], OtherEndpoint, true),
            (&[1317], SameEndpoint, true),
            (&[4746, 6222, 6233, 5930], Never, true),
            (&[1045, 5157, 8205, 10021], Never, false),
        ];
        for (codes, retry, doubt) in cases {
            for &errno in *codes {
                let (class, at_commit) = answer(errno, "HY000", "", StatementKind::Commit);
                assert_eq!(class.retry(), *retry, "{errno}");
                assert_eq!(at_commit == AtCommit::Unknown, *doubt, "{errno}");
            }
        }
    }
}
