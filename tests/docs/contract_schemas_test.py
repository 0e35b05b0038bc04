"""The JSON Schemas of manifests and of inputs say what the contract's vectors say.

What a vector accepts, its schema accepts. What a vector refuses, its schema refuses too, or the rule stands below as one
that a schema cannot say, with the reason."""
import hashlib
import json
import pathlib
import re

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests/vectors"

# ---- inputs

# Rules (of InputError) that a schema of the inputs leaves to the validator.
BEYOND_INPUTS = {
    "characters": "control characters",
    "format": "the grammars: `format` is a hint, and each library has its own idea of it",
    "size": "counts bytes",
}
BEYOND_INPUT_VECTORS = {
    ("C-TYPE-1", "integer 1.0"): "to JSON Schema 1.0 is an integer",
}
# Types whose values may be given as their exact text too; the schema describes their JSON type only.
AS_TEXT = {"integer", "number", "boolean", "array"}


def ecma_search(pattern, value):
    """In ECMA-262 `$` is the end and nothing else; Python's also stands before a last newline."""
    pattern = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", lambda m: r"\Z" if m[0] == "$" else m[0], pattern)
    return re.search(pattern, value)


def check_pattern(_validator, pattern, instance, _schema):
    if isinstance(instance, str) and not ecma_search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": check_pattern})


def accepts(schema, value):
    return Validator(schema).is_valid(value)


def vectors(name):
    found = json.loads((VECTORS / "contract" / name).read_text())
    assert found
    return found


def case(vector):
    return f"{vector['rule']}: {vector['name']}"


INPUTS = [v for v in vectors("inputs.json") if v.get("action", "install") in ("install", "upgrade")]
INPUT_SCHEMAS = json.loads((VECTORS / "schemas/inputs.json").read_text())


def schema_of(vector):
    return INPUT_SCHEMAS[hashlib.sha256(vector["manifest"].encode()).hexdigest()]


@pytest.mark.parametrize("vector", INPUTS, ids=case)
def test_a_schema_of_inputs_agrees_with_the_vector(vector):
    schema = schema_of(vector)
    Validator.check_schema(schema)
    if vector["expect"] == "accept":
        # Where a value is given as text, its JSON form stands in the vector's `values`.
        inputs = {name: vector["values"][name]
                  if isinstance(value, str) and schema["properties"][name]["type"] in AS_TEXT else value
                  for name, value in vector["inputs"].items()}
        assert accepts(schema, inputs)
        return
    rules = {error["rule"] for error in vector["expect"]["errors"]}
    beyond = rules <= set(BEYOND_INPUTS) or (vector["rule"], vector["name"]) in BEYOND_INPUT_VECTORS
    left_out = rules == {"pattern"} and "RE2" in json.dumps(schema)
    assert not accepts(schema, vector["inputs"]) or beyond or left_out


def test_every_exception_of_inputs_is_needed():
    def accepted(chosen):
        return any(v["expect"] != "accept" and chosen(v) and accepts(schema_of(v), v["inputs"]) for v in INPUTS)
    for rule in BEYOND_INPUTS:
        assert accepted(lambda v, rule=rule: {e["rule"] for e in v["expect"]["errors"]} == {rule}), rule
    for rule, name in BEYOND_INPUT_VECTORS:
        assert accepted(lambda v, key=(rule, name): (v["rule"], v["name"]) == key), name
