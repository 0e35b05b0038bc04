"""A real rabbitmq-server for a test."""
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode

from basics import certificates, free_port

SCRIPTS = "/usr/lib/rabbitmq/bin/"


class RabbitmqServer:
    """With a rabbitmq.conf as it stands, which has it listen at `port`; what it writes is in `directory`."""

    def __init__(self, directory, configuration, port):
        self.directory, self.configuration, self.port = directory, configuration, port
        self.distribution, self.epmd_port = free_port(), free_port()
        self.process = self.epmd = None
        directory.mkdir()
        (directory / ".erlang.cookie").write_text("a-test-of-its-own")
        (directory / ".erlang.cookie").chmod(0o400)
        (directory / "plugins").write_text("[].\n")

    def environment(self):
        d = str(self.directory)
        # Without a wrapper process: what is killed is the server.
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": d, "RUNNING_UNDER_SYSTEMD": "true",
                "RABBITMQ_NODENAME": f"e{self.port}@localhost", "RABBITMQ_DIST_PORT": str(self.distribution),
                "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self.epmd_port),
                "RABBITMQ_MNESIA_BASE": f"{d}/data", "RABBITMQ_LOG_BASE": f"{d}/logs", "RABBITMQ_PID_FILE": f"{d}/pid",
                "RABBITMQ_ENABLED_PLUGINS_FILE": f"{d}/plugins", "RABBITMQ_CONFIG_FILE": str(self.configuration.with_suffix("")),
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
                # One thread, which does not spin while it has nothing to do.
                "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"}

    def start(self):
        log = open(self.directory / "server.log", "ab")
        if self.epmd is None:
            self.epmd = subprocess.Popen(["epmd", "-port", str(self.epmd_port)], env=self.environment(), stdout=log,
                                         stderr=log)
        self.process = subprocess.Popen([SCRIPTS + "rabbitmq-server"], env=self.environment(), stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < until, (self.directory / "server.log").read_text()
            time.sleep(0.1)

    def answers(self):
        """It listens last of all."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        self.kill()
        self.epmd.kill()
        self.epmd.wait(20)

    def forget(self):
        """What a server that was killed had on disk."""
        shutil.rmtree(self.directory / "data")

    def import_definitions(self, text):
        """As an administrator does it."""
        subprocess.run([SCRIPTS + "rabbitmqctl", "import_definitions"], input=text, text=True, check=True,
                       env=self.environment(), capture_output=True)


class LoopbackRabbitmqServer(RabbitmqServer):
    """On free ports of loopback, with the management API; over TLS, with ca.pem, cert.pem and key.pem in `certificates`, it wants a
    certificate of its clients too."""

    def __init__(self, directory, password):
        super().__init__(directory, directory / "rabbitmq.conf", free_port())
        self.password, self.certificates = password, directory / "certificates"
        self.tls_port, self.management = free_port(), free_port()
        self.certificates.mkdir()
        certificates(self.certificates, ["IP:127.0.0.1"])
        (directory / "plugins").write_text("[rabbitmq_management].\n")
        self.configuration.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlisteners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.cacertfile = {self.certificates}/ca.pem\nssl_options.certfile = {self.certificates}/cert.pem\n"
            f"ssl_options.keyfile = {self.certificates}/key.pem\nssl_options.verify = verify_peer\n"
            "ssl_options.fail_if_no_peer_cert = true\nmanagement.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {self.management}\ndefault_user = panel\ndefault_pass = {password}\n"
            "disk_free_limit.absolute = 1MB\n")

    @property
    def url(self):
        return f"amqp://panel:{self.password}@127.0.0.1:{self.port}"

    def answers(self):
        try:
            return self.api("GET", f"health/checks/port-listener/{self.port}")["status"] == "ok"
        except (OSError, urllib.error.URLError, ValueError):
            return False

    def api(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.management}/api/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", "Basic " + b64encode(f"panel:{self.password}".encode()).decode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None
