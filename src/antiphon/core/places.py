"""Places inside an item where text grows: how they are addressed, announced and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from antiphon.core.deltas import JSON
from antiphon.core.kinds import Channel

encode = msgspec.json.encode


@dataclass(slots=True)
class Place:
    """An open channel of an open item: text as a list of chunks, joined once at the close.

    `head` and `tail` are the constant bytes around the text and around the number of a delta event.
    """

    channel: Channel
    index: int
    part: JSON | None
    head: bytes
    tail: bytes
    chunks: list[str] = field(default_factory=list[str])
    logprobs: list[JSON] = field(default_factory=list[JSON])


def write(item: JSON, place: Place, text: str) -> None:
    """Write a place's text to where its item keeps it."""
    channel = place.channel
    if channel.index is None:
        item[channel.field] = text
        return
    element: Any = text
    if channel.key is not None and place.part is not None:
        element = place.part
        element[channel.key] = text
        if channel.logprobs:
            element["logprobs"] = place.logprobs
    elements = _elements(item, channel)
    while len(elements) <= place.index:
        elements.append(None)
    elements[place.index] = element


def _elements(item: JSON, channel: Channel) -> list[Any]:
    """The list that an indexed channel writes to; dotted fields name a key of a nested object."""
    target: Any = item
    *path, last = channel.field.split(".")
    for key in path:
        target = target.setdefault(key, {})
    return cast(list[Any], target.setdefault(last, []))


def address_of(channel: Channel, item: JSON, index: int, sub: int) -> JSON:
    """The fields of an event that say which place it speaks of."""
    address: JSON = {"item_id": item["id"]} if channel.has_item_id else {}
    address["output_index"] = index
    if channel.index:
        address[channel.index] = sub
    return address


def blank_part(channel: Channel) -> JSON | None:
    """The part that wraps a channel, before its text; None for channels without one."""
    if channel.part is None or channel.key is None:
        return None
    part: JSON = {"type": channel.part.type}
    if channel.logprobs:
        part |= {"annotations": [], "logprobs": []}
    return part | {channel.key: ""}


def template(channel: Channel, address: JSON) -> tuple[bytes, bytes]:
    """The constant bytes of a place's delta events: before the text, and between it and the number."""
    head = encode({"type": channel.delta, **address})[:-1] + b',"delta":'
    tail = (b',"logprobs":[]' if channel.logprobs else b"") + b',"sequence_number":'
    return head, tail
