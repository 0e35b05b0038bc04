#!/usr/bin/env bash
set -euo pipefail
to=${PROVISIONING_STATE_DIR}
cat "/proc/$$/environ" >"${to}/given"
env -0 >"${to}/passed-on"
umask >"${to}/umask"
readlink "/proc/$$/fd/0" >"${to}/stdin"
descriptors=()
for descriptor in "/proc/$$/fd/"*; do
  # The one that lists them is closed again.
  [ ! -L "${descriptor}" ] || descriptors+=("${descriptor##*/}")
done
printf '%s\n' "${descriptors[@]}" >"${to}/descriptors"
for value in "${A_STRING-}" "${A_TEXT-}" "${AN_INTEGER-}" "${A_NUMBER-}" "${A_BOOLEAN-}" "${A_SELECT-}" "${A_MULTISELECT-}" \
  "${AN_EMAIL-}" "${A_PORT-}" "${A_HOSTNAME-}" "${AN_IP-}" "${A_URL-}" "${A_PATH-}" "${AN_EMPTY_ONE-unset}" \
  "${A_DEFAULT-}" "${AN_UNSET_ONE-unset}" "${A_HIDDEN_ONE-unset}"; do
  printf '%s\0' "${value}"
done >"${to}/read"
echo "the password has ${#A_PASSWORD} characters"
