"""docs/bench.md lists the figures that ./dev bench measures, and its table says which goal is missed."""
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/bench.md").read_text()
sys.path.insert(0, str(ROOT / "bench"))

import report  # noqa: E402


def test_the_page_lists_what_is_measured():
    refused = subprocess.run([sys.executable, "-B", ROOT / "bench/bench.py", "F0"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert re.findall(r"^\| (F\d+) \|", PAGE, re.MULTILINE) == refused.stderr.split("there are: ")[1].split()


@pytest.mark.parametrize("goal,samples,floors,said", [
    (report.ratio_at_most(1.5), [3, 30, 4], [2, 20, 2], "met"),  # pair by pair 1.5, 1.5 and 2
    (report.ratio_at_most(1.5), [6], [2], "MISSED by 2.00×"),
    (report.ratio_at_least(0.5), [100], [200], "met"),
    (report.ratio_at_least(0.5), [100], [400], "MISSED by 2.00×"),
    (report.at_most(12), [13, 11, 30], [], "MISSED by 1.08×"),  # the median
    (report.at_least(300), [500], [5000], "met"),
])
def test_the_table_says_which_goal_is_missed(goal, samples, floors, said):
    assert report.Row("F0", "a figure", "ms", samples, goal, floors).cells()[-1] == said
