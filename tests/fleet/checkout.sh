#!/usr/bin/env bash
# checkout.sh - the README's first command in a fresh clone on a fresh Debian server: as root below a directory that is
# root's alone, then as a user with sudo. Everything is set up and built there for real; what this machine has compiled
# already comes from its cache, read-only, for which the clone has this one's path; so do the pages, for a fleet reaches no npm. Prints TAP. Exit 77 where the machine
# cannot run a fleet.
set -uo pipefail
export FLEET_ID=${FLEET_ID:-63}
cache=$(ccache --get-config cache_dir) && export FLEET_BIND="$cache:/ccache ${PROV_WEB_DIST:-$PWD/web/dist}:/pages"
# shellcheck source=tests/fleet/servers.sh
. "$(dirname "$0")/servers.sh"
servers 1

git bundle create "$scratch/project.bundle" HEAD >"$scratch/log" 2>&1 || { echo "not ok - no bundle"; exit 1; }
$fleet push s1 "$scratch/project.bundle" /srv || exit 1
must "git is all it has besides bash" on s1 sh -c 'apt-get -qq update && apt-get install -y -qq git sudo >/dev/null'
# as USER COMMANDS; built as it was here, or the cache would hold nothing of it
as() { FLEET_LIMIT=900 on s1 su "$1" -c ". /etc/profile; export CI=${CI:-} PROV_WEB_DIST=/pages CCACHE_DIR=/ccache CCACHE_READONLY=1 CCACHE_TEMPDIR=/tmp/ccache-$1; cd '$PWD' && $2"; }
answers() { on s1 curl -sf -o /dev/null -H 'Host: example.test' http://127.0.0.1/; }
clones() {
  on s1 sh -c "rm -rf '$PWD' && mkdir -p '$PWD' && chown $1: '$PWD' && chmod 700 '$PWD'" && as "$1" "git clone -q /srv/project.bundle ."
}
# shellcheck disable=SC2016 # the other side's shell expands it
signs_in() { # USER, of the machine: as the panel's first administrator
  as "$1" 'printf "{\"name\":\"admin\",\"password\":\"%s\"}" "$(cat var/admin-password)" |
    curl -sf -H "Content-Type: application/json" --data @- http://127.0.0.1:5000/api/session' | grep -q '"role":"administrator"'
}
# shellcheck disable=SC2016 # the other side's shell expands it
processes() { on s1 sh -c 'all() { pgrep -f "provisioning-(panel|agent)" | sort; }; all >/tmp/all; sleep 1; all | comm -12 - /tmp/all'; } # that last
nothing_changed() { # USER: ./dev up again starts nothing anew, in seconds
  local before after; before=$(processes); SECONDS=0
  as "$1" "./dev up" || return 1
  [ $SECONDS -lt 30 ] || { echo "took $SECONDS s"; return 1; }
  after=$(processes)
  [ "$before" = "$after" ] || { echo "was $before, is $after"; return 1; }
}

for user in root person; do
  [ $user = root ] || on s1 sh -c 'useradd -m -s /bin/bash person && echo "person ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/person'
  must "$user: clones" clones $user
  must "$user: ./dev up nginx" as $user "./dev up nginx server_name=example.test"
  ok "$user: nginx answers" answers
  ok "$user: the panel shows its pages" on s1 sh -c "curl -sf http://127.0.0.1:5000/ | grep -q '<div id=.root.>'"
  ok "$user: the first administrator signs in" signs_in $user
  ok "$user: jobs have control groups" on s1 sh -c "tail -n 200 /var/log/provisioning/agent.log | grep -q '\"containment\":\"cgroup'"
  ok "$user: ./dev up again changes nothing" nothing_changed $user
  ok "$user: ./dev status" as $user "./dev status"
  ok "$user: a bad input is refused by its name" refuses 2 "server_name" as $user "./dev up nginx server_name=-"
  ok "$user: an unknown application is refused" refuses 2 "no installer" as $user "./dev up nginy"
  ok "$user: a secret is not taken from the command line" refuses 2 "--secret password" as $user "./dev up redis password=long-enough"
  ok "$user: but from standard input" as $user "echo long-enough | ./dev up redis --secret password"
  ok "$user: the panel moves to another port" as $user "PANEL_LISTEN=127.0.0.1:5001 ./dev up"
  ok "$user: and is found there" as $user "./dev status && curl -sf http://127.0.0.1:5001/api/ready"
  ok "$user: stops, and everything of its own is deleted" as $user "./dev down && rm -rf var"
  ok "$user: begins anew" as $user "./dev up hello greeting=again"
  ok "$user: ./dev down" as $user "./dev down"
  ok "$user: nothing is left running" on s1 sh -c '! pgrep -f "provisioning-(panel|agent)"'
done
done_testing
