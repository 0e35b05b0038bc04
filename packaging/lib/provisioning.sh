# shellcheck shell=bash
# provisioning.sh - what installers share. Source it first:   . "$PROVISIONING_LIB"
#
# Exit codes (the installer contract): 1 validation, 2 installation, 3 configuration. Every function here that fails
# ends the script with the one that fits, after a sentence. All of them do nothing where there is nothing to do.
# Works with and without systemd as PID 1, and where a policy-rc.d refuses service starts. Debian and its relatives.

export DEBIAN_FRONTEND=noninteractive
: "${PROVISIONING_STATE_DIR:=/var/lib/provisioning/apps/${PROVISIONING_APP_ID:-unknown}}"

log() { printf '[%s] %s\n' "$(date -u +%FT%TZ)" "$*"; }
warning() { printf '::warning %s\n' "$*"; }
# error SENTENCE [EXIT-CODE]: ends the script; 2 (installation error) unless told otherwise.
error() { log "ERROR: $1" >&2; exit "${2:-2}"; }
# progress PERCENT SENTENCE
progress() { printf '::progress %s %s\n' "$1" "$2"; }
# output NAME VALUE: a result that the platform keeps with the job.
output() { printf '::output %s=%s\n' "$1" "$2"; }

has_systemd() { [ -d /run/systemd/system ]; }

# ---- packages

# How long dpkg's lock is waited for: unattended upgrades hold it for minutes.
: "${PROVISIONING_DPKG_LOCK_SECONDS:=300}"

package_installed() { [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }

# Finishes what a power cut in the middle of dpkg left half configured.
repair_dpkg() {
  [ -z "$(dpkg --audit 2>/dev/null)" ] && return 0
  log "finishing an interrupted package installation"
  wait_for_dpkg_lock
  dpkg --force-confdef --force-confold --configure -a || error "dpkg --configure -a failed"
  apt-get -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" install -y -qq --fix-broken ||
    error "apt-get could not repair broken packages"
}

# Waits until nobody holds dpkg's lock (asked of the kernel, as dpkg takes it with fcntl).
wait_for_dpkg_lock() {
  local end=$((SECONDS + PROVISIONING_DPKG_LOCK_SECONDS)) said='' inode
  inode=$(stat -c %i /var/lib/dpkg/lock-frontend 2>/dev/null) || return 0
  while grep -qE "POSIX .*:$inode 0 " /proc/locks; do
    [ "$SECONDS" -lt "$end" ] || error "another package manager held dpkg's lock for $PROVISIONING_DPKG_LOCK_SECONDS s"
    [ -n "$said" ] || { log "another package manager holds dpkg's lock: waiting"; said=1; }
    sleep 1
  done
}

# Without the Error-Mode, an update whose mirror is down exits 0 and leaves yesterday's lists.
apt_update() {
  apt-get -o APT::Update::Error-Mode=any -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" -qq update ||
    error "apt-get update failed: the package mirror cannot be reached, or answers wrongly"
}

# ensure_package NAME..: installs what is missing; notes all that this brings, so that remove_packages can undo it.
ensure_package() {
  local missing=() package
  repair_dpkg
  for package in "$@"; do package_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || { log "already installed: $*"; return 0; }
  mkdir -p "$PROVISIONING_STATE_DIR" || error "cannot write to $PROVISIONING_STATE_DIR"
  wait_for_dpkg_lock
  apt_update
  # Noted before, not after: a run that is killed in between must still know that these are its own.
  apt-get -s install --no-install-recommends "${missing[@]}" | awk '$1 == "Inst" {print $2}' \
    >>"$PROVISIONING_STATE_DIR/packages" || error "apt-get finds no way to install: ${missing[*]}"
  apt-get -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold install -y -qq --no-install-recommends "${missing[@]}" ||
    error "apt-get could not install: ${missing[*]}"
}

# package_is_ours NAME: ensure_package installed it, not somebody before us.
package_is_ours() { grep -qxF "$1" "$PROVISIONING_STATE_DIR/packages" 2>/dev/null; }

# remove_packages: purges what ensure_package installed. What something else came to need in the meantime stays.
remove_packages() {
  local ours=() foreign package list=$PROVISIONING_STATE_DIR/packages
  [ -e "$list" ] || return 0
  repair_dpkg
  while read -r package; do
    [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) != ?[!n]* ]] || ours+=("$package")
  done < <(sort -u "$list")
  if [ ${#ours[@]} -gt 0 ]; then
    wait_for_dpkg_lock
    foreign=$(apt-get -s purge "${ours[@]}" | awk '$1 == "Purg" || $1 == "Remv" {print $2}' | grep -vxFf "$list") || true
    if [ -n "$foreign" ]; then
      warning "kept ${ours[*]}: still needed by ${foreign//$'\n'/, }"
    else
      apt-get -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" purge -y -qq "${ours[@]}" ||
        error "apt-get could not remove: ${ours[*]}"
    fi
  fi
  rm -f "$list"
}

# ---- files

# make_directory PATH: notes what it makes, so that restore_files takes it away again once it is empty.
make_directory() {
  local path=$1 new=()
  while [ ! -d "$path" ]; do
    new+=("$path")
    path=$(dirname "$path")
  done
  if ! { mkdir -p "$PROVISIONING_STATE_DIR/before" && chmod 0700 "$PROVISIONING_STATE_DIR"; }; then
    error "cannot write to $PROVISIONING_STATE_DIR" 3
  fi
  [ ${#new[@]} -gt 0 ] || return 0
  printf '%s\n' "${new[@]}" >>"$PROVISIONING_STATE_DIR/directories"
  mkdir -p "$1" || error "cannot make the directory $1" 3
}

# write_file PATH [MODE [OWNER:GROUP]] <content: atomic, and nothing at all where it is so already. Keeps, once, what
# stood there before the installer came (restore_files), and what stood there before this write (undo_file).
# Sets FILE_CHANGED to true or false.
write_file() {
  local path=$1 mode=${2:-0644} owner=${3:-root:root} state=$PROVISIONING_STATE_DIR temporary
  make_directory "$(dirname "$path")"
  mkdir -p "$(dirname "$state/before$path")" || error "cannot write to $state" 3
  temporary=$(mktemp "$path.XXXXXX") || error "cannot write beside $path" 3
  if ! { cat >"$temporary" && chown "$owner" "$temporary" && chmod "$mode" "$temporary"; }; then
    rm -f "$temporary"
    error "cannot write $path: is the disk full?" 3
  fi
  FILE_CHANGED=false
  if [ ! -L "$path" ] && cmp -s "$temporary" "$path" &&
    [ "$(stat -c %a:%u:%g "$path")" = "$(stat -c %a:%u:%g "$temporary")" ]; then
    rm -f "$temporary"
    return 0
  fi
  keep_original "$path"
  rm -f "$state/previous"
  if [ -e "$path" ]; then cp -a "$path" "$state/previous" || error "cannot keep a copy of $path" 3; fi
  mark_changed
  if ! { sync "$temporary" && mv -T "$temporary" "$path"; }; then
    rm -f "$temporary"
    error "cannot put $path in place" 3
  fi
  # shellcheck disable=SC2034 # for the caller
  FILE_CHANGED=true
  log "wrote $path"
}

# files_changed: did write_file change anything that no service has taken up yet? On disk, so that a run that is killed
# between writing and reloading leaves that to the next one, which finds nothing more to write.
files_changed() { [ -e "$PROVISIONING_STATE_DIR/changed" ]; }
mark_changed() { : >"$PROVISIONING_STATE_DIR/changed" || error "cannot write to $PROVISIONING_STATE_DIR" 3; }
changes_taken_up() { rm -f "$PROVISIONING_STATE_DIR/changed"; }

# keep_original PATH: remembers, the first time, what is there; before a change that write_file does not make.
keep_original() {
  local path=$1 backup=$PROVISIONING_STATE_DIR/before$1
  if [ -e "$backup" ] || [ -L "$backup" ] || [ -e "$backup.absent" ]; then return 0; fi
  mkdir -p "$(dirname "$backup")" || error "cannot write to $PROVISIONING_STATE_DIR" 3
  if [ ! -e "$path" ] && [ ! -L "$path" ]; then
    : >"$backup.absent" || error "cannot write to $PROVISIONING_STATE_DIR" 3
  elif ! { cp -aT "$path" "$backup.part" && mv -T "$backup.part" "$backup"; }; then
    error "cannot keep a copy of $path" 3
  fi
}

# undo_file PATH: takes back the last write_file, which must have been of PATH and have changed it.
undo_file() {
  if [ -e "$PROVISIONING_STATE_DIR/previous" ]; then
    mv -T "$PROVISIONING_STATE_DIR/previous" "$1"
  else
    rm -f "$1"
  fi
}

# restore_files: every file written or kept is again what it was before the first install, or gone where nothing was.
# Empty directories of our making go too.
restore_files() {
  local root=$PROVISIONING_STATE_DIR/before backup path
  [ -d "$root" ] || return 0
  while IFS= read -r -d '' backup; do
    path=${backup#"$root"}
    if [[ $path == *.absent ]]; then
      rm -f "${path%.absent}" "$backup" || error "cannot remove ${path%.absent}" 3
    elif [ -d "$(dirname "$path")" ]; then
      mv -T "$backup" "$path" || error "cannot restore $path" 3
    fi
    log "restored ${path%.absent}"
  done < <(find "$root" ! -type d -print0)
  rm -rf "${root:?}"
}

# forget_state: last in an uninstall, after restore_files and remove_packages.
forget_state() {
  local path
  while read -r path; do
    rmdir --ignore-fail-on-non-empty "$path" 2>/dev/null || true
  done < <(sort -ru "$PROVISIONING_STATE_DIR/directories" 2>/dev/null)
  rm -rf "${PROVISIONING_STATE_DIR:?}"/{before,previous,changed,packages,directories}
  rmdir --ignore-fail-on-non-empty "$PROVISIONING_STATE_DIR" 2>/dev/null || true
}

# ---- services

unit_setting() { # UNIT DIRECTIVE: its value in the unit file
  local directory
  for directory in /etc/systemd/system /lib/systemd/system; do
    [ -e "$directory/$1.service" ] || continue
    sed -n "s/^$2=[-@:+!]*//p" "$directory/$1.service" | head -n 1
    return
  done
}

# unit_process UNIT: the id of its main process, without systemd to ask: the one its PIDFile names, if that really is
# the unit's program (a stale file may name a stranger by now).
unit_process() {
  local pid program
  pid=$(cat "$(unit_setting "$1" PIDFile)" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  program=$(unit_setting "$1" ExecStart)
  [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "${program%% *}")" ] && echo "$pid"
}

service_active() {
  if has_systemd; then systemctl is-active --quiet "$1"; else unit_process "$1" >/dev/null; fi
}

# ensure_service NAME [reload|restart|keep]: enabled and running. Where it runs already: reload (default; the gentle
# way, restart if that fails), restart, or keep as it is.
ensure_service() {
  local name=$1 how=${2:-reload}
  if has_systemd; then
    systemctl is-enabled --quiet "$name" 2>/dev/null || systemctl enable --quiet "$name" || error "cannot enable $name" 3
    if ! systemctl is-active --quiet "$name"; then
      systemctl start "$name" || { journalctl -u "$name" -n 20 --no-pager || true; error "$name does not start" 3; }
    elif [ "$how" = reload ]; then
      systemctl reload-or-restart "$name" || error "$name does not take its new configuration" 3
    elif [ "$how" = restart ]; then
      systemctl restart "$name" || { journalctl -u "$name" -n 20 --no-pager || true; error "$name does not restart" 3; }
    fi
    service_active "$name" || error "$name is not active" 3
    return 0
  fi
  if ! service_active "$name"; then
    start_without_systemd "$name"
  elif [ "$how" = reload ]; then
    kill -HUP "$(unit_process "$name")" || error "$name does not take its new configuration" 3
  elif [ "$how" = restart ]; then
    stop_service "$name"
    start_without_systemd "$name"
  fi
}

# The init script, where there is one, starts a daemon as the distribution means it; called directly, since
# invoke-rc.d would obey a policy-rc.d that is meant for package installation.
start_without_systemd() {
  local name=$1 i
  [ -x "/etc/init.d/$name" ] || error "$name has no init script, and systemd is not running here" 3
  "/etc/init.d/$name" start </dev/null || error "$name does not start" 3
  for i in $(seq 100); do
    service_active "$name" && return 0
    sleep 0.1
  done
  error "$name does not run $((i / 10)) s after its start" 3
}

# stop_service NAME: stopped; fine where it does not exist.
stop_service() {
  local name=$1 i
  if has_systemd; then
    if systemctl cat "$name" >/dev/null 2>&1; then
      systemctl stop "$name" || error "$name does not stop" 3
    fi
    return 0
  fi
  service_active "$name" || return 0
  [ ! -x "/etc/init.d/$name" ] || "/etc/init.d/$name" stop </dev/null || true
  for i in $(seq 100); do
    service_active "$name" || return 0
    # An init script without its pid file stops nothing.
    [ "$i" != 30 ] || kill -TERM "$(unit_process "$name")" 2>/dev/null || true
    sleep 0.1
  done
  error "$name does not stop" 3
}

# wait_for_port PORT [SECONDS]: until something takes connections there on loopback; 1 if nothing does.
wait_for_port() {
  local end=$((SECONDS + ${2:-10}))
  until (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# ---- inputs: the platform has validated them by the manifest; a script run by hand has not been.

require_input() { [ -n "${!1:-}" ] || error "$1 is not set" 1; }
# match_input NAME REGEX SENTENCE: the whole value, newlines included.
match_input() { [[ ${!1-} =~ ^($2)$ && ${!1-} != *$'\n'* ]] || error "$1: $3" 1; }
port_input() {
  match_input "$1" '[0-9]{1,5}' "a port is a number from 1 to 65535"
  ((10#${!1} >= 1 && 10#${!1} <= 65535)) || error "$1: a port is a number from 1 to 65535" 1
}
