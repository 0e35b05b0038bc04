"""F1 to F3: what the panel costs a request, and how many jobs it can make durable."""
from measure import cpu_seconds, program
from nginx import Nginx
from report import Row, ratio_at_least, ratio_at_most
from running import Agent, Connection, Panel, write

CLIENTS = 64
ROUNDS = 5
SECRETS = {"password": "correct horse battery"}


def lone_panel(directory):
    """A panel with one server that has enrolled and is away, so that nothing but the requests is its work."""
    panel = Panel(directory)
    panel.start()
    Agent(panel).enrol()
    return panel


def load(port, count, status, request):
    return program("bench_load", "requests", port, CLIENTS, count, status, request)


def cpu_per_request(pid, port, count, status, request):
    before = cpu_seconds(pid)
    load(port, count, status, request)
    return (cpu_seconds(pid) - before) / count * 1e6


def beside_nginx(panel, scratch, figure, what, status, request, count, goal, say):
    """Panel and nginx take turns; both get the same bytes, and answer with as many."""
    file = write(scratch / "request", request)
    size = load(panel.port, CLIENTS * 4, status, file)["bytes"]
    nginx = Nginx(scratch / "nginx", size)
    row = Row(figure, what, "µs", [], goal)
    try:
        for _ in range(ROUNDS):
            row.floors.append(cpu_per_request(nginx.process.pid, nginx.port, count * 4, 200, file))
            row.samples.append(cpu_per_request(panel.process.pid, panel.port, count, status, file))
    finally:
        nginx.stop()
    say(f"{what}: {row.value:.1f} µs, nginx {row.floor:.1f} µs")
    return row


def f1(scratch, say):
    panel = lone_panel(scratch / "f1")
    try:
        job = Connection(panel).exchange(panel.order("noop"))["id"]
        return [beside_nginx(panel, scratch, "F1", f"panel CPU, GET {shown}", 200, panel.raw_request("GET", target), 20_000,
                             ratio_at_most(limit), say)
                for shown, target, limit in (("/api/health", "/api/health", 1.5),
                                             ("/api/jobs/{id}", f"/api/jobs/{job}", 4))]
    finally:
        panel.stop()


def f2(scratch, say):
    panel = lone_panel(scratch / "f2")
    try:
        return [beside_nginx(panel, scratch, "F2", f"panel CPU, POST /api/jobs{shown}", 202, panel.order(app, **inputs), 3_000,
                             ratio_at_most(limit), say)
                for shown, app, inputs, limit in (("", "noop", {}, 9), (", one secret", "noop-secret", SECRETS, 18))]
    finally:
        panel.stop()


def f3(scratch, say):
    """Each round has a panel of its own, and its rows are then written once more by the floor."""
    row = Row("F3", "durable submits, 64 clients", "jobs/s", [], ratio_at_least(0.5))
    for turn in range(ROUNDS):
        panel = lone_panel(scratch / f"f3-{turn}")
        try:
            seen = load(panel.port, 4_000, 202, write(scratch / "request", panel.order("noop")))
        finally:
            panel.stop()
        row.samples.append(seen["requests"] / seen["seconds"])
        floor = program("bench_floor_rows", panel.database, scratch / f"rows-{turn}.db")
        row.floors.append(floor["jobs"] / floor["seconds"])
        say(f"F3: {row.samples[-1]:.0f} jobs/s (p99 {seen['p99_us'] / 1000:.1f} ms), floor {row.floors[-1]:.0f}")
    return [row]
