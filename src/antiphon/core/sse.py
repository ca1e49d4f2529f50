"""Server-sent events out of bytes, without I/O: for every engine that streams over HTTP.

The grammar is WHATWG HTML § 9.2.6; comments and `id`/`retry` fields are read over.
"""

from __future__ import annotations

from typing import NamedTuple

from antiphon.core.errors import EngineFailure


class SseFrame(NamedTuple):
    """One event. `name` is the `event` field (empty where absent), `data` the joined `data` lines."""

    name: bytes
    data: bytes


class SseReader:
    """Feed the bytes of a stream as they come, however they are cut; get its whole events.

    An event larger than `max_event_bytes` raises `EngineFailure("malformed")`.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._limit = max_event_bytes
        self._partial: list[bytes] = []  # pieces of a line whose end has not come
        self._size = 0  # bytes held: partial line and data lines
        self._name = b""
        self._data: list[bytes] = []
        self._after_cr = False
        self._begun = False

    def feed(self, chunk: bytes) -> list[SseFrame]:
        """The events that these bytes complete."""
        if not self._begun and chunk:
            self._begun, chunk = True, chunk.removeprefix(b"\xef\xbb\xbf")
        if self._after_cr and chunk:
            self._after_cr, chunk = False, chunk.removeprefix(b"\n")  # the second half of a CRLF
        if not chunk:
            return []
        frames: list[SseFrame] = []
        for line in self._lines(chunk):
            self._line(line, frames)
        if self._size > self._limit:
            raise EngineFailure("malformed", f"The engine sent an event larger than {self._limit} bytes.")
        return frames

    def close(self) -> list[SseFrame]:
        """At the end of the stream: the event whose closing blank line was never sent, if there is one."""
        frames: list[SseFrame] = []
        self._line(b"".join(self._partial), frames)
        self._partial = []
        self._line(b"", frames)
        return frames

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now; the rest is kept. `bytes.splitlines` knows LF, CRLF and CR."""
        lines = chunk.splitlines()
        self._after_cr = chunk.endswith(b"\r")
        ended = self._after_cr or chunk.endswith(b"\n")
        if self._partial and (ended or len(lines) > 1):
            lines[0] = b"".join((*self._partial, lines[0]))
            self._size -= sum(map(len, self._partial))
            self._partial = []
        if not ended:
            rest = lines.pop()
            self._partial.append(rest)
            self._size += len(rest)
        return lines

    def _line(self, line: bytes, frames: list[SseFrame]) -> None:
        if not line:
            if self._data:
                frames.append(SseFrame(self._name, b"\n".join(self._data)))
                self._size -= sum(map(len, self._data))
                self._data = []
            self._name = b""
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._size += len(value)
        elif field == b"event":
            self._name = value.removeprefix(b" ")
