#!/usr/bin/env bash
# Installs nginx and one site. A server that has nginx already keeps its other sites.
set -euo pipefail
# shellcheck source=/dev/null
. "$PROVISIONING_LIB"
# shellcheck source=/dev/null
. files/nginx.sh

SITE=/etc/nginx/conf.d/provisioning.conf
TLS_DIR=/etc/nginx/provisioning-tls
PACKAGE_PAGE=/var/www/html/index.nginx-debian.html

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

# What is checked only by trying it is taken back where it fails, and nginx goes on as before.
give_up() { # SENTENCE
  undo_files
  ! "$was_active" || (reload_nginx) || true
  error "$1; the former configuration is back in place" 3
}

first_page() {
  make_directory "$DOCUMENT_ROOT"
  [ -z "$(ls -A "$DOCUMENT_ROOT")" ] || return 0
  printf '<!DOCTYPE html>\n<title>%s</title>\n<h1>%s</h1>\n' "$SERVER_NAME" "$SERVER_NAME" |
    write_file "$DOCUMENT_ROOT/index.html"
}

validate
if [ "$TLS" = given ] && command -v openssl >/dev/null; then check_given_pair; fi
ports=("$HTTP_PORT")
[ "$TLS" = none ] || ports+=("$HTTPS_PORT")
for port in "${ports[@]}"; do require_port_free "$port" nginx; done
progress 10 "Installing nginx"
if ! package_installed nginx; then
  # The package makes these and leaves them behind when it goes.
  note_directory "$(dirname "$PACKAGE_PAGE")"
  keep_original "$PACKAGE_PAGE"
fi
ensure_package nginx openssl
if [ "$TLS" = given ]; then check_given_pair; fi
if package_is_ours nginx && cmp -s /usr/share/nginx/html/index.html "$PACKAGE_PAGE"; then note_written "$PACKAGE_PAGE"; fi
was_active=false
! service_active nginx || was_active=true

progress 60 "Writing the configuration"
first_page
certificate
if package_is_ours nginx && [ -L /etc/nginx/sites-enabled/default ]; then
  keep_for_undo /etc/nginx/sites-enabled/default
  rm /etc/nginx/sites-enabled/default
fi
# A machine without IPv6 refuses [::].
if [ -e /proc/net/if_inet6 ]; then site; else site | sed '/\[::\]/d'; fi | write_file "$SITE"

progress 80 "Testing the configuration"
nginx -t || give_up "nginx refuses the configuration (nginx -t, above)"

progress 90 "Starting nginx"
(if files_changed; then reload_nginx; else ensure_service nginx keep; fi) ||
  give_up "nginx does not run with the new configuration"
for port in "${ports[@]}"; do
  wait_for_port "$port" nginx || give_up "nginx does not answer on port $port: $(tail -n 2 /var/log/nginx/error.log)"
done
changes_taken_up
if [ "$TLS" = none ]; then
  output url "http://$SERVER_NAME:$HTTP_PORT/"
else
  output url "https://$SERVER_NAME:$HTTPS_PORT/"
fi
progress 100 "Done"
