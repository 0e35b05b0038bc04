# shellcheck shell=bash
# What the bash tests ask of a job, by the `ctl` of who sources this.
field() { ctl job "$1" -o json | sed -n "s/^ *\"$2\": \"\\([^\"]*\\)\".*/\\1/p" | head -n 1; } # JOB FIELD
ended() { case $(field "$1" status) in succeeded | failed | timed_out | canceled | rejected | interrupted | lost) ;; *) return 1 ;; esac; }
complete() { ctl job "$1" -o json | grep -q '"complete": true'; }
# The lines `line 1`, `line 2`.. in their order: from 1 in each attempt, and none is missing, to LAST where it is not 0.
whole() { # JOB ATTEMPTS LAST
  local attempt
  for attempt in $(seq "$2"); do ctl logs "$1" --attempt "$attempt"; done | sed -n 's/.*line \([0-9]*\)$/\1/p' | awk -v runs="$2" -v last="$3" '
    $1 == 1 { ++seen; at = 1; next } $1 != at + 1 { print "line " $1 " after " at; bad = 1 } { at = $1 }
    END { if (seen != runs || (last && at != last) || at < 1) { print seen " runs, the last to " at; bad = 1 } exit bad }'
}
