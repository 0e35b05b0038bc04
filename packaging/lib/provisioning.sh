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

# ensure_package NAME..: installs what is missing; notes what it installed, so that forget_packages can undo it.
ensure_package() {
  local missing=() package
  repair_dpkg
  for package in "$@"; do package_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || { log "already installed: $*"; return 0; }
  mkdir -p "$PROVISIONING_STATE_DIR" || error "cannot write to $PROVISIONING_STATE_DIR"
  # Noted before, not after: a run that is killed in between must still know that these are its own.
  printf '%s\n' "${missing[@]}" >>"$PROVISIONING_STATE_DIR/packages"
  wait_for_dpkg_lock
  apt_update
  apt-get -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold install -y -qq --no-install-recommends "${missing[@]}" ||
    error "apt-get could not install: ${missing[*]}"
}

# Removes the packages that ensure_package installed, with what only they needed; others stay.
forget_packages() {
  local ours=() package list=$PROVISIONING_STATE_DIR/packages
  [ -e "$list" ] || return 0
  repair_dpkg
  while read -r package; do
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | cut -c2)" = n ] || ours+=("$package")
  done < <(sort -u "$list")
  if [ ${#ours[@]} -gt 0 ]; then
    wait_for_dpkg_lock
    apt-get -o DPkg::Lock::Timeout="$PROVISIONING_DPKG_LOCK_SECONDS" purge -y -qq --autoremove "${ours[@]}" ||
      error "apt-get could not remove: ${ours[*]}"
  fi
  rm -f "$list"
}

# ---- files

# write_file PATH [MODE] <content: atomic; keeps, once, what stood there before, for restore_file. Sets FILE_CHANGED.
# shellcheck disable=SC2034 # FILE_CHANGED is for the caller
write_file() {
  local path=$1 mode=${2:-0644} backup temporary
  backup=$PROVISIONING_STATE_DIR/before$path
  mkdir -p "$(dirname "$path")" "$(dirname "$backup")" || error "cannot make $(dirname "$path")" 3
  chmod 0700 "$PROVISIONING_STATE_DIR"
  temporary=$(mktemp "$path.XXXXXX") || error "cannot write beside $path" 3
  if ! cat >"$temporary" || ! chmod "$mode" "$temporary"; then
    rm -f "$temporary"
    error "cannot write $path: is the disk full?" 3
  fi
  if [ -e "$path" ] && cmp -s "$temporary" "$path" && [ "$(stat -c %a "$path")" = "$(stat -c %a "$temporary")" ]; then
    rm -f "$temporary"
    FILE_CHANGED=false
    return 0
  fi
  if [ ! -e "$backup" ] && [ ! -L "$backup" ] && [ ! -e "$backup.absent" ]; then
    if [ -e "$path" ] || [ -L "$path" ]; then
      cp -a "$path" "$backup.part" && mv -T "$backup.part" "$backup" || error "cannot keep a copy of $path" 3
    else
      : >"$backup.absent"
    fi
  fi
  sync "$temporary" && mv -T "$temporary" "$path" || error "cannot put $path in place" 3
  FILE_CHANGED=true
  log "wrote $path"
}

# restore_file PATH: puts back what write_file found there; removes it where nothing was; else does nothing.
restore_file() {
  local path=$1 backup=$PROVISIONING_STATE_DIR/before$1
  if [ -e "$backup" ] || [ -L "$backup" ]; then
    # The package's own directory may be gone by now: then so is the reason to restore.
    if [ -d "$(dirname "$path")" ]; then
      mv -T "$backup" "$path" || error "cannot restore $path" 3
    else
      rm -f "$backup"
    fi
  elif [ -e "$backup.absent" ]; then
    rm -f "$path" || error "cannot remove $path" 3
    rm -f "$backup.absent"
  fi
}

# ---- services

# unit_processes UNIT: ids of the running processes of the unit's program. Without systemd there is nobody to ask,
# so the program's path is compared with /proc/*/exe.
unit_processes() {
  local program link
  program=$(unit_program "$1") || return 0
  program=$(readlink -f "$program") || return 0
  for link in /proc/[0-9]*/exe; do
    [ "$(readlink -f "$link" 2>/dev/null)" = "$program" ] && basename "$(dirname "$link")"
  done
  return 0
}
unit_command() { # UNIT DIRECTIVE: its first value, specifier-free units only
  local file
  for file in /etc/systemd/system /lib/systemd/system; do
    [ -e "$file/$1.service" ] || continue
    sed -n "s/^$2=[-@:+!]*//p" "$file/$1.service" | head -n 1
    return
  done
  return 1
}
unit_program() { local command; command=$(unit_command "$1" ExecStart) && [ -n "$command" ] && echo "${command%% *}"; }

service_active() {
  if has_systemd; then systemctl is-active --quiet "$1"; else [ -n "$(unit_processes "$1")" ]; fi
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
    # HUP to the oldest process of the program: its master, which hands the news on.
    kill -HUP "$(unit_processes "$name" | sort -n | head -n 1)" || error "$name does not take its new configuration" 3
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

# stop_service NAME: stopped and disabled; fine where it does not exist.
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
    # shellcheck disable=SC2046 # one word for each process is meant
    [ "$i" != 30 ] || kill -TERM $(unit_processes "$name") 2>/dev/null || true
    sleep 0.1
  done
  error "$name does not stop" 3
}

# ---- inputs: the platform has validated them by the manifest; a script run by hand has not been.

require_input() { [ -n "${!1:-}" ] || error "$1 is not set" 1; }
# match_input NAME REGEX SENTENCE: the whole value, newlines included.
match_input() { [[ ${!1-} =~ ^($2)$ && ${!1-} != *$'\n'* ]] || error "$1: $3" 1; }
port_input() { [[ ${!1-} =~ ^[0-9]{1,5}$ ]] && ((10#${!1} >= 1 && 10#${!1} <= 65535)) || error "$1: a port is a number from 1 to 65535" 1; }
