#!/usr/bin/env bash
set -euo pipefail
to=${PROVISIONING_STATE_DIR}
rm -f "${to}/go"
env -0 >"${to}/environment"
stat -c '%a %u %g %F' "${TOKEN_FILE%/*}" "${TOKEN_FILE}" >"${to}/modes"
stat -f -c %T "${TOKEN_FILE}" >"${to}/filesystem"
sha256sum <"${TOKEN_FILE}" >"${to}/digest"
[ -z "${PASSPHRASE_FILE-}" ] || sha256sum <"${PASSPHRASE_FILE}" >"${to}/passphrase"
echo "the token is $(cat "${TOKEN_FILE}")"
echo "waiting"
while [ ! -e "${to}/go" ]; do sleep 0.1; done
exit "${EXIT_CODE}"
