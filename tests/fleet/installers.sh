#!/usr/bin/env bash
# installers.sh - the bundled installers on a fresh Debian server with systemd: invalid input, taken ports, first install,
# second run, check, changed input, a configuration that fails, kills, uninstall with and without somebody else's things.
# Prints TAP. Exit 77 where the machine cannot run a fleet.
set -uo pipefail
export FLEET_ID=${FLEET_ID:-61}
# shellcheck source=tests/fleet/scripts.sh
. "$(dirname "$0")/scripts.sh"
servers 1
inside() { on s1 "$@"; }
pids() { on s1 systemctl show -p MainPID --value nginx redis-server >"$scratch/$1"; }

mkdir -p "$scratch/test"
cat >"$scratch/test/listen.pl" <<'X'
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(Listen => 1, LocalPort => shift, ReuseAddr => 1) or die;
sleep;
X
# The library, but the script ends with all it started, as by the agent's hand, at progress KILL_AT, or between the
# unpacking of packages and their configuration.
cat >"$scratch/test/killing.sh" <<'X'
. /p/lib/provisioning.sh
progress() { printf '::progress %s %s\n' "$1" "$2"; [ "$1" != "$KILL_AT" ] || systemctl kill -s KILL "$(ps -o unit= $$)"; }
apt-get() { if [ "$KILL_AT" = unpacked ]; then command apt-get -o Dir::Bin::dpkg=/p/test/dpkg "$@"; else command apt-get "$@"; fi; }
X
cat >"$scratch/test/dpkg" <<'X'
#!/bin/sh
dpkg "$@" || exit
case "$*" in *--unpack*) systemctl kill -s KILL "$(ps -o unit= $$)" ;; esac
X
chmod +x "$scratch/test/dpkg"
listener() { on s1 systemd-run --quiet --collect --unit="listener-$1" perl /p/test/listen.pl "$1" && eventually 10 listens "$1"; }
listens() { [ -n "$(on s1 ss -Hltn "sport = :$1")" ]; }
no_listener() { on s1 systemctl stop "listener-$1"; }
killed() { # AT APP [NAME=VALUE..]: by a signal, not by an error of its own
  local out code=0 at=$1 app=$2; shift 2
  out=$(script "$app" install.sh PROVISIONING_LIB=/p/test/killing.sh KILL_AT="$at" "$@" 2>&1) || code=$?
  [[ $code == 255 && $out != *ERROR* ]] || { echo "exit $code: $out"; return 1; }
}
nginx() { script nginx install.sh "$@"; }
redis() { script redis install.sh "$@"; }
edit() { on s1 tee "$1" >/dev/null <<<"$2"; } # FILE CONTENT

put_installers
$fleet push s1 "$scratch/test" /p || { echo "not ok - push"; exit 1; }
snapshot before

# ---- refusals
for bad in SERVER_NAME= SERVER_NAME='a b' SERVER_NAME='a;evil' SERVER_NAME=-a HTTP_PORT=0 HTTP_PORT=65536 HTTP_PORT=8x \
  DOCUMENT_ROOT=relative DOCUMENT_ROOT='/a;b' DOCUMENT_ROOT=/etc/passwd TLS=maybe 'TLS=given' 'TLS=self_signed HTTPS_PORT=80'; do
  if [[ $bad == *'a b' ]]; then words=("$bad"); else read -ra words <<<"$bad"; fi
  ok "nginx refuses ${bad}" exits 1 nginx SERVER_NAME=a.test "${words[@]}"
done
for bad in PASSWORD= PASSWORD=short PASSWORD='has a space' PORT=0 PORT=70000 BIND=host MAXMEMORY=lots; do
  ok "redis refuses ${bad%%=*}" exits 1 redis PASSWORD=long-enough "$bad"
done
snapshot after-bad
ok "refused inputs changed nothing" same before after-bad

ok "mirror off" $fleet mirror off
ok "without the mirror nginx ends with 2" exits 2 nginx SERVER_NAME=a.test
ok "mirror on" $fleet mirror on
ok "nginx uninstalls after that" script nginx uninstall.sh
snapshot after-mirror
ok "nothing is left of it" same before after-mirror

# ---- ports that another program has
for port in 80 443 6379; do ok "another listens on $port" listener $port; done
snapshot taken
ok "nginx refuses the other's port and names it" says 3 "port 80 is taken by perl, process" nginx SERVER_NAME=a.test
ok "nginx refuses the other's port for TLS, too" says 3 "port 443 is taken by perl" nginx SERVER_NAME=a.test HTTP_PORT=8081 TLS=self_signed
ok "redis refuses the other's port and names it" says 3 "port 6379 is taken by perl" redis PASSWORD=long-enough
snapshot still-taken
ok "refused ports changed nothing" same taken still-taken
ok "nginx installs on a port that is free" nginx SERVER_NAME=a.test HTTP_PORT=8081
ok "nginx answers there" answers a.test http://127.0.0.1:8081/
ok "nginx does not move to the other's port" exits 3 nginx SERVER_NAME=a.test HTTP_PORT=80
ok "nginx answers where it did" answers a.test http://127.0.0.1:8081/
ok "redis installs on a port that is free" redis PASSWORD=long-enough PORT=6400
ok "redis does not move to the other's port" exits 3 redis PASSWORD=long-enough
ok "redis answers where it did" script redis check.sh PASSWORD=long-enough PORT=6400
ok "redis uninstalls" script redis uninstall.sh
ok "nginx uninstalls" script nginx uninstall.sh
snapshot taken-after
ok "what was there before is there again" same taken taken-after
for port in 80 443 6379; do ok "port $port is free" no_listener $port; done

# ---- nginx
ok "nginx installs" nginx SERVER_NAME=a.test
ok "nginx answers" answers a.test http://127.0.0.1/
ok "nginx checks" script nginx check.sh SERVER_NAME=a.test
snapshot nginx1; pids pids1
ok "nginx installs again" nginx SERVER_NAME=a.test
snapshot nginx2; pids pids2
ok "the second run changed nothing" same nginx1 nginx2
ok "the second run restarted nothing" same pids1 pids2
ok "nginx moves to another port and TLS" nginx SERVER_NAME=b.test HTTP_PORT=8080 TLS=self_signed
ok "nginx answers by TLS" answers b.test https://127.0.0.1/
pids pids3
ok "new settings came by reload" same pids1 pids3

ok "a certificate without its key is refused" exits 1 nginx SERVER_NAME=b.test TLS=given \
  TLS_CERTIFICATE=$'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' TLS_KEY=$'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'
ok "a certificate and its key" on s1 openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=c.test \
  -addext subjectAltName=DNS:c.test -keyout /tmp/key -out /tmp/certificate
given=(SERVER_NAME=c.test TLS=given "TLS_CERTIFICATE=$(on s1 cat /tmp/certificate)")
key=$(on s1 cat /tmp/key) strange_key=$(on s1 openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
ok "another key is refused" says 1 "not the key of this certificate" nginx "${given[@]}" TLS_KEY="$strange_key"
ok "nginx takes the pair it is given" nginx "${given[@]}" TLS_KEY="$key"
ok "and answers with it" on s1 curl -sSf --cacert /tmp/certificate --resolve c.test:443:127.0.0.1 https://c.test/
snapshot given1
ok "nginx takes it again" nginx "${given[@]}" TLS_KEY="$key"
snapshot given2
ok "the second run changed nothing" same given1 given2

# Two default servers on one port are refused by nginx itself, once everything is written.
edit /etc/nginx/conf.d/own.conf 'server { listen 8090 default_server; }'
ok "another's site" on s1 systemctl reload nginx
ok "listens" eventually 10 listens 8090
snapshot unrefused; pids pids4
ok "a configuration that nginx refuses ends with 3" says 3 "nginx refuses" nginx SERVER_NAME=d.test HTTP_PORT=8090 TLS=self_signed DOCUMENT_ROOT=/var/www/d
snapshot refused; pids pids5
grep -v '/var/lib/provisioning/' "$scratch/unrefused" >"$scratch/unrefused1"
grep -v '/var/lib/provisioning/' "$scratch/refused" >"$scratch/refused1"
ok "certificate, key, page and site are as before" same unrefused1 refused1
ok "nginx goes on" same pids4 pids5
ok "and answers as before" on s1 curl -sSf --cacert /tmp/certificate --resolve c.test:443:127.0.0.1 https://c.test/

# A site that somebody wrote and nobody has loaded yet, on a port that another program has: a reload that cannot bind it
# says so nowhere but in nginx's own log, and exits 0.
ok "another listens on port 8095" listener 8095
edit /etc/nginx/conf.d/own2.conf 'server { listen 8095; }'
ok "a reload that nginx does not take up ends with 3" says 3 "port 8095 is taken by perl" nginx SERVER_NAME=d.test TLS=self_signed
pids pids6
ok "nginx goes on" same pids4 pids6
ok "and answers as before" on s1 curl -sSf --cacert /tmp/certificate --resolve c.test:443:127.0.0.1 https://c.test/
ok "without that site" on s1 rm /etc/nginx/conf.d/own2.conf
ok "port 8095 is free" no_listener 8095

# ---- redis
ok "redis installs" redis 'PASSWORD=pa"ss\word#1'
ok "redis checks with the password" script redis check.sh 'PASSWORD=pa"ss\word#1'
ok "redis checks without it" script redis check.sh
ok "redis refuses another" exits 3 script redis check.sh PASSWORD=another-one
snapshot redis1; pids pids1
ok "redis installs again" redis 'PASSWORD=pa"ss\word#1'
snapshot redis2; pids pids2
ok "the second run changed nothing" same redis1 redis2
ok "the second run restarted nothing" same pids1 pids2
ok "redis moves to another port" redis PASSWORD=another-one PORT=6400 MAXMEMORY=64mb
ok "redis answers there" script redis check.sh PASSWORD=another-one PORT=6400 MAXMEMORY=64mb
ok "an address that is not this server's ends with 3" exits 3 redis PASSWORD=another-one PORT=6400 MAXMEMORY=64mb BIND=192.0.2.1
ok "redis answers as before" script redis check.sh PASSWORD=another-one PORT=6400 MAXMEMORY=64mb

# ---- uninstall
ok "redis uninstalls" script redis uninstall.sh
ok "nginx with another's site uninstalls" says 0 "kept nginx, which has other sites: /etc/nginx/conf.d/own.conf" script nginx uninstall.sh
ok "the other's site goes on" listens 8090
ok "the installer's is gone" on s1 sh -c '! ss -Hltn "sport = :443" | grep -q . && [ ! -e /etc/nginx/conf.d/provisioning.conf ]'
ok "without it nginx goes" on s1 sh -c 'rm /tmp/key /tmp/certificate && apt-get purge -y -qq nginx nginx-common >/dev/null && rm -rf /var/www'
ok "uninstalling what is not there is fine" script redis uninstall.sh
snapshot after
ok "what was there before is there again" same before after

# ---- killed, and run again
ok "nginx is killed with its packages unpacked" killed unpacked nginx SERVER_NAME=a.test
# shellcheck disable=SC2016 # the other side's shell expands it
ok "dpkg was in the midst of it" on s1 sh -c '[ -n "$(dpkg --audit)" ]'
for at in 60 80 90 100; do ok "nginx runs again and is killed at $at" killed $at nginx SERVER_NAME=a.test; done
ok "nginx runs again" nginx SERVER_NAME=a.test
snapshot killed
ok "all is as if it had not been killed" same nginx1 killed
ok "nginx answers" answers a.test http://127.0.0.1/
ok "redis is killed with its packages unpacked" killed unpacked redis 'PASSWORD=pa"ss\word#1'
for at in 60 80 100; do ok "redis runs again and is killed at $at" killed $at redis 'PASSWORD=pa"ss\word#1'; done
ok "redis runs again" redis 'PASSWORD=pa"ss\word#1'
ok "redis answers" script redis check.sh 'PASSWORD=pa"ss\word#1'

# ---- what somebody else has come to need, or has written
ok "another package needs both" on s1 sh -ec 'mkdir -p /tmp/needs/DEBIAN
  printf "Package: needs\nVersion: 1\nArchitecture: all\nDepends: nginx, redis-server\nMaintainer: a\nDescription: a\n" >/tmp/needs/DEBIAN/control
  dpkg-deb -b /tmp/needs /tmp/needs.deb && dpkg -i /tmp/needs.deb'
edit /var/www/provisioning/index.html 'my own page'
ok "nginx uninstalls" says 0 "still needed by needs" script nginx uninstall.sh
ok "redis uninstalls" says 0 "still needed by needs" script redis uninstall.sh
ok "what is still needed runs" on s1 systemctl is-active nginx redis-server
# shellcheck disable=SC2016
ok "redis is as the package brought it" on s1 sh -c '[ "$(redis-cli ping)" = PONG ]'
ok "another's page stays" on s1 grep -qx 'my own page' /var/www/provisioning/index.html
ok "the rest goes" on s1 sh -ec 'rm -r /tmp/needs /tmp/needs.deb /var/www
  apt-get purge -y -qq --autoremove needs nginx nginx-common redis-server redis-tools >/dev/null; [ ! -e /etc/nginx ]'

# A server that has nginx already, with a site of its own, keeps both.
ok "nginx by hand" on s1 sh -c 'apt-get -qq update && apt-get -y -qq install nginx >/dev/null'
edit /etc/nginx/conf.d/own.conf 'server { listen 127.0.0.1:8082; }'
ok "with a site of its own" on s1 systemctl reload nginx
ok "that listens" eventually 10 listens 8082
snapshot own
ok "nginx installs beside it" nginx SERVER_NAME=a.test HTTP_PORT=8081
ok "nginx moves to the port that the other's site has at one address" nginx SERVER_NAME=a.test HTTP_PORT=8082
ok "and answers at the others, too" answers a.test "http://$($fleet ip s1):8082/"
ok "nginx uninstalls from beside it" script nginx uninstall.sh
listens_as_before() { snapshot own-after && same own own-after; }
ok "the other's nginx is as it was, and listens where it did" eventually 10 listens_as_before
ok "and runs" on s1 systemctl is-active --quiet nginx
done_testing
