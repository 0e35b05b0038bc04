#!/usr/bin/env python3
"""Holds what panel, agent and scripts left behind to the promises of docs/formats/states.md, journal.md and log-frames.md.

Usage: history.py PANEL_DB WITNESS [AGENT=STATE_DIR..]

Reads the panel's store, each agent's journal and spool, and the witness: a file to which each script wrote its job and
attempt when it started. Prints what is wrong, one a line, and what was looked at; exits 1 where something is wrong. The
programs may run, but then what they do meanwhile counts as wrong. Nothing here shares code with them.
"""
import base64
import collections
import ctypes
import hashlib
import json
import pathlib
import re
import sqlite3
import struct
import sys
import uuid

from crc32c import crc32c

ROOT = pathlib.Path(__file__).resolve().parents[2]
TERMINAL = {"succeeded", "failed", "timed_out", "canceled", "rejected", "expired"}
PARKED = {"interrupted", "lost"}
NEVER_RUN = {"rejected", "expired"}
Chunk = collections.namedtuple("Chunk", "first lines frames")


class Damaged(Exception):
    pass


def transitions():
    """{(from, to): who} as the document's table has them."""
    table = collections.defaultdict(set)
    for row in re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", (ROOT / "docs/formats/states.md").read_text(), re.MULTILINE):
        table[row[0], row[1]].add(row[2])
    assert len(table) > 30, "the table of docs/formats/states.md was not found"
    return table


# ---- bytes

def records(data, first):
    """(sequence, body) of each whole record; a torn end is passed over, as the programs do."""
    at = 0
    while len(data) - at >= 20:
        length, sequence, body_crc, head_crc = struct.unpack_from("<IQII", data, at)
        if not any(data[at:at + 20]) and not any(data[at:]):
            return
        if head_crc != crc32c(data[at:at + 16]):
            raise Damaged(f"a record's header at byte {at} is damaged")
        if first is not None and sequence != first:
            raise Damaged(f"record {sequence} stands where {first} should")
        body = data[at + 20:at + 20 + length]
        if len(body) < length:
            return
        if body_crc != crc32c(body):
            raise Damaged(f"record {sequence} is damaged")
        yield sequence, body
        first, at = sequence + 1, at + 20 + length


def frames(data, first=None):
    """(sequence, bytes) of each frame of a log."""
    return [(sequence, body[9:]) for sequence, body in records(data, first)]


ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def unpacked(stored):
    size = struct.unpack_from("<I", stored)[0]
    buffer = ctypes.create_string_buffer(size)
    if ZSTD.ZSTD_decompress(buffer, size, stored[4:], len(stored) - 4) != size:
        raise Damaged("a chunk of the log cannot be unpacked")
    return buffer.raw


# ---- what each of them left

class Store:
    def __init__(self, path):
        base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        base.row_factory = sqlite3.Row
        self.jobs = {str(uuid.UUID(bytes=row["id"])): dict(row) for row in base.execute("SELECT * FROM jobs")}
        self.changes = {job: [] for job in self.jobs}
        for row in base.execute("SELECT * FROM changes ORDER BY job_id, seq"):
            self.changes[str(uuid.UUID(bytes=row["job_id"]))].append(dict(row))
        base.close()


class Agent:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.states = collections.defaultdict(list)  # job -> its states in order
        self.events = []
        self.acknowledged = 0
        self.whole = not list(self.directory.glob("journal.old-*"))  # no journal before this one
        if not (self.directory / "journal").exists():
            return
        data = (self.directory / "journal").read_bytes()
        if data[:8] != b"PROVJNL1" or struct.unpack_from("<I", data, 32)[0] != crc32c(data[:32]):
            raise Damaged("the journal's header is damaged")
        first = struct.unpack_from("<Q", data, 24)[0]
        self.whole = self.whole and first == 1  # nothing was compacted away
        for _, body in records(data[36:], first):
            self.take(json.loads(body))

    def take(self, entry):
        self.acknowledged = max(self.acknowledged, entry.get("acknowledged") or 0)
        event = None
        if entry.get("event"):
            envelope = json.loads(entry["event"]["bytes"])
            event = json.loads(base64.b64decode(envelope["payload"]))
            self.events.append((entry["event"]["seq"], event))
        if entry.get("job") and entry.get("state"):
            self.states[entry["job"]].append((entry["state"], event))

    def attempt(self, job, attempt):
        return self.directory / "jobs" / job / str(attempt)


# ---- what must hold

class History:
    def __init__(self, store, agents, witness):
        self.store, self.agents, self.wrong = store, agents, []
        self.table = transitions()
        self.witness = collections.Counter(tuple(line.split()[:2]) for line in witness.splitlines() if line.strip())
        self.chunks = 0

    def must(self, holds, job, sentence):
        if not holds:
            self.wrong.append(f"{job}: {sentence}")

    def check(self):
        for job, row in self.store.jobs.items():
            self.check_changes(job, row)
            self.check_end(job, row)
            self.check_log(job, row)
            if row["server_id"] in self.agents:
                self.check_agreement(job, row, self.agents[row["server_id"]])
        for agent in self.agents.values():
            self.check_journal(agent)
        self.check_witness()
        return self.wrong

    def looked_at(self):
        states = sum(len(changes) for changes in self.store.changes.values())
        return (f"{len(self.store.jobs)} jobs, {states} changes, {self.chunks} chunks of logs, "
                f"{sum(len(agent.events) for agent in self.agents.values())} events, {sum(self.witness.values())} runs of scripts")

    # The panel's side: numbered changes, each legal.
    def check_changes(self, job, row):
        changes = self.store.changes[job]
        self.must([each["seq"] for each in changes] == list(range(1, row["seq"] + 1)), job, "its changes have a gap or a double")
        if not changes:
            return
        if row["origin"] == "panel":
            self.must(changes[0]["status"] == "queued", job, f"it began as {changes[0]['status']}")
        last = changes[-1]
        self.must((last["status"], last["attempt"]) == (row["status"], row["attempt"]), job,
                  f"its row is {row['status']}/{row['attempt']}, its last change {last['status']}/{last['attempt']}")
        for before, after in zip(changes, changes[1:]):
            step = f"{before['status']}/{before['attempt']} -> {after['status']}/{after['attempt']}"
            self.must(self.legal(job, row, before["status"], after["status"]), job, f"an illegal transition: {step}")
            self.must(after["attempt"] >= before["attempt"], job, f"an attempt that was over: {step}")
            if after["status"] == "running":
                self.must(after["attempt"] - before["attempt"] in (0, 1), job, f"attempts are missing: {step}")
            if before["status"] != after["status"] == "running" and before["status"] in ("accepted", "retry_wait"):
                self.must(after["attempt"] == before["attempt"] + 1, job, f"an attempt was begun twice: {step}")

    def legal(self, job, row, before, after):
        if before == after and before not in TERMINAL:
            return True
        if self.table.get((before, after)):
            return True
        # By answer: the agent must have said so again.
        agent = self.agents.get(row["server_id"])
        return (agent is not None and before not in TERMINAL and before != "interrupted" and
                any(event.get("job") == job and event["type"] == "state" and event["state"].get("again") and
                    event["state"]["status"] == after for _, event in agent.events))

    # Over, parked, or truly under way.
    def check_end(self, job, row):
        status = row["status"]
        if status in TERMINAL:
            for column in ("envelope", "sealed_ciphertext"):
                self.must(row[column] is None, job, f"it is {status} and its {column} is still there")
            self.must(not row["undelivered"], job, f"it is {status} and still to be delivered")
        if status in TERMINAL | PARKED or status in ("queued", "dispatched"):
            return
        agent = self.agents.get(row["server_id"])
        if agent is None:
            return
        states = agent.states.get(job)
        if not states:
            return self.must(False, job, f"it is {status}, and its agent does not know it")
        if states[-1][0]["status"] == "running" and states[-1][0]["attempt"] > 0:
            self.must(runs(agent.attempt(job, states[-1][0]["attempt"])), job, "it is running, and neither a runner nor a result is there")

    # Each attempt's log is one piece; of the last one, all of it.
    def check_log(self, job, row):
        if row.get("log_removed_at") is not None:
            return self.must(row["status"] in TERMINAL, job, f"it is {row['status']}, and its log was removed")
        logs = collections.defaultdict(list)
        for change in self.store.changes[job]:
            if change["log_first"] is None:
                continue
            self.chunks += 1
            try:
                logs[change["attempt"]].append(Chunk(change["log_first"], change["log_count"], frames(unpacked(change["log_bytes"]))))
            except Damaged as fault:
                self.must(False, job, f"attempt {change['attempt']}: {fault}")
        for attempt, chunks in logs.items():
            self.check_chunks(job, row, attempt, chunks)
        self.check_summary(job, row, logs.get(row["attempt"], []))

    def check_chunks(self, job, row, attempt, chunks):
        line, frame = 1, 1
        for chunk in chunks:
            self.must(chunk.first == line, job, f"attempt {attempt}: line {chunk.first} comes where {line} should")
            self.must(chunk.frames[0][0] == frame, job, f"attempt {attempt}: frame {chunk.frames[0][0]} comes where {frame} should")
            line, frame = chunk.first + chunk.lines, chunk.frames[-1][0] + 1
        agent = self.agents.get(row["server_id"])
        if agent is None or not (agent.attempt(job, attempt) / "log").exists():
            return
        try:
            written = frames((agent.attempt(job, attempt) / "log").read_bytes(), 1)
        except Damaged as fault:
            return self.must(False, job, f"attempt {attempt}, the agent's log: {fault}")
        shown = [each for chunk in chunks for each in chunk.frames]
        self.must(shown == written[:len(shown)], job, f"attempt {attempt}: the panel's log is not the agent's")
        if attempt < row["attempt"] or row["status"] in TERMINAL:
            self.must(len(shown) == len(written), job, f"attempt {attempt}: {len(written) - len(shown)} frames never came")

    def check_summary(self, job, row, chunks):
        log = json.loads(row["log"])
        text = b"".join(data for chunk in chunks for _, data in chunk.frames)
        if log.get("dropped_bytes"):
            return
        self.must(log["bytes"] == len(text), job, f"its log has {len(text)} bytes, and {log['bytes']} are told")
        lines = chunks[-1].first + chunks[-1].lines - 1 if chunks else 0
        self.must(log["lines"] == lines, job, f"its log has {lines} lines, and {log['lines']} are told")
        if log.get("sha256") and log["complete"]:
            self.must(log["sha256"] == hashlib.sha256(text).hexdigest(), job, "its log is not what the script wrote")
        if row["status"] in ("succeeded", "failed", "timed_out") and row["attempt"] > 0 and log.get("sha256"):
            self.must(log["complete"], job, f"it is {row['status']}, and its log is not complete")

    # The agent's side.
    def check_journal(self, agent):
        numbers = [seq for seq, _ in agent.events]
        if agent.whole:
            self.must(numbers == list(range(1, len(numbers) + 1)), agent.directory, "its events have a gap or a double")
        self.must(agent.acknowledged <= max(numbers, default=0), agent.directory, "an event was acknowledged that it never made")
        for job, states in agent.states.items():
            for state, event in states:
                if event and event["type"] == "state":
                    self.must(event["job"] == job and event["state"]["status"] == state["status"], job,
                              f"its journal says {state['status']}, and the event that tells of it {event['state']['status']}")
            self.check_states(job, agent, [(state["status"], state["attempt"]) for state, _ in states])

    def check_states(self, job, agent, states):
        steps = [each for i, each in enumerate(states) if i == 0 or states[i - 1] != each]
        if agent.whole:
            self.must("agent" in self.table.get(("dispatched", steps[0][0]), ()), job, f"its journal begins with {steps[0][0]}")
        for (before, was), (after, now) in zip(steps, steps[1:]):
            step = f"{before}/{was} -> {after}/{now}"
            self.must(before == after or "agent" in self.table.get((before, after), ()), job, f"an illegal step of the journal: {step}")
            self.must(now >= was, job, f"an attempt that was over, in the journal: {step}")
        begun = [attempt for status, attempt in steps if status == "running"]
        self.must(len(begun) == len(set(begun)), job, f"attempts {begun} were journalled as started")

    # Store and journal tell one story.
    def check_agreement(self, job, row, agent):
        states = agent.states.get(job)
        if not states:
            if row["status"] in ("accepted", "running", "retry_wait") or row["status"] in {"succeeded", "failed", "timed_out"}:
                self.must(not agent.whole, job, f"it is {row['status']}, and its agent has no record of it")
            return
        state, event = states[-1]
        told = event is None or event["seq"] <= agent.acknowledged
        if told and row["status"] not in PARKED:
            self.must(row["status"] == state["status"], job, f"the panel says {row['status']}, and the agent {state['status']}")
        elif row["status"] in TERMINAL:
            self.must(row["status"] == state["status"], job, f"the panel says {row['status']} of what the agent calls {state['status']}")
        if row["status"] in TERMINAL:
            self.must(row["attempt"] == state["attempt"], job, f"the panel counts {row['attempt']} attempts, the agent {state['attempt']}")

    # What really ran.
    def check_witness(self):
        for (job, attempt), runs_of_it in self.witness.items():
            self.must(runs_of_it == 1, job, f"attempt {attempt} ran {runs_of_it} times")
            row = self.store.jobs.get(job)
            if row is None:
                self.must(False, job, "it ran, and the panel does not know it")
                continue
            self.must(row["status"] not in NEVER_RUN, job, f"it is {row['status']}, and it ran")
            agent = self.agents.get(row["server_id"])
            if agent and agent.whole:
                self.must(any(state["status"] == "running" and state["attempt"] == int(attempt) for state, _ in agent.states.get(job, [])),
                          job, f"attempt {attempt} ran, and no record says that it was started")
        for job, row in self.store.jobs.items():
            if row["status"] == "succeeded" and row["server_id"] in self.agents:
                self.must(self.witness[job, str(row["attempt"])] > 0, job, "it succeeded, and its script never ran")


def runs(attempt):
    """A runner that lives, or what it left last."""
    if (attempt / "exit").exists():
        return True
    try:
        runner = json.loads((attempt / "runner").read_text())["runner"]
        stat = pathlib.Path(f"/proc/{runner['pid']}/stat").read_text()
    except (OSError, ValueError):
        return False
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return boot == runner["boot_id"] and int(stat.rpartition(") ")[2].split()[19]) == runner["start_time"]


def check(database, witness, agents):
    """What is wrong, and what was looked at. `agents`: id -> state directory."""
    try:
        read = {name: Agent(directory) for name, directory in agents.items()}
    except Damaged as fault:
        return [f"the journal: {fault}"], "nothing"
    text = pathlib.Path(witness).read_text() if pathlib.Path(witness).exists() else ""
    history = History(Store(database), read, text)
    return history.check(), history.looked_at()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    found, seen = check(sys.argv[1], sys.argv[2], dict(each.split("=", 1) for each in sys.argv[3:]))
    print("\n".join(found + [f"{seen}: {len(found) or 'nothing'} wrong"]))
    sys.exit(1 if found else 0)
