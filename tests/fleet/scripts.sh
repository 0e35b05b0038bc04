# shellcheck shell=bash
# What the tests of installers share: their scripts as the agent runs them, in the world that `inside COMMAND..`, which
# the test defines, reaches. Sourced as servers.sh, which comes with it.
# shellcheck source=tests/fleet/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

put_installers() { # on s1, in /p
  if ! { $fleet push s1 installers /p && $fleet push s1 packaging/lib /p; }; then echo "not ok - push"; exit 1; fi
}
# script APP SCRIPT [NAME=VALUE..]
script() {
  local app=$1 name=$2; shift 2
  inside env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive PROVISIONING_JOB=true PROVISIONING_APP_ID="$app" PROVISIONING_LIB=/p/lib/provisioning.sh \
    PROVISIONING_STATE_DIR="/var/lib/provisioning/apps/$app" "$@" bash -c "cd /p/installers/$app && exec bash $name </dev/null"
}
# What a second run must not change, and what an uninstall must give back. Caches and logs are not part of it.
# shellcheck disable=SC2016 # the other side's shell expands it
snapshot() { # NAME
  inside sh -c 'files() {
      find /etc /p /var/www /var/lib/provisioning/apps -xdev \( -type f -o -type l \) ! -name "ld.so.cache" ! -name "passwd*" \
        ! -name "group*" ! -name "shadow*" ! -name "gshadow*" ! -path "/etc/rc*" ! -path "*/.pwd.lock" "$@" 2>/dev/null
    }
    dpkg-query -W -f="\${Package} \${Status}\n"
    files -printf "%p %m %u %l\n" | sort; files -type f -print0 | sort -z | xargs -0 sha256sum
    ls -d /var/www/* 2>/dev/null; ss -Hltn | awk "{print \$4}" | sort' >"$scratch/$1"
}
same() { diff "$scratch/$1" "$scratch/$2"; } # SNAPSHOT SNAPSHOT
answers() { [ "$(inside curl -sk -o /dev/null -w '%{http_code}' -H "Host: $1" "$2")" = 200 ]; } # SERVER_NAME URL
says() { # EXIT-CODE TEXT COMMAND..: it ends so, and says why
  local want=$1 text=$2 out code=0; shift 2
  out=$("$@" 2>&1) || code=$?
  [[ $code == "$want" && $out == *"$text"* ]] || { echo "exit $code instead of $want, or not '$text' in:"; echo "$out"; return 1; }
}
