"""What a server cannot or will not run: refused by the panel before a job is made, or by the agent before anything runs."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import AGENT, wait_for

BEYOND = 1 << 30  # megabytes
MOST_CPUS = 4096  # that a manifest may ask for
OTHER = "amd64" if os.uname().machine == "aarch64" else "arm64"


def start(ctl, *arguments):
    return subprocess.Popen(ctl.command(*arguments), env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def fields(path):
    return dict(line.split("=", 1) for line in pathlib.Path(path).read_text().replace('"', "").splitlines() if "=" in line)


def jobs_of(platform, app):
    return platform.get(f"/api/jobs?app_id={app}")["items"]


def traces(platform):
    """What a job leaves at the agent, whatever becomes of it."""
    return {path.name for path in (platform.directory / "agent/jobs").iterdir()}


# ---- the preflight

FAMILY = {"family": ["plan9"]}
UNMET = {
    "family": ({"os_requirements": FAMILY}, {"os_requirements.family": "supports plan9"}),
    "version": ({"os_requirements": {"family": ["debian", "ubuntu"], "min_version": {"debian": "9999", "ubuntu": "9999"}}},
                {"os_requirements.min_version": "9999 or newer"}),
    "architecture": ({"os_requirements": {"family": ["debian", "ubuntu"], "architectures": [OTHER]}},
                     {"os_requirements.architectures": f"supports {OTHER}"}),
    "memory": ({"resource_requirements": {"min_ram_mb": BEYOND}},
               {"resource_requirements.min_ram_mb": f"{BEYOND} MB of memory are needed"}),
    "disk": ({"resource_requirements": {"min_disk_mb": BEYOND}},
             {"resource_requirements.min_disk_mb": f"{BEYOND} MB of free disk are needed"}),
    "processors": ({"resource_requirements": {"min_cpus": MOST_CPUS}},
                   {"resource_requirements.min_cpus": f"{MOST_CPUS} processors are needed"}),
    "all": ({"os_requirements": FAMILY, "resource_requirements": {"min_ram_mb": BEYOND, "min_cpus": MOST_CPUS}},
            {"os_requirements.family": "supports plan9", "resource_requirements.min_ram_mb": "MB of memory are needed",
             "resource_requirements.min_cpus": "processors are needed"}),
}


@pytest.mark.parametrize("name", UNMET)
def test_a_server_that_does_not_fit_is_refused_with_each_reason_and_nothing_is_made(platform, ctl, tmp_path, name):
    manifest, reasons = UNMET[name]
    app = f"unfit-{name}"
    platform.installer(app, f"touch {tmp_path}/ran\n", **manifest)
    before = traces(platform)
    body = {"app_id": app, "server_id": AGENT, "inputs": {}}
    status, problem = platform.call("POST", "/api/jobs", body, {"Idempotency-Key": app})
    assert (status, problem["code"]) == (422, "unsuitable_server"), problem
    assert app in problem["detail"] and AGENT in problem["detail"]
    assert [error["rule"] for error in problem["errors"]] == list(reasons)
    for error in problem["errors"]:
        assert error["field"] == "/server_id" and reasons[error["rule"]] in error["message"], error

    told = start(ctl, "install", app, "--server", AGENT, "--follow")
    out, err = told.communicate(timeout=60)
    assert (told.returncode, out) == (2, ""), err
    assert f"{app} cannot run on {AGENT}" in err
    for reason in reasons.values():
        assert reason in err, err

    assert jobs_of(platform, app) == []
    platform.ended(platform.submit("hello"))  # had anything been sent before, it had come before
    assert len(traces(platform) - before) == 1
    assert not (tmp_path / "ran").exists()


def test_a_server_that_just_fits_passes(platform, ctl):
    server = platform.get(f"/api/servers/{AGENT}")
    os_release = fields("/etc/os-release")
    version = {"min_version": {os_release["ID"]: os_release["VERSION_ID"]}} if "VERSION_ID" in os_release else {}
    platform.installer("fits", "echo it fits\n", os_requirements={
        "family": [os_release["ID"]], "architectures": [server["os"]["architecture"]], **version},
        resource_requirements={"min_ram_mb": server["memory_mb"], "min_cpus": server["cpus"], "min_disk_mb": 1})
    told = start(ctl, "install", "fits", "--server", AGENT, "--follow")
    out, err = told.communicate(timeout=60)
    assert told.returncode == 0 and "it fits" in out, err
    assert [job["status"] for job in jobs_of(platform, "fits")] == ["succeeded"]


def test_a_refusal_is_not_kept_for_its_key(platform):
    platform.installer("unfit-first", "exit 0\n", os_requirements=FAMILY)
    body = {"app_id": "unfit-first", "server_id": AGENT, "inputs": {}}
    asked = ("POST", "/api/jobs", body, {"Idempotency-Key": "unfit-first"})
    assert platform.call(*asked)[1]["code"] == "unsuitable_server"
    manifest = platform.installers / "unfit-first/manifest.yml"
    digest = platform.get("/api/installers/unfit-first")["digest"]
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "os_requirements": {"family": ["debian", "ubuntu"]}}))
    wait_for(lambda: platform.get("/api/installers/unfit-first")["digest"] != digest, what="the changed installer")
    status, job = platform.call(*asked)
    assert status == 202, job
    assert platform.ended(job["id"])["status"] == "succeeded"


# ---- the agent's own refusal


@pytest.fixture(name="agent")
def fixture_agent(platform):
    """Stops the agent; gives what starts it with more arguments. Afterwards it is as it was."""
    platform.stop_agent()
    yield platform.start_agent
    if platform.agent.poll() is None:
        platform.stop_agent()
    platform.start_agent()
    wait_for(platform.agent_online, what="the agent")


def change(directory):
    with open(directory / "install.sh", "a", encoding="utf-8") as script:
        script.write("echo changed\n")


@pytest.mark.parametrize("name,arguments,meanwhile,code,sentence", [
    ("apps", ("--allow-apps", "hello,nginx"), None, "app_not_allowed", "allow_apps of this server does not name refused-apps"),
    ("actions", ("--allow-actions", "check,uninstall"), None, "action_not_allowed", "does not name install"),
    ("changed", (), change, "installer_mismatch", "this server has sha256:"),
    ("gone", (), shutil.rmtree, "unknown_app", "this server has no installer refused-gone"),
    ("theirs", (), lambda directory: (directory / "install.sh").chmod(0o777), "unsafe_installers_dir", "install.sh"),
])
def test_a_job_that_the_agent_rejects_is_3_says_why_and_did_not_run(platform, ctl, agent, tmp_path, name, arguments, meanwhile, code,
                                                                    sentence):
    app = f"refused-{name}"
    platform.installer(app, f"touch {tmp_path}/ran\n", idempotent=True)
    followed = start(ctl, "install", app, "--server", AGENT, "--follow")
    wait_for(lambda: jobs_of(platform, app), what="the job")
    if meanwhile:
        meanwhile(platform.installers / app)
    agent(*arguments)
    out, err = followed.communicate(timeout=60)
    assert followed.returncode == 3, (out, err)
    assert f"install {app} on {AGENT}: rejected: {code}: " in err and sentence in err, err
    job, = jobs_of(platform, app)
    assert job["status"] == "rejected" and job["status_reason"].startswith(f"{code}: ") and sentence in job["status_reason"]
    assert (job["attempt"], job["started_at"], job["exit_code"], job["failure_kind"]) == (0, None, None, None), job
    assert platform.log(job["id"]) == ""
    again = start(ctl, "logs", "-f", job["id"])
    again.communicate(timeout=60)
    assert again.returncode == 3
    assert not (tmp_path / "ran").exists()
