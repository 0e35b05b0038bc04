#!/usr/bin/env bash
# Takes the site away, and nginx with it where the installer brought it; otherwise nginx goes on as before.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

ours=false
! package_is_ours nginx || ours=true
progress 20 "Removing the site"
! "$ours" || stop_service nginx
restore_files
progress 50 "Removing packages"
remove_packages
forget_state
if ! "$ours" && package_installed nginx && service_active nginx; then
  nginx -t || error "nginx refuses what was there before" 3
  ensure_service nginx reload
fi
progress 100 "Done"
