#!/usr/bin/env python3
"""Writes records.json and state.json into the directory given, or beside this file."""

import hashlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from reference import AGENT, SECRET, compact, write  # noqa: E402
from reference.documents import set_at, spoilt, without  # noqa: E402
from reference.sealing import public_key, throwaway  # noqa: E402
from reference.signing import agent_keys, b64  # noqa: E402

SIGNED = {
    each["kind"]: each["envelope"]
    for each in json.loads((HERE.parent / "job/signed.json").read_text(encoding="utf-8"))["signed"]
}
JOB = "01935a3c-0000-7000-8000-000000000002"
NONCE = {
    "value": "000102030405060708090a0b0c0d0e0f",
    "issued_at": "2026-11-24T00:00:00.000Z",
    "expires_at": "2026-11-25T00:00:00.000Z",
}
STATE = {
    "status": "retry_wait",
    "attempt": 2,
    "due": "2026-11-24T00:00:20.000Z",
    "cancel": True,
    "order_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "app_id": "nginx",
    "app_version": "1.10",
    "action": "upgrade",
    "user_id": "alice",
    "changed_at": "2026-11-24T00:00:10.000Z",
}
BOOT = "5f0c2d0e-8b0e-4a43-9d8e-0f8f3a1f6b11"
LOG = {"attempt": 2, "offset": 2**64 - 1, "next_frame": 8, "next_line": 71, "warnings": 1}
ALL = {
    "job": JOB,
    "state": STATE,
    "log": LOG,
    "tombstone": True,
    "cancel_ahead": True,
    "nonce": NONCE,
    "command_nonce": NONCE,
    "nonces_forgotten": {"orders": NONCE["issued_at"], "commands": NONCE["expires_at"]},
    "event": {"seq": 7, "bytes": SIGNED["event"]},
    "acknowledged": 2**64 - 1,
    "drained": True,
    "drain_issued_at": "2026-11-24T00:00:00.000Z",
    "envelope": SIGNED["order"],
    "remembered": {"server_name": "example.test", "port": 80},
}


def members(*names):
    return {name: ALL[name] for name in names}


def accepted():
    received = without(STATE, "due") | {"status": "accepted", "attempt": 0, "cancel": False, "action": "install"}
    statuses = ("accepted", "running", "succeeded", "failed", "timed_out", "canceled", "rejected", "expired",
                "interrupted", "lost")
    rows = [
        ("nothing", {}),
        ("all that there is", ALL),
        ("received", {"job": JOB, "state": received} | members("nonce", "event")),
        ("received, and nothing is sealed", {"job": JOB, "state": received} | members("nonce", "event", "envelope")),
        ("its inputs are remembered", {"job": JOB, "state": received | {"status": "succeeded"}} | members("event", "remembered")),
        ("nothing is remembered any more", {"job": JOB, "state": received | {"status": "succeeded"}, "remembered": {}}),
        ("a retry waits", members("job", "state", "event")),
        ("a part of the log was reported", members("job", "log", "event")),
        ("all that is left of a job", members("job", "tombstone")),
        ("a cancel before its job", members("job", "cancel_ahead", "command_nonce")),
        ("only orders were forgotten", {"nonces_forgotten": {"orders": NONCE["issued_at"]}}),
        ("neither was forgotten", {"nonces_forgotten": {}}),
        ("acknowledged", members("acknowledged")),
        ("drained", members("command_nonce", "drained", "drain_issued_at")),
        ("taken again", {"drained": False}),
    ]
    order = ("status", "attempt", "continuation", "reboot_from")
    for name, more in (
        ("a reboot is awaited", {"reboot_from": BOOT}),
        ("it runs after two reboots", {"continuation": 2}),
        ("a third one is awaited", {"continuation": 2, "reboot_from": BOOT}),
    ):
        state = received | {"status": "running", "attempt": 1} | more
        state = {key: state[key] for key in order if key in state} | state
        rows.append((name, {"job": JOB, "state": state}))
    for status in statuses:
        rows.append((status, {"job": JOB, "state": received | {"status": status, "order_hash": ""}}))
    return [{"name": name, "record": compact(record)} for name, record in rows]


def refused():
    for name in ("state", "log", "nonce", "command_nonce", "event"):
        part = ALL[name]
        for member in part:
            if member != "due":
                yield f"without {name}/{member}", {name: without(part, member)}, f"/{name}/{member}: is missing"
    table = [
        ("/applied", 7, "/applied: is not a known member"),
        ("/state/progress", 50, "/state/progress: is not a known member"),
        ("/log/lines", 1, "/log/lines: is not a known member"),
        ("/nonce/agent", "a", "/nonce/agent: is not a known member"),
        ("/nonces_forgotten/all", NONCE["issued_at"], "/nonces_forgotten/all: is not a known member"),
        ("/event/type", "log", "/event/type: is not a known member"),
        ("/job", 7, "/job: must be a string"),
        ("/envelope", {}, "/envelope: must be a string"),
        ("/remembered", "server_name", "/remembered: must be an object"),
        ("/job", JOB.upper(), "/job: "),
        ("/state", [], "/state: must be an object"),
        ("/state/status", "reported", "/state/status: must be one of"),
        ("/state/attempt", -1, "/state/attempt: "),
        ("/state/attempt", 2**32, "/state/attempt: "),
        ("/state/attempt", 1.0, "/state/attempt: must be an integer"),
        ("/state/continuation", -1, "/state/continuation: "),
        ("/state/reboot_from", 7, "/state/reboot_from: must be a string"),
        ("/state/due", "soon", "/state/due: "),
        ("/state/cancel", None, "/state/cancel: must be true or false"),
        ("/state/action", "format_disk", "/state/action: must be one of"),
        ("/state/changed_at", 1795478400000, "/state/changed_at: must be a string"),
        ("/log/offset", -1, "/log/offset: "),
        ("/log/next_frame", "8", "/log/next_frame: must be an integer"),
        ("/tombstone", 1, "/tombstone: must be true or false"),
        ("/cancel_ahead", "true", "/cancel_ahead: must be true or false"),
        ("/nonce/issued_at", "yesterday", "/nonce/issued_at: "),
        ("/command_nonce/value", 7, "/command_nonce/value: must be a string"),
        ("/nonces_forgotten", NONCE["issued_at"], "/nonces_forgotten: must be an object"),
        ("/event/seq", "7", "/event/seq: must be an integer"),
        ("/event/bytes", {}, "/event/bytes: must be a string"),
        ("/acknowledged", -1, "/acknowledged: "),
        ("/drained", 0, "/drained: must be true or false"),
        ("/drain_issued_at", "", "/drain_issued_at: "),
    ]
    for pointer, value, says in table:
        top = pointer.split("/")[1]
        yield f"{pointer}: {compact(value)}", set_at({top: ALL.get(top)}, pointer, value), says
    yield "another kind", [], "must be an object"


SEALING = bytes(range(32))
PREVIOUS = without(agent_keys(SECRET, AGENT, 1), "http")
KEYS = {"v": 1, "agent": AGENT, "generation": 2, **agent_keys(SECRET, AGENT, 2)}
EPOCH = {
    "v": 1,
    "id": "01935a3c-0000-7000-8000-00000000000e",
    "since": "2026-11-24T00:00:00.000Z",
    "previous": "01935a3c-0000-7000-8000-00000000000d",
    "reason": "the journal was lost",
    "machine_id": "0123456789abcdef0123456789abcdef",
    "root_uuid": "6b1e3e0e-6d0b-4f57-8a8e-6d6a0e0f6a3b",
    "earlier": ["01935a3c-0000-7000-8000-00000000000c", "01935a3c-0000-7000-8000-00000000000b"],
}
NOT_OURS = "is not what this program writes"


def stored(valid, rows):
    refused_rows = [{"name": name, "text": text, "error": "corrupt", "says": says} for name, text, says in rows]
    return {"valid": [compact(each) + "\n" for each in valid], "refused": refused_rows}


def keys_files():
    with_previous = KEYS | {"previous": {"generation": 1, **PREVIOUS}}
    table = [("/v", 2, ""), ("/v", 0, ""), ("/agent", "", ""), ("/agent", "-a", ""), ("/generation", 0, ""),
             ("/generation", -1, ""), ("/previous", PREVIOUS, ""), ("/previous/generation", 0, ""),
             ("/previous/http", KEYS["http"], "")]
    for key in ("/job", "/event", "/http", "/previous/job", "/previous/event"):
        table += [(key, b64(bytes(size)), "") for size in (0, 31, 33)] + [(key, b64(bytes(32))[:-1], "")]
    rows = spoilt(with_previous, "agent", table, optional=("previous",))
    # What is damaged there is never quoted: it may be a key.
    files = stored([KEYS, with_previous], [(name, text, NOT_OURS) for name, text, _ in rows])
    return files | {"earlier": [compact(KEYS | {"sealing": b64(SEALING)}) + "\n"]}


def epoch_files():
    table = [("/v", 2, "/v: "), ("/id", "first", "/id: "), ("/since", 0, "/since: must be a string"),
             ("/previous", "none", "/previous: "), ("/reason", 1, "/reason: must be a string"),
             ("/machine_id", None, "/machine_id: must be a string"),
             ("/root_uuid", None, "/root_uuid: must be a string"),
             ("/earlier", EPOCH["previous"], "/earlier: must be an array"),
             ("/earlier/1", 1, "/earlier/1: must be a string")]
    first = without(EPOCH, "previous") | {"reason": "first start", "root_uuid": "", "earlier": []}
    return stored([EPOCH, first], spoilt(EPOCH, "id", table, optional=("previous", "earlier")))


def sealing_keys():
    earlier = throwaway("sealing-key")
    first = {"v": 1, "key": b64(SEALING)}
    rotated = first | {"previous": {"key": b64(earlier)}}
    out = first | {"previous": {"key": b64(earlier), "out_since": "2026-11-24T00:00:00.000Z"}}
    table = [("/v", 2, ""), ("/v", 0, ""), ("/previous", b64(earlier), ""), ("/previous/out_since", "soon", "")]
    for key in ("/key", "/previous/key"):
        table += [(key, b64(bytes(size)), "") for size in (0, 31, 33)] + [(key, b64(SEALING)[:-1], "")]
    files = stored([first, rotated, out],
                   [(name, text, NOT_OURS) for name, text, _ in
                    spoilt(out, "key", table, optional=("previous", "out_since"))])
    rows = [("31 bytes", b64(bytes(31))), ("33 bytes", b64(bytes(33))), ("not base64", b64(SEALING)[:-1]),
            ("nothing", ""), ("two lines", b64(SEALING) + "\n\n")]
    files["refused"] += [{"name": name, "text": text, "error": "corrupt", "says": NOT_OURS} for name, text in rows]
    return files | {
        "earlier": [b64(SEALING) + "\n", b64(SEALING)],
        "public_key": b64(public_key(SEALING)),
        "previous_public_key": b64(public_key(earlier)),
    }


def quarantines():
    """What an agent finds when it starts: is `parcel` looked at, and what do the files hold then?"""
    parcel, other = "order 1", "order 2"
    digest, other_digest = (hashlib.sha256(text.encode()).hexdigest() for text in (parcel, other))

    def row(name, in_hand, suspects, looked_at, job=None, after=None):
        text = suspects if isinstance(suspects, str) else compact(suspects)
        return {"name": name, "parcel": parcel, "in_hand": in_hand, "suspects": text, "looked_at": looked_at,
                "job": job, "suspects_after": text if after is None else compact(after)}

    two, three = {"deaths": 2, "job": JOB}, {"deaths": 3, "job": JOB}
    return [
        row("no suspect", "", {}, True),
        row("it ended the agent twice", "", {digest: two}, True, JOB),
        row("three times", "", {digest: three}, False, JOB),
        row("three times, its job never known", "", {digest: {"deaths": 3}}, False),
        row("another one three times", "", {other_digest: three}, True),
        row("in hand for the first time", digest, {}, True, None, {digest: {"deaths": 1}}),
        row("in hand for the first time, its job known", digest + JOB, {}, True, JOB,
            {digest: {"deaths": 1, "job": JOB}}),
        row("in hand for the third time", digest, {digest: two}, False, JOB, {digest: three}),
        row("another one in hand", other_digest, {digest: two}, True, JOB,
            dict(sorted({digest: two, other_digest: {"deaths": 1}}.items()))),
        row("half a digest in hand", digest[:40], {digest: two}, True, JOB),
        row("suspects that are cut off", "", '{"' + digest, True),
        row("suspects with a member more", "", {digest: three | {"name": "x"}}, True),
    ]


write(
    sys.argv[1] if len(sys.argv) > 1 else HERE,
    records={
        "records": accepted(),
        "refused": [
            {"name": name, "record": compact(record), "error": "invalid_argument", "says": says}
            for name, record, says in refused()
        ],
    },
    state={
        "keys": keys_files(),
        "sealing_key": sealing_keys(),
        "epoch": epoch_files(),
        "quarantine": quarantines(),
    },
)
