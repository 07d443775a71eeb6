# shellcheck shell=bash
# A zone's server as a process, whatever the product: started on its own, waited for, stopped.
# A product's file says how it is asked something, `sql ZONE STATEMENT`.

# spawn ZONE COMMAND…: the server on its own, in a session of its own. It must not hold what
# this script holds: locks, or the pipe that the caller is reading.
spawn() {
  local zone=$1 dir=$ZONES_DIR/$1 me fd
  shift
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
    export ROLLPROOF_LAB_ZONE=$dir
    # Only here do the measuring tool and what it measures share their cores: the tool goes first,
    # whatever the niceness of whoever starts this. Where every session is scheduled as one group
    # (autogroup), only the group's niceness counts against other sessions.
    exec setsid nice -n "$((5 - $(nice)))" \
      sh -c '{ echo 5 >/proc/self/autogroup; } 2>/dev/null; exec "$@"' sh "$@"
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

wait_answer() {
  local zone=$1 before=$2 deadline=$((SECONDS + ${LAB_START_SECONDS:-300}))
  # not a select, which a Galera zone refuses until it is synced
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
