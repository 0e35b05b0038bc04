#!/usr/bin/env bash
# reboot.sh - a server that goes down in mid-job: an orderly reboot and a power cut, each in a job that may run again and in
# one that may not; and exit code 194, which asks for a reboot. Prints TAP. Exit 77 where the machine cannot run a fleet.
set -uo pipefail
export FLEET_ID=${FLEET_ID:-64}
# shellcheck source=tests/fleet/installed.sh
. "$(dirname "$0")/installed.sh"
servers 2
push_packages s1 s2
must "the panel's server" debs s1 provisioning-panel provisionctl provisioning-installers
must "the agent's server" debs s2 provisioning-agent provisioning-installers
must "a certificate" make_certificate
configure_panel
must "a token" make_token
must "the panel" start_panel
must "the panel answers" eventually 10 ctl health
must "the agent is enrolled" enrol s2
must "the agent" start_agent s2
must "the server is online" eventually 20 online s2

# Each run leaves a witness on the disk.
for name in once again; do
  idempotent=false; [ $name = once ] || idempotent=true
  for server in s1 s2; do
    add_installer $server $name "idempotent: $idempotent\n" <<'Y'
#!/bin/bash
set -euo pipefail
echo "$PROVISIONING_JOB_ID" >>/root/witness
for i in $(seq 100); do echo "line $i"; sleep 0.1; done
Y
  done
done
for server in s1 s2; do
  add_installer $server rebooting "idempotent: false\nreboot: allowed\n" <<'Y'
#!/bin/bash
set -euo pipefail
echo "$PROVISIONING_JOB_ID" >>/root/witness
read -r boot </proc/sys/kernel/random/boot_id
echo "runs in $boot as attempt $PROVISIONING_ATTEMPT"
half=$PROVISIONING_STATE_DIR/half
if [ ! -e "$half" ]; then touch "$half"; exit 194; fi
rm "$half"
echo "finished"
Y
done
for app in once again rebooting; do must "$app is in the catalogue" eventually 10 has_app $app; done

boot() { on s2 cat /proc/sys/kernel/random/boot_id; }
rebooted() { local now; now=$(boot) && [ "$now" != "$1" ] && online s2; }
begun() { on s2 grep -q "$1" /root/witness; }
runs() { # JOB N
  local runs; runs=$(on s2 grep -c "$1" /root/witness); [ "$runs" = "$2" ] || { echo "$runs runs"; return 1; }
}
attempts() { ctl job "$1" -o json | grep -Eq "\"attempt\": $2,?\$" || { ctl job "$1" -o json; return 1; }; } # JOB N

go_down() { # orderly|cut
  local before; before=$(boot)
  if [ "$1" = orderly ]; then on s2 systemctl --no-block reboot || true; else $fleet kill9 s2 && $fleet start s2; fi
  eventually 240 rebooted "$before"
}
for how in orderly cut; do
  job=$(submit s2 once)
  ok "$how, once: the job begins" eventually 20 begun "$job"
  must "$how, once: the server is there again" go_down $how
  ok "$how, once: the job ends" eventually 30 ended "$job"
  ok "$how, once: it is interrupted" has_status "$job" interrupted
  ok "$how, once: its log has no gap" whole "$job" 1 0
  ok "$how, once: it ran once" runs "$job" 1

  job=$(submit s2 again)
  ok "$how, again: the job begins" eventually 20 begun "$job"
  must "$how, again: the server is there again" go_down $how
  ok "$how, again: the job ends" eventually 60 ended "$job"
  ok "$how, again: it succeeds" has_status "$job" succeeded
  ok "$how, again: in its second attempt" attempts "$job" 2
  ok "$how, again: its log has no gap" whole "$job" 2 100
  ok "$how, again: it ran twice" runs "$job" 2
done

before=$(boot)
job=$(submit s2 rebooting)
ok "exit 194: the server reboots" eventually 240 rebooted "$before"
ok "exit 194: the job ends" eventually 30 ended "$job"
ok "exit 194: it succeeds" has_status "$job" succeeded
ok "exit 194: in one attempt" attempts "$job" 1
ok "exit 194: it ran twice" runs "$job" 2
boots() { # the two boots that it ran in, and how it goes on, in one log
  local log; log=$(ctl logs "$job"); echo "$log"
  diff <(sed -n 's/.*runs in \([^ ]*\) as attempt 1$/\1/p' <<<"$log") <(printf '%s\n' "$before" "$(boot)") &&
    [[ $log == *"exit code 194: the server reboots"*"the server has rebooted"*finished ]]
}
ok "exit 194: one log tells both" boots
ok "exit 194: and says that it is whole" complete "$job"
ok "exit 194: the server rebooted once" sh -c "$fleet exec s2 grep -c reboot_requested /var/log/provisioning/agent.log | grep -qx 1"

# Held back, as by a package manager: a cancel still takes effect.
on s2 sh -c 'systemd-run -q --unit=holding systemd-inhibit --what=shutdown --mode=block sleep 600'
job=$(submit s2 rebooting)
pending() { on s2 sh -c "grep reboot_pending /var/log/provisioning/agent.log | grep -q $job"; }
ok "held back: the reboot is pending" eventually 20 pending
refused() { on s2 grep -q reboot_failed /var/log/provisioning/agent.log; }
ok "held back: it is refused" eventually 10 refused
ok "held back: the job can be canceled" ctl cancel "$job"
ok "held back: it ends" eventually 20 ended "$job"
ok "held back: canceled" has_status "$job" canceled
done_testing
