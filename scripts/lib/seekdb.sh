# shellcheck shell=bash
# OceanBase's own kernel as one server: seekdb, the Python package pylibseekdb.
#
# A release is a directory $LAB_CACHE/seekdb-VERSION with
#   python/       the unpacked packages: the kernel, and a client to ask it with
#   release       VERSION=…; written last, so it means complete
#
# The server listens on every address and cannot be told otherwise. So it is told by the
# product's own list, ob_tcp_invited_nodes, to let nobody in but 127.0.0.1, and every account
# has the lab's password.

SEEKDB_PACKAGE=pylibseekdb

# Sets both versions to the newest release of the kernel that was asked for. The choice is kept.
choose_releases() {
  local chosen=$LAB_CACHE/chosen-seekdb-$KERNEL
  mkdir -p "$LAB_CACHE"
  if seekdb_ready "$chosen"; then return; fi
  lock_file "$LAB_CACHE/lock" exclusive
  seekdb_ready "$chosen" || fetch_seekdb "$chosen"
  unlock_last
  seekdb_ready "$chosen"
}

# shellcheck disable=SC2034 # used by the parts
seekdb_ready() { # FILE: sets both versions if what FILE names is unpacked
  [[ -f $1 && -f $LAB_CACHE/$(<"$1")/release ]] || return 1
  OLD_VERSION=$(<"$1") NEW_VERSION=$(<"$1")
}

release_dir() { echo "$LAB_CACHE/$OLD_VERSION"; }

# Downloaded and unpacked, not installed. The registry's address is pip's own.
fetch_seekdb() {
  local new=$LAB_CACHE/seekdb.new wheel version
  python3 -m pip --version >/dev/null 2>&1 || die "seekdb is fetched by Python's pip: sudo apt-get install python3-pip"
  step_begin "downloading $SEEKDB_PACKAGE $KERNEL"
  rm -rf "$new"
  mkdir -p "$new/wheels" "$new/python"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary=:all: \
    --dest "$new/wheels" "$SEEKDB_PACKAGE==$KERNEL.*" PyMySQL >"$new/download.log" 2>&1 ||
    die "$SEEKDB_PACKAGE $KERNEL cannot be had: $(tail -n 3 "$new/download.log")"
  for wheel in "$new"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$new/python"; done
  version=$(echo "$new"/wheels/"$SEEKDB_PACKAGE"-*) version=${version##*/"$SEEKDB_PACKAGE"-}
  version=seekdb-${version%%-*}
  if [[ -f $(seekdb_server "$new") ]]; then chmod +x "$(seekdb_server "$new")"; fi
  rm -rf "$new/wheels" "${LAB_CACHE:?}/$version"
  echo "VERSION=$version" >"$new/release"
  mv "$new" "$LAB_CACHE/$version"
  echo "$version" >"$1.new"
  mv "$1.new" "$1"
  step_end
}

# The server's executable; releases before 1.3 have none, they run inside Python.
seekdb_server() { echo "$1/python/$SEEKDB_PACKAGE/seekdb"; }

make_zones() {
  local dir=$ZONES_DIR/zone1
  mkdir -p "$dir/data"
  ln -sfn "$(release_dir)" "$dir/current"
}

# sql ZONE STATEMENT…: as administrator, tab-separated; fails when there is no answer. The first
# login creates the accounts, which takes a busy machine longer than an answer should.
sql() {
  local zone=$1
  shift
  timeout 60 python3 "$LAB_SCRIPTS/lib/seekdb.py" \
    "$ZONES_DIR/$zone/current/python" sql "$(sql_port "$zone")" "$LAB_DIR/password" "$@" 2>/dev/null
}

exec_client() { # ZONE [STATEMENT…]; without any, statements are read from standard input
  local zone=$1
  shift
  exec python3 "$LAB_SCRIPTS/lib/seekdb.py" \
    "$ZONES_DIR/$zone/current/python" sql "$(sql_port "$zone")" "$LAB_DIR/password" "$@"
}

launch() { # ZONE: starts the server, waits until it answers, and closes it to strangers
  local zone=$1 dir=$ZONES_DIR/$1 before server
  [[ ! ${2:-} ]] || die "seekdb has no way of being up and out of service"
  before=$(log_size "$zone")
  server=$(seekdb_server "$dir/current")
  # it would report its start to its makers
  if [[ -x $server ]]; then
    spawn "$zone" env TELEMETRY_ENABLED=false "$server" --nodaemon --log-level ERROR \
      --port "$(sql_port "$zone")" --base-dir "$dir/data" \
      --variable ob_tcp_invited_nodes=127.0.0.1 \
      --parameter datafile_size=2G --parameter log_disk_size=2G
  else
    spawn "$zone" env TELEMETRY_ENABLED=false python3 "$LAB_SCRIPTS/lib/seekdb.py" \
      "$dir/current/python" serve "$dir/data" "$(sql_port "$zone")"
  fi
  wait_answer "$zone" "$before"
}

can_start() { :; }

start_all() {
  local zone=zone1
  running "$zone" && return
  step_begin "starting $(installed_version "$zone")"
  event_begin "$zone" start-server
  launch "$zone" || die "$zone did not start"
  event_end "$zone" start-server
  step_end
}

show_zone() {
  local zone=$1 pid version
  if ! pid=$(server_pid "$zone"); then
    printf '%-6s 127.0.0.1:%s  down        installed %s\n' "$zone" "$(sql_port "$zone")" "$(installed_version "$zone")"
    return 1
  fi
  if paused "$zone"; then
    printf '%-6s 127.0.0.1:%s  pid %-7s paused\n' "$zone" "$(sql_port "$zone")" "$pid"
    return 1
  fi
  if ! version=$(sql "$zone" 'select version()'); then
    printf '%-6s 127.0.0.1:%s  pid %-7s no answer\n' "$zone" "$(sql_port "$zone")" "$pid"
    return 1
  fi
  printf '%-6s 127.0.0.1:%s  pid %-7s %s\n' "$zone" "$(sql_port "$zone")" "$pid" "$version"
}

can_install() {
  die "one release of seekdb cannot open another's data, so there is none to install: scripts/lab up --fresh --kernel VERSION"
}

product_env() {
  printf 'export ROLLPROOF_PRODUCT=oceanbase\n'
}
