"""The panel over PostgreSQL: a job's whole way, a server that goes and comes, and what is wrong with one at the start."""
import collections
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
import uuid

import pytest

from conftest import AGENT, BIN, Platform, free_port, history, kill, wait_for
from postgresql_server import PostgresqlServer, SmallDisk

FOR_A_PERSON = 78


class OverPostgresql(Platform):
    def __init__(self, directory, server):
        super().__init__(directory)
        self.server = server
        self.database = "panel"
        self.excused = set()  # jobs that the history checker cannot judge

    def panel_environment(self):
        return {**super().panel_environment(), "DATABASE_URL": self.server.url(self.database), "KEEP_LOGS_DAYS": "30"}

    def get(self, target):
        """Each connection of the store notices by itself that its server is back, within a second; until then it is 503."""
        return wait_for(lambda: self.answer(target), 10, target)

    def answer(self, target):
        status, body = self.call("GET", target)
        assert status in (200, 503), body
        return body if status == 200 else None

    def check_history(self):
        """The store as a backup has it, which is a database that the checker reads."""
        self.tool("backup", str(self.directory / "history.backup"))
        wrong, seen = history.check(self.directory / "history.backup", self.directory / "witness",
                                    {AGENT: self.directory / "agent"})
        wrong = [sentence for sentence in wrong if sentence.split(":")[0] not in self.excused]
        assert not wrong, "\n".join([*wrong, f"of {seen}"])


@pytest.fixture(scope="module", name="platform")
def platform_fixture(tmp_path_factory, server):
    running = OverPostgresql(tmp_path_factory.mktemp("platform"), server)
    try:
        running.start()
        yield running
    finally:
        running.stop()


# ---- a job's way

def test_a_job_its_log_and_the_audit(platform, tmp_path):
    file = tmp_path / "hello"
    job = platform.ended(platform.submit("hello", {"greeting": "good day", "greeting_file": str(file)}))
    assert job["status"] == "succeeded" and job["log"]["complete"], job
    assert "good day" in file.read_text()
    assert len(platform.log(job["id"]).encode()) == job["log"]["bytes"] > 0
    status, verdict = platform.call("POST", "/api/audit/verify")
    assert status == 200 and verdict["ok"] and verdict["entries"] > 3, verdict
    # It is the server's, not a file's.
    assert platform.server.sql(f"SELECT status FROM jobs WHERE id = '{job['id']}'", "panel") == "succeeded"
    assert not (platform.directory / "panel/panel.db").exists()


def test_cancel_and_retry(platform, tmp_path):
    platform.installer("slow", f"touch {tmp_path}/runs\n[ -e {tmp_path}/quick ] || sleep 600\n")
    job = platform.submit("slow")
    wait_for((tmp_path / "runs").exists, what="the script")
    assert platform.call("POST", f"/api/jobs/{job}/cancel")[0] == 202
    assert platform.ended(job)["status"] == "canceled"
    (tmp_path / "quick").touch()
    status, again = platform.call("POST", f"/api/jobs/{job}/retry")
    assert status == 202, again
    assert platform.ended(again["id"])["status"] == "succeeded"
    assert platform.job(again["id"])["retry_of"] == job


def test_the_same_idempotency_key_makes_one_job(platform):
    body = {"app_id": "hello", "server_id": AGENT, "inputs": {"greeting": "once", "greeting_file": "/tmp/provisioning-e2e-hello"}}
    first = platform.call("POST", "/api/jobs", body, {"Idempotency-Key": "k1"})
    platform.ended(first[1]["id"])
    assert platform.call("POST", "/api/jobs", body, {"Idempotency-Key": "k1"}) == first
    status, problem = platform.call("POST", "/api/jobs", {**body, "inputs": {"greeting": "other"}}, {"Idempotency-Key": "k1"})
    assert (status, problem["code"]) == (422, "idempotency_conflict")


# ---- how long logs are kept

def test_a_log_that_is_kept_no_longer_is_said_to_be_removed(platform, ctl):
    young, job = platform.submit("hello"), platform.submit("hello")
    printed = [platform.ended(each)["log"]["lines"] for each in (young, job)]
    assert min(printed) > 0
    # As if it had been made and had ended 40 days ago; an id begins with the time, in milliseconds.
    days = 40 * 86_400_000
    old = str(uuid.UUID(int=uuid.UUID(job).int - (days << 80)))
    platform.server.sql(f"SET session_replication_role = replica; UPDATE jobs SET id = '{old}' WHERE id = '{job}';"
                        f"UPDATE changes SET job_id = '{old}', at = at - {days} WHERE job_id = '{job}'", platform.database)
    platform.excused |= {job, old}
    kill(platform.panel.pid)
    platform.panel.wait()
    platform.start_panel()  # which looks for what is old, and again every hour
    target = f"/api/jobs/{old}/log"
    wait_for(lambda: platform.call("GET", target)[0] == 410, what="the removal")
    told = platform.job(old)
    removed_at = told["log"]["removed_at"]
    assert removed_at and told["status"] == "succeeded" and told["log"]["lines"] == printed[1] and told["log"]["complete"], told
    for accept in ("application/json", "text/plain"):
        status, problem = platform.call("GET", target, headers={"Accept": accept})
        assert (status, problem["code"]) == (410, "log_removed") and removed_at in problem["detail"], problem
    for after in ("", "?after=2"):
        with platform.stream(f"/api/jobs/{old}/stream{after}") as stream:
            frames = list(stream.frames)
        assert frames[-1]["status"] == "succeeded"
        assert all(frame["log_removed_at"] == removed_at and not frame["lines"] for frame in frames), frames
    shown = ctl("logs", old)
    assert shown.returncode != 0 and shown.stdout == "" and f"was removed at {removed_at}" in shown.stderr, shown
    followed = ctl("logs", "-f", old)
    assert followed.returncode == 0 and f"the log was removed at {removed_at}" in followed.stderr, followed
    entry, = platform.get("/api/audit?action=logs.removed")["items"]
    assert entry["object"] == old
    assert len(platform.log(young).splitlines()) == printed[0] and platform.job(young)["log"]["removed_at"] is None


# ---- row 34: the server goes and comes

def test_row_34_a_server_restarted_in_mid_job_costs_nothing(platform, tmp_path):
    platform.installer("row34", f"for i in $(seq 200); do echo line $i; [ ! -e {tmp_path}/go ] || break; sleep 0.05; done\n"
                       f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\necho the end\n")
    job = platform.submit("row34")
    wait_for(lambda: "line 3" in platform.log(job), what="its log")
    platform.server.restart()
    platform.server.stop()
    wait_for(lambda: platform.raw("GET", "/api/ready")[0] == 503, what="the panel's notice")
    (tmp_path / "go").touch()  # it ends while nobody can write that down
    platform.server.start()
    wait_for(platform.answers, what="the store")
    ended = platform.ended(job)
    assert ended["status"] == "succeeded" and ended["log"]["complete"] and ended["attempt"] == 1, ended
    assert platform.log(job).endswith("the end\n")


def test_row_34_a_server_restarted_in_mid_submit_is_no_false_success(platform):
    platform.installer("quick", "true\n", inputs=[{"name": "text", "type": "text", "label": "Text"}])
    answers = collections.defaultdict(list)  # by key
    stop = threading.Event()

    def submit(key):
        body = json.dumps({"app_id": "quick", "server_id": AGENT, "inputs": {"text": "row 34"}})
        headers = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json", "Idempotency-Key": key}
        status, _, text = platform.raw("POST", "/api/jobs", body, headers)
        answers[key].append((status, json.loads(text).get("id")))
        return status

    def submit_many():
        while not stop.is_set():
            key = str(uuid.uuid4())
            while submit(key) != 202 and not stop.is_set():
                stop.wait(0.05)
            stop.wait(0.2)

    def accepted():
        return sum(each[-1][0] == 202 for each in list(answers.values()))
    clients = [threading.Thread(target=submit_many) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for restart in range(1, 4):
            wait_for(lambda now=accepted(): accepted() > now + 5, what=f"submits before restart {restart}")
            platform.server.stop()
            stop.wait(0.2)
            platform.server.start()
        wait_for(lambda now=accepted(): accepted() > now + 5, what="submits after the last")
    finally:
        stop.set()
        for client in clients:
            client.join()
    wait_for(platform.answers, what="the store")
    # Whoever asks until he is told has one job, the one that he is told of.
    jobs = {}
    for key, given in answers.items():
        assert {status for status, _ in given} <= {202, 503}, given
        told = {job for status, job in given if status == 202}
        if not told:
            assert submit(key) == 202
            told = {answers[key][-1][1]}
        assert len(told) == 1, given
        jobs[key] = told.pop()
        assert submit(key) == 202 and answers[key][-1][1] == jobs[key]
    stored = set(platform.server.sql("SELECT id FROM jobs WHERE inputs LIKE '%row 34%'", "panel").split())
    assert stored == set(jobs.values()) and len(stored) == len(jobs)
    for job in stored:
        assert platform.ended(job, 120)["status"] == "succeeded"
    assert platform.call("POST", "/api/audit/verify")[1]["ok"]


def test_a_server_that_takes_no_writes_any_more_is_named_and_still_read(platform):
    database, server = platform.database, platform.server

    def answered(status):
        return wait_for(lambda: platform.call("GET", "/api/health")[1]["checks"]["store"]["status"] == status, 20, status)
    answered("ok")
    server.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    try:
        # What is connected keeps its setting; as after a failover, it connects anew.
        server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        answered("degraded")
        health = platform.call("GET", "/api/health")[1]
        assert health["status"] == "degraded" and "primary server" in health["checks"]["store"]["detail"], health
        assert platform.answers() and platform.get("/api/jobs")["items"]
        assert platform.call("POST", "/api/jobs", {"app_id": "hello", "server_id": AGENT, "inputs": {}})[0] == 503
    finally:
        server.sql(f"ALTER DATABASE {database} RESET default_transaction_read_only")
        server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    answered("ok")
    assert platform.ended(platform.submit("hello"))["status"] == "succeeded"


# ---- row 34: a disk that is full

@contextlib.contextmanager
def on_small_disks(directory, data=0, wal=0):
    """A platform whose server has `data`, or its log, on a disk of so many MiB; and that disk."""
    disk = SmallDisk(data or wal)
    server = None
    try:
        server = PostgresqlServer.founded(data=disk.directory if data else None, wal=disk.directory if wal else None)
        running = OverPostgresql(directory, server)
        try:
            running.start()
            yield running, disk
            running.stop()
        finally:
            for process in (running.agent, running.panel):
                if process and process.poll() is None:
                    kill(process.pid)
                    process.wait()
    finally:
        if server:
            server.remove()
        disk.remove()


class Submits:
    """Jobs with inputs that fill a disk, each asked for until somebody says that it is accepted."""

    def __init__(self, platform):
        self.platform, self.accepted, self.refused = platform, {}, {}

    def one(self, key=None):
        key = key or str(uuid.uuid4())
        text = self.refused.get(key) or os.urandom(20_000).hex()
        status, job = self.platform.call("POST", "/api/jobs", {"app_id": "bulky", "server_id": AGENT, "inputs": {"text": text}},
                                         {"Idempotency-Key": key})
        assert status in (202, 503), job
        self.refused.pop(key, None)
        (self.accepted if status == 202 else self.refused)[key] = job["id"] if status == 202 else text
        return status == 202

    def until_refused(self, times):
        """So often one after the other that it is no accident."""
        refused = 0
        for _ in range(2000):
            refused = 0 if self.one() else refused + 1
            if refused == times:
                return
        raise AssertionError("the disk is not full")

    def insist(self):
        for key in list(self.refused):
            wait_for(lambda key=key: self.one(key), 30, "that it is accepted")


def prepare_for_a_full_disk(platform, tmp_path):
    """A job that prints while the disk is full, and one that is accepted before."""
    platform.installer("bulky", "true\n", inputs=[{"name": "text", "type": "text", "label": "Text", "required": True}])
    platform.installer("talkative", f"echo begun\nwhile [ ! -e {tmp_path}/full ]; do sleep 0.05; done\nhead -c 300000 /dev/urandom | base64\n"
                       f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done\necho the end\n")
    talks = platform.submit("talkative")
    wait_for(lambda: "begun" in platform.log(talks), what="its log")
    return talks


def goes_on_with_room(platform, talks, submits, panel):
    """Nothing of what was said was false, nothing is lost, nothing ran twice, and the panel is the one that it was."""
    wait_for(lambda: platform.call("GET", "/api/health")[1].get("checks", {}).get("store", {}).get("status") == "ok", 60, "the store")
    ended = platform.ended(talks, 120)
    assert ended["status"] == "succeeded" and ended["log"]["complete"] and ended["attempt"] == 1, ended
    assert platform.log(talks).endswith("the end\n") and ended["log"]["bytes"] > 400_000
    submits.insist()
    for job in submits.accepted.values():
        assert platform.ended(job, 120)["status"] == "succeeded"
    stored = platform.server.sql("SELECT id FROM jobs WHERE app_id = 'bulky'", "panel").split()
    assert sorted(stored) == sorted(submits.accepted.values())
    assert platform.panel.poll() is None and platform.panel.pid == panel
    assert platform.call("POST", "/api/audit/verify")[1]["ok"]


def test_row_34_a_full_disk_of_the_server_is_named_and_costs_nothing(tmp_path):
    (tmp_path / "platform").mkdir()
    with on_small_disks(tmp_path / "platform", data=96) as (platform, disk):
        talks, submits = prepare_for_a_full_disk(platform, tmp_path), Submits(platform)
        panel, postmaster = platform.panel.pid, platform.server.postmaster.pid
        assert submits.one()
        disk.fill()
        submits.until_refused(3)
        (tmp_path / "full").touch()  # what it prints finds no room any more
        (tmp_path / "go").touch()

        def told():
            submits.one()
            status, health = platform.call("GET", "/api/health")
            return status == 200 and health["checks"]["store"]["status"] == "degraded" and health
        health = wait_for(told, 30, "that it is degraded")
        assert health["status"] == "degraded" and "No space left on device" in health["checks"]["store"]["detail"], health
        assert "the server needs more disk or memory" in health["checks"]["store"]["detail"], health
        assert platform.answers() and platform.get("/api/jobs")["items"]  # it is read as ever
        time.sleep(2)
        assert platform.status(talks) == "running", "it is over, and its log had no room"
        disk.free()
        goes_on_with_room(platform, talks, submits, panel)
        assert platform.server.postmaster.poll() is None and platform.server.postmaster.pid == postmaster


def test_row_34_a_server_that_ends_since_its_log_has_no_room_costs_nothing(tmp_path):
    (tmp_path / "platform").mkdir()
    with on_small_disks(tmp_path / "platform", wal=48) as (platform, disk):
        talks, submits = prepare_for_a_full_disk(platform, tmp_path), Submits(platform)
        panel = platform.panel.pid
        assert submits.one()
        disk.fill()
        (tmp_path / "full").touch()
        (tmp_path / "go").touch()
        # PostgreSQL panics, and its recovery, which has to write, does too: it ends.
        wait_for(lambda: submits.one() and False or platform.server.postmaster.poll() is not None, 60, "its end")
        assert "PANIC" in (platform.server.directory / "log").read_text()
        wait_for(lambda: platform.call("GET", "/api/health", token=False) == (503, {"status": "down"}), 20, "that it is down")
        assert not submits.one()
        # Said by whatever needs the store next: the reconciler, of nothing else.
        wait_for(lambda: "is the server up" in (platform.directory / "panel-log/panel.log").read_text(), 60, "that it is said")
        disk.free()
        platform.server.start()
        goes_on_with_room(platform, talks, submits, panel)


# ---- row 35: an old backup is restored

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
    backup = tmp_path / "backup"
    platform.tool("backup", str(backup))  # beside the running panel
    (tmp_path / "go").touch()
    assert platform.ended(running)["status"] == "succeeded"
    after = platform.submit("row35")
    assert platform.ended(after)["status"] == "succeeded"
    everything = ran()
    assert everything == {before: 1, running: 1, after: 1}

    kill(platform.panel.pid)
    platform.panel.wait()
    # The store that was is kept: a restore is into an empty one.
    platform.server.new_database("restored")
    platform.database = "restored"
    platform.tool("restore", str(backup))
    platform.start_panel()
    assert platform.status(running) in ("running", "succeeded")
    ended = platform.ended(running, 120)
    assert ended["status"] == "succeeded", ended
    assert platform.call("GET", f"/api/jobs/{after}")[0] == 404  # the backup is older than it
    again = platform.submit("row35")
    assert platform.ended(again, 120)["status"] == "succeeded"
    assert ran() == {**everything, again: 1}
    assert platform.call("POST", "/api/audit/verify")[1]["ok"]
    # Their logs were acknowledged to the panel whose store is gone, and so was the last of them.
    platform.excused |= {running, after}


def test_a_restore_over_a_store_in_use_is_refused(platform, tmp_path):
    backup = tmp_path / "backup"
    platform.tool("backup", str(backup))
    assert backup.stat().st_mode & 0o777 == 0o600
    refused = subprocess.run([BIN / "provisioning-panel", "restore", backup], env=platform.panel_environment(),
                             capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "stop every panel" in refused.stderr, refused.stderr
    assert platform.answers()


# ---- at the start

class Panel:
    """Another panel, of this server or of what stands for one."""

    def __init__(self, directory, url):
        self.port = free_port()
        self.errors = directory / "err"
        (directory / "installers").mkdir()
        environment = {"PATH": os.environ["PATH"], "SECRET_KEY": "e2e-secret-key-of-more-than-32-bytes!", "DATABASE_URL": url,
                       "STATE_DIR": str(directory / "state"), "INSTALLERS_DIR": str(directory / "installers"),
                       "LOG_DIR": str(directory / "log"), "PANEL_LISTEN": f"127.0.0.1:{self.port}"}
        self.log = directory / "log/panel.log"
        self.process = subprocess.Popen([BIN / "provisioning-panel"], env=environment,
                                        stderr=open(self.errors, "w", encoding="utf-8"))

    def ready(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as sock:
            sock.sendall(b"GET /api/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return int(sock.makefile("rb").readline().split()[1])
        return None


@pytest.fixture(name="panel_over")
def panel_over_fixture(tmp_path):
    panels = []

    def start(url):
        panels.append(Panel(tmp_path, url))
        return panels[-1]
    yield start
    for panel in panels:
        panel.process.kill()
        panel.process.wait()


def test_a_server_that_is_away_at_the_start_is_waited_for(server, panel_over):
    url = server.new_database("late")
    server.stop()
    panel = panel_over(url)
    wait_for(lambda: panel.ready() == 503, what="its answer")
    assert "is the server up" in panel.errors.read_text() and "it is waited for" in panel.errors.read_text()
    assert '"store_awaited"' in panel.log.read_text()
    server.start()
    wait_for(lambda: panel.ready() == 200, what="the store")
    assert panel.process.poll() is None
    assert server.sql("SELECT count(*) FROM jobs", "late") == "0"
    panel.process.send_signal(signal.SIGTERM)
    assert panel.process.wait(20) == 0


def test_a_panel_that_waits_for_its_server_ends_when_told(server, panel_over):
    panel = panel_over(f"postgresql://panel@127.0.0.1:{free_port()}/panel")
    wait_for(lambda: panel.ready() == 503, what="its answer")
    panel.process.send_signal(signal.SIGTERM)
    assert panel.process.wait(20) == 0


def ends_for_a_person(panel, *sentence):
    assert panel.process.wait(30) == FOR_A_PERSON, panel.errors.read_text()
    for part in sentence:
        assert part in panel.errors.read_text()


def test_a_wrong_password_ends_it_with_a_sentence(server, panel_over):
    server.sql("CREATE ROLE secretive LOGIN PASSWORD 'right'")
    panel = panel_over(server.url(user="secretive:canary-4711"))
    ends_for_a_person(panel, "give the right user and password in database_url")
    assert "canary" not in panel.errors.read_text() + panel.log.read_text()


def test_an_unknown_database_ends_it_with_a_sentence(server, panel_over):
    ends_for_a_person(panel_over(server.url("nowhere")), "CREATE DATABASE")


def test_a_read_only_server_ends_it_with_a_sentence(server, panel_over):
    url = server.new_database("fixed")
    server.sql("ALTER DATABASE fixed SET default_transaction_read_only = on")
    ends_for_a_person(panel_over(url), "must name the primary server, and it must take writes")


def test_a_hot_standby_ends_it_with_a_sentence(server, panel_over):
    standby = PostgresqlServer.standby_of(server)
    try:
        ends_for_a_person(panel_over(standby.url()), "must name the primary server, and it must take writes")
    finally:
        standby.remove()


def test_a_newer_schema_ends_it_with_a_sentence_and_stays(server, panel_over):
    url = server.new_database("newer")
    server.sql("CREATE TABLE schema_version (one BIGINT, version BIGINT); INSERT INTO schema_version VALUES (1, 999);"
               "ALTER TABLE schema_version OWNER TO panel", "newer")
    ends_for_a_person(panel_over(url), "schema version 999", "run the newer program, or restore a backup")
    assert server.sql("SELECT version FROM schema_version", "newer") == "999"


def test_an_old_server_ends_it_with_a_sentence(panel_over):
    """Nothing but its greeting is that of PostgreSQL 12."""
    def message(kind, body):
        return kind + struct.pack(">I", len(body) + 4) + body
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        panel = panel_over(f"postgresql://panel@127.0.0.1:{listening.getsockname()[1]}/panel?sslmode=disable&gssencmode=disable")
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(message(b"R", struct.pack(">I", 0)) + message(b"S", b"server_version\x0012.19\x00") +
                               message(b"S", b"server_encoding\x00UTF8\x00") + message(b"Z", b"I"))
            ends_for_a_person(panel, "PostgreSQL 12; version 13 or newer is needed")
