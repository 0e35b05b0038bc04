"""Rows 1-3, 31-36 and 43 at once, by chance: see chaos.py. The seed of a run is printed, and `./dev chaos --jobs 2000 --minutes 2
--seed N` is that run again."""
import os
import pathlib
import random
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "e2e")]
import chaos  # noqa: E402
from basics import requires  # noqa: E402


# ---- what is judged here; the rest is tests/history's

def row(status, reason=None):
    return {"status": status, "status_reason": reason}


def test_of_what_was_promised_and_kept_nothing_is_wrong():
    stored = {"a": row("succeeded"), "b": row("lost", "the journal was lost")}
    assert chaos.broken_promises(["a", "b"], {"a": "succeeded", "b": "lost"}, stored) == []


@pytest.mark.parametrize("jobs,found,stored,sentence", [
    (["a", "b"], {"a": "succeeded"}, {"a": row("succeeded")}, "b: accepted, and the store has no such job"),
    ([], {}, {"a": row("succeeded")}, "a: nobody was told that it was accepted"),
    (["a"], {"a": "lost"}, {"a": row("lost")}, "a: lost without a reason"),
    (["a"], {"a": "running"}, {"a": row("running")}, f"a: running, though nothing has been killed for {chaos.SETTLE} s"),
    (["a"], {"a": "answered 404"}, {"a": row("succeeded")}, f"a: answered 404, though nothing has been killed for {chaos.SETTLE} s"),
])
def test_a_broken_promise_is_named(jobs, found, stored, sentence):
    assert chaos.broken_promises(jobs, found, stored) == [sentence]


def test_a_run_that_proves_nothing_is_wrong():
    assert chaos.too_little(2000, 40) == []
    assert chaos.too_little(99, 40) == ["99 jobs and 40 faults: that proves nothing"]
    assert chaos.too_little(2000, 4) == ["2000 jobs and 4 faults: that proves nothing"]


# ---- the whole of it


def test_nothing_is_lost_and_nothing_runs_twice_while_everything_is_killed(capsys):
    requires("root")
    requires("postgresql")
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(1 << 32)))
    ran = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("chaos.py"), "--jobs", "2000", "--minutes", "2",
                          "--seed", str(seed)],
                         capture_output=True, text=True, check=False, timeout=900)
    print(ran.stdout, ran.stderr, sep="\n")
    with capsys.disabled():
        print("\n".join(line for line in ran.stdout.splitlines() if line.startswith("# seed") or "jobs accepted (" in line))
    assert ran.returncode == 0, f"seed {seed}:\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
