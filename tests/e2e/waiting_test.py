"""What a job waits for, what it does step by step, and why it failed: told by the panel, done by the agent."""
from conftest import AGENT, wait_for


def test_a_wait_for_the_next_attempt_is_hurried(platform, tmp_path):
    platform.installer("hurried", f"[ -e {tmp_path}/mark ] && exit 0\ntouch {tmp_path}/mark\nexit 2\n",
                       idempotent=True, retry={"max_attempts": 2, "backoff_seconds": 3600})
    job = platform.submit("hurried")
    wait_for(lambda: platform.status(job) == "retry_wait", what="the wait")
    waiting = platform.job(job)
    assert waiting["waiting_for"]["kind"] == "retry" and waiting["queue_position"] is None
    assert waiting["waiting_for"]["message"].startswith("The last attempt failed: ")
    for _ in range(2):
        status, body = platform.call("POST", f"/api/jobs/{job}/retry-now", headers={"Idempotency-Key": "hurry"})
        assert status == 202 and body["id"] == job and body["waiting_for"] is None
    ended = platform.ended(job)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2), ended
    status, problem = platform.call("POST", f"/api/jobs/{job}/retry-now")
    assert (status, problem["code"]) == (409, "not_waiting")
    asked = [entry for entry in platform.get(f"/api/jobs/{job}/audit")["items"] if entry["action"] == "job.retry_now_requested"]
    assert len(asked) == 1 and asked[0]["detail"] == '{"attempt":1}'


def test_jobs_that_wait_say_how_many_are_ahead(platform, tmp_path):
    platform.installer("occupies", f"touch {tmp_path}/runs\nuntil [ -e {tmp_path}/go ]; do sleep 0.1; done\n")
    first = platform.submit("occupies")
    wait_for((tmp_path / "runs").exists, what="the script")
    second, third = (platform.submit("hello") for _ in range(2))
    assert platform.job(first)["waiting_for"] is None
    told = [(platform.job(job)["queue_position"], platform.job(job)["waiting_for"]["kind"]) for job in (second, third)]
    assert told == [(1, "queue"), (2, "queue")]
    listed = {job["id"]: job["queue_position"] for job in platform.get(f"/api/jobs?server_id={AGENT}&limit=3")["items"]}
    assert listed == {first: None, second: 1, third: 2}
    (tmp_path / "go").touch()
    for job in (first, second, third):
        assert platform.ended(job)["queue_position"] is None


def test_a_job_for_a_server_that_is_away_or_drained_says_so(platform):
    platform.call("POST", f"/api/servers/{AGENT}/drain")
    wait_for(lambda: platform.get(f"/api/servers/{AGENT}")["status"] == "drained", what="the drain")
    job = platform.submit("hello")
    assert platform.job(job)["waiting_for"]["kind"] == "drained"
    platform.call("POST", f"/api/servers/{AGENT}/resume")
    assert platform.ended(job)["waiting_for"] is None


def test_a_failed_job_tells_its_steps_and_the_cause_that_its_installer_knows(platform):
    platform.installer(
        "explains", "echo ::group Install\necho ok\necho ::endgroup\necho ::group Start\necho bind: address in use\nexit 3\n",
        known_failures=[{"pattern": "address in use", "cause": "Another program has the port.", "remedy": "Stop it."}])
    job = platform.ended(platform.submit("explains"))
    assert job["known_failure"] == {"title": "Another program has the port.", "remedy": "Stop it.", "line": 5, "retryable": False}
    assert [(step["name"], step["line"], step["status"]) for step in job["steps"]] == [("Install", 1, "succeeded"), ("Start", 4, "failed")]
    assert all(step["started_at"] <= step["finished_at"] for step in job["steps"])
    lines = platform.get(f"/api/jobs/{job['id']}/log")["lines"]
    assert lines[4]["text"] == "bind: address in use"


def test_a_stream_from_now_begins_with_the_state(platform, tmp_path):
    platform.installer("talks", f"echo before\ntouch {tmp_path}/said\nuntil [ -e {tmp_path}/go ]; do sleep 0.1; done\necho after\n")
    job = platform.submit("talks")
    wait_for(lambda: platform.job(job)["log"]["lines"] == 1, what="the first line")
    with platform.stream(f"/api/stream?jobs={job}&from=now") as stream:
        (tmp_path / "go").touch()
        frames = list(stream.frames)
    assert frames[0]["status"] == "running" and frames[-1]["status"] == "succeeded"
    assert "after\n" in "".join(frame["output"] for frame in frames)


def test_a_broken_installer_shows_the_line_that_is_wrong(platform):
    directory = platform.installers / "misspelt"
    directory.mkdir()
    (directory / "manifest.yml").write_text("id: misspelt\ntimout_seconds: 600\n")
    wait_for(lambda: platform.call("GET", "/api/installers/misspelt")[0] == 200, what="the installer")
    errors = platform.get("/api/installers/misspelt")["errors"]
    assert "timout_seconds: 600" in [error["source"] for error in errors if error["line"] == 2], errors
