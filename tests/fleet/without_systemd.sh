#!/usr/bin/env bash
# without_systemd.sh - nginx and redis where systemd is not PID 1, as in a container: install, check, again, reconfigure,
# uninstall. On a fresh server, in a root file system, process and mount namespaces of their own below it; redis with a
# policy-rc.d that forbids packages to start services. Prints TAP. Exit 77 where the machine cannot run a fleet.
set -uo pipefail
export FLEET_ID=${FLEET_ID:-66}
# shellcheck source=tests/fleet/scripts.sh
. "$(dirname "$0")/scripts.sh"
servers 1
put_installers

# The server's own disk lies below, what is changed goes to memory. PID 1 is a shell that reaps whoever is left to it.
cat >"$scratch/world" <<'X'
set -e
mkdir /run/world && mount -t tmpfs world /run/world && mkdir /run/world/upper /run/world/work /run/world/root
mount -t overlay -o lowerdir=/,upperdir=/run/world/upper,workdir=/run/world/work world /run/world/root
mount --bind /dev /run/world/root/dev
for d in run tmp sys; do mount -t tmpfs "$d" "/run/world/root/$d"; done
mkdir /run/world/root/run/lock
exec unshare --mount --pid --fork --kill-child --mount-proc=/run/world/root/proc chroot /run/world/root \
  bash -c 'while :; do sleep 1000 & wait; done'
X
$fleet push s1 "$scratch/world" /p || { echo "not ok - push"; exit 1; }
# Not by a unit of the server's: systemd ends what a unit leaves behind, as a started service.
# shellcheck disable=SC2016 # the server's shell expands it
inside() {
  $fleet enter s1 sh -c 'exec nsenter -m -p -r -w -t "$(pgrep -P "$(pgrep -f "^unshare --mount")")" "$@"' inside "$@"
}
pids() { inside sh -c "cat /run/nginx.pid /run/redis/redis-server.pid 2>/dev/null" >"$scratch/$1"; [ -s "$scratch/$1" ] || echo "none at $1" >"$scratch/$1"; }

must "a world without systemd" on s1 systemd-run --quiet --unit=world bash /p/world
must "is there" eventually 10 inside true
# shellcheck disable=SC2016 # the other side's shell expands it
ok "PID 1 is not systemd" inside sh -c '[ "$(cat /proc/1/comm)" = bash ] && [ ! -e /run/systemd/system ]'
snapshot before

# ---- nginx
ok "nginx installs" script nginx install.sh SERVER_NAME=a.test
ok "nginx answers" answers a.test http://127.0.0.1/
ok "nginx checks" script nginx check.sh SERVER_NAME=a.test
snapshot nginx1; pids pids1
ok "nginx installs again" script nginx install.sh SERVER_NAME=a.test
snapshot nginx2; pids pids2
ok "the second run changed nothing" same nginx1 nginx2
ok "the second run restarted nothing" same pids1 pids2
ok "nginx moves to another port and TLS" script nginx install.sh SERVER_NAME=b.test HTTP_PORT=8080 TLS=self_signed
ok "nginx answers by TLS" answers b.test https://127.0.0.1/
pids pids3
ok "new settings came by reload" same pids1 pids3
ok "its program is replaced, as by an upgrade" inside sh -c 'cp -p /usr/sbin/nginx /usr/sbin/nginx.new && mv /usr/sbin/nginx.new /usr/sbin/nginx'
ok "nginx moves back" script nginx install.sh SERVER_NAME=a.test
ok "nginx answers" answers a.test http://127.0.0.1/
pids pids4
ok "which ran on" same pids1 pids4
# shellcheck disable=SC2016
ok "a stopped nginx is found" inside sh -c 'kill $(cat /run/nginx.pid)'
ok "by its check" eventually 10 exits 3 script nginx check.sh SERVER_NAME=a.test
ok "and started" script nginx install.sh SERVER_NAME=a.test
ok "nginx answers" answers a.test http://127.0.0.1/

# ---- redis, which refuses nginx's port
ok "packages may not start services" inside sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d'
ok "redis refuses a taken port" says 3 "port 80 is taken by nginx, process" script redis install.sh PASSWORD=long-enough PORT=80
ok "redis installs" script redis install.sh 'PASSWORD=pa"ss\word#1'
ok "redis checks" script redis check.sh 'PASSWORD=pa"ss\word#1'
snapshot redis1; pids pids1
ok "redis installs again" script redis install.sh 'PASSWORD=pa"ss\word#1'
snapshot redis2; pids pids2
ok "the second run changed nothing" same redis1 redis2
ok "the second run restarted nothing" same pids1 pids2
ok "redis moves to another port" script redis install.sh PASSWORD=another-one PORT=6400
ok "redis checks there" script redis check.sh PASSWORD=another-one PORT=6400
ok "an address that is not this server's ends with 3" exits 3 script redis install.sh PASSWORD=another-one PORT=6400 BIND=192.0.2.1
ok "redis answers as before" script redis check.sh PASSWORD=another-one PORT=6400

ok "redis uninstalls" script redis uninstall.sh
ok "nginx uninstalls" script nginx uninstall.sh
snapshot after
ok "what was there before is there again" same before after
ok "nothing of them runs" inside sh -c '! grep -qxE "nginx|redis-server" /proc/[0-9]*/comm'
done_testing
