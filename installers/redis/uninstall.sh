#!/usr/bin/env bash
# Takes the configuration away, and Redis and its data with it where the installer brought it.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

MAIN=/etc/redis/redis.conf
OURS=/etc/redis/provisioning.conf

was_active=false
! service_active redis-server || was_active=true
progress 20 "Removing the configuration"
! package_is_ours redis-server || stop_service redis-server
rm -f "$OURS" # it says in its first line whose it is: whatever was changed in it goes, too
restore_files
# Changed by somebody else it was left as it is, but what it includes is gone.
if grep -qxF "include $OURS" "$MAIN" 2>/dev/null; then sed -i "\\|^include $OURS\$|d" "$MAIN"; fi
progress 50 "Removing packages"
remove_packages
forget_state
if package_installed redis-server && "$was_active"; then ensure_service redis-server restart; fi
progress 100 "Done"
