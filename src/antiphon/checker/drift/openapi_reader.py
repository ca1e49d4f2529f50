"""An OpenAPI document → the form of the SDK's surface: `{"operations", "unions", "types", "inputs"}`.

Names of types are the document's own, except for the great unions: `flatten` compares by wire path.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from antiphon.checker.drift.flatten import LIMITS
from antiphon.spec import pin
from antiphon.spec.extract_types import TypeExpr, branches, one_of, without_null

JSON = dict[str, Any]

SCOPE = (
    "responses", "conversations", "webhook_endpoints", "webhook_event_types", "files", "uploads",
    "vector_stores", "containers", "skills", "models",
)  # fmt: skip
"""First words of the paths that are read; twins with `?beta=true` are not."""

_UNIONS = {
    "StreamEvent": "ResponseStreamEvent",
    "WsServerEvent": "ResponsesServerEvent",
    "WsClientEvent": "ResponsesClientEvent",
    "OutputItem": "OutputItem",
    "Item": "ItemResource",
    "InputItem": "InputItem",
    "InputItemParam": "InputItem",
    "ConversationItem": "ConversationItem",
    "Tool": "Tool",
    "ToolParam": "Tool",
    "ToolChoice": "ToolChoiceParam",
    "ToolChoiceParam": "ToolChoiceParam",
}
"""The name of a great union → the component that the document describes it with."""

_WORDS = {"string", "integer", "number", "boolean", "null"}
_VERBS = ("get", "post", "delete", "put", "patch")


def read(document: JSON) -> JSON:
    """The surface that the document describes."""
    return _Reader(document).surface()


class _Reader:
    def __init__(self, document: JSON) -> None:
        self._document = document
        self._types: JSON = {}
        self._unions: dict[str, list[TypeExpr]] = {}

    def surface(self) -> JSON:
        operations: JSON = {}
        for path, methods in self._document["paths"].items():
            if path.split("/")[1] not in SCOPE or "?" in path:
                continue
            for method in _VERBS:
                if method in methods:
                    name = f"{method.upper()} {path}"
                    shared = methods.get("parameters", [])
                    operations[name] = self._operation(name, methods[method], shared)
        unions: JSON = {}
        for name, component in _UNIONS.items():
            if component in self._document["components"]["schemas"]:
                unions[name] = self._branches(self._component(component))
        unions["WebhookEvent"] = [self._body_type(one["post"]) for one in self._webhooks()]
        return {"operations": operations, "unions": self._unions | unions, "types": self._types, "inputs": []}

    def _webhooks(self) -> list[JSON]:
        return [one for one in self._document.get("webhooks", {}).values() if "post" in one]

    def _body_type(self, operation: JSON) -> TypeExpr:
        contents = self._resolved(operation["requestBody"])["content"].values()
        return one_of([self._type(one["schema"], "webhook") for one in contents])

    def _operation(self, name: str, described: JSON, shared: list[JSON]) -> JSON:
        found: JSON = {"sdk": described.get("operationId", name)}
        query: JSON = {}
        for parameter in [*shared, *described.get("parameters", [])]:
            parameter = self._resolved(parameter)
            if parameter["in"] == "query":
                key = parameter["name"].removesuffix("[]")
                schema = parameter.get("schema", {})
                query[key] = self._field(schema, f"{name} {key}", required=bool(parameter.get("required")))
        if query:
            found["query"] = query
        contents = self._resolved(described.get("requestBody", {})).get("content", {})
        if contents:
            found["body"] = self._body([one.get("schema", {}) for one in contents.values()], name)
        if "multipart/form-data" in contents:
            found["multipart"] = True
        return found | self._reply(name, described)

    def _body(self, schemas: list[JSON], name: str) -> JSON:
        """The fields of the body; of several forms of it, those of all."""
        forms = [form for schema in schemas for form in self._objects(schema)]
        fields: JSON = {}
        for form in forms:
            for key, field in self._fields(form, name).items():
                known = fields.get(key)
                fields[key] = (
                    field if known is None else known | {"type": one_of([known["type"], field["type"]])}
                )
        for key, field in fields.items():
            if not all(key in form.get("required", []) for form in forms):
                field.pop("required", None)
        return fields

    def _objects(self, schema: JSON) -> list[JSON]:
        """The object schemas that a body may be; rules of the kind `anyOf: [{required: …}]` add none."""
        schema = self._resolved(schema)
        inner = [self._resolved(one) for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
        shaped = [one for one in inner if "properties" in one]
        if not shaped:
            return [schema]
        own = schema.get("properties", {})
        return [{**one, "properties": own | one["properties"]} for one in shaped]

    def _reply(self, name: str, described: JSON) -> JSON:
        replies: JSON = described.get("responses", {})
        described_reply: JSON = replies.get("200") or replies.get("201") or {}
        reply = self._resolved(described_reply)
        found: JSON = {"returns": "any"}
        for kind, content in reply.get("content", {}).items():
            schema = content.get("schema", {})
            if kind == "text/event-stream":
                found["stream"] = {"ref": "StreamEvent"}
            elif kind == "application/json":
                found |= self._returned(name, schema)
            else:
                found["returns"] = "bytes"
        return found

    def _returned(self, name: str, schema: JSON) -> JSON:
        known = pin.load().operations.get(name)
        expression = self._type(schema, f"{name} reply")
        if known is None or known.page is None:
            return {"returns": expression}
        fields: JSON = self._types.get(expression.get("ref", ""), {}) if isinstance(expression, dict) else {}
        data: TypeExpr = fields.get("data", {}).get("type", "any")
        return {"returns": data.get("array", data) if isinstance(data, dict) else data, "page": known.page}

    def _fields(self, schema: JSON, name: str) -> JSON:
        required = set(schema.get("required", []))
        return {
            key: self._field(one, f"{name}.{key}", required=key in required)
            for key, one in schema.get("properties", {}).items()
        }

    def _field(self, schema: JSON, name: str, *, required: bool) -> JSON:
        expression, nullable = without_null(self._type(schema, name))
        field: JSON = {"type": expression}
        if required:
            field["required"] = True
        if nullable or schema.get("nullable"):
            field["nullable"] = True
        for one in self._forms(schema):
            field |= {key: one[key] for key in LIMITS if key in one}
            if isinstance(one.get("default"), str | int | float):
                field["default"] = one["default"]
        if schema.get("deprecated") or self._resolved(schema).get("deprecated"):
            field["deprecated"] = True
        return field

    def _forms(self, schema: JSON) -> Iterator[JSON]:
        """The schema, and what it may be instead, to any depth."""
        yield schema
        resolved = self._resolved(schema)
        if resolved is not schema:
            yield resolved
        for one in (*resolved.get("anyOf", ()), *resolved.get("oneOf", ())):
            yield from self._forms(one)

    def _type(self, schema: JSON, name: str) -> TypeExpr:
        if "$ref" in schema:
            return self._component(schema["$ref"].rpartition("/")[2])
        if "allOf" in schema:
            parts = [one for one in schema["allOf"] if set(one) - {"description", "title", "nullable"}]
            if len(parts) == 1 and not schema.get("properties"):
                return self._type(parts[0], name)
            schema = self._resolved(schema)
        inner = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        if inner and any(set(one) - {"required", "not"} for one in inner):
            return one_of([self._type(one, f"{name}|{place}") for place, one in enumerate(inner)])
        return self._plain(schema, name)

    def _plain(self, schema: JSON, name: str) -> TypeExpr:
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            listed: TypeExpr = {"enum": [one for one in values if one is not None]}
            return listed if None not in values else one_of([listed, "null"])
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return one_of([self._plain({**schema, "type": kind}, name) for kind in cast(list[str], kinds)])
        if kinds == "array":
            return {"array": self._type(schema.get("items", {}), f"{name}[]")}
        if "properties" in schema:
            return self._object(schema, name)
        if kinds == "object":
            values = schema.get("additionalProperties")
            return {"map": self._type(values, f"{name}{{}}") if isinstance(values, dict) else "any"}  # pyright: ignore[reportUnknownArgumentType]
        if kinds == "string" and schema.get("format") == "binary":
            return "bytes"
        return kinds if kinds in _WORDS else "any"

    def _object(self, schema: JSON, name: str) -> TypeExpr:
        if name not in self._types:
            self._types[name] = {}  # holds the place while the fields are read
            self._types[name] = self._fields(schema, name)
        return {"ref": name}

    def _component(self, name: str) -> TypeExpr:
        """A component by name: objects and unions once each, anything else in place."""
        own = f"#{name}"  # unions of the document apart from the great ones, whose names it uses otherwise
        if name in self._types:
            return {"ref": name}
        if own in self._unions:
            return {"ref": own}
        schema = self._document["components"]["schemas"][name]
        if not schema.get("anyOf") and not schema.get("oneOf"):
            return self._type(schema, name)
        self._unions[own] = []  # a union may hold itself
        self._unions[own] = self._branches(self._type(schema, name))
        return {"ref": own}

    def _branches(self, expression: TypeExpr) -> list[TypeExpr]:
        if isinstance(expression, dict) and expression.get("ref") in self._unions:
            return self._unions[expression["ref"]]
        return branches(expression)

    def _resolved(self, schema: JSON) -> JSON:
        """The schema behind references; the parts of an `allOf` as one object."""
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        if "allOf" not in schema:
            return schema
        merged: JSON = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self._resolved, schema["allOf"]):
            properties = merged.get("properties", {}) | part.get("properties", {})
            required = [*merged.get("required", []), *part.get("required", [])]
            merged = merged | part | {"required": required}
            if properties:
                merged["properties"] = properties
        return merged
