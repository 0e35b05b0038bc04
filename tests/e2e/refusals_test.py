"""What the programs refuse to start with: a sentence that says what to do, an exit status, and nothing half-done."""
import os
import subprocess

import pytest

from conftest import BIN, ROOT, free_port, wait_for

SECRET = "a-secret-of-thirty-two-bytes-or-more"


def run(program, *arguments, **environment):
    return subprocess.run([BIN / program, *arguments], env={"PATH": os.environ["PATH"], **environment}, timeout=20,
                          capture_output=True, text=True, check=False)


def refused(result, status, *texts):
    assert result.returncode == status, (result.returncode, result.stderr)
    for text in texts:
        assert text in result.stderr, result.stderr


@pytest.fixture(name="panel")
def fixture_panel(tmp_path):
    def start(*arguments, **environment):
        settings = {"SECRET_KEY": SECRET, "STATE_DIR": str(tmp_path / "state"), "LOG_DIR": "-",
                    "INSTALLERS_DIR": str(ROOT / "installers"), "PANEL_LISTEN": f"127.0.0.1:{free_port()}", **environment}
        return run("provisioning-panel", *arguments, **{name: value for name, value in settings.items() if value})
    yield start


@pytest.mark.parametrize("environment,texts", [
    ({"SECRET_KEY": ""}, ("secret_key", "32 bytes")),
    ({"SECRET_KEY": "short"}, ("secret_key", "32 bytes")),
    ({"PANEL_LISTEN": "0.0.0.0:5000"}, ("PANEL_TLS_CERT", "PANEL_TRUSTED_PROXY")),
    ({"PANEL_LISTEN": "somewhere"}, ("panel_listen",)),
    ({"LOG_LEVEL": "loud"}, ("LOG_LEVEL", "debug")),
    ({"DATABASE_URL": "mysql://here"}, ("database_url",)),
])
def test_a_panel_does_not_start_with_wrong_settings(panel, tmp_path, environment, texts):
    refused(panel(**environment), 2, *texts)
    assert not (tmp_path / "state").exists()


def test_a_panel_says_which_flag_it_does_not_know(panel):
    refused(panel("--panel-lisen", "127.0.0.1:5000"), 2, "unknown flag --panel-lisen", "--help")


def test_a_secret_is_never_a_flag(panel):
    refused(panel("--secret-key", SECRET), 2, "--secret-key", "SECRET_KEY_FILE")


def test_a_panel_whose_port_is_taken_says_which(panel, platform):
    taken = f"127.0.0.1:{platform.port}"
    refused(panel(PANEL_LISTEN=taken), 2, f"something else listens on {taken}", "PANEL_LISTEN")


def test_an_agent_that_was_never_enrolled_says_how(tmp_path):
    result = run("provisioning-agent", "--state-dir", str(tmp_path / "agent"), "--log-dir", str(tmp_path),
                 "--installers-dir", str(ROOT / "installers"), "--allow-unsafe-installers-dir", "true")
    assert result.returncode != 0
    assert "provisioning-agent enroll" in result.stderr, result.stderr


@pytest.mark.parametrize("arguments,texts", [
    (("--panel-url", "http://panel.example.com:5000"), ("panel_url", "https://")),
    (("--containment", "none"), ("containment", "subreaper")),
    (("--agent-id", "a b"), ("agent_id",)),
    (("--max-parallel-jobs", "0"), ("max_parallel_jobs",)),
    (("--frobnicate", "1"), ("frobnicate",)),
])
def test_an_agent_does_not_start_with_wrong_settings(tmp_path, arguments, texts):
    refused(run("provisioning-agent", "--state-dir", str(tmp_path / "agent"), *arguments), 2, *texts)
    assert not (tmp_path / "agent").exists()


def test_enrolling_at_a_panel_that_is_not_there_says_so(tmp_path):
    (tmp_path / "token").write_text("x" * 40)
    result = run("provisioning-agent", "enroll", "--panel", f"http://127.0.0.1:{free_port()}", "--token-file",
                 str(tmp_path / "token"), "--id", "agent-a", "--state-dir", str(tmp_path / "agent"))
    assert result.returncode != 0 and result.stderr.strip(), result
    assert not (tmp_path / "agent" / "keys").exists()


def test_a_revoked_token_is_refused_by_the_running_panel(platform):
    token = platform.tool("token", "create", "--name", "to-be-revoked", "--scope", "read")
    header = {"Authorization": f"Bearer {token}"}
    assert platform.call("GET", "/api/jobs", headers=header)[0] == 200
    assert "to-be-revoked" in platform.tool("token", "list") and token not in platform.tool("token", "list")
    platform.tool("token", "revoke", "to-be-revoked")
    wait_for(lambda: platform.call("GET", "/api/jobs", headers=header)[0] == 401, 10, "the refusal")


def test_a_catalogue_that_cannot_be_read_is_degraded_and_comes_back(platform):
    away = platform.installers.with_name("away")
    platform.installers.rename(away)
    wait_for(lambda: platform.get("/api/health")["status"] == "degraded", 20, "the degradation")
    assert "INSTALLERS_DIR" in platform.get("/api/health")["checks"]["registry"]["detail"]
    assert any(app["id"] == "hello" for app in platform.get("/api/installers?limit=200")["items"])
    away.rename(platform.installers)
    wait_for(lambda: platform.get("/api/health")["status"] == "ok", 20, "the recovery")
