"""A panel and an agent that meet in a real RabbitMQ: killed, emptied, away, and with others who push."""
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import pika
import pytest

from conftest import AGENT, BIN, ROOT, SECRET, Platform, requires, wait_for
from rabbitmq_server import LoopbackRabbitmqServer

sys.path.append(str(ROOT / "tests/vectors"))
from reference import compact, signing  # noqa: E402

PASSWORD = "of-the-panel"


class RabbitmqPlatform(Platform):
    def __init__(self, directory):
        super().__init__(directory)
        self.rabbitmq = LoopbackRabbitmqServer(directory / "rabbitmq", PASSWORD)

    def panel_environment(self):
        # With polls in its access log.
        return super().panel_environment() | {"RABBITMQ_URL": self.rabbitmq.url, "LOG_LEVEL": "debug"}

    def start_agent(self, *more, **environment):
        over_rabbitmq = {"RABBITMQ_URL": f"amqp://127.0.0.1:{self.rabbitmq.port}", "RABBITMQ_OWN_USER": "true"}
        super().start_agent(*more, **(over_rabbitmq | environment))

    def enrol(self):
        super().enrol()
        self.make_user()

    def make_user(self):
        self.rabbitmq.import_definitions(self.get(f"/api/servers/{AGENT}/amqp-user")["definitions"])

    def start(self):
        self.rabbitmq.start()
        super().start()

    def stop(self):
        super().stop()
        self.rabbitmq.stop()

    def connect_to_broker(self):
        return pika.BlockingConnection(pika.URLParameters(self.rabbitmq.url))

    def waiting(self):
        connection = self.connect_to_broker()
        declared = connection.channel().queue_declare(f"agent.{AGENT}.jobs", passive=True)
        connection.close()
        return declared.method.message_count

    def polls(self):
        return (self.directory / "panel-log/access.log").read_text().count("/agent/v1/poll")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    requires("root")
    running = RabbitmqPlatform(tmp_path_factory.mktemp("platform"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def rabbitmq_runs(platform):
    """A test that killed it and failed must not fail the next one too."""
    if platform.rabbitmq.process.poll() is not None:
        platform.rabbitmq.start()
    wait_for(platform.agent_online, 60, what="the agent")
    yield


def test_hello_goes_through_rabbitmq(platform, tmp_path):
    polls = platform.polls()
    file = tmp_path / "hello"
    job = platform.ended(platform.submit("hello", {"greeting": "by RabbitMQ", "greeting_file": str(file)}))
    assert job["status"] == "succeeded", job
    assert job["log"]["complete"] and "by RabbitMQ" in file.read_text()
    assert len(platform.log(job["id"]).encode()) == job["log"]["bytes"] > 0
    assert platform.waiting() == 0
    assert platform.polls() == polls, "nothing of it by HTTP"
    assert platform.get("/api/health")["checks"]["queue"]["detail"] == "RabbitMQ answers"


def test_a_job_is_canceled_through_rabbitmq(platform):
    platform.installer("waiting", "echo waits; sleep 600\n")
    job = platform.submit("waiting")
    wait_for(lambda: "waits" in platform.log(job), 30, "the job to run")
    status, _ = platform.call("POST", f"/api/jobs/{job}/cancel")
    assert status < 300
    assert platform.ended(job, 30)["status"] == "canceled"


def test_the_definitions_of_its_user_are_printed(platform, ctl):
    printed = ctl("amqp-user", AGENT)
    assert printed.returncode == 0, printed.stderr
    users = json.loads(printed.stdout)["users"]
    assert [user["name"] for user in users] == [f"agent.{AGENT}"]
    assert ctl("amqp-user", "nobody").returncode != 0
    assert f"agent.{AGENT}" in [user["name"] for user in platform.rabbitmq.api("GET", "users")]


def test_rabbitmq_killed_in_mid_job(platform):
    platform.installer("counting", 'for i in $(seq 1 300); do echo "line $i"; sleep 0.05; done\n')
    job = platform.submit("counting")
    wait_for(lambda: platform.log(job).count("\n") > 20, what="some lines")
    platform.rabbitmq.kill()
    platform.rabbitmq.start()
    ended = platform.ended(job, 120)
    assert ended["status"] == "succeeded" and ended["attempt"] == 1 and ended["log"]["complete"], ended
    assert platform.log(job).splitlines() == [f"line {i}" for i in range(1, 301)]
    assert (platform.directory / "witness").read_text().count(job) == 1


def test_rabbitmq_killed_without_its_data_between_submit_and_delivery(platform):
    net = platform.net_pid()
    os.kill(net, signal.SIGSTOP)
    try:
        job = platform.submit("hello")
        wait_for(lambda: platform.status(job) == "dispatched", 20, "the job to be in RabbitMQ")
        platform.rabbitmq.kill()
        platform.rabbitmq.forget()
        platform.rabbitmq.start()
        platform.make_user()
    finally:
        os.kill(net, signal.SIGCONT)
    ended = platform.ended(job, 5 * 60)
    assert ended["status"] == "succeeded" and ended["attempt"] == 1, ended
    assert (platform.directory / "witness").read_text().count(job) == 1


def test_while_rabbitmq_is_away_jobs_are_accepted_and_health_says_so(platform):
    platform.rabbitmq.kill()
    job = platform.submit("hello")
    health = wait_for(lambda: (lambda it: it if it["status"] == "degraded" else None)(platform.get("/api/health")), 20,
                      "health to say degraded")
    assert health["checks"]["queue"]["status"] == "degraded" and health["checks"]["store"]["status"] == "ok", health
    assert platform.status(job) in ("queued", "dispatched")
    assert "provisioning_queue_up 0" in metrics(platform)
    platform.rabbitmq.start()
    assert platform.ended(job, 5 * 60)["status"] == "succeeded"
    wait_for(lambda: platform.get("/api/health")["status"] == "ok", 20, "health to be ok")
    assert "provisioning_queue_up 1" in metrics(platform)


def metrics(platform):
    status, text = platform.call("GET", "/api/metrics")
    assert status == 200
    return text


def moment(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + offset))


def test_a_foreign_producer_with_the_key_pushes_an_order(platform, tmp_path):
    """As docs/formats/rabbitmq.md says it, with pika and nothing of ours."""
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
    connection = platform.connect_to_broker()
    for body in ("junk", envelope, envelope):
        connection.channel().basic_publish("", f"agent.{AGENT}.jobs", body)
    connection.close()
    wait_for(file.exists, 30, "the greeting")
    assert "from elsewhere" in file.read_text()
    wait_for(lambda: platform.waiting() == 0, 30, "the queue to be empty")
    assert (platform.directory / "witness").read_text().count(order["job"]) == 1
    job = wait_for(lambda: (lambda answer: answer[1] if answer[0] == 200 else None)(
        platform.call("GET", f"/api/jobs/{order['job']}")), 30, "the panel to know of it")
    assert job["origin"] == "external"


def test_over_tls_with_a_client_certificate(platform):
    """Which the net process reads as its user, within its sandbox."""
    with tempfile.TemporaryDirectory() as private:
        directory = pathlib.Path(private)
        directory.chmod(0o755)
        for name in ("ca.pem", "cert.pem", "key.pem"):
            shutil.copy(platform.rabbitmq.certificates / name, directory)
            shutil.chown(directory / name, "nobody")
            (directory / name).chmod(0o400)
        platform.restart_agent(
            RABBITMQ_URL=f"amqps://127.0.0.1:{platform.rabbitmq.tls_port}", RABBITMQ_CA_FILE=str(directory / "ca.pem"),
            RABBITMQ_CLIENT_CERT=str(directory / "cert.pem"), RABBITMQ_CLIENT_KEY=str(directory / "key.pem"))
        try:
            assert platform.ended(platform.submit("hello"))["status"] == "succeeded"
            status = pathlib.Path(f"/proc/{platform.net_pid()}/status").read_text()
            assert "\nSeccomp:\t2\n" in status and "\nNoNewPrivs:\t1\n" in status
            [connection] = wait_for(lambda: [each for each in platform.rabbitmq.api("GET", "connections")
                                             if each.get("user") == f"agent.{AGENT}" and each.get("ssl")], 20, "the connection over TLS")
            assert connection["peer_cert_subject"] == "CN=example.com", connection
        finally:
            platform.restart_agent()


def test_no_password_is_in_a_log_or_an_argument(platform):
    for path in [*(platform.directory / "panel-log").iterdir(), platform.directory / "panel.err",
                 platform.directory / "agent.err", platform.directory / "agent-log/agent.log"]:
        assert PASSWORD not in path.read_text(), path
    for process in (platform.panel, platform.agent):
        assert PASSWORD.encode() not in pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
    shown = subprocess.run([BIN / "provisioning-panel", "--check-config"], env=platform.panel_environment(), check=True,
                           capture_output=True, text=True)
    assert PASSWORD not in shown.stdout + shown.stderr and "rabbitmq_url: \"(hidden)\"" in shown.stdout
