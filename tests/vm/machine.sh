#!/usr/bin/env bash
# machine.sh - the Debian packages on a machine of its own (qemu), with every controller of cgroup v2: limits that bind, and a
# power cut in mid-job. What happens there is in inside.sh. Prints TAP. Exit 77 where there is no qemu.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
tests/support/requirement vm || exit 77
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
tests/support/packages.sh || { echo "not ok 1 - the packages"; exit 1; }
# The machine has no network: what the packages depend on comes along.
mkdir "$scratch/libraries"
ldd build/release/provisioning-panel build/release/provisioning-agent build/release/provisionctl |
  awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^(libc|libm|libpthread|libdl|librt)\.so/ { print $3 }' | sort -u |
  xargs cp -Lt "$scratch/libraries" || exit 1
VM_BOOTS=2 VM_TIMEOUT=600 tests/support/vm.sh tests/vm/inside.sh tests/support/tap.sh tests/support/jobs.sh build/release/packages "$scratch/libraries"
