#!/usr/bin/env bash
set -euo pipefail
echo "::progress 10 Talking"
for ((i = 1; i <= LINES_TO_PRINT; i++)); do echo "line $i"; done
echo "to standard error" >&2
echo "::output url=http://localhost/"
echo "::output admin_password=made-by-the-script"
echo "the password is made-by-the-script"
echo "::warning nearly done"
echo "::progress 100 Done"
printf 'no newline at the end'
