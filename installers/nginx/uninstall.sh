#!/usr/bin/env bash
# Takes the site away, and nginx with it where the installer brought it and serves nobody else; otherwise nginx goes on
# as before.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"
# shellcheck source=/dev/null
. files/nginx.sh

# The package takes all of /etc/nginx with it when it is purged: other people's sites, too.
others_sites() {
  find /etc/nginx/conf.d /etc/nginx/sites-enabled -mindepth 1 ! -path /etc/nginx/sites-enabled/default -print 2>/dev/null
}

was_active=false
! service_active nginx || was_active=true
progress 20 "Removing the site"
rm -f /etc/nginx/conf.d/provisioning.conf # it says in its first line whose it is: whatever was changed in it goes, too
restore_files
progress 50 "Removing packages"
if package_is_ours nginx; then
  sites=$(others_sites) || true
  if [ -n "$sites" ]; then
    warning "kept nginx, which has other sites: ${sites//$'\n'/, }"
  else
    stop_service nginx
    remove_packages
  fi
fi
forget_state
if package_installed nginx && "$was_active"; then
  nginx -t || error "nginx refuses what was there before" 3
  reload_nginx
fi
progress 100 "Done"
