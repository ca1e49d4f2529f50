"""The stream of an upstream that speaks Responses → deltas, without I/O.

Every item is told as `responses_items` says. Lifecycle events are the upstream's own business; events of
types that are not official, or that do not fit their item, are left out and counted in `left_out`.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from antiphon.core.deltas import (
    JSON,
    Delta,
    FinishDelta,
    FinishReason,
    NativeEvent,
    Usage,
    UsageDelta,
)
from antiphon.core.errors import EngineFailure
from antiphon.core.kinds import EVENT_PLACES, ITEM_DONE, TERMINAL_EVENTS
from antiphon.core.sse import SseFrame, SseReader
from antiphon.engines.responses.faults import event_failure
from antiphon.engines.responses.items import Message, Teller, teller
from antiphon.engines.responses.native import Way
from antiphon.engines.responses.texts import opening, parts

_TERMINAL = frozenset(TERMINAL_EVENTS.values())
_INCOMPLETE: dict[str, FinishReason] = {"content_filter": "content_filter"}
"""`incomplete_details.reason` → why the turn ended; any other reason is a limit."""


def _random_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(24)}"


class UpstreamReader:
    """Reads one answer. Feed its bytes as they come, then `close` once.

    `limit` is the output limit that was asked for, where the upstream is known to end an answer that reached
    it as `completed`. Both methods raise `EngineFailure`: what was read before a failure is returned first,
    and the failure is raised by the next call.
    """

    def __init__(
        self,
        max_event_bytes: int,
        *,
        limit: int | None = None,
        new_id: Callable[[str], str] = _random_id,
    ) -> None:
        self._frames = SseReader(max_event_bytes)
        self._limit = limit
        self._new_id = new_id
        self._items: dict[int, Teller] = {}  # by the upstream's output_index
        self._addresses: dict[str, int] = {}  # item id → output_index, for events without one
        self._slots = 0
        self._after: Way | None = None  # how the item before was told
        self._last: Teller | None = None  # who told the last delta
        self._called = False
        self._failure: EngineFailure | None = None
        self.left_out: Counter[str] = Counter()
        self.done = False  # the terminal event was read: nothing more will come

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete."""
        out: list[Delta] = []
        if self.done:
            return out
        self._raise_failure()
        try:
            for frame in self._frames.feed(data):
                self._frame(frame, out)
                if self.done:
                    break
        except EngineFailure as failure:
            self._failure = failure
            if not out:
                raise
        return out

    def close(self) -> list[Delta]:
        """The rest, at the end of the bytes. An answer without a terminal event was `dropped`."""
        self._raise_failure()
        out: list[Delta] = []
        if not self.done:
            try:
                for frame in self._frames.close():
                    self._frame(frame, out)
            except EngineFailure as failure:
                if failure.kind != "malformed":  # half an event: the bytes were cut off
                    raise
        if not self.done:
            raise EngineFailure("dropped", "The engine's answer ended before it was complete.")
        return out

    # ---------- events

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _frame(self, frame: SseFrame, out: list[Delta]) -> None:
        if frame.data.strip() in (b"", b"[DONE]"):
            return
        try:
            event = msgspec.json.decode(frame.data, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise EngineFailure("malformed", "The engine sent an event that is no JSON object.") from None
        if event.get("object") == "response":
            # A server that does not stream answers with the whole response.
            event = {"type": f"response.{event.get('status')}", "response": event}
        kind = event.get("type")
        if not isinstance(kind, str):
            # Some servers name the event in its frame alone, or send a bare error object.
            kind = "error" if "error" in event else frame.name.decode(errors="replace")
            event["type"] = kind
        self._event(kind, event, out)

    def _event(self, kind: str, event: JSON, out: list[Delta]) -> None:
        place = EVENT_PLACES.get(kind)
        if kind == "error":
            raise event_failure(event)
        if kind in _TERMINAL:
            self._end(kind, event, out)
        elif place is None:
            self.left_out[kind[:100]] += 1
        elif place == "item":
            self._item(kind, event, out)
        elif place == "audio" and isinstance(event.get("delta", ""), str):
            out.append(NativeEvent(event))
        elif not place.startswith("lifecycle:"):
            self._inside(kind, place, event, out)

    def _inside(self, kind: str, place: str, event: JSON, out: list[Delta]) -> None:
        item = self._items.get(self._address(event))
        told = item.event(place, event) if item is not None else None
        if item is None or told is None:
            self.left_out[kind] += 1
        else:
            self._say(item, told, out)

    def _say(self, item: Teller, told: Sequence[Delta], out: list[Delta]) -> None:
        if told and self._last is not item:
            if isinstance(self._last, Message):
                self._last.interrupt()
            self._last = item
        out += told

    def _address(self, event: JSON) -> int:
        """The `output_index`; without one that is known the item's id, or the only open item."""
        index = event.get("output_index")
        if isinstance(index, int) and index in self._items:
            return index
        named = self._addresses.get(str(event.get("item_id")))
        if named is not None:
            return named
        return next(iter(self._items)) if index is None and len(self._items) == 1 else -1

    # ---------- items

    def _item(self, kind: str, event: JSON, out: list[Delta]) -> None:
        item, index = event.get("item"), event.get("output_index")
        if not isinstance(item, dict):
            self.left_out[kind] += 1
            return
        item = cast(JSON, item)
        if kind == ITEM_DONE:
            address = self._address({"output_index": index, "item_id": item.get("id")})
            self._done(address, item, out)
        else:
            self._add(index if isinstance(index, int) else -2 - self._slots, item, out)

    def _add(self, index: int, item: JSON, out: list[Delta]) -> Teller | None:
        told = teller(item, self._slots, self._after, self._new_id)
        self._slots += 1
        if told is None:
            self.left_out[f"item {item.get('type')}"] += 1
            return None
        self._called = self._called or item.get("type") in ("function_call", "custom_tool_call")
        self._items[index] = told
        if isinstance(item.get("id"), str):
            self._addresses[cast(str, item["id"])] = index
        self._say(told, told.added(), out)
        return told

    def _done(self, address: int, item: JSON, out: list[Delta]) -> None:
        told = self._items.pop(address, None)
        if told is None:
            # Some servers tell an item only when it is done.
            told = self._add(address, opening(item), out)
            self._items.pop(address, None)
        if told is not None:
            self._say(told, told.done(item), out)
            self._after = told.way

    # ---------- the end

    def _end(self, kind: str, event: JSON, out: list[Delta]) -> None:
        response = cast(JSON, event.get("response") or {})
        if kind == "response.failed" or response.get("status") in ("failed", "cancelled"):
            raise event_failure({"error": response.get("error")})
        if not self._slots:
            for item in parts(response.get("output")):
                self._done(-1, item, out)
        usage = _usage(response.get("usage"))
        out.append(FinishDelta(self._reason(kind, response, usage)))
        if usage is not None:
            out.append(UsageDelta(usage))
        self.done = True

    def _reason(self, kind: str, response: JSON, usage: Usage | None) -> FinishReason:
        if kind == "response.incomplete" or response.get("status") == "incomplete":
            details = cast(JSON, response.get("incomplete_details") or {})
            return _INCOMPLETE.get(str(details.get("reason")), "length")
        if self._limit is not None and usage is not None and usage.output_tokens >= self._limit:
            return "length"
        return "tool_calls" if self._called else "stop"


def _usage(given: object) -> Usage | None:
    if not isinstance(given, dict):
        return None
    usage = cast(JSON, given)
    inputs = cast(JSON, usage.get("input_tokens_details") or {})
    outputs = cast(JSON, usage.get("output_tokens_details") or {})
    return Usage(
        input_tokens=_count(usage.get("input_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
        cached_tokens=_count(inputs.get("cached_tokens")),
        cache_write_tokens=_count(inputs.get("cache_write_tokens")),
        reasoning_tokens=_count(outputs.get("reasoning_tokens")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
