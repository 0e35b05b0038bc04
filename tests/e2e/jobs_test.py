"""A job's whole way, over the real protocols."""
import json
import os
import re
import subprocess

import pytest

from conftest import AGENT, BIN, gone, kill, wait_for

NO_JOB = "01900000-0000-7000-8000-000000000000"


def test_hello_is_installed_and_its_log_is_whole(platform, tmp_path):
    file = tmp_path / "hello"
    job = platform.ended(platform.submit("hello", {"greeting": "good day", "greeting_file": str(file)}))
    assert job["status"] == "succeeded", job
    assert job["log"]["complete"] and job["log"]["bytes"] > 0 and job["attempt"] == 1
    assert job["outputs"][0]["value"] == str(file)
    assert "good day" in file.read_text()
    log = platform.log(job["id"])
    assert len(log.encode()) == job["log"]["bytes"]
    lines = platform.get(f"/api/jobs/{job['id']}/log")["lines"]
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    removed = platform.ended(platform.submit("hello", action="uninstall"))
    assert removed["status"] == "succeeded", removed
    assert not file.exists()


@pytest.mark.parametrize("code,status,kind", [(1, "failed", "validation"), (2, "failed", "installation"),
                                              (3, "failed", "configuration"), (77, "failed", "unknown"),
                                              (124, "timed_out", None)])
def test_exit_codes_mean_what_the_table_says(platform, code, status, kind):
    name = f"exits-{code}"
    platform.installer(name, f"exit {code}\n")
    job = platform.ended(platform.submit(name))
    assert (job["status"], job["failure_kind"], job["exit_code"]) == (status, kind, code), job


def test_an_installation_error_is_retried_and_then_succeeds(platform, tmp_path):
    platform.installer("second-time", f"[ -e {tmp_path}/mark ] && exit 0\ntouch {tmp_path}/mark\nexit 2\n",
                       idempotent=True, retry={"max_attempts": 3, "backoff_seconds": 1})
    job = platform.ended(platform.submit("second-time"))
    assert (job["status"], job["attempt"]) == ("succeeded", 2), job


def test_a_timeout_ends_a_daemon_that_left_its_session(platform, tmp_path):
    platform.installer("daemon", f"setsid sleep 987 & echo $! >{tmp_path}/pid\nsleep 600\n", timeout_seconds=1)
    job = platform.ended(platform.submit("daemon"))
    assert job["status"] == "timed_out", job
    assert gone((tmp_path / "pid").read_text().strip())


def test_cancel_ends_a_running_job(platform, tmp_path):
    platform.installer("slow", f"touch {tmp_path}/runs\nsleep 600\n")
    job = platform.submit("slow")
    wait_for((tmp_path / "runs").exists, what="the script")
    status, body = platform.call("POST", f"/api/jobs/{job}/cancel")
    assert status == 202 and body["cancel_requested_at"]
    assert platform.ended(job)["status"] == "canceled"
    status, body = platform.call("POST", f"/api/jobs/{job}/cancel")
    assert (status, body["code"]) == (409, "already_over")


def test_the_same_idempotency_key_makes_one_job(platform):
    body = {"app_id": "hello", "server_id": AGENT, "inputs": {"greeting": "once", "greeting_file": "/tmp/provisioning-e2e-hello"}}
    first = platform.call("POST", "/api/jobs", body, {"Idempotency-Key": "k1"})
    platform.ended(first[1]["id"])
    assert platform.call("POST", "/api/jobs", body, {"Idempotency-Key": "k1"}) == first  # not the job as it is now
    status, problem = platform.call("POST", "/api/jobs", {**body, "inputs": {"greeting": "other"}},
                                    {"Idempotency-Key": "k1"})
    assert (status, problem["code"]) == (422, "idempotency_conflict")


def test_a_secret_is_found_nowhere(platform):
    canary = "c4nary-of-the-e2e-test"
    platform.installer("secret", 'echo "the token is $TOKEN"; printf %s "$TOKEN" | base64\n',
                       inputs=[{"name": "token", "type": "password", "label": "Token", "required": True}])
    job = platform.ended(platform.submit("secret", {"token": canary}))
    assert job["status"] == "succeeded" and job["inputs"]["token"] == {"sealed": True}, job
    assert "the token is [masked]" in platform.log(job["id"])
    for path in platform.directory.rglob("*"):
        if path.is_file() and platform.installers not in path.parents:
            assert canary.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("method,target,body,status,code,wrong", [
    ("POST", "/api/jobs", {"app_id": "nothing-here", "server_id": AGENT, "inputs": {}}, 422, "unknown_app", ()),
    ("POST", "/api/jobs", {"app_id": "hello", "server_id": "agent-x", "inputs": {}}, 422, "unknown_server", ()),
    ("POST", "/api/jobs", {"app_id": "hello", "server_id": AGENT, "inputs": {"no_such": 1}}, 422, "invalid_input", ()),
    ("POST", "/api/jobs", {"app_id": "hello", "server_id": AGENT, "inputs": {}, "action": "upgrade"}, 422,
     "action_not_supported", ()),
    ("POST", "/api/jobs", '{"app_id": "hello", "app_id": "hello"}', 400, "invalid_json", ("body",)),
    ("POST", "/api/jobs", "{", 400, "invalid_json", ("body",)),
    ("POST", "/api/jobs", "[]", 422, "invalid_input", ("body",)),
    ("GET", "/api/installers/nothing-here", None, 404, "unknown_app", ()),
    ("GET", "/api/servers/agent-x", None, 404, "unknown_server", ()),
    ("GET", f"/api/jobs/{NO_JOB}", None, 404, "not_found", ()),
    ("GET", "/api/jobs/not-a-uuid", None, 404, "not_found", ("id",)),
    ("GET", "/api/jobs?limit=0", None, 422, "invalid_parameter", ("limit",)),
    ("GET", "/api/jobs?cursor=abc", None, 422, "invalid_parameter", ()),  # it might be one
    ("GET", "/api/jobs?status=happy", None, 422, "invalid_parameter", ("status",)),
    ("GET", "/api/jobs?color=red", None, 422, "invalid_parameter", ("color",)),
    ("GET", "/api/no/such/route", None, 404, "not_found", ()),
    ("DELETE", "/api/jobs", None, 405, "method_not_allowed", ()),
])
def test_bad_requests_are_named(platform, method, target, body, status, code, wrong):
    headers = {"Content-Type": "application/json"} if isinstance(body, str) else None
    got, problem = platform.call(method, target, body, headers, wrong=wrong)
    assert (got, problem["code"]) == (status, code), problem


def test_wrong_content_type_and_too_large_a_body(platform):
    assert platform.call("POST", "/api/jobs", "x", {"Content-Type": "text/plain"}, wrong=("Content-Type",))[0] == 415
    large = "x" * (1 << 20 | 1)
    assert platform.call("POST", "/api/jobs", large, {"Content-Type": "application/json"}, wrong=("body",))[0] == 413


def test_without_a_token_every_route_says_401(platform):
    for _, _, template, operations in platform.contract.routes:
        for method in operations:
            if method == "parameters" or operations[method].get("security", [None])[0] == {}:
                continue
            target = re.sub(r"\{[^}]+\}", NO_JOB, template)
            wrong = ("body",) if operations[method].get("requestBody", {}).get("required") else ()
            assert platform.call(method.upper(), target, token=False, wrong=wrong)[0] == 401, template
            nobody = {"Authorization": "Bearer pt1.wrong"}
            assert platform.call(method.upper(), target, headers=nobody, wrong=wrong)[0] == 401, template


def test_a_poll_is_in_the_access_log_only_where_it_is_refused(platform):
    log = platform.directory / "panel-log/access.log"

    def polls():
        return [line for line in log.read_text().splitlines() if '"/agent/v1/poll"' in line]
    assert platform.ended(platform.submit("hello"))["status"] == "succeeded"  # which polls brought and told
    connection, response = platform.send("POST", "/agent/v1/poll", "{}", {"Content-Type": "application/json"})
    assert response.status == 401
    connection.close()
    wait_for(polls, 10, "the line of the refused one")
    assert all('"status":401' in line for line in polls())


def test_a_drained_server_starts_no_job_until_it_is_resumed(platform, tmp_path):
    token = tmp_path / "token"
    token.write_text(platform.token)

    def ctl(*arguments):
        return subprocess.run([BIN / "provisionctl", "--panel", f"http://127.0.0.1:{platform.port}", "--token-file", token,
                               *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def shows(status):
        return lambda: platform.get(f"/api/servers/{AGENT}")["status"] == status
    status, server = platform.call("POST", f"/api/servers/{AGENT}/drain")
    assert status == 202 and server["id"] == AGENT
    try:
        wait_for(shows("drained"), what="the drain")
        job = platform.submit("hello", {"greeting": "hi", "greeting_file": str(tmp_path / "hello")})
        wait_for(lambda: platform.status(job) == "accepted", what="the waiting job")
        kill(platform.agent.pid)  # it holds over a restart
        platform.agent.wait(10)
        platform.start_agent()
        wait_for(shows("drained"), what="the drained server after a restart")
        assert platform.status(job) == "accepted" and not (tmp_path / "hello").exists()
    finally:
        resumed = ctl("resume", AGENT)
    assert resumed.returncode == 0, resumed
    assert platform.ended(job)["status"] == "succeeded"
    wait_for(shows("online"), what="the resumed server")
    assert platform.call("POST", "/api/servers/nobody/drain")[0] == 404
    assert ctl("drain", "nobody").returncode != 0


def test_lists_and_details_are_as_documented(platform):
    for target in ("/api/health", "/api/installers", "/api/installers/nginx", "/api/servers", "/api/jobs?limit=1",
                   f"/api/servers/{AGENT}", "/api/metrics", "/api/installers/nginx/schema"):
        platform.get(target)
    page = platform.get("/api/jobs?limit=1")
    assert platform.get(f"/api/jobs?limit=1&cursor={page['next_cursor']}")["items"][0]["id"] != page["items"][0]["id"]
    verdict = platform.call("POST", "/api/installers/nginx/validate", {"inputs": {"http_port": 0}})[1]
    assert not verdict["valid"]


def test_provisionctl_ends_with_the_documented_status(platform, tmp_path):
    token = tmp_path / "token"
    token.write_text(platform.token)
    platform.installer("ctl-fails", "exit 3\n")

    def ctl(*arguments, port=platform.port):
        return subprocess.run([BIN / "provisionctl", "--panel", f"http://127.0.0.1:{port}", "--token-file", token,
                               *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    done = ctl("install", "hello", "--server", AGENT, "-i", "greeting=hi", "-i", f"greeting_file={tmp_path}/hi", "--follow")
    assert done.returncode == 0 and "succeeded" in done.stderr, done
    assert ctl("install", "ctl-fails", "--server", AGENT, "--follow").returncode == 1
    assert ctl("install", "hello", "--server", AGENT, "-i", "nothing=1").returncode == 2
    assert ctl("install").returncode == 2
    refused = ctl("health", port=1)
    assert refused.returncode == 4 and "cannot be reached" in refused.stderr
    assert json.loads(ctl("servers", "-o", "json").stdout)["items"][0]["id"] == AGENT


# ---- kill -9 of each process in mid-job: one truthful result, no line lost or doubled, the script run once

LINES = 200
SCRIPT = 'echo run >>{mark}\nfor i in $(seq {lines}); do echo "line $i"; sleep 0.02; done\n'


@pytest.mark.parametrize("victim", ["panel", "executor", "net"])
def test_kill_9_in_mid_job_loses_and_doubles_nothing(platform, tmp_path, victim):
    mark = tmp_path / "mark"
    platform.installer(f"lines-{victim}", SCRIPT.format(mark=mark, lines=LINES))
    job = platform.submit(f"lines-{victim}")
    wait_for(lambda: "line 20\n" in platform.log(job), what="the log")
    if victim == "panel":
        kill(platform.panel.pid)
        platform.panel.wait()
        platform.start_panel()
    elif victim == "executor":
        kill(platform.agent.pid)
        platform.agent.wait()
        platform.start_agent()
    else:
        kill(platform.net_pid())
    ended = platform.ended(job)
    assert ended["status"] == "succeeded", ended
    assert platform.log(job) == "".join(f"line {i}\n" for i in range(1, LINES + 1))
    assert ended["log"]["complete"] and ended["attempt"] == 1
    assert mark.read_text() == "run\n"


def test_kill_9_of_the_runner_is_interrupted_and_not_run_again(platform, tmp_path):
    mark = tmp_path / "mark"
    platform.installer("orphan", SCRIPT.format(mark=mark, lines=5000))
    job = platform.submit("orphan")
    wait_for(lambda: "line 20\n" in platform.log(job), what="the log")
    for record in (platform.directory / "agent/jobs" / job).rglob("runner"):
        kill(json.loads(record.read_text())["runner"]["pid"])
    ended = platform.ended(job)
    assert ended["status"] == "interrupted", ended
    assert not ended["log"]["complete"] and mark.read_text() == "run\n"
    log = platform.log(job)
    assert log == "".join(f"line {i}\n" for i in range(1, log.count("\n") + 1))
    assert os.path.exists(f"/proc/{platform.agent.pid}")
