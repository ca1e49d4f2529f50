"""The one owner of a response.

`ResponseMachine` alone changes `response.output`. Every operation returns the events that announce its
change; numbers are given here and nowhere else. An operation that the state forbids raises
`IllegalTransition`. Laws L1–L11 (docs/architecture.md) hold for every program of operations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import msgspec

from antiphon.core import kinds
from antiphon.core.deltas import JSON
from antiphon.core.errors import IllegalTransition
from antiphon.core.events import Event
from antiphon.core.kinds import CHANNELS, ITEM_KINDS, ItemKind
from antiphon.core.places import Place, address_of, blank_part, template, write

encode = msgspec.json.encode
State = Literal["new", "queued", "in_progress", "ended"]
Ended = Literal["completed", "incomplete", "failed", "cancelled"]


@dataclass(slots=True)
class OpenItem:
    """An item between `output_item.added` and `output_item.done`."""

    item: JSON
    kind: ItemKind
    places: dict[tuple[str, int], Place] = field(default_factory=dict[tuple[str, int], Place])


class ResponseMachine:
    """Builds one response object and tells it as events.

    `response` is the official object without `output`, with `status` "queued" or "in_progress".
    """

    def __init__(self, response: JSON, *, sequence_number: int = 0) -> None:
        self._response: JSON = {**response, "output": []}
        self._output: list[JSON] = []
        self._open: dict[int, OpenItem] = {}
        self._sequence = sequence_number
        self._state: State = "new"

    # ---------- readings

    @property
    def state(self) -> State:
        return self._state

    @property
    def next_index(self) -> int:
        """The `output_index` that the next opened item gets."""
        return len(self._output)

    @property
    def open_indexes(self) -> tuple[int, ...]:
        return tuple(self._open)

    @property
    def sequence_number(self) -> int:
        """The number that the next event gets."""
        return self._sequence

    def item(self, index: int) -> JSON:
        """The item at this place, as it is now (texts that still grow included)."""
        opened = self._open.get(index)
        return self._output[index] if opened is None else self._grown(opened)

    def has_place(self, index: int, name: str, sub: int = 0) -> bool:
        """Whether this channel of this item is open."""
        opened = self._open.get(index)
        return opened is not None and (name, sub) in opened.places

    def snapshot(self) -> JSON:
        """The response object as a reader may see it now; a copy that later operations do not change."""
        return {**self._response, "output": [self.item(i) for i in range(len(self._output))]}

    # ---------- lifecycle

    def queue(self) -> list[Event]:
        """Announce a background response: `created` first, then `queued` (CLIENTS.md §4.1)."""
        self._expect("new")
        self._state = "queued"
        return [self._lifecycle("created", "queued"), self._lifecycle("queued", "queued")]

    def begin(self) -> list[Event]:
        """Announce that work has begun; announces the response itself where `queue` did not."""
        self._expect("new", "queued")
        first = [self._lifecycle("created", "in_progress")] if self._state == "new" else []
        self._state = "in_progress"
        return [*first, self._lifecycle("in_progress", "in_progress")]

    def update(self, **fields: Any) -> None:
        """Set fields of the response that only later events show (`service_tier` in fact used, …)."""
        self._expect("new", "queued", "in_progress")
        self._response.update(fields)

    def finish(self, status: Ended, *, told: JSON | None = None, **fields: Any) -> list[Event]:
        """Close what is open, set `status` and the given fields, and say the one terminal event.

        `fields`: `usage`, `completed_at`, `error`, `incomplete_details`. A failed response says the
        `error` event first, in the hybrid form that most clients understand (CLIENTS.md §3): the flat
        fields of the official schema plus the nested `error` of the real API. `told` is that error whole
        (`type`, `code`, `message`, `param`); the response's own has no room for `type` and `param`.
        """
        self._expect("new", "queued", "in_progress")
        if status == "completed" and self._open:
            raise IllegalTransition(f"completed with open items at {self.open_indexes}")
        events = [] if self._state != "new" else self.begin()
        for index in tuple(self._open):
            events += self.close_item(index, "incomplete")
        self._state = "ended"
        self._response |= {**fields, "status": status, "output": self._output}
        if status == "failed":
            events.append(self._error(told or cast(JSON, self._response["error"])))
        events.append(self._event(kinds.TERMINAL_EVENTS[status], response=self._response))
        return events

    def retract(self) -> None:
        """Take back the terminal event, which nobody has seen: the response could not be stored."""
        self._expect("ended")
        self._state = "in_progress"
        self._sequence -= 1

    # ---------- items

    def open_item(self, item: JSON) -> list[Event]:
        """Open the next item, whole but for what its channels fill. The machine owns it from now on."""
        self._expect("in_progress")
        kind = ITEM_KINDS.get(cast(str, item.get("type")))
        if kind is None or not item.get("id"):
            raise IllegalTransition(f"cannot open an item {item.get('type')!r} with id {item.get('id')!r}")
        index = len(self._output)
        self._output.append(item)
        self._open[index] = OpenItem(item, kind)
        return [self._event(kinds.ITEM_ADDED, output_index=index, item=item)]

    def close_item(self, index: int, status: str = "completed", **fields: Any) -> list[Event]:
        """Close its channels, set `status` (where the kind has one) and `fields`, say `output_item.done`."""
        opened = self._opened(index)
        events: list[Event] = []
        for name, sub in tuple(opened.places):
            events += self.close_place(index, name, sub)
        opened.item.update(fields)
        if opened.kind.status:
            opened.item["status"] = status if status in opened.kind.closes_as else opened.kind.closes_as[-1]
        del self._open[index]
        events.append(self._event(kinds.ITEM_DONE, output_index=index, item=opened.item))
        return events

    def add_item(self, item: JSON) -> list[Event]:
        """An item that arrives whole: added as in progress, where its kind can be, and done at once."""
        kind, status = ITEM_KINDS.get(cast(str, item.get("type"))), item.get("status")
        grows = kind is not None and kind.grows and status == "completed"
        opening = {**item, "status": "in_progress"} if grows else dict(item)
        return [
            *self.open_item(opening),
            *self.close_item(len(self._output) - 1, cast(str, status or "completed")),
        ]

    def phase(self, index: int, phase: str) -> Event:
        """Say a phase of a hosted tool's item, for example `searching`."""
        opened = self._opened(index)
        event = (opened.kind.phases or {}).get(phase)
        if event is None:
            raise IllegalTransition(f"{opened.kind.type} has no phase {phase!r}")
        if opened.kind.status:
            opened.item["status"] = phase
        return self._event(event, output_index=index, item_id=opened.item["id"])

    def set(self, index: int, **fields: Any) -> None:
        """Set fields of an open item that its `done` event will show (`action`, `results`, …)."""
        self._opened(index).item.update(fields)

    # ---------- channels

    def open_place(self, index: int, name: str, sub: int = 0) -> list[Event]:
        """Open a channel: its part (or command) is announced empty."""
        opened, channel = self._opened(index), CHANNELS.get(name)
        if channel is None or name not in opened.kind.channels or (name, sub) in opened.places:
            raise IllegalTransition(f"{opened.kind.type} cannot open {name!r} {sub}")
        address = address_of(channel, opened.item, index, sub)
        part = blank_part(channel)
        place = Place(channel, sub, part, *template(channel, address))
        write(opened.item, place, "")
        opened.places[name, sub] = place
        if channel.part and part is not None:
            return [self._event(channel.part.added, **address, part=part)]
        return [self._event(channel.added, **address, command="")] if channel.added else []

    def append(self, index: int, name: str, text: str, sub: int = 0, logprobs: Any = ()) -> Event:
        """Grow a channel. The hot path: no dict is built, the event is cut from its place's template."""
        opened = self._open.get(index)
        place = opened.places.get((name, sub)) if opened else None
        if place is None:
            raise IllegalTransition(f"no open {name!r} {sub} at output_index {index}")
        place.chunks.append(text)
        number = self._sequence
        self._sequence = number + 1
        middle = place.tail
        if logprobs:
            place.logprobs += logprobs
            middle = b',"logprobs":' + encode(logprobs) + b',"sequence_number":'
        data = b"%b%b%b%d}" % (place.head, encode(text), middle, number)
        return Event(number, place.channel.delta, data)

    def close_place(self, index: int, name: str, sub: int = 0) -> list[Event]:
        """Join a channel's text, say its `done` and its part's `done`."""
        opened = self._opened(index)
        place = opened.places.pop((name, sub), None)
        if place is None:
            raise IllegalTransition(f"no open {name!r} {sub} at output_index {index}")
        channel, text = place.channel, "".join(place.chunks)
        write(opened.item, place, text)
        address = address_of(channel, opened.item, index, sub)
        done: JSON = {**address, channel.done_field: text}
        if channel.logprobs:
            done["logprobs"] = place.logprobs
        if channel.name == "function_call_arguments":
            # Required by the official document, absent in recordings; harmless (SPEC.md §4: keep sending it).
            done["name"] = opened.item.get("name", "")
        events = [self._event(channel.done, **done)]
        if channel.part:
            events.append(self._event(channel.part.done, **address, part=place.part))
        return events

    def annotate(self, index: int, annotation: JSON, sub: int = 0) -> Event:
        """Add an annotation to an open text part."""
        opened = self._opened(index)
        place = opened.places.get(("output_text", sub))
        if place is None or place.part is None:
            raise IllegalTransition(f"no open text at output_index {index}")
        annotations = cast(list[JSON], place.part["annotations"])
        annotations.append(annotation)
        return self._event(
            kinds.ANNOTATION_ADDED,
            **address_of(place.channel, opened.item, index, sub),
            annotation_index=len(annotations) - 1,
            annotation=annotation,
        )

    # ---------- events that belong to no channel

    def partial_image(self, index: int, image_b64: str, number: int, **fields: Any) -> Event:
        """A partial image of an open `image_generation_call`."""
        opened = self._expect_kind(index, "image_generation_call")
        return self._event(
            kinds.PARTIAL_IMAGE,
            output_index=index,
            item_id=opened.item["id"],
            partial_image_index=number,
            partial_image_b64=image_b64,
            **fields,
        )

    def shell_output(self, index: int, command_index: int, delta: JSON) -> Event:
        """Output of one shell command as it comes: `{"stdout": …}` or `{"stderr": …}`."""
        return self._shell(kinds.SHELL_OUTPUT_DELTA, index, command_index, delta=delta)

    def shell_output_done(self, index: int, command_index: int, output: list[JSON]) -> Event:
        """The whole output of one shell command."""
        return self._shell(kinds.SHELL_OUTPUT_DONE, index, command_index, output=output)

    def audio(self, event_type: str, delta: str | None = None) -> Event:
        """An audio event of the whole response."""
        self._expect("in_progress")
        if event_type not in kinds.AUDIO_EVENTS:
            raise IllegalTransition(f"{event_type} is no audio event")
        return self._event(event_type, **({} if delta is None else {"delta": delta}))

    # ---------- inside

    def _shell(self, event_type: str, index: int, command_index: int, **fields: Any) -> Event:
        opened = self._expect_kind(index, "shell_call_output")
        return self._event(
            event_type,
            output_index=index,
            item_id=opened.item["id"],
            command_index=command_index,
            **fields,
        )

    def _expect(self, *states: State) -> None:
        if self._state not in states:
            raise IllegalTransition(f"not allowed while {self._state}")

    def _expect_kind(self, index: int, item_type: str) -> OpenItem:
        opened = self._opened(index)
        if opened.kind.type != item_type:
            raise IllegalTransition(f"output_index {index} is a {opened.kind.type}, not a {item_type}")
        return opened

    def _opened(self, index: int) -> OpenItem:
        opened = self._open.get(index)
        if opened is None:
            raise IllegalTransition(f"no open item at output_index {index}")
        return opened

    def _lifecycle(self, name: str, status: str) -> Event:
        self._response["status"] = status
        return self._event(kinds.LIFECYCLE_EVENTS[name], response=self._response)

    def _error(self, error: JSON) -> Event:
        nested = {
            "type": error.get("type") or "server_error",
            "code": error.get("code"),
            "message": error.get("message"),
            "param": error.get("param"),
        }
        flat = {key: nested[key] for key in ("code", "message", "param")}
        return self._event(kinds.ERROR_EVENT, **flat, error=nested)

    def _event(self, event_type: str, **fields: Any) -> Event:
        number = self._sequence
        self._sequence = number + 1
        return Event(number, event_type, encode({"type": event_type, **fields, "sequence_number": number}))

    def _grown(self, opened: OpenItem) -> JSON:
        """A copy of an open item with its texts as far as they are."""
        for place in opened.places.values():
            write(opened.item, place, "".join(place.chunks))
        copy = cast(JSON, msgspec.json.decode(encode(opened.item)))
        for place in opened.places.values():
            write(opened.item, place, "")
        return copy


NewId = Callable[[str], str]
"""`prefix` → a fresh id; handed to what opens items."""
