"""A stream event as it travels: numbered once, encoded once."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One stream event. `data` is its complete JSON object, encoded; `type` repeats its `type`."""

    sequence_number: int
    type: str
    data: bytes
