"""A real redis-server for a test, without persistence, on a free port of loopback."""
import subprocess
import time

import redis

from basics import free_port


class RedisServer:
    """The users of its ACL file outlive it, nothing else does."""

    def __init__(self, directory, password):
        self.directory, self.password = directory, password
        self.port = free_port()
        self.process = None
        directory.mkdir()
        (directory / "users.acl").write_text(f"user default on >{password} ~* &* +@all\n")

    @property
    def url(self):
        return f"redis://:{self.password}@127.0.0.1:{self.port}"

    def start(self):
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory),
                     "--aclfile", str(self.directory / "users.acl"), "--logfile", str(self.directory / "log")]
        self.process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < until, (self.directory / "log").read_text()
            time.sleep(0.01)

    def answers(self):
        try:
            return self.client().ping()
        except redis.ConnectionError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def client(self):
        return redis.Redis(port=self.port, password=self.password, decode_responses=True)
