"""Request bodies: the one JSON object that they must be, within limits."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.errors import ApiError, Invalid, TooLarge
from antiphon.http.body import check_head, parse_json, parse_object, read_body
from antiphon.http.faults import ClientGone, Late, WrongMedia


class _Repeated(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise _Repeated
    return dict(pairs)


_KEYS = st.sampled_from(["a", "b", '"', ":", '":', "\\", '\\":', "", " ", "é"])
_SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | _KEYS


def _text(draw: Any, value: Any) -> str:
    """JSON text with random whitespace and escapes; objects are lists of pairs, so keys may repeat."""
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, list):
        return f"[{space}" + f"{space},".join(_text(draw, v) for v in value) + "]"
    if isinstance(value, tuple):
        pairs = (f"{_text(draw, k)}{space}:{space}{_text(draw, v)}" for k, v in value)
        return "{" + f",{space}".join(pairs) + f"{space}}}"
    return json.dumps(value)


_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_KEYS, inner), max_size=3).map(tuple),
    max_leaves=12,
)


@given(data=st.data(), value=_VALUES)
def test_json_is_read_as_the_standard_library_reads_it_but_for_repeated_keys(data: Any, value: Any) -> None:
    text = _text(data.draw, value)
    try:
        expected = json.loads(text, object_pairs_hook=_once)
    except _Repeated:
        with pytest.raises(Invalid, match="same key twice"):
            parse_json(text.encode())
    else:
        assert parse_json(text.encode()) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":1' + b"0" * 5_000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\\ud800 tail"}',
        b'{"a":"\\udc00"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\x01"}',
        b"{'a':1}",
        b'{"a":1,}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' + b"[" * 128 + b"]" * 128 + b"}",
        b"[1]",
        b'"text"',
        b"null",
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_what_is_not_one_plain_json_object_is_a_400(body: bytes) -> None:
    with pytest.raises(Invalid, match=r"^We could not parse the JSON body of your request\. ") as caught:
        parse_object(body)
    assert caught.value.status == 400


def test_depth_up_to_the_limit_is_read() -> None:
    assert parse_object(b'{"a":' + b"[" * 127 + b"]" * 127 + b"}")


# ---------- heads


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"content-type": "Application/JSON; charset=utf-8"},
        {"content-type": "application/vnd.api+json", "content-length": "10"},
        {"content-encoding": "identity"},
        {"content-encoding": "gzip"},
    ],
)
def test_json_in_its_usual_dress_is_taken(headers: dict[str, str]) -> None:
    check_head(headers, 10)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-length": "11"}, 413, "request_too_large"),
        ({"content-length": "9" * 400}, 413, "request_too_large"),
        ({"content-type": "text/plain"}, 415, "unsupported_content_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_content_type"),
        ({"content-type": "multipart/form-data; boundary=x"}, 415, "unsupported_content_type"),
        ({"content-encoding": "br"}, 415, "unsupported_content_encoding"),
        ({"content-encoding": "zstd"}, 415, "unsupported_content_encoding"),
        ({"content-encoding": "gzip, gzip"}, 415, "unsupported_content_encoding"),
    ],
)
def test_a_head_can_be_enough_to_refuse(headers: dict[str, str], status: int, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_head(headers, 10)
    assert (caught.value.status, caught.value.code) == (status, code)


# ---------- reading


def _receive(*chunks: bytes, gone: bool = False) -> Any:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": c, "more_body": True} for c in chunks]
    if gone:
        messages.append({"type": "http.disconnect"})
    elif messages:
        messages[-1]["more_body"] = False

    async def receive() -> dict[str, Any]:
        if not messages:
            import asyncio

            await asyncio.Event().wait()
        return messages.pop(0)

    return receive


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


async def test_chunks_are_joined() -> None:
    assert await read_body(_receive(b"ab", b"", b"c"), {}, 3, 1.0) == b"abc"


@pytest.mark.parametrize(("coding", "pack"), [("gzip", _gzip), ("deflate", zlib.compress), ("x-gzip", _gzip)])
async def test_compressed_bodies_are_unpacked(coding: str, pack: Any) -> None:
    packed = pack(b"x" * 5_000)
    assert await read_body(_receive(packed), {"content-encoding": coding}, 5_000, 1.0) == b"x" * 5_000


async def test_the_limit_counts_while_reading_and_while_unpacking() -> None:
    with pytest.raises(TooLarge):
        await read_body(_receive(b"ab", b"cd"), {}, 3, 1.0)
    bomb = _gzip(b"\0" * 10_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(TooLarge):
        await read_body(_receive(bomb), {"content-encoding": "gzip"}, 20_000, 1.0)


@pytest.mark.parametrize("packed", [b"", b"junk", _gzip(b"{}")[:-3], _gzip(b"{}") + b"tail"])
async def test_broken_compression_is_a_400(packed: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        await read_body(_receive(packed), {"content-encoding": "gzip"}, 100, 1.0)
    assert caught.value.status == 400


async def test_a_body_that_stays_away_is_a_408() -> None:
    with pytest.raises(Late):
        await read_body(_receive(), {}, 10, 0.01)


async def test_a_client_that_leaves_while_sending_is_gone() -> None:
    with pytest.raises(ClientGone):
        await read_body(_receive(b"{", gone=True), {}, 10, 1.0)


def test_the_errors_have_the_statuses_of_their_names() -> None:
    assert (Late.status, WrongMedia.status, TooLarge.status) == (408, 415, 413)
