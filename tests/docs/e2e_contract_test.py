"""What the end-to-end tests hold every exchange to can fail: each kind of fault is found in a request or frame that has it."""
import json
import pathlib
import sys

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import sse  # noqa: E402
from openapi import Contract  # noqa: E402

CONTRACT = Contract.read(ROOT / "docs/api/openapi.yaml")
JOB = "01900000-0000-7000-8000-000000000000"
TOKEN = {"Authorization": "Bearer t"}
KEYED = {"Idempotency-Key": "k"}
AS_JSON = {"Content-Type": "application/json"}
NEW_JOB = '{"app_id": "hello", "server_id": "a", "inputs": {}}'
VALIDATE = "/api/installers/hello/validate"


def faults(method, target, headers=None, body=None, contract=CONTRACT):
    path, _, query = target.partition("?")
    template, operations, segments = contract.find(path)
    found = contract.request_faults(template, operations[method.lower()], segments, query, headers or {}, body)
    return {name for name, _ in found}


@pytest.mark.parametrize("method,target,headers,body", [
    ("GET", "/api/health", {}, None),
    ("GET", "/api/jobs?limit=200&status=failed&status=lost&since=2026-11-24T00:23:58Z", TOKEN, None),
    ("GET", "/api/jobs?user=a%26b", TOKEN, None),
    ("GET", f"/api/jobs/{JOB}/log?from=1&attempt=2", {**TOKEN, "Accept": "text/plain"}, None),
    ("GET", f"/api/jobs/{JOB}/stream?after=0", {"last-event-id": "12.1000"}, None),
    ("GET", f"/api/stream?jobs={JOB},{JOB}&topics=jobs,servers", {}, None),
    ("POST", "/api/jobs", {**AS_JSON, **KEYED}, NEW_JOB),
    ("POST", "/api/jobs", {"content-type": "application/json; charset=utf-8"}, NEW_JOB),
    ("POST", f"/api/jobs/{JOB}/retry", {}, None),
    ("POST", f"/api/jobs/{JOB}/cancel", KEYED, None),
    ("POST", "/api/servers/a.b/drain", {}, None),
])
def test_a_request_as_documented_has_no_fault(method, target, headers, body):
    assert faults(method, target, headers, body) == set()


@pytest.mark.parametrize("method,target,headers,body,wrong", [
    ("GET", "/api/jobs?colour=red", {}, None, {"colour"}),
    ("GET", f"/api/jobs/{JOB}?limit=1", {}, None, {"limit"}),
    ("GET", "/api/health?a=", {}, None, {"a"}),
    ("GET", "/api/jobs?limit=0", {}, None, {"limit"}),
    ("GET", "/api/jobs?limit=201", {}, None, {"limit"}),
    ("GET", "/api/jobs?limit=ten", {}, None, {"limit"}),
    ("GET", "/api/jobs?limit=05", {}, None, {"limit"}),
    ("GET", "/api/jobs?limit=1.0", {}, None, {"limit"}),
    ("GET", "/api/jobs?limit=", {}, None, {"limit"}),
    ("GET", "/api/jobs?limit=1&limit=1", {}, None, {"limit"}),
    ("GET", "/api/jobs?status=happy&action=dance", {}, None, {"status", "action"}),
    ("GET", "/api/jobs?status=failed,lost", {}, None, {"status"}),
    ("GET", "/api/jobs?since=yesterday", {}, None, {"since"}),
    ("GET", "/api/jobs?app_id=a%20b", {}, None, {"app_id"}),
    ("GET", "/api/installers?q=" + "x" * 201, {}, None, {"q"}),
    ("GET", "/api/jobs/not-a-uuid", {}, None, {"id"}),
    ("GET", "/api/servers/a%2Fb", {}, None, {"id"}),
    ("GET", "/api/stream?topics=jobs,users", {}, None, {"topics"}),
    ("GET", "/api/stream?topics=jobs&topics=servers", {}, None, {"topics"}),
    ("GET", f"/api/stream?jobs={JOB},x", {}, None, {"jobs"}),
    ("GET", "/api/stream?jobs=" + ",".join([JOB] * 101), {}, None, {"jobs"}),
    ("GET", f"/api/jobs/{JOB}/stream", {"Last-Event-ID": "abc"}, None, {"Last-Event-ID"}),
    ("GET", "/api/jobs", {"Last-Event-ID": "1"}, None, {"last-event-id"}),
    ("GET", "/api/jobs", KEYED, None, {"idempotency-key"}),
    ("POST", "/api/jobs", {**AS_JSON, "Idempotency-Key": ""}, NEW_JOB, {"Idempotency-Key"}),
    ("POST", "/api/jobs", {**AS_JSON, "Idempotency-Ky": "k"}, NEW_JOB, {"idempotency-ky"}),
    ("POST", "/api/jobs", {}, None, {"body"}),
    ("POST", "/api/jobs", AS_JSON, "{", {"body"}),
    ("POST", "/api/jobs", AS_JSON, "[]", {"body"}),
    ("POST", "/api/jobs", AS_JSON, NEW_JOB[:-1] + ', "app_id": "hello"}', {"body"}),
    ("POST", "/api/jobs", AS_JSON, NEW_JOB[:-1] + ', "extra": 1}', {"body"}),
    ("POST", "/api/jobs", {"Content-Type": "text/plain"}, NEW_JOB, {"Content-Type"}),
    ("POST", "/api/jobs", {}, NEW_JOB, {"Content-Type"}),
    ("POST", f"/api/jobs/{JOB}/cancel", AS_JSON, "{}", {"body"}),
    ("POST", VALIDATE, AS_JSON, '{"inputs": 1}', {"body"}),
])
def test_each_fault_of_a_request_is_found(method, target, headers, body, wrong):
    assert faults(method, target, headers, body) == wrong


def test_a_required_parameter_that_is_missing_is_found():
    paths = json.loads(json.dumps(CONTRACT.document["paths"]))
    paths["/api/servers"]["get"]["parameters"].append({"name": "zone", "in": "query", "required": True, "schema": {}})
    contract = Contract({**CONTRACT.document, "paths": paths})
    assert faults("GET", "/api/servers", contract=contract) == {"zone"}
    assert faults("GET", "/api/servers?zone=a", contract=contract) == set()


PROBLEM = {"type": "about:blank", "title": "t", "status": 422, "detail": "d", "code": "invalid_parameter"}


@pytest.mark.parametrize("target,status,wrong,fails", [
    ("/api/jobs?limit=0", 422, ("limit",), False),
    ("/api/jobs?limit=0", 422, (), True),  # wrong, and not said to be
    ("/api/jobs?limit=1", 422, ("limit",), True),  # said to be wrong, and is not
    ("/api/jobs?limit=0&colour=red", 422, ("limit",), True),
    ("/api/jobs?limit=0", 200, ("limit",), True),  # forbidden, and answered all the same
])
def test_a_wrong_request_is_said_to_be_and_is_refused(target, status, wrong, fails):
    kind = "application/problem+json" if status >= 400 else "application/json"
    body = PROBLEM if status >= 400 else {"items": [], "next_cursor": None}
    arguments = ("GET", target, TOKEN, None, status, {"content-type": kind}, body, wrong)
    if not fails:
        CONTRACT.check(*arguments)
        return
    with pytest.raises(AssertionError):
        CONTRACT.check(*arguments)


# ---- streams

LINE = {"n": 1, "t": "2026-11-24T00:23:58.000Z", "s": "out"}
FRAME = {"seq": 4, "status": "running", "attempt": 1, "progress": None, "message": None, "output": "a\n", "lines": [LINE]}
ONE = f"/api/jobs/{JOB}/stream"
ALL = "/api/stream"


@pytest.mark.parametrize("path,event", [
    (ONE, sse.Event("4", "message", json.dumps(FRAME))),
    (ONE, sse.Event("3.1000", "message", json.dumps(FRAME))),
    (ALL, sse.Event("AQ-_", "message", json.dumps({**FRAME, "job": JOB}))),
    (ALL, sse.Event("AQ", "message", '{"topic": "jobs", "reset": true}')),
])
def test_a_frame_as_documented_is_taken(path, event):
    assert CONTRACT.check_frame(path, event) == json.loads(event.data)


@pytest.mark.parametrize("path,event", [
    (ONE, sse.Event(None, "message", json.dumps(FRAME))),
    (ONE, sse.Event("04", "message", json.dumps(FRAME))),
    (ONE, sse.Event("4.0", "message", json.dumps(FRAME))),
    (ONE, sse.Event("4", "status", json.dumps(FRAME))),
    (ONE, sse.Event("4", "message", json.dumps(FRAME)[:-1])),
    (ONE, sse.Event("4", "message", json.dumps(FRAME)[:-1] + ', "seq": 4}')),
    (ONE, sse.Event("4", "message", json.dumps({**FRAME, "more": 1}))),
    (ONE, sse.Event("4", "message", json.dumps({**FRAME, "seq": "4"}))),
    (ONE, sse.Event("4", "message", json.dumps({**FRAME, "status": "happy"}))),
    (ONE, sse.Event("4", "message", json.dumps({**FRAME, "progress": 101}))),
    (ONE, sse.Event("4", "message", json.dumps({**FRAME, "lines": [{**LINE, "s": "log"}]}))),
    (ONE, sse.Event("4", "message", json.dumps({**FRAME, "cancel_requested_at": None}))),
    (ONE, sse.Event("4", "message", json.dumps({name: FRAME[name] for name in FRAME if name != "output"}))),
    (ALL, sse.Event("AQ", "message", json.dumps(FRAME))),  # of which job?
    (ALL, sse.Event("a b", "message", '{"topic": "jobs"}')),
    (ALL, sse.Event("AQ", "message", '{"topic": "users"}')),
])
def test_each_fault_of_a_frame_is_found(path, event):
    with pytest.raises((AssertionError, ValueError, jsonschema.ValidationError)):
        CONTRACT.check_frame(path, event)


def test_another_retry_than_the_documented_is_found():
    CONTRACT.check_retry(ONE, 1000)
    with pytest.raises(jsonschema.ValidationError):
        CONTRACT.check_retry(ONE, 999)


def test_a_stream_is_read_as_it_comes():
    def lines():
        yield from (b"retry: 1000\n", b"\n", b": still here\n", b"\n", b"id: 1\n", b"data: {\n", b"data:}\n", b"\n")
        raise AssertionError("read beyond what was asked for")
    events = sse.read(lines())
    assert [next(events) for _ in range(3)] == [sse.Retry(1000), sse.Comment("still here"), sse.Event("1", "message", "{\n}")]


@pytest.mark.parametrize("text", ["data: {}\n", "data: {}", "id: 1\n\n", "id: 1\nid: 1\ndata: {}\n\n", "date: {}\n\n", "data: {}\r\n\r\n",
                                  "retry: soon\n\n", "event: status\n\n"])
def test_what_a_browser_would_pass_over_is_found(text):
    with pytest.raises(AssertionError):
        list(sse.read(line for line in text.encode().splitlines(keepends=True)))
