"""What was made of files and URLs, kept for the next turn of a conversation."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Entry:
    value: str
    until: float


class BoundedCache:
    """Strings, at most `max_bytes` of memory; the least recently used go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max, self._size = max_bytes, 0
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable, now: float) -> str | None:
        """The value, unless it is older than it may be at `now` (any monotonic clock, seconds)."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.until:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: Hashable, value: str, until: float = float("inf")) -> None:
        """Keep it, if it fits at all."""
        if key in self._entries:
            self._drop(key)
        if sys.getsizeof(value) > self._max:
            return
        self._entries[key] = _Entry(value, until)
        self._size += sys.getsizeof(value)
        while self._size > self._max:
            self._drop(next(iter(self._entries)))

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    def _drop(self, key: Hashable) -> None:
        self._size -= sys.getsizeof(self._entries.pop(key).value)
