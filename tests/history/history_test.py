"""The history checker itself: one truthful history, in which nothing is wrong, and one lie after the other told in it."""
import base64
import hashlib
import pathlib
import re
import sqlite3
import struct
import subprocess
import sys
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/vectors"), str(ROOT / "tests/history")]
import history  # noqa: E402
from reference import compact, framing  # noqa: E402

JOB = "01935a3c-0000-7000-8000-000000000002"
REFUSED = "01935a3c-0000-7000-8000-000000000003"
TEXT = [b"one\n", b"two\nthree\n"]


def steps():
    """(status, attempt, frame or None): a job that fails once and then succeeds."""
    return [["queued", 0, None], ["dispatched", 0, None], ["accepted", 0, None], ["running", 1, None], ["running", 1, [1, 1, b"no\n"]],
            ["retry_wait", 1, None], ["running", 2, None], ["running", 2, [1, 1, TEXT[0]]], ["running", 2, [2, 2, TEXT[1]]],
            ["succeeded", 2, None]]


class Told:
    """What the three left behind, as lists that a test may change before they are written."""

    def __init__(self, directory):
        self.directory = directory
        self.steps, self.refused = steps(), [["queued", 0, None], ["dispatched", 0, None], ["rejected", 0, None]]
        self.states = [("accepted", 0), ("running", 1), ("retry_wait", 1), ("running", 2), ("succeeded", 2)]
        self.log = b"".join(TEXT)
        self.row, self.summary, self.spool = {}, {}, {2: list(TEXT), 1: [b"no\n"]}
        self.witness = [f"{JOB} 1 install", f"{JOB} 2 install"]
        self.events, self.acknowledged, self.first_frame, self.first_byte = None, None, 1, b"\x28"
        self.frame_numbers, self.said = None, {}  # of events: the status that one tells, where it is not the record's

    def store(self):
        base = sqlite3.connect(self.directory / "panel.db")
        base.execute("PRAGMA synchronous=OFF")
        for script in re.findall(r'R"sql\((.*?)\)sql"', (ROOT / "src/store/sqlite/schema.cpp").read_text(), re.DOTALL):
            base.executescript(script)
        for job, rows in ((JOB, self.steps), (REFUSED, self.refused)):
            self.insert(base, job, rows)
        base.commit()
        base.close()

    def insert(self, base, job, rows):
        key = uuid.UUID(job).bytes
        log = {"lines": 3, "bytes": len(self.log), "complete": True, "dropped_bytes": 0,
               "sha256": hashlib.sha256(self.log).hexdigest()} if job == JOB else {"lines": 0, "bytes": 0, "complete": False, "dropped_bytes": 0}
        row = {"id": key, "app_id": "hello", "app_version": "1", "installer_digest": "d", "server_id": "a", "action": "install",
               "inputs": "{}", "sealed_inputs": "[]", "max_attempts": 3, "backoff_seconds": 1, "user_id": "u", "origin": "panel",
               "created_at": 0, "status": rows[-1][0], "attempt": rows[-1][1], "needs_attention": 0, "outputs": "[]",
               "left_running": "[]", "log": compact({**log, **(self.summary if job == JOB else {})}), "seq": len(rows), "undelivered": 0,
               **(self.row if job == JOB else {})}
        base.execute(f"INSERT INTO jobs ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))
        frame = {}
        for i, (status, attempt, chunk) in enumerate(rows):
            first, count, data = chunk or (None, None, None)
            if data is not None:
                frame[attempt] = frame.get(attempt, 0) + 1
                number = (self.frame_numbers or {}).get((attempt, frame[attempt]), frame[attempt])
                raw = framing.log_frame(number, 0, 1, data)
                data = struct.pack("<I", len(raw)) + self.first_byte + framing.zstd(raw)[1:]
            base.execute("INSERT INTO changes VALUES (?,?,0,?,?,NULL,NULL,NULL,?,?,?)", (key, i + 1, attempt, status, first, count, data))

    def agent(self):
        state = self.directory / "agent"
        state.mkdir()
        header = b"PROVJNL1" + bytes(16) + struct.pack("<Q", 1)
        journal = header + struct.pack("<I", framing.crc32c(header))
        told = [(JOB, *each) for each in self.states] + [(REFUSED, "rejected", 0)]
        numbers = self.events or range(1, len(told) + 1)
        entries = []
        for number, (job, status, attempt) in zip(numbers, told):
            event = {"type": "state", "job": job, "seq": number, "state": {"status": self.said.get(number, status)}}
            envelope = compact({"payload": base64.b64encode(compact(event).encode()).decode()})
            entries.append({"job": job, "state": {"status": status, "attempt": attempt}, "event": {"seq": number, "bytes": envelope}})
        entries.append({"acknowledged": len(told) if self.acknowledged is None else self.acknowledged})
        for sequence, entry in enumerate(entries, 1):
            journal += framing.record(sequence, compact(entry).encode())
        (state / "journal").write_bytes(journal)
        for attempt, texts in self.spool.items():
            (state / "jobs" / JOB / str(attempt)).mkdir(parents=True)
            log = b"".join(framing.log_frame(i, 0, 1, text) for i, text in enumerate(texts, self.first_frame))
            (state / "jobs" / JOB / str(attempt) / "log").write_bytes(log)

    def check(self):
        self.store()
        self.agent()
        (self.directory / "witness").write_text("".join(line + "\n" for line in self.witness))
        return history.check(self.directory / "panel.db", self.directory / "witness", {"a": self.directory / "agent"})


@pytest.fixture(name="told")
def told_fixture(tmp_path):
    return Told(tmp_path)


def test_of_a_truthful_history_nothing_is_wrong(told):
    wrong, seen = told.check()
    assert wrong == []
    assert seen == "2 jobs, 13 changes, 3 chunks of logs, 6 events, 2 runs of scripts"


def under_way(told):
    """Up to the second attempt's start, on both sides."""
    told.steps, told.states = told.steps[:7], told.states[:4]
    told.summary, told.spool = {"bytes": 0, "lines": 0, "complete": False, "sha256": None}, {1: [b"no\n"], 2: []}


def lies():
    def lie(sentence):
        def add(change):
            table.append(pytest.param(change, sentence, id=change.__name__))
            return change
        return add
    table = []

    @lie("an illegal transition: retry_wait/1 -> accepted/1")
    def a_transition_that_is_none(told):
        told.steps[6][:2] = ["accepted", 1]

    @lie("an illegal transition: succeeded/2 -> failed/2")
    def a_second_end(told):
        told.steps.append(["failed", 2, None])

    @lie("its row is failed/2, its last change succeeded/2")
    def a_row_that_is_not_its_last_change(told):
        told.row = {"status": "failed"}

    @lie("its changes have a gap or a double")
    def a_change_is_missing(told):
        told.row = {"seq": 11}

    @lie("an attempt was begun twice: retry_wait/1 -> running/1")
    def the_panel_saw_an_attempt_twice(told):
        told.steps[6][1] = 1

    @lie("attempts are missing: retry_wait/1 -> running/3")
    def an_attempt_is_left_out(told):
        told.steps[6][1] = 3

    @lie("attempt 2 ran 2 times")
    def an_attempt_ran_twice(told):
        told.witness.append(told.witness[-1])

    @lie("attempt 3 ran, and no record says that it was started")
    def an_attempt_ran_that_nobody_began(told):
        told.witness.append(f"{JOB} 3 install")

    @lie("it succeeded, and its script never ran")
    def a_success_of_nothing(told):
        told.witness.pop()

    @lie("it is rejected, and it ran")
    def a_refused_job_ran(told):
        told.witness.append(f"{REFUSED} 1 install")

    @lie("it ran, and the panel does not know it")
    def a_job_out_of_nowhere_ran(told):
        told.witness.append("01935a3c-0000-7000-8000-000000000009 1 install")

    @lie("attempts [1, 1] were journalled as started")
    def the_journal_starts_an_attempt_twice(told):
        told.states[3] = ("running", 1)

    @lie("an illegal step of the journal: retry_wait/1 -> succeeded/2")
    def a_step_of_the_journal_is_missing(told):
        told.states.pop(3)

    @lie("its events have a gap or a double")
    def an_event_is_missing(told):
        told.events, told.acknowledged = [1, 2, 4, 5, 6, 7], 7

    @lie("an event was acknowledged that it never made")
    def too_much_was_acknowledged(told):
        told.acknowledged = 7

    @lie("the panel says succeeded, and the agent failed")
    def they_disagree_on_how_it_ended(told):
        told.states[-1] = ("failed", 2)

    @lie("attempt 2: line 4 comes where 2 should")
    def a_gap_in_the_lines(told):
        told.steps[8][2][0] = 4

    @lie("attempt 2: line 1 comes where 2 should")
    def a_chunk_comes_twice(told):
        told.steps[8][2] = told.steps[7][2]

    @lie("attempt 2: frame 3 comes where 2 should")
    def a_gap_in_the_frames(told):
        told.frame_numbers = {(2, 2): 3}

    @lie("attempt 2: the panel's log is not the agent's")
    def another_text(told):
        told.steps[8][2][2] = b"two\nThree\n"

    @lie("its log is not what the script wrote")
    def the_digest_is_anothers(told):
        told.summary = {"sha256": "0" * 64}

    @lie("its log has 14 bytes, and 15 are told")
    def the_bytes_are_counted_wrong(told):
        told.summary = {"bytes": 15}

    @lie("its log has 3 lines, and 4 are told")
    def the_lines_are_counted_wrong(told):
        told.summary = {"lines": 4}

    @lie("it is succeeded, and its log is not complete")
    def an_end_without_its_log(told):
        told.summary = {"complete": False}

    @lie("attempt 2: 1 frames never came")
    def the_end_of_the_log_is_missing(told):
        told.spool[2].append(b"four\n")

    @lie("it is succeeded and its envelope is still there")
    def the_sealed_inputs_are_kept(told):
        told.row = {"envelope": b"{}"}

    @lie("it is succeeded and still to be delivered")
    def an_ended_job_is_delivered_again(told):
        told.row = {"undelivered": 1}

    @lie("attempt 2: a chunk of the log cannot be unpacked")
    def a_chunk_is_no_chunk(told):
        told.first_byte = b"\x29"

    @lie("it began as dispatched")
    def it_was_never_queued(told):
        told.steps.pop(0)

    @lie("an attempt that was over: running/2 -> running/1")
    def an_attempt_comes_back(told):
        told.steps[7][1] = 1

    @lie("it is running, and its agent does not know it")
    def the_agent_never_heard_of_it(told):
        under_way(told)
        told.states = []

    @lie("it is succeeded, and its agent has no record of it")
    def it_ended_nowhere(told):
        told.states = []

    @lie("attempt 2, the agent's log: record 2 stands where 1 should")
    def the_agents_log_has_lost_its_beginning(told):
        told.first_frame = 2

    @lie("its journal begins with running")
    def the_journal_has_lost_its_beginning(told):
        told.states.pop(0)

    @lie("an attempt that was over, in the journal: retry_wait/1 -> running/0")
    def the_journal_goes_back(told):
        told.states[3] = ("running", 0)

    @lie("its journal says running, and the event that tells of it failed")
    def an_event_tells_something_else(told):
        told.said = {2: "failed"}

    @lie("the panel says succeeded of what the agent calls running")
    def the_panel_knows_more_than_the_agent(told):
        told.states.pop()
        told.acknowledged = 0

    @lie("the panel counts 2 attempts, the agent 1")
    def they_count_attempts_differently(told):
        told.states = [("accepted", 0), ("running", 1), ("succeeded", 1)]

    @lie("it is running, and its log was removed")
    def the_log_of_a_running_job_was_removed(told):
        under_way(told)
        told.row = {"log_removed_at": 1}

    @lie("it is running, and neither a runner nor a result is there")
    def it_hangs(told):
        under_way(told)

    return table


@pytest.mark.parametrize("lie,sentence", lies())
def test_a_lie_is_named(told, lie, sentence):
    lie(told)
    wrong, _ = told.check()
    assert sentence in [each.split(": ", 1)[1] for each in wrong], wrong


def test_a_log_that_was_removed_is_not_missed(told):
    told.row = {"log_removed_at": 1}
    told.steps = [[status, attempt, None] for status, attempt, _ in told.steps]
    assert told.check() == ([], "2 jobs, 13 changes, 0 chunks of logs, 6 events, 2 runs of scripts")


def test_a_job_whose_runner_has_left_its_result_is_under_way(told):
    under_way(told)
    told.check()
    (told.directory / "agent/jobs" / JOB / "2/exit").write_text("{}")
    wrong, _ = history.check(told.directory / "panel.db", told.directory / "witness", {"a": told.directory / "agent"})
    assert wrong == []


def test_a_damaged_journal_is_named(told):
    told.check()
    journal = told.directory / "agent/journal"
    data = bytearray(journal.read_bytes())
    data[60] ^= 1
    journal.write_bytes(data)
    wrong, _ = history.check(told.directory / "panel.db", told.directory / "witness", {"a": told.directory / "agent"})
    assert wrong == ["the journal: record 1 is damaged"]


def test_a_torn_end_of_the_journal_is_no_damage(told):
    told.check()
    journal = told.directory / "agent/journal"
    journal.write_bytes(journal.read_bytes() + framing.record(8, b"{}")[:-1])
    wrong, _ = history.check(told.directory / "panel.db", told.directory / "witness", {"a": told.directory / "agent"})
    assert wrong == []


def test_the_program_prints_what_it_finds_and_exits_1(told):
    told.witness.append(told.witness[-1])
    told.check()
    done = subprocess.run([sys.executable, ROOT / "tests/history/history.py", told.directory / "panel.db", told.directory / "witness",
                           f"a={told.directory}/agent"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    assert done.stdout.splitlines() == [f"{JOB}: attempt 2 ran 2 times", "2 jobs, 13 changes, 3 chunks of logs, 6 events, "
                                        "3 runs of scripts: 1 wrong"]
