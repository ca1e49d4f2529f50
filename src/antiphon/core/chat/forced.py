"""Text that stands for a call (see `chat_request.Steer`) → the deltas of that call."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from antiphon.core.chat.request import Steer
from antiphon.core.deltas import CallDelta, Delta, FinishDelta, ReasoningDelta, TextDelta
from antiphon.core.tools import CUSTOM_INPUT


class ForcedCall:
    """Feed the deltas of a turn; text comes out as the call, everything else as it is."""

    def __init__(self, forced: Steer) -> None:
        self._whole = forced.whole
        self._reader = InputReader(forced.names[0]) if forced.kind == "input" else EnvelopeReader()

    def feed(self, deltas: Sequence[Delta]) -> list[Delta]:
        out: list[Delta] = []
        for delta in deltas:
            if isinstance(delta, TextDelta) or (self._whole and isinstance(delta, ReasoningDelta)):
                out += self._reader.feed(delta.text)
            elif isinstance(delta, FinishDelta):
                stopped = delta.reason == "stop"
                out += self._reader.close(stopped)
                out.append(FinishDelta("tool_calls") if stopped and self._reader.called else delta)
            else:
                out.append(delta)
        return out


class InputReader:
    """The text is a custom tool's input: it becomes the one string of the function that stands for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.called = False

    def feed(self, text: str) -> list[Delta]:
        escaped = msgspec.json.encode(text).decode()[1:-1]
        return [*self._opening(), CallDelta(0, arguments=escaped)]

    def close(self, stopped: bool) -> list[Delta]:
        """An input that a limit cut off stays open, as it would in a call."""
        return [*self._opening(), CallDelta(0, arguments='"}')] if stopped else []

    def _opening(self) -> list[Delta]:
        if self.called:
            return []
        self.called = True
        return [CallDelta(0, None, self._name, f'{{"{CUSTOM_INPUT}":"')]


_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*"([^"\\]*)"\s*,\s*"arguments"\s*:\s*(?=\S)')
_HEAD_LIMIT = 1_000
"""Characters after which text without that head is taken for plain text."""


class EnvelopeReader:
    """The text is `{"name": …, "arguments": …}`. Arguments come out as they grow; other text as text."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._depth = 0
        self._quoted = self._escaped = False
        self._over = self._plain = False
        self.called = False

    def feed(self, text: str) -> list[Delta]:
        if self.called:
            return self._arguments(text)
        if self._plain:
            return [TextDelta(text)]
        self._held.append(text)
        whole = "".join(self._held)
        head = _HEAD.match(whole)
        if head is None:
            self._plain = len(whole) > _HEAD_LIMIT
            return self.close(False) if self._plain else []
        self.called = True
        self._held.clear()
        return [CallDelta(0, None, head.group(1)), *self._arguments(whole[head.end() :])]

    def close(self, _stopped: bool) -> list[Delta]:
        """Text that turned out to be no call."""
        text = "".join(self._held)
        self._held.clear()
        return [TextDelta(text)] if text else []

    def _arguments(self, text: str) -> list[Delta]:
        """What of the text belongs to the arguments: up to the bracket that closes their object."""
        if self._over:
            return []
        for at, char in enumerate(text):
            if self._quoted:
                self._quoted = self._escaped or char != '"'
                self._escaped = char == "\\" and not self._escaped
            elif char == '"':
                self._quoted = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    self._over = True
                    return [CallDelta(0, arguments=text[: at + 1])]
        return [CallDelta(0, arguments=text)] if text else []
