"""A sample → the body of a request to an upstream that speaks Responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from antiphon.core.context import Sample, Settings
from antiphon.core.deltas import JSON
from antiphon.core.tools import HOSTED_TYPES, ToolSpec, ToolTable
from antiphon.engines.responses.dialects import UpstreamDialect
from antiphon.engines.responses.input import input_items

_COUNTED = frozenset(
    {"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"}
)


def turn_body(sample: Sample, dialect: UpstreamDialect) -> JSON:
    """`POST /responses`: always streamed and never stored, with the whole context as input."""
    settings = sample.settings
    body: JSON = {
        "model": sample.model,
        "input": input_items(sample, dialect),
        "stream": True,
        "store": False,
        **_tools(sample.tools, settings, dialect),
        **_text(settings),
        **_given(settings),
    }
    if sample.instructions is not None:
        body["instructions"] = sample.instructions
    if settings.max_output_tokens is not None:
        body["max_output_tokens"] = max(settings.max_output_tokens, dialect.least_output)
    include = set(sample.include) if not dialect.plain else set[str]()
    if settings.top_logprobs is not None:
        include.add("message.output_text.logprobs")
        body["top_logprobs"] = settings.top_logprobs
    if include:
        body["include"] = sorted(include)
    if dialect.quiet:
        body["stream_options"] = {"include_obfuscation": False}
    if dialect.cache_salt and sample.cache_salt is not None:
        body["cache_salt"] = sample.cache_salt
    return body


def count_body(body: JSON) -> JSON:
    """`POST /responses/input_tokens` for the same turn."""
    return {k: v for k, v in body.items() if k in _COUNTED}


def _text(settings: Settings) -> JSON:
    text: JSON = {}
    if settings.text_format is not None:
        text["format"] = settings.text_format
    if settings.verbosity is not None:
        text["verbosity"] = settings.verbosity
    reasoning: JSON = {}
    if settings.effort is not None:
        reasoning["effort"] = settings.effort
    if settings.reasoning_summary is not None:
        reasoning["summary"] = settings.reasoning_summary
    return ({"text": text} if text else {}) | ({"reasoning": reasoning} if reasoning else {})


def _given(settings: Settings) -> JSON:
    """Parameters that go as they came, where they came."""
    given: JSON = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "service_tier": settings.service_tier,
        "safety_identifier": settings.safety_identifier,
        "user": settings.user,
        "prompt_cache_key": settings.prompt_cache_key,
    }
    return {name: value for name, value in given.items() if value is not None}


# ---------- tools


def _tools(table: ToolTable, settings: Settings, dialect: UpstreamDialect) -> JSON:
    tools = list(_plain_tools(table) if dialect.plain else _official_tools(table, dialect))
    if not tools or (dialect.plain and table.choice.mode == "none"):
        # Where `none` is not enforced, a raw call would show up as text (measured on vLLM).
        return {}
    choice = _plain_choice(table) if dialect.plain else _official_choice(table, dialect)
    found: JSON = {"tools": tools, "parallel_tool_calls": settings.parallel_tool_calls}
    return found if choice == "auto" else {**found, "tool_choice": choice}


def _plain_tools(table: ToolTable) -> Iterator[JSON]:
    return (_function(spec) for spec in table.offered)


def _official_tools(table: ToolTable, dialect: UpstreamDialect) -> Iterator[JSON]:
    """The request's own tools; those that this server runs are functions to the upstream."""
    for tool in table.official:
        if _goes(cast(str, tool["type"]), dialect):
            yield tool
    for spec in table.offered:
        target = table.targets[spec.name]
        if target.kind == "hosted" and not _goes(target.name, dialect):
            yield _function(spec)


def _goes(tool_type: str, dialect: UpstreamDialect) -> bool:
    return tool_type not in HOSTED_TYPES or tool_type in dialect.native_tools


def _function(spec: ToolSpec) -> JSON:
    found: JSON = {"type": "function", "name": spec.name, "parameters": spec.parameters}
    if spec.description is not None:
        found["description"] = spec.description
    return found | ({} if spec.strict is None else {"strict": spec.strict})


def _plain_choice(table: ToolTable) -> str | JSON:
    """`offered` is already narrowed to the allowed tools."""
    choice = table.choice
    return choice.mode if choice.name is None else {"type": "function", "name": choice.name}


def _official_choice(table: ToolTable, dialect: UpstreamDialect) -> str | JSON:
    official, choice = table.official_choice, table.choice
    if isinstance(official, dict):
        return _rewritten(official, dialect)
    if choice.name is None:
        return choice.mode
    target = table.targets[choice.name]
    if target.kind == "hosted":
        return _rewritten({"type": target.name, "name": choice.name}, dialect)
    return {"type": target.kind, "name": target.name}


def _rewritten(choice: Mapping[str, object], dialect: UpstreamDialect) -> JSON:
    """The choice with hosted tools that this server runs as the functions that they are to the upstream."""
    kind = cast(str, choice["type"])
    if kind == "allowed_tools":
        tools = cast(list[JSON], choice["tools"])
        return {**choice, "tools": [_rewritten(tool, dialect) for tool in tools]}
    if _goes(kind, dialect):
        return dict(choice)
    return {"type": "function", "name": choice.get("name", kind)}
