#!/usr/bin/env bash
# Takes the configuration away, and Redis and its data with it where the installer brought it.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

ours=false
! package_is_ours redis-server || ours=true
progress 20 "Removing the configuration"
! "$ours" || stop_service redis-server
restore_files
progress 50 "Removing packages"
remove_packages
forget_state
if ! "$ours" && package_installed redis-server && service_active redis-server; then
  ensure_service redis-server restart
fi
progress 100 "Done"
