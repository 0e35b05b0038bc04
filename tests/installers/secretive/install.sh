#!/usr/bin/env bash
set -euo pipefail
echo "plain ${TOKEN}"
printf 'split '; printf '%s' "${TOKEN:0:5}"; printf '%s\n' "${TOKEN:5}"
printf '%s' "${TOKEN}" | base64
printf 'x%s' "${TOKEN}" | base64
printf '%s' "${TOKEN}" | od -An -v -tx1 | tr -d ' \n'; echo
printf '%q\n' "${TOKEN}"
echo "::warning the token ${TOKEN} is weak"
