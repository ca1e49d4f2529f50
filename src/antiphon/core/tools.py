"""The tool table: what the model is offered, and what each name that it calls stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from antiphon.core.deltas import JSON

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
