"""Each sabotage still fits what it sabotages, which costs nothing to know; whether its test notices, tests/sabotage tries."""
import fnmatch
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/sabotage"))
import sabotage  # noqa: E402

PATCHES = [sabotage.Patch(path) for path in sorted(sabotage.PATCHES.glob("*.patch"))]
TESTS = {f"{suite}.{test}" for path in (ROOT / "src").rglob("*_test.[ch]pp")
         for suite, test in re.findall(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", path.read_text())}


def test_there_are_as_many_as_are_wanted():
    assert len(PATCHES) >= sabotage.LEAST and len(TESTS) > 1000


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_a_sabotage_applies_and_its_test_is_there(patch):
    applied = patch.apply("--check")
    assert applied.returncode == 0, applied.stdout
    # `Instance/Suite.Test/parameter`, any of it a pattern: what an instance and its parameters are called is not looked at.
    suite, test = re.fullmatch(r"(?:[\w*]+/)?\**(\w+)\.([\w*]+)(?:/[\w*]+)?", patch.test).groups()
    assert fnmatch.filter(TESTS, f"{suite}.{test}"), f"there is no test {patch.test}"
