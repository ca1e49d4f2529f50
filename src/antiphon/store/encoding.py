"""How items, responses and events lie in a row, in any database.

Items and responses are JSON text. A string of an item that is longer than the threshold is taken out
("spilled") and put back on reading; its place is a JSON array of keys and indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from antiphon.core.deltas import JSON
from antiphon.core.events import Event

_encode = msgspec.json.encode
_decode = msgspec.json.decode
_log_encoder = msgspec.msgpack.Encoder()
_log_decoder = msgspec.msgpack.Decoder(list[tuple[str, bytes]])


class Spill(NamedTuple):
    """A string that does not live in its item's row."""

    path: str
    text: str


class StoredItem(NamedTuple):
    """An item as it is written: `body` holds "" where a string was spilled."""

    id: str
    body: bytes
    spills: Sequence[Spill] = ()


def encode_items(items: Sequence[JSON], threshold: int) -> list[StoredItem]:
    """`threshold` in UTF-8 bytes. Raises KeyError for an item without an id."""
    return [_encode_item(item, threshold) for item in items]


def _encode_item(item: JSON, threshold: int) -> StoredItem:
    body = _encode(item)
    if len(body) <= threshold:  # JSON text is never shorter than its strings
        return StoredItem(item["id"], body)
    spills: list[Spill] = []
    rest = _without_long_strings(item, threshold, (), spills)
    return StoredItem(item["id"], _encode(rest) if spills else body, spills)


def _without_long_strings(value: Any, threshold: int, path: tuple[Any, ...], spills: list[Spill]) -> Any:
    if isinstance(value, str):
        if not _is_longer(value, threshold):
            return value
        spills.append(Spill(_encode(path).decode(), value))
        return ""
    if isinstance(value, dict):
        members = cast(JSON, value).items()
        return {k: _without_long_strings(v, threshold, (*path, k), spills) for k, v in members}
    if isinstance(value, list | tuple):
        parts = cast(Sequence[Any], value)
        return [_without_long_strings(v, threshold, (*path, n), spills) for n, v in enumerate(parts)]
    return value


def _is_longer(text: str, threshold: int) -> bool:
    if len(text) * 4 <= threshold:  # a character is at most 4 bytes
        return False
    return len(text) > threshold or len(text.encode()) > threshold


def decode_items(bodies: Iterable[bytes]) -> list[JSON]:
    """The items of `bodies`, parsed in one go."""
    return _decode(b"[" + b",".join(bodies) + b"]")


def put_back(item: JSON, spill: Spill) -> None:
    """Restore one spilled string in place."""
    *way, last = _decode(spill.path)
    place: Any = item
    for step in way:
        place = place[step]
    place[last] = spill.text


def encode_response(response: JSON) -> bytes:
    """The response without its output, which lies in items."""
    return _encode({**response, "output": []})


def decode_object(body: bytes) -> JSON:
    return _decode(body)


def encode_object(value: JSON) -> bytes:
    return _encode(value)


def encode_value(value: Any) -> str:
    """JSON text for a parameter of a query."""
    return _encode(value).decode()


def encode_events(events: Sequence[Event]) -> bytes:
    """A batch of consecutive events; the first number is kept beside it."""
    return _log_encoder.encode([(event.type, event.data) for event in events])


def decode_events(first: int, body: bytes) -> list[Event]:
    return [Event(first + n, kind, data) for n, (kind, data) in enumerate(_log_decoder.decode(body))]
