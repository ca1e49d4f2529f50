"""Fragments of tool calls, as servers send them → `CallDelta`s that the turn can rely on.

Servers leave out the index, number every call 0, repeat id and name in every fragment, send the whole call
at once, or send arguments as an object. What comes out has dense indexes in order of appearance; id and name
come together, once, with the first fragment.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from antiphon.core.chat.chunks import Function, ToolCall
from antiphon.core.deltas import CallDelta


@dataclass(slots=True)
class _Call:
    """One call so far. Until its name is known its arguments wait in `arguments`."""

    place: int
    call_id: str | None = None
    name: str | None = None
    arguments: list[str] = field(default_factory=list[str])


class CallReader:
    """The calls of one turn."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    @property
    def any(self) -> bool:
        return bool(self._calls)

    def read(self, fragment: ToolCall) -> CallDelta | None:
        """What a fragment says; None where it says nothing yet."""
        function = fragment.function or _NO_FUNCTION
        call = self._find(fragment.index, fragment.id or None, function.name or None)
        text = _text(function.arguments)
        call.call_id = call.call_id or fragment.id or None
        if text:
            call.arguments.append(text)
        if call.name is None:
            if not function.name:
                return None
            call.name = function.name
            return CallDelta(call.place, call.call_id, call.name, "".join(call.arguments))
        return CallDelta(call.place, arguments=text) if text else None

    def legacy(self, function: Function) -> CallDelta | None:
        """The one call of the deprecated `function_call` field."""
        return self.read(ToolCall(index=0, function=function))

    def close(self) -> list[CallDelta]:
        """Calls whose name never came: nameless, so that the turn rejects them instead of losing them."""
        nameless = [c for c in self._calls if c.name is None]
        for call in nameless:
            call.name = ""
        return [CallDelta(c.place, c.call_id, "", "".join(c.arguments)) for c in nameless]

    def _find(self, index: int | None, call_id: str | None, name: str | None) -> _Call:
        call = self._by_index.get(index) if index is not None else self._unnumbered(call_id, name)
        if call is None or _is_next(call, call_id, name):
            call = _Call(len(self._calls))
            self._calls.append(call)
            if index is not None:
                self._by_index[index] = call
        return call

    def _unnumbered(self, call_id: str | None, name: str | None) -> _Call | None:
        """The call that a fragment without index goes on with; None: a new one."""
        if call_id is not None:
            same = next((c for c in self._calls if c.call_id == call_id), None)
            if same is not None or name is not None:
                return same
        last = self._calls[-1] if self._calls else None
        if last is None or name is None or last.name is None:
            return last
        return last if name == last.name and not _is_json("".join(last.arguments)) else None


_NO_FUNCTION = Function()


def _is_next(call: _Call, call_id: str | None, name: str | None) -> bool:
    """Another id together with a name under a known index: a server that numbers every call 0."""
    return None not in (name, call_id, call.call_id) and call_id != call.call_id


def _text(arguments: object) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return msgspec.json.encode(arguments).decode()


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
