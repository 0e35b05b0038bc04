"""What people's pages show, over the real panel and agent; every answer is held to the document."""
import datetime

from conftest import AGENT


def test_an_installer_says_how_its_jobs_went(platform):
    before = platform.get("/api/installers/hello")["statistics"]
    job = platform.ended(platform.submit("hello"))
    assert job["status"] == "succeeded"
    after = platform.get("/api/installers/hello")["statistics"]
    assert (after["jobs"], after["succeeded"]) == (before["jobs"] + 1, before["succeeded"] + 1)
    assert after["success_rate"] == 1 and after["usual_seconds"] >= 0 and after["last_used_at"] == job["created_at"]
    listed = {each["id"]: each["statistics"] for each in platform.get("/api/installers?limit=200")["items"]}
    assert listed["hello"] == after


def test_a_preflight_says_which_servers_fit(platform):
    status, verdict = platform.call("POST", "/api/installers/hello/preflight", {"servers": [AGENT, "gone"]})
    assert status == 200 and [each["server_id"] for each in verdict["items"]] == [AGENT, "gone"]
    assert verdict["items"][0] == {"server_id": AGENT, "suitable": True, "reasons": [], "errors": []}
    assert verdict["items"][1]["reasons"][0]["code"] == "unknown_server"


def test_a_preflight_names_each_server_once_and_few_unknown_inputs(platform):
    target = "/api/installers/hello/preflight"
    status, problem = platform.call("POST", target, {"servers": [AGENT, AGENT]}, wrong=("body",))
    assert (status, problem["errors"][0]["field"], problem["errors"][0]["rule"]) == (422, "/servers", "unique_items"), problem
    many = {f"no_such_{n}": 1 for n in range(5000)}
    status, verdict = platform.call("POST", target, {"servers": [AGENT], "inputs": many})
    assert status == 200 and len(verdict["items"][0]["errors"]) == 20


def test_a_preflight_looks_at_the_inputs_as_a_submit_does(platform):
    wrong = {"greeting_file": "not absolute", "nonsense": 1}
    status, verdict = platform.call("POST", "/api/installers/hello/preflight", {"servers": [AGENT], "inputs": wrong})
    assert status == 200 and verdict["items"][0]["suitable"]
    told = {each["field"]: each["message"] for each in verdict["items"][0]["errors"]}
    status, problem = platform.call("POST", "/api/jobs", {"app_id": "hello", "server_id": AGENT, "inputs": wrong})
    assert status == 422 and set(told) == {"greeting_file", "nonsense"}
    assert {each["field"]: each["message"] for each in problem["errors"]} == {f"/inputs/{name}": text for name, text in told.items()}


def test_a_server_shows_what_is_installed(platform):
    job = platform.ended(platform.submit("hello", {"greeting": "hi"}))
    shown = {each["app_id"]: each for each in platform.get(f"/api/servers/{AGENT}/applications")["items"]}["hello"]
    assert shown["job_id"] == job["id"] and shown["inputs"] == job["inputs"]
    assert shown["installed_at"] == job["finished_at"]
    assert platform.call("GET", "/api/servers/gone/applications")[0] == 404


def test_an_enrolment_token_enrols_by_its_command(platform):
    status, made = platform.call("POST", "/api/enrolment-tokens", {"server_id": "agent-pages"})
    assert status == 201 and made["token"] in made["command"]
    assert f"--panel 'http://127.0.0.1:{platform.port}' --id agent-pages" in made["command"]
    assert platform.call("POST", "/api/enrolment-tokens", {"server_id": AGENT})[0] == 409
    assert platform.call("POST", "/api/enrolment-tokens", {"server_id": "a b"}, wrong={"body"})[0] == 422


def test_jobs_are_counted_by_status(platform):
    platform.ended(platform.submit("hello"))
    by_status = platform.get(f"/api/jobs/counts?app_id=hello&server_id={AGENT}")["by_status"]
    assert by_status["succeeded"] >= 1
    assert platform.call("GET", "/api/jobs/counts?limit=1", wrong={"limit"})[0] == 422


def test_the_audit_is_read_in_pages_and_verified(platform):
    job = platform.submit("hello")
    platform.ended(job)
    first = platform.get("/api/audit?limit=1")
    assert len(first["items"]) == 1 and first["next_cursor"]
    second = platform.get(f"/api/audit?limit=1&cursor={first['next_cursor']}")
    assert int(second["items"][0]["id"]) == int(first["items"][0]["id"]) - 1
    entries = platform.get(f"/api/jobs/{job}/audit")["items"]
    assert entries[0]["action"] == "job.created" and entries[0]["object"] == job
    assert platform.get("/api/audit?action=job.created&user=admin")["items"][0]["object"] == job
    status, verdict = platform.call("POST", "/api/audit/verify")
    assert status == 200 and verdict["ok"] and verdict["entries"] > 0


def test_an_overview_tells_of_the_last_hours(platform):
    platform.ended(platform.submit("hello"))
    seen = platform.get("/api/overview")
    assert seen["agents"]["online"] == 1 and seen["success_rate"] == 1
    assert sum(hour["succeeded"] for hour in seen["jobs_by_hour"]) >= 1
    long_ago = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert platform.call("GET", f"/api/overview?since={long_ago}")[0] == 422
