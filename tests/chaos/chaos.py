#!/usr/bin/env python3
"""Panels, agents, Redis and PostgreSQL are killed, stopped, cut off and started without data while thousands of jobs run; then what they
left behind is held to what was promised: each accepted job came to one end, none ran twice, no line of a log is missing.

Usage: chaos.py [--jobs N] [--minutes N] [--seed N] [--keep]

Jobs are submitted until there are N of them, or for so many minutes; with both, until the first of the two. Without either there are
2,000. The seed decides which faults happen and in which order; when they meet which
job is up to the machine. Exits 1 where something is wrong, and says what; --keep leaves everything where it is then.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/e2e"), str(ROOT / "tests/history")]
import history  # noqa: E402
from basics import free_port, wait_for  # noqa: E402
from postgresql_server import PostgresqlServer  # noqa: E402
from redis_server import RedisServer  # noqa: E402

BIN = ROOT / "build/release"
SECRET = "chaos-secret-key-of-more-than-32-bytes!"
PANELS, AGENTS, CLIENTS = 3, 5, 16
BACKLOG = 200  # jobs that have not begun: more are submitted only then, so that faults meet submits to the end
SETTLE = 240  # seconds, after the last fault; a job is sent again after 30, a stopped panel's share taken over after 10
LEAST_JOBS, LEAST_FAULTS = 100, 5
ACTIVE = {"queued", "dispatched", "accepted", "running", "retry_wait"}

MANIFEST = {
    "id": "chaos", "name": "Chaos", "version": "1.0", "description": "Ends as it is told to", "category": "testing",
    "author": "The provisioning project", "os_requirements": {"family": ["debian", "ubuntu"]}, "timeout_seconds": 60,
    "idempotent": True,
    "inputs": [{"name": "ending", "type": "select", "label": "Ending", "required": True,
                "validation": {"allowed_values": ["succeed", "retry", "refuse", "hang"]}},
               {"name": "lines_to_print", "type": "integer", "label": "Lines", "default": 3}],
}
SCRIPT = """#!/bin/bash
echo "$PROVISIONING_JOB_ID $PROVISIONING_ATTEMPT $PROVISIONING_ACTION" >>{witness}
set -euo pipefail
for ((i = 1; i <= LINES_TO_PRINT; i++)); do echo "line $i of $PROVISIONING_JOB_ID"; done
case $ENDING in
  retry) if [ "$PROVISIONING_ATTEMPT" -lt 2 ]; then exit 2; fi ;;
  refuse) exit 3 ;;
  hang) sleep 3 ;;
esac
"""
# How often each ending is asked for, of a hundred.
ENDINGS = {"succeed": 79, "retry": 10, "refuse": 8, "hang": 3}


class Process:
    """One that is started again and again, under the same name."""

    def __init__(self, name, command, environment, log):
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.lock = threading.Lock()
        self.process = None

    def start(self):
        with self.lock, open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)

    def signal(self, number):
        with self.lock:
            if self.process.poll() is None:
                self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait(20)

    def end(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self.process.wait(60)

    def children(self):
        try:
            found = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        except OSError:
            return []
        return [int(child) for child in found.split()]


class Cable:
    """What lies between a program and a server of 127.0.0.1: a process for each connection, which can be stopped (nothing passes, and
    nobody is told) or killed."""

    def __init__(self, name, to):
        self.name, self.to, self.port = name, to, free_port()
        self.process = None

    def lay(self):
        listens = f"TCP-LISTEN:{self.port},bind=127.0.0.1,reuseaddr,fork,backlog=64"
        self.process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", "socat", listens, f"TCP:127.0.0.1:{self.to}"],
                                        stderr=subprocess.DEVNULL, start_new_session=True)

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def tear(self):
        """Of each connection there is; new ones can be made."""
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def remove(self):
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.wait(20)

    def url(self, of_server):
        """Through the cable."""
        return of_server.replace(f":{self.to}", f":{self.port}")


class Fleet:
    def __init__(self, directory):
        self.directory = directory
        self.witness = directory / "witness"
        self.witness.touch()
        self.installers = directory / "installers"
        installer = self.installers / "chaos"
        installer.mkdir(parents=True)
        (installer / "manifest.yml").write_text(json.dumps(MANIFEST))
        (installer / "install.sh").write_text(SCRIPT.replace("{witness}", str(self.witness)))
        (installer / "install.sh").chmod(0o755)
        self.library = directory / "provisioning.sh"
        shutil.copy(ROOT / "packaging/lib/provisioning.sh", self.library)
        self.postgresql = PostgresqlServer.founded()
        self.redis = RedisServer(directory / "redis", "of-chaos")
        self.ports = [free_port() for _ in range(PANELS)]
        self.to_postgresql = [Cable(f"panel {i + 1} to PostgreSQL", self.postgresql.port) for i in range(PANELS)]
        self.to_redis = [Cable(f"panel {i + 1} to Redis", self.redis.port) for i in range(PANELS)]
        self.agents_to_redis = [Cable(f"agent {i + 1} to Redis", self.redis.port) for i in range(AGENTS)]
        self.panels = [Process(f"panel {i + 1}", [BIN / "provisioning-panel"], self.panel_environment(i), directory / f"panel-{i}.err")
                       for i in range(PANELS)]
        self.agents = [Process(f"agent {i + 1}", self.agent_command(i), self.agent_environment(i), directory / f"agent-{i}.err")
                       for i in range(AGENTS)]
        self.token = None

    def panel_environment(self, i):
        return {"PATH": os.environ["PATH"], "SECRET_KEY": SECRET, "STATE_DIR": str(self.directory / f"panel-{i}"),
                "INSTALLERS_DIR": str(self.installers), "LOG_DIR": str(self.directory / f"panel-{i}-log"),
                "PANEL_LISTEN": f"127.0.0.1:{self.ports[i]}", "DATABASE_URL": self.to_postgresql[i].url(self.postgresql.url()),
                "REDIS_URL": self.to_redis[i].url(self.redis.url)}

    def agent_environment(self, i):
        return {"PATH": os.environ["PATH"], "REDIS_URL": self.agents_to_redis[i].url(self.redis.url)}

    def cables(self):
        return [*self.to_postgresql, *self.to_redis, *self.agents_to_redis]

    @staticmethod
    def agent_id(i):
        return f"agent-{i + 1}"

    def agent_state(self, i):
        return self.directory / self.agent_id(i)

    def agent_command(self, i):
        return [BIN / "provisioning-agent", "--panel-url", f"http://127.0.0.1:{self.ports[0]}", "--agent-id", self.agent_id(i),
                "--state-dir", self.agent_state(i), "--installers-dir", self.installers, "--log-dir", self.directory / f"agent-{i}-log",
                "--app-state-dir", self.directory / f"apps-{i}", "--provisioning-lib", self.library, "--net-user", "nobody"]

    def tool(self, *arguments, text=None):
        return subprocess.run([BIN / "provisioning-panel", *arguments], env=self.panel_environment(0), check=True, input=text,
                              capture_output=True, text=True).stdout.strip()

    def start(self):
        self.redis.start()
        for cable in self.cables():
            cable.lay()
        for panel in self.panels:
            panel.start()
        wait_for(lambda: all(self.ready(i) for i in range(PANELS)), 60, "the panels")
        self.token = self.tool("token", "create", "--name", "chaos")
        for i, agent in enumerate(self.agents):
            token = self.directory / f"token-{i}"
            token.write_text(self.tool("enroll-token", self.agent_id(i)))
            subprocess.run([BIN / "provisioning-agent", "enroll", "--panel", f"http://127.0.0.1:{self.ports[0]}", "--token-file", token,
                            "--id", self.agent_id(i), "--state-dir", self.agent_state(i)], check=True, capture_output=True)
            agent.start()
        wait_for(lambda: all(self.online(self.agent_id(i)) for i in range(AGENTS)), 60, "the agents")

    def ready(self, i):
        try:
            return self.call(i, "GET", "/api/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def online(self, agent):
        return self.call(0, "GET", f"/api/servers/{agent}")[1]["status"] == "online"

    def call(self, panel, method, target, body=None, headers=None, timeout=8):
        """(status, body) of a panel, or OSError or HTTPException where it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[panel], timeout=timeout)
        try:
            sent = {"Content-Type": "application/json"} | (headers or {})
            if self.token:
                sent["Authorization"] = f"Bearer {self.token}"
            connection.request(method, target, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else None
        finally:
            connection.close()

    def everything(self):
        return [*self.panels, *self.agents]


class Faults:
    """One fault after the other. What was stopped goes on, what was killed is started again, after a moment. All by the main
    thread: PostgreSQL ends with the thread that started it."""

    def __init__(self, fleet, chance):
        self.fleet, self.chance = fleet, chance
        self.happened = collections.Counter()
        self.kinds = {self.kill_panel: 5, self.stop_panel: 2, self.kill_agent: 6, self.kill_network: 4, self.cut_off_agent: 3,
                      self.lose_redis: 3, self.stop_redis: 2, self.kill_postgresql: 3, self.cut_cable: 5, self.tear_cable: 3}

    def one(self):
        self.pause(0.1, 1.5)
        fault = self.chance.choices(list(self.kinds), self.kinds.values())[0]
        self.happened[fault.__name__] += 1
        fault()

    def pause(self, least, most):
        time.sleep(self.chance.uniform(least, most))

    def kill_panel(self):
        self.killed(self.chance.choice(self.fleet.panels))

    def kill_agent(self):
        self.killed(self.chance.choice(self.fleet.agents))

    def killed(self, process):
        process.kill()
        self.pause(0, 2)
        process.start()

    def stop_panel(self):
        panel = self.chance.choice(self.fleet.panels)
        panel.signal(signal.SIGSTOP)
        self.pause(0.5, 4)
        panel.signal(signal.SIGCONT)

    def network_of(self, agent):
        for child in agent.children():
            try:
                if b"net-role" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
            except OSError:
                pass
        return None

    def kill_network(self):
        self.to_network(signal.SIGKILL)

    def to_network(self, *signals):
        child = self.network_of(self.chance.choice(self.fleet.agents))
        for number in signals:
            try:
                if child:
                    os.kill(child, number)
            except ProcessLookupError:
                return
            if number == signal.SIGSTOP:
                self.pause(0.5, 5)

    def cut_off_agent(self):
        self.to_network(signal.SIGSTOP, signal.SIGCONT)

    def cut_cable(self):
        """For a moment, or for longer than whoever waits at its ends is patient."""
        cable = self.chance.choice(self.fleet.cables())
        cable.signal(signal.SIGSTOP)
        self.pause(*self.chance.choice(((0.5, 4), (0.5, 4), (8, 14))))
        cable.signal(signal.SIGCONT)

    def tear_cable(self):
        self.chance.choice(self.fleet.cables()).tear()

    def lose_redis(self):
        """It comes back empty."""
        self.fleet.redis.kill()
        self.pause(0, 2)
        self.fleet.redis.start()

    def stop_redis(self):
        self.fleet.redis.process.send_signal(signal.SIGSTOP)
        self.pause(0.5, 4)
        self.fleet.redis.process.send_signal(signal.SIGCONT)

    def kill_postgresql(self):
        self.fleet.postgresql.stop()
        self.pause(0, 2)
        self.fleet.postgresql.start()


class Client(threading.Thread):
    """Submits jobs to any panel, each until one has accepted it, and cancels some of them."""

    def __init__(self, fleet, seed, wanted, backlog):
        super().__init__(daemon=True)
        self.fleet, self.chance, self.wanted, self.backlog = fleet, random.Random(seed), wanted, backlog
        self.accepted = []
        self.canceled = []  # before or after they began
        self.again = 0  # requests that had to be made once more
        self.failure = None

    def run(self):
        try:
            while self.wanted():
                self.wait_for_room()
                job = self.submit()
                self.accepted.append(job)
                if self.chance.random() < 0.08:
                    time.sleep(self.chance.uniform(0, 1))
                    self.insist("POST", f"/api/jobs/{job}/cancel", None, (202, 409))
                    self.canceled.append(job)
        except BaseException as error:
            self.failure = error

    def wait_for_room(self):
        until = time.monotonic() + SETTLE
        while self.backlog() > BACKLOG:
            if time.monotonic() > until:
                raise AssertionError(f"more than {BACKLOG} jobs wait, and for {SETTLE} s too few of them have begun")
            time.sleep(0.1)

    def submit(self):
        ending = self.chance.choices(list(ENDINGS), ENDINGS.values())[0]
        body = {"app_id": "chaos", "server_id": self.fleet.agent_id(self.chance.randrange(AGENTS)),
                "inputs": {"ending": ending, "lines_to_print": self.chance.choice((0, 3, 3, 40, 2000))}}
        return self.insist("POST", "/api/jobs", body, (202,), {"Idempotency-Key": str(uuid.UUID(int=self.chance.getrandbits(128)))})["id"]

    def insist(self, method, target, body, wanted, headers=None):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                status, answer = self.fleet.call(self.chance.randrange(PANELS), method, target, body, headers)
            except (OSError, http.client.HTTPException):
                status, answer = None, None
            if status in wanted:
                return answer
            if status is not None and status not in (429, 503):
                raise AssertionError(f"{method} {target} was answered {status}: {answer}")
            self.again += 1
            time.sleep(self.chance.uniform(0.02, 0.3))
        raise AssertionError(f"{method} {target} was answered by no panel in two minutes")


class Countdown:
    """How many jobs are still to be made, and until when; None is for ever."""

    def __init__(self, jobs, until):
        self.left, self.until, self.lock = jobs, until, threading.Lock()

    def __call__(self):
        if self.until is not None and time.monotonic() > self.until:
            return False
        if self.left is None:
            return True
        with self.lock:
            self.left -= 1
            return self.left >= 0


def statuses(fleet, jobs):
    """Of each job, asked of any panel."""
    found = {}
    for number, job in enumerate(jobs):
        status, answer = fleet.call(number % PANELS, "GET", f"/api/jobs/{job}")
        found[job] = answer["status"] if status == 200 else f"answered {status}"
    return found


def begun(fleet):
    return {line.split()[0] for line in fleet.witness.read_text().splitlines()}


def waiting(fleet, clients):
    """Of the jobs accepted so far, those that are still to begin. One that was canceled may never."""
    return ({job for client in clients for job in client.accepted} - begun(fleet)
            - {job for client in clients for job in client.canceled})


def disturb(fleet, clients, faults, say):
    """Until all jobs are submitted and few are still to be begun, or that takes too long."""
    late = None
    while True:
        faults.one()
        accepted = sum(len(client.accepted) for client in clients)
        say(f"{accepted} jobs accepted, {len(begun(fleet))} have begun, {faults.happened.total()} faults")
        if any(client.is_alive() for client in clients):
            continue
        late = late or time.monotonic() + 90
        if len(waiting(fleet, clients)) < 0.15 * accepted or time.monotonic() > late:
            return


def settle(fleet, jobs, say):
    """The statuses of all jobs, once none is active; what still is after the deadline is wrong."""
    until = time.monotonic() + SETTLE
    found = statuses(fleet, jobs)
    while time.monotonic() < until:
        open_ = [job for job, status in found.items() if status in ACTIVE]
        if not open_:
            break
        time.sleep(2)
        found |= statuses(fleet, open_)
        say(f"{len(open_)} jobs are not over yet")
    return found


def broken_promises(jobs, found, stored):
    """Of the jobs that clients were told of, how the panels call them, and the store's rows: what only they can tell together."""
    wrong = [f"{job}: {status}, though nothing has been killed for {SETTLE} s" for job, status in found.items()
             if status in ACTIVE or status.startswith("answered")]
    wrong += [f"{job}: accepted, and the store has no such job" for job in jobs if job not in stored]
    wrong += [f"{job}: nobody was told that it was accepted" for job in stored if job not in jobs]
    wrong += [f"{job}: {row['status']} without a reason" for job, row in stored.items()
              if row["status"] in history.PARKED and not row["status_reason"]]
    return wrong


def too_little(jobs, faults):
    """What a run without jobs or without faults proves."""
    return [f"{jobs} jobs and {faults} faults: that proves nothing"] if jobs < LEAST_JOBS or faults < LEAST_FAULTS else []


def look_back(fleet, jobs, found):
    """What is wrong with what they left behind."""
    backup = fleet.directory / "backup"
    fleet.tool("backup", str(backup))
    more, seen = history.check(backup, fleet.witness, {fleet.agent_id(i): fleet.agent_state(i) for i in range(AGENTS)})
    return broken_promises(jobs, found, history.Store(backup).jobs) + more, seen


def run(directory, jobs, minutes, seed, say):
    """What is wrong, and what happened, as one sentence."""
    chance = random.Random(seed)
    fleet = Fleet(directory)
    began = time.monotonic()
    try:
        fleet.start()
        wanted = Countdown(jobs, time.monotonic() + 60 * minutes if minutes else None)
        clients = []
        clients += [Client(fleet, chance.random(), wanted, lambda: len(waiting(fleet, clients))) for _ in range(CLIENTS)]
        faults = Faults(fleet, chance)
        for client in clients:
            client.start()
        disturb(fleet, clients, faults, say)
        failures = [client.failure for client in clients if client.failure]
        if failures:
            raise failures[0]
        accepted = [job for client in clients for job in client.accepted]
        wait_for(lambda: all(fleet.ready(i) for i in range(PANELS)), 60, "the panels, after the last fault")
        found = settle(fleet, accepted, say)
        for process in fleet.everything():
            process.end()
        wrong, seen = look_back(fleet, accepted, found)
        wrong += too_little(len(accepted), faults.happened.total())
        again = sum(client.again for client in clients)
        ends = ", ".join(f"{count} {status}" for status, count in sorted(collections.Counter(found.values()).items()))
        kinds = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(faults.happened.items()))
        return wrong, (f"{len(accepted)} jobs accepted ({again} requests made once more): {ends}; {faults.happened.total()} faults: "
                       f"{kinds}; {seen}; {time.monotonic() - began:.0f} s")
    finally:
        for process in fleet.everything():
            if process.process and process.process.poll() is None:
                process.signal(signal.SIGCONT)
                process.kill()
        for cable in fleet.cables():
            cable.remove()
        fleet.redis.kill()
        fleet.postgresql.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    if given.jobs is None and given.minutes is None:
        given.jobs = 2000
    print(f"# seed {given.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="chaos."))
    directory.chmod(0o755)
    began = time.monotonic()
    wrong, happened = run(directory, given.jobs, given.minutes, given.seed,
                          lambda text: print(f"# {time.monotonic() - began:4.0f} s: {text}", flush=True))
    print(f"# {happened}")
    for sentence in wrong:
        print(sentence)
    if wrong and given.keep:
        print(f"# all of it is in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
