"""Events → response object, for recovery, tests and law L9. Shares no code with the machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.core.kinds import CHANNELS, EVENT_PLACES, Channel

_DELTAS: dict[str, Channel] = {c.delta: c for c in CHANNELS.values()}
_ADDS: dict[str, Channel] = {c.added: c for c in CHANNELS.values() if c.added}
_DONES: dict[str, Channel] = {c.done: c for c in CHANNELS.values()}


def fold(events: Iterable[JSON]) -> JSON | None:
    """The response that a reader knows after these decoded events; None before `response.created`.

    Items come from `added`, texts from deltas, closed items from `done`; the terminal event's own copy of
    the output is not used, so that equality with it means something.
    """
    response: JSON | None = None
    output: list[JSON] = []
    for event in events:
        place = EVENT_PLACES.get(cast(str, event["type"]), "")
        if place.startswith(("lifecycle:", "terminal:")):
            response = {k: v for k, v in cast(JSON, event["response"]).items() if k != "output"}
        else:
            _apply(output, event)
    return None if response is None else {**response, "output": output}


def _apply(output: list[JSON], event: JSON) -> None:
    kind = cast(str, event["type"])
    match kind:
        case "response.output_item.added":
            output.append(cast(JSON, event["item"]))
        case "response.output_item.done":
            output[cast(int, event["output_index"])] = cast(JSON, event["item"])
        case "response.output_text.annotation.added":
            _part(output, event)["annotations"].append(event["annotation"])
        case "response.content_part.added":
            _put(_item(output, event), "content", cast(int, event["content_index"]), event["part"])
        case "response.reasoning_summary_part.added":
            _put(_item(output, event), "summary", cast(int, event["summary_index"]), event["part"])
        case _ if kind in _DELTAS:
            _write(_item(output, event), _DELTAS[kind], event, event["delta"], grow=True)
        case _ if kind in _ADDS:
            _write(_item(output, event), _ADDS[kind], event, "", grow=False)
        case _ if kind in _DONES:
            _write(_item(output, event), _DONES[kind], event, event[_DONES[kind].done_field], grow=False)
        case _ if EVENT_PLACES.get(kind, "").startswith("phase:"):
            item = _item(output, event)
            if "status" in item:
                item["status"] = kind.rsplit(".", 1)[1]
        case _:
            pass


def _item(output: list[JSON], event: JSON) -> JSON:
    return output[cast(int, event["output_index"])]


def _part(output: list[JSON], event: JSON) -> JSON:
    return cast(JSON, _item(output, event)["content"][event["content_index"]])


def _write(item: JSON, channel: Channel, event: JSON, text: Any, *, grow: bool) -> None:
    if channel.index is None:
        item[channel.field] = (item.get(channel.field) or "") + text if grow else text
        return
    target: Any = item
    *path, last = channel.field.split(".")
    for key in path:
        target = target.setdefault(key, {})
    elements = cast(list[Any], target.setdefault(last, []))
    sub = cast(int, event[channel.index])
    if channel.key is None:
        old = elements[sub] if sub < len(elements) else ""
        _put(target, last, sub, old + text if grow else text)
        return
    part = cast(JSON, elements[sub])
    part[channel.key] = part[channel.key] + text if grow else text
    if channel.logprobs and event.get("logprobs"):
        part["logprobs"] = [*part["logprobs"], *event["logprobs"]] if grow else event["logprobs"]


def _put(holder: JSON, key: str, index: int, value: Any) -> None:
    elements = cast(list[Any], holder.setdefault(key, []))
    while len(elements) <= index:
        elements.append(None)
    elements[index] = value
