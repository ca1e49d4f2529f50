"""The tool table: what the model is offered, and what each name that it calls stands for."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid, Unsupported

TargetKind = Literal["function", "custom", "hosted"]
ChoiceMode = Literal["none", "auto", "required"]

HOSTED_TYPES: frozenset[str] = frozenset(
    {
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "file_search",
        "code_interpreter",
        "image_generation",
        "mcp",
        "computer",
        "computer_use",
        "computer_use_preview",
        "local_shell",
        "shell",
        "apply_patch",
        "tool_search",
        "programmatic_tool_calling",
    }
)
"""Tool types that the server, or a client that speaks their items, would run: not plain functions."""

CUSTOM_INPUT = "input"
"""The one property of the function that stands for a custom tool on engines that know functions only."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function as the model sees it. `parameters` is a JSON Schema object."""

    name: str
    description: str | None
    parameters: JSON
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolTarget:
    """What a model-visible name stands for.

    `name` and `namespace` are restored on the item that the client sees. `tool` is the request's own
    tool object; `format` is a custom tool's input format.
    """

    kind: TargetKind
    name: str
    namespace: str | None = None
    format: JSON | None = None
    tool: JSON = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Choice:
    """`tool_choice` reduced to what engines understand; `name` (model-visible) forces one function."""

    mode: ChoiceMode = "auto"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolTable:
    """The functions offered in one turn, in request order, and what their names stand for.

    `offered` is already narrowed by `allowed_tools`. `dropped` names tool types that were in the request
    and cannot run here (announced in a header, the log and a metric). `official` holds the request's own
    tool objects that survive, for engines that speak Responses.
    """

    offered: tuple[ToolSpec, ...] = ()
    targets: Mapping[str, ToolTarget] = field(default_factory=dict[str, ToolTarget])
    choice: Choice = field(default_factory=Choice)
    dropped: tuple[str, ...] = ()
    official: tuple[JSON, ...] = ()
    official_choice: str | JSON = "auto"

    def without_choice(self) -> ToolTable:
        """The same tools, freely chosen: later turns of a run must be able to answer in text."""
        return replace(self, choice=Choice("auto"), official_choice="auto")


@dataclass(frozen=True, slots=True)
class ToolRules:
    """What this deployment can run. `hosted` are tool types with a configured runner (or a native engine)."""

    hosted: frozenset[str] = frozenset()
    unavailable: Literal["drop", "refuse"] = "drop"


NAME_LIMIT = 64
"""Longest function name that Chat Completions servers take."""


def visible_name(name: str, namespace: str | None) -> str:
    """The name under which the model sees a tool: `namespace__name`, cut to what servers take."""
    full = name if namespace is None else f"{namespace}__{name}"
    if len(full) <= NAME_LIMIT:
        return full
    digest = f"{zlib.crc32(full.encode()):08x}"
    return f"{full[: NAME_LIMIT - 9]}_{digest}"


def resolve_tools(tools: Sequence[JSON], choice: str | JSON, rules: ToolRules) -> ToolTable:
    """The table for a request's `tools` and `tool_choice`.

    Raises `Invalid` for a choice that names an absent tool (recorded: 400, param `tool_choice`, code
    null) and for two tools of one name; `Unsupported` for a hosted tool that cannot run here and is
    asked for by the choice, or at all where the operator chose `refuse`.
    """
    listed = list(_flatten(tools, rules))
    specs = {visible_name(t.name, t.namespace): t for t in listed if isinstance(t, ToolTarget)}
    if len(specs) != sum(isinstance(t, ToolTarget) for t in listed):
        raise Invalid("Two tools have the same name.", param="tools")
    dropped = tuple(dict.fromkeys(t for t in listed if isinstance(t, str)))
    table = ToolTable(
        tuple(_spec(name, target) for name, target in specs.items() if target.kind != "hosted"),
        specs,
        dropped=dropped,
        official=tuple(t for t in tools if t.get("type") not in dropped),
    )
    return _choose(table, choice)


def _flatten(tools: Iterable[JSON], rules: ToolRules) -> Iterable[ToolTarget | str]:
    """Targets in request order; a plain string is the type of a tool that is dropped."""
    for tool in tools:
        kind = cast(str, tool["type"])
        if kind in ("function", "custom"):
            yield from _targets([tool], None)
        elif kind == "namespace":
            yield from _targets(cast(list[JSON], tool["tools"]), cast(str, tool["name"]))
        elif kind in rules.hosted:
            # Several servers may be offered, each with a label of its own.
            yield ToolTarget("hosted", kind, cast("str | None", tool.get("server_label")), tool=tool)
        elif rules.unavailable == "refuse":
            raise Unsupported(_unavailable(kind), param="tools")
        else:
            yield kind


def _unavailable(kind: str) -> str:
    return (
        f"The tool '{kind}' is not configured on this server. Remove it from 'tools', or ask the "
        "operator to configure it (documentation: tools)."
    )


def _targets(tools: Iterable[JSON], namespace: str | None) -> Iterable[ToolTarget]:
    for tool in tools:
        # What only programs may call is not for the model (official `allowed_callers`).
        if "direct" in (tool.get("allowed_callers") or ("direct",)):
            kind: TargetKind = "custom" if tool["type"] == "custom" else "function"
            yield ToolTarget(kind, cast(str, tool["name"]), namespace, tool.get("format"), tool)


def _spec(name: str, target: ToolTarget) -> ToolSpec:
    tool = target.tool
    description = cast("str | None", tool.get("description"))
    if target.kind == "custom":
        return ToolSpec(name, _custom_description(description, target.format), _custom_schema(target.format))
    parameters = cast("JSON | None", tool.get("parameters")) or {"type": "object", "properties": {}}
    return ToolSpec(name, description, parameters, cast("bool | None", tool.get("strict")))


def _custom_schema(format_: JSON | None) -> JSON:
    """A function with one string; a regex travels as its pattern, which guided engines enforce."""
    text: JSON = {"type": "string", "description": "The whole input of this tool, as plain text."}
    if format_ and format_.get("syntax") == "regex":
        text["pattern"] = f"^(?:{format_['definition']})$"
    return {
        "type": "object",
        "properties": {CUSTOM_INPUT: text},
        "required": [CUSTOM_INPUT],
        "additionalProperties": False,
    }


def _custom_description(description: str | None, format_: JSON | None) -> str | None:
    if not format_ or format_.get("type") != "grammar":
        return description
    rule = f"The input must match this {format_['syntax']} grammar:\n{format_['definition']}"
    return f"{description}\n\n{rule}" if description else rule


def _choose(table: ToolTable, choice: str | JSON) -> ToolTable:
    if isinstance(choice, str):
        mode = cast(ChoiceMode, choice)
        if mode == "required" and not table.targets:
            _refuse_dropped(table)
            raise Invalid(
                "Tool choice 'required' must be specified with 'tools' parameter.", param="tool_choice"
            )
        return replace(table, choice=Choice(mode), official_choice=choice)
    if choice["type"] == "allowed_tools":
        return _allow(table, choice)
    name = _named(table, choice)
    return replace(table, choice=Choice("required", name), official_choice=choice)


def _allow(table: ToolTable, choice: JSON) -> ToolTable:
    """`allowed_tools` limits what may be called (SPEC.md H31): the rest is not offered."""
    names = {_named(table, allowed) for allowed in cast(list[JSON], choice["tools"])}
    return replace(
        table,
        offered=tuple(spec for spec in table.offered if spec.name in names),
        targets={name: target for name, target in table.targets.items() if name in names},
        choice=Choice(cast(ChoiceMode, choice["mode"])),
        official_choice=choice,
    )


def _named(table: ToolTable, choice: Mapping[str, Any]) -> str:
    """The model-visible name that a tool reference means. Raises where the request has no such tool."""
    kind: object = choice.get("type")
    if not isinstance(kind, str):  # the surface leaves open what an allowed tool holds
        raise Invalid("Every tool of 'tool_choice' must have a 'type'.", param="tool_choice")
    for name, target in table.targets.items():
        if target.kind == "hosted":
            if _same_hosted(kind, target, choice):
                return name
        elif target.kind == kind and choice.get("name") in (target.name, name):
            return name
    if kind in table.dropped:
        raise Unsupported(_unavailable(kind), param="tool_choice")
    raise Invalid(f"Tool choice '{kind}' not found in 'tools' parameter.", param="tool_choice")


def _same_hosted(kind: str, target: ToolTarget, choice: Mapping[str, Any]) -> bool:
    if kind == "mcp":
        return target.name == "mcp" and choice.get("server_label") == target.tool.get("server_label")
    return kind == target.name


def _refuse_dropped(table: ToolTable) -> None:
    if table.dropped:
        raise Unsupported(_unavailable(table.dropped[0]), param="tool_choice")
