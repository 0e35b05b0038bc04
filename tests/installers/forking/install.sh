#!/usr/bin/env bash
set -euo pipefail
# The daemon ignores from its first moment on what this script does not.
trap '' TERM HUP
setsid bash -c '(while true; do sleep 600; done) & exec sleep 600' </dev/null >/dev/null 2>&1 &
daemon=$!
trap - TERM HUP
until read -r _ _ _ _ group _ <"/proc/$daemon/stat" && [ "$group" = "$daemon" ]; do sleep 0.01; done
echo "forked $daemon"
sleep 600
