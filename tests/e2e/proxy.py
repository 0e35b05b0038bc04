"""Stands between provisionctl and the panel: hands everything on as it comes, and holds it to the document."""
import contextlib
import http.client
import http.server
import json
import threading

import jsonschema

from streams import Stream

# Of HTTP itself, or of this hop: no parameters.
OF_THE_HOP = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        sent = {name: value for name, value in self.headers.items() if name.lower() not in OF_THE_HOP}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.panel_port, timeout=60)
        # Either side may go in the middle; the other is then told by a connection that breaks.
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            self.close_connection = True
            connection.request(self.command, self.path, body, sent)
            self.hand_on(sent, body, connection, connection.getresponse())

    do_POST = do_DELETE = do_PATCH = do_PUT = do_GET

    def hand_on(self, sent, body, connection, response):
        got = {name.lower(): value for name, value in response.getheaders()}
        self.send_response_only(response.status)
        for name, value in got.items():
            if name not in OF_THE_HOP:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        text = None if body is None else body.decode()
        if "event-stream" in got.get("content-type", ""):
            self.end_headers()
            self.check(sent, text, response.status, got, None)
            with Stream(self.server.contract, self.path.partition("?")[0], connection, response, self.wfile.write) as stream:
                self.server.held(lambda: list(stream.frames))
                while piece := response.read1():  # after a fault: whoever asked is not to wait for more
                    self.wfile.write(piece)
            return
        data = response.read()
        if response.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.check(sent, text, response.status, got, data)
        self.wfile.write(data)

    def check(self, sent, body, status, got, data):
        parsed = None if data is None else json.loads(data) if "json" in got.get("content-type", "") else data.decode("utf-8", "replace")
        self.server.asked += 1
        self.server.held(lambda: self.server.contract.check(self.command, self.path, sent, body, status, got, parsed, self.server.wrong))


class Proxy(http.server.ThreadingHTTPServer):
    """`wrong` is what the test that runs now sends wrong on purpose (Contract.check)."""
    daemon_threads = True

    def __init__(self, contract, panel_port):
        super().__init__(("127.0.0.1", 0), Handler)
        self.contract, self.panel_port = contract, panel_port
        self.wrong = ()
        self.asked = 0
        self.faults = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def held(self, check):
        try:
            check()
        except (AssertionError, ValueError, jsonschema.ValidationError) as fault:
            self.faults.append(fault)

    def close(self):
        self.shutdown()
        self.server_close()
        assert not self.faults, self.faults
