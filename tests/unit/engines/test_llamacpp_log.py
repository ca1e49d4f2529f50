"""What is kept of the log of the embedded engine's child."""

from __future__ import annotations

import asyncio

import pytest

from antiphon.engines.llamacpp.server import ChildLog


async def log_of(data: bytes, *, serving: bool) -> ChildLog:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    log = ChildLog()
    log.lines.append("from the start")
    if serving:
        log.hide_requests()
    await log.read(stream)
    return log


async def test_lines_while_loading_lose_their_stamp_and_repetitions() -> None:
    log = await log_of(b"0.00.004.839 E llama_model_load: no\n\nllama_model_load: no\nlast", serving=False)
    assert list(log.lines) == ["from the start", "llama_model_load: no", "last"]


async def test_the_last_lines_are_kept_and_long_ones_cut() -> None:
    log = await log_of(b"".join(b"%d %s\n" % (n, b"x" * 9999) for n in range(100)), serving=False)
    assert len(log.lines) == ChildLog.MAX_LINES
    assert [line[:3] for line in log.lines][-1] == "99 "
    assert {len(line) for line in log.lines} == {ChildLog.MAX_LINE_BYTES}


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"0.1 E srv: got exception: the prompt", []),
        (b"server.cpp:12: GGML_ASSERT(the prompt) failed", ["an internal check of llama.cpp failed"]),
        (b"alloc_buffer: failed to allocate buffer of the prompt", ["out of memory"]),
        (b"terminate called after the prompt", ["an exception in llama.cpp was not caught"]),
    ],
)
async def test_while_serving_only_our_own_words_are_kept(line: bytes, kept: list[str]) -> None:
    log = await log_of(line + b"\n" + line, serving=True)
    assert list(log.lines) == kept


async def test_memory_that_ran_out_is_noticed() -> None:
    line = b"ggml_aligned_malloc: insufficient memory (attempted to allocate 1953.25 MB)"
    assert (await log_of(line, serving=False)).out_of_memory
    assert not (await log_of(b"out of luck", serving=False)).out_of_memory
