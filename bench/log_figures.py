"""F7: a script that prints as fast as it can, its log masked, framed, stored, and read live by one reader."""
import json
import os
import subprocess
import threading
import time

from job_figures import panel_and_agent
from measure import PROGRAMS, ROOT, pss_mb
from report import Row, at_most, ratio_at_most
from running import Connection, write

LINES = 1_000_000
ROUNDS = 3
SECRETS = {"first_password": "correct horse battery", "second_password": "Tr0ub4dor&3/zebra"}


class Memory(threading.Thread):
    """The most that a set of processes held at once, looked at every 200 ms."""

    def __init__(self, processes):
        super().__init__()
        self.processes = processes
        self.ended = threading.Event()
        self.before = self.most = pss_mb(processes())

    def run(self):
        while not self.ended.wait(0.2):
            self.most = max(self.most, pss_mb(self.processes()))

    def grown(self):
        self.ended.set()
        self.join()
        return self.most - self.before


def floor_seconds(scratch, by_program):
    command = [PROGRAMS.parent / "bench/bench_print_lines", str(LINES)] if by_program else \
        ["/bin/bash", ROOT / "bench/installers/lines/install.sh"]
    environment = {**os.environ, "AMOUNT": str(LINES), "BY_PROGRAM": "false"}
    began = time.monotonic()
    with open(scratch / "printed", "wb") as into:
        printer = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        subprocess.run(["cat"], stdin=printer.stdout, stdout=into, check=True)
        printer.wait()
    took = time.monotonic() - began
    (scratch / "printed").unlink()
    return took


def job_seconds(panel, scratch, by_program):
    """From the submit until the reader has seen the last line and the end."""
    connection = Connection(panel)
    order = panel.order("lines", amount=LINES, by_program=by_program, **SECRETS)
    began = time.monotonic()
    job = connection.exchange(order)["id"]
    request = write(scratch / "request", panel.raw_request("GET", f"/api/jobs/{job}/stream", accept="text/event-stream"))
    read = json.loads(subprocess.run([PROGRAMS / "bench_load", "stream", str(panel.port), request], check=True,
                                     capture_output=True, text=True).stdout)
    ended = connection.get(f"/api/jobs/{job}")
    log = ended["log"]
    whole = ended["status"] == "succeeded" and log["complete"] and log["dropped_bytes"] == 0 and read["lines"] == LINES
    if not whole:
        raise RuntimeError(f"the log is not whole: {ended['status']}, {log}, and the reader saw {read['lines']} lines")
    return read["ended_at"] - began


def f7(scratch, say):
    panel, agent = panel_and_agent(scratch / "f7")
    rows = []
    panel_memory = Row("F7", "panel memory grown meanwhile", "MB", [], at_most(32))
    agent_memory = Row("F7", "agent memory grown meanwhile", "MB", [], at_most(32))
    try:
        for by_program, what, limit in ((False, "bash", 2), (True, "a C program", 5)):
            row = Row("F7", f"{LINES:,} lines from {what}, streamed", "s", [], ratio_at_most(limit))
            for _ in range(ROUNDS):
                row.floors.append(floor_seconds(scratch, by_program))
                memory = [Memory(lambda: [panel.process.pid]), Memory(agent.processes)]
                for each in memory:
                    each.start()
                row.samples.append(job_seconds(panel, scratch, by_program))
                for each, grown in zip(memory, (panel_memory, agent_memory)):
                    grown.samples.append(each.grown())
                say(f"F7: {what}: {row.samples[-1]:.2f} s, floor {row.floors[-1]:.2f} s; memory grew by "
                    f"{panel_memory.samples[-1]:.0f} MB (panel), {agent_memory.samples[-1]:.0f} MB (agent)")
            rows.append(row)
    finally:
        agent.stop()
        panel.stop()
    return [*rows, panel_memory, agent_memory]
