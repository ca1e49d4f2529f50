"""Item events of an engine that speaks Responses → operations on our machine."""

from __future__ import annotations

from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.core.errors import IllegalTransition
from antiphon.core.events import Event
from antiphon.core.kinds import CHANNELS, EVENT_PLACES, PARTIAL_IMAGE, SHELL_OUTPUT_DELTA, Channel
from antiphon.core.machine import ResponseMachine

_PARTS = {
    "output_text": "output_text",
    "refusal": "refusal",
    "reasoning_text": "reasoning_text",
    "summary_text": "reasoning_summary_text",
}
_KEPT_BY_DONE = ("type", "id", "status")


class NativeItems:
    """Follows an upstream's items within one turn; its `output_index` is only an address here."""

    def __init__(self, machine: ResponseMachine) -> None:
        self._machine = machine
        self._indexes: dict[int, int] = {}
        self._touched: set[tuple[int, str, int]] = set()

    def apply(self, event: JSON) -> list[Event]:
        """The events of our response for one item-level event of the upstream's."""
        kind = cast(str, event["type"])
        place = EVENT_PLACES.get(kind)
        if place is None:
            # The real API sends types that no official list names, and strict clients die of them.
            return []
        if kind == "response.output_item.added":
            self._indexes[cast(int, event["output_index"])] = self._machine.next_index
            return self._machine.open_item(cast(JSON, event["item"]))
        if kind == "response.output_item.done":
            return self._done(event)
        if place == "audio":
            return [self._machine.audio(kind, event.get("delta"))]
        index = self._index(event)
        if place.startswith("phase:"):
            return [self._machine.phase(index, place.rsplit(":", 1)[1])]
        if place.startswith("channel:"):
            return self._channel(index, place.partition(":")[2], kind, event)
        return self._other(index, place, kind, event)

    def _index(self, event: JSON) -> int:
        index = self._indexes.get(cast(int, event.get("output_index", -1)))
        if index is None:
            raise IllegalTransition(f"{event['type']} for an item that was not added")
        return index

    def _done(self, event: JSON) -> list[Event]:
        address = cast(int, event["output_index"])
        item = cast(JSON, event["item"])
        if address not in self._indexes:
            return self._machine.add_item(item)
        index = self._indexes.pop(address)
        final = {k: v for k, v in item.items() if k not in _KEPT_BY_DONE}
        for name in {channel for i, channel, _ in self._touched if i == index}:
            self._keep_streamed(index, CHANNELS[name], final)
        return self._machine.close_item(index, cast(str, item.get("status") or "completed"), **final)

    def _keep_streamed(self, index: int, channel: Channel, final: JSON) -> None:
        """What was streamed stands: the upstream's whole copy of it is not taken."""
        field, _, inner = channel.field.partition(".")
        if not inner:
            final.pop(field, None)
        elif field in final:
            final[field] = {**final[field], inner: self._machine.item(index)[field][inner]}

    def _channel(self, index: int, name: str, kind: str, event: JSON) -> list[Event]:
        channel = CHANNELS[name]
        sub = cast(int, event[channel.index]) if channel.index else 0
        events = self._open(index, name, sub)
        if kind == channel.delta:
            text, logprobs = cast(str, event["delta"]), cast("tuple[Any, ...]", event.get("logprobs") or ())
            events.append(self._machine.append(index, name, text, sub, logprobs))
            self._touched.add((index, name, sub))
        elif kind == channel.done:
            whole = cast(str, event[channel.done_field])
            if whole and (index, name, sub) not in self._touched:
                events.append(self._machine.append(index, name, whole, sub))
            events += self._machine.close_place(index, name, sub)
            self._touched.add((index, name, sub))
        return events

    def _open(self, index: int, name: str, sub: int) -> list[Event]:
        if self._machine.has_place(index, name, sub):
            return []
        return self._machine.open_place(index, name, sub)

    def _other(self, index: int, place: str, kind: str, event: JSON) -> list[Event]:
        if place == "part":
            if not kind.endswith(".added"):
                return []  # the machine says it when the channel closes
            name = _PARTS[cast(str, cast(JSON, event["part"])["type"])]
            return self._open(index, name, cast(int, event[cast(str, CHANNELS[name].index)]))
        if place == "annotation":
            sub = cast("int | None", event.get("content_index"))
            if sub is None or not self._machine.has_place(index, "output_text", sub):
                return []  # of a text that is not told as the upstream's own item
            return [self._machine.annotate(index, cast(JSON, event["annotation"]), sub)]
        if kind == PARTIAL_IMAGE:
            shown = {"type", "sequence_number", "output_index", "item_id"}
            rest = {k: v for k, v in event.items() if k not in shown}
            image, number = rest.pop("partial_image_b64"), rest.pop("partial_image_index")
            return [self._machine.partial_image(index, image, number, **rest)]
        command = cast(int, event["command_index"])
        if kind == SHELL_OUTPUT_DELTA:
            return [self._machine.shell_output(index, command, cast(JSON, event["delta"]))]
        return [self._machine.shell_output_done(index, command, cast(list[JSON], event["output"]))]
