# shellcheck shell=bash
# Messages, the clock, the event log, locks, the remembered settings, processes.

say() { printf '%s\n' "$*"; }
warn() { printf 'lab: %s\n' "$*" >&2; }
die() { warn "$@"; exit 1; }
fail_usage() { warn "$1 (scripts/lab --help)"; exit 2; }

# Progress: `step_begin "words"` … `step_end` prints one line with the seconds taken.
step_begin() { STEP_WORDS=$1 STEP_FROM=${EPOCHREALTIME/[.,]/}; }
step_end() {
  local took=$((${EPOCHREALTIME/[.,]/} - STEP_FROM))
  printf '%-58s %d.%d s\n' "$STEP_WORDS" $((took / 1000000)) $((took / 100000 % 10))
}

lab_begin() {
  umask 022
  LAB_DIR=${LAB_DIR:-$REPO/.lab}
  LAB_DIR=$(realpath -m -- "$LAB_DIR")
  LAB_CACHE=$(realpath -m -- "${LAB_CACHE:-$LAB_DIR/releases}")
  # The servers' option files and state transfer scripts do not quote reliably.
  local plain='^[A-Za-z0-9_./+@-]+$'
  [[ $LAB_DIR =~ $plain && $LAB_CACHE =~ $plain ]] ||
    die "'$LAB_DIR' holds a blank or a special character; set LAB_DIR to a plainer path"
  ZONES_DIR=$LAB_DIR/zones
  OPEN_EVENTS=()
  trap lab_exit EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [[ -e $LAB_DIR && ! -O $LAB_DIR ]]; then
    die "$LAB_DIR belongs to another user; set LAB_DIR to a directory of your own"
  fi
  load_settings
  use_product "${PRODUCT:-galera}"
}

lab_exit() {
  local code=$? open
  # An interrupted action ends as well: the log must never leave one open.
  for open in ${OPEN_EVENTS[@]+"${OPEN_EVENTS[@]}"}; do
    write_event "${open% *}" "${open#* }" end "$((code == 0 ? 1 : code))" || true
  done
}

# ---- the clock and the event log ------------------------------------------------

# Prints "MONO_US WALL". CLOCK_MONOTONIC is what rollproof measures with, and no shell
# shows it, so ask the kernel through perl: perl-base has no Time::HiRes, but it can
# make the system call, whose number depends on the processor.
clock() {
  local number=
  case $HOSTTYPE in
    x86_64) number=228 ;;
    aarch64 | riscv64) number=113 ;;
    powerpc64le) number=246 ;;
    s390x) number=260 ;;
  esac
  if [[ $number ]] && perl -e '
      my ($number) = @ARGV;
      sub at { my $t = pack "q2", 0, 0; syscall($number, $_[0], $t) == 0 or exit 1; unpack "q2", $t }
      my ($ms, $mn) = at(1);
      my ($ws, $wn) = at(0);
      my @d = gmtime $ws;
      printf "%d %04d-%02d-%02dT%02d:%02d:%02d.%06dZ\n", $ms * 1000000 + int($mn / 1000),
        $d[5] + 1900, $d[4] + 1, @d[3, 2, 1, 0], int($wn / 1000);
    ' "$number" 2>/dev/null; then
    return
  fi
  python3 -c '
import time, datetime
mono = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
wall = datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc)
print(mono, wall.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))' 2>/dev/null ||
    die "reading the monotonic clock takes perl or python3, neither works here"
}

# write_event ZONE ACTION EDGE EXIT: one line, one write, so writers do not mix.
write_event() {
  local now
  now=$(clock)
  mkdir -p "$LAB_DIR"
  printf '{"mono_us":%s,"wall":"%s","zone":"%s","action":"%s","edge":"%s","exit":%s}\n' \
    "${now% *}" "${now#* }" "$1" "$2" "$3" "$4" >>"$LAB_DIR/events.jsonl"
}

event_begin() {
  write_event "$1" "$2" begin null
  OPEN_EVENTS+=("$1 $2")
}

event_end() {
  local left=() open
  write_event "$1" "$2" end 0
  for open in "${OPEN_EVENTS[@]}"; do
    [[ $open == "$1 $2" ]] || left+=("$open")
  done
  OPEN_EVENTS=(${left[@]+"${left[@]}"})
}

# ---- locks ----------------------------------------------------------------------

# lock_file FILE shared|exclusive: held until this script ends, or unlock_last. Waits, and
# says so.
lock_file() {
  local file=$1 mode=-x
  [[ $2 == shared ]] && mode=-s
  mkdir -p "$(dirname "$file")"
  exec {LOCK}>>"$file"
  flock -n "$mode" "$LOCK" && return
  warn "another scripts/lab is at work here, waiting for it"
  flock -w 900 "$mode" "$LOCK" || die "gave up waiting for $file"
}

unlock_last() { exec {LOCK}>&-; }

# Whoever changes the whole lab is alone; steps on different zones run side by side.
lock_lab() { lock_file "$LAB_DIR/lock" exclusive; }
lock_zone() {
  lock_file "$LAB_DIR/lock" shared
  lock_file "$ZONES_DIR/$1/lock" exclusive
}

# ---- settings -------------------------------------------------------------------

# What `up` decided, for all later commands.
SETTINGS=(PRODUCT KERNEL ZONE_COUNT TIMERS SAME_VERSION BASE_PORT OLD_VERSION NEW_VERSION)

load_settings() {
  local name
  for name in "${SETTINGS[@]}"; do printf -v "$name" '%s' ''; done
  # shellcheck disable=SC1091
  if [[ -f $LAB_DIR/settings ]]; then source "$LAB_DIR/settings"; fi
}

save_settings() {
  local name
  for name in "${SETTINGS[@]}"; do printf '%s=%q\n' "$name" "${!name}"; done >"$LAB_DIR/settings.new"
  mv "$LAB_DIR/settings.new" "$LAB_DIR/settings"
}

# use_product NAME: what is done in a way of the product's own. Its file defines
#   choose_releases  make_zones  launch  can_start  start_all  sql  exec_client  show_zone
#   can_install  product_env
use_product() {
  local part parts=(releases galera)
  if [[ $1 == seekdb ]]; then parts=(seekdb); fi
  for part in "${parts[@]}"; do
    # shellcheck source-path=SCRIPTDIR disable=SC1090
    source "$LAB_SCRIPTS/lib/$part.sh"
  done
}

need_lab() { [[ $ZONE_COUNT ]] || die "there is no lab in $LAB_DIR yet: scripts/lab up"; }

# need_zone "$@": the one argument must be a zone of this lab.
need_zone() {
  need_lab
  [[ ${1:-} ]] || fail_usage "which zone?"
  [[ $1 =~ ^zone([1-9])$ && ${BASH_REMATCH[1]} -le $ZONE_COUNT ]] ||
    fail_usage "no zone '$1' here, zones are zone1 to zone$ZONE_COUNT"
}

zone_names() {
  local i
  for ((i = 1; i <= ZONE_COUNT; i++)); do printf 'zone%d\n' "$i"; done
}

# ---- ports ----------------------------------------------------------------------

# Each server needs four ports; zone N takes base+N, +20, +40 and +60.
sql_port() { echo $((BASE_PORT + ${1#zone})); }
group_port() { echo $((BASE_PORT + 20 + ${1#zone})); }
ist_port() { echo $((BASE_PORT + 40 + ${1#zone})); }
sst_port() { echo $((BASE_PORT + 60 + ${1#zone})); }

# Read from /proc, because neither ss nor netstat need be there.
ports_in_use() {
  local hex
  awk 'FNR > 1 && $4 == "0A" { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    while read -r hex; do echo $((16#$hex)); done
}

# Sets BASE_PORT to the first block at or after the wanted one that nobody listens in.
choose_ports() {
  local wanted=$1 used i offset
  used=" $(ports_in_use | tr '\n' ' ') "
  for ((BASE_PORT = wanted; BASE_PORT < 32000; BASE_PORT += 100)); do
    for ((i = 0; i <= ZONE_COUNT; i++)); do
      for offset in 0 20 40 60; do
        [[ $used == *" $((BASE_PORT + offset + i)) "* ]] && continue 3
      done
    done
    [[ $BASE_PORT == "$wanted" ]] || say "ports from $wanted are in use, taking $BASE_PORT"
    return
  done
  die "no free block of ports from $wanted on; set LAB_BASE_PORT"
}

# ---- processes ------------------------------------------------------------------

# process_stat PID FIELD: a field of /proc/PID/stat, counted as in proc(5). The name in
# field 2 may hold blanks, so count from behind it.
process_stat() {
  local line fields
  read -r line 2>/dev/null <"/proc/$1/stat" || return 1
  read -ra fields <<<"${line##*) }"
  echo "${fields[$2 - 3]}"
}

# ended PID: gone, or dead with all its threads: until its last thread is, what a killed server had
# open and locked is still its own, though its first is a zombie already.
ended() {
  local state threads
  state=$(process_stat "$1" 3) && threads=$(process_stat "$1" 20) || return 0
  [[ $state == [ZX] ]] && ((threads <= 1))
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# The pid file holds pid, start time and boot: a number alone may by now be another's.
server_pid() {
  local pid start boot
  read -r pid start boot 2>/dev/null <"$ZONES_DIR/$1/pid" || return 1
  [[ $boot == "$(boot_id)" && $start == "$(process_stat "$pid" 22)" ]] || return 1
  ! ended "$pid" || return 1
  echo "$pid"
}

running() { server_pid "$1" >/dev/null; }
paused() {
  local pid
  pid=$(server_pid "$1") && [[ $(process_stat "$pid" 3) == T ]]
}

# Every process a zone's server started carries this mark in its environment (state
# transfer scripts, rsync), and so does a server whose pid file was lost.
zone_processes() {
  local file pid
  for file in /proc/[0-9]*/environ; do
    pid=${file#/proc/} pid=${pid%/environ}
    if grep -qszxF "ROLLPROOF_LAB_ZONE=$ZONES_DIR/$1" "$file" 2>/dev/null && ! ended "$pid"; then
      echo "$pid"
    fi
  done
}

# wait_gone SECONDS PID: polls, as servers are no children of this script.
wait_gone() {
  local deadline=$((SECONDS + $1)) start
  start=$(process_stat "$2" 22) || return 0
  while [[ $(process_stat "$2" 22) == "$start" ]] && ! ended "$2"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}
