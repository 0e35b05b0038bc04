"""Who an agent is: keys from SECRET_KEY as founded, new keys by a command and by enrolling beside a running agent."""
import base64
import json
import shutil
import subprocess

import nacl.exceptions
import nacl.public
import pytest

from conftest import AGENT, BIN, SECRET, Platform, kill, requires, wait_for


def keys(platform):
    return json.loads((platform.directory / "agent/keys").read_text())


def greets(platform, word):
    file = platform.directory / f"hello-{word}"
    job = platform.ended(platform.submit("hello", {"greeting": word, "greeting_file": str(file)}))
    return job["status"] == "succeeded" and word in file.read_text()


def test_new_keys_by_a_command_are_used_and_jobs_go_on(platform):
    before = keys(platform)["generation"]
    printed = platform.tool("rotate-keys", AGENT)
    assert f"generation {before + 1}" in printed
    wait_for(lambda: keys(platform)["generation"] == before + 1, 60, "the new keys")
    assert keys(platform)["previous"]["generation"] == before
    job = platform.submit("secretive", {"token": "s3cret-after-the-rotation"})
    assert platform.ended(job)["status"] == "succeeded"
    assert greets(platform, "rotated")


def test_enrolling_again_beside_a_running_agent_is_taken_up(platform, tmp_path):
    before = keys(platform)["generation"]
    platform.installer("waits", f"touch {tmp_path}/started; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; echo went on")
    job = platform.submit("waits")
    wait_for((tmp_path / "started").exists, what="the script")
    token = tmp_path / "token"
    token.write_text(platform.tool("enroll-token", AGENT, "--re-enroll"))
    subprocess.run([BIN / "provisioning-agent", "enroll", "--panel", f"http://127.0.0.1:{platform.port}", "--token-file", token,
                    "--state-dir", platform.directory / "agent"], check=True)
    assert keys(platform)["generation"] == before + 1
    (tmp_path / "go").touch()
    assert platform.ended(job)["status"] == "succeeded" and "went on" in platform.log(job)
    assert greets(platform, "enrolled")


def sealing(platform):
    """What the agent has: its private sealing keys, and whether the panel is known to use the present one."""
    file = json.loads((platform.directory / "agent/sealing-key").read_text())
    previous = file.get("previous")
    return file["key"], previous and previous["key"], bool(previous and previous.get("out_since"))


def rotate_sealing_key(*arguments):
    return subprocess.run([BIN / "provisioning-agent", "rotate-sealing-key", *arguments], capture_output=True, text=True, check=False)


def sealed_to(platform, job, key):
    """Whether the job's secret, as its order lies with the agent, opens with this key."""
    envelope = json.loads((platform.directory / f"agent/jobs/{job}/envelope").read_text())
    box = base64.b64decode(json.loads(base64.b64decode(envelope["payload"]))["sealed_inputs"]["token"])
    try:
        return bool(nacl.public.SealedBox(nacl.public.PrivateKey(base64.b64decode(key))).decrypt(box))
    except nacl.exceptions.CryptoError:
        return False


def test_another_sealing_key_and_no_job_is_lost_by_it(platform, tmp_path):
    state = platform.directory / "agent"
    platform.installer("holds", f"touch {tmp_path}/started; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done")
    holds = platform.submit("holds")
    wait_for((tmp_path / "started").exists, what="the script")
    before, _, _ = sealing(platform)
    under_way = platform.submit("secretive", {"token": "s3cret-to-the-key-before"})
    wait_for(lambda: platform.status(under_way) == "accepted", what="the order sealed to the key before")
    assert sealed_to(platform, under_way, before)

    rotated = rotate_sealing_key("--state-dir", state)
    assert rotated.returncode == 0 and "takes it up at once" in rotated.stdout, rotated.stderr
    assert (state / "sealing-key").stat().st_mode & 0o777 == 0o600
    wait_for(lambda: sealing(platform)[2], what="the panel's use of the new key")
    present, previous, _ = sealing(platform)
    assert previous == before != present
    after = platform.submit("secretive", {"token": "s3cret-to-the-new-key"})
    wait_for(lambda: platform.status(after) == "accepted", what="the order sealed to the new key")
    assert sealed_to(platform, after, present) and not sealed_to(platform, after, before)
    assert not sealed_to(platform, under_way, present)

    again = rotate_sealing_key("--state-dir", state)
    assert again.returncode == 2 and "is still kept, until" in again.stderr
    assert sealing(platform)[:2] == (present, before)
    kill(platform.agent.pid)
    platform.agent.wait()
    platform.start_agent()
    wait_for(platform.agent_online, what="the agent")
    (tmp_path / "go").touch()
    for job in (holds, under_way, after):
        assert platform.ended(job)["status"] == "succeeded", job
    assert "plain [masked]" in platform.log(under_way) and "plain [masked]" in platform.log(after)


@pytest.fixture(name="founded")
def founded_fixture(tmp_path):
    """A panel, and an agent that holds SECRET_KEY and no keys."""
    requires("root")
    (tmp_path / "founded").mkdir()
    running = Platform(tmp_path / "founded")
    try:
        running.start_panel()
        running.token = running.tool("token", "create", "--name", "e2e")
        yield running
    finally:
        running.stop()


def start(platform):
    settings = platform.directory / "agent.yml"
    if not settings.exists():
        settings.write_text(f"# as founded\nsecret_key: {SECRET}\nlog_level: info\n")
        settings.chmod(0o600)
    platform.agent = subprocess.Popen([BIN / "provisioning-agent", "--config", settings, *platform.agent_arguments()],
                                      stderr=open(platform.directory / "agent.err", "a", encoding="utf-8"))
    wait_for(lambda: platform.call("GET", f"/api/servers/{AGENT}")[0] == 200 and platform.agent_online(), what="the agent")
    return settings


def test_an_agent_with_the_secret_itself_registers_warns_and_is_converted(founded):
    settings = start(founded)
    assert greets(founded, "founded")
    warnings = " ".join(founded.get(f"/api/servers/{AGENT}")["warnings"])
    assert "SECRET_KEY" in warnings
    log = (founded.directory / "agent-log/agent.log").read_text()
    assert "secret_key_held" in log and SECRET not in log
    rotated = rotate_sealing_key("--config", settings, "--state-dir", founded.directory / "agent")
    assert rotated.returncode == 0, rotated.stderr
    wait_for(lambda: sealing(founded)[2], what="the panel's use of the new key")
    assert founded.ended(founded.submit("secretive", {"token": "s3cret-as-founded"}))["status"] == "succeeded"

    enrolled = subprocess.run([BIN / "provisioning-agent", "enroll", "--config", settings,
                               "--panel", f"http://127.0.0.1:{founded.port}", "--id", AGENT,
                               "--state-dir", founded.directory / "agent"], capture_output=True, text=True, check=False)
    assert enrolled.returncode == 0, enrolled.stderr
    assert "secret_key was taken out of" in enrolled.stderr and "replace SECRET_KEY" in enrolled.stderr
    assert settings.read_text() == "# as founded\nlog_level: info\n"
    founded.agent.terminate()
    founded.agent.wait(20)
    start(founded)
    assert greets(founded, "converted")
    wait_for(lambda: "SECRET_KEY" not in " ".join(founded.get(f"/api/servers/{AGENT}")["warnings"]), what="the warning's end")


def shows(platform, status):
    return lambda: platform.get(f"/api/servers/{AGENT}")["status"] == status


def test_a_server_that_is_made_anew_gets_what_waited_for_it(founded):
    founded.enrol()
    founded.start_agent()
    wait_for(founded.agent_online, what="the agent")
    founded.stop_agent()
    # A panel that was started anew hands nothing over to who was not heard of since.
    founded.panel.terminate()
    founded.panel.wait(20)
    founded.start_panel()
    plain = founded.submit("hello", {"greeting": "anew", "greeting_file": str(founded.directory / "hello")})
    secret = founded.submit("secretive", {"token": "s3cret-to-the-key-that-goes"})
    assert founded.call("POST", f"/api/servers/{AGENT}/drain")[0] == 202
    assert founded.status(plain) == founded.status(secret) == "queued"

    shutil.rmtree(founded.directory / "agent")
    token = founded.directory / "enroll-token"
    token.write_text(founded.tool("enroll-token", AGENT, "--re-enroll"))
    subprocess.run(founded.enrolment(token, AGENT, founded.directory / "agent"), check=True)
    ended = founded.job(secret)
    assert ended["status"] == "expired" and "submit it again" in ended["status_reason"]

    founded.start_agent()
    wait_for(shows(founded, "drained"), what="the drain that was asked for before")
    # Which of the two came first is not said.
    assert founded.call("POST", f"/api/servers/{AGENT}/resume")[0] == 202
    assert founded.ended(plain)["status"] == "succeeded"
