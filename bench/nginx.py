"""nginx as a floor: one process that answers every request with the same bytes, and does nothing else."""
import socket
import subprocess

from measure import ROOT
from running import free_port, stop, wait_for

# Unpacked, not installed: nobody asked for a web server that starts with the machine.
UNPACKED = ROOT / ".cache/nginx"


def binary():
    found = UNPACKED / "usr/sbin/nginx"
    if not found.exists():
        UNPACKED.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "download", "nginx"], cwd=UNPACKED, check=True, stderr=subprocess.DEVNULL)
        package = next(UNPACKED.glob("nginx_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, UNPACKED], check=True)
        package.unlink()
    return found


class Nginx:
    """Answers with `size` bytes, headers included, as near as its own headers let it."""

    def __init__(self, directory, size):
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.process = None
        self.start("x")
        head = self.answer_size() - 1
        self.stop()
        self.start("x" * max(1, size - head))

    def start(self, body):
        configuration = self.directory / "nginx.conf"
        configuration.write_text(f"""
daemon off; master_process off; pid {self.directory}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy;
  fastcgi_temp_path {self.directory}/fastcgi; uwsgi_temp_path {self.directory}/uwsgi; scgi_temp_path {self.directory}/scgi;
  server {{ listen 127.0.0.1:{self.port}; location / {{ return 200 '{body}'; }} }}
}}
""")
        self.process = subprocess.Popen([binary(), "-p", self.directory, "-c", configuration, "-e", "stderr"],
                                        stderr=subprocess.DEVNULL)
        wait_for(self.answer_size, what="nginx")

    def stop(self):
        stop(self.process)

    def answer_size(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                got = b""
                while more := sock.recv(65536):
                    got += more
                # Kept alive it says so in five bytes more.
                return len(got) + len("keep-alive") - len("close")
        except ConnectionRefusedError:
            return 0
