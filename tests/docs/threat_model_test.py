"""docs/security/threat-model.md: whatever an attacker does not get is held by tests, and those are there."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security/threat-model.md").read_text()
ROWS = [cells for line in PAGE.splitlines() if line.startswith("| ")
        for cells in [[cell.strip() for cell in line.split("|")[1:-1]]] if cells[0] != "does not get"]
CPP = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*_test.cpp")))
PYTHON = "\n".join(path.read_text() for path in sorted((ROOT / "tests").rglob("*_test.py")))


def exists(name):
    if "/" in name:
        return (ROOT / name).is_file()
    if name.startswith("test_"):
        return f"\ndef {name}(" in PYTHON
    suite, _, test = name.rpartition(".")
    suite = re.escape(suite) if suite else r"\w+"
    return re.search(rf"^TEST(_[FP])?\(\s*{suite},\s*{re.escape(test)}\)", CPP, re.MULTILINE) is not None


def test_there_are_rows():
    assert len(ROWS) >= 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_is_held(row):
    names = re.findall(r"`([^`]+)`", row[1])
    assert names
    for name in names:
        assert exists(name), f"there is no test {name}"
