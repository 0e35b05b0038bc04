#!/usr/bin/env bash
set -euo pipefail
exec {never}<> <(:) # to wait without a process
while [ ! -e "$BEGIN" ]; do read -rt 0.05 -u "$never" || true; done
for ((line = 0; line < AMOUNT; ++line)); do
  echo "@$EPOCHREALTIME@ one of a hundred lines a second"
  read -rt 0.0095 -u "$never" || true
done
