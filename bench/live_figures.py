"""F9: many readers of one job's stream, over plain http and over TLS."""
import json
import os
import subprocess
import time

from measure import PROGRAMS, percentile, pss_mb
from report import Row, at_most
from running import Agent, Connection, Panel, wait_for
from servers import Certificates, allow_open_files, check_ports

READERS = 5_000
LINES = 1_500  # a hundred a second


def read_live(directory, certificates, tls, readers, say):
    """What bench_readers says, and how much the panel grew for each reader (kB): idle, and at most while lines came."""
    panel = Panel(directory, certificates if tls else None)
    agent = client = None
    try:
        panel.start()
        agent = Agent(panel)
        agent.enrol()
        agent.start()
        begin = directory / "begin"
        connection = Connection(panel)
        job = connection.exchange(panel.order("ticks", begin=str(begin), amount=LINES))["id"]
        wait_for(lambda: connection.get(f"/api/jobs/{job}")["status"] == "running", what="the script")
        before = pss_mb([panel.process.pid])
        client = subprocess.Popen([PROGRAMS / "bench_readers", panel.url, certificates.ca, job, str(readers)],
                                  env={**os.environ, "API_TOKEN": panel.token}, stdout=subprocess.PIPE, text=True)
        if client.stdout.readline() != "open\n":
            raise RuntimeError("the readers could not all be opened")
        time.sleep(2)
        idle = pss_mb([panel.process.pid])
        begin.touch()
        most = []
        while client.poll() is None:
            most.append(pss_mb([panel.process.pid]))
            time.sleep(0.5)
        seen = json.loads(client.stdout.read())
    finally:
        for process in (client, agent and agent.process, panel.process):
            if process and process.poll() is None:
                process.terminate()
                process.wait(30)
    if seen["lines"] != LINES * readers:
        raise RuntimeError(f"{readers:,} readers got {seen['lines']:,} lines, and not {LINES * readers:,}")
    seen["idle_kb"], seen["busy_kb"] = ((memory - before) * 1024 / readers for memory in (idle, percentile(most, 0.99)))
    say(f"F9: {readers:,} readers{' over TLS' if tls else ''}: p50 {seen['p50_ms']} ms, p99 {seen['p99_ms']} ms; "
        f"{seen['idle_kb']:.1f} kB each at rest, {seen['busy_kb']:.1f} at most")
    return seen


def f9(scratch, say, options):
    readers = options.readers or READERS
    allow_open_files(readers + 1000, say)
    check_ports(readers)
    certificates = Certificates(scratch / "tls")
    rows = []
    for tls, name, kilobytes in ((False, "readers", 8), (True, "readers over TLS", 24)):
        seen = read_live(scratch / f"f9-{name.replace(' ', '-')}", certificates, tls, readers, say)
        what = f"{readers:,} {name} of 100 lines/s"
        rows += [Row("F9", f"{what}: p99", "ms", [seen["p99_ms"]], at_most(250), detail=seen),
                 Row("F9", f"{what}: memory for each", "kB", [seen["busy_kb"]], at_most(kilobytes), detail=seen)]
    return rows
