"""Server-sent events, read from bytes as they come: every block is kept as its lines."""

from __future__ import annotations

import json
from typing import Any

from antiphon.checker.narrow import as_object
from antiphon.checker.wire import JSON, Frame


class SseReader:
    """Feed it bytes, and it gives the blocks that are whole. Lines end with LF, CRLF or CR."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The blocks that these bytes complete; `at` is their time."""
        whole = self._rest + data
        held = b""
        if whole.endswith(b"\r"):  # an LF may still follow
            whole, held = whole[:-1], b"\r"
        lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + held
        found: list[Frame] = []
        for line in lines:
            if line:
                self._lines.append(line.decode("utf-8", errors="replace"))
            elif self._lines:
                found.append(Frame(self._lines, at))
                self._lines = []
        return found

    @property
    def unfinished(self) -> bool:
        """Something came after the last empty line; a client never sees it."""
        return bool(self._lines or self._rest.strip())


def event_of(frame: Frame) -> JSON | None:
    """The JSON object in a block's data; None where it has none, or something else (such as `[DONE]`)."""
    try:
        value: Any = json.loads(frame.data or "")
    except (ValueError, RecursionError):
        return None
    return as_object(value) if isinstance(value, dict) else None
