"""`./dev test` names the longest tests one by one, so that they run side by side: none may be forgotten."""
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the tests on servers and machines are made of.
TOOLS = {"tests/fleet/fleet.sh", "tests/vm/inside.sh"}


def run():
    for path in sorted(ROOT.glob("tests/*/*_test.py")):
        folder = path.parent.relative_to(ROOT)
        yield str(folder if folder.name != "faults" else path.relative_to(ROOT))
    for path in sorted([*ROOT.glob("tests/fleet/*.sh"), *ROOT.glob("tests/vm/*.sh")]):
        if os.access(path, os.X_OK) and str(path.relative_to(ROOT)) not in TOOLS:
            yield f"{path.parent.name} {path.stem}"


@pytest.mark.parametrize("test", sorted(set(run())))
def test_dev_test_runs_it(test):
    kind = "python_test" if test.startswith("tests/") else "machine_test"
    words = [line.split() for line in (ROOT / "dev").read_text().splitlines()]
    assert ["in_a_lane", kind, *test.split()] in words, f"./dev test does not run {test}"
