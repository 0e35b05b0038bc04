"""A real panel and a real agent, from the release build, as users run them: plain http on loopback and SQLite on a disk,
where nothing else is said."""
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import time

from measure import BIN, PROGRAMS, ROOT, children, cpu_seconds

AGENT = "agent-bench"
SECRET = "bench-secret-key-of-more-than-32-bytes"


def wait_for(condition, seconds=60, what="it", pause=0.01):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    raise RuntimeError(f"{what} did not happen in {seconds} s")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class ReadySocket:
    """Where a service says READY=1, as it does to systemd."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(60)

    def wait(self):
        while self.socket.recv(256) != b"READY=1":
            pass
        self.socket.close()


def lay_installers(directory):
    """A catalogue that root alone can change, which an agent asks for."""
    shutil.copytree(ROOT / "bench/installers", directory)
    (directory / "lines/files").mkdir()
    shutil.copy(PROGRAMS / "bench_print_lines", directory / "lines/files/print_lines")
    for path in (directory, *directory.rglob("*")):
        os.chown(path, 0, 0)
        path.chmod(path.stat().st_mode & ~0o022)


class Panel:
    def __init__(self, directory, certificates=None, settings=None):
        """`certificates` for TLS; settings by their names in the environment."""
        self.directory = directory
        self.certificates = certificates
        self.more = dict(settings or {})
        if certificates:
            self.more |= {"PANEL_TLS_CERT": str(certificates.certificate), "PANEL_TLS_KEY": str(certificates.key)}
        self.port = free_port()
        self.installers = directory / "installers"
        directory.mkdir()
        lay_installers(self.installers)
        self.process = self.token = None

    def environment(self):
        return {"PATH": os.environ["PATH"], "SECRET_KEY": SECRET, "STATE_DIR": str(self.directory / "panel"),
                "INSTALLERS_DIR": str(self.installers), "LOG_DIR": str(self.directory / "panel-log"),
                "PANEL_LISTEN": f"127.0.0.1:{self.port}", **self.more}

    @property
    def url(self):
        return f"http{'s' if self.certificates else ''}://127.0.0.1:{self.port}"

    @property
    def database(self):
        return self.directory / "panel/panel.db"

    def start(self):
        """The seconds until it said that it is ready."""
        ready = ReadySocket(self.directory / "ready")
        began = time.monotonic()
        self.process = subprocess.Popen([BIN / "provisioning-panel"], stderr=subprocess.DEVNULL,
                                        env={**self.environment(), "NOTIFY_SOCKET": str(ready.path)})
        ready.wait()
        took = time.monotonic() - began
        if self.token is None:
            self.token = self.tool("token", "create", "--name", "bench")
        return took

    def stop(self):
        stop(self.process)

    def tool(self, *arguments):
        return subprocess.run([BIN / "provisioning-panel", *arguments], env=self.environment(), check=True,
                              capture_output=True, text=True).stdout.strip()

    def raw_request(self, method, target, body=None, accept="application/json"):
        text = "" if body is None else json.dumps(body)
        head = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Authorization: Bearer {self.token}",
                f"Accept: {accept}"]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(text.encode())}"]
        return ("\r\n".join(head) + "\r\n\r\n" + text).encode()

    def order(self, app, **inputs):
        return self.raw_request("POST", "/api/jobs", {"app_id": app, "server_id": AGENT, "inputs": inputs})


class Connection:
    """One keep-alive connection to a panel."""

    def __init__(self, panel):
        self.panel = panel
        self.socket = socket.create_connection(("127.0.0.1", panel.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if panel.certificates:
            context = ssl.create_default_context(cafile=panel.certificates.ca)
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.file = self.socket.makefile("rb")

    def exchange(self, request):
        self.socket.sendall(request)
        return self.answer()

    def answer(self):
        status, text = self.answer_text()
        body = json.loads(text)
        if status >= 400:
            raise RuntimeError(f"the panel answered {status}: {body}")
        return body

    def answer_text(self):
        """The status and the body, as they came."""
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self.file.read(length)

    def get(self, target):
        return self.exchange(self.panel.raw_request("GET", target))

    def timed_get(self, target):
        """Besides, how many milliseconds it took until the body was there."""
        request = self.panel.raw_request("GET", target)
        began = time.perf_counter()
        self.socket.sendall(request)
        status, text = self.answer_text()
        took = (time.perf_counter() - began) * 1000
        if status != 200:
            raise RuntimeError(f"the panel answered {status} to {target}: {text.decode()}")
        return json.loads(text), took

    def pages(self, target):
        """All items of a list."""
        page = self.get(target)
        items = page["items"]
        while page["next_cursor"]:
            page = self.get(f"{target}&cursor={page['next_cursor']}")
            items += page["items"]
        return items


class Agent:
    def __init__(self, panel):
        self.panel = panel
        self.directory = panel.directory
        self.library = self.directory / "provisioning.sh"
        shutil.copy(ROOT / "packaging/lib/provisioning.sh", self.library)
        self.process = None

    def enrol(self):
        token = self.directory / "enroll-token"
        token.write_text(self.panel.tool("enroll-token", AGENT))
        subprocess.run([BIN / "provisioning-agent", "enroll", "--panel", self.panel.url, *self.trust("--ca-file"), "--token-file",
                        token, "--id", AGENT, "--state-dir", self.directory / "agent"], check=True, stdout=subprocess.DEVNULL)

    def trust(self, option):
        return [option, self.panel.certificates.ca] if self.panel.certificates else []

    def start(self, parallel=1):
        """The seconds until it said that it is ready; waits until the panel hears it."""
        self.measured = None
        ready = ReadySocket(self.directory / "ready")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [BIN / "provisioning-agent", "--panel-url", self.panel.url, *self.trust("--panel-ca-file"), "--agent-id", AGENT,
             "--state-dir", self.directory / "agent", "--installers-dir", self.panel.installers,
             "--log-dir", self.directory / "agent-log", "--app-state-dir", self.directory / "apps",
             "--provisioning-lib", self.library, "--net-user", "nobody", "--max-parallel-jobs", str(parallel)],
            stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(ready.path)})
        ready.wait()
        took = time.monotonic() - began
        connection = Connection(self.panel)
        wait_for(lambda: self.net() and connection.get(f"/api/servers/{AGENT}")["status"] == "online", what="the agent")
        return took

    def stop(self):
        stop(self.process)

    def processes(self):
        """Its own: not the scripts it runs."""
        return [pid for pid in (self.process.pid, *children(self.process.pid)) if is_agent(pid)]

    def cpu_seconds(self):
        """Of all of them, and of their children that have ended. Executor and net role live on meanwhile: where one was
        started anew, what it used before would be missing."""
        executor, net = self.process.pid, self.net()[0]
        if self.measured is not None and self.measured != (executor, net):
            raise RuntimeError("a process of the agent ended meanwhile")
        self.measured = (executor, net)
        return sum(map(cpu_seconds, self.processes()))

    def net(self):
        """Its net role, where that runs: the others are forked without another command line."""
        return [pid for pid in children(self.process.pid) if is_agent(pid) and b"net-role" in command_line(pid)]


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def is_agent(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe") == str(BIN / "provisioning-agent")
    except (FileNotFoundError, ProcessLookupError):
        return False


def stop(process):
    if process and process.poll() is None:
        process.terminate()
        process.wait(30)


def write(path, content):
    pathlib.Path(path).write_bytes(content)
    return path
