#!/usr/bin/env bash
# What ./dev refuses, and how: in a copy without a build, with a PATH that lacks what the case is about. Prints TAP.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/tap.sh
. tests/support/tap.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/project" "$scratch/bin"
cp -R dev scripts "$scratch/project"
mkdir -p "$scratch/project/web/node" && cp web/run "$scratch/project/web" && cp web/node/package-lock.json "$scratch/project/web/node"
for tool in bash dirname cksum cut id hostname sed tail grep mkdir touch printf env cat uname; do ln -s "$(command -v $tool)" "$scratch/bin/$tool"; done
chmod -R go+rX "$scratch"
double() { rm -f "$scratch/bin/$1"; printf '#!/bin/bash\n%s\n' "$2" >"$scratch/bin/$1"; chmod 755 "$scratch/bin/$1"; }
dev() { env -i PATH="$scratch/bin" HOME="$scratch" "$@"; }
as_nobody() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups -- "$@"; else "$@"; fi; }
double dpkg-query 'exit 1' # nothing is installed
at=$scratch/project/dev

ok "an unknown command" refuses 1 "unknown command 'upp'; ./dev help lists them" dev "$at" upp
ok "help lists the commands" refuses 0 "./dev test" dev "$at" help
ok "a machine without apt-get" refuses 1 "no apt-get: Debian 12, or a system like it" dev "$at" setup
ok "neither root nor sudo" refuses 1 "install sudo and let" as_nobody env -i PATH="$scratch/bin" HOME="$scratch" "$at" up
ok "pages that are not there" refuses 1 "PROV_WEB_DIST is no folder" dev env PROV_WEB_DIST=/gone "$at" build
ok "no npm" refuses 1 "npm is missing; ./dev setup installs it" dev "$scratch/project/web/run" true
double apt-get 'exit 100'
double sudo 'exec "$@"'
ok "a mirror that is away" refuses 1 "is the mirror reachable?" dev "$at" setup
double apt-get '[[ " $* " == *" update "* ]]'
ok "a package that cannot be had" refuses 1 "apt-get could not install: " dev "$at" setup
double dpkg-query 'echo "ii "'
ok "where everything is installed, nothing is asked of apt-get" refuses 0 "" dev "$at" setup
ok "and the second time not even that" bash -c "ls '$scratch'/project/.cache/setup-*"
done_testing
