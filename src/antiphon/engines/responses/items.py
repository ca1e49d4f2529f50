"""How each item of an upstream that speaks Responses is told in deltas.

One rule: what our own deltas can say is said with them, so that the agent sees it: plain messages, raw
reasoning, function and custom calls. All else travels as `NativeEvent`: hosted items, calls that a program
makes, reasoning with a summary or nothing but `encrypted_content`, and messages that have a `phase` or
follow another at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import msgspec

from antiphon.core.deltas import JSON, CallDelta, Delta, NativeEvent, ReasoningDelta, RefusalDelta, TextDelta
from antiphon.core.kinds import CHANNELS, ITEM_KINDS, ItemKind
from antiphon.core.tools import CUSTOM_INPUT, visible_name
from antiphon.engines.responses.native import Native, Way
from antiphon.engines.responses.texts import Told, part_type, parts, text_of


class Teller(Protocol):
    """Tells one item. `place` is the event's entry in `core.kinds.EVENT_PLACES`."""

    @property
    def way(self) -> Way: ...

    def added(self) -> Sequence[Delta]: ...

    def event(self, place: str, event: JSON) -> Sequence[Delta] | None:
        """The deltas of one event; None for one that this item cannot have."""
        ...

    def done(self, item: JSON) -> Sequence[Delta]: ...


class Message:
    """A plain message: text and refusals as our own deltas, annotations as the upstream's events."""

    way: Way = "text"

    def __init__(self) -> None:
        self._told = Told()
        self._annotations: dict[int, int] = {}
        self._open = False  # text that a reader may annotate

    def added(self) -> Sequence[Delta]:
        return ()

    def event(self, place: str, event: JSON) -> Sequence[Delta] | None:
        if place == "annotation":
            return self._annotate(event.get("content_index", 0), event.get("annotation"))
        if place == "part":
            return ()
        said = text_of(place, event, self._told)
        if said is None or said[0] not in ("output_text", "refusal"):
            return None
        # The done event repeats the log probabilities of the deltas.
        logprobs = event.get("logprobs") if "delta" in event else None
        return self._say(said[0], said[1], logprobs)

    def done(self, item: JSON) -> Sequence[Delta]:
        said: list[Delta] = []
        for index, part in enumerate(parts(item.get("content"))):
            channel = "refusal" if part.get("type") == "refusal" else "output_text"
            text = part.get("refusal" if channel == "refusal" else "text")
            said += self._say(channel, self._told.rest(channel, index, text))
            for annotation in parts(part.get("annotations"))[self._annotations.get(index, 0) :]:
                said += self._annotate(index, annotation)
        return said

    def interrupt(self) -> None:
        """Another item was told: the text is closed."""
        self._open = False

    def _say(self, channel: str, text: str, logprobs: object = None) -> Sequence[Delta]:
        if not text:
            return ()
        if channel == "refusal":
            self._open = False
            return (RefusalDelta(text),)
        self._open = self._open or not text.isspace()
        return (TextDelta(text, tuple(map(_logprob, parts(logprobs)))),)

    def _annotate(self, index: object, annotation: object) -> Sequence[Delta]:
        """An annotation of the open text; there is nothing to annotate before the first word."""
        if not isinstance(index, int) or not isinstance(annotation, dict) or not self._open:
            return ()
        number = self._annotations.get(index, 0)
        self._annotations[index] = number + 1
        event: JSON = {
            "type": "response.output_text.annotation.added",
            "output_index": -1,
            "content_index": index,
            "annotation_index": number,
            "annotation": annotation,
        }
        return (NativeEvent(event),)


class Call:
    """A function call, or a custom call in the form of the function that stands for it."""

    way: Way = "call"

    def __init__(self, item: JSON, number: int) -> None:
        self._custom = item["type"] == "custom_tool_call"
        self._number = number
        self._told = Told()
        self._named = False
        self._begun = False
        self._item = item

    def added(self) -> Sequence[Delta]:
        return self._name(self._item)

    def event(self, place: str, event: JSON) -> Sequence[Delta] | None:
        said = text_of(place, event, self._told)
        if said is None or said[0] not in ("function_call_arguments", "custom_tool_call_input"):
            return None
        return self._arguments(said[1])

    def done(self, item: JSON) -> Sequence[Delta]:
        channel = CHANNELS["custom_tool_call_input" if self._custom else "function_call_arguments"]
        rest = self._told.rest(channel.name, 0, item.get(channel.field))
        said = [*self._name(item), *self._arguments(rest)]
        if self._custom:
            said.append(CallDelta(self._number, arguments=self._opening() + '"}'))
        return said

    def _name(self, item: JSON) -> list[Delta]:
        name, call_id = item.get("name"), item.get("call_id")
        if self._named or not isinstance(name, str):
            return []
        self._named = True
        return [
            CallDelta(
                self._number,
                call_id if isinstance(call_id, str) and call_id else None,
                visible_name(name, cast("str | None", item.get("namespace"))),
            )
        ]

    def _arguments(self, text: str) -> list[Delta]:
        if not text:
            return []
        if self._custom:
            text = self._opening() + msgspec.json.encode(text)[1:-1].decode()
        return [CallDelta(self._number, arguments=text)]

    def _opening(self) -> str:
        opening = "" if self._begun else f'{{"{CUSTOM_INPUT}":"'
        self._begun = True
        return opening


class Reasoning:
    """Reasoning is told as ours where its raw text comes, else passed on: its first event decides."""

    def __init__(self, item: JSON, kind: ItemKind, slot: int, new_id: Callable[[str], str]) -> None:
        self._native = Native(item, kind, slot, new_id)
        self._told = Told()
        self._way: Way | None = None

    @property
    def way(self) -> Way:
        return self._way or "native"

    def added(self) -> Sequence[Delta]:
        return ()

    def event(self, place: str, event: JSON) -> Sequence[Delta] | None:
        first: Sequence[Delta] = ()
        if self._way is None:
            raw = place == "channel:reasoning_text" or part_type(event) == "reasoning_text"
            first = self._decide("thought" if raw else "native")
        if self._way == "native":
            passed = self._native.event(place, event)
            return (*first, *(passed or ())) if first else passed
        if place == "part":
            return ()
        said = text_of(place, event, self._told)
        if said is None or said[0] != "reasoning_text":
            return None
        return (ReasoningDelta(said[1]),) if said[1] else ()

    def done(self, item: JSON) -> Sequence[Delta]:
        thoughts = list(self._thoughts(item))
        first: Sequence[Delta] = ()
        if self._way is None:
            first = self._decide("thought" if thoughts else "native")
        if self._way == "native":
            return (*first, *self._native.done(item))
        return thoughts

    def _decide(self, way: Way) -> Sequence[Delta]:
        self._way = way
        return self._native.added() if way == "native" else ()

    def _thoughts(self, item: JSON) -> Iterator[Delta]:
        for index, part in enumerate(parts(item.get("content"))):
            text = self._told.rest("reasoning_text", index, part.get("text"))
            if text:
                yield ReasoningDelta(text)


def teller(item: JSON, slot: int, after: Way | None, new_id: Callable[[str], str]) -> Teller | None:
    """Who tells this item; None for kinds that are not official. `after` is how the item before was told."""
    kind = ITEM_KINDS.get(str(item.get("type")))
    if kind is None:
        return None
    if kind.type == "message" and not item.get("phase") and after != "text":
        return Message()
    if kind.type in ("function_call", "custom_tool_call") and _is_plain_call(item):
        return Call(item, slot)
    if kind.type == "reasoning":
        return Reasoning(item, kind, slot, new_id)
    return Native(item, kind, slot, new_id)


def _is_plain_call(item: JSON) -> bool:
    """Whether our delta says all of it: not a call that a program makes, nor one that nobody waits for."""
    caller = cast(JSON, item.get("caller") or {})
    return caller.get("type") in (None, "direct") and not item.get("async")


def _logprob(entry: JSON) -> JSON:
    """`{token, logprob, bytes, top_logprobs}`: older events lack `bytes` and the alternatives."""
    entry = {"bytes": list(str(entry.get("token", "")).encode()), "top_logprobs": [], **entry}
    tops = parts(entry["top_logprobs"])
    entry["top_logprobs"] = [{"bytes": list(str(t.get("token", "")).encode()), **t} for t in tops]
    return entry
