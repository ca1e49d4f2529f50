"""Requests with random damage, byte by byte: an official answer or a closed connection, never a 500."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from tests.wire.http.rig import Rig
from tests.wire.http.test_framing import get, post
from tests.wire.http.test_requests import official
from tests.wire.http.test_socket import talking

SEEDS = range(8)
PER_SEED = 60

REQUESTS = (
    post({"model": "m", "input": "hi"}),
    post({"model": "m", "input": [{"role": "user", "content": "hi"}], "stream": True}),
    post({"items": [{"role": "user", "content": "x"}], "metadata": {"a": "b"}}, "/v1/conversations"),
    get("/v1/responses/resp_1/input_items?limit=2&order=asc&include[]=file_search_call.results"),
    get("/v1/models/org/m"),
    b"DELETE /openai/responses/resp_1?api-version=1 HTTP/1.1\r\nhost: localhost\r\napi-key: k\r\n\r\n",
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, cut out, doubled or moved."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted(rng.randrange(len(out) + 1) for _ in range(2))
        match rng.randrange(5):
            case 0:
                out[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 4)))
            case 1:
                del out[at : min(end, at + 20)]
            case 2:
                out[at:at] = out[at : min(end, at + 40)]
            case 3 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case _:
                out[at:at] = rng.choice((b"\r\n", b"{", b'"', b"null", b"%00", b"1e999", b": ", b"\\ud800"))
        if not out:
            return b"\r\n"
    return bytes(out)


async def exchanged(rig: Rig, data: bytes) -> bytes:
    """What the server says until it closes, or until it waits for more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(data)
    try:
        async with asyncio.timeout(0.25):
            return await reader.read()
    except (TimeoutError, ConnectionError):
        return bytes(reader._buffer)  # type: ignore[attr-defined] # of a connection that is kept
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_requests(rig: Rig, seed: int) -> None:
    rng = random.Random(seed)
    sent = [damaged(rng.choice(REQUESTS), rng) for _ in range(PER_SEED)]
    answers = await asyncio.gather(*(exchanged(rig, data) for data in sent))
    for data, raw in zip(sent, answers, strict=True):
        if not raw:
            continue
        head, _, body = raw.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        assert status < 500, (data, raw)
        if status >= 400:
            body = body[: int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])]
            official(json.loads(body))
    assert (await rig.raw(post({"model": "m", "input": "still there?"}))).startswith(b"HTTP/1.1 200 ")


BODIES: tuple[dict[str, Any], ...] = (
    {"type": "response.create", "model": "m", "input": "hi", "store": False},
    {"type": "response.create", "model": "m", "input": [{"role": "user", "content": "x"}], "stream_id": "a"},
    {
        "type": "response.create",
        "model": "m",
        "input": "x",
        "generate": False,
        "previous_response_id": "resp_1",
    },
    {"type": "response.steer", "previous_response_id": "resp_1", "input": "x"},
)


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_frames(rig: Rig, seed: int) -> None:
    rng = random.Random(seed)
    async with talking(rig) as talk:
        for _ in range(PER_SEED):
            data = damaged(json.dumps(rng.choice(BODIES)).encode(), rng)
            await talk.ws.send_str(data.decode("utf-8", "replace"))
            frame = (await talk.whole())[-1]
            assert frame["type"] != "error" or frame["status"] < 500, (data, frame)
        assert (await talk.answer(input="still there?"))["status"] == "completed"
