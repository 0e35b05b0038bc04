"""The examples of docs/operations/topologies.md are started as they stand, and install something."""
import pathlib
import re
import subprocess
import sys

import pytest

from basics import ROOT, requires

@pytest.fixture(autouse=True)
def everything_runs():
    """No platform of the other tests."""


EXAMPLES = sorted(path.name for path in (ROOT / "packaging/examples").iterdir())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_works_as_it_stands(name):
    requires("root")
    requires("mounts")
    requires("netns")
    if name == "several-panels":
        requires("postgresql")
    done = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B",
                           pathlib.Path(__file__).parent / "topology.py", name],
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and done.stdout.endswith("all is well\n"), done.stdout + done.stderr


def test_the_page_has_each_example_and_shows_it_as_it_is():
    page = (ROOT / "docs/operations/topologies.md").read_text()
    shown = re.findall(r"^`packaging/examples/(\S+)`:\n\n```\w*\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    files = {str(path.relative_to(ROOT / "packaging/examples")): path.read_text() for path in (ROOT / "packaging/examples").rglob("*")
             if path.is_file()}
    assert dict(shown) == files
