"""A request body: read within limits, unpacked, and decoded as the one JSON value that it must be."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from starlette.types import Receive

from antiphon.core.errors import ApiError, Invalid, TooLarge
from antiphon.http.faults import ClientGone, Late, WrongMedia

_DEEPEST = 128
"""Nesting of arrays and objects; deeper values would exhaust the stack of those who walk them."""

_CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""`Content-Encoding` → zlib's window parameter."""

_CONTAINERS = frozenset((dict, list))

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_KEY_BEFORE_SPACE = re.compile(rb'"[ \t\r\n]+:')


def check_head(headers: Mapping[str, str], max_bytes: int) -> None:
    """Refuse by the headers alone. Raises `TooLarge` and `WrongMedia`."""
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > max_bytes:
        raise _too_large(max_bytes)
    media = headers.get("content-type", "").split(";")[0].strip().lower()
    if (
        media
        and media != "application/json"
        and not (media.startswith("application/") and media.endswith("+json"))
    ):
        raise WrongMedia(
            f"Unsupported content type: '{media[:100]}'. This API takes 'application/json'.",
            headers={"accept": "application/json"},
        )
    coding = _coding(headers)
    if coding not in (*_CODINGS, "identity", ""):
        raise WrongMedia(
            f"Unsupported content encoding: '{coding[:100]}'. This API takes gzip and deflate.",
            code="unsupported_content_encoding",
            headers={"accept-encoding": "gzip, deflate"},
        )


def _coding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "").strip().lower()


async def read_body(receive: Receive, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> bytes:
    """The whole unpacked body. Raises `TooLarge`, `WrongMedia`, `Late`, `Invalid`, `ClientGone`."""
    check_head(headers, max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            body = await _read(receive, max_bytes)
    except TimeoutError as error:
        raise Late("The request body did not arrive in time.", headers={"connection": "close"}) from error
    coding = _coding(headers)
    return _unpack(body, coding, max_bytes) if coding in _CODINGS else body


async def _read(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _unpack(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Never makes more than `max_bytes` + 1 bytes, whatever the body claims."""
    stream = zlib.decompressobj(_CODINGS[coding])
    try:
        plain = stream.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise Invalid(f"The request body is not valid {coding}.") from error
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    if not stream.eof or stream.unused_data:
        raise Invalid(f"The request body is not valid {coding}.")
    return plain


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than this server takes ({max_bytes} bytes).")


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises `Invalid` for anything else, ambiguous objects included."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise unreadable("Expected a JSON object.")
    return cast(dict[str, Any], value)


def parse_json(body: bytes) -> Any:
    """The body as a JSON value (RFC 8259): no NaN, no lone surrogates, no repeated keys, bounded depth.

    Raises `Invalid`.
    """
    try:
        value = _decoder.decode(body)
    except UnicodeDecodeError as error:
        raise unreadable("The body is not valid UTF-8.") from error
    except RecursionError as error:
        raise unreadable("The body is nested too deeply.") from error
    except msgspec.DecodeError as error:
        raise unreadable(f"{error}.") from error
    keys, depth = _measure(value)
    if depth > _DEEPEST:
        raise unreadable("The body is nested too deeply.")
    if keys and _count_keys(body, keys) != keys:
        raise unreadable("An object of the body has the same key twice.")
    return value


def unreadable(reason: str) -> ApiError:
    """400 for a body that is not the JSON we need; the first sentence is the real API's."""
    return Invalid(f"We could not parse the JSON body of your request. {reason}")


def _measure(value: Any) -> tuple[int, int]:
    """How many keys the objects of a value have, and how deep it is; level by level, without recursion."""
    keys = depth = 0
    level: list[Any] = [value] if value.__class__ in _CONTAINERS else []
    while level:
        depth += 1
        if depth > _DEEPEST:
            break
        inner: list[Any] = []
        for one in level:
            if one.__class__ is dict:
                keys += len(one)
                one = one.values()
            inner += [v for v in one if v.__class__ in _CONTAINERS]
        level = inner
    return keys, depth


def _count_keys(body: bytes, expected: int) -> int:
    """How many keys stand in valid JSON text, repeated ones counted each time.

    A key is a string with a colon after it. With escapes gone, a quote before a colon either closes a key
    or opens a string that begins with a colon; only when the cheap count differs are strings cut out.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'":') == expected and not _KEY_BEFORE_SPACE.search(body):
        return expected
    return b"".join(body.split(b'"')[::2]).count(b":")
