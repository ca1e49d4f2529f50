"""The turn assembler: an engine's deltas → operations on the machine → events.

Items never interleave (95 of 96 recorded streams): one item is open at a time, and the fragments of
another call wait until the open one is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import msgspec

from antiphon.core.deltas import (
    JSON,
    CallDelta,
    Delta,
    FinishDelta,
    FinishReason,
    NativeEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageDelta,
)
from antiphon.core.events import Event
from antiphon.core.machine import NewId, ResponseMachine
from antiphon.core.native import NativeItems
from antiphon.core.tools import CUSTOM_INPUT, ToolTable, ToolTarget
from antiphon.core.unwrap import StringReader

_CALL_ID = 64  # characters that a `call_id` has at most (SPEC.md H23)


@dataclass(frozen=True, slots=True)
class TurnRules:
    """How a turn is told. `seal` encrypts reasoning for `encrypted_content`; `accepts` checks a grammar."""

    summary: bool = False  # reasoning is shown in the summary channel
    parallel: bool = True
    seal: Callable[[str], str] | None = None
    accepts: Callable[[JSON, str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A call that the client must not see, and why the model is told so."""

    name: str
    arguments: str
    reason: str
    grammar: JSON | None = None


@dataclass(frozen=True, slots=True)
class HostedCall:
    """A call to a tool that the server runs."""

    target: ToolTarget
    name: str
    call_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What one turn made. `items` are the closed output items in order; `reason` None: it was cut off."""

    items: tuple[JSON, ...]
    usage: Usage
    reason: FinishReason | None
    client_calls: int = 0
    hosted: tuple[HostedCall, ...] = ()
    rejected: tuple[Rejected, ...] = ()


@dataclass(slots=True)
class _Call:
    """One call of the turn, from its first fragment to its close."""

    call_id: str | None
    name: str | None = None
    target: ToolTarget | None = None
    chunks: list[str] = field(default_factory=list[str])
    told: int = 0  # chunks already given to the machine
    index: int = -1  # output_index once open
    reader: StringReader | None = None
    dropped: bool = False
    closed: bool = False


class Turn:
    """Assembles one turn. Feed deltas, then `close` once."""

    def __init__(self, machine: ResponseMachine, table: ToolTable, rules: TurnRules, new_id: NewId) -> None:
        self._machine, self._table, self._rules, self._new_id = machine, table, rules, new_id
        self._first = machine.next_index
        self._open: tuple[int, str, int] | None = None  # output_index, channel, sub of the open text
        self._blank: list[str] = []  # white space before a message, which may never come
        self._reasoning: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._current: _Call | None = None
        self._native: NativeItems | None = None
        self._usage = Usage()
        self._reason: FinishReason | None = None

    # ---------- deltas

    def feed(self, deltas: Sequence[Delta]) -> list[Event]:
        """The events of some deltas."""
        events: list[Event] = []
        for delta in deltas:
            match delta:
                case TextDelta():
                    self._text(events, "output_text", delta.text, delta.logprobs)
                case ReasoningDelta():
                    self._think(events, delta.text)
                case CallDelta():
                    self._call(events, delta)
                case RefusalDelta():
                    self._text(events, "refusal", delta.text)
                case NativeEvent():
                    self._pass(events, delta.event)
                case UsageDelta():
                    self._usage = delta.usage
                case FinishDelta():
                    self._reason = delta.reason
                case _:
                    assert_never(delta)
        return events

    def close(self) -> tuple[list[Event], TurnResult]:
        """Close what is open; an item cut off by a limit ends `incomplete`."""
        events: list[Event] = []
        cut = self._reason in ("length", "content_filter", None)
        self._flush_calls(events)
        self._shut(events, "incomplete" if cut else "completed")
        for index in self._machine.open_indexes:
            events += self._machine.close_item(index, "incomplete" if cut else "completed")
        return events, self._result()

    def _result(self) -> TurnResult:
        machine = self._machine
        calls = [c for c in self._calls.values() if not c.dropped]
        hosted = [c for c in calls if c.target is not None and c.target.kind == "hosted"]
        return TurnResult(
            items=tuple(machine.item(i) for i in range(self._first, machine.next_index)),
            usage=self._usage,
            reason=self._reason,
            client_calls=sum(c.index >= 0 for c in calls),
            hosted=tuple(
                HostedCall(c.target, c.name or "", c.call_id or "", "".join(c.chunks))
                for c in hosted
                if c.target is not None
            ),
            rejected=tuple(self._rejected()),
        )

    def _rejected(self) -> Sequence[Rejected]:
        out: list[Rejected] = []
        for call in self._calls.values():
            text = "".join(call.chunks)
            if call.target is None and not call.dropped:
                reason = f"There is no tool named '{call.name}' here."
                out.append(Rejected(call.name or "", text, reason))
            elif call.target is not None and call.dropped and self._grammar(call):
                reason = "The input does not match the tool's grammar."
                out.append(Rejected(call.name or "", text, reason, self._grammar(call)))
        return out

    # ---------- text and reasoning

    def _text(self, events: list[Event], channel: str, text: str, logprobs: tuple[JSON, ...] = ()) -> None:
        opened = self._open
        if opened is None or opened[1] != channel:
            if not text.strip() and (opened is None or opened[1] not in ("output_text", "refusal")):
                self._blank.append(text)
                return
            opened = self._open_text(events, channel)
            text = "".join((*self._blank, text))
            self._blank.clear()
        events.append(self._machine.append(opened[0], channel, text, opened[2], logprobs))

    def _open_text(self, events: list[Event], channel: str) -> tuple[int, str, int]:
        opened = self._open
        if opened is not None and opened[1] in ("output_text", "refusal"):
            index, sub = opened[0], opened[2] + 1
            events += self._machine.close_place(index, opened[1], opened[2])
        else:
            self._shut(events)
            index, sub = self._machine.next_index, 0
            events += self._machine.open_item(
                {
                    "id": self._new_id("msg"),
                    "type": "message",
                    "role": "assistant",
                    "status": "in_progress",
                    "content": [],
                }
            )
        events += self._machine.open_place(index, channel, sub)
        self._open = (index, channel, sub)
        return self._open

    def _think(self, events: list[Event], text: str) -> None:
        channel = "reasoning_summary_text" if self._rules.summary else "reasoning_text"
        if not text:
            return
        if self._open is None or self._open[1] != channel:
            self._shut(events)
            index = self._machine.next_index
            item: JSON = {"id": self._new_id("rs"), "type": "reasoning", "summary": []}
            if not self._rules.summary:
                item["content"] = []
            events += self._machine.open_item(item)
            events += self._machine.open_place(index, channel)
            self._open = (index, channel, 0)
        self._reasoning.append(text)
        events.append(self._machine.append(self._open[0], channel, text))

    def _shut(self, events: list[Event], status: str = "completed") -> None:
        """Close the open text, reasoning or call."""
        if self._current is not None:
            self._close_call(events, self._current, status)
        opened, self._open = self._open, None
        if opened is None:
            return
        if self._reasoning and self._rules.seal:
            self._machine.set(opened[0], encrypted_content=self._rules.seal("".join(self._reasoning)))
        self._reasoning.clear()
        events += self._machine.close_item(opened[0], status)

    def _pass(self, events: list[Event], event: JSON) -> None:
        if event["type"] == "response.output_text.annotation.added" and self._open:
            index, _, sub = self._open
            events.append(self._machine.annotate(index, event["annotation"], sub))
            return
        if event["type"] == "response.output_item.added":
            self._shut(events)
        if self._native is None:
            self._native = NativeItems(self._machine)
        events += self._native.apply(event)

    # ---------- calls

    def _call(self, events: list[Event], delta: CallDelta) -> None:
        call = self._calls.get(delta.index)
        if call is None:
            call = self._calls[delta.index] = _Call(delta.call_id)
        if delta.name and call.name is None:
            call.name = delta.name
            call.target = self._table.targets.get(delta.name)
            call.dropped = call.target is not None and not self._may_add(call)
        if delta.arguments:
            call.chunks.append(delta.arguments)
        if call.target is None or call.dropped or call.closed:
            return
        self._advance(events, call)

    def _may_add(self, call: _Call) -> bool:
        """`parallel_tool_calls: false` is enforced: one call in a turn, the first."""
        others = (c for c in self._calls.values() if c is not call)
        return self._rules.parallel or not any(c.target is not None and not c.dropped for c in others)

    def _advance(self, events: list[Event], call: _Call) -> None:
        if self._held(call):
            return
        if self._current is not call:
            if self._current is not None and not _is_json("".join(self._current.chunks)):
                return  # fragments of two calls interleave: this one waits
            self._shut(events)
            self._open_call(events, call)
        self._tell(events, call)

    def _held(self, call: _Call) -> bool:
        """Hosted calls are told by their tool; a grammar's input is told only when it is known to match."""
        target = call.target
        return target is None or target.kind == "hosted" or self._grammar(call) is not None

    def _grammar(self, call: _Call) -> JSON | None:
        format_ = call.target.format if call.target else None
        known = format_ is not None and format_.get("type") == "grammar"
        return format_ if known and self._rules.accepts else None

    def _open_call(self, events: list[Event], call: _Call) -> None:
        target = call.target
        assert target is not None
        custom = target.kind == "custom"
        call.call_id = self._own_id(call)
        call.index = self._machine.next_index
        item: JSON = {
            "id": self._new_id("ctc" if custom else "fc"),
            "type": "custom_tool_call" if custom else "function_call",
            "status": "in_progress",
            "call_id": call.call_id,
            "name": target.name,
            "input" if custom else "arguments": "",
        }
        if target.namespace is not None:
            item["namespace"] = target.namespace
        if target.tool.get("async"):
            item["async"] = True  # so that the next request may come without its output
        call.reader = StringReader(CUSTOM_INPUT) if custom else None
        events += self._machine.open_item(item)
        events += self._machine.open_place(call.index, _channel(call))
        self._current, self._blank = call, []

    def _own_id(self, call: _Call) -> str:
        """The engine's id, where the client can name the call by it: not another call's, and not too long."""
        given = call.call_id or ""
        taken = {other.call_id for other in self._calls.values() if other.index >= 0}
        return given if 0 < len(given) <= _CALL_ID and given not in taken else self._new_id("call")

    def _tell(self, events: list[Event], call: _Call) -> None:
        """Give the machine the fragments that it has not had."""
        for fragment in call.chunks[call.told :]:
            text = fragment if call.reader is None else call.reader.feed(fragment)
            if text:
                events.append(self._machine.append(call.index, _channel(call), text))
        call.told = len(call.chunks)

    def _close_call(self, events: list[Event], call: _Call, status: str) -> None:
        rest = call.reader.close() if call.reader else ""
        if rest:
            events.append(self._machine.append(call.index, _channel(call), rest))
        if call.reader is None and not call.chunks and status == "completed":
            # A call without arguments is the empty object: clients parse the string.
            events.append(self._machine.append(call.index, _channel(call), "{}"))
        call.closed, self._current = True, None
        events += self._machine.close_item(call.index, status)

    def _flush_calls(self, events: list[Event]) -> None:
        """At the end of the turn: calls that waited, and grammar calls that turn out to match."""
        for call in self._calls.values():
            target = call.target
            if target is None or target.kind == "hosted" or call.dropped or call.index >= 0:
                continue
            grammar, accepts = self._grammar(call), self._rules.accepts
            if grammar is not None and accepts is not None:
                reader = StringReader(CUSTOM_INPUT)
                text = "".join(reader.feed(c) for c in call.chunks) + reader.close()
                call.dropped = not accepts(grammar, text)
                if call.dropped:
                    continue
            self._shut(events)
            self._open_call(events, call)
            self._tell(events, call)


def _channel(call: _Call) -> str:
    return "custom_tool_call_input" if call.reader is not None else "function_call_arguments"


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
