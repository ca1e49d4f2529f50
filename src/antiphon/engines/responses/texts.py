"""Texts in the items of an upstream that speaks Responses: what was told, what is still to be told."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.core.kinds import CHANNELS, ITEM_KINDS, Channel


class Told:
    """How much of each text was told, so that a whole text that comes later adds only what is missing."""

    def __init__(self) -> None:
        self._lengths: dict[tuple[str, int], int] = {}
        self._sums: dict[tuple[str, int], int] = {}

    def delta(self, channel: str, index: int, text: str) -> str:
        key = channel, index
        self._lengths[key] = self._lengths.get(key, 0) + len(text)
        self._sums[key] = zlib.crc32(text.encode(), self._sums.get(key, 0))
        return text

    def rest(self, channel: str, index: int, whole: object) -> str:
        """What is missing; nothing where the whole is not what was told with more behind it."""
        key = channel, index
        told = self._lengths.get(key, 0)
        if not isinstance(whole, str) or len(whole) <= told:
            return ""
        if zlib.crc32(whole[:told].encode()) != self._sums.get(key, 0):
            return ""
        return self.delta(channel, index, whole[told:])


def text_of(place: str, event: JSON, told: Told) -> tuple[str, str] | None:
    """The channel and the new text of a channel's delta or done event; None for any other event."""
    if not place.startswith("channel:"):
        return None
    channel = CHANNELS[place[8:]]
    at = event.get(channel.index, 0) if channel.index else 0
    index = at if isinstance(at, int) else 0
    if event["type"] == channel.delta:
        delta = event.get("delta")
        return channel.name, told.delta(channel.name, index, delta) if isinstance(delta, str) else ""
    return channel.name, told.rest(channel.name, index, event.get(channel.done_field))


def opening(item: JSON) -> JSON:
    """An item as it would have been when it was added: its texts empty."""
    kind = ITEM_KINDS.get(str(item.get("type")))
    blank = dict(item)
    for name in kind.channels if kind else ():
        field, _, inner = CHANNELS[name].field.partition(".")
        empty: Any = [] if CHANNELS[name].index else ""
        if isinstance(item.get(field), dict):
            blank[field] = {**item[field], inner: empty}
        elif field in item:
            blank[field] = empty
    if kind is not None and kind.status:
        blank["status"] = "in_progress"
    return blank


def texts(item: JSON, channel: Channel) -> Iterator[tuple[int, str]]:
    """The texts that an item holds where a channel writes, with their indexes."""
    value: Any = item
    for key in channel.field.split("."):
        value = cast(JSON, value).get(key) if isinstance(value, dict) else None
    if channel.index is None:
        value = [value]
    for at, element in enumerate(cast(list[Any], value) if isinstance(value, list) else []):
        if isinstance(element, dict) and channel.part is not None and channel.key is not None:
            part = cast(JSON, element)
            element = part.get(channel.key) if part.get("type") == channel.part.type else None
        if isinstance(element, str):
            yield at, element


def part_type(event: JSON) -> object:
    part = event.get("part")
    return cast(JSON, part).get("type") if isinstance(part, dict) else None


def parts(value: object) -> list[JSON]:
    """The objects of what should be a list of objects."""
    if not isinstance(value, list):
        return []
    return [cast(JSON, part) for part in cast(list[Any], value) if isinstance(part, dict)]
