#!/usr/bin/env bash
set -euo pipefail
mapfile -t block < <(seq -f 'line %.0f of a block, as scripts print.' 250)
for ((block_number = 0; block_number < 20 * SECONDS_TO_PRINT; ++block_number)); do
  printf '%s\n' "${block[@]}"
  sleep 0.05
done
