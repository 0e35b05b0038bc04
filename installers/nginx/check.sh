#!/usr/bin/env bash
# Does nginx run, with a configuration it accepts, and answer for this site?
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

require_input SERVER_NAME
: "${HTTP_PORT:=80}"
package_installed nginx || error "nginx is not installed" 3
nginx -t || error "nginx refuses its configuration" 3
service_active nginx || error "nginx is not running" 3
exec 3<>"/dev/tcp/127.0.0.1/$HTTP_PORT" || error "nothing answers on port $HTTP_PORT" 3
printf 'HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$SERVER_NAME" >&3
IFS= read -r -t 10 answer <&3 || error "no answer on port $HTTP_PORT within 10 s" 3
[[ $answer == "HTTP/1.1 "[23]* ]] || error "$SERVER_NAME answers: ${answer%$'\r'}" 3
log "$SERVER_NAME answers: ${answer%$'\r'}"
