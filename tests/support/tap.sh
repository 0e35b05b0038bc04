# shellcheck shell=bash
# What the bash tests share: TAP on standard output. Sourced. A test ends with `done_testing`.
count=0 failed=0
ok() { # NAME COMMAND..
  local name=$1 out; shift; count=$((count + 1))
  if out=$("$@" 2>&1); then echo "ok $count - $name"; else
    failed=$((failed + 1)); echo "not ok $count - $name"; printf '%s\n' "$out" | tail -n 25 | sed 's/^/# /'
  fi
}
done_testing() { echo "1..$count"; [ "$failed" = 0 ]; }
must() { local before=$failed; ok "$@"; [ "$failed" = "$before" ] || { done_testing; exit 1; }; } # ends the test, too
exits() { local want=$1 got=0; shift; "$@" || got=$?; [ "$got" = "$want" ] || { echo "exit $got instead of $want"; return 1; }; }
refuses() { # STATUS TEXT COMMAND..
  local status=$1 text=$2 said got=0; shift 2
  said=$("$@" 2>&1 </dev/null) || got=$?
  if [ $got != "$status" ] || [[ $said != *"$text"* ]]; then echo "exit $got instead of $status, or no \`$text\` in:"; echo "$said"; return 1; fi
}
eventually() { # SECONDS COMMAND..: until it succeeds; its last words where it never does
  local until=$((SECONDS + $1)); shift
  local -x FLEET_LIMIT=30 # a server that goes down may take a command with it: that is tried again, too
  until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $until ] || { "$@"; return 1; }; sleep "${EVENTUALLY_PAUSE:-0.3}"; done
}
