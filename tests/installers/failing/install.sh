#!/usr/bin/env bash
set -euo pipefail
echo "ending with ${EXIT_CODE}"
exit "${EXIT_CODE}"
