"""`Sample` → the body of a Chat Completions request in a server's dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec

from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.messages import chat_messages
from antiphon.core.chat.schema import call_schema
from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.errors import Unsupported
from antiphon.core.tools import ToolSpec, ToolTable

_VERBOSITY: Mapping[str | None, str] = {
    "low": "Keep your answer short: no preamble, no repetition, only what was asked for.",
    "high": "Answer at length: explain the details, the reasons and the alternatives.",
}
"""`text.verbosity` for servers that do not know it; `medium` is the default and changes nothing (SPEC.md)."""


@dataclass(frozen=True, slots=True)
class Steer:
    """How the text of an answer stands for a call that the server would not force by itself.

    `input`: the text is the input of the custom tool `name`, under its grammar, and `whole` says that so is
    what comes as reasoning. `call`: the text is `{"name", "arguments"}`, a call of one of `names`.
    """

    kind: Literal["input", "call"]
    names: tuple[str, ...]
    whole: bool = False


def steer(sample: Sample, dialect: Dialect) -> Steer | None:
    """How this sample's call is forced through text; None where it is not."""
    choice = sample.tools.choice
    names = tuple(spec.name for spec in sample.tools.offered)
    if choice.name in names:
        names = (choice.name,)
        grammar = _grammar(sample, dialect)
        if grammar is not None:
            return Steer("input", names, dialect.grammars[grammar["syntax"]].whole)
    if choice.mode != "required" or not names or dialect.forces_calls:
        return None
    return Steer("call", names)


def format_waits(sample: Sample, dialect: Dialect) -> bool:
    """Whether the response format must wait: with it, this server's model could not call its tools.

    Then `chat_body` leaves the format out, and an answer in text is asked for again with `format_body`.
    """
    free = sample.tools.choice.mode == "auto" and bool(sample.tools.offered)
    return free and sample.settings.text_format is not None and not dialect.calls_with_format


def chat_body(sample: Sample, dialect: Dialect) -> JSON:
    """The request body, `stream: true`. What the dialect cannot do is refused by `check_sample`."""
    forced = steer(sample, dialect)
    body: JSON = {
        "model": sample.model,
        "messages": chat_messages(sample, dialect, _hints(sample, dialect, forced)),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if forced is None or forced.kind == "call":
        body |= _tools(sample, dialect, forced)
    if forced is not None:
        body |= _forcing(sample, dialect, forced)
    elif sample.settings.text_format is not None and _takes_format(sample, dialect):
        body["response_format"] = _format(sample.settings.text_format)
    return body | _settings(sample, dialect)


def format_body(body: JSON, sample: Sample) -> JSON:
    """The same request with its response format, for the answer in text (see `format_waits`).

    The tools stay, so that the prompt is the same and the server finds it in its cache, but none may be
    called: vLLM would let the grammar of a strict tool win over the format.
    """
    assert sample.settings.text_format is not None
    return body | {"response_format": _format(sample.settings.text_format), "tool_choice": "none"}


def check_sample(sample: Sample, dialect: Dialect, engine: str) -> None:
    """Raise `Unsupported` for what the dialect cannot do, naming engine and parameter."""
    syntax = cast("str | None", (sample.grammar or {}).get("syntax"))
    if syntax is not None and syntax not in dialect.grammars:
        raise Unsupported(
            f"The engine '{engine}' ({dialect.name}) cannot generate under a {syntax} grammar.",
            param="tools",
        )
    if sample.settings.top_logprobs is not None and sample.tools.offered and not dialect.calls_with_logprobs:
        raise Unsupported(
            f"The engine '{engine}' ({dialect.name}) gives no log probabilities while tools are offered.",
            param="top_logprobs",
        )


# ---------- tools


def _tools(sample: Sample, dialect: Dialect, forced: Steer | None) -> JSON:
    table = sample.tools
    choice, offered = table.choice, table.offered
    if not offered or (choice.mode == "none" and not dialect.tools_when_none):
        return {}
    mode: str | JSON = "auto" if forced else choice.mode
    if forced is None and any(spec.name == choice.name for spec in offered):
        mode = {"type": "function", "function": {"name": choice.name}}
    return {
        "tools": [_tool(spec, table) for spec in offered],
        "tool_choice": mode,
        "parallel_tool_calls": sample.settings.parallel_tool_calls,
    }


def _tool(spec: ToolSpec, table: ToolTable) -> JSON:
    """`strict` is what makes vLLM hold arguments to their schema. A custom tool's schema is always ours."""
    function: JSON = {"name": spec.name, "parameters": spec.parameters}
    if spec.description is not None:
        function["description"] = spec.description
    target = table.targets.get(spec.name)
    if spec.strict or (target is not None and target.kind == "custom"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _forcing(sample: Sample, dialect: Dialect, forced: Steer) -> JSON:
    """What binds the text. Beside a grammar llama.cpp takes no tools, so that none are sent with it."""
    if forced.kind == "input":
        grammar = cast(JSON, _grammar(sample, dialect))
        return dialect.grammars[grammar["syntax"]].field(grammar["definition"])
    specs = [spec for spec in sample.tools.offered if spec.name in forced.names]
    schema = {"name": "call", "schema": call_schema(specs), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _grammar(sample: Sample, dialect: Dialect) -> JSON | None:
    """The grammar of the forced custom tool's input: the sample's own, or the tool's where the server can.

    A regex needs no such way: it is the pattern of a strict function's string.
    """
    target = sample.tools.targets.get(sample.tools.choice.name or "")
    if sample.grammar is not None or target is None or target.format is None:
        return sample.grammar
    able = target.format.get("syntax") == "lark" and "lark" in dialect.grammars
    return target.format if able else None


# ---------- text


def _takes_format(sample: Sample, dialect: Dialect) -> bool:
    """A forced call leaves no text to format; guided servers would let the format win over the call."""
    if dialect.calls_with_format or not sample.tools.offered:
        return True
    return sample.tools.choice.mode == "none"


def _format(text_format: JSON) -> JSON:
    """`text.format` in the nested form of Chat Completions."""
    if text_format["type"] != "json_schema":
        return {"type": text_format["type"]}
    keys = ("name", "description", "schema", "strict")
    return {
        "type": "json_schema",
        "json_schema": {k: text_format[k] for k in keys if text_format.get(k) is not None},
    }


def _hints(sample: Sample, dialect: Dialect, forced: Steer | None) -> list[str]:
    """Sentences for the model where the server has no parameter for what was asked."""
    hints: list[str] = []
    said = None if dialect.verbosity else _VERBOSITY.get(sample.settings.verbosity)
    if said is not None:
        hints.append(said)
    if format_waits(sample, dialect):
        hints.append(_format_hint(cast(JSON, sample.settings.text_format)))
    if forced is not None and forced.kind == "input":
        hints.append(_input_hint(sample, forced.names[0]))
    return hints


def _format_hint(text_format: JSON) -> str:
    shape = "a single JSON object"
    if text_format["type"] == "json_schema":
        shape = f"JSON that matches this schema: {_json(text_format['schema'])}"
    return f"You may call tools. An answer without a tool call must be {shape} and nothing else."


def _input_hint(sample: Sample, name: str) -> str:
    described = next((spec.description for spec in sample.tools.offered if spec.name == name), None)
    about = f" The tool: {described}" if described else ""
    return f"Answer with the input of the tool {name} and nothing else.{about}"


# ---------- settings


def _settings(sample: Sample, dialect: Dialect) -> JSON:
    given = sample.settings
    body: JSON = {
        "temperature": given.temperature,
        "top_p": given.top_p,
        dialect.max_tokens: given.max_output_tokens,
        "cache_salt": sample.cache_salt if dialect.cache_salt else None,
    }
    if given.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": max(given.top_logprobs, dialect.min_top_logprobs)}
    if given.effort is not None:
        body["reasoning_effort"] = dialect.efforts.get(given.effort, given.effort)
        if given.effort == "none":
            body |= dialect.thinking_off
    if dialect.verbosity and given.verbosity != "medium":
        body["verbosity"] = given.verbosity
    if dialect.account:
        body |= {
            "service_tier": given.service_tier,
            "safety_identifier": given.safety_identifier,
            "user": given.user,
            "prompt_cache_key": given.prompt_cache_key,
        }
    return {k: v for k, v in body.items() if v is not None}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
