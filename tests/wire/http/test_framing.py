"""A stream byte for byte: frames, batches, padding, the end marker, heartbeats."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.laws import broken
from tests.wire.http.rig import Rig, answer, serving

from antiphon.config import HttpSettings
from antiphon.core.kinds import DELTA_EVENTS
from antiphon.spec.validate import check_event

BODY = {"model": "m", "input": "hi", "stream": True}


def post(body: dict[str, Any], path: str = "/v1/responses", **headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\n{lines}\r\n"
    ).encode() + data


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


def split(raw: bytes) -> tuple[bytes, list[bytes]]:
    """Head, and the chunks of a chunked body."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    chunks: list[bytes] = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return head, chunks[:-1]


def events_of(body: bytes) -> list[dict[str, Any]]:
    """The events of an SSE body, strictly read: two lines per frame, and the name repeats the type."""
    frames = body.split(b"\n\n")
    assert frames.pop() == b""
    found: list[dict[str, Any]] = []
    for frame in frames:
        if frame == b"data: [DONE]":
            assert frame is frames[-1]
            continue
        lines = [line for line in frame.split(b"\n") if not line.startswith(b":")]
        kind, data = re.fullmatch(rb"event: ([a-z_.]+)\ndata: (\{.*\})", b"\n".join(lines)).groups()  # type: ignore[union-attr]
        found.append(json.loads(data))
        assert found[-1]["type"] == kind.decode()
    return found


def bare(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in event.items() if k != "obfuscation"} for event in events]


async def test_a_stream_byte_for_byte(rig: Rig) -> None:
    head, chunks = split(await rig.raw(post(BODY)))
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 200 OK"
    del headers["date"]
    assert headers.pop("openai-processing-ms").isdigit()
    assert headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "x-request-id": "req_00000001",
        "openai-version": "2020-10-01",
        "transfer-encoding": "chunked",
    }
    body = b"".join(chunks)
    assert body.endswith(b"\n\ndata: [DONE]\n\n")
    events = events_of(body)
    assert broken(events) == []
    assert [check_event(event) for event in bare(events)] == [[]] * len(events)
    # The log holds the same events, without the padding.
    final = events[-1]["response"]
    assert final == json.loads((await rig.raw(get(f"/v1/responses/{final['id']}"))).partition(b"\r\n\r\n")[2])
    assert final["output"][0]["content"][0]["text"] == "Hello world"


async def test_deltas_are_padded_unless_told_otherwise(rig: Rig) -> None:
    padded = events_of(b"".join(split(await rig.raw(post(BODY)))[1]))
    plain_body = {**BODY, "stream_options": {"include_obfuscation": False}}
    plain = events_of(b"".join(split(await rig.raw(post(plain_body)))[1]))
    assert [e["type"] for e in padded if "obfuscation" in e] == [
        e["type"] for e in padded if e["type"] in DELTA_EVENTS
    ]
    assert [e for e in plain if "obfuscation" in e] == []
    assert len([e for e in plain if e["type"] in DELTA_EVENTS]) == 2


async def test_deltas_of_one_read_leave_in_one_write(rig: Rig) -> None:
    rig.engine.auto = None
    asking = asyncio.create_task(rig.raw(post(BODY)))
    turn = await rig.engine.turn()
    turn.say("a", "b", "c", "d")
    turn.finish()
    _, chunks = split(await asking)
    holding = [chunk for chunk in chunks if b"output_text.delta" in chunk]
    assert len(holding) == 1
    assert holding[0].count(b"event: response.output_text.delta\n") == 4


async def test_the_end_leaves_with_the_terminal_event(rig: Rig) -> None:
    _, chunks = split(await rig.raw(post(BODY)))
    assert b"event: response.completed\n" in chunks[-1]
    assert chunks[-1].endswith(b"data: [DONE]\n\n")


async def test_the_done_marker_is_a_setting(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, done_marker=False)) as rig:
        body = b"".join(split(await rig.raw(post(BODY)))[1])
        assert b"[DONE]" not in body
        assert events_of(body)[-1]["type"] == "response.completed"


async def test_heartbeats_come_in_silence(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, heartbeat_s=0.02)) as rig:
        rig.engine.auto = None
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(post(BODY))
        async with asyncio.timeout(20):
            assert b"event: response.created" in await reader.readuntil(b": keep-alive\n")
            assert await reader.readuntil(b": keep-alive\n") == b"\r\nd\r\n: keep-alive\n"
        writer.close()


async def test_no_comment_stands_alone(tmp_path: Path) -> None:
    """One official client dies on a block that is only a comment (CLIENTS.md §3)."""
    async with serving(tmp_path, HttpSettings(port=0, heartbeat_s=0.01)) as rig:
        rig.engine.auto = None
        asking = asyncio.create_task(rig.raw(post(BODY)))
        turn = await rig.engine.turn()
        for word in ("a", "b", "c"):
            await asyncio.sleep(0.05)  # silence is what is tested
            turn.say(word)
        turn.finish()
        body = b"".join(split(await asking)[1])
        assert b": keep-alive\n" in body
        for block in body.split(b"\n\n"):
            lines = block.split(b"\n")
            assert not block or any(line.startswith(b"data: ") for line in lines), block
        assert broken(events_of(body)) == []


async def test_a_failure_after_the_start_is_told_in_the_stream(rig: Rig) -> None:
    from antiphon.core.errors import EngineFailure

    rig.engine.auto = None
    asking = asyncio.create_task(rig.raw(post(BODY)))
    turn = await rig.engine.turn()
    turn.say("so far")
    turn.fail(EngineFailure("dropped", "The engine went away."))
    events = events_of(b"".join(split(await asking)[1]))
    assert [e["type"] for e in events][-2:] == ["error", "response.failed"]
    assert events[-2]["error"].keys() == {"message", "type", "param", "code"}
    assert broken(events) == []


async def test_a_failure_before_the_start_is_a_status(rig: Rig) -> None:
    from antiphon.core.errors import EngineFailure

    rig.engine.refuse = EngineFailure("rate_limited", "Too many.", retry_after=3.2)
    for body in (BODY, {**BODY, "stream": False}):
        raw = await rig.raw(post(body))
        assert raw.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nretry-after: 3\r\n" in raw
        assert json.loads(raw.partition(b"\r\n\r\n")[2])["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("cuts", [1, 2, 7, 50])
async def test_a_request_may_come_in_any_pieces(rig: Rig, cuts: int) -> None:
    request = post({**BODY, "input": "ü" * 30})
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    size = -(-len(request) // cuts)
    for at in range(0, len(request), size):
        writer.write(request[at : at + size])
        await writer.drain()
        await asyncio.sleep(0)
    events = events_of(b"".join(split(await answer(reader))[1]))
    writer.close()
    assert events[-1]["response"]["status"] == "completed"
