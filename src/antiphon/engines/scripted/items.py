"""Whole items of every kind, told as an engine that speaks Responses tells them.

The order of events is the one of the recorded streams; the tables of `core.kinds` say what each kind has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec

from antiphon.core import kinds
from antiphon.core.deltas import JSON
from antiphon.core.kinds import CHANNELS, ITEM_KINDS, Channel, ItemKind
from antiphon.engines.scripted.language import wrong

Cut = Callable[[str], Iterator[str]]
"""A text → the pieces in which it is streamed."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, base64."""

_TOOL: JSON = {"type": "function", "name": "lookup", "parameters": {"type": "object"}, "strict": False}
_CONTAINER: JSON = {"type": "container_reference", "container_id": "cntr_scripted"}
_EXIT: JSON = {"stdout": "ok\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
_SERVER: JSON = {"server_label": "scripted"}

_DEFAULTS: dict[str, JSON] = {
    "message": {"role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
    "reasoning": {"summary": [{"type": "summary_text", "text": "A thought."}]},
    "function_call": {"name": "lookup", "arguments": "{}"},
    "function_call_output": {"output": "ok"},
    "custom_tool_call": {"name": "note", "input": "text"},
    "custom_tool_call_output": {"output": "ok"},
    "web_search_call": {"action": {"type": "search", "query": "antiphon", "queries": ["antiphon"]}},
    "file_search_call": {"queries": ["antiphon"], "results": None},
    "code_interpreter_call": {"code": "1 + 1", "container_id": "cntr_scripted", "outputs": None},
    "image_generation_call": {"result": PIXEL, "output_format": "png"},
    "mcp_call": _SERVER
    | {"name": "lookup", "arguments": "{}", "output": "ok", "error": None, "approval_request_id": None},
    "mcp_list_tools": _SERVER | {"tools": [{"name": "lookup", "input_schema": {"type": "object"}}]},
    "mcp_approval_request": _SERVER | {"name": "lookup", "arguments": "{}"},
    "mcp_approval_response": {"approval_request_id": "mcpr_scripted", "approve": True, "reason": None},
    "shell_call": {
        "action": {"commands": ["echo ok"], "max_output_length": None, "timeout_ms": None},
        "environment": _CONTAINER,
    },
    "shell_call_output": {"max_output_length": None, "output": [_EXIT]},
    "local_shell_call": {"action": {"type": "exec", "command": ["echo", "ok"], "env": {}}},
    "local_shell_call_output": {"output": "ok"},
    "apply_patch_call": {"operation": {"type": "delete_file", "path": "old.txt"}},
    "apply_patch_call_output": {"output": "ok"},
    "computer_call": {"actions": [{"type": "screenshot"}], "pending_safety_checks": []},
    "computer_call_output": {
        "output": {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{PIXEL}"}
    },
    "tool_search_call": {"arguments": {"queries": ["lookup"]}, "execution": "server"},
    "tool_search_output": {"tools": [_TOOL], "execution": "server"},
    "additional_tools": {"role": "developer", "tools": [_TOOL]},
    "program": {"code": "text('ok');", "fingerprint": "scripted"},
    "program_output": {"result": "ok"},
    "compaction": {"encrypted_content": "scripted"},
}

_WITHOUT_CALL_ID = frozenset(
    {
        "message",
        "reasoning",
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "local_shell_call_output",
        "additional_tools",
        "compaction",
    }
)

_LATE: dict[str, JSON] = {
    "file_search_call": {"queries": [], "results": None},
    "code_interpreter_call": {"outputs": None},
    "mcp_call": {"output": None, "error": None},
    "mcp_list_tools": {"tools": []},
    "shell_call_output": {"output": []},
    "tool_search_call": {"arguments": {}},
    "program": {"code": ""},
}
"""What the fields that are known only at the end hold when the item is added."""

_ABSENT: dict[str, tuple[str, ...]] = {
    "web_search_call": ("action",),
    "image_generation_call": ("result", "revised_prompt"),
}

_NEVER_IN_PROGRESS = frozenset({"apply_patch_call_output", "program_output"})
"""Kinds whose status has no word for it (SPEC.md E.2)."""

_ENDS = ("completed", "failed")
_FIRST = ("in_progress", "compacting")


def whole_item(given: JSON, new_id: Callable[[str], str]) -> JSON:
    """An item as it is when it is done: what is given, and defaults. Raises `EngineFailure`."""
    kind = ITEM_KINDS.get(str(given.get("type")))
    if kind is None:
        raise wrong(f"{given.get('type')!r} is no kind of output item")
    item: JSON = {"id": new_id(kind.prefix), "type": kind.type}
    if kind.status:
        item["status"] = "completed"
    if kind.type not in _WITHOUT_CALL_ID and not kind.type.startswith("mcp_"):
        item["call_id"] = new_id("call")
    item = {**item, **_DEFAULTS[kind.type], **given}
    if kind.type == "message":
        blank: JSON = {"annotations": [], "logprobs": []}
        parts = cast(list[JSON], item["content"])
        item["content"] = [blank | p if p.get("type") == "output_text" else p for p in parts]
    return msgspec.json.decode(msgspec.json.encode(item))  # its own copy of everything


def ladder(item: JSON, index: int, cut: Cut, *, partial_images: int = 0) -> Iterator[JSON]:
    """The events between an item's `added` and its `done`, both included."""
    kind = ITEM_KINDS[cast(str, item["type"])]
    where: JSON = {"output_index": index}
    address: JSON = {"item_id": item["id"], **where}
    yield {"type": kinds.ITEM_ADDED, **where, "item": _opening(item, kind)}
    phases = kind.phases or {}
    yield from ({"type": phases[name], **address} for name in phases if name in _FIRST)
    for name in kind.channels:
        yield from _channel(item, CHANNELS[name], address, cut)
    yield from ({"type": phases[name], **address} for name in phases if name not in _FIRST + _ENDS)
    for number in range(partial_images):
        image: JSON = {"partial_image_index": number, "partial_image_b64": PIXEL, "output_format": "png"}
        yield {"type": kinds.PARTIAL_IMAGE, **address, **image}
    if kind.type == "shell_call_output":
        yield from _shell_output(item, address)
    end = _end(item)
    if end in phases:
        yield {"type": phases[end], **address}
    yield {"type": kinds.ITEM_DONE, **where, "item": item}


def audio(transcript: str, cut: Cut) -> Iterator[JSON]:
    """Audio of the whole response with its transcript: events that belong to no item."""
    yield {"type": "response.audio.delta", "delta": PIXEL}
    for piece in cut(transcript):
        yield {"type": "response.audio.transcript.delta", "delta": piece}
    yield {"type": "response.audio.done"}
    yield {"type": "response.audio.transcript.done"}


def _end(item: JSON) -> str:
    failed = item.get("status") == "failed" or (item["type"] != "image_generation_call" and item.get("error"))
    return "failed" if failed else cast(str, item.get("status", "completed"))


def _opening(item: JSON, kind: ItemKind) -> JSON:
    """The item when it is added: its texts empty, its results not known."""
    late = _LATE.get(kind.type, {})
    opening = {k: v for k, v in item.items() if k not in _ABSENT.get(kind.type, ())} | late
    if kind.status and kind.type not in _NEVER_IN_PROGRESS:
        opening["status"] = "in_progress"
    for name in kind.channels:
        field, _, inner = CHANNELS[name].field.partition(".")
        empty: Any = [] if CHANNELS[name].index else ""
        if field in opening:
            opening[field] = {**opening[field], inner: empty} if inner else empty
    return opening


def _channel(item: JSON, channel: Channel, address: JSON, cut: Cut) -> Iterator[JSON]:
    address = address if channel.has_item_id else {"output_index": address["output_index"]}
    if channel.index is None:
        yield from _text(channel, address, str(item.get(channel.field) or ""), cut)
        return
    elements: Any = item
    for key in channel.field.split("."):
        elements = cast(JSON, elements).get(key) or []
    for sub, element in enumerate(cast(list[Any], elements)):
        if channel.part and cast(JSON, element).get("type") != channel.part.type:
            continue
        yield from _element(channel, {**address, channel.index: sub}, element, cut)


def _element(channel: Channel, address: JSON, element: Any, cut: Cut) -> Iterator[JSON]:
    if channel.part is None or channel.key is None:
        if channel.added:
            yield {"type": channel.added, **address, "command": ""}
        yield from _text(channel, address, str(element), cut)
        return
    part = cast(JSON, element)
    annotations = cast(list[JSON], part.get("annotations") or [])
    blank: JSON = {**part, channel.key: ""}
    if channel.logprobs:
        blank |= {"annotations": [], "logprobs": []}
    yield {"type": channel.part.added, **address, "part": blank}
    told = list(_text(channel, address, cast(str, part[channel.key]), cut))
    yield from told[:-1]
    for number, annotation in enumerate(annotations):
        yield {
            "type": kinds.ANNOTATION_ADDED,
            **address,
            "annotation_index": number,
            "annotation": annotation,
        }
    yield told[-1]
    yield {"type": channel.part.done, **address, "part": part}


def _text(channel: Channel, address: JSON, text: str, cut: Cut) -> Iterator[JSON]:
    more: JSON = {"logprobs": []} if channel.logprobs else {}
    for piece in cut(text):
        yield {"type": channel.delta, **address, "delta": piece, **more}
    yield {"type": channel.done, **address, channel.done_field: text, **more}


def _shell_output(item: JSON, address: JSON) -> Iterator[JSON]:
    for number, output in enumerate(cast(list[JSON], item["output"])):
        where = {**address, "command_index": number}
        for stream in ("stdout", "stderr"):
            if output.get(stream):
                yield {"type": kinds.SHELL_OUTPUT_DELTA, **where, "delta": {stream: output[stream]}}
        yield {"type": kinds.SHELL_OUTPUT_DONE, **where, "output": [output]}
