# shellcheck shell=bash
# One plain server, no cluster: what scripts/bench measures with. It takes the release, the first
# data directory and the way of starting and stopping from the lab's other parts.

# plain_up: starts zone1 of this LAB_DIR, with empty data, as a server that replicates nothing.
plain_up() {
  # shellcheck disable=SC2034 # used by the parts
  PRODUCT=plain ZONE_COUNT=1 TIMERS=default SAME_VERSION=0
  lock_lab
  end_zone zone1
  rm -rf "$ZONES_DIR"
  choose_releases
  choose_ports "${LAB_BASE_PORT:-13500}"
  make_password
  save_settings
  end_zone zone0 # an earlier start, interrupted, may have left this one behind
  make_template
  make_zone zone1
  ln -sfn "$(release_dir new)" "$ZONES_DIR/zone1/current"
  write_server_settings zone1
  cat >>"$ZONES_DIR/zone1/my.cnf" <<CONF

# A plain server whose speed is its own: no cluster, no wait for a disk.
wsrep_on = OFF
innodb_buffer_pool_size = ${LAB_BUFFER_POOL:-4G}
innodb_log_file_size = 1G
innodb_flush_log_at_trx_commit = 0
CONF
  launch zone1 || die "the server did not start"
}

plain_down() {
  end_zone zone1
  rm -rf "$ZONES_DIR"
}
