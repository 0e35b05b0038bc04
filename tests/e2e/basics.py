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


def openssl(*arguments, stdin=""):
    done = subprocess.run(["openssl", *(str(word) for word in arguments)], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def certificates(directory, names):
    """A CA, and a certificate of it for all `names` ("DNS:localhost", "IP:127.0.0.1"), for servers and clients alike: ca.pem, cert.pem
    and key.pem in `directory`."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca", "-days", "1",
            "-keyout", directory / "ca.key", "-out", directory / "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=example.com",
            "-keyout", directory / "key.pem", "-out", directory / "request.pem")
    openssl("x509", "-req", "-in", directory / "request.pem", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
            "-CAcreateserial", "-days", "1", "-extfile", "/dev/stdin", "-out", directory / "cert.pem",
            stdin=f"subjectAltName={','.join(names)}\nbasicConstraints=CA:FALSE\n")
