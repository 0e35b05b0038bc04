"""What the document forbids of a parameter, the panel refuses, and says which: asked of every parameter of every route."""
import json
import urllib.parse

import pytest

from conftest import AGENT, ROOT
from openapi import Contract

CONTRACT = Contract.read(ROOT / "docs/api/openapi.yaml")
VALUES = ["", "x", "a b", "A", "-1", "0", "1.5", "1e3", "18446744073709551616", "a,b", "a/b", "..", "é", "\u0000", "x" * 300,
          "x" * 5000, "2026-11-24", "2026-02-30T00:00:00Z", "failed,lost"]
KNOWN = {"/api/installers/{id}": "hello", "/api/servers/{id}": AGENT}
NO_JOB = "01900000-0000-7000-8000-000000000000"


def parameters():
    for _, _, template, operations in CONTRACT.routes:
        for method in sorted({"get", "post"} & set(operations)):
            listed = operations.get("parameters", []) + operations[method].get("parameters", [])
            for parameter in map(CONTRACT.resolve, listed):
                yield pytest.param(method.upper(), template, parameter, id=f"{method} {template} {parameter['name']}")


def path_of(template, **segments):
    known = next((known for stem, known in KNOWN.items() if template.startswith(stem)), NO_JOB)
    return template.replace("{id}", urllib.parse.quote(segments.get("id", known), safe=""))


def body_of(operation):
    if not operation.get("requestBody", {}).get("required"):
        return None, {}
    bodies = {"preflight": {"servers": [AGENT]}, "setUserPassword": {"new_password": "a long enough one"}}
    name = operation["operationId"]
    body = {"inputs": {}} if "validate" in name else bodies.get(name, {"app_id": "hello", "server_id": AGENT, "inputs": {}})
    return json.dumps(body), {"Content-Type": "application/json"}


def forbidden(parameter):
    """Lists of values, of which more than one are the parameter given several times."""
    for value in VALUES:
        if parameter["in"] == "path" and not value or parameter["in"] == "header" and not (value.isascii() and value.isprintable()):
            continue
        if CONTRACT.parameter_faults(parameter, [value]):
            yield [value]
    if parameter["in"] == "query" and CONTRACT.parameter_faults(parameter, ["1", "1"]):
        yield ["1", "1"]


@pytest.mark.parametrize("method,template,parameter", parameters())
def test_a_value_that_is_forbidden_is_refused_and_named(platform, method, template, parameter):
    name, place = parameter["name"], parameter["in"]
    operation = CONTRACT.find(path_of(template))[1][method.lower()]
    asked = 0
    for values in forbidden(parameter):
        body, headers = body_of(operation)
        target = path_of(template)
        if place == "path":
            target = path_of(template, **{name: values[0]})
        elif place == "query":
            target += "?" + "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for value in values)
        else:
            headers[name] = values[0]
        status, problem = platform.call(method, target, body, headers, wrong=(name,))
        assert status in ((400, 404) if place == "path" else (400, 422, 431)), (target, headers, status, problem)
        if status == 422:
            assert name in {error["field"] for error in problem["errors"]}, (target, headers, problem)
        asked += 1
    assert asked, f"no value of {name} is forbidden"


@pytest.mark.parametrize("template", sorted(template for _, _, template, operations in CONTRACT.routes
                                            if "parameters" in operations.get("get", {})))
def test_a_parameter_that_no_route_knows_is_refused_and_named(platform, template):
    status, problem = platform.call("GET", path_of(template) + "?colour=red", wrong=("colour",))
    assert status == 422 and [error["field"] for error in problem["errors"]][0] == "colour", problem
