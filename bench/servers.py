"""The servers that a panel may need, each in a directory of its own and on free ports of loopback: Redis, RabbitMQ,
PostgreSQL; and certificates for them. All of them end with this process."""
import json
import os
import pathlib
import resource
import secrets
import shutil
import signal
import socket
import subprocess

from measure import children
from running import free_port, stop, wait_for

# 127.0.0.1 alone: who would read over loopback is root already, but the handshakes and ciphers cost what they cost.
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
DIES_WITH_US = ["setpriv", "--pdeathsig=KILL"]


def allow_open_files(wanted, say):
    """For this process and those it starts. How many there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, PermissionError):
        wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        say(f"a process may open {wanted:,} files here (ulimit -Hn), and more is refused: that takes CAP_SYS_RESOURCE, and fs.nr_open "
            "as high. Large fleets will fail: an agent over Redis takes two, over HTTP one")
    return wanted


def check_ports(connections):
    """Each connection to one server takes a port of this machine."""
    first, last = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if connections + 500 > last - first:
        raise RuntimeError(f"{connections:,} connections to one server need as many local ports, and there are {last - first:,}: "
                           "sysctl -w net.ipv4.ip_local_port_range='1024 65535'")


class Certificates:
    """A CA, and a certificate for loopback that it has issued."""

    def __init__(self, directory):
        directory.mkdir(parents=True)
        self.ca, self.certificate, self.key = (directory / name for name in ("ca.pem", "server.pem", "server.key"))
        ca_key, request, extensions = (directory / name for name in ("ca.key", "server.csr", "names"))
        extensions.write_text(NAMES)
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        for command in (["req", "-x509", *new_key, "-days", "2", "-subj", "/CN=bench", "-keyout", ca_key, "-out", self.ca],
                        ["req", *new_key, "-subj", "/CN=bench", "-keyout", self.key, "-out", request],
                        ["x509", "-req", "-days", "2", "-CAcreateserial", "-CA", self.ca, "-CAkey", ca_key, "-in", request,
                         "-extfile", extensions, "-out", self.certificate]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)


class Redis:
    """Over TLS only, without persistence; its default user has a password, and agents get users of their own."""

    def __init__(self, directory, certificates, clients):
        directory.mkdir()
        self.directory, self.certificates, self.port, self.password = directory, certificates, free_port(), secrets.token_hex(16)
        users = directory / "users.acl"
        users.write_text(f"user default on >{self.password} ~* &* +@all\n")
        configuration = directory / "redis.conf"
        configuration.write_text(
            f"bind 127.0.0.1\nport 0\ntls-port {self.port}\ntls-auth-clients no\ntls-cert-file {certificates.certificate}\n"
            f"tls-key-file {certificates.key}\ntls-ca-cert-file {certificates.ca}\ndir {directory}\nlogfile {directory}/log\n"
            f"aclfile {users}\nmaxclients {clients}\ntcp-backlog 4096\nsave \"\"\n")
        self.process = subprocess.Popen([*DIES_WITH_US, "redis-server", configuration], stdout=subprocess.DEVNULL)
        wait_for(self.answers, what="redis-server")

    @property
    def url(self):
        return f"rediss://127.0.0.1:{self.port}"

    @property
    def panel_settings(self):
        return {"REDIS_URL": f"rediss://:{self.password}@127.0.0.1:{self.port}", "REDIS_CA_FILE": str(self.certificates.ca)}

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"redis-server does not start; {self.directory}/log says why")
        log = self.directory / "log"
        return log.exists() and "Ready to accept connections" in log.read_text()

    def stop(self):
        stop(self.process)


class Rabbitmq:
    """Over TLS only, otherwise as it comes; agents get users of their own."""
    SCRIPTS = pathlib.Path("/usr/lib/rabbitmq/bin")

    def __init__(self, directory, certificates):
        directory.mkdir()
        self.directory, self.certificates, self.port, self.password = directory, certificates, free_port(), secrets.token_hex(16)
        cookie = directory / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (directory / "plugins").write_text("[].\n")
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{self.port}\nssl_options.cacertfile = {certificates.ca}\n"
            f"ssl_options.certfile = {certificates.certificate}\nssl_options.keyfile = {certificates.key}\n"
            f"ssl_options.verify = verify_none\ndefault_user = panel\ndefault_pass = {self.password}\n")
        epmd = free_port()
        # Without a wrapper process: what is measured is the server.
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(directory), "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": f"bench{self.port}@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(epmd), "RABBITMQ_MNESIA_BASE": f"{directory}/data",
            "RABBITMQ_LOG_BASE": f"{directory}/logs", "RABBITMQ_PID_FILE": f"{directory}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/plugins", "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"}
        self.log = open(directory / "log", "wb")
        self.epmd = self.run("epmd", "-port", str(epmd))
        self.process = self.run(self.SCRIPTS / "rabbitmq-server")
        wait_for(self.answers, seconds=180, what="rabbitmq-server", pause=0.2)

    def run(self, *command):
        return subprocess.Popen([*DIES_WITH_US, *command], env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                stderr=self.log)

    @property
    def url(self):
        return f"amqps://127.0.0.1:{self.port}"

    @property
    def panel_settings(self):
        return {"RABBITMQ_URL": f"amqps://panel:{self.password}@127.0.0.1:{self.port}",
                "RABBITMQ_CA_FILE": str(self.certificates.ca)}

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"rabbitmq-server does not start; {self.directory}/log says why")
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False

    def import_definitions(self, definitions):
        """As an administrator does it."""
        subprocess.run([self.SCRIPTS / "rabbitmqctl", "import_definitions"], input=json.dumps(definitions), text=True, check=True,
                       env=self.environment, capture_output=True)

    def stop(self):
        for process in (self.process, self.epmd):
            process.kill()
            process.wait()
        self.log.close()


class Postgresql:
    """As Debian configures it, durable, but for memory that fits such a machine."""
    SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=512MB", "max_wal_size=4GB",
                "max_connections=60")

    def __init__(self, directory):
        directory.mkdir()
        self.directory, self.port = directory, free_port()
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not programs:
            raise RuntimeError("there is no PostgreSQL server: install the package postgresql")
        self.programs = programs[-1].parent
        user = []
        if os.geteuid() == 0:  # which PostgreSQL refuses to be
            shutil.chown(directory, "nobody", "nogroup")
            user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        self.as_user = ["setpriv", *user, "--pdeathsig=QUIT"]
        subprocess.run([*self.as_user, self.programs / "initdb", "-D", directory / "data", "-U", "postgres", "--auth=trust",
                        "-E", "UTF8", "--locale=C.UTF-8"], check=True, capture_output=True, cwd="/")
        settings = [word for setting in self.SETTINGS for word in ("-c", setting)]
        with open(directory / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([*self.as_user, self.programs / "postgres", "-D", directory / "data",
                                             "-p", str(self.port), *settings], stdout=log, stderr=log, cwd="/")
        wait_for(self.answers, what="postgres")
        self.sql("CREATE ROLE panel LOGIN", "postgres")
        self.sql("CREATE DATABASE panel OWNER panel", "postgres")

    @property
    def url(self):
        return f"postgresql://panel@127.0.0.1:{self.port}/panel"

    @property
    def panel_settings(self):
        return {"DATABASE_URL": self.url}

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def answers(self):
        return subprocess.run([self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0

    def sql(self, statements, database="panel"):
        """As the superuser: what psql prints, without decoration."""
        done = subprocess.run([self.programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-",
                               f"postgresql://postgres@127.0.0.1:{self.port}/{database}"],
                              input=statements, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast: it rolls back what is open
            self.process.wait(60)
