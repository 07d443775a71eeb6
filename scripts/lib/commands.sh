# shellcheck shell=bash
# What the user can ask for: one function a command, command_up is `scripts/lab up`.

no_more() { [[ $# == 0 ]] || fail_usage "unexpected '$1'"; }

installed_version() { sed -n 's/^VERSION=//p' "$ZONES_DIR/$1/current/release" 2>/dev/null; }

any_running() {
  local zone
  for zone in $(zone_names); do running "$zone" && return; done
  return 1
}

# ---- the cluster ------------------------------------------------------------------

command_up() {
  local product=galera kernel='' zones='' timers=tuned same=0 fresh=0 zone
  while (($#)); do
    case $1 in
      --product | --kernel | --zones | --timers)
        (($# > 1)) || fail_usage "$1 needs a value"
        printf -v "${1#--}" '%s' "$2"
        shift
        ;;
      --product=* | --kernel=* | --zones=* | --timers=*) printf -v "$(expr "$1" : '--\([a-z]*\)=')" '%s' "${1#*=}" ;;
      --same-version) same=1 ;;
      --fresh) fresh=1 ;;
      *) fail_usage "unexpected '$1'" ;;
    esac
    shift
  done
  case $product in
    galera) zones=${zones:-3} ;;
    seekdb) zones=${zones:-1} kernel=${kernel:-1.4} same=1 ;;
    *) fail_usage "--product takes galera or seekdb" ;;
  esac
  [[ $product == seekdb || ! $kernel ]] || fail_usage "--kernel is for --product seekdb"
  [[ $product == galera || $zones == 1 ]] || fail_usage "seekdb is a single server: --zones 1"
  [[ ! $kernel || $kernel =~ ^[0-9]+(\.[a-z0-9]+)+$ ]] || fail_usage "--kernel takes a version, as 1.4"
  [[ $zones =~ ^[1-9]$ ]] || fail_usage "--zones takes 1 to 9"
  [[ $timers == tuned || $timers == default ]] || fail_usage "--timers takes tuned or default"
  check_machine
  lock_lab
  load_settings
  if ((fresh)); then
    if [[ $ZONE_COUNT ]]; then end_lab; fi
    rm -rf "$ZONES_DIR"
    load_settings
  fi

  if [[ $ZONE_COUNT ]] && any_running; then
    [[ "$PRODUCT $KERNEL $ZONE_COUNT $TIMERS $SAME_VERSION" == "$product $kernel $zones $timers $same" ]] ||
      die "a lab with other options is running (--product $PRODUCT --zones $ZONE_COUNT --timers $TIMERS$([[ $SAME_VERSION == 0 ]] || echo ' --same-version')): scripts/lab down first"
  else
    if [[ $PRODUCT && "$PRODUCT $KERNEL" != "$product $kernel" && -d $ZONES_DIR ]]; then
      die "the data here is of $PRODUCT $KERNEL: scripts/lab up --fresh"
    fi
    if [[ $SAME_VERSION && $SAME_VERSION != "$same" && -d $ZONES_DIR ]]; then
      die "the data here was made $([[ $same == 1 ]] && echo without || echo with) --same-version: scripts/lab up --fresh"
    fi
    use_product "$product"
    PRODUCT=$product KERNEL=$kernel ZONE_COUNT=$zones TIMERS=$timers SAME_VERSION=$same
    choose_releases
    choose_ports "${LAB_BASE_PORT:-${BASE_PORT:-13300}}"
    make_password
    save_settings
    [[ -d $ZONES_DIR/zone1/data && -f $ZONES_DIR/complete ]] || rm -rf "$ZONES_DIR"
    # an earlier start, interrupted, may have left this one behind
    end_zone zone0
    make_zones
    : >"$ZONES_DIR/complete"
  fi
  start_all
  for zone in $(zone_names); do show_zone "$zone" || true; done
  if [[ $(installed_version zone1) != "$OLD_VERSION" ]]; then
    say "zone1 runs $(installed_version zone1), not the old release $OLD_VERSION: scripts/lab up --fresh starts over"
  fi
}

# Commands beyond bash, coreutils, sed, grep and awk that even a small system has.
check_machine() {
  local name missing=()
  for name in flock:util-linux setsid:util-linux perl:perl-base ldd:libc-bin; do
    command -v "${name%:*}" >/dev/null || missing+=("${name#*:}")
  done
  ((${#missing[@]} == 0)) || die "please run: sudo apt-get install ${missing[*]}"
  clock >/dev/null
}

make_password() {
  [[ -s $LAB_DIR/password ]] && return
  (
    umask 077
    head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$LAB_DIR/password"
  )
}

command_recover() {
  local zone
  no_more "$@"
  need_lab
  lock_lab
  start_all
  for zone in $(zone_names); do show_zone "$zone" || true; done
}

command_status() {
  local zone code=0
  no_more "$@"
  need_lab
  for zone in $(zone_names); do show_zone "$zone" || code=1; done
  return "$code"
}

command_down() {
  local purge=0
  if [[ ${1:-} == --purge ]]; then
    purge=1
    shift
  fi
  no_more "$@"
  # without settings, too: the directory may be gone while its servers still run
  if [[ -d $LAB_DIR ]]; then lock_lab; fi
  load_settings
  end_lab
  if ((purge)); then rm -rf "$ZONES_DIR" "$LAB_DIR/template"; fi
}

# zone1 stops last, alone: then it knows all that the others know, and begins next time.
end_lab() {
  local zone waiting=() pid failed=0
  [[ $ZONE_COUNT ]] || ZONE_COUNT=9
  for zone in $(zone_names | tail -n +2) zone0 zone1; do
    if [[ $zone == zone1 ]]; then
      for pid in ${waiting[@]+"${waiting[@]}"}; do wait "$pid" || failed=1; done
    elif ! running "$zone" && [[ ! $(zone_processes "$zone") ]]; then
      continue
    fi
    (trap - EXIT; end_zone_logged "$zone") &
    waiting+=($!)
  done
  wait "$!" || failed=1
  ((failed == 0)) || die "not everything could be stopped"
}

end_zone_logged() {
  if ! running "$1"; then
    end_zone "$1"
    return
  fi
  local from=${EPOCHREALTIME/[.,]/} took
  write_event "$1" down begin null
  end_zone "$1"
  write_event "$1" down end 0
  took=$((${EPOCHREALTIME/[.,]/} - from))
  printf '%-58s %d.%d s\n' "stopped $1" $((took / 1000000)) $((took / 100000 % 10))
}

command_env() {
  local zone list=
  no_more "$@"
  need_lab
  for zone in $(zone_names); do list+=${list:+,}$zone=127.0.0.1:$(sql_port "$zone"); done
  printf 'export %s=%q\n' LAB_DIR "$LAB_DIR" LAB_CACHE "$LAB_CACHE" \
    ROLLPROOF_USER rollproof ROLLPROOF_PASSWORD "$(<"$LAB_DIR/password")" \
    ROLLPROOF_LAB_OLD_VERSION "$OLD_VERSION" ROLLPROOF_LAB_NEW_VERSION "$NEW_VERSION"
  printf 'export ROLLPROOF_ZONES="%s"\n' "$list"
  product_env
}

command_sql() {
  need_zone "$@"
  local zone=$1
  shift
  running "$zone" || die "$zone is down"
  exec_client "$zone" "$@"
}

# ---- the steps of an upgrade ------------------------------------------------------------

# which_release "$@": the second argument of the install commands.
which_release() {
  case ${1:-new} in
    old | new) echo "${1:-new}" ;;
    *) return 1 ;;
  esac
}

command_stop_server() {
  need_zone "$@"
  no_more "${@:2}"
  lock_zone "$1"
  if ! running "$1"; then
    say "$1 is down already"
    return
  fi
  paused "$1" && die "$1 is paused and cannot stop: scripts/lab fault resume $1"
  event_begin "$1" stop-server
  graceful_stop "$1" || die "$1 did not stop within ${LAB_STOP_SECONDS:-120} s"
  event_end "$1" stop-server
}

command_install_dependencies() {
  local which release version said
  need_zone "$@"
  can_install
  which=$(which_release "${2:-}") || fail_usage "old or new, not '$2'"
  no_more "${@:3}"
  lock_zone "$1"
  event_begin "$1" install-dependencies
  release=$(release_dir "$which")
  if [[ $which == old ]]; then version=$OLD_VERSION; else version=$NEW_VERSION; fi
  if [[ ! -f $release/release ]]; then choose_releases; fi
  verify_libraries "$release"
  said=$(release_version "$release") || die "the server of release $version does not run"
  [[ $said == "$version" ]] || die "the server in $release says it is $said"
  "$release/bin/mariadb" --no-defaults --version >/dev/null || die "the client of release $version does not run"
  event_end "$1" install-dependencies
  say "$1: release $version and its libraries are in place"
}

command_install_package() {
  local which release dir
  need_zone "$@"
  can_install
  which=$(which_release "${2:-}") || fail_usage "old or new, not '$2'"
  no_more "${@:3}"
  dir=$ZONES_DIR/$1
  lock_zone "$1"
  running "$1" && die "$1 is running; stop it first: scripts/lab stop-server $1"
  event_begin "$1" install-package
  release=$(release_dir "$which")
  [[ -f $release/release ]] || die "release $(basename "$release") is not unpacked: scripts/lab install-dependencies $1 $which"
  if [[ $which == new && -d $dir/broken ]]; then release=$dir/broken; fi
  point_zone "$1" "$release"
  event_end "$1" install-package
  say "$1: installed $(installed_version "$1")"
}

point_zone() { # in one step: there is always a release installed
  ln -sfn "$2" "$ZONES_DIR/$1/current.new"
  mv -T "$ZONES_DIR/$1/current.new" "$ZONES_DIR/$1/current"
}

command_start_server() {
  local service=()
  need_zone "$@"
  if [[ ${2:-} == --out-of-service ]]; then
    service=(out-of-service)
    no_more "${@:3}"
  else
    no_more "${@:2}"
  fi
  lock_zone "$1"
  if running "$1"; then
    say "$1 is running already"
    return
  fi
  can_start "$1"
  event_begin "$1" start-server
  launch "$1" ${service[@]+"${service[@]}"} || die "$1 did not start"
  event_end "$1" start-server
}

# ---- making it hurt ---------------------------------------------------------------------

# A copy of the new release whose server passes every check before it is started.
command_break_release() {
  local dir release
  need_zone "$@"
  can_install
  no_more "${@:2}"
  lock_zone "$1"
  dir=$ZONES_DIR/$1 release=$(release_dir new)
  event_begin "$1" break-release
  rm -rf "$dir/broken" "$dir/broken.new"
  mkdir -p "$dir/broken.new"
  ln -s "$release/tree" "$dir/broken.new/tree"
  cp -a "$release/bin" "$release/release" "$dir/broken.new/"
  cat >"$dir/broken.new/bin/mariadbd" <<BROKEN
#!/bin/sh
case " \$* " in *" --version "*) exec "$release/bin/mariadbd" "\$@" ;; esac
echo "\$(date '+%Y-%m-%d %H:%M:%S') 0 [ERROR] mariadbd: symbol lookup error: undefined symbol: broken_by_the_lab" >&2
exit 127
BROKEN
  mv "$dir/broken.new" "$dir/broken"
  event_end "$1" break-release
  say "$1: install-package now installs a new release that cannot start"
}

command_mend_release() {
  local dir
  need_zone "$@"
  no_more "${@:2}"
  lock_zone "$1"
  dir=$ZONES_DIR/$1
  event_begin "$1" mend-release
  if [[ $(readlink "$dir/current") == "$dir/broken" ]]; then point_zone "$1" "$(release_dir new)"; fi
  rm -rf "$dir/broken" "$dir/broken.new"
  event_end "$1" mend-release
  say "$1: install-package installs the real new release"
}

# No lock: a fault may strike in the middle of anything.
command_fault() {
  local signal pid
  case ${1:-} in
    kill) signal=KILL ;;
    pause) signal=STOP ;;
    resume) signal=CONT ;;
    *) fail_usage "fault kill, pause or resume" ;;
  esac
  need_zone "${@:2}"
  no_more "${@:3}"
  pid=$(server_pid "$2") || die "$2 is down"
  event_begin "$2" "fault-$1"
  kill "-$signal" "$pid" || die "$2: the signal could not be sent"
  if [[ $signal == KILL ]]; then wait_gone 30 "$pid" || die "$2 (pid $pid) does not die"; fi
  event_end "$2" "fault-$1"
}
