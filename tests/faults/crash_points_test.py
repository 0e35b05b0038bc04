"""kill -9 at every call with which agent, runner and panel change what is on disk, one after the other.

Each scenario is run without a kill, twice at least, and the calls that most runs made are its points. Then it is run once for each
point, and ends there; what was killed is started again. Whatever the point: one truthful result, no attempt that ran
twice, no line of a log missing or doubled, nothing left running.
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from e2e_platform import BIN, Platform, processes, wait_for

from points import Traced, chosen, in_lanes, with_torn_writes

ACTIVE = ("queued", "dispatched", "accepted", "running", "retry_wait")
LANES = 6
PANELS = 3

RUNS = 'echo "$PROVISIONING_ATTEMPT" >>{witness}/$PROVISIONING_JOB_ID\n'
SCRIPTS = {
    "install": RUNS + "echo one; sleep 0.02; echo two; sleep 0.02; echo three\n",
    "retry": RUNS + '[ "$(wc -l <{witness}/$PROVISIONING_JOB_ID)" -lt 2 ] || {{ echo done; exit 0; }}\necho "not yet"\nexit 2\n',
    "cancel": RUNS + "exec sleep 600\n",
    "timeout": RUNS + "exec sleep 600\n",
    "restart": "echo begun\n" + RUNS + "while [ ! -e {witness}/$PROVISIONING_JOB_ID.go ]; do sleep 0.02; done\necho went on\n",
    "compaction": RUNS + "head -c 13000000 /dev/urandom | base64 | tee {witness}/$PROVISIONING_JOB_ID.printed\n",
}
MANIFESTS = {"retry": {"idempotent": True, "retry": {"max_attempts": 3, "backoff_seconds": 0}}, "timeout": {"timeout_seconds": 1}}
# What the platform itself says in a log.
NOTICES = {"cancel": "[canceled: the job is being ended]\n", "timeout": "[timed out: the job is being ended]\n"}
LOGS = {"install": "one\ntwo\nthree\n", "retry": "done\n", "restart": "begun\nwent on\n"}
ENDS = {"install": "succeeded", "retry": "succeeded", "cancel": "canceled", "timeout": "timed_out", "restart": "succeeded",
        "compaction": "succeeded"}

# Fewer points than these, and the enumeration has lost sight of something.
LEAST = {"install": 40, "retry": 85, "cancel": 25, "timeout": 16, "restart": 10, "compaction": 4, "enrolment": 33, "keys": 5,
         "epoch": 22, "panel": 200, "panel_start": 160, "panel_stop": 24}
# Each n-th point a day where they are many (points.py).
STRIDE = collections.defaultdict(lambda: 1, install=4, retry=6, panel=8, panel_start=12, keys=6)


def runs_of_job(job):
    """Processes that carry the job's id in their environment."""
    mark = f"PROVISIONING_JOB_ID={job}".encode()
    for each in processes():
        try:
            if mark in (each / "environ").read_bytes().split(b"\0"):
                yield int(each.name)
        except OSError:
            continue


class Jobs:
    """What a scenario does with a platform, and what must have become of it."""

    def __init__(self, platform):
        self.platform = platform
        self.witness = platform.directory / "witnesses"
        self.witness.mkdir()
        for name, script in SCRIPTS.items():
            platform.installer(name, script.format(witness=self.witness), **MANIFESTS.get(name, {}))

    def submit(self, app, server, headers=None):
        status, job = self.platform.call("POST", "/api/jobs", {"app_id": app, "server_id": server, "inputs": {}}, headers)
        assert status == 202, job
        return job["id"]

    def status(self, job):
        status, _, body = self.platform.raw("GET", f"/api/jobs/{job}", headers={"Authorization": f"Bearer {self.platform.token}"})
        assert status == 200, body
        return json.loads(body)["status"]

    def runs(self, job):
        witness = self.witness / job
        return witness.read_text().split() if witness.exists() else []

    def check(self, app, job, victim):
        ended = self.platform.job(job)
        runs, log, status = self.runs(job), self.platform.log(job), ended["status"]
        told = f"{status}, ran {runs}, log {log[-200:]!r}, {ended['log']}, {ended['status_reason']}"
        expected = LOGS.get(app, "")
        if app == "compaction":
            expected = (self.witness / f"{job}.printed").read_text()
        assert len(set(runs)) == len(runs), f"an attempt ran twice: {told}"
        if status == ENDS[app]:
            assert runs and runs[-1] == str(ended["attempt"]), told
            assert app == "retry" or runs == ["1"], told
            if app in LOGS or app == "compaction":
                assert log == expected and ended["log"]["complete"] and ended["log"]["bytes"] == len(log), told
        else:
            # Nobody knows what a runner would have said; of one that was never forked it is known that nothing ran.
            assert status == "interrupted" and app != "retry", told
            assert victim == "runner" or runs == [], told
            assert (expected or NOTICES.get(app, "")).startswith(log), told
        if status != "succeeded":
            assert not list(runs_of_job(job)), f"something of it runs on: {told}"


class AgentLane:
    """An agent of its own under the tracer, enrolled at the one panel."""

    def __init__(self, jobs, tracer, number):
        self.jobs, self.platform, self.tracer = jobs, jobs.platform, tracer
        self.id = f"agent-{number}"
        self.directory = self.platform.directory / self.id
        self.directory.mkdir()
        self.state = self.directory / "state"
        self.enrolling = Traced(tracer, self.directory, "enroll", self.enrol_command(), self.state)
        self.executor = Traced(tracer, self.directory, "executor", self.agent_command(), self.state)

    def enrol_command(self):
        return [BIN / "provisioning-agent", "enroll", "--panel", f"http://127.0.0.1:{self.platform.port}", "--token-file",
                self.directory / "token", "--id", self.id, "--state-dir", self.state]

    def agent_command(self):
        return [BIN / "provisioning-agent", "--panel-url", f"http://127.0.0.1:{self.platform.port}", "--agent-id", self.id,
                "--state-dir", self.state, "--installers-dir", self.platform.installers, "--log-dir", self.directory / "log",
                "--app-state-dir", self.directory / "apps", "--provisioning-lib", self.platform.library, "--net-user", "nobody"]

    def make_token(self):
        (self.directory / "token").write_text(self.platform.tool("enroll-token", self.id))

    def enrol(self):
        self.make_token()
        subprocess.run(self.enrol_command(), check=True, capture_output=True)

    def alive(self):
        try:
            state = pathlib.Path(f"/proc/{self.executor.pid()}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"

    def revive(self):
        if not self.alive():
            self.executor.disarm()
            self.executor.start()

    def online(self):
        self.revive()
        status, server = self.platform.call("GET", f"/api/servers/{self.id}")
        return status == 200 and server["status"] == "online"

    def begun(self, job):
        """The kill of the point before may come as late as this: what was struck is the acknowledgement of its end."""
        self.revive()
        return self.jobs.runs(job)

    def over(self, job):
        self.revive()
        return self.jobs.status(job) not in ACTIVE

    def end(self, job):
        wait_for(lambda: self.over(job), 180, f"the end of {job}")
        self.executor.disarm()

    def stop(self):
        if self.executor.process and self.alive():
            os.kill(self.executor.pid(), signal.SIGTERM)
            self.executor.process.wait(20)

    # ---- the scenarios; a point of "-" counts and kills nothing

    def run_job(self, app, point):
        if app == "compaction":  # the one before has put the next one off, for as long as that process lives
            self.stop()
        self.revive()
        self.executor.arm(point)
        job = self.jobs.submit(app, self.id)
        self.end(job)
        return job

    def end_from_outside(self, app, point):
        """Only what follows from the cancel or the timeout counts: until then it is an install."""
        self.revive()
        self.executor.disarm()
        job = self.jobs.submit(app, self.id)
        wait_for(lambda: self.begun(job), what="the script")
        self.executor.arm(point)
        if app == "cancel":
            status, body = self.platform.call("POST", f"/api/jobs/{job}/cancel")
            assert status == 202, body
        self.end(job)
        return job

    def restart(self, point):
        self.revive()
        self.executor.disarm()
        job = self.jobs.submit("restart", self.id)
        wait_for(lambda: self.begun(job), what="the script")
        os.kill(self.executor.pid(), signal.SIGKILL)
        wait_for(lambda: not self.alive(), what="the kill")
        self.executor.arm(point)
        self.executor.start()
        (self.jobs.witness / f"{job}.go").touch()
        self.end(job)
        return job

    def strike(self, app, point):
        if app in ("cancel", "timeout"):
            job = self.end_from_outside(app, point)
        elif app == "restart":
            job = self.restart(point)
        else:
            job = self.run_job(app, point)
        self.executor.reached(point)
        self.jobs.check(app, job, point.split()[0])
        return self.executor.seen()


@pytest.fixture(scope="module", name="jobs")
def jobs_fixture(tmp_path_factory, tracer):
    assert tracer
    platform = Platform(tmp_path_factory.mktemp("crash"))
    try:
        platform.start_panel()
        platform.token = platform.tool("token", "create", "--name", "crash")
        yield Jobs(platform)
    finally:
        platform.stop()


@pytest.fixture(scope="module", name="lanes")
def lanes_fixture(jobs, tracer):
    lanes = [AgentLane(jobs, tracer, number) for number in range(LANES)]
    try:
        for lane in lanes:
            lane.enrol()
            lane.executor.start()
        for lane in lanes:
            wait_for(lane.online, what=lane.id)
        # The first of its life: what it makes once is made.
        with concurrent.futures.ThreadPoolExecutor(LANES) as threads:
            list(threads.map(lambda lane: lane.strike("install", "-"), lanes))
        yield lanes
    finally:
        for lane in lanes:
            lane.stop()


def enumerate_points(*runs):
    """What most runs reached: how often a log is written, or what shares a commit, is the scheduler's."""
    points = dict.fromkeys(point for run in runs for point in run)
    return [point for point in points if sum(point in run for run in runs) > len(runs) / 2]


def strike_all(capsys, name, lanes, points, strike):
    points = with_torn_writes(points)
    today, again = chosen(points, STRIDE[name])
    start = time.monotonic()
    wrong, missed = in_lanes(lanes, today, strike)
    for _ in range(2):
        more, missed = in_lanes(lanes, missed, strike)
        wrong += more
    with capsys.disabled():
        print(f"\n{name}: {len(points)} crash points, {len(today)} struck ({again}), {len(missed)} of them not reached, "
              f"{time.monotonic() - start:.0f} s")
    assert len(points) >= LEAST[name], f"{len(points)} points; at least {LEAST[name]} are known"
    assert not wrong, "\n".join(wrong)
    # What happens in another order this time is not reached; most must be.
    assert len(missed) <= max(2, len(today) / 4), "\n".join(missed)


@pytest.mark.parametrize("app", sorted(SCRIPTS))
def test_an_agent_killed_at_every_point(capsys, lanes, app):
    points = enumerate_points(*(lane.strike(app, "-") for lane in lanes))
    if app == "restart":  # the runner was there before, and goes on
        points = [point for point in points if point.startswith("executor ")]
    if app == "compaction":
        points = [point for point in points if "journal.new" in point or "rename journal" in point]
    strike_all(capsys, app, lanes, points, lambda lane, point: lane.strike(app, point))


# ---- a first start, and new keys


class Newcomer(AgentLane):
    """Enrolled, started and given a job, every time as another server."""

    def __init__(self, jobs, tracer, number):
        self.jobs, self.tracer, self.number, self.count = jobs, tracer, number, 0

    def strike(self, point):
        self.count += 1
        super().__init__(self.jobs, self.tracer, f"new-{self.number}-{self.count}")
        self.make_token()
        self.enrolling.arm(point)
        seen = []
        try:
            self.enrolling.start()
            self.enrolling.process.wait(60)
            seen += self.enrolling.seen()
            struck = self.enrolling.struck()
            if struck:
                subprocess.run(self.enrol_command(), check=True, capture_output=True)
            assert self.enrolling.process.returncode == 0 or struck, (self.directory / "enroll.err").read_text()
            # The two share their control file.
            self.executor.generation = self.enrolling.generation
            if struck:
                self.executor.disarm()
            self.executor.start()
            wait_for(self.online, what=f"{self.id} online")
            job = self.jobs.submit("install", self.id)
            self.end(job)
            seen += [each for each in self.executor.seen() if each not in seen]
            if not struck:
                self.executor.reached(point)
            self.jobs.check("install", job, "")
            # What an install does every time has its own test.
            return [each for each in seen if not re.match(r"runner |\S+ \S+ (jobs/|journal |parcel)", each)]
        finally:
            self.stop()


def test_a_first_start_killed_at_every_point(capsys, jobs, tracer):
    newcomers = [Newcomer(jobs, tracer, number) for number in range(LANES)]
    points = enumerate_points(newcomers[0].strike("-"), newcomers[1].strike("-"))
    strike_all(capsys, "enrolment", newcomers, points, lambda newcomer, point: newcomer.strike(point))


def take_new_keys(lane, point):
    def generation():
        lane.revive()
        return json.loads((lane.state / "keys").read_text())["generation"]
    lane.revive()
    before = generation()
    lane.executor.arm(point)
    lane.platform.tool("rotate-keys", lane.id)
    wait_for(lambda: generation() == before + 1, 90, "the new keys")
    wait_for(lane.online, what=f"{lane.id} online with its new keys")
    if point != "-":
        wait_for(lane.executor.struck, 10, "the point")
    else:  # the new name is seen before its directory is on disk
        wait_for(lambda: "rename keys" not in lane.executor.seen()[-1], 10, "what follows the rename")
    seen = lane.executor.seen()
    lane.executor.disarm()
    job = lane.jobs.submit("install", lane.id)
    lane.end(job)
    lane.jobs.check("install", job, "")
    return seen


def test_new_keys_killed_at_every_point(capsys, lanes):
    points = enumerate_points(take_new_keys(lanes[0], "-"), take_new_keys(lanes[1], "-"))
    # Until they are in their place; from then on it is an outbox like any other.
    written = points.index("executor rename keys 1") + 2
    points = [point for point in points[:written] if "keys" in point or point == points[written - 1]]
    strike_all(capsys, "keys", lanes, points, take_new_keys)


# ---- a new epoch


def damage_journal(lane):
    """As no write leaves it: not torn, so that the next start begins a new epoch."""
    os.kill(lane.executor.pid(), signal.SIGKILL)
    wait_for(lambda: not lane.alive(), what="the kill")
    with open(lane.state / "journal", "ab") as journal:
        journal.write(b"damage " * 10)


def server_of(lane):
    lane.revive()
    return lane.platform.get(f"/api/servers/{lane.id}")


def begin_another_epoch(lane, point):
    """Drained and with a job that is over, of which the next life tells what this one knew."""
    lane.revive()
    lane.executor.disarm()
    before = lane.jobs.submit("install", lane.id)
    lane.end(before)
    assert lane.platform.call("POST", f"/api/servers/{lane.id}/drain")[0] == 202
    wait_for(lambda: server_of(lane)["status"] == "drained", what="the drain")
    epoch = server_of(lane)["facts"]["epoch_since"]
    damage_journal(lane)
    lane.executor.arm(point)
    lane.executor.start()
    wait_for(lambda: server_of(lane)["facts"]["epoch_since"] != epoch, what="the new epoch")
    if point == "-":
        wait_for(lambda: any("rename journal.begun" in each for each in lane.executor.seen()[:-1]), 10, "what follows the rename")
    seen = lane.executor.seen()
    wait_for(lambda: server_of(lane)["status"] == "drained", what="the drain that the new epoch goes on with")
    lane.executor.disarm()
    lane.jobs.check("install", before, "")
    assert lane.platform.call("POST", f"/api/servers/{lane.id}/resume")[0] == 202
    wait_for(lane.online, what=f"{lane.id} resumed")
    job = lane.jobs.submit("install", lane.id)
    lane.end(job)
    lane.jobs.check("install", job, "")
    lane.executor.reached(point)
    return seen


def test_a_new_epoch_killed_at_every_point(capsys, lanes):
    points = enumerate_points(begin_another_epoch(lanes[0], "-"), begin_another_epoch(lanes[1], "-"))
    # Until it is noted; from then on it is a start like any other.
    noted = points.index("executor rename journal.begun 1") + 2
    points = [point for point in points[:noted] if point.startswith("executor ")]
    strike_all(capsys, "epoch", lanes, points, begin_another_epoch)


# ---- afterwards: what the panel has of all of it


def audit_hash(sequence, at, user, action, subject, detail, previous):
    fields = b"".join(len(field).to_bytes(8, "big") + field for field in
                      (user.encode(), action.encode(), subject.encode(), detail.encode(), previous))
    return hashlib.sha256(b"provisioning audit v1" + sequence.to_bytes(8, "big") + at.to_bytes(8, "big") + fields).digest()


def check_store(directory):
    """Whole, each job with one result and its changes without a gap, and an audit chain to its head."""
    store = sqlite3.connect(f"file:{directory}/panel.db?mode=ro", uri=True)
    assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    last, previous = 0, bytes(32)
    for sequence, at, user, action, subject, detail, before, found in store.execute("SELECT * FROM audit ORDER BY sequence"):
        assert (sequence, before) == (last + 1, previous)
        assert found == audit_hash(sequence, at, user, action, subject, detail, previous), sequence
        last, previous = sequence, found
    assert store.execute("SELECT sequence, hash FROM audit_head").fetchall() == [(last, previous)]
    jobs = collections.defaultdict(list)
    for job, number, status in store.execute("SELECT job_id, seq, status FROM changes ORDER BY job_id, seq"):
        jobs[job].append((number, status))
    for changes in jobs.values():
        assert [number for number, _ in changes] == list(range(1, len(changes) + 1)), changes
        ends = [status for position, (_, status) in enumerate(changes)
                if status not in ACTIVE and (position == 0 or changes[position - 1][1] != status)]
        assert len(ends) == 1 and changes[-1][1] == ends[0], changes
    return jobs


def test_afterwards_the_panel_has_one_result_of_each_job_and_refused_nobody(jobs, lanes):
    for lane in lanes:
        lane.stop()
    jobs.platform.stop()
    assert len(check_store(jobs.platform.directory / "panel")) > 50
    log = (jobs.platform.directory / "panel-log/panel.log").read_text()
    for event in ("event_refused", "events_refused", "event_gap", "enrolment_refused", "handler_failed"):
        lines = [line for line in log.splitlines() if f'"event": "{event}"' in line or f'"event":"{event}"' in line]
        assert not lines, lines[:5]


# ---- the panel


class PanelLane(Platform):
    """A panel of its own under the tracer, with an agent that is left alone."""

    def __init__(self, directory, tracer):
        super().__init__(directory)
        self.traced = Traced(tracer, directory, "panel", [BIN / "provisioning-panel"], directory / "panel",
                             self.panel_environment())

    def start_panel(self):
        self.traced.start()
        self.panel = self.traced.process
        wait_for(lambda: self.panel.poll() is not None or self.answers(), what="the panel's readiness")

    def revive(self):
        if self.panel.poll() is not None:
            self.traced.disarm()
            self.start_panel()

    def stop_panel(self):
        os.kill(self.traced.pid(), signal.SIGTERM)
        self.panel.wait(30)

    def stop(self):
        if self.panel and self.panel.poll() is None:
            self.stop_panel()
        self.panel = None
        super().stop()

    def persist(self, ask):
        """What a client does: the same again until it is answered."""
        def answered():
            self.revive()
            try:
                return ask()
            except (OSError, subprocess.SubprocessError):
                return None
            except Exception as error:  # http.client's own, of a connection that ended in the middle
                if type(error).__module__ != "http.client":
                    raise
                return None
        return wait_for(answered, what="an answer")

    def jobs_of_it(self):
        return {job["id"] for job in self.persist(lambda: self.get("/api/jobs?limit=200"))["items"]}


def install_under_a_dying_panel(lane, point):
    known = lane.jobs_of_it()
    key = {"Idempotency-Key": f"{os.getpid()}-{time.monotonic_ns()}"}
    body = {"app_id": "install", "server_id": "agent-e2e", "inputs": {}}
    lane.traced.arm(point)
    status, answer = lane.persist(lambda: lane.call("POST", "/api/jobs", body, key))
    assert status == 202, answer
    job = answer["id"]
    wait_for(lambda: lane.persist(lambda: lane.status(job)) not in ACTIVE, what=f"the end of {job}")
    seen = lane.traced.seen()
    lane.traced.disarm()
    lane.revive()
    assert lane.jobs_of_it() - known == {job}, "not one job of one key"
    lane.work.check("install", job, "")
    assert lane.work.runs(job) == ["1"]
    lane.traced.reached(point)
    return seen


def stop_a_panel(lane, point):
    """After a job, so that the write-ahead log holds something."""
    job = lane.work.submit("install", "agent-e2e")
    wait_for(lambda: lane.persist(lambda: lane.status(job)) not in ACTIVE, what=f"the end of {job}")
    known = lane.jobs_of_it()
    assert job in known
    lane.traced.arm(point)
    lane.stop_panel()
    seen = lane.traced.seen()
    lane.traced.disarm()
    lane.start_panel()
    assert lane.jobs_of_it() == known
    lane.traced.reached(point)
    return seen


@pytest.fixture(scope="module", name="panels")
def panels_fixture(tmp_path_factory, tracer):
    panels = []
    try:
        for number in range(PANELS):
            lane = PanelLane(tmp_path_factory.mktemp(f"panel-{number}"), tracer)
            panels.append(lane)
            lane.start()
            lane.work = Jobs(lane)
        yield panels
    finally:
        for lane in panels:
            lane.stop()


def test_a_panel_killed_at_every_point_of_a_job(capsys, panels):
    points = enumerate_points(install_under_a_dying_panel(panels[0], "-"), install_under_a_dying_panel(panels[1], "-"))
    strike_all(capsys, "panel", panels, points, install_under_a_dying_panel)


def test_a_panel_killed_at_every_point_of_its_stop(capsys, panels):
    # On a busy machine the write-ahead log may be empty already when the panel stops.
    for _ in range(3):
        points = enumerate_points(stop_a_panel(panels[0], "-"), stop_a_panel(panels[1], "-"))
        # How many pages a job has changed differs; one is like the other.
        points = [point for point in points if int(point.rpartition(" ")[2]) <= 12]
        if len(with_torn_writes(points)) >= LEAST["panel_stop"]:
            break
    strike_all(capsys, "panel_stop", panels, points, stop_a_panel)


def test_a_panel_killed_at_every_point_of_its_first_start(capsys, tmp_path, tracer):
    lanes = list(range(PANELS))
    counts = collections.Counter()

    def strike(number, point):
        counts[number] += 1
        directory = tmp_path / f"first-{number}-{counts[number]}"
        directory.mkdir()
        lane = PanelLane(directory, tracer)
        try:
            lane.traced.arm(point)
            lane.start_panel()
            seen = lane.traced.seen()
            lane.revive()
            lane.token = lane.tool("token", "create", "--name", "first")
            assert lane.jobs_of_it() == set()
        finally:
            lane.stop()
        check_store(directory / "panel")
        lane.traced.reached(point)
        return seen
    points = enumerate_points(strike(0, "-"), strike(1, "-"))
    strike_all(capsys, "panel_start", lanes, points, strike)


def test_afterwards_each_panel_has_one_result_of_each_job(panels):
    for lane in panels:
        lane.stop()
        assert check_store(lane.directory / "panel")
