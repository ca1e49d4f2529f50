"""What a listed item shows only where `include` asks for it (SPEC.md E.7)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from antiphon.core.deltas import JSON

_FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    "file_search_call": (("results", "file_search_call.results"),),
    "web_search_call": (("results", "web_search_call.results"),),
    "code_interpreter_call": (("outputs", "code_interpreter_call.outputs"),),
}
"""Item type → its hidden fields, each with the include value that shows it; hidden means null."""

_IMAGE = "message.input_image.image_url"
_SCREEN = "computer_call_output.output.image_url"
_LOGPROBS = "message.output_text.logprobs"
_SOURCES = "web_search_call.action.sources"


def visible(item: JSON, include: Collection[str]) -> JSON:
    """The item as a list shows it. `reasoning.encrypted_content` is shown always (SPEC.md H27)."""
    kind = item.get("type")
    hidden = {
        name: None
        for name, value in _FIELDS.get(cast(str, kind), ())
        if value not in include and name in item
    }
    if hidden:
        item = {**item, **hidden}
    if kind == "message" and isinstance(item.get("content"), list):
        return {**item, "content": [_part(part, include) for part in item["content"]]}
    if kind == "web_search_call" and _SOURCES not in include and "sources" in (item.get("action") or ()):
        return {**item, "action": _without(item["action"], "sources")}
    if kind == "computer_call_output" and _SCREEN not in include and isinstance(item.get("output"), dict):
        return {**item, "output": _without(item["output"], "image_url")}
    return item


def _part(part: JSON, include: Collection[str]) -> JSON:
    if part.get("type") == "input_image" and _IMAGE not in include and part.get("image_url"):
        return {**part, "image_url": None}
    if part.get("type") == "output_text" and _LOGPROBS not in include and part.get("logprobs"):
        return {**part, "logprobs": []}
    return part


def _without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k != key}
