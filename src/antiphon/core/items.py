"""Input items: normal form, ids, pairing of calls with outputs, and dropping the oldest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid
from antiphon.core.kinds import ITEM_KINDS, id_prefix

CALL_OUTPUTS: dict[str, str] = {
    "function_call_output": "function_call",
    "custom_tool_call_output": "custom_tool_call",
    "computer_call_output": "computer_call",
    "shell_call_output": "shell_call",
    "apply_patch_call_output": "apply_patch_call",
}
"""Output item type → the call that its `call_id` must name (SPEC.md G.1)."""


def normalise(
    items: str | Sequence[JSON], new_id: Callable[[str], str], param: str = "input"
) -> tuple[JSON, ...]:
    """A request's `input` as stored items: typed messages with part lists, `id` and `status` always there.

    Client-made ids are kept in any shape; unknown fields survive. References (`item_reference`) stay as
    they are. `param` is where the items stood. Raises `Invalid` for an id that is no string: short messages
    have none on the official surface, so that it was not checked there.
    """
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    for number, item in enumerate(items):
        if not isinstance(item.get("id"), str | None):
            place = f"{param}[{number}].id"
            raise Invalid(f"Invalid type for '{place}': expected a string.", param=place, code="invalid_type")
    return tuple(_item(item, new_id) for item in items)


def _item(item: JSON, new_id: Callable[[str], str]) -> JSON:
    # Messages and references may leave out their type (SPEC.md: EasyInputMessage, ItemReferenceParam); the
    # check of the body tells them apart in the same way.
    untyped = "message" if "role" in item and "content" in item else "item_reference"
    kind = cast(str, item.get("type") or untyped)
    if kind == "item_reference":
        return {**item, "type": kind}
    given = {name: one for name, one in item.items() if name != "id"}
    normal: JSON = {"id": item.get("id") or new_id(id_prefix(kind)), **given, "type": kind}
    if kind == "message":
        normal["content"] = _content(cast(str, item["role"]), item["content"])
    elif kind == "reasoning" and item.get("content") is None:
        normal.pop("content", None)
    known = ITEM_KINDS.get(kind)
    if known and known.status and normal.get("status") is None:
        normal["status"] = "completed"
    return normal


def _content(role: str, content: Any) -> list[JSON]:
    if isinstance(content, str):
        content = [{"type": "output_text" if role == "assistant" else "input_text", "text": content}]
    return [_part(role, part) for part in cast(list[JSON], content)]


def _part(role: str, part: JSON) -> JSON:
    if part["type"] == "output_text":
        return {"annotations": [], "logprobs": [], **_without_null(part, "annotations", "logprobs")}
    if role == "assistant" and part["type"] == "input_text":
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": part["text"]}
    if part["type"] == "input_image":
        return {"detail": "auto", **_without_null(part, "detail")}
    return part


def _without_null(part: JSON, *keys: str) -> JSON:
    return {k: v for k, v in part.items() if not (v is None and k in keys)}


def check_pairs(history: Iterable[JSON], items: Iterable[JSON]) -> None:
    """Every output names a call, and every call of the context has its output (SPEC.md G.1).

    Pairing is by `call_id` anywhere in the context, not by adjacency. Raises `Invalid`.
    """
    calls: dict[tuple[str, str], bool] = {}  # in order; whether it must be answered
    outputs: dict[tuple[str, str], None] = {}
    for item in (*history, *items):
        kind, call_id = cast(str, item["type"]), cast("str | None", item.get("call_id"))
        if not call_id:
            continue
        if kind in _CALLS:
            calls[kind, call_id] = not item.get("async")
        elif kind in CALL_OUTPUTS:
            outputs[CALL_OUTPUTS[kind], call_id] = None
    for kind, call_id in outputs:
        if (kind, call_id) not in calls:
            message = f"No tool call found for {_name(kind)} output with call_id {call_id}."
            raise Invalid(message, param="input")
    for (kind, call_id), awaited in calls.items():
        if awaited and (kind, call_id) not in outputs:
            raise Invalid(f"No tool output found for {_name(kind)} {call_id}.", param="input")


_CALLS = frozenset(CALL_OUTPUTS.values())


def _name(kind: str) -> str:
    return kind.replace("_", " ")


def without_old_reasoning(items: Sequence[JSON]) -> tuple[JSON, ...]:
    """`reasoning.context: current_turn`: only reasoning after the last user message stays."""
    last_user = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=-1)
    return tuple(item for i, item in enumerate(items) if i > last_user or item["type"] != "reasoning")


def drop_oldest(items: Sequence[JSON]) -> tuple[JSON, ...] | None:
    """One step of `truncation: auto`: without the oldest exchanges; None when only the last is left.

    An exchange begins at a user message, so that a call is never parted from its output; system and
    developer messages stay. A long context loses an eighth at once: each step is a call of the engine.
    """
    starts = [i for i, item in enumerate(items) if item.get("role") == "user"]
    if len(starts) < 2:
        return None
    cut = starts[max(1, len(starts) // _STEPS)]
    kept = [item for item in items[:cut] if item.get("role") in ("system", "developer")]
    return (*kept, *items[cut:])


_STEPS = 8
