"""provisionctl as people type it, against a real panel and agent: what it prints, and its exit status."""
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time

import pytest
import yaml

from conftest import AGENT, BIN, free_port, kill, wait_for


def ends(result, status, *texts):
    assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
    for text in texts:
        assert text in result.stdout + result.stderr, (result.stdout, result.stderr)
    return result


def running(platform, name, script="echo begun; sleep 300\n", **manifest):
    """A job of an installer of its own, that runs."""
    platform.installer(name, script, **manifest)
    job = platform.submit(name)
    wait_for(lambda: "begun" in platform.log(job), what="the script")
    return job


@pytest.mark.parametrize("script,status", [("exit 0", 0), ("exit 3", 1), ("exit 124", 1)])
def test_follow_ends_with_the_jobs_status(platform, ctl, script, status):
    name = "ctl-" + script.replace(" ", "-")
    platform.installer(name, f"echo hello from it; {script}\n")
    ends(ctl("install", name, "--server", AGENT, "--follow"), status, "hello from it", f"install {name} on {AGENT}")


def test_follow_ends_with_5_when_the_runner_was_killed(platform, ctl):
    job = running(platform, "ctl-interrupted")
    followed = subprocess.Popen(ctl.command("logs", "-f", job), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    runner = json.loads((platform.directory / "agent" / "jobs" / job / "1" / "runner").read_text())["runner"]["pid"]
    kill(runner)
    said, _ = followed.communicate(timeout=60)
    assert followed.returncode == 5, said
    assert "begun" in said and "interrupted" in said


def test_cancel_and_what_follows_it(platform, ctl):
    job = running(platform, "ctl-cancel")
    followed = subprocess.Popen(ctl.command("logs", "-f", job), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ends(ctl("cancel", job), 0, "asked to cancel")
    said, _ = followed.communicate(timeout=60)
    assert followed.returncode == 3, said
    ends(ctl("cancel", job), 2)


def test_a_retry_is_hurried(platform, ctl, tmp_path):
    platform.installer("ctl-hurried", f"[ -e {tmp_path}/mark ] && exit 0\ntouch {tmp_path}/mark\nexit 2\n", idempotent=True,
                       retry={"max_attempts": 2, "backoff_seconds": 3600})
    job = platform.submit("ctl-hurried")
    wait_for(lambda: platform.status(job) == "retry_wait", what="the wait")
    ends(ctl("retry-now", job), 0, "asked to try again now")
    assert platform.ended(job)["attempt"] == 2
    ends(ctl("retry-now", job), 2, "does not wait for another attempt")


def test_a_server_that_does_not_fit_is_2_and_says_why(platform, ctl):
    platform.installer("ctl-ours", "exit 0\n", os_requirements={"family": ["plan9"]})
    ends(ctl("install", "ctl-ours", "--server", AGENT, "--follow"), 2, "plan9")


SECRETIVE = {"inputs": [{"name": "password", "type": "password", "label": "Password", "required": True}]}


def test_secrets_come_from_standard_input_and_files_but_not_from_argv(platform, ctl, tmp_path):
    platform.installer("ctl-secret", "echo \"length ${#PASSWORD}\"\n", **SECRETIVE)
    at = ("install", "ctl-secret", "--server", AGENT, "--follow")
    ends(ctl(*at, "--secret", "password", text="twelve chars\n"), 0, "length 12")
    file = tmp_path / "secret"
    file.write_text("ten chars!\n")
    ends(ctl(*at, "--input-file", f"password={file}"), 0, "length 10")
    ends(ctl(*at, "-i", "password=on-the-line"), 2, "--secret password")
    ends(ctl(*at, "--insecure-argv", "-i", "password=on-the-line"), 0, "length 11")
    ends(ctl(*at, "--secret", "password"), 2, "standard input ended")
    ends(ctl(*at), 2, "password")
    job = platform.get("/api/jobs?app_id=ctl-secret&limit=1")["items"][0]["id"]
    ends(ctl("retry", job, "-i", "password=on-the-line"), 2, "--secret password")
    ends(ctl("retry", job), 2, "password")
    ends(ctl("retry", job, "--secret", "password", "--follow", text="fifteen chars..\n"), 0, "length 15")


def talk(command, answers, seconds=60):
    """Runs it on a terminal of its own; `answers` are (what it asks, what is typed), in this order. What was shown, and
    its status."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests may ignore it
        os.execve(command[0], command, {"PATH": os.environ["PATH"], "TERM": "xterm"})
    shown, seen, until, waiting = "", 0, time.monotonic() + seconds, list(answers)
    typed, again = b"", 0.0
    while time.monotonic() < until:
        if waiting and waiting[0][0] in shown[seen:]:
            seen, typed = len(shown), waiting.pop(0)[1].encode()
            os.write(terminal, typed)
            again = time.monotonic() + 1
        elif typed == b"\x03" and time.monotonic() > again:
            os.write(terminal, typed)  # it came before the program listened
            again = time.monotonic() + 1
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            if not data:
                return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            shown += data.decode("utf-8", "replace")
    kill(pid)
    os.waitpid(pid, 0)
    raise AssertionError(f"it waits for something else: {shown}")


def test_what_is_missing_is_asked_at_a_terminal(platform, ctl):
    platform.installer("ctl-asks", "echo \"$COLOUR ${#PASSWORD}\"\n", inputs=[
        {"name": "colour", "type": "select", "label": "Colour", "required": True, "validation": {"allowed_values": ["red", "blue"]}},
        *SECRETIVE["inputs"]])
    shown, status = talk(ctl.command("install", "ctl-asks", "--server", AGENT, "--follow"),
                         [("one of red, blue: ", "green\n"), ("Password: ", "short\n"),
                          ("Colour, one of red, blue: ", "blue\n"), ("Password: ", "long-enough\n")])
    assert status == 0, shown
    assert "blue 11" in shown and "long-enough" not in shown


def test_a_prompt_that_is_interrupted_leaves_the_terminal_as_it_was(platform, ctl):
    platform.installer("ctl-interrupt", "exit 0\n", **SECRETIVE)
    line = " ".join(ctl.command("install", "ctl-interrupt", "--server", AGENT))
    shown, _ = talk(["/bin/bash", "-c", f"trap : INT; {line}; stty -a; exit 0"], [("Password: ", "\x03")])
    assert " echo " in shown.replace("\r", " ").replace("\n", " "), shown
    assert " -echo " not in shown


def test_json_and_yaml_say_the_same(ctl):
    for what in (("apps",), ("app", "nginx"), ("servers",), ("jobs",), ("health",)):
        as_json, as_yaml = ctl(*what, "-o", "json"), ctl(*what, "-o", "yaml")
        ends(as_json, 0), ends(as_yaml, 0)
        ours, theirs = json.loads(as_json.stdout), yaml.safe_load(as_yaml.stdout)
        for moving in ("uptime_seconds", "checks"):
            ours.pop(moving, None), theirs.pop(moving, None)
        if what != ("servers",):  # which are seen anew each second
            assert ours == theirs, what


def test_follow_as_json_is_one_document_a_line_and_the_job_last(platform, ctl):
    platform.installer("ctl-json", "echo one; echo two\n")
    result = ends(ctl("install", "ctl-json", "--server", AGENT, "--follow", "-o", "json"), 0)
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert "".join(document["output"] for document in documents[:-1]) == "one\ntwo\n"
    assert documents[-1]["status"] == "succeeded" and documents[-1]["app_id"] == "ctl-json"


def test_filters_are_values_and_no_parameters(ctl):
    ends(ctl("jobs", "--user", "a&status=failed", "-o", "json"), 0, '"items": []')
    ends(ctl("jobs", "--app", "a&status=failed", wrong=("app_id",)), 2, "app_id")
    ends(ctl("jobs", "--status", "nonsense", wrong=("status",)), 2)
    everything = json.loads(ctl("jobs", "--all", "-o", "json").stdout)["items"]
    some = json.loads(ctl("jobs", "--all", "--status", "succeeded", "--status", "failed", "-o", "json").stdout)["items"]
    assert len(everything) > len(some) > 0
    assert {job["status"] for job in some} == {"succeeded", "failed"}
    assert len(json.loads(ctl("jobs", "--limit", "2", "-o", "json").stdout)["items"]) == 2


def test_a_panel_that_is_not_there_or_refuses_is_4(platform, ctl, tmp_path):
    ends(ctl("servers", panel=f"http://127.0.0.1:{free_port()}"), 4, "cannot be reached", "--panel")
    wrong = tmp_path / "wrong"
    wrong.write_text("nonsense")
    at = [BIN / "provisionctl", "--panel", f"http://127.0.0.1:{platform.port}"]
    for more in (["--token-file", wrong], []):
        result = subprocess.run([*at, *more, "servers"], env={}, capture_output=True, text=True, check=False)
        ends(result, 4, "--token-file FILE")
    result = subprocess.run([*at, "--token-file", "/does/not/exist", "servers"], env={}, capture_output=True, text=True, check=False)
    ends(result, 2, "--token-file: cannot read /does/not/exist")


def test_inputs_are_words_behind_the_application_or_behind_i(platform, ctl):
    platform.installer("ctl-words", 'echo "got $ONE, $TWO and $THREE"\n', inputs=[
        {"name": name, "label": name, "type": "string", "required": True} for name in ("one", "two", "three")])
    # An option takes one value: the words behind it are the command's own.
    ends(ctl("install", "-s", AGENT, "ctl-words", "one=1", "-i", "two=2", "three=3", "--follow"), 0, "got 1, 2 and 3")
    refused = ends(ctl("install", "ctl-words", "one=1", "two=2", "three=3", "-s", AGENT, "another"), 2, "another", "NAME=VALUE")
    assert "job" not in refused.stdout


def test_what_does_not_exist_is_2(ctl):
    ends(ctl("install", "nginy", "--server", AGENT), 2, "nginy")
    ends(ctl("install", "hello", "--server", "nowhere"), 2, "nowhere")
    ends(ctl("frobnicate"), 2)
    ends(ctl("install"), 2)


def test_bash_completes_commands_flags_applications_servers_and_inputs(platform, ctl, tmp_path):
    script = ends(ctl("completion", "bash"), 0).stdout
    here = " ".join(ctl.command()[1:])
    (tmp_path / "provisionctl").symlink_to(BIN / "provisionctl")

    def complete(line):
        words = ["provisionctl", *here.split(), *line.split(" ")]
        listing = " ".join(f"'{word}'" for word in words)
        program = f"{script}\nCOMP_WORDS=({listing}); COMP_CWORD={len(words) - 1}; _provisionctl 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", program], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True,
                              text=True, check=True).stdout.split()
    assert complete("inst") == ["install"]
    assert "nginx" in complete("install ngi")
    assert complete("install nginx --server agent-") == [AGENT]
    assert "--follow" in complete("install nginx --fol")
    assert "server_name=" in complete("install nginx -i server")
    assert "server_name=" in complete("install nginx --server s1 server")
    assert complete("install $(touch") == []
    ends(ctl("user", "create", "completed", "--password-file", "-", text="correct horse battery\n"), 0)
    assert complete("user disa") == ["disable"]
    assert complete("user disable compl") == ["completed"]
    assert complete("user role completed adm") == ["administrator"]
    assert complete("user create new --password") == ["--password-file"]
    assert complete("user create compl") == []


PASSWORD = "correct horse battery"


def signs_in(platform, name, password=PASSWORD):
    body = json.dumps({"name": name, "password": password})
    return platform.raw("POST", "/api/session", body, {"Content-Type": "application/json"})[0] == 200


def test_users_are_managed(platform, ctl, tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\nnot of the password\n")
    ends(ctl("user", "create", "ann", "--administrator", "--password-file", str(file)), 0, "ann may sign in now")
    ends(ctl("user", "create", "ben", "--password-file", "-", text=PASSWORD + "\n"), 0)
    assert signs_in(platform, "ann") and signs_in(platform, "ben")
    known = {user["name"]: user for user in json.loads(ctl("users", "-o", "json").stdout)["items"]}
    assert known["ann"]["role"] == "administrator" and known["ben"]["role"] == "user"
    ends(ctl("users"), 0, "ann", "administrator")
    ends(ctl("user", "role", "ben", "administrator"), 0, "ben is an administrator now")
    assert json.loads(ctl("user", "role", "ben", "user", "-o", "json").stdout)["role"] == "user"
    ends(ctl("user", "disable", "ben"), 0, "signed out")
    assert not signs_in(platform, "ben")
    ends(ctl("user", "enable", "ben"), 0, "ben may sign in again")
    assert signs_in(platform, "ben")
    ends(ctl("user", "password", "ben", "--password-file", "-", text="another battery\n"), 0, "another password")
    assert signs_in(platform, "ben", "another battery") and not signs_in(platform, "ben")
    ends(ctl("user", "remove", "ben"), 0, "removed")
    assert "ben" not in ctl("users").stdout
    for change in (("disable", "ann"), ("role", "ann", "user"), ("remove", "ann")):
        ends(ctl("user", *change), 2, "administrator")
    assert signs_in(platform, "ann")


@pytest.mark.parametrize("arguments,text,said", [
    (("create", "eve", "--password-file", "-"), "short\n", "at least 12"),
    (("create", "eve", "--password-file", "-"), None, "standard input ended"),
    (("create", "eve", "--password-file", "/nowhere"), None, "--password-file"),
    (("create", "eve"), None, "there is no terminal"),
    (("create", "eve", "--password", PASSWORD), None, "--password"),
    (("create", "Eve", "--password-file", "-"), PASSWORD + "\n", "a-z"),
    (("role", "eve", "king"), None, "king"),
    (("role", "eve", "user"), None, "no user `eve`"),
    (("disable", "../users"), None, "no user `../users`"),
    (("remove", "eve"), None, "`provisionctl users` lists them"),
    ((), None, "subcommand"),
])
def test_a_user_is_not_changed_by_what_is_wrong(ctl, arguments, text, said):
    before = ctl("users", "-o", "json").stdout
    # What is given on standard input gets as far as the panel.
    ends(ctl("user", *arguments, text=text, wrong={"body"} if text else ()), 2, said)
    assert ctl("users", "-o", "json").stdout == before


def test_a_password_is_asked_for_twice_at_a_terminal(platform, ctl):
    command = ctl.command("user", "create", "typed")
    shown, status = talk(command, [("Password: ", PASSWORD + "\n"), ("Once more: ", "correct horse batteries\n")])
    assert status == 2 and "differ" in shown
    shown, status = talk(command, [("Password: ", PASSWORD + "\n"), ("Once more: ", PASSWORD + "\n")])
    assert status == 0 and PASSWORD not in shown
    assert signs_in(platform, "typed")


def test_lint_names_file_line_and_column(ctl, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "manifest.yml").write_text("id: bad\nname: Bad\ntimout_seconds: 5\n")
    ends(ctl("lint", str(bad)), 2, f"{bad}/manifest.yml:3:1:", "timeout_seconds")
    sarif = json.loads(ctl("lint", str(bad), "--format", "sarif").stdout)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"{bad}/manifest.yml"
    assert json.loads(ctl("lint", str(bad), "--format", "json").stdout)["items"]
    bundled = [str(path) for path in sorted((BIN.parents[1] / "installers").iterdir())]
    ends(ctl("lint", *bundled), 0)
    script = tmp_path / "reads"
    shutil.copytree(BIN.parents[1] / "installers" / "hello", script)
    with open(script / "install.sh", "a", encoding="utf-8") as file:
        file.write("read answer\n")
    (script / "manifest.yml").write_text((script / "manifest.yml").read_text().replace("id: hello", "id: reads"))
    ends(ctl("lint", str(script)), 2, f"{script}/install.sh:", "reads-stdin")
