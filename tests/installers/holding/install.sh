#!/usr/bin/env bash
set -euo pipefail
echo "before"
sleep 600 &
exit 0
