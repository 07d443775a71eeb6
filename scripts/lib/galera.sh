# shellcheck shell=bash
# MariaDB Galera: settings, first data directory, starting, positions.

# Short freezes when a zone leaves or returns, at the price of suspecting a slow zone
# sooner. The product's own values stop all writes for 1 to 3 seconds each time.
TUNED_TIMERS='evs.keepalive_period=PT0.1S; evs.inactive_check_period=PT0.1S; evs.join_retrans_period=PT0.1S; evs.suspect_timeout=PT2S; evs.inactive_timeout=PT5S; evs.install_timeout=PT3S'

# A unix socket's path holds at most 107 bytes.
socket_path() {
  local path=$ZONES_DIR/$1/sock
  if ((${#path} > 100)); then
    path=/tmp/rollproof-lab-$(printf '%s' "$LAB_DIR" | cksum | cut -d' ' -f1)
    mkdir -m 700 "$path" 2>/dev/null || true
    [[ -O $path && ! -L $path ]] || die "$path belongs to another user"
    path+=/$1
  fi
  echo "$path"
}

write_server_settings() {
  local zone=$1 dir=$ZONES_DIR/$1 members='' other provider
  for other in $(zone_names); do members+=${members:+,}127.0.0.1:$(group_port "$other"); done
  provider="gmcast.listen_addr=tcp://127.0.0.1:$(group_port "$zone"); ist.recv_addr=127.0.0.1:$(ist_port "$zone")"
  # so large that a zone that was away catches up from it instead of copying everything
  provider+="; gcache.size=${LAB_GCACHE:-512M}"
  # With the default windows of 4 and 2 messages a bulk load keeps more than a megabyte queued in the
  # group layer, and Galera then fails to send its state when a zone joins ("temporary failure in
  # sending state UUID"): all writes stop until the next change of membership.
  provider+="; evs.send_window=512; evs.user_send_window=512"
  [[ $TIMERS == default ]] || provider+="; $TUNED_TIMERS"
  cat >"$dir/my.cnf.new" <<CONF
# Written by scripts/lab at every start of the lab; changes are lost.
[mysqld]
datadir = $dir/data
socket = $(socket_path "$zone")
pid-file = $dir/mariadbd.pid
log-error = $dir/error.log
tmpdir = $dir/tmp
secure-file-priv = $dir/tmp
bind-address = 127.0.0.1
port = $(sql_port "$zone")
skip-name-resolve = ON
max_connections = 500
local_infile = ON
performance_schema = OFF
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
default-storage-engine = InnoDB
innodb_buffer_pool_size = ${LAB_BUFFER_POOL:-1G}
innodb_log_file_size = 256M
# 2: a killed server may lose its last second; the other zones have it. LAB_DURABLE=1
innodb_flush_log_at_trx_commit = $([[ ${LAB_DURABLE:-0} == 1 ]] && echo 1 || echo 2)
innodb_autoinc_lock_mode = 2
binlog_format = ROW
skip-log-bin
sync_binlog = 0

wsrep_on = ON
wsrep_cluster_name = rollproof-$(printf '%s' "$LAB_DIR" | cksum | cut -d' ' -f1)
wsrep_cluster_address = gcomm://$members
wsrep_node_name = $zone
wsrep_node_address = 127.0.0.1:$(group_port "$zone")
wsrep_sst_method = rsync
wsrep_sst_receive_address = 127.0.0.1:$(sst_port "$zone")
wsrep_slave_threads = 4
wsrep_provider_options = "$provider"
CONF
  if [[ $(id -u) == 0 ]]; then echo 'user = root' >>"$dir/my.cnf.new"; fi
  mv "$dir/my.cnf.new" "$dir/my.cnf"
}

# The administrator's account is reached over the unix socket only, with this option file,
# so that the password is on no command line.
admin_options() {
  local file=$LAB_DIR/admin.cnf
  [[ -s $file ]] || (
    umask 077
    printf '[client]\nuser = root\npassword = %s\n' "$(<"$LAB_DIR/password")" >"$file.$BASHPID"
    mv "$file.$BASHPID" "$file"
  )
  echo "$file"
}

# sql ZONE STATEMENT: as administrator, bare columns; fails when there is no answer.
sql() {
  timeout 10 "$ZONES_DIR/$1/current/bin/mariadb" --defaults-file="$(admin_options)" \
    --socket="$(socket_path "$1")" --connect-timeout=5 --batch --skip-column-names -e "$2" 2>/dev/null
}

# status_values ZONE NAME…: the values of these wsrep status variables, one line.
status_values() {
  local zone=$1 name answer line=
  shift
  answer=$(sql "$zone" "show global status like 'wsrep_%'") || return 1
  for name; do line+=$(awk -F'\t' -v n="wsrep_$name" '$1 == n { print $2 }' <<<"$answer")' '; done
  echo "$line"
}

# The zones that work have to be asked one by one; one of them will do.
primary_running() {
  local zone
  for zone in $(zone_names); do
    if running "$zone" && ! paused "$zone" && [[ $(status_values "$zone" cluster_status) == 'Primary ' ]]; then
      return 0
    fi
  done
  return 1
}

in_cluster() { # ZONE: synced, and sees every zone of the lab
  [[ $(status_values "$1" local_state_comment cluster_size ready) == "Synced $ZONE_COUNT ON " ]]
}

# ---- starting ---------------------------------------------------------------------

saved_seqno() { awk '$1 == "seqno:" { print $2 }' "$ZONES_DIR/$1/data/grastate.dat" 2>/dev/null; }
saved_uuid() { awk '$1 == "uuid:" { print $2 }' "$ZONES_DIR/$1/data/grastate.dat" 2>/dev/null; }

# Prints UUID:SEQNO, how far the zone's data goes; nothing if there is none. A server that
# stopped in order has written it down, after a crash only its own log knows.
position() {
  local zone=$1 dir=$ZONES_DIR/$1 seqno found
  seqno=$(saved_seqno "$zone")
  if [[ $seqno && $seqno != -1 ]]; then
    echo "$(saved_uuid "$zone"):$seqno"
    return
  fi
  [[ -f $dir/data/ibdata1 ]] || return 0
  rm -f "$dir/recover.log"
  ROLLPROOF_LAB_ZONE=$dir "$dir/current/bin/mariadbd" --defaults-file="$dir/my.cnf" \
    --wsrep-recover --log-error="$dir/recover.log" >/dev/null 2>&1 </dev/null || true
  found=$(sed -n 's/.*Recovered position: *//p' "$dir/recover.log" 2>/dev/null | tail -n 1)
  [[ $found =~ ^[0-9a-f-]{36}:[0-9]+$ && $found != 00000000-0000-* ]] || return 0
  echo "$found"
}

# launch ZONE [new-cluster|out-of-service]: start and wait until the server answers. Out of
# service it joins and catches up, but turns clients away until wsrep_reject_queries is NONE.
launch() {
  local zone=$1 dir=$ZONES_DIR/$1 release before found arguments=()
  before=$(log_size "$zone")
  release=$(readlink -f "$dir/current")
  mkdir -p "$dir/tmp" "$dir/data"
  if [[ ${2:-} == new-cluster ]]; then
    arguments+=(--wsrep-new-cluster)
    rm -f "$dir/data/gvwstate.dat"
  elif primary_running; then
    # After a crash the server would come back as the member it was, and wait until the
    # others have given that one up. Nothing to restore while a majority is at work.
    rm -f "$dir/data/gvwstate.dat"
  fi
  if [[ ${2:-} == out-of-service ]]; then arguments+=(--wsrep-reject-queries=ALL); fi
  if [[ $(saved_seqno "$zone") == -1 ]]; then
    found=$(position "$zone")
    if [[ $found ]]; then arguments+=("--wsrep-start-position=$found"); fi
  fi
  # its state transfer scripts look for their tools there
  spawn "$zone" env PATH="$release/bin:$PATH" "$release/bin/mariadbd" --defaults-file="$dir/my.cnf" \
    ${arguments[@]+"${arguments[@]}"}
  wait_answer "$zone" "$before"
}

wait_in_cluster() {
  local zone=$1 deadline=$((SECONDS + ${LAB_SYNC_SECONDS:-300}))
  until in_cluster "$zone"; do
    if ! running "$zone"; then
      warn "$zone: the server died while joining"
      show_log_tail "$zone" 0
      return 1
    fi
    if ((SECONDS >= deadline)); then
      warn "$zone: not synced in a cluster of $ZONE_COUNT after ${LAB_SYNC_SECONDS:-300} s"
      return 1
    fi
    sleep 0.1
  done
}

# ---- the first data directory -------------------------------------------------------

# Made once, as a zone0 of its own: system tables, the users, and one start as a cluster of
# one, which gives the data a cluster identity. Zones begin as copies, so they join at once.
make_template() {
  local template=$LAB_DIR/template release share password zone=zone0 dir=$ZONES_DIR/zone0 stamp file
  release=$(release_dir old)
  stamp="2 $OLD_VERSION"
  [[ $(cat "$template/stamp" 2>/dev/null) == "$stamp" ]] && return
  step_begin "creating the system tables"
  rm -rf "$template" "$dir"
  mkdir -p "$template" "$dir/data" "$dir/tmp"
  ln -s "$release" "$dir/current"
  write_server_settings "$zone"
  share=$release/tree/$(sed -n 's/^SHARE=//p' "$release/release")
  password=$(<"$LAB_DIR/password")
  {
    # the bootstrap reads one statement a line
    printf '%s;\n' 'create database mysql' 'use mysql' 'set @auth_root_socket = null'
    for file in system_tables performance_tables system_tables_data; do
      # renamed in later releases
      cat "$share/mysql_$file.sql" 2>/dev/null || cat "$share/mariadb_$file.sql"
    done
    cat "$share/fill_help_tables.sql" "$share/maria_add_gis_sp_bootstrap.sql"
    cat "$share/mysql_sys_schema.sql" 2>/dev/null || cat "$share/mariadb_sys_schema.sql"
    cat <<SQL
use mysql;
delete from global_priv where User in ('', 'root');
flush privileges;
create user 'root'@'localhost' identified by '$password';
grant all privileges on *.* to 'root'@'localhost' with grant option;
create user 'rollproof'@'%' identified by '$password';
create user 'rollproof'@'localhost' identified by '$password';
grant all privileges on *.* to 'rollproof'@'%' with grant option;
grant all privileges on *.* to 'rollproof'@'localhost' with grant option;
SQL
  } | ROLLPROOF_LAB_ZONE=$dir "$release/bin/mariadbd" --defaults-file="$dir/my.cnf" \
    --wsrep-on=OFF --innodb-log-file-size=8M --log-error="$dir/bootstrap.log" --bootstrap \
    >"$dir/bootstrap.out" 2>&1 || {
    cat "$dir/bootstrap.out" "$dir/bootstrap.log" 2>/dev/null | tail -n 15 >&2
    die "the system tables could not be created (see $dir/bootstrap.log)"
  }
  launch "$zone" new-cluster || die "the first start failed"
  graceful_stop "$zone" || die "the first server did not stop"
  rm -f "$dir"/data/{galera.cache,gvwstate.dat,ib_buffer_pool}
  mv "$dir/data" "$template/data"
  rm -rf "$dir"
  echo "$stamp" >"$template/stamp"
  step_end
}

make_zones() {
  local zone
  for zone in $(zone_names); do
    [[ -f $ZONES_DIR/$zone/data/ibdata1 ]] || make_template
  done
  for zone in $(zone_names); do
    make_zone "$zone"
    write_server_settings "$zone"
  done
}

# A zone without data begins as a copy of the template.
make_zone() {
  local zone=$1 dir=$ZONES_DIR/$1
  [[ -L $dir/current && -f $dir/data/ibdata1 ]] && return
  mkdir -p "$dir/tmp"
  rm -rf "$dir/data" "$dir/data.new"
  cp -a "$LAB_DIR/template/data" "$dir/data.new"
  if [[ $zone != zone1 ]]; then
    sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 0/' "$dir/data.new/grastate.dat"
  fi
  mv "$dir/data.new" "$dir/data"
  [[ -L $dir/current ]] || ln -s "$(release_dir old)" "$dir/current"
}

# ---- the cluster --------------------------------------------------------------------

# Starts what is down. Nothing runs: begin with the zone that knows most.
start_all() {
  local zone first down=()
  if ! any_running; then
    step_begin "starting a new cluster"
    first=$(most_advanced)
    begin_cluster "$first"
    step_end
  else
    restore_majority
  fi
  for zone in $(zone_names); do running "$zone" || down+=("$zone"); done
  if ((${#down[@]})); then
    step_begin "starting ${down[*]}"
    join_all "${down[@]}"
    step_end
  fi
  step_begin "waiting until all $ZONE_COUNT zones are synced"
  for zone in $(zone_names); do
    paused "$zone" && die "$zone is paused: scripts/lab fault resume $zone"
    wait_in_cluster "$zone" || die "the cluster is not whole (scripts/lab status, scripts/lab recover)"
  done
  step_end
}

begin_cluster() {
  local dir=$ZONES_DIR/$1
  event_begin "$1" start-server
  # it may say that another zone was the last to stop
  sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$dir/data/grastate.dat"
  launch "$1" new-cluster || die "$1 could not begin the cluster"
  event_end "$1" start-server
}

# Together: each waits for its own, the donor serves one after the other.
join_all() {
  local zone waiting=() pid failed=0
  for zone; do
    event_begin "$zone" start-server
    (trap - EXIT; launch "$zone") &
    waiting+=($!)
  done
  for pid in "${waiting[@]}"; do wait "$pid" || failed=1; done
  ((failed == 0)) || die "not every zone started (scripts/lab status)"
  for zone; do event_end "$zone" start-server; done
}

# The zone to begin with: it stopped last, or its data goes furthest.
most_advanced() {
  local zone found best=zone1 most=-1
  for zone in $(zone_names); do
    if grep -q '^safe_to_bootstrap: 1' "$ZONES_DIR/$zone/data/grastate.dat" 2>/dev/null &&
      [[ $(saved_seqno "$zone") != -1 ]]; then
      echo "$zone"
      return
    fi
  done
  for zone in $(zone_names); do
    found=$(position "$zone")
    [[ $found ]] || continue
    if ((${found##*:} > most)); then most=${found##*:} best=$zone; fi
  done
  echo "$best"
}

# Some zones run, but none is in a majority: let the one that went furthest go on. Safe
# here, where no other part of the cluster can be alive out of sight.
restore_majority() {
  local zone best='' most=-1 last tries
  for ((tries = 0; tries < 20; tries++)); do # it may be a change that passes
    primary_running && return
    sleep 0.25
  done
  for zone in $(zone_names); do
    paused "$zone" && die "$zone is paused, not dead: scripts/lab fault resume $zone"
    running "$zone" || continue
    last=$(status_values "$zone" last_committed) || continue
    if ((last > most)); then most=$last best=$zone; fi
  done
  [[ $best ]] || die "no zone answers: scripts/lab down, then up"
  say "no zone has the majority: $best, which went furthest, goes on alone"
  sql "$best" "set global wsrep_provider_options='pc.bootstrap=YES'" || die "$best refused to"
}

show_zone() {
  local zone=$1 pid version state size
  version=$(installed_version "$zone")
  if ! pid=$(server_pid "$zone"); then
    printf '%-6s 127.0.0.1:%s  down        installed %s\n' "$zone" "$(sql_port "$zone")" "$version"
    return 1
  fi
  if paused "$zone"; then
    printf '%-6s 127.0.0.1:%s  pid %-7s paused\n' "$zone" "$(sql_port "$zone")" "$pid"
    return 1
  fi
  if ! read -r size state < <(status_values "$zone" cluster_size local_state_comment); then
    printf '%-6s 127.0.0.1:%s  pid %-7s no answer\n' "$zone" "$(sql_port "$zone")" "$pid"
    return 1
  fi
  version=$(sql "$zone" 'select version()') || version='?'
  printf '%-6s 127.0.0.1:%s  pid %-7s %-8s %s, cluster of %s\n' \
    "$zone" "$(sql_port "$zone")" "$pid" "${version%%-*}" "$state" "$size"
  [[ $state == Synced && $size == "$ZONE_COUNT" ]]
}

# A zone that has just left costs the others a moment; a lost majority stays lost.
can_start() {
  local tries
  any_running || die "no zone is running that $1 could join: scripts/lab recover"
  for ((tries = 0; tries < 40; tries++)); do
    primary_running && return
    sleep 0.25
  done
  die "the running zones have no majority that $1 could join: scripts/lab recover"
}

exec_client() { # ZONE [ARGS]
  local zone=$1
  shift
  exec "$ZONES_DIR/$zone/current/bin/mariadb" --defaults-file="$(admin_options)" \
    --socket="$(socket_path "$zone")" "$@"
}

# The lab holds two releases, and a zone's data goes from the older to the newer.
can_install() { :; }

# Galera is what is meant where no product is named.
product_env() { :; }
