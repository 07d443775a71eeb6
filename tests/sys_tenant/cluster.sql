-- A healthy cluster of three zones on 4.2.1.6, one server a zone, one business tenant: what the
-- views say before anything is done to it.
--
-- Sources: [ref], [src] and [upg] as in views.sql; [rel] the release notes and package names of
-- V4.2.1 for versions and builds; [adm] the administrator's guide for parameters' defaults and the
-- meaning of a tenant's locality and primary zone.

-- [ref] DBA_OB_ZONES: STATUS ACTIVE, TYPE ReadWrite
INSERT INTO DBA_OB_ZONES VALUES
  ('zone1', NOW(6), NOW(6), 'ACTIVE', '', 'sys_region', 'ReadWrite'),
  ('zone2', NOW(6), NOW(6), 'ACTIVE', '', 'sys_region', 'ReadWrite'),
  ('zone3', NOW(6), NOW(6), 'ACTIVE', '', 'sys_region', 'ReadWrite');

-- [src] __all_server; [rel] build of 4.2.1.6. Ports 2882 (RPC) and 2881 (SQL) are the defaults [adm]
INSERT INTO __all_server VALUES
  (NOW(6), NOW(6), '10.0.0.1', 2882, 1, 'zone1', 2881, 1, 'active', '4.2.1.6_106000012024042515', 0, 1700000000000000, 0),
  (NOW(6), NOW(6), '10.0.0.2', 2882, 2, 'zone2', 2881, 0, 'active', '4.2.1.6_106000012024042515', 0, 1700000001000000, 0),
  (NOW(6), NOW(6), '10.0.0.3', 2882, 3, 'zone3', 2881, 0, 'active', '4.2.1.6_106000012024042515', 0, 1700000002000000, 0);

-- [ref] DBA_OB_TENANTS: sys is 1; a user tenant is even, its meta tenant the odd number before it
INSERT INTO __all_tenant VALUES
  (1, 'sys', 'FULL{1}@zone1, FULL{1}@zone2, FULL{1}@zone3', 'RANDOM', 0, 'NORMAL', 0, 0),
  (1001, 'META$1002', 'FULL{1}@zone1, FULL{1}@zone2, FULL{1}@zone3', 'RANDOM', 0, 'NORMAL', 0, 0),
  (1002, 'shop', 'FULL{1}@zone1, FULL{1}@zone2, FULL{1}@zone3', 'RANDOM', 0, 'NORMAL', 0, 0);
INSERT INTO __all_virtual_tenant_info SELECT tenant_id, 'PRIMARY', 'NORMAL' FROM __all_tenant;

-- [upg] check of data versions: 17180000518 is 4.2.1.6 packed as major, minor, patch, patch
INSERT INTO __all_virtual_core_table
  SELECT tenant_id, '__all_tenant_info', 1, c.name, '17180000518'
  FROM __all_tenant JOIN (SELECT 'target_data_version' AS name UNION ALL SELECT 'current_data_version') c;

-- [ref] GV$OB_PARAMETERS; [adm] defaults; [upg] names and values the upgrade scripts wait for
INSERT INTO __all_virtual_sys_parameter_stat
  SELECT s.zone, 'observer', s.svr_ip, s.svr_port, p.name, p.value FROM __all_server s JOIN (
    SELECT 'min_observer_version' AS name, '4.2.1.6' AS value
    UNION ALL SELECT 'enable_upgrade_mode', 'False'
    UNION ALL SELECT '_upgrade_stage', 'NONE'
    UNION ALL SELECT 'enable_ddl', 'True'
    UNION ALL SELECT 'enable_major_freeze', 'True'
    UNION ALL SELECT 'enable_rereplication', 'True'
    UNION ALL SELECT 'server_permanent_offline_time', '3600s'
    UNION ALL SELECT 'tableapi_transport_compress_func', 'none') p;
INSERT INTO __all_virtual_tenant_parameter_info
  SELECT t.tenant_id, s.svr_ip, s.svr_port, s.zone, p.name, p.value
  FROM __all_tenant t JOIN __all_server s JOIN (
    SELECT 'compatible' AS name, '4.2.1.6' AS value
    UNION ALL SELECT 'enable_rebalance', 'True'
    UNION ALL SELECT 'log_transport_compress_func', 'lz4_1.0') p;

-- [ref] CDB_OB_LS_LOCATIONS: log stream 1 of every tenant, and a user tenant's from 1001, whose
-- leaders a RANDOM primary zone spreads over the zones [adm]
INSERT INTO CDB_OB_LS_LOCATIONS
  SELECT l.tenant_id, l.ls_id, s.svr_ip, s.svr_port, s.inner_port, s.zone,
    IF(s.zone = l.leader, 'LEADER', 'FOLLOWER'), 'FULL'
  FROM __all_server s JOIN (
    SELECT 1 AS tenant_id, 1 AS ls_id, 'zone1' AS leader
    UNION ALL SELECT 1001, 1, 'zone1'
    UNION ALL SELECT 1002, 1, 'zone1'
    UNION ALL SELECT 1002, 1001, 'zone1'
    UNION ALL SELECT 1002, 1002, 'zone2'
    UNION ALL SELECT 1002, 1003, 'zone3') l;

-- [ref] GV$OB_LOG_STAT: SCNs are nanoseconds
INSERT INTO GV$OB_LOG_STAT
  SELECT l.TENANT_ID, l.LS_ID, l.SVR_IP, l.SVR_PORT, l.ROLE, 1, 'APPEND',
    '10.0.0.1:2882:1,10.0.0.2:2882:1,10.0.0.3:2882:1', 3, 'YES',
    1713000000000000000, 1713000000000000000
  FROM CDB_OB_LS_LOCATIONS l;

-- [upg] refreshed versions are multiples of 8
INSERT INTO __all_virtual_server_schema_info
  SELECT s.svr_ip, s.svr_port, t.tenant_id, 1713000000000000, 1713000000000000, 1500, 1000000
  FROM __all_server s JOIN __all_tenant t;

-- [ref] CDB_OB_MAJOR_COMPACTION at rest
INSERT INTO CDB_OB_MAJOR_COMPACTION
  SELECT tenant_id, 1712900000000000000, 1712900000000000000, 1712900000000000000, 'IDLE', 'NO', 'NO'
  FROM __all_tenant;

INSERT INTO GV$OB_UNITS
  SELECT s.svr_ip, s.svr_port, t.tenant_id, t.tenant_id, s.zone, 'NORMAL' FROM __all_server s JOIN __all_tenant t;
INSERT INTO __all_rootservice_job VALUES (NOW(6), 17, 'ALTER_TENANT_LOCALITY', 'SUCCESS');
INSERT INTO __all_virtual_upgrade_inspection VALUES ('zone_check', 'succeed'), ('sys_stat', 'succeed'), ('sys_param', 'succeed');
INSERT INTO CDB_OB_SYS_VARIABLES SELECT tenant_id, 'binlog_row_image', '2' FROM __all_tenant;
-- Three tablets a server, and just the room that their metadata need
INSERT INTO __all_virtual_disk_stat
  SELECT svr_ip, svr_port, 1000000000, 1000000000 - 3 * 8192, 3 * 8192 FROM __all_server;
INSERT INTO __all_virtual_tablet_pointer_status
  SELECT svr_ip, svr_port, 1002, 1001, t.id FROM __all_server
  JOIN (SELECT 200001 AS id UNION ALL SELECT 200002 UNION ALL SELECT 200003) t;
