"""Rows 1-3, 31-36 and 43 at once, by chance: see chaos.py. The seed of a run is printed, and `./dev chaos --jobs 300 --seed N` is that run again."""
import os
import pathlib
import random
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from basics import requires  # noqa: E402


def test_nothing_is_lost_and_nothing_runs_twice_while_everything_is_killed():
    requires("root")
    requires("postgresql")
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(1 << 32)))
    ran = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("chaos.py"), "--jobs", "300", "--seed", str(seed)],
                         capture_output=True, text=True, check=False, timeout=900)
    print(ran.stdout, ran.stderr, sep="\n")
    assert ran.returncode == 0, f"seed {seed}:\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
