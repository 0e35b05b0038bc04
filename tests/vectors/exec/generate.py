#!/usr/bin/env python3
"""Writes journal.json and spool.json into the directory given, or beside this file."""

import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from reference import compact, write  # noqa: E402
from reference.documents import set_at, twice, without  # noqa: E402
from reference.framing import crc32c, journal, record  # noqa: E402

EPOCH = "01935a3c-0000-7000-8000-00000000000e"
JOB = "01935a3c-0000-7000-8000-000000000002"
HEADER = 36
FULL = 64 << 10


def changed(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def file(name, data, first, records, damage):
    numbered = [{"sequence": first + i, "payload": payload} for i, payload in enumerate(records)]
    rest = data[len(journal(EPOCH, first, [compact(payload).encode() for payload in records])) :]
    return {"name": name, "hex": data.hex(), "records": numbered, "damage": damage, "unread_bytes": len(rest)}


def files():
    three = [{"job": JOB, "cancel_ahead": True}, {"acknowledged": 2**64 - 1}, {"drained": False, "note": "é\n"}]
    bodies = [compact(each).encode() for each in three]
    whole = journal(EPOCH, 1, bodies)
    second, third = (len(journal(EPOCH, 1, bodies[:n])) for n in (1, 2))

    def holding(body):
        return journal(EPOCH, 1, [bodies[0], body])

    def renumbered(sequence):
        return journal(EPOCH, 1, bodies[:1]) + record(sequence, bodies[1])

    one, two = three[:1], three[:2]
    return [
        file("no record yet", journal(EPOCH, 1, []), 1, [], "none"),
        file("three records", whole, 1, three, "none"),
        file("after a compaction", journal(EPOCH, 41, bodies), 41, three, "none"),
        file("any JSON value", journal(EPOCH, 1, [b"null", b"7", b"[]"]), 1, [None, 7, []], "none"),
        file("cut in the first header", whole[: HEADER + 19], 1, [], "truncated"),
        file("cut in a later header", whole[: third + 1], 1, two, "truncated"),
        file("cut behind a header", whole[: third + 20], 1, two, "truncated"),
        file("cut in a body", whole[:-1], 1, two, "truncated"),
        file("zeros behind", whole + bytes(4096), 1, three, "truncated"),
        file("fewer zeros than a header", whole + bytes(3), 1, three, "truncated"),
        file("zeros, and something behind", whole + bytes(64) + b"x", 1, three, "corrupt"),
        file("a length changed", changed(whole, second), 1, one, "corrupt"),
        file("a sequence changed", changed(whole, second + 4), 1, one, "corrupt"),
        file("a body's checksum changed", changed(whole, second + 12), 1, one, "corrupt"),
        file("a header's checksum changed", changed(whole, second + 16), 1, one, "corrupt"),
        file("a body changed", changed(whole, second + 20), 1, one, "corrupt"),
        file("a sequence again", renumbered(1), 1, one, "corrupt"),
        file("a sequence left out", renumbered(3), 1, one, "corrupt"),
        file("another first sequence than the header's", whole[:HEADER] + record(2, bodies[0]), 1, [], "corrupt"),
        file("no JSON", holding(b"{"), 1, one, "corrupt"),
        file("an empty body", holding(b""), 1, one, "corrupt"),
        file("two values", holding(b"{}{}"), 1, one, "corrupt"),
        file("a member twice", holding(b'{"a":1,"a":2}'), 1, one, "corrupt"),
        file("no UTF-8", holding(b'{"a":"\xff"}'), 1, one, "corrupt"),
    ]


def refused_files():
    whole = journal(EPOCH, 1, [b"{}"])

    def header(magic, epoch_and_first):
        head = magic + epoch_and_first
        return head + struct.pack("<I", crc32c(head)) + whole[HEADER:]

    rows = [
        ("nothing", b""),
        ("half a header", whole[: HEADER - 1]),
        ("another magic", changed(whole, 0)),
        ("another magic, its checksum right", header(b"PROVJNL2", whole[8:32])),
        ("the epoch changed", changed(whole, 8)),
        ("the first sequence changed", changed(whole, 24)),
        ("the checksum changed", changed(whole, 32)),
        ("a big-endian checksum", whole[:32] + whole[32:36][::-1] + whole[36:]),
    ]
    return [{"name": name, "hex": data.hex(), "error": "corrupt", "says": "is no journal"} for name, data in rows]


def compaction():
    bodies = [b'{"acknowledged":1}', b'{"drained":true}', b'{"acknowledged":2}']
    kept = [{"drained": True}, {"acknowledged": 2}]
    return {
        "hex": journal(EPOCH, 1, bodies).hex(),
        "kept": kept,
        "compacted_hex": journal(EPOCH, 4, [compact(each).encode() for each in kept]).hex(),
    }


EXIT = {
    "v": 1,
    "job": JOB,
    "attempt": 2,
    "continuation": 1,
    "ending": "exited",
    "exit_code": 0,
    "invalid_inputs": False,
    "unopened_inputs": False,
    "oom": False,
    "reason": "the log could not be read to its end",
    "services_error": "nginx.service is not active",
    "started_at": "2026-11-24T00:00:00.000Z",
    "finished_at": "2026-11-24T00:01:00.005Z",
    "left_running": [{"pid": 42, "comm": "nginx", "unit": "nginx.service"}, {"pid": 43, "comm": "é"}],
    "outputs": [
        {"name": "url", "label": "URL", "value": "http://x", "sensitive": False},
        {"name": "token", "label": "Token", "sensitive": True},
    ],
    "log": {
        "lines": 3,
        "bytes": 2**64 - 1,
        "complete": True,
        "dropped_bytes": 7,
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
}
BARE = {
    "v": 1,
    "job": JOB,
    "attempt": 1,
    "continuation": 0,
    "ending": "not_started",
    "invalid_inputs": True,
    "unopened_inputs": False,
    "oom": False,
    "started_at": "1970-01-01T00:00:00.000Z",
    "finished_at": "1970-01-01T00:00:00.000Z",
    "left_running": [],
    "outputs": [],
    "log": {"lines": 0, "bytes": 0, "complete": False, "dropped_bytes": 0},
}
CONTAINMENT = {
    "kind": "cgroup2",
    "directory": "/sys/fs/cgroup/system.slice/provisioning-agent.service/job",
    "runner": {"pid": 4711, "start_time": 2**63, "boot_id": "3f0b6a52-6c9c-4b9c-9d53-6bd0ff1b7a4e"},
    "marks": ["PROVISIONING_JOB_ID=" + JOB, "PROVISIONING_ATTEMPT=1"],
}


def tolerated(document, needed, defaults):
    """(name, text, the same as written here): a member less, and members of a later build."""
    for member in document:
        if member in needed:
            continue
        missing = without(document, member)
        same = set_at(document, f"/{member}", defaults[member]) if member in defaults else missing
        yield f"an older build's, without {member}", compact(missing), compact(same)
    inner = "log" if "log" in document else "runner"
    later = document | {"energy_used": 12.5, inner: document[inner] | {"unheard_of": True}}
    yield "a later build's", compact(later), compact(document)


def refused(document, needed, table):
    for member in needed:
        yield f"without {member}", compact(without(document, member)), f"/{member}: is missing"
    for pointer, value, says in table:
        yield f"{pointer}: {compact(value)}", compact(set_at(document, pointer, value)), says
    if document is not CONTAINMENT:  # whose file is there, and locked, before its runner writes it
        yield "nothing", "", "not valid JSON"
    yield "cut off", compact(document)[:-1], "not valid JSON"
    yield "space that was reserved", compact(document) + "\0" * 8, "not valid JSON"
    yield "a member twice", twice(document, needed[0]), f"the member `{needed[0]}` is given twice"


def records(valid, needed, defaults, table):
    full = compact(valid[0])
    return {
        "valid": [compact(each) for each in valid],
        "tolerated": [dict(zip(("name", "text", "same"), row)) for row in tolerated(valid[0], needed, defaults)]
        + [{"name": "64 KiB", "text": full, "same": full, "pad_to": FULL}],
        "refused": [
            {"name": name, "text": text, "error": "corrupt", "says": says}
            for name, text, says in refused(valid[0], needed, table)
        ]
        + [{"name": "a byte more", "text": full, "pad_to": FULL + 1, "error": "too_large", "says": "65536"}],
    }


def exits():
    endings = [
        {"ending": "exited", "exit_code": 194},
        {"ending": "signaled", "signal": 11, "oom": True},
        {"ending": "timed_out"},
        {"ending": "canceled"},
        {"ending": "interrupted"},
    ]
    order = list(EXIT)
    valid = [EXIT, BARE]
    for ending in endings:
        each = BARE | {"invalid_inputs": False} | ending
        valid.append({name: each[name] for name in [*order[:6], "signal", *order[6:]] if name in each})
    table = [
        ("/v", 2, "it has format 2, and this agent knows 1"),
        ("/v", "1", "/v: must be an integer"),
        ("/job", JOB.upper(), "/job: "),
        ("/attempt", -1, "/attempt: "),
        ("/attempt", 1.5, "/attempt: must be an integer"),
        ("/ending", "rebooted", "/ending: must be one of"),
        ("/exit_code", "0", "/exit_code: must be an integer"),
        ("/signal", [], "/signal: must be an integer"),
        ("/oom", 0, "/oom: must be true or false"),
        ("/reason", 1, "/reason: must be a string"),
        ("/services_error", {}, "/services_error: must be a string"),
        ("/started_at", "yesterday", "/started_at: "),
        ("/left_running", {}, "/left_running: must be an array"),
        ("/left_running/0/pid", "42", "/left_running/0/pid: must be an integer"),
        ("/outputs/0", "url", "/outputs/0: must be an object"),
        ("/outputs/1/sensitive", 1, "/outputs/1/sensitive: must be true or false"),
        ("/log", [], "/log: must be an object"),
        ("/log/bytes", -1, "/log/bytes: "),
    ]
    defaults = {name: BARE[name] for name in BARE} | {"invalid_inputs": False}
    return records(valid, ("v", "job", "attempt", "ending"), defaults, table)


def containments():
    valid = [CONTAINMENT, CONTAINMENT | {"kind": "subreaper", "directory": "", "marks": []}]
    table = [
        ("/kind", 2, "/kind: must be a string"),
        ("/directory", None, "/directory: must be a string"),
        ("/runner", 4711, "/runner: must be an object"),
        ("/runner/pid", "4711", "/runner/pid: must be an integer"),
        ("/runner/start_time", -1, "/runner/start_time: "),
        ("/runner/boot_id", None, "/runner/boot_id: must be a string"),
        ("/marks", "A=1", "/marks: must be an array"),
        ("/marks/0", 1, "/marks/0: must be a string"),
    ]
    return records(valid, ("kind", "directory", "runner"), {"marks": []}, table)


write(
    sys.argv[1] if len(sys.argv) > 1 else HERE,
    journal={"epoch": EPOCH, "files": files(), "refused": refused_files(), "compaction": compaction()},
    spool={"exit": exits(), "runner": containments()},
)
