"""JSON Schemas of requests: whether they are schemas, and whether they keep the rules of strict mode.

The rules and their texts are those of the official API, as recorded. A schema is only ever read as data:
compiling it would let the validator fetch what `$schema` or `$ref` name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from jsonschema_rs import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator
from jsonschema_rs import Draft202012Validator as NewestValidator

from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid

_NEWEST = "https://json-schema.org/draft/2020-12/schema"
_VALIDATORS = {
    _NEWEST: NewestValidator,
    "https://json-schema.org/draft/2019-09/schema": Draft201909Validator,
    "http://json-schema.org/draft-07/schema": Draft7Validator,
    "http://json-schema.org/draft-06/schema": Draft6Validator,
    "http://json-schema.org/draft-04/schema": Draft4Validator,
}
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_STRUCTURE = frozenset((*_MAPS, *_LISTS, "items", "$ref"))
_NOT_AT_ROOT = ("oneOf", "anyOf", "allOf", "enum", "not")
_MESSAGE_CHARACTERS = 500

Where = tuple[str, ...]


class _Wrong(Exception):
    """`args[0]` says what is wrong with the schema."""


def check_text_schema(text_format: JSON, param: str = "text.format.schema") -> None:
    """A `text.format` of type `json_schema`. Raises `Invalid` (`invalid_json_schema`)."""
    schema = text_format["schema"]
    try:
        _check_meta(schema)
        if text_format.get("strict"):
            _check_root(schema)
            _check_strict(schema)
    except _Wrong as wrong:
        message = f"Invalid schema for response_format '{text_format['name']}': {wrong}"
        raise Invalid(message[:_MESSAGE_CHARACTERS], param=param, code="invalid_json_schema") from wrong


def check_parameters(tool: JSON, param: str) -> None:
    """A function tool's `parameters`, if it has any. Raises `Invalid` (`invalid_function_parameters`).

    An omitted `strict` means "strict if the schema allows" (SPEC.md H33), so that only `true` binds.
    """
    given: object = tool.get("parameters")
    if given is None or given == {}:
        return
    try:
        if not isinstance(given, dict):  # the surface leaves it open for tools of namespaces
            raise _Wrong("schema must be a JSON Schema of 'type: \"object\"'.")
        schema = cast(JSON, given)
        _check_meta(schema)
        if tool.get("strict") or schema.get("type", "object") != "object":
            _check_root(schema)
        if tool.get("strict"):
            _check_strict(schema)
    except _Wrong as wrong:
        message = f"Invalid schema for function '{tool['name']}': {wrong}"
        code = "invalid_function_parameters"
        raise Invalid(message[:_MESSAGE_CHARACTERS], param=param, code=code) from wrong


@cache
def _meta_validator(draft: str) -> NewestValidator:
    """Checks schemas of a draft; meta-schemas are part of the library."""
    return cast(NewestValidator, _VALIDATORS[draft]({"$ref": draft}))


def _check_meta(schema: JSON) -> None:
    named = schema.get("$schema", _NEWEST)
    draft = named.rstrip("#") if isinstance(named, str) else ""
    if draft not in _VALIDATORS:
        raise _Wrong(f"'$schema' names no known JSON Schema draft: {named!r}.")
    validator = _meta_validator(draft)
    if validator.is_valid(schema):
        return
    error = next(validator.iter_errors(schema))
    context = tuple(str(step) for step in error.instance_path)
    raise _Wrong(f"In context={context}, {error.message}.")


def _check_root(schema: JSON) -> None:
    kind = schema.get("type")
    if kind != "object":
        raise _Wrong(f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'.")
    if any(name in schema for name in _NOT_AT_ROOT):
        banned = "/".join(f"'{name}'" for name in _NOT_AT_ROOT)
        raise _Wrong(f"schema must have type 'object' and not have {banned} at the top level.")


def _check_strict(root: JSON) -> None:
    for schema, where in _subschemas(root):
        reference = schema.get("$ref")
        if isinstance(reference, str) and not _resolves(root, reference):
            raise _Wrong(f"In context={where}, '$ref' must name a part of the schema, got {reference!r}.")
        kinds = schema.get("type")
        if kinds == "object" or (isinstance(kinds, list) and "object" in kinds) or "properties" in schema:
            _check_object(schema, where)


def _check_object(schema: JSON, where: Where) -> None:
    if schema.get("additionalProperties") is not False:
        raise _Wrong(
            f"In context={where}, 'additionalProperties' is required to be supplied and to be false."
        )
    required = dict.fromkeys(cast(list[str], schema.get("required", [])))
    properties = cast(JSON, schema.get("properties", {}))
    rule = "'required' is required to be supplied and to be an array including every key in properties."
    for name in properties:
        if name not in required:
            raise _Wrong(f"In context={where}, {rule} Missing '{name}'.")
    for name in required:
        if name not in properties:
            raise _Wrong(f"In context={where}, {rule} Extra required key '{name}' supplied.")


def _subschemas(root: JSON) -> Iterator[tuple[JSON, Where]]:
    """The schema and every schema in it that the rules are about, outer ones first, with the path to each.

    Keywords of another draft than the schema's may hold anything.
    """
    waiting: deque[tuple[JSON, Where]] = deque([(root, ())])
    while waiting:
        schema, where = waiting.popleft()
        yield schema, where
        if not _is_leaf(items := schema.get("items")):
            waiting.append((cast(JSON, items), (*where, "items")))
        for name in _MAPS:
            if isinstance(inner := schema.get(name), dict):
                waiting.extend(
                    (value, (*where, name, key))
                    for key, value in cast(JSON, inner).items()
                    if not _is_leaf(value)
                )
        for name in _LISTS:
            if isinstance(inner := schema.get(name), list):
                waiting.extend(
                    (value, (*where, name, str(number)))
                    for number, value in enumerate(cast(list[Any], inner))
                    if not _is_leaf(value)
                )


def _is_leaf(schema: Any) -> bool:
    """Most schemas of a request: scalars, which no rule is about."""
    if not isinstance(schema, dict):
        return True
    kind = cast(JSON, schema).get("type")
    return kind != "object" and not isinstance(kind, list) and _STRUCTURE.isdisjoint(cast(JSON, schema))


def _resolves(root: JSON, reference: str) -> bool:
    """Whether a reference is a JSON Pointer to something in the same schema (RFC 6901)."""
    if not reference.startswith("#"):
        return False
    place: Any = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, dict) or name not in place:
            return False
        place = cast(JSON, place)[name]
    return True
