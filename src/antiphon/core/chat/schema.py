"""One JSON schema for a call of one of several functions, for servers that bind text to schemas only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.core.tools import ToolSpec


def call_schema(specs: Sequence[ToolSpec]) -> JSON:
    """`{"name", "arguments"}`, in this order, as one of the functions has it.

    Parameters that refer to parts of themselves move to `$defs`, and their references with them: a pointer
    counts from the root of the whole schema.
    """
    definitions: JSON = {}
    calls: list[JSON] = []
    for number, spec in enumerate(specs):
        arguments = spec.parameters
        if _refers(arguments):
            place = f"f{number}"
            definitions[place] = _moved(arguments, f"#/$defs/{place}")
            arguments = {"$ref": f"#/$defs/{place}"}
        calls.append(_call(spec.name, arguments))
    schema: JSON = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return schema | {"$defs": definitions} if definitions else schema


def _call(name: str, arguments: JSON) -> JSON:
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _refers(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        fields = cast(Mapping[str, Any], schema)
        return isinstance(fields.get("$ref"), str) or any(map(_refers, fields.values()))
    return isinstance(schema, list) and any(map(_refers, cast("list[Any]", schema)))


def _moved(schema: Any, root: str) -> Any:
    """The schema with its local references counted from `root`."""
    if isinstance(schema, Mapping):
        fields = cast(Mapping[str, Any], schema)
        moved = {key: _moved(value, root) for key, value in fields.items()}
        ref = fields.get("$ref")
        if isinstance(ref, str) and ref.startswith("#"):
            moved["$ref"] = root + ref.removeprefix("#")
        return moved
    if isinstance(schema, list):
        return [_moved(value, root) for value in cast("list[Any]", schema)]
    return schema
