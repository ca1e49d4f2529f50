"""Events as bytes of a stream: SSE frames and WebSocket texts, padded against reading by size."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from string import ascii_letters, digits

from antiphon.core.events import Event
from antiphon.core.kinds import DELTA_EVENTS, EVENT_PLACES

DONE = b"data: [DONE]\n\n"

HEARTBEAT = b": keep-alive\n"
"""A comment without a blank line of its own: it joins the next frame. A block that is only a comment kills
one official client (CLIENTS.md §3)."""

_BLOCK = 32
"""Padded deltas are a multiple of this many bytes long, so that their size does not tell their text."""

_ALPHABET = (ascii_letters + digits).encode()
_NOISE = bytes(secrets.choice(_ALPHABET) for _ in range(1 << 14))
_KEY = b',"obfuscation":"'
_OVERHEAD = len(_KEY) + 1  # the closing quote

_HEADS = {kind: f"event: {kind}\ndata: ".encode() for kind in EVENT_PLACES}


class Padding:
    """Adds `obfuscation` to delta events (SPEC.md H6): random letters that even out the sizes."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at = secrets.randbelow(len(_NOISE) - _BLOCK)

    def data(self, event: Event) -> bytes:
        """The event's JSON with its padding; events that are no deltas stay as they are."""
        data = event.data
        if event.type not in DELTA_EVENTS:
            return data
        size = -(len(data) + _OVERHEAD) % _BLOCK
        at = self._at
        self._at = at + size if at + size < len(_NOISE) - _BLOCK else at % _BLOCK
        return b'%b%b%b"}' % (data[:-1], _KEY, _NOISE[at : at + size])


def sse(events: Sequence[Event], padding: Padding | None) -> bytes:
    """A batch as one piece of an event stream. The `event:` line repeats the type (SPEC.md H1)."""
    pieces: list[bytes] = []
    for event in events:
        head = _HEADS.get(event.type) or f"event: {event.type}\ndata: ".encode()
        pieces += (head, event.data if padding is None else padding.data(event), b"\n\n")
    return b"".join(pieces)
