#!/usr/bin/env bash
# Does Redis run and answer? Without the password (a check need not have it) being asked for one is an answer.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

: "${PORT:=6379}" "${BIND:=127.0.0.1}" "${MAXMEMORY:=}"
package_installed redis-server || error "redis-server is not installed" 3
service_active redis-server || error "redis-server is not running" 3
host=$BIND
case $host in 0.0.0.0) host=127.0.0.1 ;; ::) host=::1 ;; esac
answer=$(REDISCLI_AUTH=${PASSWORD:-} redis-cli -h "$host" -p "$PORT" --no-auth-warning ping 2>&1) || true
case $answer in
  PONG) log "Redis answers on $BIND:$PORT" ;;
  *NOAUTH*)
    [ -z "${PASSWORD:-}" ] || error "Redis refuses the password" 3
    log "Redis answers on $BIND:$PORT and asks for its password" ;;
  *) error "Redis on $BIND:$PORT says: $answer" 3 ;;
esac
if [ -n "$MAXMEMORY" ]; then
  grep -qxF "maxmemory $MAXMEMORY" /etc/redis/provisioning.conf || error "the memory limit is not $MAXMEMORY" 3
fi
