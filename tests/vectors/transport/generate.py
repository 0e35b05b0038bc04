#!/usr/bin/env python3
"""Writes bodies.json into the directory given, or beside this file."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from reference import compact, write  # noqa: E402
from reference.documents import spoilt  # noqa: E402

SIGNED = {
    each["kind"]: each["envelope"]
    for each in json.loads((HERE.parent / "job/signed.json").read_text(encoding="utf-8"))["signed"]
}
EVENT, OTHER_EVENT, ORDER, CANCEL, ACK = (SIGNED[kind] for kind in ("event", "event_log", "order", "cancel", "ack"))
JOB = "01935a3c-0000-7000-8000-000000000002"
NOW = "2026-11-24T00:00:00.000Z"


def list_of_strings(at):
    return [
        (at, "x", f"{at}: must be an array"),
        (at, None, f"{at}: must be an array"),
        (f"{at}/0", 1, f"{at}/0: must be a string"),
        (f"{at}/0", {"payloadType": "x"}, f"{at}/0: must be a string"),
    ]


def request(valid, table):
    short = {name: ["event 1"] for name in valid[0]}
    rows = [{"name": name, "body": text, "says": says} for name, text, says in spoilt(short, "events", table)]
    for row in rows:
        row["status"] = 422 if row["says"].startswith(("/", "must be an object")) else 400
    empty = {"name": "nothing", "body": "", "says": "not valid JSON", "status": 400}
    return {"valid": [compact(each) for each in valid], "refused": [*rows, empty]}


def answer(valid, table):
    short = valid[0] | {"ack": "ack 1"}
    if "parcels" in short:
        short["parcels"] = [{"id": "1", "envelope": "order 1"}]
    rows = [
        {"name": name, "body": text, "error": "invalid_argument", "says": says}
        for name, text, says in spoilt(short, "now", table, optional=("ack",))
    ]
    return {"valid": [compact(each) for each in valid], "refused": rows}


def bodies():
    parcels = [{"id": JOB, "envelope": ORDER}, {"id": "01935a3c-0000-7000-8000-000000000003", "envelope": CANCEL}]
    of_answers = [("/now", 1795478400000, "/now: must be a string"), ("/now", "soon", "/now: ")]
    of_ack = [("/ack", 7, "/ack: must be a string"), ("/ack", {"seq": 7}, "/ack: must be a string")]
    of_parcels = [
        ("/parcels", None, "/parcels: must be an array"),
        ("/parcels", {}, "/parcels: must be an array"),
        ("/parcels/0", ORDER, "/parcels/0: must be an object"),
        ("/parcels/0", {"id": JOB}, "/parcels/0/envelope: is missing"),
        ("/parcels/0", {"envelope": ORDER}, "/parcels/0/id: is missing"),
        ("/parcels/0/id", 1, "/parcels/0/id: must be a string"),
        ("/parcels/0/envelope", json.loads(ORDER), "/parcels/0/envelope: must be a string"),
        ("/parcels/0/kind", "order", "/parcels/0/kind: is not a known member"),
    ]
    return {
        "poll": request(
            [{"taken": [JOB], "events": [EVENT, OTHER_EVENT]}, {"taken": [], "events": []}],
            list_of_strings("/taken") + list_of_strings("/events"),
        ),
        "poll_answer": answer(
            [{"now": NOW, "parcels": parcels, "ack": ACK}, {"now": NOW, "parcels": []}],
            of_answers + of_parcels + of_ack,
        ),
        "events": request([{"events": [EVENT, OTHER_EVENT]}, {"events": []}], list_of_strings("/events")),
        "events_answer": answer([{"now": NOW, "ack": ACK}, {"now": NOW}], of_answers + of_ack),
    }


write(sys.argv[1] if len(sys.argv) > 1 else HERE, bodies=bodies())
