#!/usr/bin/env bash
set -euo pipefail
if [ "$BY_PROGRAM" = true ]; then exec ./files/print_lines "$AMOUNT"; fi
for ((i = 0; i < AMOUNT; ++i)); do
  echo "a line of forty bytes, as scripts print."
done
