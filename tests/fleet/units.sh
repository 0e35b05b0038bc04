#!/usr/bin/env bash
# units.sh - the Debian packages on fresh servers: units of panel and agent, TLS with an own CA, two servers, restarts
# in mid-job, and kill -9 of panel, executor and net in a real nginx install. Prints TAP. Exit 77 where the machine
# cannot run a fleet.
set -uo pipefail
export FLEET_ID=${FLEET_ID:-62}
# shellcheck source=tests/fleet/installed.sh
. "$(dirname "$0")/installed.sh"
servers 2

# ---- packages

push_packages s1 s2
must "the panel's server takes its packages" debs s1 provisioning-panel provisionctl provisioning-installers provisioning-agent
must "another server takes the agent's" debs s2 provisioning-agent provisioning-installers
# shellcheck disable=SC2016 # the other side's shell expands it
ok "the panel's settings are not everybody's" on s1 sh -c '[ "$(stat -c "%U:%G %a" /etc/provisioning/panel.yml)" = "root:provisioning 640" ]'
ok "the secret was made" on s1 grep -Eq '^secret_key: [0-9a-f]{64}$' /etc/provisioning/panel.yml

# ---- the panel, with TLS

ok "a certificate by an own CA" make_certificate
ok "beyond this machine without TLS it does not start" on s1 sh -c '
  PANEL_LISTEN=0.0.0.0:5000 provisioning-panel --config /etc/provisioning/panel.yml 2>&1 | grep -q PANEL_TLS_CERT'
configure_panel
ok "a token made by root before the first start" make_token
# shellcheck disable=SC2016
ok "the database is the panel's" on s1 sh -c '[ "$(stat -c %U /var/lib/provisioning/panel/panel.db)" = provisioning ]'
must "the panel's unit starts" start_panel
# shellcheck disable=SC2016
ok "it is the user provisioning" on s1 sh -c '[ "$(stat -c %U "/proc/$(systemctl show -p MainPID --value provisioning-panel)")" = provisioning ]'
must "it answers over TLS" ctl health

# ---- the agents

for server in s1 s2; do
  must "$server is enrolled" enrol $server
  must "$server's unit starts" start_agent $server
done
$fleet exec s1 cat /root/enrol/token >"$scratch/token"; $fleet push s2 "$scratch/token" /root/used
refused() { # a used token lets nobody else be s1
  local said
  ! said=$(on s2 provisioning-agent enroll --config /etc/provisioning/agent.yml --id agent-s1 \
    --state-dir /var/lib/provisioning/agent/other --token-file /root/used/token 2>&1) || return 1
  [[ $said == *"used already"* ]] || { echo "$said"; return 1; }
}
ok "a used token lets no other server in" refused
must "s1 is online" eventually 20 online s1
must "s2 is online" eventually 20 online s2
ok "its jobs have control groups" sh -c "$fleet exec s1 grep -q '\"containment\":\"cgroup' /var/log/provisioning/agent.log"
ok "hello is installed on the other server" ctl install hello --server agent-s2 --follow

# ---- a person with a browser

ann() { # with a password that this test made
  head -c 18 /dev/urandom | base64 >"$scratch/password" && $fleet push s1 "$scratch/password" /root/ann &&
    on s1 sh -c 'provisioning-panel user create ann --administrator --config /etc/provisioning/panel.yml --password-file - </root/ann/password'
}
ok "an administrator is made" ann
ok "another program has port 8080 of s2" on s2 systemd-run -q systemd-socket-activate -l 8080 /bin/cat
browse() {
  PANEL_URL=https://10.213.$FLEET_ID.11:5000 PANEL_SERVER=agent-s2 PANEL_PASSWORD=$(cat "$scratch/password") \
    $fleet gw web/run playwright test --project=fleet --output="$scratch/browser"
}
ok "nginx is installed on the other server in a browser, and fails as it should" browse

# ---- restarts and kills

# An installer with a witness: how often it ran, and whether it was disturbed.
add_installer s1 slow 'idempotent: false\n' <<'Y'
#!/bin/bash
set -euo pipefail
echo "$PROVISIONING_JOB_ID" >>/root/witness
for i in $(seq 100); do echo "line $i"; sleep 0.1; done
Y
ok "a new installer is noticed" eventually 10 has_app slow
begun() { on s1 grep -q "$1" /root/witness; }
once() { [ "$(on s1 grep -c "$1" /root/witness)" = 1 ]; }
main() { on s1 systemctl show -p MainPID --value "provisioning-$1"; }
kill_net() { on s1 pkill -KILL -f '[p]rovisioning-agent net-role'; }

disturb() { # NAME COMMAND..: a job goes on through it
  local name=$1 job; shift
  job=$(submit s1 slow)
  ok "$name: the job begins" eventually 15 begun "$job"
  ok "$name" "$@"
  ok "$name: the job succeeds" eventually 60 ended "$job"
  ok "$name: succeeded" [ "$(field "$job" status)" = succeeded ]
  ok "$name: ran once" once "$job"
  ok "$name: its log has no gap" whole "$job" 1 100
  ok "$name: and says so" complete "$job"
}
before=$(main agent)
disturb "the agent is restarted in mid-job" on s1 systemctl restart provisioning-agent
ok "it is another process" [ "$before" != "$(main agent)" ]
disturb "the panel is restarted in mid-job" on s1 systemctl restart provisioning-panel
disturb "the agent is killed in mid-job" on s1 systemctl kill -s KILL --kill-whom=main provisioning-agent
disturb "the net process is killed in mid-job" kill_net
disturb "the panel is killed in mid-job" on s1 systemctl kill -s KILL --kill-whom=main provisioning-panel

# One that hangs: systemd ends it when its watchdog has heard nothing, and a job goes on all the same.
on s1 sh -c 'mkdir -p /run/systemd/system/provisioning-agent.service.d &&
  printf "[Service]\nWatchdogSec=4\n" >/run/systemd/system/provisioning-agent.service.d/watchdog.conf &&
  systemctl daemon-reload && systemctl restart provisioning-agent'
hang() {
  local hung; hung=$(main agent)
  on s1 kill -STOP "$hung" && eventually 30 replaced "$hung"
}
replaced() { local now; now=$(main agent); [ "$now" != 0 ] && [ "$now" != "$1" ]; }
disturb "the agent hangs in mid-job" hang
ok "it was the watchdog" on s1 sh -c 'journalctl -q -u provisioning-agent | grep -qi watchdog'
on s1 sh -c 'rm -r /run/systemd/system/provisioning-agent.service.d && systemctl daemon-reload && systemctl restart provisioning-agent'

# The same in a real install, which apt must not be disturbed in.
victim() {
  case $1 in
    panel) on s1 systemctl kill -s KILL --kill-whom=main provisioning-panel ;;
    executor) on s1 systemctl kill -s KILL --kill-whom=main provisioning-agent ;;
    net) kill_net ;;
  esac
}
apt_runs() { on s1 pgrep -x apt-get; }
numbered() { # the log's lines as the API counts them
  local json lines; json=$(ctl job "$1" -o json); lines=$(sed -n 's/^ *"lines": \([0-9]*\).*/\1/p' <<<"$json" | head -n 1)
  [ "$lines" -gt 5 ] && [ "$(ctl logs "$1" | wc -l)" = "$lines" ]
}
for each in panel executor net; do
  job=$(submit s1 nginx -i server_name=example.test)
  ok "$each: nginx is being installed" eventually 30 apt_runs
  ok "$each is killed" victim $each
  ok "$each: nginx's job ends" eventually 120 ended "$job"
  ok "$each: succeeded" [ "$(field "$job" status)" = succeeded ]
  ok "$each: in one attempt" sh -c "$fleet exec s1 grep -c '\"job_id\":\"$job\".*\"event\":\"execution_started\"' /var/log/provisioning/agent.log | grep -qx 1"
  ok "$each: its log is whole" complete "$job"
  ok "$each: and has every line" numbered "$job"
  ok "$each: nginx answers" on s1 curl -sf -o /dev/null -H 'Host: example.test' http://127.0.0.1/
  ctl uninstall nginx --server agent-s1 --follow >"$scratch/uninstall" 2>&1 || { sed 's/^/# /' "$scratch/uninstall"; failed=$((failed + 1)); }
done

ok "the panel ends when told" on s1 systemctl stop provisioning-panel
ok "the agent ends when told" on s1 systemctl stop provisioning-agent
ok "nothing failed" on s1 sh -c '! systemctl is-failed -q provisioning-panel && ! systemctl is-failed -q provisioning-agent'
ok "the packages can be removed" on s1 apt-get remove -y -qq provisioning-panel provisioning-agent
ok "what they hold stays" on s1 test -s /var/lib/provisioning/panel/panel.db
done_testing
