"""F12 and F13: what panel and agent hold while nothing happens, and how soon they are there."""
import shutil
import sqlite3
import time

from job_figures import batch, panel_and_agent
from measure import pss_mb
from report import Row, at_most
from running import Connection

ROUNDS = 5
INSTALLERS = 100
PANEL_JOBS = 100_000
AGENT_JOBS = 10_000


def f12(scratch, say):
    panel, agent = panel_and_agent(scratch / "f12")
    rows = [Row("F12", "panel, idle", "MB", [], at_most(30)), Row("F12", "agent, idle, all processes", "MB", [], at_most(12))]
    try:
        time.sleep(3)
        rows[0].samples.append(pss_mb([panel.process.pid]))
        rows[1].samples.append(pss_mb(agent.processes()))
        # Said beside it: what they hold after some work is no goal, but a leak would show.
        batch(panel, agent, Connection(panel), scratch, 400)
        time.sleep(3)
        rows[0].detail["after_400_jobs"] = pss_mb([panel.process.pid])
        rows[1].detail["after_400_jobs"] = pss_mb(agent.processes())
    finally:
        agent.stop()
        panel.stop()
    for row in rows:
        say(f"F12: {row.what}: {row.value:.1f} MB; after 400 jobs {row.detail['after_400_jobs']:.1f} MB")
    return rows


def multiply_jobs(database, wanted):
    """Copies of the jobs that really ran, with their changes, until there are so many at least."""
    with sqlite3.connect(database) as connection:
        def columns(table):
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        ran = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
        # An id is a UUIDv7: its time and version stay, what is random is new.
        connection.execute("CREATE TEMP TABLE copies AS WITH RECURSIVE turn(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM turn "
                           "WHERE n < ?) SELECT id AS old, CAST(substr(id, 1, 9) || randomblob(7) AS BLOB) AS new "
                           "FROM jobs, turn", (-(-wanted // ran) - 1,))
        for table, key in (("jobs", "id"), ("changes", "job_id")):
            copied = ", ".join("copies.new" if column == key else f"t.{column}" for column in columns(table))
            connection.execute(f"INSERT INTO {table} SELECT {copied} FROM {table} t JOIN copies ON copies.old = t.{key}")


def f13(scratch, say):
    panel, agent = panel_and_agent(scratch / "f13", parallel=4)
    rows = [Row("F13", "panel ready, 100 installers, 100,000 jobs", "ms", [], at_most(150)),
            Row("F13", "agent ready, 10,000 journalled jobs", "ms", [], at_most(300))]
    try:
        say(f"F13: running {AGENT_JOBS:,} jobs, so that they are in the agent's journal")
        batch(panel, agent, Connection(panel), scratch, AGENT_JOBS)
        for _ in range(ROUNDS):
            agent.stop()
            rows[1].samples.append(agent.start() * 1000)
        say(f"F13: agent: {rows[1].value:.0f} ms")
        agent.stop()
        panel.stop()
        for number in range(INSTALLERS - len(list(panel.installers.iterdir()))):
            copy = panel.installers / f"noop-{number}"
            shutil.copytree(panel.installers / "noop", copy)
            manifest = copy / "manifest.yml"
            manifest.write_text(manifest.read_text().replace("id: noop", f"id: noop-{number}"))
        multiply_jobs(panel.database, PANEL_JOBS)
        for _ in range(ROUNDS):
            rows[0].samples.append(panel.start() * 1000)
            valid = [each["valid"] for each in Connection(panel).get("/api/installers?limit=200")["items"]]
            panel.stop()
            if len(valid) != INSTALLERS or not all(valid):
                raise RuntimeError(f"of {INSTALLERS} installers {len(valid)} are listed and {sum(valid)} valid")
        say(f"F13: panel: {rows[0].value:.0f} ms")
    finally:
        agent.stop()
        panel.stop()
    return rows
