#!/usr/bin/env bash
set -euo pipefail
setsid bash -c 'trap "" TERM HUP; (trap "" TERM HUP; while true; do sleep 600; done) & exec sleep 600' </dev/null >/dev/null 2>&1 &
echo "forked $!"
sleep 600
