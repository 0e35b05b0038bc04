"""F4 to F6: the way of a job from the submit to its script, and what the agent costs."""
import os
import time

from measure import ROOT, percentile, program
from report import Row, ratio_at_least, ratio_at_most
from running import AGENT, Agent, Connection, Panel, wait_for, write

ROUNDS = 5
NOOP = ROOT / "bench/installers/noop/install.sh"
MARKS = ROOT / "bench/installers/marks/install.sh"


def panel_and_agent(directory, parallel=1):
    panel = Panel(directory)
    panel.start()
    agent = Agent(panel)
    agent.enrol()
    agent.start(parallel)
    return panel, agent


def idle(connection):
    server = connection.get(f"/api/servers/{AGENT}")
    return server["queue_depth"] == 0 and server["running_jobs"] == 0


# ---- F4

def marks_of(file):
    return [float(line) * 1000 for line in file.read_text().split()]


def floor_delays(scratch, count):
    marks = scratch / "floor-marks"
    marks.unlink(missing_ok=True)
    began = program("bench_floor_spawn", "submit", MARKS, count, scratch / "floor-journal",
                    env={**os.environ, "MARK": str(marks)})
    return [mark - int(line) / 1000 for mark, line in zip(marks_of(marks), began.split(), strict=True)]


def submit_delays(connection, scratch, count):
    """Milliseconds; each job is over, and everything about it told, before the next is submitted."""
    marks = scratch / "marks"
    marks.write_text("")
    request = connection.panel.order("marks", mark=str(marks))
    began = []
    for turn in range(count):
        began.append(time.time() * 1000)
        job = connection.exchange(request)["id"]
        wait_for(lambda: len(marks_of(marks)) > turn, what="the script", pause=0.001)
        wait_for(lambda: connection.get(f"/api/jobs/{job}")["status"] == "succeeded", what="the job's end", pause=0.005)
        time.sleep(0.02)
    return [mark - start for mark, start in zip(marks_of(marks), began, strict=True)]


def f4(scratch, say):
    panel, agent = panel_and_agent(scratch / "f4")
    rows = [Row("F4", f"submit to the script's start, {name}", "ms", [], ratio_at_most(limit))
            for name, limit in (("p50", 1.5), ("p99", 4))]
    shares = (0.5, 0.99)
    try:
        connection = Connection(panel)
        submit_delays(connection, scratch, 20)
        for _ in range(ROUNDS):
            floors = floor_delays(scratch, 200)
            delays = submit_delays(connection, scratch, 200)
            for row, share in zip(rows, shares):
                row.floors.append(percentile(floors, share))
                row.samples.append(percentile(delays, share))
            say(f"F4: p50 {rows[0].samples[-1]:.2f} ms, floor {rows[0].floors[-1]:.2f}; "
                f"p99 {rows[1].samples[-1]:.2f} ms, floor {rows[1].floors[-1]:.2f}")
    finally:
        agent.stop()
        panel.stop()
    return rows


# ---- F5 and F6, from the same runs

JOBS = 400


def batch(panel, agent, connection, scratch, count):
    """Seconds from the first submit until the panel knows of every end, and the agent's CPU seconds, scripts included."""
    request = write(scratch / "request", panel.order("noop"))
    before = agent.cpu_seconds()
    began = time.monotonic()
    program("bench_load", "requests", panel.port, 8, count, 202, request)
    wait_for(lambda: idle(connection), 60 + count / 5, "the end of the jobs", pause=0.02)
    took = time.monotonic() - began
    time.sleep(0.5)  # what follows an end (its log's text, its tidying) is part of its cost
    return took, agent.cpu_seconds() - before


def f5_f6(scratch, say):
    panel, agent = panel_and_agent(scratch / "f6")
    cpu = {parallel: Row("F5", f"agent CPU a no-op job, {parallel} in parallel", "ms", [], ratio_at_most(limit))
           for parallel, limit in ((1, 0.9), (4, 0.65))}
    rate = {parallel: Row("F6", f"no-op jobs, {parallel} in parallel", "jobs/s", [], ratio_at_least(0.55))
            for parallel in (1, 2, 4)}
    try:
        for _ in range(ROUNDS):
            for parallel, speed in rate.items():
                agent.stop()
                agent.start(parallel)
                connection = Connection(panel)
                batch(panel, agent, connection, scratch, 20)
                floor = program("bench_floor_spawn", "loop", NOOP, JOBS, parallel)
                took, used = batch(panel, agent, connection, scratch, JOBS)
                speed.floors.append(JOBS / floor["seconds"])
                speed.samples.append(JOBS / took)
                # The script's own CPU is the floor's: a process of the same file, run just before.
                own = (used - floor["script_cpu"]) / JOBS * 1000
                say(f"F6: {parallel} in parallel: {speed.samples[-1]:.0f} jobs/s, floor {speed.floors[-1]:.0f}; "
                    f"agent {own:.2f} ms a job")
                if parallel in cpu:
                    cpu[parallel].floors.append((floor["own_cpu"] + floor["script_cpu"]) / JOBS * 1000)
                    cpu[parallel].samples.append(own)
    finally:
        agent.stop()
        panel.stop()
    return [*cpu.values(), *rate.values()]
