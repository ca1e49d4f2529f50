"""Text that stands for a call (see `chat_request.Steer`) → the deltas of that call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from antiphon.core.chat_request import Steer
from antiphon.core.deltas import JSON, CallDelta, Delta, FinishDelta, TextDelta
from antiphon.core.tools import CUSTOM_INPUT


class ForcedCall:
    """Feed the deltas of a turn; text comes out as the call, everything else as it is."""

    def __init__(self, forced: Steer) -> None:
        self._forced = forced
        self._begun = False
        self._held: list[str] = []

    def feed(self, deltas: Sequence[Delta]) -> list[Delta]:
        out: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, TextDelta):
                self._text(delta.text, out)
            elif isinstance(delta, FinishDelta):
                self._finish(delta, out)
            else:
                self._begun = self._begun or isinstance(delta, CallDelta)
                out.append(delta)
        return out

    def _text(self, text: str, out: list[Delta]) -> None:
        if self._forced.kind == "choice":
            self._held.append(text)
            return
        if not self._begun:
            self._begun = True
            out.append(CallDelta(0, None, self._forced.name, self._opening()))
        out.append(CallDelta(0, arguments=_escaped(text) if self._forced.kind == "input" else text))

    def _finish(self, finish: FinishDelta, out: list[Delta]) -> None:
        if self._forced.kind == "choice" and self._held:
            self._choose(out)
        elif self._forced.kind == "input":
            if not self._begun:
                self._text("", out)
            if finish.reason == "stop":
                out.append(CallDelta(0, arguments='"}'))
        out.append(FinishDelta("tool_calls") if finish.reason == "stop" else finish)

    def _choose(self, out: list[Delta]) -> None:
        """The whole `{"name", "arguments"}`; text that is cut off or is none goes out as text."""
        text = "".join(self._held)
        try:
            call = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            call = None
        if not isinstance(call, dict) or not isinstance(cast(JSON, call).get("name"), str):
            out.append(TextDelta(text))
            return
        given = cast(JSON, call)
        arguments = msgspec.json.encode(given.get("arguments") or {}).decode()
        out.append(CallDelta(0, None, given["name"], arguments))

    def _opening(self) -> str:
        return f'{{"{CUSTOM_INPUT}":"' if self._forced.kind == "input" else ""


def _escaped(text: str) -> str:
    """Text as the inside of a JSON string."""
    return msgspec.json.encode(text).decode()[1:-1]
