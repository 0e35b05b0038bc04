"""docs/api/openapi.yaml is a document that the end-to-end tests can validate against."""
import pathlib
import re

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = yaml.safe_load((ROOT / "docs/api/openapi.yaml").read_text())
METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = [(path, method, operation) for path, item in DOCUMENT["paths"].items()
              for method, operation in item.items() if method in METHODS]


def walk(node, pointer=""):
    yield pointer, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from walk(child, f"{pointer}/{key}")


def resolve(reference):
    node = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


def test_every_reference_leads_somewhere():
    references = [node["$ref"] for _, node in walk(DOCUMENT) if isinstance(node, dict) and "$ref" in node]
    assert references
    for reference in references:
        resolve(reference)


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_schema_is_a_valid_2020_12_schema(name):
    jsonschema.Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_object_is_closed_or_says_it_is_open(name):
    for pointer, node in walk(DOCUMENT["components"]["schemas"][name]):
        if isinstance(node, dict) and "properties" in node and isinstance(node["properties"], dict):
            assert node.get("additionalProperties") is False, f"{name}{pointer}: undocumented members would pass"
            assert set(node.get("required", [])) <= set(node["properties"]), f"{name}{pointer}: required but not described"


@pytest.mark.parametrize("path,method,operation", OPERATIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_every_operation_names_its_path_parameters_and_refusals(path, method, operation):
    item = DOCUMENT["paths"][path]
    parameters = [resolve(p["$ref"]) if "$ref" in p else p
                  for p in item.get("parameters", []) + operation.get("parameters", [])]
    named = {p["name"] for p in parameters if p["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path))
    # Answered before a route is reached: by the server, the proxy rule, the look at the token.
    assert {"400", "401", "403", "413", "429", "431", "500", "503"} <= set(operation["responses"])


@pytest.mark.parametrize("path,method,operation", OPERATIONS, ids=lambda v: v if isinstance(v, str) else "")
def test_every_error_is_a_problem(path, method, operation):
    for status, response in operation["responses"].items():
        response = resolve(response["$ref"]) if "$ref" in response else response
        if status >= "400":
            schema = response["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, f"{method} {path} {status}"


def test_every_stream_says_what_its_frames_are():
    streams = [node for _, node in walk(DOCUMENT["paths"]) if isinstance(node, dict) and "text/event-stream" in node]
    wanted = {"x-frame", "x-id", "x-event", "x-retry"}
    assert streams and all(wanted <= set(node["text/event-stream"]) for node in streams)


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))
