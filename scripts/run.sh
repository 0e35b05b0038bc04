# shellcheck shell=bash
# ./dev up, down, status and logs: a panel and an agent of this checkout, as processes of this machine. Sourced by dev.
#
# As root the panel runs as `provisioning` and the agent's network process as `provisioning-agent`; as anyone else the
# panel is you, and the agent goes by sudo. One checkout has one panel and one agent: their directories carry a hash of
# its path. Where systemd is PID 1 they are transient units, elsewhere daemons with a pid file.

# What ./dev up was told once holds until it is told otherwise.
remembered() { [ ! -e var/settings ] || sed -n "s/^$1=//p" var/settings | tail -n 1; }
setting() { # NAME DEFAULT
  local value=${!1:-$(remembered "$1")}
  printf -v "$1" %s "${value:-$2}"
}
setting PANEL_LISTEN 127.0.0.1:5000
setting AGENT_ID "agent-$(hostname)"
setting CONTAINMENT ''
PANEL_URL=http://$PANEL_LISTEN
HASH=$(pwd -P | cksum | cut -d' ' -f1)
BIN=$PWD/build/release
AGENT_STATE=/var/lib/provisioning/agent/$HASH
APPS_STATE=/var/lib/provisioning/apps
AGENT_LOGS=/var/log/provisioning
RUN=$PWD/var/run
if [ "$(id -u)" = 0 ]; then PANEL_USER=provisioning; else PANEL_USER=$(id -un); fi

has_systemd() { [ -d /run/systemd/system ]; }
unit() { echo "provisioning-dev-$HASH-$1"; }

ctl() { "$BIN/provisionctl" --panel "$PANEL_URL" --token-file var/admin-token "$@"; }

# as_panel COMMAND..: as the panel's user, with no way back.
as_panel() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid "$PANEL_USER" --regid "$PANEL_USER" --clear-groups --no-new-privs -- "$@"
  else "$@"; fi
}

make_user() { # NAME
  id "$1" >/dev/null 2>&1 || as_root useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}

# Where the panel runs from: the checkout, or, where its user cannot reach that, a place of its own.
place_panel() {
  INSTALLERS=$PWD/installers
  PANEL_BIN=$BIN/provisioning-panel
  PANEL_DIR=$PWD/var/panel
  STAGED=
  if [ "$(id -u)" = 0 ]; then
    as_root install -d -m 755 /var/lib/provisioning /var/log/provisioning
    as_root install -d -m 700 -o provisioning -g provisioning /var/lib/provisioning/panel /var/log/provisioning/panel
    if ! as_panel test -r "$INSTALLERS/hello/manifest.yml" || ! as_panel test -x "$PANEL_BIN"; then
      # Root's own, all the way up: root does not work in a directory that the panel's user could swap.
      STAGED=/var/lib/provisioning/staged/$HASH
      install -d -m 755 /var/lib/provisioning/staged "$STAGED" "$STAGED/bin" "$STAGED/installers"
      INSTALLERS=$STAGED/installers
      PANEL_BIN=$STAGED/bin/provisioning-panel
      PANEL_DIR=/var/lib/provisioning/panel/$HASH
      as_panel mkdir -p -m 700 "$PANEL_DIR"
    else
      install -d -m 755 var
      install -d -m 700 -o provisioning -g provisioning "$PANEL_DIR"
    fi
  else
    install -d -m 700 "$PANEL_DIR"
  fi
}

# What the panel needs where it cannot reach the checkout. The installers are followed live: a bind mount where that
# is allowed, else a copy at each ./dev up.
stage_panel() {
  [ -n "$STAGED" ] || return 0
  say "the user provisioning cannot reach $PWD: the panel runs from $STAGED"
  if ! cmp -s "$BIN/provisioning-panel" "$PANEL_BIN"; then
    install -m 755 "$BIN/provisioning-panel" "$PANEL_BIN.new" && mv "$PANEL_BIN.new" "$PANEL_BIN"
  fi
  mountpoint -q "$INSTALLERS" && return 0
  if mount --bind "$PWD/installers" "$INSTALLERS" 2>/dev/null; then
    say "its installers are this checkout's, mounted"
  else
    rm -rf "${INSTALLERS:?}"/* && cp -R installers/. "$INSTALLERS/" && chmod -R go+rX "$INSTALLERS"
    say "its installers are a copy, taken now: mounting is not allowed here"
  fi
}

make_secrets() {
  install -d -m 755 var; install -d -m 700 "$RUN"
  # A panel's state that outlived var/ keeps its secret: every key follows from it.
  if [ ! -s var/secret-key ]; then
    (umask 077; as_panel cat "$PANEL_DIR/secret-key" >var/secret-key 2>/dev/null ||
      head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' >var/secret-key)
  fi
  # shellcheck disable=SC2016 # the other shell expands it
  as_panel sh -c 'umask 077; cat >"$1.new" && mv "$1.new" "$1"' _ "$PANEL_DIR/secret-key" <var/secret-key
}

panel_environment() {
  export SECRET_KEY_FILE=$PANEL_DIR/secret-key STATE_DIR=$PANEL_DIR INSTALLERS_DIR=$INSTALLERS PANEL_LISTEN
  if [ "$(id -u)" = 0 ]; then export LOG_DIR=/var/log/provisioning/panel; else export LOG_DIR=$PWD/var/log; fi
}

# running NAME: whether the process of its pid file is still that process.
running() {
  if has_systemd; then as_root systemctl is-active -q "$(unit "$1")"; return; fi
  local pid started
  { read -r pid started <"$RUN/$1.pid"; } 2>/dev/null || return 1
  [ "$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null)" = "$started" ]
}

# start NAME (panel|agent) COMMAND..
start() {
  local name=$1; shift
  if has_systemd; then
    local by=() var
    [ "$name" = agent ] || by=(--uid="$PANEL_USER")
    for var in SECRET_KEY_FILE STATE_DIR INSTALLERS_DIR LOG_DIR PANEL_LISTEN; do
      [ "$name" = agent ] || by+=("--setenv=$var=${!var}")
    done
    as_root systemctl reset-failed "$(unit "$name")" 2>/dev/null || true
    as_root systemd-run -q --unit="$(unit "$name")" "${by[@]}" -p Type=notify -p Restart=always -p RestartSec=1 \
      -p StartLimitIntervalSec=0 -p WatchdogSec=60 \
      -p Delegate=yes -p KillMode=process -p OOMPolicy=continue -p TasksMax=infinity -- "$@" && return
    journal "$name"; return 1
  fi
  if [ "$name" = agent ]; then as_root setsid -f bash -c "$DAEMON" daemon "$RUN/agent" "$@"
  elif [ "$(id -u)" = 0 ]; then
    setsid -f bash -c "$DAEMON" daemon "$RUN/panel" \
      setpriv --reuid "$PANEL_USER" --regid "$PANEL_USER" --clear-groups --no-new-privs -- "$@"
  else setsid -f bash -c "$DAEMON" daemon "$RUN/panel" "$@"; fi
  wait_for 5 "the $name" running "$name" || { journal "$name"; return 1; }
}

# Says which process it is, with the time it started, and becomes the program.
# shellcheck disable=SC2016
DAEMON='at=$1; shift; echo "$$ $(cut -d" " -f22 /proc/$$/stat)" >"$at.pid"; exec "$@" </dev/null >>"$at.log" 2>&1'

# The last words of a process that did not come up.
journal() {
  if has_systemd; then as_root journalctl -q -n 15 --no-pager -u "$(unit "$1")" >&2 || true
  else tail -n 15 "$RUN/$1.log" >&2 || true; fi
}

wait_for() { # SECONDS WHAT COMMAND..
  local until=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || { say "$what did not come up"; return 1; }
    sleep 0.2
  done
}

start_panel() {
  panel_environment
  if running panel; then return; fi
  if curl -s -o /dev/null -m 2 "$PANEL_URL/"; then
    die "something else listens on $PANEL_LISTEN: stop it, or choose another port: PANEL_LISTEN=127.0.0.1:5001 ./dev up"
  fi
  say "starting the panel as $PANEL_USER"
  start panel "$PANEL_BIN" || die "the panel did not start"
  wait_for 20 "the panel" curl -sf -o /dev/null "$PANEL_URL/api/ready" || { journal panel; exit 1; }
}

make_admin_token() {
  [ -s var/admin-token ] && ctl health >/dev/null 2>&1 && return
  (umask 077; as_panel "$PANEL_BIN" token create --name dev-up >var/admin-token) || die "no API token could be made"
}

# The first person who may sign in: an administrator, with a password that was made here.
make_administrator() {
  [ ! -s var/admin-password ] || return 0
  (umask 077; head -c 18 /dev/urandom | base64 >var/admin-password.new) || die "no password could be made"
  as_panel "$PANEL_BIN" user create admin --administrator --password-file - <var/admin-password.new >/dev/null ||
    as_panel "$PANEL_BIN" user password admin --password-file - <var/admin-password.new >/dev/null ||
    die "no administrator could be made"
  mv var/admin-password.new var/admin-password
  say "the administrator is \`admin\`, with the password in var/admin-password"
}

# A checkout below somebody's home is not root's: said once to the agent, which says it on the server's page.
agent_arguments() {
  AGENT=("$BIN/provisioning-agent" --panel-url "$PANEL_URL" --agent-id "$AGENT_ID" --state-dir "$AGENT_STATE"
    --installers-dir "$PWD/installers" --log-dir "$AGENT_LOGS" --app-state-dir "$APPS_STATE"
    --provisioning-lib "$PWD/packaging/lib/provisioning.sh" --allow-unsafe-installers-dir true)
  if [ "$CONTAINMENT" = subreaper ] || ! can_contain; then
    say "warning: no control group can be made here: jobs are contained by a subreaper only, without limits"
    AGENT+=(--containment subreaper)
  fi
}

can_contain() {
  local at
  for at in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/freezer /sys/fs/cgroup/pids; do
    as_root test -e "$at/cgroup.procs" || continue
    if as_root mkdir "$at/provisioning-probe" 2>/dev/null; then as_root rmdir "$at/provisioning-probe"; return 0; fi
  done
  return 1
}

enrol_agent() {
  as_root install -d -m 755 /var/lib/provisioning /var/lib/provisioning/agent /var/log/provisioning
  local again=() known=2
  ctl server "$AGENT_ID" >/dev/null 2>&1 && known=0 || known=$?
  if as_root test -s "$AGENT_STATE/keys"; then
    [ $known = 2 ] || return 0
    say "the panel does not know this machine, its record is new"
    if running agent; then stop_one agent; fi
  fi
  [ $known = 2 ] || again=(--re-enroll)
  say "enrolling this machine as $AGENT_ID"
  (umask 077; as_panel "$PANEL_BIN" enroll-token "$AGENT_ID" "${again[@]}" >"$RUN/enroll-token") ||
    die "no enrolment token could be made"
  as_root env -u SECRET_KEY_FILE -u STATE_DIR -u INSTALLERS_DIR -u LOG_DIR "$BIN/provisioning-agent" enroll \
    --panel "$PANEL_URL" --token-file "$RUN/enroll-token" --id "$AGENT_ID" --state-dir "$AGENT_STATE" >&2 ||
    die "this machine could not be enrolled"
  rm -f "$RUN/enroll-token"
}

start_agent() {
  unset SECRET_KEY_FILE STATE_DIR INSTALLERS_DIR LOG_DIR
  if running agent; then return; fi
  agent_arguments
  say "starting the agent as root"
  start agent "${AGENT[@]}" || die "the agent did not start"
  wait_for 30 "the agent" agent_online || { journal agent; exit 1; }
}
agent_online() { ctl server "$AGENT_ID" -o json | grep -q '"status": "online"'; }

# Another address or name than last time is for both to know.
remember_settings() {
  local name old
  old=$(remembered AGENT_ID)
  if [ -n "$old" ] && [ "$old" != "$AGENT_ID" ] && as_root test -s "$AGENT_STATE/keys"; then
    die "this checkout's agent is enrolled as $old; a second name for one machine would be a second server"
  fi
  old=$(remembered PANEL_LISTEN)
  if [ -n "$old" ] && [ "$old" != "$PANEL_LISTEN" ]; then
    say "the panel moves from $old to $PANEL_LISTEN"
    for name in agent panel; do if running $name; then stop_one $name; fi; done
  fi
  printf '%s\n' "PANEL_LISTEN=$PANEL_LISTEN" "AGENT_ID=$AGENT_ID" "CONTAINMENT=$CONTAINMENT" >var/settings
}

# A program that was built since is started anew; a running job is not touched by that.
restart_outdated() {
  local name
  for name in panel agent; do
    if ! running $name || ! [ "$BIN/provisioning-$name" -nt "$RUN/$name.started" ]; then continue; fi
    say "the $name was built anew: restarting it"
    stop_one $name
  done
}

stop_one() {
  if has_systemd; then as_root systemctl stop "$(unit "$1")"; return; fi
  local pid
  read -r pid _ <"$RUN/$1.pid"
  as_root_if_agent "$1" kill "$pid"
  for _ in $(seq 150); do running "$1" || { rm -f "$RUN/$1.pid"; return 0; }; sleep 0.1; done
  die "the $1 (pid $pid) does not end"
}
as_root_if_agent() { if [ "$1" = agent ] || [ "$(id -u)" = 0 ]; then shift; as_root "$@"; else shift; "$@"; fi; }

up() { # [APP [NAME=VALUE..] [provisionctl's OPTIONS..]]
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "the agent needs root: run ./dev up as root, or install sudo and let $(id -un) use it"
  fi
  local app=${1:-} given inputs=()
  [ $# = 0 ] || shift
  for given in "$@"; do
    [[ $given != -* ]] || break
    inputs+=(-i "$given"); shift
  done
  setup
  build_all release provisioning-panel provisioning-agent provisionctl >&2 || die "the build failed"
  if [ "$(id -u)" = 0 ]; then make_user provisioning; fi
  make_user provisioning-agent
  place_panel
  make_secrets
  remember_settings
  restart_outdated
  stage_panel
  if ! running panel; then start_panel; touch "$RUN/panel.started"; else panel_environment; fi
  make_admin_token
  make_administrator
  enrol_agent
  if ! running agent; then start_agent; touch "$RUN/agent.started"; fi
  say "open $PANEL_URL in a browser, and sign in as \`admin\` with the password in var/admin-password"
  say "this machine is $AGENT_ID there; the API token is in var/admin-token"
  if [ -z "$app" ]; then
    say "try: ./dev up nginx server_name=example.test    ./dev status    ./dev logs -f"
    return 0
  fi
  say "installing $app on $AGENT_ID"
  ctl install "$app" --server "$AGENT_ID" "${inputs[@]}" --follow "$@"
}

down() {
  local name stopped=0
  for name in agent panel; do
    if running $name; then stop_one $name; say "stopped the $name"; stopped=1; fi
  done
  [ $stopped = 1 ] || say "nothing was running"
  local mounted=/var/lib/provisioning/staged/$HASH/installers
  if [ "$(id -u)" = 0 ] && mountpoint -q "$mounted"; then umount "$mounted"; fi
  say "jobs that run go on; ./dev up finds them"
}

status() {
  local name
  for name in panel agent; do
    if running $name; then echo "$name: running"; else echo "$name: not running"; fi
  done
  if ! running panel; then echo "start both: ./dev up"; return 1; fi
  ctl servers
  ctl jobs --limit 5
}

logs() { # [panel|agent|JOB] [-f]
  local follow=() what=agent file each
  for each in "$@"; do
    if [ "$each" = -f ]; then follow=(-f); else what=$each; fi
  done
  case $what in
    panel) if [ "$(id -u)" = 0 ]; then file=/var/log/provisioning/panel/panel.log; else file=var/log/panel.log; fi ;;
    agent) file=$AGENT_LOGS/agent.log ;;
    *) ctl logs "$what" "${follow[@]}"; return ;;
  esac
  as_root tail -n 50 "${follow[@]}" "$file"
}
