#!/usr/bin/env bash
set -euo pipefail
trap '' TERM
echo "sleeping"
while true; do sleep 600 || true; done
