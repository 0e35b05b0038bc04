"""Streams as an EventSource reads them, of real jobs: every frame is held to the document by Platform.stream."""
import datetime
import http.client
import itertools
import time

import pytest

from conftest import AGENT, kill, wait_for

NO_JOB = "01900000-0000-7000-8000-000000000000"
ORDER = ["queued", "dispatched", "accepted", "running", "succeeded"]


def waits(platform, name, directory, before="echo before", after="echo after"):
    """A job that says `before`, and then waits for the file `go` to say `after`."""
    platform.installer(name, f"{before}\nwhile [ ! -e {directory}/go ]; do sleep 0.05; done\n{after}\n")
    return platform.submit(name)


def output(frames):
    return "".join(frame["output"] for frame in frames)


def numbers(frames):
    return [line["n"] for frame in frames for line in frame["lines"]]


def told(frames):
    """All that a reader learns, whatever it came in: the text, the lines, the end."""
    lines = [(frame["attempt"], line["n"], line["t"], line["s"]) for frame in frames for line in frame["lines"]]
    return output(frames), lines, frames[-1]["status"]


def has(text):
    return lambda frame: text in frame["output"]


def lines_of_runs(page):
    """What a page by runs holds, as a page by lines says it."""
    lines = []
    for run in page["runs"]:
        texts = run["text"].split("\n")
        assert len(texts) == len(run["t"])
        for number, (time, text) in enumerate(zip(itertools.accumulate(run["t"]), texts), run["n"]):
            at = datetime.datetime.fromtimestamp(time / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")
            lines.append({"n": number, "attempt": page["attempt"], "t": at.replace("+00:00", "Z"), "s": run["s"], "text": text})
    return lines


def test_a_job_is_told_live_from_its_first_change_to_its_last(platform, tmp_path):
    job = waits(platform, "stream-live", tmp_path, "echo before; echo ::progress 50 half; echo aside >&2")
    with platform.stream(f"/api/jobs/{job}/stream") as stream:
        frames = stream.until(lambda frame: frame["progress"] == 50)
        assert platform.status(job) == "running"  # what was read was read before its end
        (tmp_path / "go").touch()
        frames += stream.frames
        assert stream.ended and stream.retry == 1000
    statuses = [frame["status"] for frame in frames]
    assert statuses == sorted(statuses, key=ORDER.index) and statuses[-1] == "succeeded", statuses
    assert statuses.count("succeeded") == 1
    assert output(frames) == platform.log(job)
    listed = platform.get(f"/api/jobs/{job}/log")["lines"]
    assert [line for frame in frames for line in frame["lines"]] == [{name: line[name] for name in ("n", "t", "s")} for line in listed]
    assert {line["s"] for line in listed} == {"out", "err"}
    assert lines_of_runs(platform.get(f"/api/jobs/{job}/log?by=run")) == listed
    sequences = [frame["seq"] for frame in frames]
    assert sequences == sorted(set(sequences))
    assert [frame["id"] for frame in frames] == [str(sequence) for sequence in sequences]


def test_a_reader_that_comes_late_is_told_everything(platform, tmp_path):
    job = waits(platform, "stream-late", tmp_path)
    wait_for(lambda: "before" in platform.log(job), what="the log")
    with platform.stream(f"/api/jobs/{job}/stream") as stream:
        assert output(stream.until(has("before"))) == "before\n"
        (tmp_path / "go").touch()
        assert output(stream.frames) == "after\n"


def test_a_cancel_is_told_before_the_end_it_leads_to(platform, tmp_path):
    job = waits(platform, "stream-cancel", tmp_path)
    with platform.stream(f"/api/jobs/{job}/stream") as stream:
        stream.until(has("before"))
        asked = platform.call("POST", f"/api/jobs/{job}/cancel")[1]["cancel_requested_at"]
        frames = list(stream.frames)
    assert all(frame["cancel_requested_at"] == asked for frame in frames)
    assert frames[-1]["status"] == "canceled"


def finished(platform, name, script):
    platform.installer(name, script)
    job = platform.submit(name)
    assert platform.ended(job)["status"] == "succeeded"
    return job


@pytest.fixture(name="long", scope="module")
def fixture_long(platform):
    """A job whose output is too large for one frame, and its frames."""
    job = finished(platform, "stream-long", "seq 1 2500; sleep 0.3; seq 2501 2510 >&2\n")
    with platform.stream(f"/api/jobs/{job}/stream") as stream:
        return job, list(stream.frames)


def test_a_finished_jobs_stream_tells_all_of_it_and_ends(platform, long):
    job, frames = long
    assert output(frames) == platform.log(job) == "".join(f"{n}\n" for n in range(1, 2511))
    assert numbers(frames) == list(range(1, 2511))
    assert frames[-1]["status"] == "succeeded"
    # The output of one change came in several frames, or this job says nothing of positions within one.
    assert any("." in frame["id"] for frame in frames), [frame["id"] for frame in frames]


def test_a_resume_after_each_frame_tells_exactly_the_rest(platform, long):
    job, frames = long
    assert len(frames) >= 3
    for at, frame in enumerate(frames[:-1]):
        with platform.stream(f"/api/jobs/{job}/stream", frame["id"]) as stream:
            assert told(frames[:at + 1] + list(stream.frames)) == told(frames), frame["id"]
    status, body = platform.call("GET", f"/api/jobs/{job}/stream", headers={"Last-Event-ID": frames[-1]["id"]})
    assert (status, body) == (204, "")  # which ends an EventSource


def test_after_resumes_as_the_header_does_and_the_header_counts_first(platform, long):
    job, frames = long
    last = frames[-1]["seq"]
    for after in range(last):
        with platform.stream(f"/api/jobs/{job}/stream?after={after}") as stream:
            rest = list(stream.frames)
        assert rest[-1]["seq"] == last and rest[0]["seq"] > after
        assert output(frames).endswith(output(rest))
    assert platform.call("GET", f"/api/jobs/{job}/stream?after={last}")[0] == 204
    # An EventSource that reconnects has the URL as it was.
    again = {"Last-Event-ID": frames[-1]["id"]}
    assert platform.call("GET", f"/api/jobs/{job}/stream?after=0", headers=again)[0] == 204
    assert platform.call("GET", f"/api/jobs/{job}/stream?after={last}", headers={"Last-Event-ID": ""})[0] == 204


def test_a_live_stream_that_is_cut_again_and_again_has_no_gap_and_no_double(platform):
    platform.installer("stream-cut", "for i in $(seq 300); do echo \"line $i\"; sleep 0.01; done\n")
    job = platform.submit("stream-cut")
    frames, last, cuts = [], None, 0
    while not frames or frames[-1]["status"] != "succeeded":
        with platform.stream(f"/api/jobs/{job}/stream", last) as stream:
            frames.append(next(stream.frames))
            last = frames[-1]["id"]
        cuts += 1
    assert cuts > 5
    assert output(frames) == "".join(f"line {n}\n" for n in range(1, 301))
    assert numbers(frames) == list(range(1, 301))


def test_a_panel_that_is_killed_and_started_again_goes_on_where_the_stream_was(platform, tmp_path):
    job = waits(platform, "stream-restart", tmp_path)
    with platform.stream(f"/api/jobs/{job}/stream") as stream:
        frames = stream.until(has("before"))
        kill(platform.panel.pid)
        platform.panel.wait()
        with pytest.raises((OSError, http.client.HTTPException)):  # cut, which is not the end that a stream has
            list(stream.frames)
    platform.start_panel()
    with platform.stream(f"/api/jobs/{job}/stream", frames[-1]["id"]) as resumed:
        (tmp_path / "go").touch()
        frames += resumed.frames
    assert output(frames) == "before\nafter\n" and frames[-1]["status"] == "succeeded"


def test_silence_is_broken_by_a_comment_and_the_stream_goes_on(platform, tmp_path):
    job = waits(platform, "stream-silence", tmp_path)
    with platform.stream(f"/api/jobs/{job}/stream") as stream:
        frames = stream.until(has("before"))
        if frames[-1]["status"] != "running":
            frames += stream.until(lambda frame: frame["status"] == "running")
        since = time.monotonic()
        assert stream.silence() == "still here"
        assert 13 < time.monotonic() - since < 20
        (tmp_path / "go").touch()
        assert output(stream.frames) == "after\n"


# ---- refusals


@pytest.mark.parametrize("target,header,status,code,field,wrong", [
    (f"/api/jobs/{NO_JOB}/stream", None, 404, "not_found", None, ()),
    ("/api/jobs/not-a-uuid/stream", None, 404, "not_found", None, ("id",)),
    (f"/api/stream?jobs={NO_JOB}", None, 404, "not_found", None, ()),
    ("/api/stream?jobs={job},x", None, 422, "invalid_parameter", "jobs", ("jobs",)),
    ("/api/stream?topics=users", None, 422, "invalid_parameter", "topics", ("topics",)),
    ("/api/stream", None, 422, "invalid_parameter", "jobs", ()),
    ("/api/jobs/{job}/stream?colour=red", None, 422, "invalid_parameter", "colour", ("colour",)),
    ("/api/jobs/{job}/stream?after=x", None, 422, "invalid_parameter", "after", ("after",)),
    ("/api/jobs/{job}/stream?after=-1", None, 422, "invalid_parameter", "after", ("after",)),
    ("/api/jobs/{job}/stream?after=999999", None, 422, "invalid_parameter", "after", ()),
    ("/api/jobs/{job}/stream", "abc", 422, "invalid_parameter", "Last-Event-ID", ("Last-Event-ID",)),
    ("/api/jobs/{job}/stream", "-1", 422, "invalid_parameter", "Last-Event-ID", ("Last-Event-ID",)),
    ("/api/jobs/{job}/stream", "01", 422, "invalid_parameter", "Last-Event-ID", ("Last-Event-ID",)),
    ("/api/jobs/{job}/stream", "1.0", 422, "invalid_parameter", "Last-Event-ID", ("Last-Event-ID",)),
    ("/api/jobs/{job}/stream", "9" * 65, 422, "invalid_parameter", "Last-Event-ID", ("Last-Event-ID",)),
    ("/api/jobs/{job}/stream", "999999", 422, "invalid_parameter", "Last-Event-ID", ()),
    ("/api/jobs/{job}/stream", "1.99", 422, "invalid_parameter", "Last-Event-ID", ()),
    ("/api/stream?jobs={job}", "12", 422, "invalid_parameter", "Last-Event-ID", ()),
    ("/api/stream?jobs={job}", "!", 422, "invalid_parameter", "Last-Event-ID", ("Last-Event-ID",)),
])
def test_what_is_no_stream_or_no_position_of_it_is_named(platform, long, target, header, status, code, field, wrong):
    headers = {} if header is None else {"Last-Event-ID": header}
    got, problem = platform.call("GET", target.replace("{job}", long[0]), headers=headers, wrong=wrong)
    assert (got, problem["code"]) == (status, code), problem
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else []), problem


# ---- several jobs, and topics


def test_several_jobs_in_one_stream_are_named_and_resumed_together(platform, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (waits(platform, f"stream-{name}", tmp_path / name, f"echo {name}") for name in ("one", "two"))
    target = f"/api/stream?jobs={one},{two}"
    (tmp_path / "one/go").touch()  # a server runs one job at a time
    frames = []
    with platform.stream(target) as stream:
        frames += stream.until(lambda frame: frame["job"] == two and "two" in frame["output"])
    (tmp_path / "two/go").touch()
    platform.ended(two)
    with platform.stream(target, frames[-1]["id"]) as stream:
        frames += stream.frames
    for job, text in ((one, "one\nafter\n"), (two, "two\nafter\n")):
        mine = [frame for frame in frames if frame["job"] == job]
        assert output(mine) == text and mine[-1]["status"] == "succeeded"
    assert platform.call("GET", target, headers={"Last-Event-ID": frames[-1]["id"]})[0] == 204


def test_topics_begin_with_a_reset_and_tell_of_every_job_and_server(platform):
    with platform.stream("/api/stream?topics=jobs,servers") as stream:
        first = next(stream.frames)
        assert (first["topic"], first["reset"]) == ("jobs", True)
        job = platform.submit("hello", {"greeting": "hi", "greeting_file": "/tmp/provisioning-e2e-hello"})
        frames = stream.until(lambda frame: frame.get("job") == job and frame["status"] == "succeeded")
        assert all("output" not in frame for frame in frames)
        assert platform.call("POST", f"/api/servers/{AGENT}/drain")[0] == 202
        try:
            wait_for(lambda: platform.get(f"/api/servers/{AGENT}")["status"] == "drained", what="the drain")
            stream.until(lambda frame: frame["topic"] == "servers")
        finally:
            assert platform.call("POST", f"/api/servers/{AGENT}/resume")[0] == 202
    wait_for(lambda: platform.get(f"/api/servers/{AGENT}")["status"] == "online", what="the resumed server")
