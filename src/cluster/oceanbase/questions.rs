//! The checks that are one count each: so many rows must be zero. Data.
//!
//! Names, conditions and gates are those of the checker that comes with the product's packages
//! (tools/upgrade/upgrade_checker.py), read in its 4.2.1 and 4.3 lines. C13 differs: that script
//! compares with NULL by `!=`, which no row ever matches.

use super::Version;
use crate::cluster::check::Question;

/// When a check applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Only while the cluster runs an older release than this.
    Below(Version),
    /// Only when the cluster runs this release or a newer one: older ones have no such view.
    Since(Version),
    /// Only when the cluster runs, or is to go to, this release or a newer one.
    From(Version),
    /// Only when the upgrade leads from an older release to this one or a newer one.
    Across(Version),
}

impl When {
    /// Why a check does not apply to a cluster on `running` that goes to `target`; `None` when it
    /// does.
    pub(super) fn spared(self, running: Version, target: Option<Version>) -> Option<String> {
        match self {
            Self::Below(limit) if running >= limit => {
                Some(format!("not needed from {limit} on; the cluster runs {running}"))
            }
            Self::Since(limit) if running < limit => {
                Some(format!("not there before {limit}; the cluster runs {running}"))
            }
            Self::From(limit) if running.max(target.unwrap_or(running)) < limit => {
                Some(format!("asked only from {limit} on; the cluster runs {running}"))
            }
            Self::Across(limit) if running >= limit => {
                Some(format!("{limit} lies behind; the cluster runs {running}"))
            }
            Self::Across(limit) if target.is_none_or(|target| target < limit) => {
                Some(format!("asked only on the way to {limit} or beyond, see --target-version"))
            }
            _ => None,
        }
    }

    /// Whether it is spared only because nobody said where the upgrade leads.
    pub(super) fn depends_on_target(self, running: Version, target: Option<Version>) -> bool {
        let (Self::From(limit) | Self::Across(limit)) = self else { return false };
        target.is_none() && running < limit
    }
}

/// A check that passes when its query counts nothing.
pub(super) struct Count {
    pub(super) question: Question,
    pub(super) when: When,
    /// What is counted, for the answer: `2 restores`.
    pub(super) what: &'static str,
    pub(super) advice: &'static str,
}

pub(super) const V4_1: Version = Version::release(4, 1, 0, 0);
pub(super) const V4_2: Version = Version::release(4, 2, 0, 0);
const V4_3: Version = Version::release(4, 3, 0, 0);
const V4_3_2: Version = Version::release(4, 3, 2, 0);

/// A major merge (C05a, and H5).
pub(super) const MERGING: &str = "select count(1) from CDB_OB_MAJOR_COMPACTION \
     where (GLOBAL_BROADCAST_SCN > LAST_SCN or STATUS != 'IDLE')";

const fn count(
    id: &'static str,
    title: &'static str,
    query: &'static str,
    when: When,
    what: &'static str,
    meaning: &'static str,
    advice: &'static str,
) -> Count {
    Count { question: Question { id, title, query, meaning }, when, what, advice }
}

/// In the order in which they are shown.
pub(super) const COUNTS: &[Count] = &[
    count(
        "C04a",
        "no locality change",
        "select count(1) from DBA_OB_TENANT_JOBS where job_status='INPROGRESS' and result_code is null",
        When::Always,
        "tenant jobs in progress",
        "replicas on the move cannot lose a zone as well",
        "wait until DBA_OB_TENANT_JOBS shows the job done, or cancel the change",
    ),
    count(
        "C04b",
        "no replica task",
        "select count(1) from CDB_OB_LS_REPLICA_TASKS",
        When::Always,
        "replica tasks",
        "replicas on the move cannot lose a zone as well",
        "wait until CDB_OB_LS_REPLICA_TASKS is empty",
    ),
    count(
        "C05a",
        "no major merge",
        MERGING,
        When::Always,
        "tenants merging",
        "a merge across two versions is not supported",
        "wait until CDB_OB_MAJOR_COMPACTION is IDLE; merge before the upgrade, not during it",
    ),
    count(
        "C05b",
        "tablets merged",
        "select /*+ query_timeout(1000000000) */ count(1) from __all_virtual_tablet_compaction_info \
         where max_received_scn > finished_scn and max_received_scn > 0",
        When::Below(V4_2),
        "tablets not merged",
        "a merge across two versions is not supported",
        "wait until the last merge has finished on every tablet",
    ),
    count(
        "C06a",
        "tenants are normal",
        "select count(*) from DBA_OB_TENANTS where status != 'NORMAL'",
        When::Always,
        "tenants not NORMAL",
        "a tenant being created, dropped or restored cannot be upgraded",
        "finish or cancel what is done to the tenant",
    ),
    count(
        "C06b",
        "tenants are primary or standby",
        "select count(*) from __all_virtual_tenant_info \
         where tenant_role != 'PRIMARY' and tenant_role != 'STANDBY'",
        When::Always,
        "tenants in another role",
        "a tenant being restored or cloned cannot be upgraded",
        "wait until the tenant is PRIMARY or STANDBY",
    ),
    count(
        "C07",
        "no restore",
        "select count(1) from CDB_OB_RESTORE_PROGRESS",
        When::Always,
        "restores",
        "a restore writes data of the old version",
        "wait for the restore, or cancel it",
    ),
    count(
        "C09",
        "no DDL",
        "select count(1) from __all_virtual_ddl_task_status",
        When::Always,
        "DDL tasks",
        "DDL that spans two versions may be left half done",
        "wait until __all_virtual_ddl_task_status is empty and start no DDL",
    ),
    count(
        "C10",
        "no backup",
        "select count(1) from CDB_OB_BACKUP_JOBS",
        When::Always,
        "backups",
        "a backup that spans two versions cannot be trusted",
        "wait for the backup, or ALTER SYSTEM CANCEL BACKUP",
    ),
    count(
        "C11",
        "log archiving is stopped",
        "select count(1) from CDB_OB_ARCHIVELOG where status!='STOP'",
        When::Below(V4_1),
        "archives not stopped",
        "4.0 cannot archive through an upgrade",
        "ALTER SYSTEM NOARCHIVELOG, and wait until it is STOP",
    ),
    count(
        "C12",
        "no archive destination",
        "select count(1) from CDB_OB_ARCHIVE_DEST",
        When::Below(V4_1),
        "archive destinations",
        "4.0 keeps them in a form that 4.1 does not read",
        "note the destinations, clear LOG_ARCHIVE_DEST, set it again after the upgrade",
    ),
    count(
        "C13",
        "no backup destination",
        "select count(1) from CDB_OB_BACKUP_PARAMETER where name='data_backup_dest' and value != ''",
        When::Below(V4_1),
        "backup destinations",
        "4.0 keeps them in a form that 4.1 does not read",
        "note the destinations, clear data_backup_dest, set it again after the upgrade",
    ),
    count(
        "C14",
        "every server is active and serving",
        "select count(*) from __all_server where (start_service_time <= 0 or status != 'active')",
        When::Always,
        "servers not serving",
        "one more server away and the majority may be lost",
        "start the server, or remove it from the cluster",
    ),
    count(
        "N01",
        "no locked tenant",
        "select count(*) from DBA_OB_TENANTS where LOCKED = 'YES'",
        When::From(V4_3),
        "locked tenants",
        "the upgrade must log in to every tenant",
        "ALTER TENANT … UNLOCK",
    ),
    count(
        "N02",
        "no units of dropped tenants",
        "select count(*) from GV$OB_UNITS where tenant_id % 2 = 0 \
         and tenant_id not in (select tenant_id from DBA_OB_TENANTS)",
        When::From(V4_3),
        "units without a tenant",
        "what is left of a dropped tenant is upgraded along and fails",
        "wait until the dropped tenants' resources have been collected",
    ),
    count(
        "N03",
        "no clone job",
        "select count(*) from __all_virtual_clone_job",
        When::Since(V4_3),
        "clone jobs",
        "a clone that spans two versions cannot be trusted",
        "wait for the clone, or cancel it",
    ),
    count(
        "N04",
        "tenant snapshots are normal",
        "select count(*) from __all_virtual_tenant_snapshot where status != 'NORMAL'",
        When::Since(V4_3),
        "snapshots not NORMAL",
        "a snapshot being made or deleted spans two versions",
        "wait until it is NORMAL or gone",
    ),
    count(
        "N05a",
        "log transport without zlib",
        "select count(1) from __all_virtual_tenant_parameter_info \
         where name = 'log_transport_compress_func' and value like 'zlib%'",
        When::From(V4_3),
        "parameters set to zlib",
        "the newer version cannot read zlib in log transport",
        "set log_transport_compress_func to another algorithm",
    ),
    count(
        "N05b",
        "no table compressed with zlib",
        "select /*+ query_timeout(1000000000) */ count(1) from __all_virtual_table \
         where compress_func_name like '%zlib%'",
        When::From(V4_3),
        "tables compressed with zlib",
        "the newer version cannot read zlib in tables",
        "ALTER TABLE … with another COMPRESSION, and merge",
    ),
    count(
        "N05c",
        "table API without zlib",
        "select count(1) from GV$OB_PARAMETERS \
         where name = 'tableapi_transport_compress_func' and value like 'zlib%'",
        When::From(V4_3),
        "servers set to zlib",
        "the newer version cannot read zlib from clients of the table API",
        "set tableapi_transport_compress_func to another algorithm",
    ),
    count(
        "N06",
        "row images are not minimal",
        "select count(*) from CDB_OB_SYS_VARIABLES where NAME='binlog_row_image' and VALUE = '0'",
        When::Across(V4_3),
        "tenants with binlog_row_image 0",
        "before 4.3, whoever follows the log cannot read minimal row images",
        "SET GLOBAL binlog_row_image = 'FULL' in these tenants",
    ),
    count(
        "N07",
        "no direct load",
        "select count(1) from __all_virtual_load_data_stat",
        When::From(V4_3),
        "direct loads running",
        "a direct load that spans two versions is left half done",
        "wait until __all_virtual_load_data_stat is empty",
    ),
    // Two blocks of 4 KiB a tablet.
    count(
        "N08",
        "disk for the tablets' metadata",
        "select /*+ query_timeout(1000000000) */ count(*) from __all_virtual_disk_stat d join \
         (select svr_ip, svr_port, count(*) * 8192 as needed \
         from __all_virtual_tablet_pointer_status group by svr_ip, svr_port) t \
         on t.svr_ip = d.svr_ip and t.svr_port = d.svr_port where t.needed > d.free_size",
        When::Across(V4_3_2),
        "servers short of disk",
        "from 4.3.2 on each tablet's metadata (mds) has tables of its own, 8 KiB to begin with",
        "make room on these servers' data disks, or raise datafile_maxsize",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_applies_by_version() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        let spared = |when: When, running: &str, target: Option<&str>| {
            when.spared(v(running), target.map(v)).is_some()
        };
        assert!(!spared(When::Always, "4.0.0.0", None));
        assert!(spared(When::Below(V4_1), "4.1.0.0", None));
        assert!(!spared(When::Below(V4_1), "4.0.0.1", None));
        assert!(spared(When::From(V4_3), "4.2.1.6", Some("4.2.1.10")));
        // The script comes with the target's package: going there is enough.
        assert!(!spared(When::From(V4_3), "4.2.1.6", Some("4.3.0.0")));
        assert!(!spared(When::From(V4_3), "4.3.0.1", None));
        // A view that only the target has is not missed.
        assert!(spared(When::Since(V4_3), "4.2.1.6", Some("4.3.0.0")));
        assert!(!spared(When::Since(V4_3), "4.3.0.0", None));
        for (running, target, is_spared) in [
            ("4.2.1.6", Some("4.3.2.0"), false),
            ("4.3.1.0", Some("4.3.5.0"), false),
            ("4.2.1.6", Some("4.3.1.0"), true),
            ("4.2.1.6", None, true),
            ("4.3.2.0", Some("4.3.5.0"), true),
        ] {
            assert_eq!(spared(When::Across(V4_3_2), running, target), is_spared, "{running}");
        }
    }

    #[test]
    fn no_check_is_there_twice() {
        let mut ids: Vec<_> = COUNTS.iter().map(|count| count.question.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), COUNTS.len());
    }
}
