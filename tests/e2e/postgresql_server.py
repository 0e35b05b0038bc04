"""A real PostgreSQL server for a test, as nobody where this is root, on a free port of loopback."""
import errno
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from basics import free_port

# What is killed here is processes, not machines.
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB", "max_connections=60")
# secretive is asked for a password; a standby copies the server.
LET_IN = "host all secretive 127.0.0.1/32 scram-sha-256\nhost all,replication all 127.0.0.1/32 trust\n"


def programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent


def as_nobody():
    """The beginning of a command that a signal ends with this process."""
    user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig=QUIT"]


class SmallDisk:
    """A file system of its own, of nobody's, that can be filled to the last byte. Needs root."""

    def __init__(self, mebibytes):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="disk."))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700,uid=nobody,gid=nogroup", "tmpfs", self.directory],
                       check=True)
        self.filler = self.directory / "filler"

    def fill(self):
        with open(self.filler, "ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error

    def free(self):
        self.filler.unlink(missing_ok=True)

    def remove(self):
        subprocess.run(["umount", "-l", self.directory], check=True)
        self.directory.rmdir()


class PostgresqlServer:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="postgresql."))
        if os.geteuid() == 0:
            shutil.chown(self.directory, "nobody", "nogroup")
        self.data = self.directory / "data"
        self.port = free_port()
        self.postmaster = None

    @classmethod
    def founded(cls, data=None, wal=None):
        """Running, with a role panel and a database panel that is its own. `data` and `wal` are where what they name lies: disks."""
        server = cls()
        server.data = data / "data" if data else server.data
        # Segments of 1 MiB: a disk for the log may then be small.
        more = ["--waldir", wal / "wal", "--wal-segsize=1"] if wal else []
        server.run("initdb", "-D", server.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", *more)
        (server.data / "pg_hba.conf").write_text(LET_IN)
        server.start()
        server.sql("CREATE ROLE panel LOGIN")
        server.new_database("panel")
        return server

    @classmethod
    def standby_of(cls, primary):
        """Running, a copy that takes no writes."""
        server = cls()
        server.run("pg_basebackup", "-D", server.data, "-R", "-c", "fast", "-h", "127.0.0.1", "-p", str(primary.port),
                   "-U", "postgres")
        server.start()
        return server

    def run(self, program, *arguments):
        done = subprocess.run([*as_nobody(), programs() / program, *arguments], capture_output=True, text=True, check=False,
                              cwd="/")
        assert done.returncode == 0, done.stderr

    def url(self, database="panel", user="panel"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name):
        self.sql(f"CREATE DATABASE {name} OWNER panel")
        return self.url(name)

    def sql(self, statements, database="postgres"):
        """As the superuser: what psql prints, without decoration."""
        done = subprocess.run([programs() / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-", self.url(database, "postgres")],
                              input=statements, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self):
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        with open(self.directory / "log", "a", encoding="utf-8") as log:
            self.postmaster = subprocess.Popen([*as_nobody(), programs() / "postgres", "-D", self.data, "-p", str(self.port),
                                                *settings], stdout=log, stderr=log, cwd="/")
        until = time.monotonic() + 60
        while subprocess.run([programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                             check=False).returncode != 0:
            assert self.postmaster.poll() is None and time.monotonic() < until, (self.directory / "log").read_text()
            time.sleep(0.02)

    def stop(self):
        """As pg_ctl -m immediate: no checkpoint, no goodbye."""
        if self.postmaster and self.postmaster.poll() is None:
            self.postmaster.send_signal(signal.SIGQUIT)
            self.postmaster.wait(30)

    def restart(self):
        self.stop()
        self.start()

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory)
