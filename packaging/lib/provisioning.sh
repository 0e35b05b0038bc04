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

package_status() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null; }
package_installed() { [ "$(package_status "$1")" = 'ii ' ]; }
# Installed, or half so, or only its configuration: there is something to purge.
package_present() { [[ $(package_status "$1") == ?[!n]* ]]; }

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
  strike_absent_packages
  for package in "$@"; do package_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || { log "already installed: $*"; return 0; }
  mkdir -p "$PROVISIONING_STATE_DIR" || error "cannot write to $PROVISIONING_STATE_DIR"
  wait_for_dpkg_lock
  apt_update
  # Noted before, not after: a run that is killed in between must still know that these are its own. What is only
  # upgraded (its old version stands in brackets) was there before.
  apt-get -s install --no-install-recommends "${missing[@]}" | awk '$1 == "Inst" && $3 !~ /^\[/ {print $2}' |
    sort >>"$PROVISIONING_STATE_DIR/packages" || error "apt-get finds no way to install: ${missing[*]}"
  apt-get -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold install -y -qq --no-install-recommends "${missing[@]}" || {
    strike_absent_packages
    error "apt-get could not install: ${missing[*]}"
  }
}

# What was noted and never came is not ours: somebody else may install it later.
strike_absent_packages() {
  local package list=$PROVISIONING_STATE_DIR/packages
  [ -e "$list" ] || return 0
  while read -r package; do
    ! package_present "$package" || echo "$package"
  done < <(sort -u "$list") >"$list.new"
  mv -T "$list.new" "$list" || error "cannot write to $PROVISIONING_STATE_DIR"
}

# package_is_ours NAME: ensure_package installed it, not somebody before us.
package_is_ours() { grep -qxF "$1" "$PROVISIONING_STATE_DIR/packages" 2>/dev/null; }

# remove_packages: purges what ensure_package installed. What something else came to need in the meantime stays.
remove_packages() {
  local ours=() foreign list=$PROVISIONING_STATE_DIR/packages
  [ -e "$list" ] || return 0
  repair_dpkg
  strike_absent_packages
  mapfile -t ours <"$list"
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

# make_directory PATH: notes what it makes, so that forget_state takes it away again once it is empty.
make_directory() {
  note_directory "$1"
  mkdir -p "$1" || error "cannot make the directory $1" 3
}

# note_directory PATH: the same for a directory that something else is about to make.
note_directory() {
  local path=$1 new=() list=$PROVISIONING_STATE_DIR/directories
  while [ ! -d "$path" ]; do
    grep -qxF "$path" "$list" 2>/dev/null || new+=("$path")
    path=$(dirname "$path")
  done
  if ! { mkdir -p "$PROVISIONING_STATE_DIR/before" && chmod 0700 "$PROVISIONING_STATE_DIR"; }; then
    error "cannot write to $PROVISIONING_STATE_DIR" 3
  fi
  [ ${#new[@]} = 0 ] || printf '%s\n' "${new[@]}" >>"$list"
}

# write_file PATH [MODE [OWNER:GROUP]] <content: atomic, and nothing at all where it is so already. Keeps, once, what
# stood there before the installer came (restore_files), and what the services last took up (undo_files).
# Sets FILE_CHANGED to true or false.
write_file() {
  local path=$1 mode=${2:-0644} owner=${3:-root:root} temporary
  make_directory "$(dirname "$path")"
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
  keep_for_undo "$path"
  note_written "$path" "$temporary"
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
files_changed() { [ -e "$PROVISIONING_STATE_DIR/pending" ]; }
changes_taken_up() { rm -rf "${PROVISIONING_STATE_DIR:?}/pending"; }

# keep_original PATH: remembers, the first time, what is there; before a change that write_file does not make.
keep_original() { keep_copy "$PROVISIONING_STATE_DIR/before" "$1"; }
# keep_for_undo PATH: the same, for undo_files.
keep_for_undo() { keep_copy "$PROVISIONING_STATE_DIR/pending" "$1"; }

keep_copy() { # ROOT PATH: what is at PATH, or that nothing is, goes below ROOT, if it is not there yet
  local path=$2 backup=$1$2
  if [ -e "$backup" ] || [ -L "$backup" ] || [ -e "$backup.absent" ]; then return 0; fi
  mkdir -p "$(dirname "$backup")" || error "cannot write to $PROVISIONING_STATE_DIR" 3
  if [ ! -e "$path" ] && [ ! -L "$path" ]; then
    : >"$backup.absent" || error "cannot write to $PROVISIONING_STATE_DIR" 3
  elif ! { cp -aT "$path" "$backup.part" && mv -T "$backup.part" "$backup"; }; then
    error "cannot keep a copy of $path" 3
  fi
}

# note_written PATH [FILE]: the content of FILE (default: PATH) is the installer's own at PATH, so restore_files may take
# it away. write_file notes what it writes; this is for what a program of the installer's wrote.
note_written() {
  local line
  line="$(sha256sum <"${2:-$1}") $1" || error "cannot read ${2:-$1}" 3
  is_as_written "$1" "${2:-$1}" || echo "$line" >>"$PROVISIONING_STATE_DIR/written" ||
    error "cannot write to $PROVISIONING_STATE_DIR" 3
}
is_as_written() { # PATH [FILE]
  [ ! -L "$1" ] && grep -qxF "$(sha256sum <"${2:-$1}") $1" "$PROVISIONING_STATE_DIR/written" 2>/dev/null
}

# undo_files: takes back every write that no service has taken up.
undo_files() {
  put_back "$PROVISIONING_STATE_DIR/pending" always
  remove_empty_directories
}

# restore_files: every file written or kept is again what it was before the first install, or gone where nothing was.
# What somebody else has changed since stays as it is.
restore_files() { put_back "$PROVISIONING_STATE_DIR/before" as_written; }

put_back() { # ROOT always|as_written
  local root=$1 backup path
  [ -d "$root" ] || return 0
  while IFS= read -r -d '' backup; do
    path=${backup#"$root"}
    path=${path%.absent}
    if [ "$2" = as_written ] && { [ -e "$path" ] || [ -L "$path" ]; } && ! is_as_written "$path"; then
      warning "left $path as it is: it is not what the installer wrote"
      continue
    fi
    if [[ $backup == *.absent ]]; then
      rm -f "$path" "$backup" || error "cannot remove $path" 3
    elif [ -d "$(dirname "$path")" ]; then
      mv -T "$backup" "$path" || error "cannot restore $path" 3
    fi
    log "restored $path"
  done < <(find "$root" ! -type d -print0)
  rm -rf "${root:?}"
}

# forget_state: last in an uninstall, after restore_files and remove_packages.
forget_state() {
  remove_empty_directories
  rm -rf "${PROVISIONING_STATE_DIR:?}"/{before,pending,written,packages,directories}
  rmdir --ignore-fail-on-non-empty "$PROVISIONING_STATE_DIR" 2>/dev/null || true
}
remove_empty_directories() { # of our making
  local path
  while read -r path; do
    rmdir --ignore-fail-on-non-empty "$path" 2>/dev/null || true
  done < <(sort -ru "$PROVISIONING_STATE_DIR/directories" 2>/dev/null)
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

# unit_process UNIT: the id of its main process. Without systemd to ask: the one its PIDFile names, if that really is
# the unit's program (a stale file may name a stranger by now), or was before an upgrade replaced it on disk.
unit_process() {
  local pid program running
  if has_systemd; then
    pid=$(systemctl show -p MainPID --value "$1") && [ "${pid:-0}" != 0 ] && echo "$pid"
    return
  fi
  pid=$(cat "$(unit_setting "$1" PIDFile)" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  program=$(unit_setting "$1" ExecStart)
  running=$(readlink "/proc/$pid/exe") || return 1
  [ "${running% (deleted)}" = "$(readlink -f "${program%% *}")" ] && echo "$pid"
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
    # A service that failed too often to be started, for a reason that is gone now, may be started again; also one that runs
    # only since a moment ago.
    systemctl reset-failed "$name" 2>/dev/null || true
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

# ---- ports

# listeners PORT: "ADDRESS SOCKET" of whatever listens on that TCP port, as /proc/net/tcp writes them.
listeners() {
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port=":$(printf %04X "$1")" \
    '$4 == "0A" && substr($2, length($2) - 4) == port {print substr($2, 1, length($2) - 5), $10}'
}
ipv4_hex() { # as /proc/net/tcp writes it: 127.0.0.1 is 0100007F
  local parts
  IFS=. read -ra parts <<<"$1"
  printf %02X "${parts[3]}" "${parts[2]}" "${parts[1]}" "${parts[0]}"
}

# require_port_free PORT UNIT [IP]: ends the script with 3 where somebody other than UNIT listens on that port, so that
# UNIT could not at IP (default: at every address).
require_port_free() {
  local address socket holder
  while read -r address socket; do
    ! socket_in_the_way "$address" "${3:-0.0.0.0}" || service_holds "$2" "$socket" || {
      holder=$(find /proc/[0-9]*/fd -lname "socket:\[$socket\]" -print -quit 2>/dev/null | cut -d/ -f3) || true
      error "port $1 is taken by ${holder:+$(cat "/proc/$holder/comm"), process }${holder:-another program}: stop it, or choose another port" 3
    }
  done < <(listeners "$1")
}
# An IPv6 socket at every address takes IPv4's, too, unless told not to, which cannot be seen.
socket_in_the_way() { # ADDRESS IP
  [[ $1 =~ ^0+$ || $2 == 0.0.0.0 || $2 == :: ]] && return
  if [[ $2 == *:* ]]; then [ ${#1} = 32 ]; else [[ $1 == *"$(ipv4_hex "$2")" ]]; fi
}
service_holds() { # UNIT SOCKET
  local pid
  pid=$(unit_process "$1") && [[ $'\n'$(readlink "/proc/$pid/fd/"*)$'\n' == *$'\n'"socket:[$2]"$'\n'* ]]
}

# wait_for_port PORT UNIT [IPV4 [SECONDS]]: until UNIT itself takes connections there (default: at every address, for
# 10 s); 1 if it does not.
wait_for_port() {
  local wanted address socket end=$((SECONDS + ${4:-10}))
  wanted=$(ipv4_hex "${3:-0.0.0.0}")
  while :; do
    while read -r address socket; do
      [ "$address" != "$wanted" ] || ! service_holds "$2" "$socket" || return 0
    done < <(listeners "$1")
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
