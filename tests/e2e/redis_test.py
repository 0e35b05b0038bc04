"""A panel and an agent that meet in a real Redis: killed without its data, away, and with others who listen and push."""
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import uuid

import pytest

from conftest import AGENT, BIN, ROOT, SECRET, Platform, requires, wait_for
from redis_server import RedisServer

sys.path.append(str(ROOT / "tests/vectors"))
from reference import compact, signing  # noqa: E402

PASSWORD = "of-the-panel"


class RedisPlatform(Platform):
    def __init__(self, directory):
        super().__init__(directory)
        self.redis = RedisServer(directory / "redis", PASSWORD)

    def panel_environment(self):
        # With polls in its access log.
        return super().panel_environment() | {"REDIS_URL": self.redis.url, "LOG_LEVEL": "debug"}

    def start_agent(self, *more, **environment):
        over_redis = {"REDIS_URL": f"redis://127.0.0.1:{self.redis.port}", "REDIS_ACL": "true"}
        super().start_agent(*more, **(over_redis | environment))

    def enrol(self):
        super().enrol()
        rule = self.get(f"/api/servers/{AGENT}/redis-acl")["rule"]
        client = self.redis.client()
        client.execute_command(*rule.split())
        client.execute_command("ACL", "SAVE")

    def start(self):
        self.redis.start()
        super().start()

    def stop(self):
        super().stop()
        self.redis.kill()

    def waiting(self):
        client = self.redis.client()
        return client.llen(f"agent:{AGENT}:jobs") + client.llen(f"agent:{AGENT}:processing")

    def polls(self):
        return (self.directory / "panel-log/access.log").read_text().count("/agent/v1/poll")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    requires("root")
    running = RedisPlatform(tmp_path_factory.mktemp("platform"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def redis_runs(platform):
    """A test that killed it and failed must not fail the next one too."""
    if platform.redis.process.poll() is not None:
        platform.redis.start()
    wait_for(platform.agent_online, what="the agent")
    yield


def test_hello_goes_through_redis(platform, tmp_path):
    polls = platform.polls()
    file = tmp_path / "hello"
    job = platform.ended(platform.submit("hello", {"greeting": "by Redis", "greeting_file": str(file)}))
    assert job["status"] == "succeeded", job
    assert job["log"]["complete"] and "by Redis" in file.read_text()
    assert len(platform.log(job["id"]).encode()) == job["log"]["bytes"] > 0
    client = platform.redis.client()
    assert platform.waiting() == 0
    wait_for(lambda: client.xlen(f"agent:{AGENT}:events") == 0, 10, "the stream to be trimmed")
    assert 0 < client.ttl(f"agent:{AGENT}:heartbeat") <= 45
    assert platform.polls() == polls, "nothing of it by HTTP"


def test_the_rule_of_its_user_is_printed(platform, ctl):
    printed = ctl("redis-acl", AGENT)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.strip() == platform.get(f"/api/servers/{AGENT}/redis-acl")["rule"]
    assert ctl("redis-acl", "nobody").returncode != 0
    users = platform.redis.client().execute_command("ACL", "LIST")
    assert any(user.startswith(f"user agent:{AGENT} on ") for user in users)


def test_row_31_redis_killed_in_mid_job_without_its_data(platform):
    platform.installer("counting", 'for i in $(seq 1 300); do echo "line $i"; sleep 0.02; done\n')
    job = platform.submit("counting")
    wait_for(lambda: platform.log(job).count("\n") > 20, what="some lines")
    for _ in range(3):
        platform.redis.kill()
        platform.redis.start()
        time.sleep(1)
    ended = platform.ended(job, 90)
    assert ended["status"] == "succeeded" and ended["attempt"] == 1 and ended["log"]["complete"], ended
    assert platform.log(job).splitlines() == [f"line {i}" for i in range(1, 301)]
    assert (platform.directory / "witness").read_text().count(job) == 1


def test_row_31_redis_killed_between_submit_and_delivery(platform):
    net = platform.net_pid()
    os.kill(net, signal.SIGSTOP)
    try:
        job = platform.submit("hello")
        wait_for(lambda: platform.waiting() == 1, 20, "the job to be in Redis")
        platform.redis.kill()
        platform.redis.start()
        assert platform.waiting() == 0
    finally:
        os.kill(net, signal.SIGCONT)
    ended = platform.ended(job, 5 * 60)
    assert ended["status"] == "succeeded" and ended["attempt"] == 1, ended
    assert (platform.directory / "witness").read_text().count(job) == 1


def test_row_32_while_redis_is_away_jobs_are_accepted_and_health_says_so(platform):
    platform.redis.kill()
    job = platform.submit("hello")
    health = wait_for(lambda: (lambda it: it if it["status"] == "degraded" else None)(platform.get("/api/health")), 20,
                      "health to say degraded")
    assert health["checks"]["queue"]["status"] == "degraded" and health["checks"]["store"]["status"] == "ok", health
    assert platform.status(job) in ("queued", "dispatched")
    assert "provisioning_queue_up 0" in metrics(platform)
    platform.redis.start()
    assert platform.ended(job, 5 * 60)["status"] == "succeeded"
    wait_for(lambda: platform.get("/api/health")["status"] == "ok", 20, "health to be ok")
    assert "provisioning_queue_up 1" in metrics(platform)


def metrics(platform):
    status, text = platform.call("GET", "/api/metrics")
    assert status == 200
    return text


def test_an_agent_without_redis_is_served_as_before(platform):
    platform.restart_agent(REDIS_URL="", REDIS_ACL="false")
    polls = platform.polls()
    try:
        wait_for(lambda: platform.polls() > polls, 30, "a poll")
        assert platform.ended(platform.submit("hello"))["status"] == "succeeded"
    finally:
        platform.restart_agent()
    # What is submitted before it is heard by Redis again goes where it was, and is found missing by the reconciler.
    assert platform.ended(platform.submit("hello"), 120)["status"] == "succeeded"


def test_whoever_listens_hears_what_becomes_of_a_job(platform):
    listener = platform.redis.client().pubsub()
    listener.psubscribe("job:*:updates")
    job = platform.ended(platform.submit("hello"))
    heard = []

    def last():
        message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
        if message and message["channel"] == f"job:{job['id']}:updates":
            heard.append(json.loads(message["data"]))
        return heard and heard[-1]["status"] == "succeeded"
    wait_for(last, 20, "the end to be heard")
    listener.close()
    assert all(set(update) == {"status", "progress", "message", "seq"} for update in heard)
    assert heard[-1]["progress"] == 100
    sequences = [update["seq"] for update in heard]
    assert sequences == sorted(sequences)


def moment(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + offset))


def test_a_foreign_producer_with_the_key_pushes_an_order(platform, tmp_path):
    """As docs/formats/redis.md says it, with redis-py and nothing of ours."""
    file = tmp_path / "foreign"
    known = platform.get("/api/installers/hello")
    epoch = json.loads((platform.directory / "agent/epoch").read_text())["id"]
    now_ms = int(time.time() * 1000)
    number = now_ms << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    order = {"job": str(uuid.UUID(int=number)), "attempts": {"max_attempts": 1, "backoff_seconds": 0}, "agent": AGENT,
             "epoch": epoch, "app_id": "hello", "app_version": known["version"], "installer_digest": known["digest"],
             "inputs": {"greeting": "from elsewhere", "greeting_file": str(file)}, "sealed_inputs": {},
             "timeout_seconds": 60, "limits": {}, "action": "install", "issued_at": moment(), "not_before": moment(),
             "expires_at": moment(3600), "nonce": secrets.token_hex(16), "user_id": "another-program", "approval": None}
    key = signing.agent_key(SECRET, "job", AGENT, 1)
    envelope = signing.envelope("application/vnd.provisioning.job.v1+json", compact(order), f"job/{AGENT}/1", key)
    client = platform.redis.client()
    client.rpush(f"agent:{AGENT}:jobs", "junk", envelope, envelope)
    wait_for(file.exists, 30, "the greeting")
    assert "from elsewhere" in file.read_text()
    wait_for(lambda: platform.waiting() == 0, 30, "the lists to be empty")
    witness = platform.directory / "witness"
    assert witness.read_text().count(order["job"]) == 1
    if platform.call("GET", f"/api/jobs/{order['job']}")[0] == 404:
        # A panel that makes no row of it has no history that it could be held to.
        witness.write_text("".join(line for line in witness.read_text().splitlines(True) if order["job"] not in line))


def test_no_password_is_in_a_log_or_an_argument(platform):
    for path in [*(platform.directory / "panel-log").iterdir(), platform.directory / "panel.err",
                 platform.directory / "agent.err", platform.directory / "agent-log/agent.log"]:
        assert PASSWORD not in path.read_text(), path
    for process in (platform.panel, platform.agent):
        assert PASSWORD.encode() not in pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
    shown = subprocess.run([BIN / "provisioning-panel", "--check-config"], env=platform.panel_environment(), check=True,
                           capture_output=True, text=True)
    assert PASSWORD not in shown.stdout + shown.stderr and "redis_url: \"(hidden)\"" in shown.stdout
