"""Every schema and grammar of a request, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.inputs.grammar import Grammars
from antiphon.inputs.schema import check_parameters, check_text_schema


async def check_formats(body: JSON, grammars: Grammars) -> None:
    """Check a body that the pinned spec has passed.

    Raises `Invalid` (`invalid_json_schema`, `invalid_function_parameters`, `invalid_grammar`) and
    `Unsupported`, with the path to what is wrong.
    """
    text = cast(JSON, body.get("text") or {})
    text_format = cast(JSON, text.get("format") or {})
    if text_format.get("type") == "json_schema":
        check_text_schema(text_format)
    for tool, path in _tools(body):
        if tool["type"] == "function":
            check_parameters(tool, f"{path}.parameters")
        elif tool["type"] == "custom" and tool.get("format"):
            await grammars.check_format(tool["format"], f"{path}.format.definition")


def _tools(body: JSON) -> Iterator[tuple[JSON, str]]:
    """Function and custom tools with their paths, also those in namespaces and `additional_tools` items."""
    yield from _listed(body.get("tools"), "tools")
    items = body.get("input")
    if isinstance(items, list):
        for number, item in enumerate(cast(list[JSON], items)):
            if item.get("type") == "additional_tools":
                yield from _listed(item.get("tools"), f"input[{number}].tools")


def _listed(tools: Any, path: str) -> Iterator[tuple[JSON, str]]:
    for number, tool in enumerate(cast(list[JSON], tools or ())):
        if tool.get("type") == "namespace":
            yield from _listed(tool.get("tools"), f"{path}[{number}].tools")
        else:
            yield tool, f"{path}[{number}]"
