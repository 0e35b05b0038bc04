"""A real panel and a real agent, from the release build, for each test module: real keys, real cgroups, real kills."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from basics import free_port, requires, wait_for
from openapi import Contract
from postgresql_server import PostgresqlServer
from proxy import Proxy
from streams import Stream

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/history"))
import history  # noqa: E402
BIN = ROOT / "build/release"
SECRET = "e2e-secret-key-of-more-than-32-bytes!"
AGENT = "agent-e2e"


def processes():
    """Each process there is, as a folder of /proc; it may be gone by the time it is looked at."""
    return [pathlib.Path("/proc") / name for name in os.listdir("/proc") if name.isdigit()]


class Platform:
    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.contract = Contract.read(ROOT / "docs/api/openapi.yaml")
        self.installers = directory / "installers"
        shutil.copytree(ROOT / "installers", self.installers)
        shutil.copytree(ROOT / "tests/installers", self.installers, dirs_exist_ok=True)
        for script in self.installers.glob("*/*.sh"):
            script.write_text(self.witnessed(script.read_text()))
        # The agent runs only what root alone can change, whatever the checkout is like.
        self.library = directory / "provisioning.sh"
        shutil.copy(ROOT / "packaging/lib/provisioning.sh", self.library)
        for path in (self.library, self.installers, *self.installers.rglob("*")):
            os.chown(path, 0, 0)
            path.chmod(path.stat().st_mode & ~0o022)
        self.panel = self.agent = None
        self.token = None

    def witnessed(self, script):
        """The script says first of all that it runs: history.py counts what really ran."""
        first, rest = script.split("\n", 1)
        witness = f'echo "$PROVISIONING_JOB_ID $PROVISIONING_ATTEMPT $PROVISIONING_ACTION" >>{self.directory}/witness'
        return f"{first}\n{witness}\n{rest}"

    # ---- processes

    def panel_environment(self):
        return {"PATH": os.environ["PATH"], "SECRET_KEY": SECRET, "STATE_DIR": str(self.directory / "panel"),
                "INSTALLERS_DIR": str(self.installers), "LOG_DIR": str(self.directory / "panel-log"),
                "PANEL_LISTEN": f"127.0.0.1:{self.port}"}

    def start_panel(self):
        self.panel = subprocess.Popen([BIN / "provisioning-panel"], env=self.panel_environment(),
                                      stderr=open(self.directory / "panel.err", "a", encoding="utf-8"))
        wait_for(self.ready, what="the panel's readiness")

    def ready(self):
        assert self.panel.poll() is None, (self.directory / "panel.err").read_text()
        return self.answers()

    def answers(self):
        try:
            return self.call("GET", "/api/ready", token=False)[0] == 200
        except OSError:
            return False

    def tool(self, *arguments):
        return subprocess.run([BIN / "provisioning-panel", *arguments], env=self.panel_environment(), check=True,
                              capture_output=True, text=True).stdout.strip()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def agent_arguments(self):
        return ["--panel-url", self.url(), "--agent-id", AGENT,
                "--state-dir", str(self.directory / "agent"), "--installers-dir", str(self.installers),
                "--log-dir", str(self.directory / "agent-log"), "--app-state-dir", str(self.directory / "apps"),
                "--provisioning-lib", str(self.library), "--net-user", "nobody"]

    def enrol(self):
        token = self.directory / "enroll-token"
        token.write_text(self.tool("enroll-token", AGENT))
        subprocess.run(self.enrolment(token, AGENT, self.directory / "agent"), check=True)

    def enrolment(self, token, agent, state):
        return [BIN / "provisioning-agent", "enroll", "--panel", self.url(), "--token-file", token, "--id", agent,
                "--state-dir", state]

    def start_agent(self, *more, **environment):
        self.agent = subprocess.Popen([BIN / "provisioning-agent", *self.agent_arguments(), *more],
                                      env={**os.environ, **environment},
                                      stderr=open(self.directory / "agent.err", "a", encoding="utf-8"))

    def stop_agent(self):
        self.agent.terminate()
        self.agent.wait(20)

    def restart_agent(self, *more, **environment):
        self.stop_agent()
        self.start_agent(*more, **environment)
        wait_for(self.agent_online, what="the agent")

    def agent_online(self):
        assert self.agent.poll() is None, (self.directory / "agent.err").read_text()
        return self.get(f"/api/servers/{AGENT}")["status"] == "online"

    def net_pid(self):
        children = pathlib.Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children").read_text().split()
        for child in children:
            if b"net-role" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        return None

    def start(self):
        self.start_panel()
        self.token = self.tool("token", "create", "--name", "e2e")
        self.enrol()
        self.start_agent()
        wait_for(self.agent_online, what="the agent")

    def stop(self):
        for process in (self.agent, self.panel):
            if process and process.poll() is None:
                process.terminate()
                process.wait(20)
        self.check_history()

    def check_history(self):
        """Of all that the tests of this platform did, killed and restarted: docs/formats/states.md held, to the last job."""
        database = self.directory / "panel/panel.db"
        if database.exists():
            wrong, seen = history.check(database, self.directory / "witness", {AGENT: self.directory / "agent"})
            assert not wrong, "\n".join([*wrong, f"of {seen}"])

    # ---- the API, every exchange held to the document

    def connect(self, timeout):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def send(self, method, target, body, headers, timeout=30):
        connection = self.connect(timeout)
        try:
            connection.request(method, target, body, headers)
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def raw(self, method, target, body=None, headers=None):
        """Bytes as they come, held to nothing: for what is done so often, or so broken, that it must not be."""
        connection, response = self.send(method, target, body, headers or {})
        try:
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def call(self, method, target, body=None, headers=None, token=True, wrong=()):
        """`wrong` names what the document forbids of this request: parameters, `body`, `Content-Type`."""
        sent = dict(headers or {})
        if token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection, response = self.send(method, target, body, sent)
        try:
            got = {name.lower(): value for name, value in response.getheaders()}
            assert "event-stream" not in got.get("content-type", ""), "a stream is read with stream()"
            data = response.read()
        finally:
            connection.close()
        parsed = json.loads(data) if "json" in got.get("content-type", "") else data.decode("utf-8", "replace")
        self.contract.check(method, target, sent, body, response.status, got, parsed, wrong)
        return response.status, parsed

    def stream(self, target, last_event_id=None, timeout=30):
        """An open stream; whatever else is answered is call()'s. `timeout` is of each read."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        connection, response = self.send("GET", target, None, headers, timeout)
        try:
            got = {name.lower(): value for name, value in response.getheaders()}
            assert response.status == 200, (response.status, response.read())
            self.contract.check("GET", target, headers, None, 200, got, None)
        except BaseException:
            connection.close()
            raise
        return Stream(self.contract, target.partition("?")[0], connection, response)

    def get(self, target):
        status, body = self.call("GET", target)
        assert status == 200, body
        return body

    def submit(self, app, inputs=None, **more):
        status, job = self.call("POST", "/api/jobs", {"app_id": app, "server_id": AGENT, "inputs": inputs or {}, **more})
        assert status == 202, job
        return job["id"]

    def job(self, job):
        return self.get(f"/api/jobs/{job}")

    def status(self, job):
        return self.job(job)["status"]

    def ended(self, job, seconds=60):
        active = ("queued", "dispatched", "accepted", "running", "retry_wait")
        wait_for(lambda: self.status(job) not in active, seconds, f"the end of {job}")
        return self.job(job)

    def log(self, job):
        status, body = self.call("GET", f"/api/jobs/{job}/log", headers={"Accept": "text/plain"})
        return body if status == 200 else ""

    def installer(self, name, script, /, **manifest):
        """Writes an installer of this test's own and waits until the panel has seen it."""
        directory = self.installers / name
        directory.mkdir()
        fields = {"id": name, "name": name, "version": "1.0", "description": "d", "category": "tests", "author": "a",
                  "os_requirements": {"family": ["debian", "ubuntu"]}, "timeout_seconds": 120, "idempotent": False}
        (directory / "manifest.yml").write_text(json.dumps({**fields, **manifest}))
        (directory / "install.sh").write_text(self.witnessed("#!/bin/bash\nset -euo pipefail\n" + script))
        (directory / "install.sh").chmod(0o755)
        wait_for(lambda: self.call("GET", f"/api/installers/{name}")[1].get("valid"), what=f"installer {name}")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    requires("root")
    running = Platform(tmp_path_factory.mktemp("platform"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module", name="server")
def fixture_server():
    """A PostgreSQL server."""
    requires("root")
    requires("postgresql")
    running = PostgresqlServer.founded()
    try:
        yield running
    finally:
        running.remove()


@pytest.fixture(name="ctl")
def fixture_ctl(platform, tmp_path):
    """Runs provisionctl; what it asks, and what it is answered, is held to the document. `wrong` is what is wrong with that
    on purpose (Contract.check)."""
    token = tmp_path / "token"
    token.write_text(platform.token)
    proxy = Proxy(platform.contract, platform.port)

    def run(*arguments, stdin=subprocess.DEVNULL, text=None, panel=None, wrong=()):
        proxy.wrong = wrong
        try:
            return subprocess.run(command(*arguments, panel=panel), stdin=None if text else stdin, input=text, timeout=60,
                                  capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
        finally:
            proxy.wrong = ()

    def command(*arguments, panel=None):
        return [str(BIN / "provisionctl"), "--panel", panel or proxy.url, "--token-file", str(token), *arguments]
    run.command = command
    try:
        yield run
    finally:
        proxy.close()


@pytest.fixture(autouse=True)
def everything_runs(platform):
    """A test that killed something and failed must not fail the next one too."""
    if platform.panel.poll() is not None:
        platform.start_panel()
    if platform.agent.poll() is not None:
        platform.start_agent()
    wait_for(platform.agent_online, what="the agent")
    yield


def user(platform, *arguments, password):
    """Runs `provisioning-panel user ..`, with the password on standard input."""
    return subprocess.run([BIN / "provisioning-panel", "user", *arguments], input=password + "\n", text=True, check=False,
                          env=platform.panel_environment(), capture_output=True)


def gone(pid):
    """Ended; a zombie whose parent does not look is gone too."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except FileNotFoundError:
        return True


def kill(pid):
    os.kill(pid, signal.SIGKILL)
