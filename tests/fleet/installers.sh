#!/usr/bin/env bash
# installers.sh - the bundled installers on a fresh Debian server with systemd: invalid input, first install, second
# run, check, changed input, uninstall. Prints TAP. Exit 77 where the machine cannot run a fleet.
set -uo pipefail
export FLEET_ID=${FLEET_ID:-61}
# shellcheck source=tests/fleet/servers.sh
. "$(dirname "$0")/servers.sh"
servers 1

# script APP SCRIPT [NAME=VALUE..]: as the agent runs it
script() {
  local app=$1 name=$2; shift 2
  on s1 env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive PROVISIONING_JOB=true PROVISIONING_APP_ID="$app" PROVISIONING_LIB=/p/lib/provisioning.sh \
    PROVISIONING_STATE_DIR="/var/lib/provisioning/apps/$app" "$@" bash -c "cd /p/installers/$app && exec bash $name </dev/null"
}
# What a second run must not change, and what an uninstall must give back. Caches and logs are not part of it.
# shellcheck disable=SC2016 # the other side's shell expands it
snapshot() {
  on s1 sh -c 'dpkg-query -W -f="\${Package} \${Status}\n"; find /etc /p -xdev \( -type f -o -type l \) ! -name "ld.so.cache" \
    ! -name "passwd*" ! -name "group*" ! -name "shadow*" ! -name "gshadow*" ! -path "/etc/rc*" ! -path "*/.pwd.lock" \
    -printf "%p %m %u " -exec sh -c "sha256sum <\"\$1\" 2>/dev/null || readlink \"\$1\"" _ {} \; 2>/dev/null | sort; ls -d /var/www/* 2>/dev/null; ss -Hltn'
}
pids() { on s1 sh -c 'systemctl show -p MainPID --value nginx redis-server'; }
same() { diff "$scratch/$1" "$scratch/$2"; }
answers() { [ "$(on s1 curl -sk -o /dev/null -w '%{http_code}' -H "Host: $1" "$2")" = 200 ]; }

if ! { $fleet push s1 installers /p && $fleet push s1 packaging/lib /p; }; then echo "not ok - push"; exit 1; fi
snapshot >"$scratch/before"

for bad in SERVER_NAME= SERVER_NAME='a b' SERVER_NAME='a;evil' SERVER_NAME=-a HTTP_PORT=0 HTTP_PORT=65536 HTTP_PORT=8x \
  DOCUMENT_ROOT=relative DOCUMENT_ROOT='/a;b' DOCUMENT_ROOT=/etc/passwd TLS=maybe 'TLS=given' 'TLS=self_signed HTTPS_PORT=80'; do
  if [[ $bad == *'a b' ]]; then words=("$bad"); else read -ra words <<<"$bad"; fi
  ok "nginx refuses ${bad}" exits 1 script nginx install.sh SERVER_NAME=a.test "${words[@]}"
done
for bad in PASSWORD= PASSWORD=short PASSWORD='has a space' PORT=0 PORT=70000 BIND=host MAXMEMORY=lots; do
  ok "redis refuses ${bad%%=*}" exits 1 script redis install.sh PASSWORD=long-enough "$bad"
done
snapshot >"$scratch/after-bad"
ok "refused inputs changed nothing" same before after-bad

ok "mirror off" $fleet mirror off
ok "without the mirror nginx ends with 2" exits 2 script nginx install.sh SERVER_NAME=a.test
ok "mirror on" $fleet mirror on

ok "nginx installs" script nginx install.sh SERVER_NAME=a.test
ok "nginx answers" answers a.test http://127.0.0.1/
ok "nginx checks" script nginx check.sh SERVER_NAME=a.test
snapshot >"$scratch/nginx1"; pids >"$scratch/pids1"
ok "nginx installs again" script nginx install.sh SERVER_NAME=a.test
snapshot >"$scratch/nginx2"; pids >"$scratch/pids2"
ok "the second run changed nothing" same nginx1 nginx2
ok "the second run restarted nothing" same pids1 pids2
ok "nginx moves to another port and TLS" script nginx install.sh SERVER_NAME=b.test HTTP_PORT=8080 TLS=self_signed
ok "nginx answers by TLS" answers b.test https://127.0.0.1/
pids >"$scratch/pids3"
ok "new settings came by reload" same pids1 pids3
ok "a certificate without its key is refused" exits 1 script nginx install.sh SERVER_NAME=b.test TLS=given \
  TLS_CERTIFICATE=$'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' TLS_KEY=$'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'

ok "redis installs" script redis install.sh 'PASSWORD=pa"ss\word#1'
ok "redis checks with the password" script redis check.sh 'PASSWORD=pa"ss\word#1'
ok "redis checks without it" script redis check.sh
ok "redis refuses another" exits 3 script redis check.sh PASSWORD=another-one
snapshot >"$scratch/redis1"; pids >"$scratch/pids1"
ok "redis installs again" script redis install.sh 'PASSWORD=pa"ss\word#1'
snapshot >"$scratch/redis2"; pids >"$scratch/pids2"
ok "the second run changed nothing" same redis1 redis2
ok "the second run restarted nothing" same pids1 pids2
ok "redis moves to another port" script redis install.sh PASSWORD=another-one PORT=6400 MAXMEMORY=64mb
ok "redis answers there" script redis check.sh PASSWORD=another-one PORT=6400 MAXMEMORY=64mb

ok "redis uninstalls" script redis uninstall.sh
ok "nginx uninstalls" script nginx uninstall.sh
ok "uninstalling what is not there is fine" script redis uninstall.sh
snapshot >"$scratch/after"
ok "what was there before is there again" same before after

# A server that has nginx already, with a site of its own, keeps both.
ok "nginx by hand" on s1 sh -c 'apt-get -qq update && apt-get -y -qq install nginx >/dev/null'
snapshot >"$scratch/own"
ok "nginx installs beside it" script nginx install.sh SERVER_NAME=a.test HTTP_PORT=8081
ok "nginx uninstalls from beside it" script nginx uninstall.sh
snapshot >"$scratch/own-after"
ok "the other's nginx is as it was" same own own-after
ok "and runs" on s1 systemctl is-active --quiet nginx
done_testing
