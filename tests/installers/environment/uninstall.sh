#!/usr/bin/env bash
set -euo pipefail
cat "/proc/$$/environ" >"${PROVISIONING_STATE_DIR}/given"
