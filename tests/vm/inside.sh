#!/bin/bash
# inside.sh - runs in the machine of machine.sh, twice: at the end of the first boot it cuts the power.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
EVENTUALLY_PAUSE=1 # asking is what computes most on an emulated machine
# shellcheck source=tests/support/tap.sh
. ./tap.sh
# shellcheck source=tests/support/jobs.sh
. ./jobs.sh

ctl() { provisionctl --panel http://127.0.0.1:5000 --token-file /root/token "$@"; }
online() { ctl server agent-vm -o json | grep -q '"status": "online"'; }
add_installer() { # NAME MANIFEST-LINES, the script from stdin
  mkdir -p "/opt/provisioning/installers/$1"
  { printf 'id: %s\nname: %s\nversion: "1.0"\ndescription: For tests\ncategory: tests\nauthor: tests\n' "$1" "$1"
    printf 'os_requirements: {family: [debian]}\n%b' "$2"; } >"/opt/provisioning/installers/$1/manifest.yml"
  # shellcheck disable=SC2016 # the script's shell expands it
  { printf '#!/bin/bash\nset -euo pipefail\necho "$PROVISIONING_JOB_ID" >>/root/witness; sync /root/witness\n'; cat; } \
    >"/opt/provisioning/installers/$1/install.sh"
}
submit() { ctl install "$1" --server agent-vm -o json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | head -n 1; }
is() { local got; got=$(field "$1" "$2"); [ "$got" = "$3" ] || { echo "$got"; ctl job "$1"; return 1; }; } # JOB FIELD VALUE
names() { ctl job "$1" -o json | grep -q "$2" || { ctl job "$1" -o json; return 1; }; }                  # JOB TEXT
begun() { grep -q "$1" /root/witness; }
runs() { local n; n=$(grep -c "$1" /root/witness); [ "$n" = "$2" ] || { echo "$n runs"; return 1; }; } # JOB N
group() { echo "/sys/fs/cgroup/system.slice/provisioning-jobs.service/provisioning-$1-1"; }

install_platform() {
  cp libraries/* /usr/local/lib/ && ldconfig && dpkg --force-depends -i packages/*.deb &&
    printf 'agent_id: agent-vm\nmax_parallel_jobs: 2\n' >>/etc/provisioning/agent.yml &&
    (umask 077 && provisioning-panel token create --config /etc/provisioning/panel.yml --name root >/root/token) &&
    systemctl enable --now provisioning-panel && eventually 60 ctl health &&
    (umask 077 && provisioning-panel enroll-token --config /etc/provisioning/panel.yml agent-vm >/root/enrol) &&
    provisioning-agent enroll --config /etc/provisioning/agent.yml --token-file /root/enrol &&
    systemctl enable --now provisioning-agent
}

# Where a limit did not bind, the tests of limits would say nothing.
memory_binds() { ! systemd-run --wait -q -p MemoryMax=40M -p MemorySwapMax=0 sh -c 'head -c 200M /dev/zero | tail >/dev/null'; }
tasks_bind() { ! systemd-run --wait -q -p TasksMax=6 bash -c 'set -e; for i in 1 2 3 4 5 6 7 8 9; do sleep 3 & done' ; }

first_boot() {
  ok "memory limits bind on this machine" memory_binds
  ok "task limits bind on this machine" tasks_bind
  must "the platform is installed" install_platform
  add_installer hog 'timeout_seconds: 120\nidempotent: false\nresource_limits: {memory_mb: 64}\n' <<'Y'
head -c 300M /dev/zero | tail >/dev/null
Y
  add_installer bomb 'timeout_seconds: 15\nidempotent: false\nresource_limits: {tasks: 40, memory_mb: 256}\n' <<'Y'
bomb() { bomb | bomb & }
bomb || :
sleep 600
Y
  add_installer busy 'timeout_seconds: 120\nidempotent: false\nresource_limits: {cpu_percent: 20}\n' <<'Y'
end=$((SECONDS + 8)); while [ $SECONDS -lt $end ]; do :; done
Y
  add_installer limited 'timeout_seconds: 120\nidempotent: false\nresource_limits: {memory_mb: 128, tasks: 50}\n' <<'Y'
for i in $(seq 30); do echo "line $i"; sleep 0.5; done
Y
  for each in once again; do
    idempotent=false; [ $each = once ] || idempotent=true
    add_installer $each "timeout_seconds: 120\nidempotent: $idempotent\n" <<'Y'
for i in $(seq 40); do echo "line $i"; sleep 0.2; done
Y
  done
  must "the server is online" eventually 60 online
  must "the installers are in the catalogue" eventually 30 ctl app again

  job=$(submit hog)
  ok "a hog of memory ends" eventually 90 ended "$job"
  ok "it failed" is "$job" status failed
  ok "for lack of memory" is "$job" failure_kind oom
  ok "and its limit is named" names "$job" '64 MB'
  ok "the server is heard all the same" online

  job=$(submit bomb)
  ok "a fork bomb begins" eventually 60 begun "$job"
  heard() { # its tasks stay within the limit, and the heartbeat goes on
    local tasks
    until ended "$job"; do
      tasks=$(cat "$(group "$job")/pids.current" 2>/dev/null || echo 0)
      [ "$tasks" -le 40 ] || { echo "$tasks tasks"; return 1; }
      online || { echo "not online"; return 1; }
      sleep 1
    done
  }
  ok "the server is heard while it goes off" heard
  ok "it is ended at its timeout" is "$job" status timed_out
  ok "and nothing of it is left" test ! -e "$(group "$job")"

  job=$(submit busy)
  ok "a busy one begins" eventually 60 begun "$job"
  throttled() { local n; n=$(sed -n 's/^nr_throttled //p' "$(group "$job")/cpu.stat"); [ "${n:-0}" -gt 0 ]; }
  ok "it is held back" eventually 20 throttled
  ok "it ends" eventually 60 ended "$job"
  ok "it succeeds" is "$job" status succeeded

  job=$(submit limited)
  ok "one with limits begins" eventually 60 begun "$job"
  ok "the agent is restarted meanwhile" systemctl restart provisioning-agent
  ok "its limit holds on" grep -qx 134217728 "$(group "$job")/memory.max"
  ok "it ends" eventually 90 ended "$job"
  ok "it succeeds" is "$job" status succeeded
  ok "it ran once" runs "$job" 1
  ok "its log has no gap" whole "$job" 1 30

  once=$(submit once) again=$(submit again)
  ok "two jobs begin" eventually 60 begun "$once"
  ok "both" eventually 60 begun "$again"
  sleep 3
  printf '%s\n' "once=$once again=$again before=$job count=$count failed=$failed" >state
  cp /var/lib/provisioning/agent/epoch epoch
  sync state epoch
  echo b >/proc/sysrq-trigger
  sleep 60
}

second_boot() {
  # shellcheck source=/dev/null
  . ./state
  must "after the power cut the server is online" eventually 120 online
  ok "the journal goes on: no new epoch" cmp epoch /var/lib/provisioning/agent/epoch
  ok "what had ended stays as it was" is "$before" status succeeded
  ok "the one that may not run again ends" eventually 60 ended "$once"
  ok "it is interrupted" is "$once" status interrupted
  ok "it ran once" runs "$once" 1
  ok "its log has no gap" whole "$once" 1 0
  ok "the one that may ends" eventually 90 ended "$again"
  ok "it succeeds" is "$again" status succeeded
  ok "it ran twice" runs "$again" 2
  ok "its log has no gap" whole "$again" 2 40
  ok "the panel's store is whole" sh -c 'systemctl is-active -q provisioning-panel'
  done_testing
}

if [ -e state ]; then second_boot; else first_boot; fi
