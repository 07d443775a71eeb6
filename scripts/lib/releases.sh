# shellcheck shell=bash
# The two releases: choosing, downloading, unpacking, verifying.
#
# A release is a directory $LAB_CACHE/mariadb-VERSION with
#   tree/         the unpacked packages
#   bin/          small wrappers that run what is in tree/ with its own libraries, and
#                 tools the server calls that this machine lacks (rsync, lsof)
#   release       VERSION=… SHARE=… of this release; written last, so it means complete

# Empty: the machine's own package lists. See use_private_lists.
APT=()

apt_tool() { command -v apt-get >/dev/null && command -v dpkg >/dev/null; }

# The machine's lists may be missing or old, and an ordinary user cannot renew them. The
# sources and keys stay the machine's own, only lists and cache move.
use_private_lists() {
  local dir=$LAB_CACHE/apt
  APT=(-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache"
    -o Acquire::Languages=none -o Acquire::http::Timeout=30 -o Acquire::Retries=2)
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  step_begin "reading the package lists"
  # One unreachable source, or a hook meant for root, fails the whole command though the
  # lists have arrived: what counts is whether the packages are found afterwards.
  apt-get "${APT[@]}" -o APT::Sandbox::User="$(id -un)" -qq update >"$dir/update.log" 2>&1 || true
  step_end
}

# Debian versions of a package, newest first, one per upstream version.
offered() {
  apt-cache ${APT[@]+"${APT[@]}"} madison "$1" 2>/dev/null |
    awk -F'|' '$2 != "" { gsub(/ /, "", $2); print $2 }' | sort -Vru |
    awk '{ up = $0; sub(/^[0-9]+:/, "", up); sub(/-[^-]*$/, "", up) } !seen[up]++'
}
upstream() { local v=${1#*:}; echo "${v%-*}"; }

# Sets OLD_VERSION and NEW_VERSION. The choice is kept, so that a lab does not change
# under its user when the mirror does.
choose_releases() {
  local chosen=$LAB_CACHE/chosen found=()
  mkdir -p "$LAB_CACHE"
  if [[ ${LAB_OLD:-} || ${LAB_NEW:-} ]]; then
    choose_given_trees
    return
  fi
  [[ $SAME_VERSION == 1 ]] && chosen+=-same
  if releases_ready "$chosen"; then return; fi
  # labs may share the cache; one fetches, the others wait for that, not for its servers
  lock_file "$LAB_CACHE/lock" exclusive
  if [[ ! -f $chosen ]]; then
    apt_tool || die "this system has no apt: set LAB_OLD and LAB_NEW to two unpacked MariaDB trees"
    mapfile -t found < <(offered mariadb-server-core)
    if ((${#found[@]} < 2)); then
      use_private_lists
      mapfile -t found < <(offered mariadb-server-core)
    fi
    ((${#found[@]} > 0)) || die "apt offers no mariadb-server-core (see $LAB_CACHE/apt/update.log)"
    [[ $SAME_VERSION == 1 ]] && found=("${found[0]}" "${found[0]}")
    ((${#found[@]} > 1)) ||
      die "apt offers only MariaDB $(upstream "${found[0]}") here: use --same-version, or LAB_OLD and LAB_NEW"
    printf '%s\n%s\n' "${found[1]}" "${found[0]}" >"$chosen.new"
    mv "$chosen.new" "$chosen"
  fi
  mapfile -t found <"$chosen"
  fetch_release "${found[0]}"
  fetch_release "${found[1]}"
  unlock_last
  releases_ready "$chosen"
}

# releases_ready FILE: sets both versions if all that FILE names is unpacked.
releases_ready() {
  local found=()
  [[ -f $1 ]] || return 1
  mapfile -t found <"$1"
  OLD_VERSION=$(upstream "${found[0]}") NEW_VERSION=$(upstream "${found[1]}")
  [[ -f $(release_dir old)/release && -f $(release_dir new)/release ]]
}

# The packages that the server needs and this machine lacks: libraries, and the few
# tools its state transfer scripts call.
missing_packages() {
  local wanted
  wanted=$(
    command -v rsync >/dev/null || echo rsync
    command -v lsof >/dev/null || command -v ss >/dev/null || echo lsof
    command -v ps >/dev/null || echo procps
    apt-cache ${APT[@]+"${APT[@]}"} depends --recurse --no-recommends --no-suggests \
      --no-conflicts --no-breaks --no-replaces --no-enhances \
      mariadb-server-core mariadb-client-core galera-4 rsync lsof procps 2>/dev/null |
      awk '/^lib/ && !/-perl$/ { print $1 }' | sort -u
  )
  # policy, not depends, knows which names are real packages and which are installed
  # shellcheck disable=SC2086
  apt-cache ${APT[@]+"${APT[@]}"} policy $wanted 2>/dev/null | awk '
    /^[^ ]/ { name = $1; sub(/:.*/, "", name) }
    $1 == "Installed:" { missing = $2 == "(none)" }
    $1 == "Candidate:" && missing && $2 != "(none)" { print name }'
}

# download DIRECTORY PACKAGE[=VERSION]…
download() {
  local into=$1
  shift
  (cd "$into" && apt-get ${APT[@]+"${APT[@]}"} -o APT::Sandbox::User="$(id -un)" -qq download "$@") \
    >"$into/download.log" 2>&1
}

# fetch_release DEBIAN_VERSION
fetch_release() {
  local version packages deb release new
  version=$(upstream "$1")
  release=$LAB_CACHE/mariadb-$version new=$release.new
  [[ -f $release/release ]] && return
  apt_tool || die "release $version is not in $LAB_CACHE and this system has no apt"
  rm -rf "$new"
  mkdir -p "$new/debs" "$new/tree"
  mapfile -t packages < <(missing_packages)
  packages+=(galera-4)
  for deb in mariadb-server-core mariadb-server mariadb-client-core mariadb-client; do
    packages+=("$deb=$1")
  done
  step_begin "downloading MariaDB $version and what this machine lacks"
  if ! download "$new/debs" "${packages[@]}"; then
    ((${#APT[@]} == 0)) || die "download failed: $(tail -n 3 "$new/debs/download.log")"
    use_private_lists # the machine's lists name files that the mirror has replaced
    step_begin "downloading MariaDB $version and what this machine lacks"
    download "$new/debs" "${packages[@]}" || die "download failed: $(tail -n 3 "$new/debs/download.log")"
  fi
  for deb in "$new"/debs/*.deb; do dpkg -x "$deb" "$new/tree"; done
  rm -rf "$new/debs"
  finish_release "$new" "$version"
  verify_libraries "$new"
  rm -rf "$release"
  mv "$new" "$release"
  step_end
}

# LAB_OLD and LAB_NEW: trees as Debian packages unpack (usr/sbin/mariadbd), or as the
# maker's archives do (bin/mariadbd).
choose_given_trees() {
  local given tree version new=$LAB_CACHE/given.new
  [[ ${LAB_OLD:-} && ${LAB_NEW:-} ]] || die "set both LAB_OLD and LAB_NEW, or neither"
  for given in "$LAB_OLD" "$LAB_NEW"; do
    tree=$(realpath -e -- "$given") || die "no such directory: $given"
    rm -rf "$new"
    mkdir -p "$new"
    ln -s "$tree" "$new/tree"
    finish_release "$new" unknown
    version=$(release_version "$new") || die "$tree: its mariadbd does not run"
    sed -i "s/^VERSION=.*/VERSION=$version/" "$new/release"
    rm -rf "${LAB_CACHE:?}/mariadb-$version"
    mv "$new" "$LAB_CACHE/mariadb-$version"
    if [[ ! ${OLD_GIVEN:-} ]]; then OLD_GIVEN=$version; fi
  done
  OLD_VERSION=$OLD_GIVEN NEW_VERSION=$version
}

# first_of TREE RELATIVE…: the first that exists.
first_of() {
  local tree=$1 path
  shift
  for path; do
    if [[ -e $tree/$path ]]; then
      echo "$path"
      return
    fi
  done
  return 1
}

# Writes bin/ and the release file of an unpacked tree.
finish_release() {
  local dir=$1 tree=$1/tree triplet server base share plugins galera name path libraries=
  triplet=$HOSTTYPE-linux-gnu
  server=$(first_of "$tree" usr/sbin/mariadbd sbin/mariadbd bin/mariadbd) ||
    die "$(realpath "$tree"): no mariadbd in usr/sbin, sbin or bin"
  base=$(first_of "$tree" usr/share/mysql/english usr/share/mariadb/english share/english share/mysql/english) ||
    die "$(realpath "$tree"): no error messages (share/english)"
  share=${base%/english}
  plugins=$(first_of "$tree" usr/lib/mysql/plugin lib/plugin lib/mysql/plugin usr/lib64/mysql/plugin) || plugins=$share
  galera=$(first_of "$tree" usr/lib/galera/libgalera_smm.so usr/lib/libgalera_smm.so lib/libgalera_smm.so \
    lib/galera-4/libgalera_smm.so usr/lib64/galera-4/libgalera_smm.so lib64/galera-4/libgalera_smm.so) ||
    die "$(realpath "$tree"): no libgalera_smm.so"
  for path in "usr/lib/$triplet" "lib/$triplet" lib; do
    [[ -e $tree/$path ]] && libraries+=${libraries:+:}\$tree/$path
  done

  mkdir -p "$dir/bin"
  # The release's server finds its own files wherever the tree was unpacked. It looks for
  # state transfer programs in basedir/bin before PATH: let that be the wrappers.
  write_wrapper "$dir/bin/mariadbd" "$libraries" "$server" '"$@"' \
    "--basedir=\"\${here%/*}\"" "--plugin-dir=\"\$tree/$plugins\"" \
    "--lc-messages-dir=\"\$tree/$share\"" "--character-sets-dir=\"\$tree/$share/charsets\"" \
    "--wsrep-provider=\"\$tree/$galera\""
  for name in mariadb mariadb-admin mariadb-check mariadb-upgrade mariadb-dump my_print_defaults lsof ps; do
    path=$(first_of "$tree" "usr/bin/$name" "bin/$name") || continue
    write_wrapper "$dir/bin/$name" "$libraries" "$path" '"$@"'
  done
  # State transfer runs an rsync daemon, which as root would give up its rights and then
  # fail to write the data directory. The alternative, servers under another user, cannot
  # reach a checkout below /root; so rsync is told to stay who it is.
  path=$(first_of "$tree" usr/bin/rsync) || path=
  # shellcheck disable=SC2016 # the wrapper expands it
  write_wrapper "$dir/bin/rsync" "$libraries" "$path" \
    '$(test "$(id -u)" != 0 || case " $* " in *" --daemon "*) echo --dparam=uid=0 --dparam=gid=0 ;; esac) "$@"'
  for path in "$tree"/usr/bin/wsrep_sst_* "$tree"/bin/wsrep_sst_*; do
    # ../tree: the release directory may be moved
    [[ -e $path ]] && ln -sf "../tree/${path#"$tree"/}" "$dir/bin/${path##*/}"
  done
  printf 'VERSION=%s\nSHARE=%s\n' "$2" "$share" >"$dir/release"
}

# write_wrapper FILE LIBRARIES PROGRAM ARGUMENTS…: PROGRAM is relative to tree/; empty
# means the machine's own program of that name.
write_wrapper() {
  local file=$1 libraries=$2 program=$3
  shift 3
  {
    echo '#!/bin/sh'
    # shellcheck disable=SC2016
    printf '%s\n' 'here=$(dirname "$0")' 'tree=${here%/*}/tree'
    if [[ $program ]]; then
      echo "export LD_LIBRARY_PATH=\"$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}\""
      echo "exec \"\$tree/$program\" $*"
    else
      # without this directory, or it would find itself
      printf '%s\n' "program=\$(PATH=\$(echo \"\$PATH:/usr/bin\" | tr : '\\n' | grep -vxF \"\$here\" | paste -sd:) && command -v ${file##*/})"
      echo "exec \"\$program\" $*"
    fi
  } >"$file"
  chmod +x "$file"
}

release_dir() {
  if [[ $1 == old ]]; then echo "$LAB_CACHE/mariadb-$OLD_VERSION"; else echo "$LAB_CACHE/mariadb-$NEW_VERSION"; fi
}

# What the release's server says of itself, run with its own libraries.
release_version() {
  local words
  words=$("$1/bin/mariadbd" --no-defaults --version 2>&1) || {
    warn "$words"
    return 1
  }
  [[ $words =~ Ver\ ([0-9]+\.[0-9]+\.[0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# Names every library that a program of the release asks for and does not find.
verify_libraries() {
  local dir=$1 file lost
  for file in "$dir"/tree/usr/sbin/mariadbd "$dir"/tree/usr/bin/{mariadb,my_print_defaults,rsync} \
    "$dir"/tree/usr/lib/libgalera_smm.so; do
    [[ -e $file ]] || continue
    lost=$(LD_LIBRARY_PATH=$dir/tree/usr/lib/$HOSTTYPE-linux-gnu:$dir/tree/lib/$HOSTTYPE-linux-gnu \
      ldd "$file" 2>/dev/null | awk '/not found/ { print $1 }' | sort -u | paste -sd' ')
    [[ ! $lost ]] || die "${file##*/} of $(basename "$dir") lacks: $lost"
  done
}
