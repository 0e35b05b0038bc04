"""Holds requests and responses to docs/api/openapi.yaml: an undocumented route, status or member is a failure."""
import re

import jsonschema
import yaml


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.routes = []
        for template, operations in self.document["paths"].items():
            pattern = re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", template) + "$")
            self.routes.append((template.count("{"), pattern, template, operations))
        self.routes.sort(key=lambda route: route[0])  # literal segments win

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def validate(self, schema, value):
        schema = {**schema, "components": self.document["components"]} if "$ref" in schema else {
            **schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(schema).validate(value)

    def check(self, method, path, request_body, status, headers, body):
        """`body` is parsed JSON, or text. Routes that are not there must be answered with a problem."""
        for _, pattern, template, operations in self.routes:
            if pattern.match(path):
                break
        else:
            self.validate({"$ref": "#/components/schemas/Problem"}, body)
            assert status == 404, f"{method} {path}: {status}"
            return
        operation = operations.get(method.lower())
        if operation is None:
            assert status == 405 and headers.get("allow"), f"{method} {path}: {status}"
            self.validate({"$ref": "#/components/schemas/Problem"}, body)
            return
        response = operation["responses"].get(str(status))
        assert response is not None, f"{method} {template} answers {status}, which is not documented: {body}"
        response = self.resolve(response)
        for name, header in response.get("headers", {}).items():
            if header.get("required"):
                assert name.lower() in headers, f"{method} {template} {status} lacks {name}"
            if name.lower() in headers:
                self.validate(header["schema"], headers[name.lower()])
        kind = headers.get("content-type", "").split(";")[0]
        content = response.get("content", {})
        if not content:
            assert body in ("", None), f"{method} {template} {status} has a body that is not documented"
            return
        assert kind in content, f"{method} {template} {status} is {kind}, documented are {list(content)}"
        if kind.endswith("json"):
            self.validate(content[kind].get("schema", {}), body)
        if request_body is not None and status < 300:
            wanted = operation["requestBody"]["content"]["application/json"]["schema"]
            self.validate(wanted, request_body)
