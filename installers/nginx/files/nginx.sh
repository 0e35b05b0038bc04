# shellcheck shell=bash
# What the scripts of this installer share. Sourced after the library.

workers() { cat "/proc/$(unit_process nginx)/task/"*/children 2>/dev/null || true; }

# A reload that cannot bind an address leaves the old workers running and says so only in the error log; one that is
# taken up brings new ones. Going from one address of a port to all of them, or back, takes a restart, which nginx would
# not survive where the address is another program's.
reload_nginx() {
  local before port
  before=$(workers)
  ensure_service nginx reload
  for _ in $(seq 50); do
    [ "$(workers)" = "$before" ] || return 0
    sleep 0.1
  done
  port=$(tail -n 2 /var/log/nginx/error.log | sed -n 's/.*bind() to .*:\([0-9]*\) failed.*/\1/p')
  [ -z "$port" ] || require_port_free "$port" nginx
  log "nginx did not take up its configuration by a reload: restarting it"
  ensure_service nginx restart
}
