# shellcheck shell=bash
# MariaDB Galera: settings, first data directory, starting, stopping, positions.

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

# spawn ZONE ARGUMENTS…: the server on its own, in a session of its own. It must not
# hold what this script holds: locks, or the pipe that the caller is reading.
spawn() {
  local zone=$1 dir=$ZONES_DIR/$1 release me fd
  shift
  release=$(readlink -f "$dir/current")
  rm -f "$dir/pid"
  (
    trap - EXIT
    trap '' HUP INT
    cd "$dir" || exit
    # before the server itself: whoever is interrupted here still finds it again
    me=$BASHPID # $(…) below has one of its own
    printf '%s %s %s\n' "$me" "$(process_stat "$me" 22)" "$(boot_id)" >pid.new
    mv pid.new pid
    for fd in /proc/"$me"/fd/*; do
      fd=${fd##*/}
      if ((fd > 2 && fd != 255)); then exec {fd}>&-; fi
    done
    ulimit -c 0
    export ROLLPROOF_LAB_ZONE=$dir PATH=$release/bin:$PATH
    # Only here do the measuring tool and what it measures share their cores: the tool goes first,
    # whatever the niceness of whoever starts this.
    exec setsid nice -n "$((5 - $(nice)))" "$release/bin/mariadbd" --defaults-file="$dir/my.cnf" "$@"
  ) </dev/null >>"$dir/error.log" 2>&1 &
  disown
  SPAWNED=$!
}

# The error log goes on over restarts; show only what this start wrote.
show_log_tail() {
  warn "last lines of $ZONES_DIR/$1/error.log:"
  tail -c "+$(($2 + 1))" "$ZONES_DIR/$1/error.log" 2>/dev/null | tail -n 15 | sed 's/^/    /' >&2
}
log_size() { stat -c %s "$ZONES_DIR/$1/error.log" 2>/dev/null || echo 0; }

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
  local zone=$1 dir=$ZONES_DIR/$1 before found arguments=()
  before=$(log_size "$zone")
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
  spawn "$zone" ${arguments[@]+"${arguments[@]}"}
  wait_answer "$zone" "$before"
}

wait_answer() {
  local zone=$1 before=$2 deadline=$((SECONDS + ${LAB_START_SECONDS:-300}))
  # not a select, which a zone refuses until it is synced
  until sql "$zone" 'set @ready = 1'; do
    if ! kill -0 "$SPAWNED" 2>/dev/null && ! running "$zone"; then
      warn "$zone: the server died while starting"
      show_log_tail "$zone" "$before"
      return 1
    fi
    if ((SECONDS >= deadline)); then
      warn "$zone: the server does not answer after ${LAB_START_SECONDS:-300} s"
      show_log_tail "$zone" "$before"
      return 1
    fi
    sleep 0.1
  done
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

# ---- stopping ---------------------------------------------------------------------

# graceful_stop ZONE: SIGTERM and wait.
graceful_stop() {
  local pid
  pid=$(server_pid "$1") || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  wait_gone "${LAB_STOP_SECONDS:-120}" "$pid"
}

# end_zone ZONE: whatever it takes, and everything the server started.
end_zone() {
  local zone=$1 pid left tries patience=${LAB_STOP_SECONDS:-120}
  if pid=$(server_pid "$zone"); then
    # In the middle of joining it may never stop in order, and has nothing to lose.
    paused "$zone" || sql "$zone" 'set @ready = 1' || patience=10
    kill -TERM "$pid" 2>/dev/null || true
    kill -CONT "$pid" 2>/dev/null || true # a paused one cannot hear
    if ! wait_gone "$patience" "$pid"; then
      warn "$zone: the server did not stop in time, killing it"
      kill -KILL "$pid" 2>/dev/null || true
      wait_gone 10 "$pid" || true
    fi
  fi
  for ((tries = 0; tries < 50; tries++)); do
    left=$(zone_processes "$zone")
    [[ $left ]] || break
    # shellcheck disable=SC2086
    if ((tries < 20)); then kill -TERM $left 2>/dev/null || true; else kill -KILL $left 2>/dev/null || true; fi
    sleep 0.1
  done
  [[ ! $left ]] || die "$zone: processes that do not end: ${left//$'\n'/ }"
  rm -f "$ZONES_DIR/$zone/pid"
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
  share=$release/root/$(sed -n 's/^SHARE=//p' "$release/release")
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
