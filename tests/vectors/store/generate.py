#!/usr/bin/env python3
"""Writes audit.json into the directory given, or beside this file."""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from reference import compact, write  # noqa: E402
from reference.audit import audit_hash, chained  # noqa: E402

JOB = "01935a3c-0000-7000-8000-000000000002"
START = 1795478400000  # 2026-11-24T00:00:00Z


def event(offset, user, action, subject, detail):
    return {"at": START + offset, "user": user, "action": action, "subject": subject, "detail": compact(detail)}


EVENTS = [
    event(0, "alice", "job.created", JOB, {"app_id": "nginx", "note": "é"}),
    event(1, "agent:agent-web1", "job.running", JOB, {}),
    event(1, "", "", "", {}),
    event(-START, "panel", "agent.enrolled", "agent-web1", {"generation": 1}),
]


def chains():
    whole = chained(EVENTS)
    last = whole[-1]
    cut = "the chain was cut off: 4 entries were written, 3 are there."
    other_end = "the last entry is not the one the head names."
    empty = {"sequence": 0, "hash": ""}

    def head(entry):
        return {"sequence": entry["sequence"], "hash": entry["hash"]}

    def replaced(index, **changes):
        return whole[:index] + [whole[index] | changes] + whole[index + 1 :]

    def altered(index, member, value):
        rows, number = replaced(index, **{member: value}), index + 1
        return f"its {member} changed", rows, head(last), number, f"entry {number} was changed after it was written."

    def shifted():
        """What stood at the end of one field stands at the beginning of the next."""
        return replaced(0, user="alicejob.", action="created")

    rehashed = whole[1] | {"detail": "{\"x\":1}"}
    rehashed["hash"] = audit_hash(rehashed)
    rows = [
        ("nothing", [], empty, None, ""),
        ("one entry", whole[:1], head(whole[0]), None, ""),
        ("four entries", whole, head(last), None, ""),
        ("the first is missing", whole[1:], head(last), 1, "entry 1 is missing."),
        ("one between is missing", whole[:1] + whole[2:], head(last), 2, "entry 2 is missing."),
        ("two changed places", [whole[1], whole[0], *whole[2:]], head(last), 1, "entry 1 is missing."),
        ("an entry twice", whole[:2] + whole[1:], head(last), 3, "entry 3 is missing."),
        ("the last is missing", whole[:3], head(last), 4, cut),
        ("all are missing", [], head(last), 1, "the chain was cut off: 4 entries were written, 0 are there."),
        ("one more than the head knows", whole, head(whole[2]), 4, other_end),
        ("another last one", chained([*EVENTS[:3], EVENTS[0]]), head(last), 4, other_end),
        ("another first one", chained([EVENTS[1]])[:1] + whole[1:], head(last), 2, "entry 2 does not continue entry 1."),
        ("an entry written anew with its hash", replaced(1, **rehashed), head(last), 3,
         "entry 3 does not continue entry 2."),
        ("the first does not begin with zeros", replaced(0, previous="01" * 32), head(last), 1,
         "entry 1 does not continue entry 0."),
        ("a field's end moved into the next", shifted(), head(last), 1, "entry 1 was changed after it was written."),
        altered(0, "at", START + 1),
        altered(1, "user", "agent:agent-web2"),
        altered(1, "action", "job.failed"),
        altered(0, "subject", JOB[:-1] + "3"),
        altered(0, "detail", '{"app_id": "nginx","note":"é"}'),
        altered(2, "hash", "00" * 32),
    ]
    names = ("name", "entries", "head", "first_bad", "reason")
    return [dict(zip(names, row)) for row in rows]


write(sys.argv[1] if len(sys.argv) > 1 else HERE, audit={"chains": chains()})
