"""What the tests of several folders need, without a platform."""
import pathlib
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def requires(name):
    found = subprocess.run([ROOT / "tests/support/requirement", name], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(found.stdout.strip())


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(condition, seconds=60, what="it"):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen in {seconds} s")
