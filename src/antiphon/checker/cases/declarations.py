"""Every tool type and every form of `tool_choice`, declared once. A tool that is lacking is unimplemented."""

from __future__ import annotations

from typing import Any

from antiphon.checker import generated
from antiphon.checker.cases import Case, add
from antiphon.checker.narrow import JSON, as_object, objects
from antiphon.checker.probe import Probe
from antiphon.spec import catalogue

_FUNCTION: JSON = {
    "type": "function",
    "name": "get_time",
    "parameters": {"type": "object", "properties": {}, "additionalProperties": False, "required": []},
    "strict": True,
}
_MORE: dict[str, JSON] = {
    "function": _FUNCTION,
    "file_search": {"vector_store_ids": ["vs_0"]},
    "computer_use_preview": {"display_height": 600, "display_width": 800, "environment": "browser"},
    "mcp": {"server_label": "check", "server_url": "https://example.com/mcp", "require_approval": "always"},
    "code_interpreter": {"container": {"type": "auto"}},
    "custom": {"name": "write"},
    "namespace": {"name": "clock", "description": "Time.", "tools": [_FUNCTION]},
}
"""Tool type → what its declaration needs besides the type."""

_SAME: dict[str, str] = {
    "web_search_2025_08_26": "web_search",
    "web_search_preview_2025_03_11": "web_search_preview",
}
"""Dated names may come back as the undated one."""


def declared(kind: str) -> JSON:
    """The least declaration of a tool of this type."""
    return {"type": kind, **_MORE.get(kind, {})}


def _tool(kind: str) -> Case:
    requirement = generated.tool_id(kind)

    async def run(probe: Probe) -> None:
        tools = [declared(kind)]
        made = await probe.create(input="Say: ok", tools=tools, tool_choice="none", max_output_tokens=64)
        kinds = [tool.get("type") for tool in objects(as_object(made.json).get("tools"))]
        if kind not in kinds and _SAME.get(kind) not in kinds and kind not in ("function", "custom"):
            probe.unimplemented(requirement, f"the tool was dropped: `tools` is {kinds}", on=made)
        else:
            probe.holds(requirement, bool(kinds), expected=[kind], got=kinds, on=made)

    statement = f"A tool of type `{kind}` is taken."
    return Case(f"tools.declare.{kind}", statement, (requirement,), run, tokens=64, needs=(f"tool:{kind}",))


_ITEM_OF: dict[str, str] = {
    "computer_use": "computer",
    "web_search_preview": "web_search_preview",
    "programmatic_tool_calling": "programmatic_tool_calling",
}
"""`tool_choice` type → the tool to declare, where it is not of the same name."""


def _choice(kind: str) -> Case:
    requirement = generated.choice_id(kind)
    tool = _ITEM_OF.get(kind, kind if kind in catalogue.TOOL_TYPES else "function")
    named: dict[str, JSON] = {
        "function": {"name": "get_time"},
        "custom": {"name": "write"},
        "mcp": {"server_label": "check"},
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "name": "get_time"}]},
    }

    async def run(probe: Probe) -> None:
        choice: JSON = {"type": kind, **named.get(kind, {})}
        more: JSON = {"tools": [declared(tool)], "tool_choice": choice, "max_output_tokens": 256}
        answer = await probe.attempt(input="What time is it?", **more)
        told: Any = as_object(as_object(answer.json).get("tool_choice")).get("type")
        if why := probe.lack(answer):
            probe.unimplemented(requirement, why, on=answer)
        elif not answer.ok and kind not in ("function", "custom", "allowed_tools"):
            why = str(answer.error.get("message") or answer.status)
            probe.unimplemented(requirement, f"the tool cannot be forced: {why}", on=answer)
        else:
            probe.holds(requirement, told == kind, expected=kind, got=told or answer.status, on=answer)

    statement = f"`tool_choice` of type `{kind}` is taken."
    needs = (f"tool:{tool}",)
    return Case(f"tools.force.{kind}", statement, (requirement,), run, tokens=256, needs=needs)


for _kind in sorted(catalogue.TOOL_TYPES):
    add(_tool(_kind))
for _kind in sorted(catalogue.TOOL_CHOICE_TYPES):
    add(_choice(_kind))
