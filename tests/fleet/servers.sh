# shellcheck shell=bash
# What the tests on real servers share: `servers N` starts N fresh ones that end with the test. Sourced, after FLEET_ID
# is set to a number of the test's own. Exits 77 where the machine cannot run a fleet.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# shellcheck source=tests/support/tap.sh
. tests/support/tap.sh
tests/support/requirement fleet || exit 77
fleet=tests/fleet/fleet.sh
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"; [ -n "${KEEP:-}" ] || $fleet down >/dev/null 2>&1' EXIT
servers() { # N
  $fleet down >/dev/null 2>&1
  $fleet up "$1" >&2 || { echo "not ok - the servers did not come up"; exit 1; }
}
on() { $fleet exec "$@"; } # SERVER COMMAND..
