#!/usr/bin/env bash
# packages.sh - the Debian packages of the release build, in build/release/packages; made anew where the build is newer. Tests
# that run side by side may call it.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec 9>build/release/packages.lock
flock 9
made=build/release/packages/.made
if [ -e $made ] && [ -z "$(find build/release/provisioning* build/release/provisionctl packaging installers -newer $made -print -quit)" ]; then
  exit 0
fi
rm -rf build/release/packages
(cd build/release && cpack) >build/release/cpack.log 2>&1 9>&- || { cat build/release/cpack.log >&2; exit 1; }
touch $made
