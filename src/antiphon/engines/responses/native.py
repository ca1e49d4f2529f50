"""An upstream's item that is passed on event by event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast

from antiphon.core.deltas import JSON, Delta, NativeEvent
from antiphon.core.kinds import CHANNELS, ITEM_ADDED, ITEM_DONE, Channel, ItemKind
from antiphon.engines.responses.texts import Told, text_of, texts

Way = Literal["text", "thought", "call", "native"]
"""How an item is told: with which of our deltas."""


class Native:
    """An item that is passed on event by event, as far as its events are in order.

    `slot` is its address within the turn: the upstream's own `output_index` may be missing or used twice.
    """

    way: Way = "native"

    def __init__(self, item: JSON, kind: ItemKind, slot: int, new_id: Callable[[str], str]) -> None:
        self._item, self._kind, self._slot = item, kind, slot
        if not isinstance(item.get("id"), str) or not item["id"]:
            item["id"] = new_id(kind.prefix)
        self._told = Told()
        self._open: set[tuple[str, int]] = set()
        self._closed: set[tuple[str, int]] = set()

    def added(self) -> Sequence[Delta]:
        return (NativeEvent({"type": ITEM_ADDED, "output_index": self._slot, "item": self._item}),)

    def event(self, place: str, event: JSON) -> Sequence[Delta] | None:
        what, _, name = place.partition(":")
        fits = {
            "channel": self._fits_channel,
            "part": self._fits_part,
            "phase": self._fits_phase,
            "annotation": self._fits_annotation,
            "partial_image": self._fits_image,
            "shell_output": self._fits_shell_output,
        }.get(what)
        if fits is None or not fits(name, event):
            return None
        event["output_index"] = self._slot
        said = text_of(place, event, self._told)
        if said is not None and "delta" not in event and said[1]:
            channel = CHANNELS[said[0]]
            at = cast(int, event[channel.index]) if channel.index else 0
            return (self._delta(channel, at, said[1]), NativeEvent(event))
        return (NativeEvent(event),)

    def done(self, item: JSON) -> Sequence[Delta]:
        whole = {**item, "id": self._item["id"]}
        missing = [
            self._delta(CHANNELS[name], at, rest)
            for name in self._kind.channels
            for at, text in texts(whole, CHANNELS[name])
            if (name, at) not in self._closed and (rest := self._told.rest(name, at, text))
        ]
        return (*missing, NativeEvent({"type": ITEM_DONE, "output_index": self._slot, "item": whole}))

    def _delta(self, channel: Channel, at: int, text: str) -> Delta:
        """Text that the upstream said only as a whole."""
        event: JSON = {"type": channel.delta, "output_index": self._slot, "delta": text}
        return NativeEvent(event | ({channel.index: at} if channel.index else {}))

    # ---------- what the response machine would refuse is not passed

    def _fits_channel(self, name: str, event: JSON) -> bool:
        channel = CHANNELS[name]
        at = event.get(channel.index) if channel.index else 0
        if name not in self._kind.channels or not isinstance(at, int) or (name, at) in self._closed:
            return False
        if event["type"] == channel.done:
            self._closed.add((name, at))
            self._open.discard((name, at))
            return isinstance(event.get(channel.done_field), str)
        self._open.add((name, at))
        return event["type"] == channel.added or isinstance(event.get("delta"), str)

    def _fits_part(self, _: str, event: JSON) -> bool:
        part = event.get("part")
        kind = cast(JSON, part).get("type") if isinstance(part, dict) else None
        for name in self._kind.channels:
            channel = CHANNELS[name]
            if channel.part is not None and channel.part.type == kind and channel.index is not None:
                at = event.get(channel.index)
                if event["type"] == channel.part.done:
                    return True
                if not isinstance(at, int) or (name, at) in self._closed:
                    return False
                self._open.add((name, at))
                return event["type"] == channel.part.added
        return False

    def _fits_phase(self, name: str, _: JSON) -> bool:
        return name.partition(":")[0] == self._kind.type

    def _fits_annotation(self, _: str, event: JSON) -> bool:
        at = event.get("content_index")
        return ("output_text", at) in self._open and isinstance(event.get("annotation"), dict)

    def _fits_image(self, _: str, event: JSON) -> bool:
        image, number = event.get("partial_image_b64"), event.get("partial_image_index")
        fits = self._kind.type == "image_generation_call"
        return fits and isinstance(image, str) and isinstance(number, int)

    def _fits_shell_output(self, _: str, event: JSON) -> bool:
        said = event.get("delta", event.get("output"))
        fits = self._kind.type == "shell_call_output" and isinstance(event.get("command_index"), int)
        return fits and isinstance(said, dict | list)
