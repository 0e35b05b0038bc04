"""docs/faults.md has every row that can be held today, and each test that it names exists."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/faults.md").read_text()
ROWS = [1, 2, 3, 4, 5, 6, *range(8, 39), 39, 40, 41, *range(43, 49)]
LINES = {int(line.split("|")[1]): [cell.strip() for cell in line.split("|")[2:-1]]
         for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)}


def test_every_row_is_there_once_and_in_order():
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == ROWS


def exists(file, name):
    text = (ROOT / file).read_text()
    if file.endswith(".py"):
        return f"\ndef {name}(" in text
    if file.endswith(".sh"):
        return f'"{name}"' in text
    if file.endswith(".ts"):
        return re.search(rf"test\('{re.escape(name)}( @\w+)?'", text) is not None
    suite, _, test = name.rpartition(".")
    suite = re.escape(suite) if suite else r"\w+"
    return re.search(rf"^TEST(_[FP])?\(\s*{suite},\s*{re.escape(test)}\)", text, re.MULTILINE) is not None


@pytest.mark.parametrize("row", ROWS)
def test_what_holds_a_row_exists(row):
    fault, promise, held, missing = LINES[row]
    assert fault and promise
    if held == "none":
        assert missing
        return
    named = 0
    for part in held.split("; "):
        file, _, tests = part.partition(": ")
        assert re.fullmatch(r"`[^`]+`(, `[^`]+`)*", tests), part
        for test in re.findall(r"`([^`]+)`", tests):
            assert exists(file.strip("`"), test), f"row {row}: {file} has no test {test}"
            named += 1
    assert named
