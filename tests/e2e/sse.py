"""Reads server-sent events (WHATWG HTML, "Server-sent events") as they come, more strictly than a browser: what a browser
would pass over in silence is a failure here."""
import dataclasses


@dataclasses.dataclass
class Event:
    id: str | None  # of this very event, not of one before
    name: str
    data: str


@dataclasses.dataclass
class Comment:
    text: str


@dataclasses.dataclass
class Retry:
    milliseconds: int


def read(lines):
    """Events, comments and retries of an iterable of lines (bytes, with their line feeds), each as soon as it is whole."""
    fields = {}
    data = []
    for line in lines:
        text = line.decode("utf-8")
        assert text.endswith("\n"), f"the stream ends within a line: {text!r}"
        text = text[:-1]
        assert "\r" not in text and "\0" not in text, f"a line of a stream holds a control character: {text!r}"
        if not text:
            if data:
                yield Event(fields.get("id"), fields.get("event", "message"), "\n".join(data))
            else:
                assert not fields, f"a frame without data: {fields}"
            fields, data = {}, []
            continue
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "":
            yield Comment(value)
        elif name == "retry":
            assert value.isascii() and value.isdigit(), f"retry: {value!r}"
            yield Retry(int(value))
        elif name == "data":
            data.append(value)
        else:
            assert name in ("id", "event") and name not in fields, f"a line that no frame has: {text!r}"
            fields[name] = value
    assert not fields and not data, "the stream ends within a frame"
