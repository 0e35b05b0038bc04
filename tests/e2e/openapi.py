"""Holds requests, responses and the frames of streams to docs/api/openapi.yaml: what is not documented is a failure."""
import json
import re
import urllib.parse

import jsonschema
import yaml

# OpenAPI has no parameters of these names: content types and security say what they may be, and browsers the last two.
NO_PARAMETERS = {"accept", "authorization", "content-type", "cookie", "x-csrf-token", "origin", "sec-fetch-site"}
NUMBER = {"integer": r"-?(0|[1-9][0-9]*)", "number": r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"}


def without_duplicates(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is there twice")
    return members


class Contract:
    def __init__(self, document):
        self.document = document
        self.routes = []
        for template, operations in self.document["paths"].items():
            pattern = re.compile("^" + re.sub(r"\{([^}]+)\}", r"(?P<\1>[^/]+)", template) + "$")
            self.routes.append((template.count("{"), pattern, template, operations))
        self.routes.sort(key=lambda route: route[0])  # literal segments win

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(yaml.safe_load(file))

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def validator(self, schema):
        return jsonschema.Draft202012Validator({**schema, "components": self.document["components"]})

    def validate(self, schema, value):
        self.validator(schema).validate(value)

    def faults(self, schema, value):
        return [error.message for error in self.validator(schema).iter_errors(value)]

    def find(self, path):
        for _, pattern, template, operations in self.routes:
            if found := pattern.match(path):
                return template, operations, found.groupdict()
        return None, {}, {}

    def check(self, method, target, sent_headers, sent_body, status, headers, body, wrong=()):
        """One exchange. `sent_body` is text, or None; `body` parsed JSON, or text. `wrong` names what the test got wrong
        on purpose: parameters, `body`, `Content-Type`. It is refused, and nothing else is wrong."""
        path, _, query = target.partition("?")
        template, operations, segments = self.find(path)
        operation = operations.get(method.lower())
        if operation is None:
            self.check_nothing_there(f"{method} {path}", operations, status, headers, body)
            return
        faults = self.request_faults(template, operation, segments, query, sent_headers, sent_body)
        assert {name for name, _ in faults} == set(wrong), f"{method} {target}: {faults}; said to be wrong: {set(wrong)}"
        assert not wrong or status >= 400, f"{method} {target} is answered {status}, though the document forbids {set(wrong)}"
        self.check_response(f"{method} {template}", operation, status, headers, body)

    def check_nothing_there(self, what, operations, status, headers, body):
        """Routes and methods that are not there must be answered with a problem."""
        self.validate({"$ref": "#/components/schemas/Problem"}, body)
        if operations:
            assert status == 405 and headers.get("allow"), f"{what}: {status}"
        else:
            assert status == 404, f"{what}: {status}"

    # ---- requests

    def request_faults(self, template, operation, segments, query, headers, body):
        """Pairs of a name and what is wrong with it."""
        listed = self.document["paths"][template].get("parameters", []) + operation.get("parameters", [])
        given = {
            "path": {name: [urllib.parse.unquote(value)] for name, value in segments.items()},
            "query": urllib.parse.parse_qs(query, keep_blank_values=True),
            "header": {name.lower(): [value] for name, value in headers.items() if name.lower() not in NO_PARAMETERS},
        }
        faults = []
        for parameter in map(self.resolve, listed):
            name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
            values = given[parameter["in"]].pop(name, None)
            if values is not None:
                faults += [(parameter["name"], fault) for fault in self.parameter_faults(parameter, values)]
            elif parameter.get("required"):
                faults.append((parameter["name"], "is missing"))
        for place, left in given.items():
            faults += [(name, f"no such parameter in the {place}") for name in left]
        return faults + self.body_faults(operation, headers, body)

    def parameter_faults(self, parameter, values):
        schema = self.resolve(parameter["schema"])
        if schema.get("type") == "array":
            kind = self.resolve(schema["items"]).get("type")
            if not parameter.get("explode", True):
                if len(values) > 1:
                    return ["is there twice"]
                values = values[0].split(",")
            return self.faults(parameter["schema"], [self.typed(kind, value) for value in values])
        if len(values) > 1:
            return ["is there twice"]
        return self.faults(parameter["schema"], self.typed(schema.get("type"), values[0]))

    @staticmethod
    def typed(kind, text):
        """As JSON has it; text where it is not of that kind, which its schema then refuses."""
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        if kind in NUMBER and re.fullmatch(NUMBER[kind], text):
            return json.loads(text)
        return text

    def body_faults(self, operation, headers, body):
        wanted = operation.get("requestBody")
        if wanted is None:
            return [] if body is None else [("body", "none is taken")]
        if body is None:
            return [("body", "is missing")] if wanted.get("required") else []
        kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "").split(";")[0]
        if kind not in wanted["content"]:
            return [("Content-Type", f"is {kind}")]
        try:
            value = json.loads(body, object_pairs_hook=without_duplicates)
        except ValueError as error:
            return [("body", str(error))]
        return [("body", fault) for fault in self.faults(wanted["content"][kind]["schema"], value)]

    # ---- responses

    def check_response(self, what, operation, status, headers, body):
        response = operation["responses"].get(str(status))
        assert response is not None, f"{what} answers {status}, which is not documented: {body}"
        response = self.resolve(response)
        for name, header in response.get("headers", {}).items():
            if header.get("required"):
                assert name.lower() in headers, f"{what} {status} lacks {name}"
            if name.lower() in headers:
                self.validate(header["schema"], headers[name.lower()])
        kind = headers.get("content-type", "").split(";")[0]
        content = response.get("content", {})
        if not content:
            assert body in ("", None), f"{what} {status} has a body that is not documented"
            return
        assert kind in content, f"{what} {status} is {kind}, documented are {list(content)}"
        if kind.endswith("json"):
            self.validate(content[kind].get("schema", {}), body)

    # ---- streams

    def frames_of(self, path):
        """What the document says of the frames of this stream."""
        template, operations, _ = self.find(path)
        assert template is not None, f"no route {path}"
        media = operations["get"]["responses"]["200"]["content"]["text/event-stream"]
        return {name: media[f"x-{name}"] for name in ("frame", "id", "event", "retry")}

    def check_frame(self, path, event):
        """One event of a stream (sse.Event); its data, parsed."""
        wanted = self.frames_of(path)
        assert event.id is not None, f"{path}: a frame without an id: {event}"
        self.validate(wanted["id"], event.id)
        self.validate(wanted["event"], event.name)
        data = json.loads(event.data, object_pairs_hook=without_duplicates)
        self.validate(wanted["frame"], data)
        return data

    def check_retry(self, path, milliseconds):
        self.validate(self.frames_of(path)["retry"], milliseconds)
