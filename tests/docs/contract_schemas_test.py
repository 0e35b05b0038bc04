"""The JSON Schemas of manifests and of inputs say what the contract's vectors say.

What a vector accepts, its schema accepts. What a vector refuses, its schema refuses too, or the rule stands below as one
that a schema cannot say, with the reason."""
import base64
import hashlib
import json
import pathlib
import re

import jsonschema
import pytest
import yaml

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

# ---- manifests

# What a refused manifest breaks that a schema cannot say: why, then the vectors, by rule and name.
BEYOND_MANIFESTS = {
    "YAML's own: the tree does not show it": {
        ("C-YAML-1", "a duplicate key"),
        ("C-YAML-1", "a byte more"),
        ("C-YAML-1", "a level more"),
        ("C-YAML-1", "an anchor"),
        ("C-YAML-1", "a tag"),
    },
    "the installer's directory is not in the manifest": {
        ("C-ID-2", "another name"),
        ("C-SCRIPT-2", "the script is missing"),
        ("C-SCRIPT-2", "the icon is missing"),
    },
    "one part of the manifest names another": {
        ("C-OS-2", "a version for a family not named"),
        ("C-NAME-3", "a name twice"),
        ("C-OUT-1", "a name twice"),
        ("C-SENS-4", "a condition on a password"),
        ("C-COND-1", "a value of another type"),
        ("C-COND-4", "an unknown input"),
        ("C-COND-5", "a cycle"),
        ("C-COND-5", "an input that names itself"),
        ("C-COND-6", "65 conditions"),
        ("C-SECRET-1", "the name of the file is taken"),
        ("C-SECRET-1", "a secret whose file a program takes"),
    },
    "one value is held to another": {
        ("C-RULE-1", "bounds that nothing fits"),
        ("C-RULE-2", "a default that breaks its rule"),
    },
    "RE2's syntax": {
        ("C-RULE-3", "a backreference is not RE2"),
    },
}


class CoreSchemaLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors and the platform read it: `yes` is a text, and so is 12:30."""
    yaml_implicit_resolvers = {}


for tag, pattern, first in (("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"), ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
                            ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
                            ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789")):
    CoreSchemaLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))

MANIFEST_SCHEMA = json.loads((ROOT / "docs/formats/manifest.schema.json").read_text())
MANIFESTS = vectors("manifest.json")


def manifest_of(vector):
    if "manifest_base64" in vector:
        return base64.b64decode(vector["manifest_base64"])
    text, times = vector.get("append", ["", 0])
    return vector["manifest"] + text * times


def manifest_accepted(vector):
    try:
        return accepts(MANIFEST_SCHEMA, yaml.load(manifest_of(vector), CoreSchemaLoader))
    except yaml.YAMLError:
        return False


def is_loaded(vector):
    """The loader takes its manifest, whatever becomes of the rest of the vector."""
    return vector["expect"] == "accept" or any(kind in vector for kind in ("machine", "inputs", "facts"))


def test_the_schema_of_manifests_is_one():
    Validator.check_schema(MANIFEST_SCHEMA)


@pytest.mark.parametrize("vector", MANIFESTS, ids=case)
def test_the_schema_of_manifests_agrees_with_the_vector(vector):
    beyond = any((vector["rule"], vector["name"]) in listed for listed in BEYOND_MANIFESTS.values())
    assert manifest_accepted(vector) == (is_loaded(vector) or beyond)


def test_every_exception_of_manifests_is_a_vector():
    listed = {key for keys in BEYOND_MANIFESTS.values() for key in keys}
    assert listed <= {(v["rule"], v["name"]) for v in MANIFESTS if not is_loaded(v)}


@pytest.mark.parametrize("path", sorted([*ROOT.glob("installers/*/manifest.yml"), *ROOT.glob("tests/installers/*/manifest.yml")]), ids=lambda path: path.parent.name)
def test_the_schema_of_manifests_accepts_the_installers_here(path):
    assert accepts(MANIFEST_SCHEMA, yaml.load(path.read_text(), CoreSchemaLoader))


@pytest.mark.parametrize("text", sorted({v["manifest"] for v in vectors("inputs.json") + vectors("script.json") if "manifest" in v}),
                         ids=lambda text: hashlib.sha256(text.encode()).hexdigest()[:8])
def test_the_schema_of_manifests_accepts_those_of_other_vectors(text):
    assert accepts(MANIFEST_SCHEMA, yaml.load(text, CoreSchemaLoader))
