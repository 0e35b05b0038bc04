#!/usr/bin/env python3
"""Writes signed.json and log.json into the directory given, or beside this file."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from reference import AGENT, SECRET, compact, write  # noqa: E402
from reference.framing import log_frame, record, zstd, zstd_block, zstd_header  # noqa: E402
from reference.signing import agent_key, envelope  # noqa: E402

START = 1795478400000  # 2026-11-24T00:00:00Z


def signed():
    cases = []
    for name, vector in json.loads((HERE / "payloads.json").read_text(encoding="utf-8")).items():
        kind = {"order": "job"}.get(name, "event" if name.startswith("event") else name)
        purpose = "event" if kind == "event" else "job"
        payload_type = f"application/vnd.provisioning.{kind}.v1+json"
        payload, keyid = compact(vector["valid"]), f"{purpose}/{AGENT}/2"
        key = agent_key(SECRET, purpose, AGENT, 2)
        cases.append(
            {
                "kind": name,
                "payload_type": payload_type,
                "keyid": keyid,
                "payload": payload,
                "envelope": envelope(payload_type, payload, keyid, key),
            }
        )
    return {"secret": SECRET, "agent": AGENT, "generation": 2, "signed": cases}


def content(data):
    rest = data.lstrip(b"x") if len(data) > 1000 else data
    fill = {"fill": len(data) - len(rest)} if rest != data else {}
    return fill | {"hex": rest.hex()}


def frame(sequence, offset, stream, data):
    return {"sequence": sequence, "time": START + offset, "stream": stream} | content(data)


def encoded(frames):
    return b"".join(
        log_frame(f["sequence"], f["time"], f["stream"], bytes.fromhex(f["hex"])) for f in frames
    )


def changed(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def frames():
    good = [
        frame(1, 0, 1, b"Reading package lists...\nDone\n"),
        frame(2, 5, 2, "caf\u00e9 \xff\n".encode("latin-1")),
        frame(3, 5, 3, b"[7 bytes of the log were dropped here]\n"),
        frame(4, 7, 1, b""),
    ]
    data = encoded(good)
    second = len(encoded(good[:1]))
    head = second + 20  # of the second frame
    return [
        {"name": "none", "first": 1, "hex": "", "frames": [], "end": "end"},
        {"name": "all streams, any bytes", "first": 1, "hex": data.hex(), "frames": good, "end": "end"},
        {"name": "a later part", "first": 71, "hex": encoded([frame(71, 0, 1, b"x")]).hex(),
         "frames": [frame(71, 0, 1, b"x")], "end": "end"},
        {"name": "cut in a header", "first": 1, "hex": data[: head - 1].hex(), "frames": good[:1], "end": "truncated"},
        {"name": "cut in a body", "first": 1, "hex": data[: head + 1].hex(), "frames": good[:1], "end": "truncated"},
        {"name": "zeros behind", "first": 1, "hex": (data + bytes(64)).hex(), "frames": good, "end": "truncated"},
        {"name": "a length changed", "first": 1, "hex": changed(data, second).hex(), "frames": good[:1], "end": "corrupt"},
        {"name": "a body changed", "first": 1, "hex": changed(data, head + 9).hex(), "frames": good[:1], "end": "corrupt"},
        {"name": "a frame is missing", "first": 1, "hex": encoded([good[0], good[2]]).hex(), "frames": good[:1], "end": "corrupt"},
        {"name": "another first frame", "first": 2, "hex": data.hex(), "frames": [], "end": "corrupt"},
        {"name": "stream 0", "first": 1, "hex": encoded([frame(1, 0, 0, b"x")]).hex(), "frames": [], "end": "corrupt"},
        {"name": "stream 4", "first": 1, "hex": encoded([frame(1, 0, 4, b"x")]).hex(), "frames": [], "end": "corrupt"},
        {"name": "no room for time and stream", "first": 1, "hex": record(1, bytes(8)).hex(), "frames": [], "end": "corrupt"},
    ]


def chunk(name, raw, frames, packed=None, raw_size=None):
    packed = zstd(raw) if packed is None else packed
    size = len(raw) if raw_size is None else raw_size
    stored = size.to_bytes(4, "little") + packed
    return {"name": name, "raw_size": size, "hex": packed.hex(), "stored_hex": stored.hex(), "frames": frames}


def chunks():
    good = [frame(7, 0, 1, b"one\n"), frame(8, 1, 2, b"two\n")]
    raw = encoded(good)
    bomb = b"\x28\xb5\x2f\xfd" + zstd_header(9 << 17) + b"".join(
        zstd_block(1, 1 << 17, i == 8) + b"x" for i in range(9)
    )
    return [
        chunk("frames from the seventh on", raw, good),
        chunk("a size less than there is", raw, None, raw_size=len(raw) - 1),
        chunk("a size more than there is", raw, None, raw_size=len(raw) + 1),
        chunk("a size of nothing", raw, None, raw_size=0),
        chunk("a size over 1 MiB", raw, None, raw_size=(1 << 20) + 1),
        chunk("more than it says", raw, None, packed=bomb),
        chunk("not zstd", raw, None, packed=raw),
        chunk("cut off", raw, None, packed=zstd(raw)[:-1]),
        chunk("half a frame at its end", raw[:-1], None),
        chunk("a gap between its frames", encoded([good[0], frame(9, 1, 1, b"x")]), None),
    ]


def line(offset, stream, data, ended):
    return {"time": START + offset, "stream": stream} | content(data) | {"ended": ended}


def lines():
    longest = 64 * 1024
    accent = "\u00e9".encode()
    return [
        {"name": "a line in pieces stands where it ended",
         "frames": [frame(1, 0, 1, b"a"), frame(2, 1, 2, b"err\n"), frame(3, 2, 1, b"b\n\nc")],
         "lines": [line(1, 2, b"err", True), line(0, 1, b"ab", True), line(2, 1, b"", True), line(2, 1, b"c", False)]},
        {"name": "only a newline ends a line",
         "frames": [frame(1, 0, 1, b"a\r\x00\xffb\r\n")], "lines": [line(0, 1, b"a\r\x00\xffb\r", True)]},
        {"name": "what is open at the end stands by its stream",
         "frames": [frame(1, 0, 3, b"n"), frame(2, 1, 1, b"o")],
         "lines": [line(1, 1, b"o", False), line(0, 3, b"n", False)]},
        {"name": "64 KiB are one line", "frames": [frame(1, 0, 1, b"x" * longest + b"\n")],
         "lines": [line(0, 1, b"x" * longest, True)]},
        {"name": "a longer one is cut, not within a character",
         "frames": [frame(1, 0, 1, b"x" * (longest - 1)), frame(2, 1, 1, accent + b"\n")],
         "lines": [line(0, 1, b"x" * (longest - 1), False), line(1, 1, accent, True)]},
    ]


write(
    sys.argv[1] if len(sys.argv) > 1 else HERE,
    signed=signed(),
    log={"frames": frames(), "chunks": chunks(), "lines": lines()},
)
