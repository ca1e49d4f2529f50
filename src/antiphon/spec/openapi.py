"""The pin as OpenAPI 3.1 and JSON Schema: for our `/openapi.json`, and for tests with other validators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from antiphon.spec import pin
from antiphon.spec.pin import Field, Fields, Operation, TypeExpr

JSON = dict[str, Any]

_COMPONENTS = "#/components/schemas/"
_KEYWORDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "min_items": "minItems",
    "max_items": "maxItems",
    "max_properties": "maxProperties",
}
_LIMITS_OF: dict[str, tuple[str, ...]] = {
    "string": ("min_length", "max_length", "pattern"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("min_items", "max_items"),
    "object": ("max_properties",),
}
_ERROR = "ErrorResponse"


def document(routes: Iterable[str], *, title: str, version: str, server_path: str = "/v1") -> JSON:
    """An OpenAPI document of the given operations (`POST /responses`, …).

    Raises `KeyError` for a route that is not in the pin.
    """
    writer = SchemaWriter(_COMPONENTS)
    paths: dict[str, JSON] = {}
    for route in routes:
        method, path = route.split(" ", 1)
        paths.setdefault(path, {})[method.lower()] = _operation(pin.load().operations[route], path, writer)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": server_path}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(writer.definitions.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def json_schema(name: str) -> JSON:
    """A JSON Schema of one named type or union of the pin, complete in itself."""
    writer = SchemaWriter("#/$defs/")
    schema = writer.type({"ref": name})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": writer.definitions}


class SchemaWriter:
    """Writes type expressions as JSON Schema and collects the definitions they refer to."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.definitions: dict[str, JSON] = {}

    def type(self, expression: TypeExpr, field: Field | None = None) -> JSON:
        """The schema of a type expression, with the limits of `field` that fit it."""
        if isinstance(expression, str):
            return self._word(expression, field)
        if "ref" in expression:
            return self.reference(expression["ref"])
        if "array" in expression:
            return {"type": "array", "items": self.type(expression["array"]), **_limits("array", field)}
        if "map" in expression:
            return self._map(expression["map"], field)
        if "any_of" in expression:
            return {"anyOf": [self.type(one, field) for one in expression["any_of"]]}
        return {"type": "string"} if expression.get("open") else {"enum": expression["enum"]}

    def reference(self, name: str) -> JSON:
        """A reference to a named type or union, which is written once."""
        if name not in self.definitions:
            self.definitions[name] = {}  # holds the place while the inner references are written
            union = pin.load().unions.get(name)
            self.definitions[name] = (
                self.object(pin.load().types[name])
                if union is None
                else {"anyOf": [self.type(one) for one in union]}
            )
        return {"$ref": self._prefix + name}

    def object(self, fields: Fields) -> JSON:
        """The schema of an object with these fields."""
        schema: JSON = {
            "type": "object",
            "properties": {name: self.field(one) for name, one in fields.items()},
        }
        required = [name for name, one in fields.items() if one.required]
        return schema | {"required": required} if required else schema

    def field(self, field: Field) -> JSON:
        """The schema of a field's value."""
        schema = self.type(field.type, field)
        if field.nullable:
            schema = {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
        extra: JSON = {} if field.default is msgspec.UNSET else {"default": field.default}
        return schema | extra | ({"deprecated": True} if field.deprecated else {})

    def _word(self, word: str, field: Field | None) -> JSON:
        if word == "any":
            return {}
        if word == "bytes":
            return {"type": "string", "format": "binary"}
        return {"type": word, **_limits(word, field)}

    def _map(self, values: TypeExpr, field: Field | None) -> JSON:
        longest = field.max_value_length if field is not None else None
        schema: JSON = {"type": "object", **_limits("object", field)}
        inner = self.type(values, Field(values, max_length=longest))
        if inner:
            schema["additionalProperties"] = inner
        if field is not None and field.max_key_length is not None:
            schema["propertyNames"] = {"maxLength": field.max_key_length}
        return schema


def _limits(kind: str, field: Field | None) -> JSON:
    limits = {name: getattr(field, name, None) for name in _LIMITS_OF.get(kind, ())}
    return {_KEYWORDS[name]: value for name, value in limits.items() if value is not None}


def _operation(operation: Operation, path: str, writer: SchemaWriter) -> JSON:
    described: JSON = {"operationId": operation.sdk}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    for name, field in (operation.query or {}).items():
        parameters.append(
            {"name": name, "in": "query", "required": field.required, "schema": writer.field(field)}
        )
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        media = "multipart/form-data" if operation.multipart else "application/json"
        schema = writer.object(operation.body)
        required = any(field.required for field in operation.body.values())
        described["requestBody"] = {"required": required, "content": {media: {"schema": schema}}}
    error = {"application/json": {"schema": writer.reference(_ERROR)}}
    described["responses"] = {
        "200": {"description": "OK", "content": _reply(operation, writer)},
        "default": {"description": "Error", "content": error},
    }
    return described


def _reply(operation: Operation, writer: SchemaWriter) -> JSON:
    if operation.returns == "bytes":
        return {"application/octet-stream": {}}
    schema = writer.type(operation.returns)
    if operation.page is not None:
        schema = writer.object(pin.envelope(operation))
    content: JSON = {"application/json": {"schema": schema}}
    if operation.stream is not None:
        content["text/event-stream"] = {"schema": writer.type(operation.stream)}
    return content
