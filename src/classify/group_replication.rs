//! MySQL Group Replication (MySQL reference manual, "Group Replication" and server error reference).

use super::lookup::{Entry, sure};
use crate::event::ErrorClass as C;

pub(super) const TABLE: &[Entry] = &[
    sure(3098, C::Schema), // ER_BEFORE_DML_VALIDATION_ERROR: a table without primary key
    sure(3100, C::NotReady), // ER_RUN_HOOK_ERROR: the plugin refused before commit
    sure(3101, C::Conflict), // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: certification failed
    sure(3797, C::NotReady), // ER_GRP_TRX_CONSISTENCY_BEFORE_ON_TRX_BEGIN
    sure(3796, C::NotReady), // ER_GRP_TRX_CONSISTENCY_NOT_ALLOWED
];
