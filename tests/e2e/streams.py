"""An open stream of server-sent events, each frame held to docs/api/openapi.yaml."""
import sse


class Stream:
    """Read as it comes; closed by `with`. `tee` is given the bytes before they are looked at."""

    def __init__(self, contract, path, connection, response, tee=None):
        self.contract, self.path, self.connection, self.response = contract, path, connection, response
        self.tee = tee
        self.retry = None
        self.ended = False
        self.events = sse.read(self._lines())
        self.frames = self._frames()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.connection.close()

    def _lines(self):
        rest = b""
        while piece := self.response.read1():  # readline() takes a connection that broke for the end
            if self.tee:
                self.tee(piece)
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest
        self.ended = True

    def _frames(self):
        for each in self.events:
            if isinstance(each, sse.Retry):
                self.contract.check_retry(self.path, each.milliseconds)
                self.retry = each.milliseconds
            elif isinstance(each, sse.Event):
                assert self.retry is not None, f"{self.path} does not begin with `retry`"
                yield {**self.contract.check_frame(self.path, each), "id": each.id}

    def silence(self):
        """Waits until silence is broken by a comment: its text."""
        each = next(self.events)
        assert isinstance(each, sse.Comment), each
        return each.text

    def until(self, condition):
        """The frames up to the first that fulfils it."""
        taken = []
        for frame in self.frames:
            taken.append(frame)
            if condition(frame):
                return taken
        raise AssertionError(f"the stream ended before: {taken}")
