#!/usr/bin/env bash
# Writes GREETING to GREETING_FILE.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

require_input GREETING
require_input GREETING_FILE
match_input GREETING '.{1,200}' "one line of 1 to 200 characters"
match_input GREETING_FILE '/.*' "an absolute path"
[ ! -d "$GREETING_FILE" ] || error "GREETING_FILE: $GREETING_FILE is a directory" 1

progress 10 "Writing the greeting"
printf '%s\n' "$GREETING" | write_file "$GREETING_FILE"
output greeting_file "$GREETING_FILE"
progress 100 "Done"
