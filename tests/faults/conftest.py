"""The panel and agents of tests/e2e, to be killed at every point where they write."""
import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
found = importlib.util.spec_from_file_location("e2e_platform", ROOT / "tests/e2e/conftest.py")
e2e_platform = importlib.util.module_from_spec(found)
sys.modules["e2e_platform"] = e2e_platform
found.loader.exec_module(e2e_platform)


@pytest.fixture(scope="session", name="tracer")
def tracer_fixture(tmp_path_factory):
    """tests/faults/crash_points.cpp, compiled."""
    e2e_platform.requires("root")
    program = tmp_path_factory.mktemp("tracer") / "crash_points"
    subprocess.run(["clang++-19", "-std=c++20", "-O1", "-o", program, ROOT / "tests/faults/crash_points.cpp"], check=True)
    return program
