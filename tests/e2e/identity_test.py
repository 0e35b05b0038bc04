"""Who an agent is: keys from SECRET_KEY as founded, new keys by a command and by enrolling beside a running agent."""
import json
import subprocess

import pytest

from conftest import AGENT, BIN, SECRET, Platform, requires, wait_for


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
