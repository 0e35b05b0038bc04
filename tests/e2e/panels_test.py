"""Two panels over one PostgreSQL, and an agent that polls one of them: what one commits the other shows and delivers."""
import threading
import time
import uuid

import pytest

from basics import free_port
from conftest import AGENT, user, wait_for
from postgresql_test import OverPostgresql, platform_fixture  # noqa: F401
from session_test import Browser
from stream_test import has, output, waits

# Without a word of the other panel a stream looks again after 15 s, the reconciler after 30 s.
SOON = 8


class Another(OverPostgresql):
    """A panel beside the platform's own; all else is that one's."""

    def __init__(self, first):
        self.__dict__.update(first.__dict__)
        self.port = free_port()
        self.panel = None

    def panel_environment(self):
        return {**super().panel_environment(), "STATE_DIR": str(self.directory / "another"),
                "LOG_DIR": str(self.directory / "another-log")}


@pytest.fixture(name="another")
def another_fixture(platform):
    panel = Another(platform)
    panel.start_panel()
    try:
        yield panel
    finally:
        panel.panel.kill()
        panel.panel.wait(20)


def test_a_job_and_a_cancel_of_the_panel_that_no_agent_polls_get_there_at_once(platform, another, tmp_path):
    job = waits(platform, "panels-submit", tmp_path)
    (tmp_path / "go").touch()
    assert platform.ended(job)["status"] == "succeeded"
    (tmp_path / "go").unlink()
    wait_for(lambda: another.call("GET", "/api/installers/panels-submit")[1].get("valid"), what="the other panel's catalogue")
    began = time.monotonic()
    job = another.submit("panels-submit")
    wait_for(lambda: another.status(job) == "running", SOON, "the start of a job of the other panel")
    assert another.call("POST", f"/api/jobs/{job}/cancel")[0] == 202
    wait_for(lambda: another.status(job) == "canceled", SOON, "a cancel by the other panel")
    assert time.monotonic() - began < 2 * SOON


def test_a_stream_of_one_panel_shows_at_once_what_another_commits(platform, another, tmp_path):
    job = waits(platform, "panels-stream", tmp_path)
    with another.stream(f"/api/jobs/{job}/stream") as stream:
        frames = stream.until(has("before"))
        said = time.monotonic()
        (tmp_path / "go").touch()
        frames += stream.frames
        assert time.monotonic() - said < SOON, "it was told of by nobody"
        assert stream.ended
    assert frames[-1]["status"] == "succeeded"
    assert output(frames) == platform.log(job) == another.log(job)


def test_a_stream_goes_on_at_another_panel_when_its_own_is_killed(platform, another, tmp_path):
    job = waits(platform, "panels-killed", tmp_path, before="for i in 1 2 3; do echo before $i; done")
    with another.stream(f"/api/jobs/{job}/stream") as stream:
        frames = stream.until(has("before 3"))
    another.panel.kill()
    another.panel.wait(20)
    with platform.stream(f"/api/jobs/{job}/stream", frames[-1]["id"]) as stream:
        (tmp_path / "go").touch()
        frames += stream.frames
    assert output(frames) == platform.log(job), "a gap, or something twice"


def test_who_signs_out_at_one_is_signed_out_at_all(platform, another):
    made = user(platform, "create", "everywhere", "--password-file", "-", password="correct horse battery")
    assert made.returncode == 0, made.stderr
    here = Browser(platform).sign_in("everywhere")
    there = Browser(another)
    there.cookie, there.csrf = here.cookie, here.csrf
    assert here.here() and there.here()
    assert here.call("DELETE", "/api/session")[0] == 204
    assert not there.here() and not here.here()


def test_a_password_is_tried_no_more_often_at_two(platform, another):
    made = user(platform, "create", "guessed", "--password-file", "-", password="correct horse battery")
    assert made.returncode == 0, made.stderr
    answers = [Browser(panel).call("POST", "/api/session", {"name": "guessed", "password": "wrong horse battery"})
               for panel in (platform, another) * 6]
    assert [status for status, _ in answers] == [401] * 10 + [429] * 2
    assert answers[-1][1]["code"] == "too_many_attempts"


def test_one_request_to_both_at_once_makes_one_job(platform, another):
    key, answers = str(uuid.uuid4()), []

    def submit(panel):
        answers.append(panel.call("POST", "/api/jobs", {"app_id": "hello", "server_id": AGENT, "inputs": {}},
                                  {"Idempotency-Key": key}))
    threads = [threading.Thread(target=submit, args=(panel,)) for panel in (platform, another) * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {202}
    assert len({body["id"] for _, body in answers}) == 1
    platform.ended(answers[0][1]["id"])


def test_a_panel_works_on_beside_a_newer_schema(platform, another):
    """As when one panel after the other is brought to a new version, whose steps only add."""
    made = user(platform, "create", "newer", "--password-file", "-", password="correct horse battery")
    assert made.returncode == 0, made.stderr
    server, database = platform.server, platform.database
    version = int(server.sql("SELECT version FROM schema_version", database))
    server.sql("ALTER TABLE jobs ADD COLUMN newer TEXT; ALTER TABLE changes ADD COLUMN newer BIGINT; "
               "ALTER TABLE sessions ADD COLUMN newer TEXT; CREATE TABLE newer (id UUID PRIMARY KEY); "
               f"UPDATE schema_version SET version = {version + 1}", database)
    try:
        job = platform.submit("hello", {"greeting": "beside"})
        assert platform.ended(job)["status"] == "succeeded"
        assert another.log(job) == platform.log(job)
        Browser(another).sign_in("newer")
        refused = user(platform, "list", password="")
        assert refused.returncode != 0 and f"schema version {version + 1}" in refused.stderr, "it began with what it does not know"
    finally:
        server.sql("ALTER TABLE jobs DROP COLUMN newer; ALTER TABLE changes DROP COLUMN newer; ALTER TABLE sessions DROP COLUMN newer; "
                   f"DROP TABLE newer; UPDATE schema_version SET version = {version}", database)
