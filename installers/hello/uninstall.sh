#!/usr/bin/env bash
# Puts back what was there before the first install.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

restore_files
forget_state
progress 100 "Done"
