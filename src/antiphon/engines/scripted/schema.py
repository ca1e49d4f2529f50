"""A value that a JSON Schema accepts, the same one every time: the `scripted` engine's structured answers.

Honours `$ref` within the document, `const`, `enum`, `default`, `examples`, `type`, `required`, `properties`,
`items`, `prefixItems`, `anyOf`, `oneOf`, `allOf`, bounds of numbers, lengths and items, and common formats.
`pattern` and `not` are not honoured.
"""

from __future__ import annotations

import math
from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.engines.scripted.language import wrong

_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_DEPTH, _NODES, _LENGTH = 24, 10_000, 100_000
_SHALLOW = 6  # below this depth only what the schema demands is made, so that recursive schemas end


def example(schema: JSON, name: str = "value") -> Any:
    """A value for the schema; a free string is `name`, or the name of its property.

    Raises `EngineFailure("invalid_request")` for a schema that is none, or that nests or repeats without end.
    """
    try:
        return _Maker(schema).make(schema, name, 0)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        # The keywords are the client's own and may hold anything.
        raise wrong("a JSON schema is malformed") from error


class _Maker:
    def __init__(self, root: JSON) -> None:
        self._root = root
        self._nodes = 0

    def make(self, schema: Any, name: str, depth: int) -> Any:
        self._enter(depth)
        if not isinstance(schema, dict):
            return name
        schema = self._resolved(cast(JSON, schema), depth)
        for key, pick in (("const", False), ("enum", True), ("default", False), ("examples", True)):
            if key in schema:
                return cast(list[Any], schema[key])[0] if pick else schema[key]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                branch = self._branch(cast(list[Any], schema[key]), depth)
                rest = _without(schema, key)
                return self.make(_merge(rest, branch) if rest else branch, name, depth + 1)
        return self._typed(schema, name, depth)

    def _enter(self, depth: int) -> None:
        self._nodes += 1
        if self._nodes > _NODES or depth > _DEPTH:
            raise wrong("a JSON schema is too deep or too large to make a value for")

    def _resolved(self, schema: JSON, depth: int) -> JSON:
        """Without `$ref` and `allOf`."""
        for _ in range(_DEPTH):
            self._enter(depth)
            if "$ref" in schema:
                schema = {**self._target(str(schema["$ref"])), **_without(schema, "$ref")}
            elif "allOf" in schema:
                merged: JSON = _without(schema, "allOf")
                for part in cast(list[JSON], schema["allOf"]):
                    merged = _merge(merged, self._resolved(part, depth + 1))
                schema = merged
            else:
                return schema
        raise wrong("a JSON schema refers to itself without end")

    def _target(self, reference: str) -> JSON:
        value: Any = self._root
        for key in reference.removeprefix("#").strip("/").split("/"):
            if key:
                key = key.replace("~1", "/").replace("~0", "~")
                value = cast(JSON, value).get(key) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            raise wrong(f"the JSON schema refers to {reference!r}, which it does not hold")
        return cast(JSON, value)

    def _branch(self, branches: list[Any], depth: int) -> Any:
        """The first branch; deep down the one that ends soonest."""
        if depth < _SHALLOW:
            return branches[0]
        return min(branches, key=lambda b: "$ref" in b or _type(b) in ("object", "array"))

    def _typed(self, schema: JSON, name: str, depth: int) -> Any:
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return _string(schema, name)
            case "integer":
                return _integer(schema)
            case "number":
                return _integer(schema) if "multipleOf" in schema else _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return name

    def _object(self, schema: JSON, depth: int) -> JSON:
        properties = cast(JSON, schema.get("properties") or {})
        wanted = cast("list[str] | None", schema.get("required"))
        if wanted is None:
            wanted = list(properties) if depth < _SHALLOW else []
        return {key: self.make(properties.get(key, {}), key, depth + 1) for key in wanted}

    def _array(self, schema: JSON, name: str, depth: int) -> list[Any]:
        least = cast(int, schema.get("minItems", 0))
        most = cast(int, schema.get("maxItems", max(least, 1)))
        size = max(least, min(1, most)) if depth < _SHALLOW else least
        if size > _NODES:
            raise wrong("a JSON schema asks for too many items")
        prefix = cast(list[Any], schema.get("prefixItems") or [])
        items: Any = schema.get("items", {})
        shapes = prefix + [items] * (size - len(prefix))
        return [self.make(shape, name, depth + 1) for shape in shapes]


def _without(schema: JSON, key: str) -> JSON:
    return {k: v for k, v in schema.items() if k != key}


def _merge(one: JSON, other: JSON) -> JSON:
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return merged


def _type(schema: Any) -> str | None:
    if not isinstance(schema, dict):
        return None
    given = cast(JSON, schema).get("type")
    if isinstance(given, list):
        names = cast(list[str], given)
        return next((name for name in names if name != "null"), "null")
    if given is None and "properties" in schema:
        return "object"
    return cast("str | None", given)


def _string(schema: JSON, name: str) -> str:
    text = _FORMATS.get(cast(str, schema.get("format")), name)
    least = cast(int, schema.get("minLength", 0))
    if least > _LENGTH:
        raise wrong("a JSON schema asks for too long a string")
    return text.ljust(least, "x")[: cast("int | None", schema.get("maxLength"))]


def _integer(schema: JSON) -> int:
    step = cast(int, schema.get("multipleOf", 1))
    low, high = _bounds(schema)
    value = 1
    if low is not None:
        value = max(value, math.floor(low) + 1 if "exclusiveMinimum" in schema else math.ceil(low))
    if high is not None:
        value = min(value, math.ceil(high) - 1 if "exclusiveMaximum" in schema else math.floor(high))
    return math.ceil(value / step) * step


def _number(schema: JSON) -> float:
    low, high = _bounds(schema)
    if low is not None and high is not None:
        return (low + high) / 2
    if low is not None:
        return low + 1.0
    return 1.0 if high is None else min(1.0, high - 1.0)


def _bounds(schema: JSON) -> tuple[float | None, float | None]:
    low = cast("float | None", schema.get("minimum", schema.get("exclusiveMinimum")))
    high = cast("float | None", schema.get("maximum", schema.get("exclusiveMaximum")))
    return low, high
