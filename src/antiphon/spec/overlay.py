"""Takes out of an OpenAPI document what an SDK cannot say: the overlay.

That is, per field: required though nullable, nullable in replies, defaults, limits, patterns, deprecation.
The document's schemas have other names than the SDK's types, so both are walked together from the operations
down: a branch of a union is paired by its constants (`type`, `object`, `role`), a field by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from antiphon.spec.compose import completed
from antiphon.spec.extract_types import TypeExpr, branches

JSON = dict[str, Any]

_LIMITS = (
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "maxProperties",
)
_TAGS = ("type", "object", "role")


def overlay(surface: JSON, openapi: JSON, *, date: str) -> JSON:
    """`{"meta", "operations", "types"}`; only fields about which there is something to say."""
    walk = _Walk(surface, openapi)
    walk.operations()
    inputs = frozenset(surface["inputs"])
    types = {
        name: _news(surface["types"][name], seen, written=name in inputs)
        for name, seen in sorted(walk.types.items())
    }
    operations = {
        name: {
            place: _news(surface["operations"][name][place], seen, written=True)
            for place, seen in places.items()
            if seen
        }
        for name, places in sorted(walk.parameters.items())
    }
    return {
        "meta": {"title": openapi["info"]["title"], "version": openapi["info"]["version"], "date": date},
        "operations": {name: kept for name, places in operations.items() if (kept := _filled(places))},
        "types": _filled(types),
    }


Seen = dict[str, list[JSON]]
"""Field name → what each place that was walked says of it."""


class _Walk:
    def __init__(self, surface: JSON, openapi: JSON) -> None:
        self._surface = surface
        self._openapi = openapi
        self._visited: set[tuple[str, int]] = set()
        self.types: dict[str, Seen] = {}
        self.parameters: dict[str, dict[str, Seen]] = {}

    def operations(self) -> None:
        for name, operation in self._surface["operations"].items():
            method, path = name.split(" ")
            described = self._openapi["paths"].get(path, {}).get(method.lower())
            if described is None:
                continue
            places = self.parameters.setdefault(name, {})
            for schema in self._contents(described.get("requestBody", {})):
                for variant in self._variants(schema)[0]:
                    self._fields(operation.get("body") or {}, variant, places.setdefault("body", {}))
            self._query(operation.get("query") or {}, described, places.setdefault("query", {}))
            self._replies(operation, described)

    def _query(self, fields: JSON, described: JSON, seen: Seen) -> None:
        for parameter in described.get("parameters", []):
            parameter = self._resolved(parameter)
            field = fields.get(parameter["name"].removesuffix("[]"))
            if parameter["in"] == "query" and field is not None:
                required = bool(parameter.get("required"))
                facts = self._facts(parameter.get("schema", {}), required=required)
                seen.setdefault(parameter["name"].removesuffix("[]"), []).append(facts)

    def _replies(self, operation: JSON, described: JSON) -> None:
        reply = self._resolved(described.get("responses", {}).get("200", {}))
        for kind, content in reply.get("content", {}).items():
            schema = content.get("schema", {})
            if kind == "text/event-stream":
                self._type(operation.get("stream", "any"), schema)
            elif "page" in operation:
                for variant in self._variants(schema)[0]:
                    data = variant.get("properties", {}).get("data", {})
                    self._type({"array": operation["returns"]}, data)
            else:
                self._type(operation["returns"], schema)

    def _contents(self, body: JSON) -> Iterator[JSON]:
        for content in self._resolved(body).get("content", {}).values():
            yield content.get("schema", {})

    def _type(self, expression: TypeExpr, schema: JSON) -> None:
        """Walks a type expression and the schema that stands at the same place."""
        variants, _ = self._variants(schema)
        ours = self._branches(expression)
        objects = [cast(str, one["ref"]) for one in ours if isinstance(one, dict) and "ref" in one]
        for name in objects:
            for variant in self._partners(name, variants, alone=len(objects) == 1):
                if (name, id(variant)) in self._visited:
                    continue
                self._visited.add((name, id(variant)))
                self._fields(self._surface["types"][name], variant, self.types.setdefault(name, {}))
        for branch in ours:
            if isinstance(branch, dict) and "array" in branch:
                for variant in variants:
                    self._type(branch["array"], variant.get("items", {}))

    def _partners(self, name: str, variants: list[JSON], *, alone: bool) -> list[JSON]:
        """The schemas that describe this type: those with its constants and the most of its fields."""
        fields = self._surface["types"][name]
        shaped = [one for one in variants if "properties" in one]
        fitting = [one for one in shaped if all(self._agrees(fields, one, tag) for tag in _TAGS)]
        if alone and len(shaped) == 1:
            return fitting
        common = [len(set(fields) & set(one["properties"])) for one in fitting]
        return [one for one, count in zip(fitting, common, strict=True) if count == max(common)][:1]

    def _agrees(self, fields: JSON, schema: JSON, tag: str) -> bool:
        ours = _constants(fields.get(tag, {}).get("type"))
        variants = self._variants(schema["properties"].get(tag, {}))[0]
        theirs = {value for one in variants for value in _schema_constants(one)}
        return not ours or not theirs or bool(ours & theirs)

    def _fields(self, fields: JSON, schema: JSON, seen: Seen) -> None:
        required = set(schema.get("required", []))
        for name, property_schema in schema.get("properties", {}).items():
            if name in fields:
                seen.setdefault(name, []).append(self._facts(property_schema, required=name in required))
                self._type(fields[name]["type"], property_schema)

    def _facts(self, schema: JSON, *, required: bool) -> JSON:
        variants, nullable = self._variants(schema)
        facts: JSON = {"required": required, "nullable": nullable}
        for one in [schema, *variants]:
            facts |= {key: one[key] for key in _LIMITS if key in one}
            if isinstance(one.get("default"), str | int | float):
                facts["default"] = one["default"]
        if schema.get("deprecated") or any(one.get("deprecated") for one in variants):
            facts["deprecated"] = True
        return facts

    def _branches(self, expression: TypeExpr) -> list[TypeExpr]:
        inner = branches(expression)
        if isinstance(expression, dict) and expression.get("ref") in self._surface["unions"]:
            inner = cast(list[TypeExpr], self._surface["unions"][expression["ref"]])
        return inner if inner == [expression] else [one for branch in inner for one in self._branches(branch)]

    def _variants(self, schema: JSON) -> tuple[list[JSON], bool]:
        """The branches of a schema, references and `allOf` resolved; and whether null is one of them."""
        schema = self._resolved(schema)
        inner = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        if not inner:
            kinds = schema.get("type")
            null = kinds == "null" or (isinstance(kinds, list) and "null" in kinds)
            return ([] if kinds == "null" else [schema]), null
        variants: list[JSON] = []
        null = False
        for one in inner:
            found, found_null = self._variants(one)
            variants += found
            null = null or found_null
        return variants, null

    def _resolved(self, schema: JSON) -> JSON:
        """The schema behind references; the parts of an `allOf` as one object."""
        while "$ref" in schema:
            found: Any = self._openapi
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return self._merged(schema) if "allOf" in schema else schema

    def _merged(self, schema: JSON) -> JSON:
        if "x-merged" not in schema:
            merged: JSON = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                part = self._resolved(part)
                properties = merged.get("properties", {}) | part.get("properties", {})
                required = [*merged.get("required", []), *part.get("required", [])]
                merged = merged | part | {"required": required}
                if properties:
                    merged["properties"] = properties
            schema["x-merged"] = merged  # kept, so that one schema is one object however often it is reached
        return schema["x-merged"]


def _constants(expression: TypeExpr | None) -> set[Any]:
    return set(expression.get("enum", [])) if isinstance(expression, dict) else set()


def _schema_constants(schema: JSON) -> set[Any]:
    return {schema["const"]} if "const" in schema else set(schema.get("enum", []))


def _news(fields: JSON, seen: Seen, *, written: bool) -> JSON:
    """Per field what all its places agree on, as far as it changes what the SDK says of the field."""
    news: JSON = {}
    for name, places in sorted(seen.items()):
        field, facts = fields[name], _agreed(places)
        if len(_constants(field["type"])) == 1:
            facts.pop("default", None)
        whole = completed(field, facts, written=written)
        for key in list(facts):
            fewer = {other: value for other, value in facts.items() if other != key}
            if completed(field, fewer, written=written) == whole:
                facts = fewer
        if whole != field:
            news[name] = facts
    return news


def _agreed(places: list[JSON]) -> JSON:
    """What all say alike; but what may be null at one place may be null."""
    facts = {key: value for key, value in places[0].items() if all(one.get(key) == value for one in places)}
    facts |= {"nullable": any(one["nullable"] for one in places)}
    return {
        key: value for key, value in sorted(facts.items()) if value or key not in ("required", "nullable")
    }


def _filled(table: JSON) -> JSON:
    return {key: value for key, value in table.items() if value}
