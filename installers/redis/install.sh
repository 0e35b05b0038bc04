#!/usr/bin/env bash
# Installs Redis with a password, a port, an address and a memory limit.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

MAIN=/etc/redis/redis.conf
OURS=/etc/redis/provisioning.conf

validate() {
  require_input PASSWORD
  : "${PORT:=6379}" "${BIND:=127.0.0.1}" "${MAXMEMORY:=256mb}"
  match_input PASSWORD '[!-~]{8,512}' "8 to 512 printable ASCII characters without spaces"
  port_input PORT
  match_input BIND '[0-9a-fA-F:.]{2,45}' "not an IP address"
  match_input MAXMEMORY '0|[1-9][0-9]{0,8}(kb|mb|gb)' "a number with kb, mb or gb, or 0"
}

settings() {
  local quoted=${PASSWORD//\\/\\\\}
  quoted=${quoted//\"/\\\"}
  echo "# Written by the redis installer of the provisioning platform; the next run writes it anew."
  echo "bind $BIND"
  echo "port $PORT"
  echo "requirepass \"$quoted\""
  echo "maxmemory $MAXMEMORY"
  echo "maxmemory-policy allkeys-lru"
}

# The distribution's file stays as it is; ours comes last in it, and the last word counts.
main_with_include() {
  grep -vxF "include $OURS" "$MAIN" || true
  echo "include $OURS"
}

# By environment, never in argv: the password must not show in a list of processes.
answers() {
  local host=$BIND
  case $host in 0.0.0.0) host=127.0.0.1 ;; ::) host=::1 ;; esac
  service_active redis-server &&
    [ "$(REDISCLI_AUTH=$PASSWORD redis-cli -h "$host" -p "$PORT" --no-auth-warning ping 2>&1)" = PONG ]
}

# Redis has no way to test a configuration but to start with it: where it does not, it goes on with the former one.
give_up() { # SENTENCE
  local last_words
  last_words=$(tail -n 2 /var/log/redis/redis-server.log) || true
  undo_files
  ! "$was_active" || (ensure_service redis-server restart) || true
  error "$1; the former one is back in place. Its last words: $last_words" 3
}

validate
require_port_free "$PORT" redis-server "$BIND"
progress 10 "Installing Redis"
ensure_package redis-server redis-tools

was_active=false
! service_active redis-server || was_active=true

progress 60 "Writing the configuration"
settings | write_file "$OURS" 0640 redis:redis
main_with_include | write_file "$MAIN" 0640 redis:redis

progress 80 "Starting Redis"
# Redis has no reload.
if files_changed; then how=restart; else how=keep; fi
(ensure_service redis-server "$how") || give_up "Redis does not start with the new configuration"
for ((i = 0; i < 100; i++)); do
  ! answers || break
  sleep 0.1
done
answers || give_up "Redis does not answer on $BIND:$PORT with the new configuration"
changes_taken_up
output address "$BIND:$PORT"
progress 100 "Done"
