"""topology.py NAME: packaging/examples/NAME, started for real where nothing else is: in namespaces of its own, in which /etc, /var and
/opt are this machine's with a layer above, and example.com is here. Installs hello from a fresh server; prints what it saw.

tests/e2e/topologies_test.py runs it as root, by `unshare --mount --net --pid --fork --mount-proc`."""
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

from basics import certificates
from rabbitmq_server import RabbitmqServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release"
ETC = pathlib.Path("/etc/provisioning")
ETC_RABBITMQ = pathlib.Path("/etc/rabbitmq")
NAMES = ("panel.example.com", "db.example.com", "redis.example.com", "rabbitmq.example.com")
PANEL_ARGUMENTS = ("--config", str(ETC / "panel.yml"))


def run(*command, stdin="", **more):
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command[0]}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def wait_for(condition, what, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{what} did not happen in {seconds} s"
        time.sleep(0.05)


def alone(scratch):
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "set", "lo", "up")
    for name in ("etc", "var", "opt"):
        above, work = scratch / f"{name}.above", scratch / f"{name}.work"
        above.mkdir()
        work.mkdir()
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/{name},upperdir={above},workdir={work}", f"/{name}")
    pathlib.Path("/etc/hosts").write_text(f"127.0.0.1 localhost {' '.join(NAMES)}\n")
    for kind in ("panel", "agent"):
        run("systemd-sysusers", ROOT / f"packaging/sysusers.d/provisioning-{kind}.conf")
        run("systemd-tmpfiles", "--create", ROOT / f"packaging/tmpfiles.d/provisioning-{kind}.conf")


def place(source, target, owner, mode=0o600):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    shutil.chown(target, owner, owner if owner != "nobody" else "nogroup")
    target.chmod(mode)


def start(*command, **more):
    return subprocess.Popen(["setpriv", "--pdeathsig=KILL", *(str(word) for word in command)], **more)


def environment_of(file):
    """As systemd reads an EnvironmentFile."""
    lines = file.read_text().splitlines() if file.exists() else []
    return {"PATH": os.environ["PATH"], **dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))}


class Topology:
    def __init__(self, name, scratch):
        self.example = ROOT / "packaging/examples" / name
        self.scratch = scratch
        self.has_engines = (self.example / "redis.conf").exists()
        self.rabbitmq = None
        if (self.example / "rabbitmq.conf").exists():
            self.rabbitmq = RabbitmqServer(scratch / "rabbitmq", ETC_RABBITMQ / "rabbitmq.conf", 5671)
        # What its URL says.
        self.panels = ["https://panel.example.com:5000" if "tls" in (self.example / "panel.yml").read_text() else "http://127.0.0.1:5000"]

    def set_up(self):
        bare = pathlib.Path("/opt/provisioning-test")
        (bare / "installers").mkdir(parents=True)
        shutil.copytree(ROOT / "installers", "/opt/provisioning/installers", dirs_exist_ok=True)
        for program in ("provisioning-panel", "provisioning-agent", "provisionctl"):
            shutil.copy(BIN / program, bare)
        os.environ["PATH"] = f"{bare}:{os.environ['PATH']}"
        certificates(self.scratch, [f"DNS:{name}" for name in NAMES])
        for file in self.example.iterdir():
            place(file, ETC / file.name, "root" if file.name.startswith("agent") or file.name.endswith("agents") else "provisioning")
        place(self.scratch / "ca.pem", ETC / "ca.pem", "root", 0o644)
        place(self.scratch / "cert.pem", ETC / "panel-cert.pem", "provisioning")
        place(self.scratch / "key.pem", ETC / "panel-key.pem", "provisioning")
        (self.scratch / "secret").write_text(os.urandom(32).hex() + "\n")
        place(self.scratch / "secret", ETC / "secret-key", "provisioning")

    def start_engines(self):
        redis = pathlib.Path("/etc/redis")
        place(self.example / "redis.conf", redis / "redis.conf", "root", 0o644)
        for name, source in (("users.acl", self.example / "users.acl"), ("ca.pem", self.scratch / "ca.pem"),
                             ("redis-cert.pem", self.scratch / "cert.pem"), ("redis-key.pem", self.scratch / "key.pem")):
            place(source, redis / name, "root")
        start("redis-server", redis / "redis.conf", "--dir", self.scratch, stdout=subprocess.DEVNULL)
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))[-1]
        data = self.scratch / "postgresql"
        data.mkdir()
        shutil.chown(data, "nobody", "nogroup")
        as_nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
        run(*as_nobody, programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync", cwd="/")
        with open(data / "postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write((self.example / "postgresql.conf").read_text() + f"unix_socket_directories = '{data}'\n")
        for name in ("cert", "key"):
            place(self.scratch / f"{name}.pem", pathlib.Path(f"/etc/postgresql/db-{name}.pem"), "nobody")
        server = start(*as_nobody, programs / "postgres", "-D", data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        socket = ("-h", data, "-U", "postgres")
        wait_for(lambda: subprocess.run([programs / "pg_isready", *socket], stdout=subprocess.DEVNULL, check=False).returncode == 0, "PostgreSQL")
        run(programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *socket, "-f", self.example / "postgresql.sql")
        # Only now nobody is let in any other way.
        place(self.example / "pg_hba.conf", data / "pg_hba.conf", "nobody")
        server.send_signal(1)

    def start_rabbitmq(self):
        for name, source in (("rabbitmq.conf", self.example / "rabbitmq.conf"), ("ca.pem", self.scratch / "ca.pem"),
                             ("rabbitmq-cert.pem", self.scratch / "cert.pem"), ("rabbitmq-key.pem", self.scratch / "key.pem")):
            place(source, ETC_RABBITMQ / name, "root")
        self.rabbitmq.start()

    def make_user(self):
        """Of the agent, in what is the queue, as an administrator of that does it."""
        if self.rabbitmq:
            self.rabbitmq.import_definitions(self.ctl(self.panels[0], "amqp-user", "agent-web1"))
        if self.has_engines:
            line = self.ctl(self.panels[0], "redis-acl", "agent-web1")
            said = run("redis-cli", "--tls", "--cacert", ETC / "ca.pem", "-h", "redis.example.com", "--user", "admin", "-a", "change-me",
                       "--no-auth-warning", stdin=f"{line}\nACL SAVE\n")
            assert said == "OK\nOK", said

    def panel_command(self, *arguments):
        return ("setpriv", "--reuid=provisioning", "--regid=provisioning", "--clear-groups", "--pdeathsig=KILL",
                "provisioning-panel", *arguments, *PANEL_ARGUMENTS)

    def start_panel(self, **settings):
        environment = {**environment_of(ETC / "panel.env"), **settings}
        # How a unit reads it; the second panel of an example is on a machine of its own, which this one has to stand for.
        subprocess.Popen(self.panel_command("serve"), env=environment)

    def ctl(self, panel, *arguments):
        return run("provisionctl", "--panel", panel, "--token-file", self.scratch / "token", "--ca-file", ETC / "ca.pem", *arguments)

    def health(self, panel):
        return json.loads(self.ctl(panel, "-o", "json", "health"))

    def answers(self, panel):
        return subprocess.run(["curl", "-sf", "-o", "/dev/null", "--cacert", ETC / "ca.pem", f"{panel}/api/ready"], check=False).returncode == 0

    def go(self):
        self.set_up()
        if self.has_engines:
            self.start_engines()
            self.panels.append("https://panel.example.com:5001")
        if self.rabbitmq:
            self.start_rabbitmq()
        self.start_panel()
        if self.has_engines:
            second = pathlib.Path("/var/lib/provisioning/second")
            second.mkdir()
            shutil.chown(second, "provisioning", "provisioning")
            self.start_panel(PANEL_LISTEN="0.0.0.0:5001", STATE_DIR=str(second), LOG_DIR="-")
        for panel in self.panels:
            wait_for(lambda panel=panel: self.answers(panel), f"the answer of {panel}")
        tool = environment_of(ETC / "panel.env")
        (self.scratch / "token").write_text(run(*self.panel_command("token", "create", "--name", "me"), env=tool))
        (self.scratch / "enrol").write_text(run(*self.panel_command("enroll-token", "agent-web1"), env=tool))
        for private in ("token", "enrol"):
            (self.scratch / private).chmod(0o600)
        run("provisioning-agent", "enroll", "--config", ETC / "agent.yml", "--token-file", self.scratch / "enrol")
        self.make_user()
        start("provisioning-agent", "--config", ETC / "agent.yml", "--containment", "subreaper", "--provisioning-lib",
              ROOT / "packaging/lib/provisioning.sh", env=environment_of(ETC / "agent.env"))
        # Each panel shows what was asked of another one.
        for number, panel in enumerate(self.panels):
            wait_for(lambda panel=panel: '"online"' in self.ctl(panel, "-o", "json", "server", "agent-web1"), "the agent")
            said = self.ctl(panel, "install", "hello", "--server", "agent-web1", "-i", f"greeting=from {number}", "--follow")
            print(said)
            logs = set()
            for other in self.panels:
                jobs = json.loads(self.ctl(other, "-o", "json", "jobs"))
                newest = (jobs["items"] if isinstance(jobs, dict) else jobs)[0]
                assert newest["status"] == "succeeded", newest
                logs.add(self.ctl(other, "logs", newest["id"]))
            assert len(logs) == 1 and logs != {""}, logs
            assert f"from {number}" in pathlib.Path("/etc/provisioning-hello").read_text()
            wait_for(lambda panel=panel: self.health(panel)["status"] == "ok", "the panel to be well")
            health = self.health(panel)
            print(json.dumps(health["checks"]))
        if self.rabbitmq:
            assert "RabbitMQ" in health["checks"]["queue"]["detail"], health
        if self.has_engines:
            assert "Redis" in health["checks"]["queue"]["detail"], health


def main():
    assert pwd.getpwuid(os.geteuid()).pw_name == "root"
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch)
        path.chmod(0o755)
        alone(path)
        Topology(sys.argv[1], path).go()
    print("all is well")


if __name__ == "__main__":
    main()
