"""F11: the lists of jobs, page by page, in a long history. It is made of a job that simulated agents really ran: its rows are
written again and again, by SQL, as other jobs of other servers, applications and people, with other ends."""
import contextlib
import dataclasses
import datetime
import itertools
import random
import re
import sqlite3
import subprocess
import time

from fleet_figures import Fleet
from measure import percentile
from report import Row, at_most, ratio_at_most
from running import Connection

JOBS = 1_000_000
DAYS = 300  # over which they are spread; kept for 365
SERVERS, APPS, USERS = 1000, 40, 20
# Of a thousand jobs, up to and excluding: the status, and how the action is spread.
STATUSES = ((900, "succeeded"), (960, "failed"), (980, "canceled"), (990, "timed_out"), (997, "rejected"), (999, "lost"),
            (1000, "expired"))
ACTIONS = ((800, "check"), (980, "install"), (1000, "uninstall"))
PAGES = 12  # that are read in a row
STARTS = 8  # at which reading begins, the newest job being one
LEAST = 100  # requests for each filter, or its p99 would be its first, which reads what nobody had in memory
MANY = 2_000_000  # beyond, the goal is issue-sized histories' own
GOAL_MS, GOAL_MS_MANY = 20, 50

# Every filter of GET /api/jobs, common and rare, and those that people and pages put together.
FILTERS = (
    {}, {"app_id": "app-7"}, {"server_id": "server-42"}, {"user": "user-3"}, {"action": "check"}, {"action": "uninstall"},
    {"status": "succeeded"}, {"status": "failed"}, {"status": "expired"}, {"status": ("failed", "timed_out", "lost")},
    {"status": "running"},
    {"server_id": "server-42", "app_id": "app-2"}, {"server_id": "server-42", "status": "failed"},
    {"server_id": "server-42", "action": "uninstall"}, {"server_id": "server-42", "user": "user-3"},
    {"app_id": "app-7", "status": "failed"}, {"app_id": "app-7", "status": "expired"}, {"app_id": "app-7", "action": "uninstall"},
    {"app_id": "app-7", "user": "user-7"}, {"app_id": "app-7", "user": "user-3"},
    {"user": "user-3", "status": "failed"}, {"user": "user-3", "status": "expired"}, {"user": "user-3", "action": "uninstall"},
    {"action": "uninstall", "status": "failed"}, {"action": "check", "status": "expired"},
    {"app_id": "app-7", "user": "user-7", "status": ("failed", "lost"), "action": "install"},
)


def pick(choices, number):
    """SQL: what `choices` say for a number below a thousand."""
    return "CASE " + " ".join(f"WHEN {number} < {limit} THEN '{name}'" for limit, name in choices) + " END"


def spread(prime):
    """SQL: a number below a thousand that looks random, and independent of those by other primes."""
    return f"(((n * 617) % {prime}) * 1000 / {prime})"


# What is another in each copy; all else is as it was. `n` counts from 1, `ms` is when the job was made.
COPIED = {
    "app_id": f"'app-' || ({spread(1009)} % {APPS})",
    "server_id": f"'server-' || {spread(7919)}",
    "user_id": f"'user-' || ({spread(1013)} % {USERS})",
    "action": pick(ACTIONS, spread(1019)),
    "status": pick(STATUSES, spread(1021)),
    "needs_attention": f"CASE WHEN {pick(STATUSES, spread(1021))} = 'lost' THEN 1 ELSE 0 END",
    "created_at": "ms", "dispatched_at": "ms + 10", "started_at": "ms + 20", "finished_at": "ms + 1000",
}
# The first and the last of its changes.
CHANGES = ({"seq": "1", "at": "ms", "status": "'queued'"},
           {"seq": "seq", "at": "ms + 1000", "status": pick(STATUSES, spread(1021))})
COUNTED = """DELETE FROM app_statistics;
INSERT INTO app_statistics SELECT app_id, count(*), sum(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END),
  sum(CASE WHEN status IN ('failed', 'timed_out') THEN 1 ELSE 0 END), max(created_at) FROM jobs GROUP BY app_id;"""


def copy_of(table, columns, changed):
    """SQL that writes copies of the first job's rows in `table`, for each row of numbered (n, ms, id)."""
    values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM template_{table} t, numbered"


def statements(columns_of, jobs):
    """The copies, after the table `numbered` was made."""
    yield copy_of("jobs", columns_of["jobs"], {**COPIED, "id": "numbered.id"})
    for changed in CHANGES:
        yield copy_of("changes", columns_of["changes"], {**changed, "job_id": "numbered.id"})


class SqliteHistory:
    """The database of a panel that has stopped."""
    unindexed = "+"  # what keeps a condition from choosing the index

    def __init__(self, panel):
        self.path = panel.database

    def make(self, jobs):
        end = int(time.time() * 1000) - 60_000
        step = DAYS * 86_400_000 / jobs
        randomness = random.Random(11)
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            run = connection.execute
            connection.create_function("uuid7", 1, lambda ms: ms.to_bytes(6, "big") + bytes([0x70 | randomness.randrange(16)])
                                       + randomness.randbytes(1) + b"\x80" + randomness.randbytes(7))
            run("PRAGMA cache_size = -400000")
            run("PRAGMA temp_store = MEMORY")
            run("CREATE TEMP TABLE template_jobs AS SELECT * FROM jobs ORDER BY id LIMIT 1")
            run("CREATE TEMP TABLE template_changes AS SELECT * FROM changes WHERE job_id = (SELECT id FROM template_jobs) "
                "ORDER BY seq DESC LIMIT 1")
            run("CREATE TEMP TABLE numbered AS WITH RECURSIVE turn(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM turn WHERE n < ?) "
                "SELECT n, ms, uuid7(ms) AS id FROM (SELECT n, CAST(? - (? - n) * ? AS INTEGER) AS ms FROM turn)",
                (jobs, end, jobs, step))
            # An index is made sooner than it grows.
            indexes = run("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('jobs', 'changes') "
                          "AND sql IS NOT NULL").fetchall()
            for name, _ in indexes:
                run(f"DROP INDEX {name}")
            columns = {table: [row[1] for row in run(f"PRAGMA table_info({table})")] for table in ("jobs", "changes")}
            for statement in statements(columns, jobs):
                run(statement)
            for _, made in indexes:
                run(made)
            for statement in COUNTED.split(";")[:-1]:
                run(statement)

    def count(self):
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute("SELECT count(*) FROM jobs").fetchone()[0]

    @contextlib.contextmanager
    def bare(self):
        """A function that asks the database itself, and says how many milliseconds that took."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            def ask(sql):
                began = time.perf_counter()
                connection.execute(sql).fetchall()
                return (time.perf_counter() - began) * 1000
            yield ask

    def explain(self, sql):
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return "; ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql))

    @staticmethod
    def id(text):
        return f"X'{text.replace('-', '')}'"


class PostgresqlHistory:
    unindexed = ""

    def __init__(self, server):
        self.server = server

    def make(self, jobs):
        end = int(time.time() * 1000) - 60_000
        step = DAYS * 86_400_000 / jobs
        columns = {table: self.server.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
                                          f"AND table_name = '{table}' ORDER BY ordinal_position").split()
                   for table in ("jobs", "changes")}
        indexes = self.server.sql("SELECT indexname || E'\\t' || indexdef FROM pg_indexes WHERE tablename IN ('jobs', 'changes') "
                                  "AND indexname NOT LIKE '%_pkey'").splitlines()
        indexes = [line.split("\t") for line in indexes]
        drop = "".join(f"DROP INDEX {name};" for name, _ in indexes)
        # Nobody is told of them, one by one: no panel runs.
        self.server.sql(f"""SET session_replication_role = replica; SET maintenance_work_mem = '256MB';
BEGIN;
CREATE TEMP TABLE template_jobs AS SELECT * FROM jobs ORDER BY id LIMIT 1;
CREATE TEMP TABLE template_changes AS SELECT * FROM changes WHERE job_id = (SELECT id FROM template_jobs) ORDER BY seq DESC LIMIT 1;
CREATE TEMP TABLE numbered AS SELECT n, ms, (lpad(to_hex(ms), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8'
  || substr(md5(random()::text), 1, 15))::uuid AS id
  FROM (SELECT n, ({end} - ({jobs} - n) * {step})::bigint AS ms FROM generate_series(1::bigint, {jobs}) AS n) AS turns;
{drop}
{"; ".join(statements(columns, jobs))};
{"".join(made + ";" for _, made in indexes)}
{COUNTED}
COMMIT;
VACUUM ANALYZE jobs; VACUUM ANALYZE changes;""")

    def count(self):
        return int(self.server.sql("SELECT count(*) FROM jobs"))

    @contextlib.contextmanager
    def bare(self):
        with subprocess.Popen([self.server.programs / "psql", "-XAtq", self.server.url], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as psql:
            def ask(sql):
                psql.stdin.write(f"\\o /dev/null\n\\timing on\n{sql};\n\\timing off\n\\o\n\\echo done\n")
                psql.stdin.flush()
                took = None
                while (line := psql.stdout.readline()) != "done\n":
                    if line == "":
                        raise RuntimeError("psql ended")
                    if found := re.match(r"Time: ([\d.]+) ms", line):
                        took = float(found.group(1))
                return took
            yield ask
            psql.stdin.close()

    def explain(self, sql):
        lines = self.server.sql("EXPLAIN (COSTS OFF) " + sql).splitlines()
        return "; ".join(line.strip() for line in lines)

    @staticmethod
    def id(text):
        return f"'{text}'"


# ---- what is asked

def query_string(given):
    return "&".join(f"{name}={value}" for name, values in given.items()
                    for value in (values if isinstance(values, tuple) else (values,)))


def time_text(ms):
    return datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def bare_queries(history, given, before):
    """What the store asks: one for each status, where there are several. The first column that is given has the index."""
    conditions, taken = [], False
    for name, column in (("server_id", "server_id"), ("app_id", "app_id"), ("status", None), ("user", "user_id"),
                         ("action", "action")):
        if name in given and column:
            conditions.append(f"{history.unindexed if taken else ''}{column} = '{given[name]}'")
        taken = taken or name in given
    if before:
        conditions.append(f"id < {history.id(before)}")
    statuses = given.get("status")
    for status in statuses if isinstance(statuses, tuple) else (statuses,):
        all_of = [*conditions, *([f"status = '{status}'"] if status else [])]
        yield f"SELECT * FROM jobs {'WHERE ' + ' AND '.join(all_of) if all_of else ''} ORDER BY id DESC LIMIT 51"


@dataclasses.dataclass
class Asked:
    filter: str
    api_ms: list
    bare_ms: list
    found: int
    plan: list


def read_pages(connection, bare, history, given, newest_ms):
    """Pages in a row, from several moments of the history on, each beside the same from the database itself. Where there are few, in
    several rounds."""
    asked = Asked(query_string(given) or "none", [], [], 0, [])
    for start in itertools.cycle(range(STARTS)):
        if start == 0 and len(asked.api_ms) >= LEAST:
            break
        until = "" if start == 0 else f"&until={time_text(newest_ms - start * (DAYS - 1) * 86_400_000 // STARTS)}"
        target = f"/api/jobs?limit=50&{query_string(given)}{until}".replace("&&", "&").rstrip("&")
        cursor, before = None, None
        for _ in range(PAGES):
            page, took = connection.timed_get(f"{target}&cursor={cursor}" if cursor else target)
            asked.api_ms.append(took)
            asked.found += len(page["items"])
            if before or not until:  # the database has no cursor: it is told the id
                asked.bare_ms.append(sum(bare(sql) for sql in bare_queries(history, given, before)))
            if not page["next_cursor"]:
                break
            cursor, before = page["next_cursor"], page["items"][-1]["id"]
    asked.plan = [history.explain(sql) for sql in itertools.islice(bare_queries(history, given, before), 1)]
    return asked


def check_readable(connection, counted, jobs):
    """What was written by SQL is what the panel wrote."""
    if counted < jobs:
        raise RuntimeError(f"the history has {counted:,} jobs, and not {jobs:,}")
    for listed in connection.get("/api/jobs?limit=20&status=succeeded")["items"]:
        if connection.get(f"/api/jobs/{listed['id']}") != listed:
            raise RuntimeError(f"job {listed['id']} is another one by itself than in the list")


def measure_store(scratch, say, store, jobs):
    fleet = Fleet(scratch / store, "http", store, 10, say)
    try:
        fleet.grow(1)
        ran = fleet.tell("jobs 5 1")
        if ran["unfinished"] or not ran["submitted"]:
            raise RuntimeError(f"no job to copy: {ran}")
        fleet.agents.kill()
        fleet.panel.stop()
        history = SqliteHistory(fleet.panel) if store == "sqlite" else PostgresqlHistory(fleet.postgresql)
        began = time.monotonic()
        history.make(jobs)
        say(f"F11: {jobs:,} jobs in {store}, made in {time.monotonic() - began:.0f} s")
        fleet.panel.start()
        connection = Connection(fleet.panel)
        check_readable(connection, history.count(), jobs)
        newest = int(time.time() * 1000) - 60_000
        asked = []
        with history.bare() as bare:
            for given in FILTERS:
                asked.append(read_pages(connection, bare, history, given, newest))
                last = asked[-1]
                say(f"F11: {store}: {last.filter}: p50 {percentile(last.api_ms, 0.5):.1f} ms, "
                    f"p99 {percentile(last.api_ms, 0.99):.1f} ms (bare {percentile(last.bare_ms, 0.5):.1f}, "
                    f"{percentile(last.bare_ms, 0.99):.1f}), {last.found} jobs")
    finally:
        fleet.stop()
    worst = max(asked, key=lambda each: percentile(each.api_ms, 0.99))
    limit = GOAL_MS if jobs <= MANY else GOAL_MS_MANY
    detail = {"jobs": jobs, "filters": [dataclasses.asdict(each) for each in asked]}
    return [Row("F11", f"{jobs:,} jobs, {store}: worst filter's p99 ({worst.filter})", "ms", [percentile(worst.api_ms, 0.99)],
                at_most(limit), detail=detail),
            Row("F11", f"{jobs:,} jobs, {store}: beside the bare SQL", "ms", [percentile(each.api_ms, 0.5) for each in asked],
                ratio_at_most(3), [percentile(each.bare_ms, 0.5) for each in asked])]


def f11(scratch, say, options):
    """Ten million are for PostgreSQL, unless a store is named."""
    jobs = options.jobs or JOBS
    stores = (options.store,) if options.store else ("sqlite", "postgresql") if jobs <= MANY else ("postgresql",)
    rows = []
    for store in stores:
        rows += measure_store(scratch, say, store, jobs)
    return rows
