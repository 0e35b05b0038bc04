#!/usr/bin/env bash
set -euo pipefail
to=${PROVISIONING_STATE_DIR}
# A zombie whose parent does not look is none that is met.
if [ "${PROVISIONING_ATTEMPT}" != 1 ] && grep -q '^State:.[^Z]' "/proc/$(cat "${to}/daemon.1")/status"; then touch "${to}/met"; fi
sleep 986 >/dev/null 2>&1 &
echo $! >"${to}/child.${PROVISIONING_ATTEMPT}"
setsid bash -c 'trap "" TERM HUP; while true; do sleep 985 || true; done' </dev/null >/dev/null 2>&1 &
echo $! >"${to}/daemon.${PROVISIONING_ATTEMPT}"
# It deserves its name once it cannot be asked to end any more, and has the child that it always has.
until grep -q '^SigIgn:.*40.[1357]$' "/proc/$!/status" && [ "$(ps -o comm= --ppid $!)" = sleep ]; do sleep 0.01; done
exit "${EXIT_CODE}"
