"""Faults of docs/faults.md that only the programs as users run them can show; each test is named for its row."""
import base64
import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import resource
import selectors
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

import pytest
from e2e_platform import AGENT, BIN, Platform, history, kill, processes, user, wait_for

ACTIVE = ("queued", "dispatched", "accepted", "running", "retry_wait")
# Deadlines are promises about a quiet machine; a test gives them five times the room.
ROOM = 5


# Thousands of clients are as many descriptors, here and in the panel.
resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
                                            resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class Faulty(Platform):
    """Four jobs at a time, and an agent started by somebody with a hostile environment."""

    def __init__(self, directory):
        super().__init__(directory)
        self.excused = set()  # jobs that the history checker cannot judge

    def agent_arguments(self):
        return [*super().agent_arguments(), "--max-parallel-jobs", "4"]

    def start_agent(self):
        trap = self.directory / "trap"
        trap.write_text(f"touch {self.directory}/trapped\n")
        hostile = {"PATH": os.environ["PATH"], "BASH_ENV": str(trap), "ENV": str(trap), "SHELLOPTS": "xtrace", "IFS": "a",
                   "PS4": f"$(touch {self.directory}/trapped)", "BASH_FUNC_echo%%": f"() {{ touch {self.directory}/trapped; }}",
                   "LD_PRELOAD": "/nonexistent/trap.so", "LD_LIBRARY_PATH": "/nonexistent", "PROVISIONING_JOB_ID": "forged"}
        with open(self.directory / "agent.err", "a", encoding="utf-8") as errors:
            self.agent = subprocess.Popen([BIN / "provisioning-agent", *self.agent_arguments()], stderr=errors, env=hostile)

    def restart_agent(self):
        kill(self.agent.pid)
        self.agent.wait(10)
        self.start_agent()

    def restart_panel(self):
        kill(self.panel.pid)
        self.panel.wait(10)
        self.start_panel()

    def forget_attempts(self):
        """As after five minutes: to start the panel anew is not enough."""
        kill(self.panel.pid)
        self.panel.wait(10)
        with contextlib.closing(sqlite3.connect(self.directory / "panel/panel.db")) as store, store:
            store.execute("DELETE FROM sign_in_attempts")
        self.start_panel()

    def memory(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.panel.pid}/status").read_text()
        return int(re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024

    def processor_time(self):
        """The panel's: whatever else this machine does meanwhile does not count."""
        fields = pathlib.Path(f"/proc/{self.panel.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.panel.pid}/clear_refs").write_text("5")

    def store(self):
        """The panel's database, only to be read, closed at the end of a `with`."""
        return contextlib.closing(sqlite3.connect(f"file:{self.directory}/panel/panel.db?mode=ro", uri=True))

    def back_up(self, to):
        with self.store() as store, contextlib.closing(sqlite3.connect(to)) as copy:
            store.backup(copy)

    def check_history(self):
        """But of what a test took away from the panel, or ran without a witness."""
        wrong, _ = history.check(self.directory / "panel/panel.db", self.directory / "witness", {AGENT: self.directory / "agent"})
        wrong = [sentence for sentence in wrong if sentence.split(":")[0] not in self.excused]
        assert not wrong, "\n".join(wrong)

    def fast_status(self, job):
        status, _, body = self.raw("GET", f"/api/jobs/{job}", headers={"Authorization": f"Bearer {self.token}"})
        assert status == 200, body
        return json.loads(body)["status"]


@pytest.fixture(scope="module", name="platform")
def platform_fixture(tmp_path_factory, tracer):
    assert tracer  # it asks for root
    running = Faulty(tmp_path_factory.mktemp("faulty"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


# ---- row 4: a body of 1 GB


GIGABYTE = 1 << 30


def send_without_end(port, head, piece):
    """Sends up to 1 GB after the head; what was answered, and how much was taken."""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sent = 0
        try:
            sock.sendall(head)
            while sent < GIGABYTE:
                sock.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        answer = b""
        try:
            while len(answer) < 65536 and (more := sock.recv(65536)):
                answer += more
        except OSError:
            pass
        return answer, sent


@pytest.mark.parametrize("target", ["/api/jobs", "/agent/v1/events", "/agent/v1/enroll"])
@pytest.mark.parametrize("length,piece,statuses", [
    (f"Content-Length: {GIGABYTE}", b"x" * 65536, (413,)),
    ("Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65536 + b"\r\n", (413,)),
    ("Content-Length: 5", b"x" * 65536, (400, 401, 415, 422, 431)),
], ids=["said", "chunked", "lying"])
def test_row_04_a_body_of_a_gigabyte_costs_no_memory(platform, target, length, piece, statuses):
    head = (f"POST {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {platform.token}\r\n"
            f"Content-Type: application/json\r\n{length}\r\n\r\n").encode()
    platform.forget_peak()
    before = platform.memory()
    answer, sent = send_without_end(platform.port, head, piece)
    grown = platform.memory("VmHWM") - before
    assert grown < 16 << 20, f"{grown >> 20} MiB for {sent >> 20} MiB sent"
    assert sent < 64 << 20, "it read all of it"
    # Where the connection was reset the answer may be lost with it.
    if answer:
        assert int(answer.split()[1]) in statuses, answer[:200]
    assert platform.get("/api/health")["status"] == "ok"


# ---- row 5: clients that are slow


def frames_of(data):
    """The whole frames of a stream: what the last one is called, and all their text."""
    last, text = None, ""
    for frame in data.split(b"\n\n")[:-1]:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line and not line.startswith(b":"))
        if b"data" in fields:
            text += json.loads(fields[b"data"]).get("output", "")
            last = fields.get(b"id", last)
    return last, text


def open_stream(platform, job, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
    connection.request("GET", f"/api/jobs/{job}/stream", headers={"Authorization": f"Bearer {platform.token}", **headers})
    response = connection.getresponse()
    assert response.status == 200
    return response


def read_to_its_end(response):
    try:
        return response.read(), True
    except http.client.IncompleteRead as cut:
        return cut.partial, False
    except OSError:
        return b"", False


def test_row_05_slow_clients_slow_nobody_and_resume(platform, tmp_path):
    platform.installer("row05", f"while [ ! -e {tmp_path}/go ]; do echo tick; sleep 0.25; done\nhead -c 18000000 /dev/urandom | base64\n")
    job = platform.submit("row05")
    wait_for(lambda: "tick" in platform.log(job), what="the script")
    stalled, readers = [], []
    head = f"GET /api/jobs/{job}/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.token}\r\n\r\n".encode()
    waiting = selectors.DefaultSelector()
    stop = threading.Event()

    def read_all():
        while not stop.is_set():
            for key, _ in waiting.select(0.2):
                if not key.fileobj.recv(1 << 16):
                    waiting.unregister(key.fileobj)
    reading = threading.Thread(target=read_all)
    try:
        for number in range(300):
            stalled.append(socket.create_connection(("127.0.0.1", platform.port)))
            stalled[-1].sendall(b"POST /api/jobs HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 99\r\n\r\nx" if number % 2 else b""))
        for _ in range(5000):
            readers.append(socket.create_connection(("127.0.0.1", platform.port)))
            readers[-1].sendall(head)
            waiting.register(readers[-1], selectors.EVENT_READ)
        reading.start()
        never = [open_stream(platform, job) for _ in range(4)]
        took = []
        for _ in range(300):
            start = time.monotonic()
            assert platform.raw("GET", "/api/health")[0] == 200
            took.append(time.monotonic() - start)
        assert sorted(took)[296] < 0.2 * ROOM, sorted(took)[-10:]
    finally:
        stop.set()
        if reading.is_alive():
            reading.join()
        for each in stalled + readers:
            each.close()
    (tmp_path / "go").touch()
    assert platform.ended(job, 120)["log"]["complete"]
    whole = platform.log(job)
    wait_for(lambda: re.search(r"^provisioning_streams 0$", platform.get("/api/metrics"), re.MULTILINE), 30 * ROOM, "the drop")
    dropped = 0
    for response in never:
        data, ended = read_to_its_end(response)
        last, text = frames_of(data)
        dropped += not ended
        assert whole.startswith(text) and (ended or len(text) < len(whole))
        if not ended:
            more, ended = read_to_its_end(open_stream(platform, job, **{"Last-Event-ID": last.decode()} if last else {}))
            assert ended and text + frames_of(more)[1] == whole, "what follows a drop is not what was missed"
    assert dropped, "nobody was dropped"


# ---- row 6: another site's page in a browser that is signed in


PASSWORD = "correct horse battery"


@pytest.fixture(scope="module", name="person")
def person_fixture(platform):
    """An administrator's session: what a browser sends of it."""
    made = user(platform, "create", "root", "--administrator", "--password-file", "-", password=PASSWORD)
    assert made.returncode == 0, made.stderr
    return sign_in(platform, "root")


def post_session(platform, name, password, headers=None):
    return platform.raw("POST", "/api/session", json.dumps({"name": name, "password": password}),
                        {"Content-Type": "application/json"} | (headers or {}))


def sign_in(platform, name, headers=None):
    status, got, body = post_session(platform, name, PASSWORD, headers)
    assert status == 200, body
    return {"Cookie": got["set-cookie"].partition(";")[0], "X-CSRF-Token": json.loads(body)["csrf_token"]}


def who(platform, session, headers=None):
    status, _, body = platform.raw("GET", "/api/session", headers=session | (headers or {}))
    return json.loads(body)["user"]["name"] if status == 200 else json.loads(body)["code"]


def everything(platform):
    """All rows, but for when somebody was seen last."""
    with platform.store() as store:
        tables = [name for name, in store.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {}
        for table in tables:
            columns = [column for _, column, *_ in store.execute(f"PRAGMA table_info({table})")
                       if column not in ("last_seen_at", "last_used_at", "facts")]
            rows[table] = sorted(map(repr, store.execute(f"SELECT {', '.join(columns)} FROM {table}")))
    return rows


def test_row_06_another_sites_page_changes_nothing_on_any_route(platform, person):
    own = {"Origin": f"http://127.0.0.1:{platform.port}", "Sec-Fetch-Site": "same-origin"}
    without = {name: value for name, value in person.items() if name != "X-CSRF-Token"}
    requests = [without, person | {"X-CSRF-Token": "x" * 43}]
    requests += [person | {"Origin": origin} for origin in ("https://evil.example", "null", f"http://127.0.0.1:{platform.port + 1}")]
    requests += [person | {"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "none")]
    either = platform.contract.document["security"]
    routes = [(method.upper(), re.sub(r"\{[^}]+\}", "019a0000-0000-7000-8000-000000000000", path))
              for path, operations in platform.contract.document["paths"].items()
              for method, operation in operations.items()
              if method in ("post", "put", "patch", "delete") and {"session", "csrf"} in map(set, operation.get("security", either))]
    assert len(routes) > 15
    before = everything(platform)
    for method, path in routes:
        for wrong in requests:
            status, _, body = platform.raw(method, path, "{}", {"Content-Type": "application/json"} | own | wrong)
            assert status == 403 and json.loads(body)["code"] == "csrf_refused", (method, path, wrong, body)
    # Nor is anyone signed in by another site, as somebody whose secrets are then typed for an attacker.
    for wrong in requests[2:]:
        status, got, body = post_session(platform, "root", PASSWORD, {name: value for name, value in wrong.items() if name not in person})
        assert status == 403 and "set-cookie" not in got, (wrong, body)
    assert everything(platform) == before
    # From a page of the panel a request gets further.
    assert platform.raw("POST", "/api/jobs/019a0000-0000-7000-8000-000000000000/cancel", headers=own | person)[0] == 404


# ---- row 8: X-Forwarded-For from anyone


def test_row_08_a_forged_address_is_not_believed(platform, person):
    assert person
    # As many addresses as attempts: believed, no address would reach its limit.
    answers = [post_session(platform, f"nobody-{attempt}", "wrong horse battery", {
        "X-Forwarded-For": f"198.51.100.{attempt}", "Forwarded": f"for=198.51.100.{attempt}", "X-Real-IP": f"198.51.100.{attempt}"})[0]
        for attempt in range(35)]
    assert answers == [401] * 30 + [429] * 5, answers
    logs = "".join(path.read_text() for path in (platform.directory / "panel-log").glob("*.log"))
    assert "127.0.0.1" in logs and "198.51.100." not in logs
    with platform.store() as store:
        assert not any("198.51.100." in repr(row) for row in store.execute("SELECT * FROM audit"))
    platform.forget_attempts()


# ---- row 9: a secret is found nowhere


def spellings(secret):
    raw = secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote(secret, safe="").encode()}
    for shift in range(3):  # whatever stands before it
        text = base64.b64encode(b"x" * shift + raw)
        found.add(text[4 if shift else 0:-4])
    return found


def test_row_09_a_secret_is_in_no_answer_no_stream_no_file_and_no_backup(platform, tmp_path):
    canary = "c4nary/of+the row~9 test"
    platform.installer("row9", f'echo "it is $TOKEN"; echo "::output told=$TOKEN"; touch {tmp_path}/runs\n'
                       f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\necho \"still $TOKEN\" >&2; exit 2\n",
                       idempotent=True, retry={"max_attempts": 2, "backoff_seconds": 0}, outputs=[{"name": "told", "label": "Told"}],
                       inputs=[{"name": "token", "type": "password", "label": "Token", "required": True}])
    wanted = spellings(canary)

    def look(where, data):
        assert not [each for each in wanted if each in data], where

    def look_everywhere(job, moment):
        for _, _, template, operations in platform.contract.routes:
            if "get" not in operations or template in ("/api/stream", "/api/jobs/{id}/stream"):
                continue
            target = template.replace("{id}", AGENT if "servers" in template else "row9" if "installers" in template else job)
            header = {"Authorization": f"Bearer {platform.token}"}
            look(f"{moment}: {target}", platform.raw("GET", target, headers=header)[2])
        copy = tmp_path / f"{moment}.db"
        platform.back_up(copy)
        look(f"{moment}: a backup", copy.read_bytes())
        for path in platform.directory.rglob("*"):
            if path.is_file() and platform.installers not in path.parents:
                look(f"{moment}: {path}", path.read_bytes())
    status, problem = platform.call("POST", "/api/jobs", {"app_id": "row9", "server_id": AGENT, "inputs": {"token": canary, "no": 1}})
    assert status == 422
    look("a refusal", json.dumps(problem).encode())
    job = platform.submit("row9", {"token": canary})
    wait_for((tmp_path / "runs").exists, what="the script")
    look_everywhere(job, "running")
    (tmp_path / "go").touch()
    ended = platform.ended(job)
    assert ended["attempt"] == 2 and "it is [masked]" in platform.log(job), ended
    look_everywhere(job, "ended")
    header = {"Authorization": f"Bearer {platform.token}", "Accept": "text/event-stream"}
    status, _, stream = platform.raw("GET", f"/api/jobs/{job}/stream", headers=header)
    assert status == 200 and b"[masked]" in stream
    look("the stream", stream)


# ---- row 10: guessing passwords, and a session that was ended


def test_row_10_guessing_is_limited_and_an_ended_session_is_of_no_use(platform, person):
    wrong = [post_session(platform, "root", f"wrong horse {attempt}")[0] for attempt in range(12)]
    assert wrong == [401] * 10 + [429] * 2, wrong
    # Not even the right one, until the limit is over; who is signed in already is not put out.
    status, headers, _ = post_session(platform, "root", PASSWORD)
    assert status == 429 and int(headers["retry-after"]) > 0
    assert who(platform, person) == "root"
    platform.restart_panel()
    assert post_session(platform, "root", PASSWORD)[0] == 429, "a panel that is started anew has forgotten it"
    platform.forget_attempts()
    # Two hundred at once: a few are computed, four at a time, the rest is told to come back, and everybody else is served.
    platform.forget_peak()
    before = platform.memory("VmHWM")
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = [pool.submit(lambda n: post_session(platform, f"spray-{n}", "wrong horse battery")[0], n) for n in range(200)]
        slowest = 0
        while not all(answer.done() for answer in answers):
            begun = time.monotonic()
            assert platform.raw("GET", "/api/health")[0] == 200
            slowest = max(slowest, time.monotonic() - begun)
    said = collections.Counter(answer.result() for answer in answers)
    assert set(said) <= {401, 429, 503} and said[401] <= 30 and said[429] + said[503] >= 170, said
    # 64 MiB each, four at once.
    assert platform.memory("VmHWM") - before < (4 * 64 + 64) << 20
    assert slowest < 0.2 * ROOM * 5, slowest
    platform.forget_attempts()
    session = sign_in(platform, "root")
    own = {"Origin": f"http://127.0.0.1:{platform.port}", "Sec-Fetch-Site": "same-origin"}
    assert platform.raw("DELETE", "/api/session", headers=own | session)[0] == 204
    assert who(platform, session) == "unauthenticated"
    assert platform.raw("POST", "/api/jobs", json.dumps({"app_id": "hello", "server_id": AGENT, "inputs": {}}),
                        {"Content-Type": "application/json"} | own | session)[0] == 401


# ---- row 12: bombs


def test_row_12_bombs_are_refused_at_once(platform):
    platform.installer("row12", "exit 0\n", inputs=[
        {"name": "evil", "type": "string", "label": "Evil", "validation": {"pattern": "(a+)+(b|c+)*(a|aa)+x", "max_length": 4096}},
        {"name": "big", "type": "text", "label": "Big"}])
    target = "/api/installers/row12/validate"

    def quick(what, body, status):
        header = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json"}
        before = platform.processor_time()
        got, _, answer = platform.raw("POST", target, body, header)
        took = platform.processor_time() - before
        assert got == status, (what, got, answer[:500])
        assert took < 0.05 * ROOM, f"{what}: {took:.3f} s"
        return json.loads(answer)
    assert not quick("a pattern that explodes", json.dumps({"inputs": {"evil": "a" * 4096}}), 200)["valid"]
    assert not quick("a field of nearly 1 MB", json.dumps({"inputs": {"big": "x" * 1_000_000}}), 200)["valid"]
    quick("arrays in arrays", '{"inputs": {"big": ' + "[" * 200_000 + "]" * 200_000 + "}}", 400)
    quick("objects in objects", '{"inputs": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}", 400)
    assert not quick("a number without end", '{"inputs": {"big": ' + "9" * 900_000 + "}}", 200)["valid"]
    assert not quick("many unknown inputs", json.dumps({"inputs": {f"i{n}": 1 for n in range(50_000)}}), 200)["valid"]
    bombs = {"laughs": "id: laughs\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
                 f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
             "deep": "id: deep\na: " + "[" * 100_000, "wide": "id: wide\na: [" + "1," * 100_000 + "1]\n"}
    for name, text in bombs.items():
        (platform.installers / name).mkdir()
        (platform.installers / name / "manifest.yml").write_text(text)
    try:
        for name in bombs:
            wait_for(lambda app=name: platform.call("GET", f"/api/installers/{app}")[0] == 200, what=f"{name} in the list")
            assert platform.get(f"/api/installers/{name}")["valid"] is False
        assert platform.get("/api/installers/hello")["valid"]
        before = platform.processor_time()
        platform.get("/api/health")
        assert platform.processor_time() - before < 0.05 * ROOM
    finally:
        for name in bombs:
            shutil.rmtree(platform.installers / name)


# ---- row 13: 200 kills


def test_row_13_two_hundred_kills_during_a_script(platform, tmp_path):
    platform.installer("row13", f"echo $$ >>{tmp_path}/runs\ni=0\nwhile [ ! -e {tmp_path}/go ]; do echo \"line $((++i))\"; "
                       f"sleep 0.02; done\necho \"last $i\"\n", timeout_seconds=900)
    job = platform.submit("row13")
    script = wait_for(lambda: (tmp_path / "runs").exists() and (tmp_path / "runs").read_text(), what="the script")
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    for number in range(200):
        time.sleep(chance.uniform(0, 0.1))
        if number % 2 == 0:
            platform.restart_agent()
        else:
            wait_for(platform.net_pid, what="the network process")
            kill(platform.net_pid())
    (tmp_path / "go").touch()
    ended = platform.ended(job, 120)
    log = platform.log(job)
    count = log.count("\n") - 1
    assert ended["status"] == "succeeded" and ended["attempt"] == 1, (seed, ended)
    assert log == "".join(f"line {n}\n" for n in range(1, count + 1)) + f"last {count}\n", seed
    assert ended["log"]["complete"] and (tmp_path / "runs").read_text() == script, seed


# ---- row 19: a job that upgrades the agent


def test_row_19_a_job_that_replaces_and_restarts_the_agent_completes(platform, tmp_path):
    program = tmp_path / "provisioning-agent"
    shutil.copy(BIN / "provisioning-agent", program)
    kill(platform.agent.pid)
    platform.agent.wait(10)

    def supervised():
        platform.agent = subprocess.Popen([program, *platform.agent_arguments()], stderr=subprocess.DEVNULL)
        (tmp_path / "pid").write_text(str(platform.agent.pid))
    supervised()
    wait_for(platform.agent_online, what="the agent")
    platform.installer("row19", f"echo before\ncp {BIN}/provisioning-agent {program}.new\nmv {program}.new {program}\n"
                       f"kill $(cat {tmp_path}/pid)\nwhile [ ! -e {tmp_path}/again ]; do sleep 0.05; done\necho after\n")
    job = platform.submit("row19")
    platform.agent.wait(30)
    supervised()
    (tmp_path / "again").touch()
    ended = platform.ended(job)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 1), ended
    assert platform.log(job) == "before\nafter\n" and ended["log"]["complete"]
    kill(platform.agent.pid)
    platform.agent.wait(10)
    platform.start_agent()
    wait_for(platform.agent_online, what="the agent")


# ---- row 21: a full disk


def test_row_21_a_full_disk_never_makes_a_false_success(tmp_path):
    running = Platform(tmp_path)
    state = tmp_path / "agent"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=0700", "tmpfs", state], check=True)
    try:
        running.start()
        running.installer("row21", f"echo run >>{tmp_path}/runs\ncat /dev/zero >{state}/fill 2>/dev/null || true\n"
                          f"touch {tmp_path}/full\nfor i in $(seq 2000); do echo \"line $i of a script on a full disk\"; done\n"
                          f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\nexit 0\n")
        job = running.submit("row21")
        wait_for((tmp_path / "full").exists, what="the full disk")
        time.sleep(1)
        (tmp_path / "go").touch()

        def revive():
            if running.agent.poll() is not None:
                running.start_agent()
        for _ in range(20):  # the result has its reserved room; the journal has none
            revive()
            time.sleep(0.1)
        assert running.status(job) in ("accepted", "running", "succeeded")
        (state / "fill").unlink()
        wait_for(lambda: revive() or running.status(job) not in ACTIVE, what="the end")
        ended = running.job(job)
        assert ended["status"] == "succeeded" and (tmp_path / "runs").read_text() == "run\n", ended
        whole = "".join(f"line {i} of a script on a full disk\n" for i in range(1, 2001))
        assert ended["log"]["complete"] == (running.log(job) == whole), "a log that is not whole says that it is"
        with open(state / "fill", "wb") as fill:
            fill.write(bytes(100 << 20))
        refused = running.ended(running.submit("row21"))
        assert refused["status"] == "rejected" and refused["status_reason"].startswith("no_room"), refused
        assert (tmp_path / "runs").read_text() == "run\n"
    finally:
        running.stop()
        subprocess.run(["umount", "-l", state], check=True)


def failing_fsync(pid):
    """From now on every fsync of the process fails; ended with SIGINT."""
    strace = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", "trace=fsync,fdatasync",
                               "-e", "inject=fsync,fdatasync:error=EIO"], stderr=subprocess.DEVNULL)
    wait_for(lambda: f"TracerPid:\t{strace.pid}\n" in pathlib.Path(f"/proc/{pid}/status").read_text(), what="strace")
    return strace


def test_row_21_an_fsync_that_fails_at_the_agent_loses_and_doubles_nothing(platform, tmp_path):
    platform.installer("row21a", f"echo \"$PROVISIONING_JOB_ID\" >>{tmp_path}/runs\n"
                       f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\necho done\n")
    under_way = platform.submit("row21a")
    wait_for((tmp_path / "runs").exists, what="the script")
    strace = failing_fsync(platform.agent.pid)
    try:
        new = platform.submit("row21a")
        (tmp_path / "go").touch()
        assert platform.agent.wait(30) == 1
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait()
    assert "commit_failed" in (platform.directory / "agent-log/agent.log").read_text()
    assert platform.fast_status(under_way) in ACTIVE and platform.fast_status(new) in ACTIVE
    platform.start_agent()
    ended = platform.ended(under_way, 90)
    assert ended["status"] == "succeeded" and ended["attempt"] == 1 and platform.log(under_way) == "done\n", ended
    # The new one is refused before it runs; or its start was written down, not durably, and never made; or it was not taken
    # at all, and comes again.
    ended = platform.ended(new, 90)
    refused = ended["status"] == "rejected" and ended["status_reason"].startswith("no_room")
    ran = [under_way] if refused or ended["status"] == "interrupted" else [under_way, new]
    assert len(ran) == 1 or ended["status"] == "succeeded", ended
    assert (tmp_path / "runs").read_text().split() == ran


def test_row_21_an_fsync_that_fails_at_the_panel_is_never_a_false_202(platform, tmp_path):
    platform.installer("row21p", f"echo \"$PROVISIONING_JOB_ID\" >>{tmp_path}/runs\n")
    body = {"app_id": "row21p", "server_id": AGENT, "inputs": {}}
    strace = failing_fsync(platform.panel.pid)
    try:
        for number in range(5):
            status, answer = platform.call("POST", "/api/jobs", body, {"Idempotency-Key": f"row21-{number}"})
            assert status == 503, answer
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait()
    jobs = []
    for number in range(5):
        wait_for(lambda: platform.raw("GET", "/api/ready")[0] == 200, what="the panel's recovery")
        status, answer = platform.call("POST", "/api/jobs", body, {"Idempotency-Key": f"row21-{number}"})
        assert status == 202, answer
        jobs.append(answer["id"])
    for job in jobs:
        assert platform.ended(job)["status"] == "succeeded"
    assert sorted((tmp_path / "runs").read_text().split()) == sorted(jobs)


# ---- row 26: output without end


def test_row_26_gigabytes_without_a_newline_keep_head_and_tail_and_memory_flat(platform, tmp_path):
    size = (10 if os.environ.get("PROV_CRASH_POINTS") == "all" else 1) * GIGABYTE
    platform.installer("row26", f"touch {tmp_path}/runs\nprintf 'the head'; head -c {size // 2} /dev/zero; "
                       f"head -c {size // 2} /dev/zero | tr '\\0' '\\377'; printf 'the tail'\n", timeout_seconds=1800)
    job = platform.submit("row26")
    wait_for((tmp_path / "runs").exists, what="the script")
    records = list((platform.directory / "agent/jobs" / job).rglob("runner"))
    runner = json.loads(records[0].read_text())["runner"]["pid"]
    watched = {"runner": runner, "executor": platform.agent.pid, "panel": platform.panel.pid}
    first, most = {}, collections.Counter()
    while platform.fast_status(job) in ACTIVE:
        for name, pid in watched.items():
            try:
                found = re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            except FileNotFoundError:
                continue
            if found:
                first.setdefault(name, int(found[1]))
                most[name] = max(most[name], int(found[1]))
        time.sleep(0.1)
    ended = platform.job(job)
    assert ended["status"] == "succeeded", ended
    assert not ended["log"]["complete"] and ended["log"]["dropped_bytes"] > size - (80 << 20), ended["log"]
    for name, kilobytes in most.items():
        assert kilobytes - first[name] < 160 << 10, f"{name}: from {first[name]} to {kilobytes} kB"
    log = platform.raw("GET", f"/api/jobs/{job}/log", headers={"Authorization": f"Bearer {platform.token}", "Accept": "text/plain"})[2]
    assert log.startswith(b"the head") and log.rstrip().endswith(b"the tail")


# ---- row 28: where a secret is not


def test_row_28_a_secret_is_in_no_argument_and_not_in_a_daemons_environment(platform, tmp_path):
    canary = "s3cret-of-row-28"
    script = (f"setsid sleep 543 </dev/null >/dev/null 2>&1 &\necho $! >{tmp_path}/daemon\n"
              f'[ "$(cat "$TOKEN_FILE")" = {canary} ] && touch {tmp_path}/opened\n'
              f"for i in $(seq 50); do sleep 0.02; done\n")
    platform.installer("row28", script, secret_delivery="file",
                       inputs=[{"name": "token", "type": "password", "label": "Token", "required": True}])
    # The script names it to compare: itself it is no argument, but it must not be found in the catalogue either.
    job = platform.submit("row28", {"token": canary})
    looked = 0
    while platform.fast_status(job) in ACTIVE:
        for each in processes():
            try:
                assert canary.encode() not in (each / "cmdline").read_bytes(), each
                looked += 1
            except (FileNotFoundError, ProcessLookupError):
                continue
    daemon = pathlib.Path(f"/proc/{(tmp_path / 'daemon').read_text().strip()}")
    try:
        assert platform.job(job)["status"] == "succeeded" and looked and (tmp_path / "opened").exists()
        environment = (daemon / "environ").read_bytes()
        assert b"PROVISIONING_JOB_ID=" in environment and canary.encode() not in environment
        path = re.search(rb"TOKEN_FILE=([^\0]+)", environment)[1]
        assert not os.path.exists(path), "the secret's file outlives its job"
    finally:
        kill(int(daemon.name))


# ---- row 30: every exit code and every signal


def test_row_30_every_exit_code_and_signal_is_what_the_table_says(platform):
    inputs = [{"name": "code", "type": "integer", "label": "Code"}, {"name": "number", "type": "integer", "label": "Signal"}]
    platform.installer("row30", '[ -z "${CODE:-}" ] || exit "$CODE"\nexec sh -c "kill -$NUMBER \\$\\$; exit 0"\n', inputs=inputs, timeout_seconds=2)
    kinds = {1: "validation", 2: "installation", 3: "configuration"}
    expected = {platform.submit("row30", {"code": code}): ("timed_out", None, code) if code == 124 else
                ("succeeded", None, 0) if code == 0 else ("failed", kinds.get(code, "unknown"), code) for code in range(256)}
    # A terminal's stops reach nobody where there is no terminal; bash itself takes no SIGQUIT, sh does.
    ignored = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    signals = {}
    for number in range(1, 65):
        job = platform.submit("row30", {"number": number})
        signals[job] = ("succeeded", None, None) if number in ignored else ("timed_out", None, None) if number == signal.SIGSTOP else (
            "failed", "signal", number)
    wrong = []
    for job, (status, kind, code) in expected.items():
        ended = platform.ended(job, 300)
        if (ended["status"], ended["failure_kind"], ended["exit_code"]) != (status, kind, code):
            wrong.append((code, ended["status"], ended["failure_kind"], ended["exit_code"]))
    for job, (status, kind, number) in signals.items():
        ended = platform.ended(job, 300)
        if (ended["status"], ended["failure_kind"]) != (status, kind) or (number and ended["signal"] != number):
            wrong.append((ended["inputs"], ended["status"], ended["failure_kind"], ended["signal"]))
    assert not wrong


# ---- row 35: an old backup of the panel, beside an agent that lives on


def test_row_35_an_old_backup_runs_no_finished_job_again(platform, tmp_path):
    platform.installer("row35", f"echo \"$PROVISIONING_JOB_ID\" >>{tmp_path}/runs\n"
                       f"[ ! -e {tmp_path}/wait ] || while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\necho done\n")

    def ran():
        return collections.Counter((tmp_path / "runs").read_text().split()) if (tmp_path / "runs").exists() else {}
    before = platform.submit("row35")
    platform.ended(before)
    (tmp_path / "wait").touch()
    running = platform.submit("row35")
    wait_for(lambda: running in ran(), what="the script")
    wait_for(lambda: platform.status(running) == "running", what="the report of it")
    os.kill(platform.agent.pid, signal.SIGSTOP)  # on its way, and not taken
    handed = platform.submit("row35")
    wait_for(lambda: platform.status(handed) == "dispatched", what="the handing over")
    backup = tmp_path / "backup.db"
    platform.back_up(backup)
    os.kill(platform.agent.pid, signal.SIGCONT)
    (tmp_path / "go").touch()
    for job in (running, handed):
        assert platform.ended(job)["status"] == "succeeded"
    after = platform.submit("row35")
    assert platform.ended(after)["status"] == "succeeded"
    everything = ran()
    assert everything == {before: 1, running: 1, handed: 1, after: 1}

    kill(platform.panel.pid)
    platform.panel.wait()
    for left in ("panel.db-wal", "panel.db-shm"):
        (platform.directory / "panel" / left).unlink(missing_ok=True)
    # Another file: this process may have had the one before open.
    backup.rename(platform.directory / "panel/panel.db")
    platform.start_panel()
    assert platform.status(running) in ("running", "succeeded")
    for job in (running, handed):
        ended = platform.ended(job, 120)
        assert ended["status"] == "succeeded", ended
    assert platform.call("GET", f"/api/jobs/{after}")[0] == 404  # the backup is older than it
    again = platform.submit("row35")
    assert platform.ended(again, 120)["status"] == "succeeded"
    assert ran() == {**everything, again: 1}
    # Their logs were acknowledged to the panel whose store is gone, and so was the last of them.
    platform.excused |= {running, handed, after}


# ---- row 37: a certificate that is none to trust


class OverTls(Platform):
    """The test itself takes any certificate: what is tested is who does not."""

    def __init__(self, directory, certificates):
        super().__init__(directory)
        self.certificates = certificates

    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def connect(self, timeout):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=ssl._create_unverified_context())

    def panel_environment(self):
        return {**super().panel_environment(), "PANEL_TLS_CERT": str(self.certificates / "cert.pem"),
                "PANEL_TLS_KEY": str(self.certificates / "key.pem")}

    def agent_arguments(self):
        return [*super().agent_arguments(), "--panel-ca-file", str(self.certificates / "ca.pem")]

    def enrolment(self, token, agent, state):
        return [*super().enrolment(token, agent, state), "--ca-file", self.certificates / "ca.pem"]

    def make_ca(self, name):
        self.openssl("req", "-x509", *EC_KEY, "-subj", f"/CN={name}", "-days", "1", "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=self.certificates, capture_output=True)

    def present(self, name="IP:127.0.0.1", days="1", ca="ca"):
        """The panel that is started next has this certificate."""
        self.openssl("req", *EC_KEY, "-subj", "/CN=panel", "-addext", f"subjectAltName={name}", "-keyout", "key.pem", "-out", "request.pem")
        self.openssl("x509", "-req", "-in", "request.pem", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-days", days,
                     "-copy_extensions", "copy", "-out", "cert.pem")

    def restart_panel(self):
        kill(self.panel.pid)
        self.panel.wait(10)
        self.start_panel()


EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
NOT_TO_TRUST = {"has expired": {"days": "-1"}, "is not for": {"name": "DNS:other.example"}, "unable to get local issuer certificate": {"ca": "other"}}


@pytest.fixture(name="certificates")
def certificates_fixture():
    """A folder that the network process may look into, which is nobody's."""
    with tempfile.TemporaryDirectory(prefix="certificates.") as directory:
        os.chmod(directory, 0o755)
        yield pathlib.Path(directory)


def test_row_37_a_certificate_that_is_none_to_trust_is_refused_by_everyone(tmp_path, certificates):
    running = OverTls(tmp_path, certificates)
    for name in ("ca", "other"):
        running.make_ca(name)
    running.present()
    try:
        running.start()
        running.installer("row37", "true\n")
        assert running.ended(running.submit("row37"))["status"] == "succeeded"
        token, state = tmp_path / "another-token", tmp_path / "another"
        token.write_text(running.tool("enroll-token", "another"))
        (tmp_path / "token").write_text(running.token)
        ask = [BIN / "provisionctl", "--panel", running.url(), "--token-file", tmp_path / "token", "--ca-file", certificates / "ca.pem", "jobs"]

        def refused(command, sentence):
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode != 0 and sentence in done.stderr, done
        for sentence, certificate in NOT_TO_TRUST.items():
            running.present(**certificate)
            running.restart_panel()
            heard = running.get(f"/api/servers/{AGENT}")["last_seen_at"]
            job = running.submit("row37")
            refused(ask, sentence)
            refused(running.enrolment(token, "another", state), sentence)
            wait_for(lambda sentence=sentence: sentence in (tmp_path / "agent.err").read_text(), 60, "the agent's refusal")
            assert running.status(job) == "queued" and running.get(f"/api/servers/{AGENT}")["last_seen_at"] == heard
            running.present()
            running.restart_panel()
            assert running.ended(job, 120)["status"] == "succeeded"
        assert subprocess.run(ask, check=True, capture_output=True).stdout
        subprocess.run(running.enrolment(token, "another", state), check=True)  # nobody was told the token
    finally:
        running.stop()


# ---- row 41: the environment is exactly the table


def test_row_41_nothing_but_the_table_is_in_the_environment(platform, tmp_path):
    hostile = {"an_option": "--help -rf /", "several": "one\n$(touch trapped)\n`touch trapped`", "quoted": "'; touch trapped; \"",
               "spaces": "  a  b  ", "empty": ""}
    platform.installer("row41", f"cat /proc/$$/environ >{tmp_path}/environ\necho plain\n",
                       inputs=[{"name": name, "type": "text", "label": name} for name in hostile])
    job = platform.ended(platform.submit("row41", hostile))
    assert job["status"] == "succeeded", job
    found = dict(each.split("=", 1) for each in (tmp_path / "environ").read_bytes().decode().split("\0") if each)
    expected = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "a", "PROVISIONING_JOB": "true",
                "PROVISIONING_JOB_ID": job["id"], "PROVISIONING_APP_ID": "row41", "PROVISIONING_APP_VERSION": "1.0",
                "PROVISIONING_ATTEMPT": "1", "PROVISIONING_ACTION": "install", "PROVISIONING_LIB": str(platform.library),
                "PROVISIONING_STATE_DIR": str(platform.directory / "apps/row41"), "PROVISIONING_DRY_RUN": "false",
                **{name.upper(): value for name, value in hostile.items()}}
    assert found == expected
    assert platform.log(job["id"]) == "plain\n"
    assert not list(platform.directory.rglob("trapped"))


# ---- row 46: a cancel races the end, 1,000 times


def test_row_46_a_cancel_races_the_end_a_thousand_times(platform, tmp_path):
    platform.installer("row46", f"sleep 0.01\necho \"$PROVISIONING_JOB_ID\" >>{tmp_path}/ends\n")
    seed = random.randrange(1 << 30)
    header = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json"}
    body = json.dumps({"app_id": "row46", "server_id": AGENT, "inputs": {}})

    def race(number):
        chance = random.Random(seed + number)
        status, _, made = platform.raw("POST", "/api/jobs", body, header)
        assert status == 202, made
        job = json.loads(made)["id"]
        time.sleep(chance.uniform(0, 0.12))
        status, _, answer = platform.raw("POST", f"/api/jobs/{job}/cancel", "", header)
        assert status == 202 or (status == 409 and json.loads(answer)["code"] == "already_over"), answer
        wait_for(lambda: platform.fast_status(job) not in ACTIVE, 120, f"the end of {job}")
        return job, status
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        raced = list(threads.map(race, range(1000)))
    said = {}
    for line in (platform.directory / "agent-log/agent.log").read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] in ("job_finished", "job_rejected"):
            said.setdefault(entry.get("job_id"), []).append(entry["metadata"]["status"])
    outcomes = collections.Counter()
    for job, answered in raced:
        status = platform.fast_status(job)
        outcomes[status] += 1
        assert status in ("canceled", "succeeded"), (seed, job, status)
        assert answered == 202 or status == "succeeded", (seed, job, answered)
        assert said.get(job, [status]) == [status], (seed, job, said[job])
        record = platform.directory / f"agent/jobs/{job}/1/exit"
        if record.exists():
            assert (json.loads(record.read_text())["ending"] == "canceled") == (status == "canceled"), (seed, job)
        elif status == "succeeded":
            raise AssertionError((seed, job, "succeeded without a result"))
    assert min(outcomes["canceled"], outcomes["succeeded"]) > 50, (seed, outcomes)
    with platform.store() as store:
        ends = store.execute("SELECT j.id, count(DISTINCT c.status) FROM jobs j JOIN changes c ON c.job_id = j.id WHERE j.app_id = "
                             "'row46' AND c.status IN ('canceled', 'succeeded') GROUP BY j.id").fetchall()
    assert len(ends) == 1000 and all(count == 1 for _, count in ends)


# ---- row 47: installers replaced while jobs run and wait


def test_row_47_an_installer_swapped_all_the_time_is_never_a_mix(platform, tmp_path):
    def write(directory, version):
        directory.mkdir()
        shutil.copytree(platform.installers / "hello", directory, dirs_exist_ok=True)
        (directory / "files").mkdir(exist_ok=True)
        (directory / "manifest.yml").write_text(json.dumps(
            {"id": "row47", "name": "n", "version": version, "description": "d", "category": "tests", "author": "a",
             "os_requirements": {"family": ["debian", "ubuntu"]}, "timeout_seconds": 60, "idempotent": False}))
        (directory / "install.sh").write_text(platform.witnessed(
            f"#!/bin/bash\nsleep 0.05\necho {version} $(cat files/data) $PROVISIONING_APP_VERSION\n"))
        (directory / "install.sh").chmod(0o755)
        (directory / "files/data").write_text(f"{version}\n")
    names = [platform.installers / "row47", tmp_path / "other"]
    write(names[0], "1.0")
    write(names[1], "2.0")
    wait_for(lambda: platform.call("GET", "/api/installers/row47")[1].get("valid"), what="the installer")
    stop = threading.Event()

    def swap():
        # Not in step with the panel, which looks at its installers every two seconds.
        while not stop.wait(random.uniform(0.1, 0.6)):
            away = tmp_path / "away"
            names[0].rename(away)
            names[1].rename(names[0])
            away.rename(names[1])
    swapping = threading.Thread(target=swap)
    swapping.start()
    outcomes = collections.Counter()
    until = time.monotonic() + 60 * ROOM
    try:
        while sum(outcomes.values()) < 60 or not (outcomes["1.0"] and outcomes["2.0"]):
            assert time.monotonic() < until, outcomes
            status, job = platform.call("POST", "/api/jobs", {"app_id": "row47", "server_id": AGENT, "inputs": {}})
            if status == 422:  # caught between two renames
                outcomes["refused"] += 1
                continue
            ended = platform.ended(job["id"])
            if ended["status"] == "rejected":
                assert re.match("installer_mismatch|unknown_app|installer_unreadable", ended["status_reason"]), ended
                outcomes["rejected"] += 1
                continue
            version = ended["app_version"]
            assert ended["status"] == "succeeded" and platform.log(job["id"]) == f"{version} {version} {version}\n", ended
            outcomes[version] += 1
    finally:
        stop.set()
        swapping.join()
