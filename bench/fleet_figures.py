"""F10, and `./dev bench fleet`: what a panel, its queue and the agents cost as the fleet grows. Panel and servers are real, and
so are the agents (keys, TLS, signatures, their ends of the transports) but for their scripts; see bench/fleet/."""
import dataclasses
import datetime
import json
import os
import subprocess
import time

from measure import PROGRAMS, ROOT, cpu_seconds, percentile, rss_mb
from report import Row, at_most, machine
from running import SECRET, Connection, Panel, stop
from servers import Certificates, Postgresql, Rabbitmq, Redis, allow_open_files, check_ports

RESULT = ROOT / "build/bench/fleet.json"
TRANSPORTS = ("http", "redis", "rabbitmq")
F10_AGENTS = 10_000
SETTLE = 25  # until second connections are closed (15 s) and every poll has been through once
IDLE = 20  # two heartbeats of each agent


class Fleet:
    """Simulated agents beside one panel, over one transport ("http", "redis" or "rabbitmq") and one store ("sqlite" or
    "postgresql")."""

    def __init__(self, scratch, transport, store, most, say):
        # An agent has two connections for a moment, or for good.
        open_files = allow_open_files(2 * most + 1000, say)
        check_ports(2 * most)
        self.transport, self.store = transport, store
        self.certificates = Certificates(scratch / "tls")
        scratch.mkdir(exist_ok=True)
        self.queue = self.postgresql = self.panel = self.agents = None
        try:
            if transport == "redis":
                self.queue = Redis(scratch / "redis", self.certificates, open_files - 100)
            elif transport == "rabbitmq":
                self.queue = Rabbitmq(scratch / "rabbitmq", self.certificates)
            if store == "postgresql":
                self.postgresql = Postgresql(scratch / "postgresql")
            settings = [server.panel_settings for server in (self.queue, self.postgresql) if server]
            self.panel = Panel(scratch / "panel", self.certificates, {name: each[name] for each in settings for name in each})
            self.panel.start()
            arguments = [self.panel.url, self.certificates.ca, *([self.queue.url] if self.queue else [])]
            self.agents = subprocess.Popen(
                [PROGRAMS / "bench_fleet", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "SECRET_KEY": SECRET, "API_TOKEN": self.panel.token,
                     "REDIS_ADMINISTRATOR_PASSWORD": self.queue.password if transport == "redis" else ""})
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.agents:
            self.agents.kill()
            self.agents.wait()
        stop(self.panel and self.panel.process)
        for server in (self.queue, self.postgresql):
            if server:
                server.stop()

    def grow(self, count):
        """Until the panel hears so many agents."""
        users = self.tell(f"enrol {count}")["users"]
        if users:
            self.queue.import_definitions({kind: [each for user in users for each in user[kind]] for kind in users[0]})
        return self.tell("connect")

    def tell(self, line):
        print(line, file=self.agents.stdin, flush=True)
        said = self.agents.stdout.readline()
        if not said:
            raise RuntimeError(f"the simulated agents ended, told to {line}")
        answer = json.loads(said)
        if "error" in answer:
            raise RuntimeError(f"{line}: {answer['error']}")
        if answer["refused_parcels"]:
            raise RuntimeError(f"agents refused {answer['refused_parcels']} parcels: {answer['refused']}")
        return answer

    def processes(self):
        found = {"panel": [self.panel.process.pid], "agents": [self.agents.pid]}
        if self.queue:
            found["queue"] = [self.queue.process.pid]
        if self.postgresql:
            found["postgresql"] = self.postgresql.pids()
        return found

    def cpu(self):
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self.processes().items()}

    def memory(self):
        """Of PostgreSQL it would count what its processes share once for each."""
        return {name: rss_mb(pids[0]) for name, pids in self.processes().items() if name != "postgresql"}

    def heartbeat_ages(self):
        """Seconds since the panel last heard each agent."""
        now = datetime.datetime.now(datetime.timezone.utc)
        servers = Connection(self.panel).pages("/api/servers?limit=200")
        return [(now - datetime.datetime.fromisoformat(server["last_seen_at"])).total_seconds() for server in servers]

    def jobs_by_status(self):
        return Connection(self.panel).get("/api/jobs/counts")["by_status"]


class Cores:
    """The processors that each part used while the block ran, as fractions of one."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.used = {}

    def __enter__(self):
        self.before, self.began = self.fleet.cpu(), time.monotonic()
        return self

    def __exit__(self, *_):
        took = time.monotonic() - self.began
        self.used = {name: (after - self.before[name]) / took for name, after in self.fleet.cpu().items()}


@dataclasses.dataclass
class Stage:
    """What was seen with so many agents."""
    agents: int
    transport: str
    store: str
    idle_cores: dict
    busy_cores: dict
    rss_mb: dict
    rss_kb_per_agent: dict
    heartbeat_age_p99_s: float
    heartbeat_age_most_s: float
    jobs: dict
    grow_s: float


def stage(fleet, count, base, rate, seconds, settle, idle, say):
    began = time.monotonic()
    grown = fleet.grow(count)
    grow_s = time.monotonic() - began
    say(f"{count:,} agents enrolled and connected in {grow_s:.0f} s; {settle + idle} s idle")
    time.sleep(settle)
    with Cores(fleet) as quiet:
        time.sleep(idle)
    memory = fleet.memory()
    ages = fleet.heartbeat_ages()
    before = fleet.jobs_by_status()
    jobs = {}
    busy = Cores(fleet)
    if rate:
        with busy:
            jobs = fleet.tell(f"jobs {rate} {seconds}")
        check_jobs(before, fleet.jobs_by_status(), jobs)
    lost = jobs.get("disconnected", grown["disconnected"])
    if lost:
        say(f"{lost} links were lost meanwhile: {jobs.get('last_reason', grown['last_reason'])}")
    return Stage(count, fleet.transport, fleet.store, quiet.used, busy.used, memory,
                 {name: (memory[name] - base[name]) * 1024 / count for name in memory},
                 percentile(ages, 0.99), max(ages), jobs, grow_s)


def check_jobs(before, after, jobs):
    """Every job that was submitted succeeded, and nothing else is there."""
    if jobs["submits_refused"]:
        raise RuntimeError(f"the panel refused {jobs['submits_refused']} submits: {jobs['why']}")
    grown = {status: after[status] - before.get(status, 0) for status in after if after[status] != before.get(status, 0)}
    if jobs["unfinished"] or grown != {"succeeded": jobs["submitted"]}:
        raise RuntimeError(f"of {jobs['submitted']} jobs {jobs['unfinished']} had no result; by status: {grown}")


# ---- F10

def f10(scratch, say, options):
    agents = options.agents or F10_AGENTS
    fleet = Fleet(scratch, "http", options.store or "sqlite", agents, say)
    try:
        base = fleet.memory()
        seen = stage(fleet, agents, base, 0, 0, SETTLE, IDLE, say)
    finally:
        fleet.stop()
    detail = {"agents": agents, **dataclasses.asdict(seen)}
    what = f"panel, {agents:,} idle agents over TLS"
    cpu = Row("F10", f"{what}: CPU", "% of a core", [seen.idle_cores["panel"] * 100], at_most(25), detail=detail)
    memory = Row("F10", f"{what}: memory", "MB", [seen.rss_mb["panel"]], at_most(400), detail=detail)
    say(f"F10: {cpu.value:.1f} % of a core, {memory.value:.0f} MB ({seen.rss_kb_per_agent['panel']:.1f} kB an agent)")
    return [cpu, memory]


# ---- fleet

COLUMNS = ("agents", "over", "store", "panel idle", "queue idle", "panel busy", "queue busy", "agents busy", "panel MB",
           "queue MB", "kB/agent panel", "queue", "accepted p50/p99 ms", "result p50/p99 ms", "heartbeat p99/most s")


def cells(seen):
    def cores(used, name):
        return f"{used[name]:.3f}" if name in used else "-"

    def pair(name):
        return f"{seen.jobs[name + '_p50_ms']:.1f} / {seen.jobs[name + '_p99_ms']:.1f}" if seen.jobs else "-"
    queue = "queue" in seen.rss_mb
    return [f"{seen.agents:,}", seen.transport, seen.store, cores(seen.idle_cores, "panel"), cores(seen.idle_cores, "queue"),
            cores(seen.busy_cores, "panel"), cores(seen.busy_cores, "queue"), cores(seen.busy_cores, "agents"),
            f"{seen.rss_mb['panel']:.0f}", f"{seen.rss_mb['queue']:.0f}" if queue else "-",
            f"{seen.rss_kb_per_agent['panel']:.1f}", f"{seen.rss_kb_per_agent['queue']:.1f}" if queue else "-",
            pair("accepted"), pair("ended"), f"{seen.heartbeat_age_p99_s:.1f} / {seen.heartbeat_age_most_s:.1f}"]


def table(stages):
    lines = [list(COLUMNS), *map(cells, stages)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)


def sizes(most):
    """100, 1,000, 10,000 and so on, up to `most`, which is the last."""
    found, size = [], 100
    while size < most:
        found.append(size)
        size *= 10
    return [*found, most]


def measure_fleet(scratch, say, options):
    """Fills the table, a transport after the other; what could not be measured is said, and the rest is."""
    most = options.agents or F10_AGENTS
    stages, failed = [], []
    for transport in TRANSPORTS if options.transport == "all" else (options.transport,):
        try:
            fleet = Fleet(scratch / transport, transport, options.store or "sqlite", most, say)
            try:
                base = fleet.memory()
                for count in sizes(most):
                    stages.append(stage(fleet, count, base, options.rate, options.seconds, options.settle, options.idle, say))
                    say("\n" + table(stages[-1:]))
            finally:
                fleet.stop()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            say(f"over {transport}: {error}")
            failed.append(transport)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "rate": options.rate, "not_measured": failed,
                                  "stages": [dataclasses.asdict(each) for each in stages]}, indent=1) + "\n")
    print(table(stages))
    say(f"written to {RESULT.relative_to(ROOT)}")
    return 1 if failed else 0
