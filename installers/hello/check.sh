#!/usr/bin/env bash
# Is the greeting there, as it was asked for?
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

require_input GREETING
require_input GREETING_FILE
[ -f "$GREETING_FILE" ] || error "$GREETING_FILE is missing" 3
[ "$(cat "$GREETING_FILE")" = "$GREETING" ] || error "$GREETING_FILE holds something else" 3
log "$GREETING_FILE holds the greeting"
