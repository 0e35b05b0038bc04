#!/usr/bin/env bash
# Installs nginx and one site. A server that has nginx already keeps its other sites.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"

SITE=/etc/nginx/conf.d/provisioning.conf
TLS_DIR=/etc/nginx/provisioning-tls

validate() {
  require_input SERVER_NAME
  : "${HTTP_PORT:=80}" "${DOCUMENT_ROOT:=/var/www/provisioning}" "${TLS:=none}"
  match_input SERVER_NAME '[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*' "not a host name"
  [ ${#SERVER_NAME} -le 253 ] || error "SERVER_NAME: longer than 253 characters" 1
  port_input HTTP_PORT
  match_input DOCUMENT_ROOT '/[A-Za-z0-9._/-]*[A-Za-z0-9._-]' "not a plain absolute path"
  if [ -e "$DOCUMENT_ROOT" ] && [ ! -d "$DOCUMENT_ROOT" ]; then
    error "DOCUMENT_ROOT: $DOCUMENT_ROOT is not a directory" 1
  fi
  match_input TLS 'none|self_signed|given' "none, self_signed or given"
  [ "$TLS" != none ] || return 0
  : "${HTTPS_PORT:=443}"
  port_input HTTPS_PORT
  [ "$HTTPS_PORT" != "$HTTP_PORT" ] || error "HTTPS_PORT: the same as HTTP_PORT" 1
  [ "$TLS" = given ] || return 0
  require_input TLS_CERTIFICATE
  require_input TLS_KEY
  [[ $TLS_CERTIFICATE == "-----BEGIN CERTIFICATE-----"* ]] || error "TLS_CERTIFICATE: not a certificate in PEM" 1
  [[ $TLS_KEY == "-----BEGIN "*"PRIVATE KEY-----"* ]] || error "TLS_KEY: not a private key in PEM" 1
}

# A pair that does not fit is the user's mistake, found before anything of nginx is touched.
check_given_pair() {
  local of_certificate of_key
  of_certificate=$(openssl x509 -noout -pubkey <<<"$TLS_CERTIFICATE" 2>/dev/null) ||
    error "TLS_CERTIFICATE: openssl cannot read it" 1
  of_key=$(openssl pkey -pubout -passin pass: <<<"$TLS_KEY" 2>/dev/null) ||
    error "TLS_KEY: openssl cannot read it (it must have no passphrase)" 1
  [ "$of_certificate" = "$of_key" ] || error "TLS_KEY: not the key of this certificate" 1
}

certificate() {
  local pair
  case $TLS in
    given)
      printf '%s\n' "$TLS_CERTIFICATE" | write_file "$TLS_DIR/certificate.pem"
      printf '%s\n' "$TLS_KEY" | write_file "$TLS_DIR/key.pem" 0600 ;;
    self_signed)
      # Made once: a second run with the same name keeps it, unless a month or less is left of it.
      if [ -e "$TLS_DIR/key.pem" ] && openssl x509 -in "$TLS_DIR/certificate.pem" -noout -checkend 2592000 \
        -checkhost "$SERVER_NAME" 2>/dev/null | grep -q "does match"; then
        return 0
      fi
      pair=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj "/CN=provisioning" \
        -addext "subjectAltName=DNS:$SERVER_NAME" -keyout - -out - 2>/dev/null) ||
        error "openssl could not make a certificate" 3
      openssl pkey <<<"$pair" | write_file "$TLS_DIR/key.pem" 0600
      openssl x509 <<<"$pair" | write_file "$TLS_DIR/certificate.pem" ;;
  esac
}

site() {
  # On a server whose nginx is ours, this site also answers whoever comes by address.
  local default=''
  ! package_is_ours nginx || default=' default_server'
  echo "# Written by the nginx installer of the provisioning platform; the next run writes it anew."
  if [ "$TLS" = none ]; then
    echo "server {"
    echo "    listen $HTTP_PORT$default;"
    echo "    listen [::]:$HTTP_PORT$default;"
  else
    echo "server {"
    echo "    listen $HTTP_PORT$default;"
    echo "    listen [::]:$HTTP_PORT$default;"
    echo "    server_name $SERVER_NAME;"
    echo "    return 301 https://\$host:$HTTPS_PORT\$request_uri;"
    echo "}"
    echo "server {"
    echo "    listen $HTTPS_PORT ssl$default;"
    echo "    listen [::]:$HTTPS_PORT ssl$default;"
    echo "    ssl_certificate $TLS_DIR/certificate.pem;"
    echo "    ssl_certificate_key $TLS_DIR/key.pem;"
    echo "    ssl_protocols TLSv1.2 TLSv1.3;"
  fi
  echo "    server_name $SERVER_NAME;"
  echo "    server_tokens off;"
  echo "    root $DOCUMENT_ROOT;"
  echo "    index index.html;"
  echo "    location / { try_files \$uri \$uri/ =404; }"
  echo "}"
}

first_page() {
  make_directory "$DOCUMENT_ROOT"
  [ -z "$(ls -A "$DOCUMENT_ROOT")" ] || return 0
  printf '<!DOCTYPE html>\n<title>%s</title>\n<h1>%s</h1>\n' "$SERVER_NAME" "$SERVER_NAME" |
    write_file "$DOCUMENT_ROOT/index.html"
}

# write_file reads a pipe in a subshell otherwise, and FILE_CHANGED would be lost.
shopt -s lastpipe

validate
if [ "$TLS" = given ] && command -v openssl >/dev/null; then check_given_pair; fi
progress 10 "Installing nginx"
if ! package_installed nginx; then
  # The package makes these and leaves them behind when it goes.
  make_directory /var/www/html
  keep_original /var/www/html/index.nginx-debian.html
fi
ensure_package nginx openssl
if [ "$TLS" = given ]; then check_given_pair; fi

progress 60 "Writing the configuration"
first_page
certificate
if package_is_ours nginx && [ -L /etc/nginx/sites-enabled/default ]; then
  mark_changed
  rm /etc/nginx/sites-enabled/default
fi
# A machine without IPv6 refuses [::].
if [ -e /proc/net/if_inet6 ]; then site; else site | sed '/\[::\]/d'; fi | write_file "$SITE"

progress 80 "Testing the configuration"
if ! nginx -t; then
  ! "$FILE_CHANGED" || undo_file "$SITE"
  error "nginx refuses the configuration (nginx -t, above); the former one is back in place" 3
fi

progress 90 "Starting nginx"
if files_changed; then ensure_service nginx reload; else ensure_service nginx keep; fi
changes_taken_up
# A reload whose new port cannot be bound leaves the old workers running and says so only in the error log.
wait_for_port "$HTTP_PORT" 5 || ensure_service nginx restart
wait_for_port "$HTTP_PORT" || error "nginx does not answer on port $HTTP_PORT: $(tail -n 2 /var/log/nginx/error.log)" 3
if [ "$TLS" = none ]; then
  output url "http://$SERVER_NAME:$HTTP_PORT/"
else
  wait_for_port "$HTTPS_PORT" || error "nginx does not answer on port $HTTPS_PORT" 3
  output url "https://$SERVER_NAME:$HTTPS_PORT/"
fi
progress 100 "Done"
