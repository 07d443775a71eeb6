//! Codes that mean the same on every server of the family (MySQL and MariaDB error references).

use super::lookup::{Entry, open, sure};
use crate::event::ErrorClass as C;

pub(super) const TABLE: &[Entry] = &[
    sure(1020, C::Conflict), // ER_CHECKREAD: snapshot isolation saw a newer row
    sure(1021, C::Overload), // ER_DISK_FULL
    sure(1037, C::Overload), // ER_OUTOFMEMORY
    sure(1038, C::Overload), // ER_OUT_OF_SORTMEMORY
    sure(1040, C::Overload), // ER_CON_COUNT_ERROR
    sure(1041, C::Overload), // ER_OUT_OF_RESOURCES
    sure(1042, C::Refused),  // ER_BAD_HOST_ERROR
    sure(1043, C::ConnectionLost), // ER_HANDSHAKE_ERROR
    sure(1044, C::Auth),     // ER_DBACCESS_DENIED_ERROR
    sure(1045, C::Auth),     // ER_ACCESS_DENIED_ERROR
    sure(1049, C::Schema),   // ER_BAD_DB_ERROR
    open(1053, C::ShuttingDown), // ER_SERVER_SHUTDOWN
    sure(1054, C::Schema),   // ER_BAD_FIELD_ERROR
    sure(1062, C::Data),     // ER_DUP_ENTRY
    sure(1064, C::Schema),   // ER_PARSE_ERROR
    open(1077, C::ShuttingDown), // ER_NORMAL_SHUTDOWN
    open(1078, C::ShuttingDown), // ER_GOT_SIGNAL
    open(1079, C::ShuttingDown), // ER_SHUTDOWN_COMPLETE
    open(1080, C::ShuttingDown), // ER_FORCING_CLOSE
    sure(1114, C::Overload), // ER_RECORD_FILE_FULL
    sure(1129, C::Overload), // ER_HOST_IS_BLOCKED
    sure(1130, C::Auth),     // ER_HOST_NOT_PRIVILEGED
    sure(1142, C::Auth),     // ER_TABLEACCESS_DENIED_ERROR
    sure(1146, C::Schema),   // ER_NO_SUCH_TABLE
    open(1152, C::ConnectionLost), // ER_ABORTING_CONNECTION
    open(1153, C::ConnectionLost), // ER_NET_PACKET_TOO_LARGE
    open(1154, C::ConnectionLost), // ER_NET_READ_ERROR_FROM_PIPE
    open(1155, C::ConnectionLost), // ER_NET_FCNTL_ERROR
    open(1156, C::ConnectionLost), // ER_NET_PACKETS_OUT_OF_ORDER
    open(1157, C::ConnectionLost), // ER_NET_UNCOMPRESS_ERROR
    open(1158, C::ConnectionLost), // ER_NET_READ_ERROR
    open(1159, C::ConnectionLost), // ER_NET_READ_INTERRUPTED
    open(1160, C::ConnectionLost), // ER_NET_ERROR_ON_WRITE
    open(1161, C::ConnectionLost), // ER_NET_WRITE_INTERRUPTED
    open(1180, C::RolledBack), // ER_ERROR_DURING_COMMIT
    open(1184, C::ConnectionLost), // ER_NEW_ABORTING_CONNECTION
    sure(1203, C::Overload), // ER_TOO_MANY_USER_CONNECTIONS
    sure(1205, C::LockWait), // ER_LOCK_WAIT_TIMEOUT
    sure(1213, C::Deadlock), // ER_LOCK_DEADLOCK
    sure(1223, C::ReadOnly), // ER_CANT_UPDATE_WITH_READLOCK
    sure(1226, C::Overload), // ER_USER_LIMIT_REACHED
    sure(1227, C::Auth),     // ER_SPECIFIC_ACCESS_DENIED_ERROR
    sure(1290, C::ReadOnly), // ER_OPTION_PREVENTS_STATEMENT
    open(1317, C::RolledBack), // ER_QUERY_INTERRUPTED
    sure(1698, C::Auth),     // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
    sure(1792, C::ReadOnly), // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
    sure(1836, C::ReadOnly), // ER_READ_ONLY_MODE
    open(1927, C::ConnectionLost), // ER_CONNECTION_KILLED (MariaDB)
    open(1969, C::Deadline), // ER_STATEMENT_TIMEOUT (MariaDB)
    open(2002, C::Refused),  // CR_CONNECTION_ERROR
    open(2003, C::Refused),  // CR_CONN_HOST_ERROR
    open(2006, C::ConnectionLost), // CR_SERVER_GONE_ERROR
    open(2013, C::ConnectionLost), // CR_SERVER_LOST
    open(3024, C::Deadline), // ER_QUERY_TIMEOUT
    open(4031, C::ConnectionLost), // ER_CLIENT_INTERACTION_TIMEOUT
];
