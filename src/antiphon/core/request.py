"""A request body, checked by the pinned spec, becomes a `Plan`: defaults, cross-field rules, refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from antiphon.core.compaction import is_triggered
from antiphon.core.context import Settings
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid, Unsupported
from antiphon.core.items import normalise
from antiphon.core.machine import NewId
from antiphon.core.support import SUPPORT
from antiphon.core.tools import ToolRules, ToolTable, resolve_tools
from antiphon.spec.validate import check_body

OPERATION = "POST /responses"
COMPACT_OPERATION = "POST /responses/compact"
COUNT_OPERATION = "POST /responses/input_tokens"


@dataclass(frozen=True, slots=True)
class Rules:
    """What this deployment allows beyond the official surface."""

    tools: ToolRules = field(default_factory=ToolRules)
    extra_parameters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """One response to be made: everything the request decides, nothing that needs I/O.

    `input` may hold `item_reference` items, which the run resolves. `echo` is the official response object
    at its birth, without `id`, `created_at` and `status`.
    """

    model: str
    input: tuple[JSON, ...]
    instructions: str | None
    settings: Settings
    tools: ToolTable
    echo: JSON
    store: bool = True
    background: bool = False
    stream: bool = False
    obfuscate: bool = True
    include: frozenset[str] = frozenset()
    previous_response_id: str | None = None
    conversation_id: str | None = None
    max_tool_calls: int | None = None
    truncate: bool = False
    current_reasoning_only: bool = False
    generate: bool = True  # False: `prompt_cache_options.prewarm`, which makes no output
    compact: bool = False

    @property
    def seal_reasoning(self) -> bool:
        """Whether reasoning items carry `encrypted_content`: asked for, or the only way to keep it (H27)."""
        return "reasoning.encrypted_content" in self.include or not self.store


def plan_request(body: object, rules: Rules, new_id: NewId) -> Plan:
    """Check and plan. Raises `Invalid` and `Unsupported` in the official form."""
    return plan_given(check_request(body, rules), rules, new_id)


def check_request(body: object, rules: Rules) -> JSON:
    """The given parameters of a request, without nulls. Raises `Invalid` and `Unsupported`."""
    given = _checked(OPERATION, body, rules)
    _cross_check(given)
    return given


def check_count(body: object, rules: Rules) -> JSON:
    """The given parameters of a `POST /responses/input_tokens` body (SPEC.md H29). Raises `Invalid`."""
    given = _checked(COUNT_OPERATION, body, rules)
    _exclusive(given)
    if "personality" in given:
        raise Unsupported(
            "Unsupported parameter: 'personality' is not supported by this server.", param="personality"
        )
    return {"input": (), **given}


def check_compact(body: object, rules: Rules) -> JSON:
    """The given parameters of a `POST /responses/compact` body. Raises `Invalid`."""
    given = _checked(COMPACT_OPERATION, body, rules)
    if "input" not in given and not given.get("previous_response_id"):
        raise Invalid(
            "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
        )
    return {"input": (), **given, "store": False}


def _checked(operation: str, body: object, rules: Rules) -> JSON:
    """The given parameters without nulls. Raises what the pinned spec and the support table refuse."""
    violation = check_body(operation, body, extra=rules.extra_parameters)
    if violation is not None:
        raise Invalid(violation.message, param=violation.param, code=violation.code)
    given = {k: v for k, v in cast(JSON, body).items() if v is not None}
    _refuse(given)
    if not given.get("model"):
        raise Invalid(
            "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
        )
    return given


def plan_given(given: JSON, rules: Rules, new_id: NewId, earlier: Sequence[JSON] = ()) -> Plan:
    """The plan of parameters that were checked. Raises `Invalid` and `Unsupported` for the tools.

    `earlier` are the items of the chain or conversation: tools and settings that they brought are still in
    force (official texts of `additional_tools` and `configuration_update`).
    """
    items = normalise(given.get("input", ()), new_id)
    offered = _offered(given, earlier, items)
    tools = resolve_tools(offered, given.get("tool_choice", "auto"), rules.tools)
    return Plan(
        model=cast(str, given["model"]),
        input=items,
        instructions=given.get("instructions"),
        settings=_settings(_updated(given, (*earlier, *items))),
        tools=tools,
        echo=_echo(given, tools),
        store=given.get("store", True),
        background=given.get("background", False),
        stream=given.get("stream", False),
        obfuscate=_option(given, "stream_options").get("include_obfuscation") is not False,
        include=frozenset(given.get("include", ())),
        previous_response_id=given.get("previous_response_id"),
        conversation_id=conversation_of(given),
        max_tool_calls=given.get("max_tool_calls"),
        truncate=given.get("truncation") == "auto",
        current_reasoning_only=_option(given, "reasoning").get("context") == "current_turn",
        generate=_option(given, "prompt_cache_options").get("prewarm") is not True,
        compact=is_triggered(items),
    )


def _option(given: Mapping[str, Any], name: str) -> JSON:
    return cast(JSON, given.get(name) or {})


def conversation_of(given: Mapping[str, Any]) -> str | None:
    """The id of the request's conversation."""
    value = given.get("conversation")
    return cast(JSON, value)["id"] if isinstance(value, dict) else value


_REFUSED = tuple(s for s in SUPPORT.values() if s.how == "refused")


def _refuse(given: Mapping[str, Any]) -> None:
    """A parameter that we do not honour is a 400, never accepted and ignored."""
    for row in _REFUSED:
        value = given.get(row.parameter)
        if value in row.noop or _is_noop(row.parameter, value):
            continue
        raise Unsupported(
            f"Unsupported parameter: '{row.parameter}' is not supported by this server. {row.note}",
            param=row.parameter,
        )
    if _option(given, "reasoning").get("mode") not in (None, "standard"):
        raise Unsupported(
            "Unsupported parameter: 'reasoning.mode' other than 'standard' is not supported by this server.",
            param="reasoning.mode",
        )


def _is_noop(parameter: str, value: Any) -> bool:
    if parameter == "image":
        return cast(JSON, value).get("context_compression") in (None, "auto", "disabled")
    if parameter == "access_programs":
        return cast(JSON, value).get("cyber") in (None, "standard")
    return False


def _exclusive(given: Mapping[str, Any]) -> None:
    if given.get("previous_response_id") and given.get("conversation"):
        raise Invalid(
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. "
            "Ensure you are only providing one of these parameters.",
            code="mutually_exclusive_parameters",
        )


def _cross_check(given: Mapping[str, Any]) -> None:
    _exclusive(given)
    if "input" not in given and not (given.get("previous_response_id") or given.get("conversation")):
        raise Invalid(
            "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
        )
    if given.get("stream_options") and not given.get("stream"):
        raise Invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )


def _offered(given: Mapping[str, Any], earlier: Iterable[JSON], items: Iterable[JSON]) -> list[JSON]:
    """Tools that earlier items brought, then the request's, then those in its input.

    A list replaces tools of earlier lists that have the same name; one list may not name two alike.
    """
    own = cast(list[JSON], given.get("tools") or [])
    offered: list[JSON] = []
    for tools in (*_additional(earlier), own, *_additional(items)):
        names = {_offer_name(tool) for tool in tools}
        offered = [tool for tool in offered if _offer_name(tool) not in names] + tools
    return offered


def _additional(items: Iterable[JSON]) -> list[list[JSON]]:
    return [cast(list[JSON], item["tools"]) for item in items if item["type"] == "additional_tools"]


def _offer_name(tool: JSON) -> tuple[str, str | None]:
    kind = cast(str, tool["type"])
    return "" if kind in ("function", "custom") else kind, tool.get("name") or tool.get("server_label")


def _updated(given: JSON, items: Iterable[JSON]) -> JSON:
    """The parameters as `configuration_update` items change them, in order."""
    changed = dict(given)
    for item in items:
        if item["type"] == "configuration_update":
            for name in ("reasoning", "text"):
                changed[name] = {**_option(changed, name), **_option(item, name)}
    return changed


def _settings(given: Mapping[str, Any]) -> Settings:
    text, reasoning = _option(given, "text"), _option(given, "reasoning")
    format_ = cast("JSON | None", text.get("format"))
    top = given.get("top_logprobs", 0)
    logprobs = top if top or "message.output_text.logprobs" in given.get("include", ()) else None
    return Settings(
        temperature=given.get("temperature"),
        top_p=given.get("top_p"),
        max_output_tokens=given.get("max_output_tokens"),
        top_logprobs=logprobs,
        parallel_tool_calls=given.get("parallel_tool_calls", True),
        text_format=None if format_ is None or format_["type"] == "text" else format_,
        verbosity=text.get("verbosity"),
        effort=reasoning.get("effort"),
        reasoning_summary=reasoning.get("summary") or reasoning.get("generate_summary"),
        service_tier=given.get("service_tier"),
        safety_identifier=given.get("safety_identifier"),
        user=given.get("user"),
        prompt_cache_key=given.get("prompt_cache_key"),
    )


def _echo(given: Mapping[str, Any], tools: ToolTable) -> JSON:
    """The response's echo of the request: what was given, else the official default."""
    text, reasoning = _option(given, "text"), _option(given, "reasoning")
    conversation = conversation_of(given)
    return {
        "object": "response",
        "background": given.get("background", False),
        "completed_at": None,
        "conversation": {"id": conversation} if conversation else None,
        "error": None,
        "frequency_penalty": 0.0,
        "incomplete_details": None,
        "instructions": given.get("instructions"),
        "max_output_tokens": given.get("max_output_tokens"),
        "max_tool_calls": given.get("max_tool_calls"),
        "metadata": given.get("metadata") or {},
        "model": given["model"],
        "parallel_tool_calls": given.get("parallel_tool_calls", True),
        "presence_penalty": 0.0,
        "previous_response_id": given.get("previous_response_id"),
        "prompt_cache_key": given.get("prompt_cache_key"),
        "prompt_cache_retention": given.get("prompt_cache_retention"),
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary") or reasoning.get("generate_summary"),
        }
        | {k: reasoning[k] for k in ("context", "mode") if k in reasoning},
        "safety_identifier": given.get("safety_identifier"),
        "service_tier": given.get("service_tier", "auto"),
        "store": given.get("store", True),
        "temperature": given.get("temperature", 1.0),
        "text": {
            "format": text.get("format") or {"type": "text"},
            "verbosity": text.get("verbosity") or "medium",
        },
        "tool_choice": given.get("tool_choice", "auto"),
        "tools": [_echo_tool(tool) for tool in tools.official],
        "top_logprobs": given.get("top_logprobs", 0),
        "top_p": given.get("top_p", 1.0),
        "truncation": given.get("truncation", "disabled"),
        "usage": None,
        "user": given.get("user"),
    } | _echo_cache_options(given)


def _echo_cache_options(given: Mapping[str, Any]) -> JSON:
    """Cache hints are echoed (SPEC.md H39): what was given, else the official defaults."""
    options = _option(given, "prompt_cache_options")
    if not options:
        return {}
    # `prewarm` is not a field of the reply; null in a request means the default.
    given_ones = {k: v for k, v in options.items() if k != "prewarm" and v is not None}
    return {"prompt_cache_options": {"mode": "implicit", "ttl": "30m", **given_ones}}


def _echo_tool(tool: JSON) -> JSON:
    """A tool as the response shows it: required nullable keys are there, other nulls and secrets are not."""
    shown = {k: v for k, v in tool.items() if v is not None}
    if tool["type"] == "function":
        return {"description": None, "parameters": None, "strict": None, **shown}
    if tool["type"] == "mcp":
        return {k: v for k, v in shown.items() if k not in ("authorization", "headers")}
    return shown
