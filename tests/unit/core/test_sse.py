"""The SSE reader yields the same events however the bytes are cut, and never holds more than its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.errors import EngineFailure
from antiphon.core.sse import SseFrame, SseReader

LIMIT = 1000


def read(*chunks: bytes, limit: int = LIMIT) -> list[SseFrame]:
    reader = SseReader(limit)
    frames = [frame for chunk in chunks for frame in reader.feed(chunk)]
    return frames + reader.close()


def data(*values: bytes) -> list[SseFrame]:
    return [SseFrame(b"", value) for value in values]


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"data: a\n\ndata: b\n\n", data(b"a", b"b")),
        (b"data: a\r\n\r\ndata:b\r\n\r\n", data(b"a", b"b")),
        (b"data: a\r\rdata: b\r\r", data(b"a", b"b")),
        (b"data: a\ndata:  b\n\n", data(b"a\n b")),
        (b"event: x\ndata: a\n\ndata: b\n\n", [SseFrame(b"x", b"a"), SseFrame(b"", b"b")]),
        (b": comment\n\nretry: 3\n\nid: 1\ndata: a\n\n", data(b"a")),
        (b"\xef\xbb\xbfdata: a\n\n", data(b"a")),
        (b"data\n\n", data(b"")),
        (b"data: a\n\ndata: unended", data(b"a", b"unended")),
        (b"data: a\n\nevent: x\n\n", data(b"a")),
        ("data: schön 😀\n\n".encode(), data("schön 😀".encode())),
        (b"", []),
    ],
)
def test_reads(stream: bytes, frames: list[SseFrame]) -> None:
    assert read(stream) == frames


LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from(
    [b"data: one", b"data:two", b": c", b"event: e", b"", b"", b"data: \xf0\x9f\x98\x80", b"id: 7"]
)


@given(st.lists(st.tuples(LINES, LINE_ENDS), max_size=12), st.lists(st.integers(0, 120), max_size=8))
def test_cuts_change_nothing(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream = b"".join(line + end for line, end in lines)
    at = sorted({min(c, len(stream)) for c in cuts})
    pieces = [stream[a:b] for a, b in zip([0, *at], [*at, len(stream)], strict=True)]
    assert read(*pieces) == read(stream)


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 50, b"data: " + b"x" * 50 + b"\n", b": " + b"x" * 50])
def test_an_endless_event_is_refused(piece: bytes) -> None:
    with pytest.raises(EngineFailure, match=f"larger than {LIMIT} bytes"):
        read(*[piece] * LIMIT)


def test_many_small_events_are_not_an_endless_one() -> None:
    assert len(read(*[b"data: " + b"x" * 50 + b"\n\n"] * LIMIT)) == LIMIT
