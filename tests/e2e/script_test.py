"""What a script meets: its environment, its secrets as files, and what becomes of the processes that it leaves."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess

import pytest

from conftest import ROOT, gone, kill, wait_for


def kept(platform, app):
    """PROVISIONING_STATE_DIR of an application."""
    return platform.directory / "apps" / app


# ---- the environment

INPUTS = {
    "a_string": "$(touch /tmp/provisioning-e2e-evil) `id` 'single' \"double\" \\ * ~ é\t|",
    "a_text": "one\n\n  two\n", "an_integer": -9223372036854775808, "a_number": 0.00000125, "a_boolean": True,
    "a_password": "p4ss word=with equals", "a_select": "two", "a_multiselect": ["b c", "a"], "an_email": "a.b+c@example.test",
    "a_port": 65535, "a_hostname": "host-1.example.test", "an_ip": "2001:db8::1", "a_url": "https://u@example.test:8443/a?b=c#d",
    "a_path": "/srv/with space/x", "an_empty_one": "",
}
VARIABLES = {
    **{name.upper(): value for name, value in INPUTS.items() if isinstance(value, str)},
    "AN_INTEGER": "-9223372036854775808", "A_NUMBER": "0.00000125", "A_BOOLEAN": "true", "A_MULTISELECT": "b c,a",
    "A_PORT": "65535", "A_DEFAULT": "the default",
}
PROXIES = {"http_proxy": "http://proxy.example.test:3128", "NO_PROXY": "localhost"}
# What the agent itself is started with, and must pass on nothing of.
INHERITED = {"BASH_ENV": "{evil}", "ENV": "{evil}", "BASH_FUNC_echo%%": "() { touch {evil}.ran; }", "SHELLOPTS": "xtrace", "IFS": "x",
             "LANG": "C", "DEBIAN_FRONTEND": "dialog", "PROVISIONING_JOB": "no", "PROVISIONING_DRY_RUN": "true",
             "PROVISIONING_STRAY": "1", "https_proxy": "http://inherited.example.test", "A_STRING": "inherited",
             "AN_UNSET_ONE": "inherited", "A_HIDDEN_ONE": "inherited", "STRAY": "1"}


def documented():
    """C-ENV-1 of docs/contract.md: the names, and the values where it says one."""
    rule = re.search(r"\*\*C-ENV-1\*\* (.*)", (ROOT / "docs/contract.md").read_text()).group(1)
    names = {}
    for each in re.findall(r"`([^`]+)`", rule):
        name, _, value = each.partition("=")
        stem, brace, rest = name.partition("{")
        for ending in rest.rstrip("}").split(",") if brace else [""]:
            names[stem + ending] = value or None
    return names


def variables(path):
    listed = path.read_text().split("\0")
    assert listed.pop() == "" and len(listed) == len({each.partition("=")[0] for each in listed})
    return dict(each.split("=", 1) for each in listed)


@pytest.fixture(name="environment", scope="module")
def fixture_environment(platform, tmp_path_factory):
    """A finished job of the installer `environment`, of an agent whose own environment is hostile."""
    evil = tmp_path_factory.mktemp("inherited") / "evil"
    evil.write_text(f"touch {evil}.ran\n")
    inherited = {name: value.replace("{evil}", str(evil)) for name, value in INHERITED.items()}
    platform.restart_agent("--proxies", ",".join(f"{name}={value}" for name, value in PROXIES.items()), **inherited)
    job = platform.ended(platform.submit("environment", INPUTS))
    assert job["status"] == "succeeded", (job, platform.log(job["id"]))
    assert not os.path.exists(f"{evil}.ran") and not os.path.exists("/tmp/provisioning-e2e-evil")
    yield job
    platform.restart_agent()


def expected(platform, job, action="install"):
    fixed = documented()
    assert len(fixed) == 14
    said = {"PROVISIONING_JOB_ID": job["id"], "PROVISIONING_APP_ID": "environment", "PROVISIONING_APP_VERSION": "1.10",
            "PROVISIONING_ATTEMPT": "1", "PROVISIONING_ACTION": action, "PROVISIONING_LIB": str(platform.library),
            "PROVISIONING_STATE_DIR": str(kept(platform, "environment")), "PROVISIONING_DRY_RUN": "false"}
    assert {name for name, value in fixed.items() if value is None} == set(said)
    return {**fixed, **said, **PROXIES}


def test_a_scripts_environment_is_what_the_contract_says_and_nothing_else(platform, environment):
    assert variables(kept(platform, "environment") / "given") == {**expected(platform, environment), **VARIABLES}


def test_what_the_script_starts_gets_what_bash_itself_adds_and_no_more(platform, environment):
    given, passed_on = (variables(kept(platform, "environment") / name) for name in ("given", "passed-on"))
    added = {name: passed_on[name] for name in set(passed_on) - set(given)}
    assert {name: passed_on[name] for name in given} == given
    assert set(added) == {"PWD", "SHLVL", "_"}
    # The copy of this attempt, which is gone by now.
    assert added["PWD"] == str(platform.directory / "agent/jobs" / environment["id"] / "1/installer")
    assert not os.path.exists(added["PWD"])


def test_a_script_reads_each_value_as_it_was_given(platform, environment):
    names = [name for name in VARIABLES if name not in ("A_PASSWORD", "AN_EMPTY_ONE", "A_DEFAULT")]
    read = (kept(platform, "environment") / "read").read_text().split("\0")
    order = ["A_STRING", "A_TEXT", "AN_INTEGER", "A_NUMBER", "A_BOOLEAN", "A_SELECT", "A_MULTISELECT", "AN_EMAIL", "A_PORT",
             "A_HOSTNAME", "AN_IP", "A_URL", "A_PATH"]
    assert sorted(names) == sorted(order)
    assert read == [*(VARIABLES[name] for name in order), "", "the default", "unset", "unset", ""]
    assert f"the password has {len(INPUTS['a_password'])} characters" in platform.log(environment["id"])


def test_a_script_has_no_descriptor_but_the_standard_ones(platform, environment):
    found = {name: (kept(platform, "environment") / name).read_text() for name in ("descriptors", "stdin", "umask")}
    assert found == {"descriptors": "0\n1\n2\n255\n", "stdin": "/dev/null\n", "umask": "0022\n"}  # 255 is bash's own: the script


def test_an_uninstall_gets_the_plain_inputs_of_the_install_and_no_secret(platform, environment):
    job = platform.ended(platform.submit("environment", {"an_integer": 7}, action="uninstall"))
    assert job["status"] == "succeeded", job
    remembered = {name: value for name, value in VARIABLES.items() if name != "A_PASSWORD"}
    assert variables(kept(platform, "environment") / "given") == {**expected(platform, job, "uninstall"), **remembered, "AN_INTEGER": "7"}


# ---- secrets as files

TOKEN = "t0ken-for-a-file-only"


def mounts(platform):
    return [line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if str(platform.directory) in line]


def holding(platform, text):
    """Files of the platform that hold it, those in memory too. The catalogue is the test's own."""
    found = []
    for path in platform.directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # gone since it was listed
            if path.is_file() and platform.installers not in path.parents and text.encode() in path.read_bytes():
                found.append(path)
    return found


def discreet(platform, **inputs):
    """A job that was given its secret as a file, and waits. Its state directory, and the secret's file."""
    kept(platform, "discreet").mkdir(parents=True, exist_ok=True)
    (kept(platform, "discreet") / "go").unlink(missing_ok=True)
    job = platform.submit("discreet", {"token": TOKEN, **inputs})
    wait_for(lambda: "waiting" in platform.log(job), what="the script")
    return job, variables(kept(platform, "discreet") / "environment")


def containment(platform, job):
    return json.loads((platform.directory / "agent/jobs" / job / "1/runner").read_text())


def cgroup_of(platform, job):
    return pathlib.Path(containment(platform, job)["directory"])


def processes_of(platform, job):
    return [int(pid) for pid in (cgroup_of(platform, job) / "cgroup.procs").read_text().split()]


def end(platform, job):
    """Of what was left running. The agent does away with the empty cgroup when it tidies up, which is once an hour."""
    for pid in processes_of(platform, job):
        kill(pid)

    def empty():
        with contextlib.suppress(OSError):
            cgroup_of(platform, job).rmdir()
            return True
    wait_for(empty, what="the end of the processes")


def test_a_secret_comes_by_a_file_that_root_alone_reads_in_memory(platform):
    job, environment = discreet(platform, passphrase="line one\nline two")
    file = pathlib.Path(environment["TOKEN_FILE"])
    try:
        assert file.read_text() == TOKEN
        to = kept(platform, "discreet")
        assert (to / "modes").read_text() == "700 0 0 directory\n600 0 0 regular file\n"
        assert (to / "filesystem").read_text() == "tmpfs\n"
        assert (to / "digest").read_text().split()[0] == hashlib.sha256(TOKEN.encode()).hexdigest()
        assert (to / "passphrase").read_text().split()[0] == hashlib.sha256(b"line one\nline two").hexdigest()
        mount, = mounts(platform)
        assert str(file.parent) == mount.split()[1] and {"nosuid", "nodev", "noexec"} <= set(mount.split()[3].split(","))
        other = subprocess.run(["cat", file], user="nobody", capture_output=True, check=False)
        assert other.returncode != 0 and other.stdout == b""
        # The variable names it, and none holds it.
        assert "TOKEN" not in environment and "PASSPHRASE" not in environment
        assert not [name for name, value in environment.items() if TOKEN in value]
        assert holding(platform, TOKEN) == [file]
        for pid in processes_of(platform, job):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it sleeps in short naps
                assert TOKEN.encode() not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        (kept(platform, "discreet") / "go").touch()
    assert platform.ended(job)["status"] == "succeeded"
    assert "the token is [masked]\n" in platform.log(job)


def test_a_secret_that_is_not_given_has_no_file_and_no_variable(platform):
    job, environment = discreet(platform, passphrase="")
    (kept(platform, "discreet") / "go").touch()
    assert platform.ended(job)["status"] == "succeeded"
    assert "PASSPHRASE_FILE" not in environment and "PASSPHRASE" not in environment and "TOKEN_FILE" in environment


@pytest.mark.parametrize("end,status", [("success", "succeeded"), ("failure", "failed"), ("cancel", "canceled"),
                                        ("kill -9 of the runner", "interrupted"), ("kill -9 of the executor", "succeeded")])
def test_no_secret_is_left_behind_however_the_job_ends(platform, end, status):
    job, environment = discreet(platform, exit_code=3 if end == "failure" else 0)
    file = pathlib.Path(environment["TOKEN_FILE"])
    assert file.exists()
    if end == "cancel":
        assert platform.call("POST", f"/api/jobs/{job}/cancel")[0] == 202
    elif end == "kill -9 of the runner":
        kill(containment(platform, job)["runner"]["pid"])
    else:
        if end == "kill -9 of the executor":
            kill(platform.agent.pid)
            platform.agent.wait()
            platform.start_agent()
        (kept(platform, "discreet") / "go").touch()
    ended = platform.ended(job)
    assert ended["status"] == status and ended["inputs"]["token"] == {"sealed": True}, ended
    wait_for(lambda: not file.parent.exists(), what="the end of the secret's directory")
    assert mounts(platform) == [] and holding(platform, TOKEN) == []


# ---- what is left running


def leaving(platform, code):
    kept(platform, "leaving").mkdir(parents=True, exist_ok=True)
    for path in kept(platform, "leaving").iterdir():
        path.unlink()
    return platform.ended(platform.submit("leaving", {"exit_code": code}))


def left(platform, attempt=1):
    return [int((kept(platform, "leaving") / f"{name}.{attempt}").read_text()) for name in ("child", "daemon")]


def test_what_a_successful_script_leaves_stays_and_is_in_the_result(platform):
    job = leaving(platform, 0)
    assert job["status"] == "succeeded", job
    child, daemon = left(platform)
    try:
        listed = {process["pid"]: process["comm"] for process in job["left_running"]}
        assert all(process["unit"] is None for process in job["left_running"])
        assert (listed.pop(child), listed.pop(daemon)) == ("sleep", "bash")
        assert list(listed.values()) == ["sleep"]  # the daemon's own
        assert {child, daemon} <= set(processes_of(platform, job["id"]))
        kill(platform.agent.pid)  # a restart ends nothing, and the result stays
        platform.agent.wait()
        platform.start_agent()
        wait_for(platform.agent_online, what="the agent")
        platform.ended(platform.submit("hello"))
        assert not gone(child) and not gone(daemon)
        assert platform.job(job["id"]) == job
    finally:
        end(platform, job["id"])


def test_a_process_that_holds_standard_output_does_not_hold_the_job(platform):
    job = platform.ended(platform.submit("holding"), 15)
    assert job["status"] == "succeeded" and platform.log(job["id"]) == "before\n" and job["log"]["complete"]
    process, = job["left_running"]
    assert process["comm"] == "sleep" and not gone(process["pid"])
    end(platform, job["id"])


@pytest.mark.parametrize("code", [1, 3, 77])
def test_what_a_failed_script_leaves_is_ended(platform, code):
    job = leaving(platform, code)
    assert (job["status"], job["exit_code"], job["left_running"], job["attempt"]) == ("failed", code, [], 1), job
    assert all(gone(pid) for pid in left(platform))


def test_no_attempt_meets_the_processes_of_the_one_before(platform):
    job = leaving(platform, 2)
    assert (job["status"], job["exit_code"], job["left_running"], job["attempt"]) == ("failed", 2, [], 2), job
    assert not (kept(platform, "leaving") / "met").exists()
    assert all(gone(pid) for attempt in (1, 2) for pid in left(platform, attempt))
