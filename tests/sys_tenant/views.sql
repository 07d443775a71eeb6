-- The views of a sys tenant that rollproof reads, named and typed as in OceanBase 4.2.1.
--
-- Sources. [ref]: system view reference of the product's documentation, V4.2.1, page of the view's
-- name. [src]: the product's sources, src/share/inner_table (inner tables and their views).
-- [upg]: the product's upgrade scripts, tools/upgrade, which are what the checks were read from.
-- Where the product computes a view from an inner table, so does this file. Columns that nothing
-- reads are left out.

-- [ref] DBA_OB_ZONES
CREATE TABLE DBA_OB_ZONES (
  ZONE varchar(128) NOT NULL, CREATE_TIME timestamp(6) NULL, MODIFY_TIME timestamp(6) NULL,
  STATUS varchar(4096), IDC varchar(4096), REGION varchar(4096), TYPE varchar(4096),
  PRIMARY KEY (ZONE));

-- [src] __all_server: status in lower case, times in microseconds, 0 for none
CREATE TABLE __all_server (
  gmt_create timestamp(6) NULL, gmt_modified timestamp(6) NULL,
  svr_ip varchar(46) NOT NULL, svr_port bigint NOT NULL, id bigint NOT NULL,
  zone varchar(128) NOT NULL, inner_port bigint NOT NULL, with_rootserver bigint NOT NULL,
  status varchar(64) NOT NULL, build_version varchar(256) NOT NULL,
  stop_time bigint NOT NULL DEFAULT 0, start_service_time bigint NOT NULL,
  last_offline_time bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (svr_ip, svr_port));

-- [ref] DBA_OB_SERVERS, computed from __all_server
CREATE VIEW DBA_OB_SERVERS AS SELECT
  svr_ip AS SVR_IP, svr_port AS SVR_PORT, id AS ID, zone AS ZONE, inner_port AS SQL_PORT,
  IF(with_rootserver = 1, 'YES', 'NO') AS WITH_ROOTSERVER, UPPER(status) AS STATUS,
  IF(start_service_time = 0, NULL, FROM_UNIXTIME(start_service_time / 1000000)) AS START_SERVICE_TIME,
  IF(stop_time = 0, NULL, FROM_UNIXTIME(stop_time / 1000000)) AS STOP_TIME,
  gmt_create AS CREATE_TIME, gmt_modified AS MODIFY_TIME, build_version AS BUILD_VERSION,
  IF(last_offline_time = 0, NULL, FROM_UNIXTIME(last_offline_time / 1000000)) AS LAST_OFFLINE_TIME
  FROM __all_server;

-- [src] __all_tenant
CREATE TABLE __all_tenant (
  tenant_id bigint NOT NULL, tenant_name varchar(128) NOT NULL, locality varchar(4096) NOT NULL,
  primary_zone varchar(128) NOT NULL, compatibility_mode bigint NOT NULL,
  status varchar(64) NOT NULL, locked bigint NOT NULL, in_recyclebin bigint NOT NULL,
  PRIMARY KEY (tenant_id));

-- [ref] DBA_OB_TENANTS, computed from __all_tenant
CREATE VIEW DBA_OB_TENANTS AS SELECT
  tenant_id AS TENANT_ID, tenant_name AS TENANT_NAME,
  CASE WHEN tenant_id = 1 THEN 'SYS' WHEN tenant_id & 1 = 1 THEN 'META' ELSE 'USER' END AS TENANT_TYPE,
  primary_zone AS PRIMARY_ZONE, locality AS LOCALITY,
  CASE compatibility_mode WHEN 0 THEN 'MYSQL' WHEN 1 THEN 'ORACLE' END AS COMPATIBILITY_MODE,
  status AS STATUS, IF(in_recyclebin = 0, 'NO', 'YES') AS IN_RECYCLEBIN,
  IF(locked = 0, 'NO', 'YES') AS LOCKED
  FROM __all_tenant;

-- [src] __all_virtual_tenant_info
CREATE TABLE __all_virtual_tenant_info (
  tenant_id bigint NOT NULL, tenant_role varchar(64) NOT NULL, switchover_status varchar(64) NOT NULL,
  PRIMARY KEY (tenant_id));

-- [src] __all_virtual_core_table: data versions are packed as numbers, kept as text
CREATE TABLE __all_virtual_core_table (
  tenant_id bigint NOT NULL, table_name varchar(128) NOT NULL, row_id bigint NOT NULL,
  column_name varchar(128) NOT NULL, column_value varchar(4096),
  PRIMARY KEY (tenant_id, table_name, row_id, column_name));

-- [src] __all_virtual_tenant_parameter_info
CREATE TABLE __all_virtual_tenant_parameter_info (
  tenant_id bigint NOT NULL, svr_ip varchar(46) NOT NULL, svr_port bigint NOT NULL,
  zone varchar(128) NOT NULL, name varchar(128) NOT NULL, value varchar(1024) NOT NULL,
  PRIMARY KEY (tenant_id, svr_ip, svr_port, name));

-- [src] __all_virtual_sys_parameter_stat: cluster parameters, one row a server
CREATE TABLE __all_virtual_sys_parameter_stat (
  zone varchar(128) NOT NULL, svr_type varchar(16) NOT NULL, svr_ip varchar(46) NOT NULL,
  svr_port bigint NOT NULL, name varchar(128) NOT NULL, value varchar(4096) NOT NULL,
  PRIMARY KEY (svr_ip, svr_port, name));

-- [ref] GV$OB_PARAMETERS: cluster and tenant parameters together
CREATE VIEW GV$OB_PARAMETERS AS
  SELECT svr_ip AS SVR_IP, svr_port AS SVR_PORT, zone AS ZONE, 'CLUSTER' AS SCOPE,
    CAST(NULL AS SIGNED) AS TENANT_ID, name AS NAME, value AS VALUE
    FROM __all_virtual_sys_parameter_stat
  UNION ALL
  SELECT svr_ip, svr_port, zone, 'TENANT', tenant_id, name, value
    FROM __all_virtual_tenant_parameter_info;

-- [ref] GV$OB_LOG_STAT: one row a replica; a server that is down has none
CREATE TABLE GV$OB_LOG_STAT (
  TENANT_ID bigint NOT NULL, LS_ID bigint NOT NULL, SVR_IP varchar(46) NOT NULL,
  SVR_PORT bigint NOT NULL, ROLE varchar(32) NOT NULL, PROPOSAL_ID bigint NOT NULL,
  ACCESS_MODE varchar(32) NOT NULL, PAXOS_MEMBER_LIST varchar(1024) NOT NULL,
  PAXOS_REPLICA_NUM bigint NOT NULL, IN_SYNC varchar(3) NOT NULL,
  END_SCN bigint unsigned NOT NULL, MAX_SCN bigint unsigned NOT NULL,
  PRIMARY KEY (TENANT_ID, LS_ID, SVR_IP, SVR_PORT));

-- [ref] CDB_OB_LS_LOCATIONS
CREATE TABLE CDB_OB_LS_LOCATIONS (
  TENANT_ID bigint NOT NULL, LS_ID bigint NOT NULL, SVR_IP varchar(46) NOT NULL,
  SVR_PORT bigint NOT NULL, SQL_PORT bigint NOT NULL, ZONE varchar(128) NOT NULL,
  ROLE varchar(8) NOT NULL, REPLICA_TYPE varchar(18) NOT NULL,
  PRIMARY KEY (TENANT_ID, LS_ID, SVR_IP, SVR_PORT));

-- [src] __all_virtual_server_schema_info
CREATE TABLE __all_virtual_server_schema_info (
  svr_ip varchar(46) NOT NULL, svr_port bigint NOT NULL, tenant_id bigint NOT NULL,
  refreshed_schema_version bigint NOT NULL, received_schema_version bigint NOT NULL,
  schema_count bigint NOT NULL, schema_size bigint NOT NULL,
  PRIMARY KEY (svr_ip, svr_port, tenant_id));

-- [ref] GV$OB_SERVER_SCHEMA_INFO
CREATE VIEW GV$OB_SERVER_SCHEMA_INFO AS SELECT
  svr_ip AS SVR_IP, svr_port AS SVR_PORT, tenant_id AS TENANT_ID,
  refreshed_schema_version AS REFRESHED_SCHEMA_VERSION,
  received_schema_version AS RECEIVED_SCHEMA_VERSION
  FROM __all_virtual_server_schema_info;

-- [ref] CDB_OB_MAJOR_COMPACTION
CREATE TABLE CDB_OB_MAJOR_COMPACTION (
  TENANT_ID bigint NOT NULL, FROZEN_SCN bigint unsigned NOT NULL,
  GLOBAL_BROADCAST_SCN bigint unsigned NOT NULL, LAST_SCN bigint unsigned NOT NULL,
  STATUS varchar(64) NOT NULL, IS_ERROR varchar(3) NOT NULL, IS_SUSPENDED varchar(3) NOT NULL,
  PRIMARY KEY (TENANT_ID));

-- [ref] views of jobs, empty on a cluster that is fit; [upg] for the columns the checks read
CREATE TABLE DBA_OB_TENANT_JOBS (
  JOB_ID bigint NOT NULL, JOB_TYPE varchar(128), JOB_STATUS varchar(128), RESULT_CODE bigint,
  TENANT_ID bigint, PRIMARY KEY (JOB_ID));
CREATE TABLE CDB_OB_LS_REPLICA_TASKS (
  TENANT_ID bigint NOT NULL, LS_ID bigint NOT NULL, TASK_TYPE varchar(128), TASK_ID varchar(200) NOT NULL,
  TASK_STATUS varchar(23), PRIMARY KEY (TENANT_ID, LS_ID, TASK_ID));
CREATE TABLE CDB_OB_RESTORE_PROGRESS (
  TENANT_ID bigint NOT NULL, JOB_ID bigint NOT NULL, STATUS varchar(64), PRIMARY KEY (TENANT_ID, JOB_ID));
CREATE TABLE CDB_OB_BACKUP_JOBS (
  TENANT_ID bigint NOT NULL, JOB_ID bigint NOT NULL, STATUS varchar(64), PRIMARY KEY (TENANT_ID, JOB_ID));
CREATE TABLE CDB_OB_ARCHIVELOG (
  TENANT_ID bigint NOT NULL, DEST_ID bigint NOT NULL, ROUND_ID bigint NOT NULL, STATUS varchar(64),
  PRIMARY KEY (TENANT_ID, DEST_ID, ROUND_ID));
CREATE TABLE CDB_OB_ARCHIVE_DEST (
  TENANT_ID bigint NOT NULL, DEST_NO bigint NOT NULL, NAME varchar(200) NOT NULL, VALUE varchar(4096),
  PRIMARY KEY (TENANT_ID, DEST_NO, NAME));
CREATE TABLE CDB_OB_BACKUP_PARAMETER (
  TENANT_ID bigint NOT NULL, NAME varchar(128) NOT NULL, VALUE varchar(4096), PRIMARY KEY (TENANT_ID, NAME));
CREATE TABLE __all_virtual_ddl_task_status (
  tenant_id bigint NOT NULL, task_id bigint NOT NULL, object_id bigint, status bigint,
  PRIMARY KEY (tenant_id, task_id));
CREATE TABLE __all_virtual_tablet_compaction_info (
  svr_ip varchar(46) NOT NULL, svr_port bigint NOT NULL, tenant_id bigint NOT NULL, ls_id bigint NOT NULL,
  tablet_id bigint NOT NULL, finished_scn bigint unsigned NOT NULL, max_received_scn bigint unsigned NOT NULL,
  PRIMARY KEY (svr_ip, svr_port, tenant_id, ls_id, tablet_id));

-- [src] __all_rootservice_job and __all_virtual_upgrade_inspection, as [upg] reads them
CREATE TABLE __all_rootservice_job (
  gmt_create timestamp(6) NULL, job_id bigint NOT NULL, job_type varchar(128) NOT NULL,
  job_status varchar(128) NOT NULL, PRIMARY KEY (job_id));
CREATE TABLE __all_virtual_upgrade_inspection (
  name varchar(256) NOT NULL, info varchar(4096) NOT NULL, PRIMARY KEY (name));

-- [upg] of the 4.3 line: what its checks read beside the views above
CREATE TABLE GV$OB_UNITS (
  SVR_IP varchar(46) NOT NULL, SVR_PORT bigint NOT NULL, UNIT_ID bigint NOT NULL,
  TENANT_ID bigint NOT NULL, ZONE varchar(128) NOT NULL, STATUS varchar(64),
  PRIMARY KEY (SVR_IP, SVR_PORT, UNIT_ID, TENANT_ID));
CREATE TABLE __all_virtual_clone_job (
  tenant_id bigint NOT NULL, job_id bigint NOT NULL, status varchar(64), PRIMARY KEY (tenant_id, job_id));
CREATE TABLE __all_virtual_tenant_snapshot (
  tenant_id bigint NOT NULL, snapshot_id bigint NOT NULL, status varchar(32) NOT NULL,
  PRIMARY KEY (tenant_id, snapshot_id));
CREATE TABLE __all_virtual_table (
  tenant_id bigint NOT NULL, table_id bigint NOT NULL, table_name varchar(256) NOT NULL,
  compress_func_name varchar(256) NOT NULL, PRIMARY KEY (tenant_id, table_id));
CREATE TABLE CDB_OB_SYS_VARIABLES (
  TENANT_ID bigint NOT NULL, NAME varchar(128) NOT NULL, VALUE longtext, PRIMARY KEY (TENANT_ID, NAME));
CREATE TABLE __all_virtual_load_data_stat (
  tenant_id bigint NOT NULL, job_id bigint NOT NULL, job_type varchar(512), PRIMARY KEY (tenant_id, job_id));

-- [src] __all_virtual_disk_stat in bytes, __all_virtual_tablet_pointer_status a row a tablet
CREATE TABLE __all_virtual_disk_stat (
  svr_ip varchar(46) NOT NULL, svr_port bigint NOT NULL, total_size bigint NOT NULL,
  used_size bigint NOT NULL, free_size bigint NOT NULL, PRIMARY KEY (svr_ip, svr_port));
CREATE TABLE __all_virtual_tablet_pointer_status (
  svr_ip varchar(46) NOT NULL, svr_port bigint NOT NULL, tenant_id bigint NOT NULL,
  ls_id bigint NOT NULL, tablet_id bigint NOT NULL,
  PRIMARY KEY (svr_ip, svr_port, tenant_id, ls_id, tablet_id));

-- [ref] event histories
CREATE TABLE DBA_OB_CLUSTER_EVENT_HISTORY (
  TIMESTAMP timestamp(6) NOT NULL DEFAULT NOW(6), MODULE varchar(256) NOT NULL, EVENT varchar(256) NOT NULL,
  NAME1 varchar(256), VALUE1 varchar(4096), NAME2 varchar(256), VALUE2 varchar(4096),
  EXTRA_INFO varchar(4096), SVR_IP varchar(46), SVR_PORT bigint,
  PRIMARY KEY (TIMESTAMP, MODULE, EVENT));
CREATE TABLE DBA_OB_ROOTSERVICE_EVENT_HISTORY (
  TIMESTAMP timestamp(6) NOT NULL DEFAULT NOW(6), MODULE varchar(256) NOT NULL, EVENT varchar(256) NOT NULL,
  NAME1 varchar(256), VALUE1 varchar(4096), NAME2 varchar(256), VALUE2 varchar(4096),
  EXTRA_INFO varchar(4096), RS_SVR_IP varchar(46), RS_SVR_PORT bigint,
  PRIMARY KEY (TIMESTAMP, MODULE, EVENT));
CREATE TABLE DBA_OB_SERVER_EVENT_HISTORY (
  TIMESTAMP timestamp(6) NOT NULL DEFAULT NOW(6), SVR_IP varchar(46) NOT NULL, SVR_PORT bigint NOT NULL,
  MODULE varchar(64) NOT NULL, EVENT varchar(64) NOT NULL, NAME1 varchar(256), VALUE1 varchar(256),
  NAME2 varchar(256), VALUE2 varchar(256), NAME3 varchar(256), VALUE3 varchar(256),
  NAME4 varchar(256), VALUE4 varchar(256), EXTRA_INFO varchar(512),
  KEY (TIMESTAMP, SVR_IP, SVR_PORT));

-- Not the product's: writes what servers would of every leader that one zone (any, when NULL)
-- hands to another, or of one log stream's alone. [src] palf/election/utils/
-- election_event_recorder.cpp for events, names and words. The servers' own time zone is eight
-- hours ahead of the session's.
CREATE PROCEDURE elections(IN whose varchar(64), IN what varchar(64), IN leaves varchar(128),
  IN gets varchar(128), IN stream bigint, IN why varchar(64))
  INSERT INTO DBA_OB_SERVER_EVENT_HISTORY
  (SVR_IP, SVR_PORT, MODULE, EVENT, NAME1, VALUE1, NAME2, VALUE2, NAME3, VALUE3, NAME4, VALUE4)
  SELECT IF(what = 'prepare change leader', a.SVR_IP, b.SVR_IP), a.SVR_PORT, whose, what,
    'TENANT_ID', a.TENANT_ID, 'LS_ID', a.LS_ID, 'INFO',
    CASE what
      WHEN 'prepare change leader' THEN CONCAT('leader prepare to change leader : "',
        a.SVR_IP, ':2882" -> "', b.SVR_IP, ':2882", reason : ', why)
      WHEN 'change leader to takeover' THEN CONCAT('new leader takeover : "',
        a.SVR_IP, ':2882" -> "', b.SVR_IP, ':2882"')
      ELSE CONCAT('server|lease:["', b.SVR_IP, ':2882"|', NOW(3), ']')
    END,
    'HAPPENED_TIME', NOW(6) + INTERVAL 8 HOUR
  FROM CDB_OB_LS_LOCATIONS a JOIN CDB_OB_LS_LOCATIONS b
    ON b.TENANT_ID = a.TENANT_ID AND b.LS_ID = a.LS_ID
  WHERE a.ROLE = 'LEADER' AND a.ZONE = IFNULL(leaves, a.ZONE) AND a.ZONE != gets
    AND b.ZONE = gets AND a.LS_ID = IFNULL(stream, a.LS_ID);
