"""Clients that leave or do not read, and what becomes of their runs (SPEC.md H12, H14)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.wire.http.rig import PATIENCE_S, HandTurn, Rig, answer, serving, until
from tests.wire.http.test_framing import events_of, get, post, split

from antiphon.config import HttpSettings, RunSettings
from antiphon.core.events import Event

PLAIN = {"model": "m", "input": "hi"}


async def closed(turn: HandTurn) -> None:
    """Return when the engine's generation was aborted."""
    async with asyncio.timeout(PATIENCE_S):
        await turn.closed.wait()


async def leave(rig: Rig, body: dict[str, Any]) -> HandTurn:
    """Ask, wait until the engine works, and drop the connection."""
    rig.engine.auto = None
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(post(body))
    turn = await rig.engine.turn(len(rig.engine.turns))
    writer.transport.abort()
    return turn


async def newest(rig: Rig) -> str:
    """The id of the one run under way, once it is stored."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await rig.store.unfinished()):
            pass
    return found[0][1]["id"]


def numbers(rig: Rig) -> dict[str, float]:
    page = rig.metrics.page().decode()
    rows = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("store", [True, False])
async def test_leaving_ends_a_foreground_run(rig: Rig, stream: bool, store: bool) -> None:
    await closed(await leave(rig, {**PLAIN, "stream": stream, "store": store}))
    await until(lambda: rig.runs.active == 0)
    label = 'antiphon_requests_total{method="POST",route="/v1/responses",status="499"}'
    await until(lambda: numbers(rig).get(label) == 1.0)


async def test_leaving_before_the_engine_accepts_ends_the_run(rig: Rig) -> None:
    rig.engine.accept = asyncio.Event()
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(post({**PLAIN, "stream": True}))
    await until(lambda: rig.engine.opened == 1)
    writer.transport.abort()
    await until(lambda: rig.runs.active == 0)
    assert rig.engine.turns == []


@pytest.mark.parametrize("stream", [True, False])
async def test_a_background_run_goes_on(rig: Rig, stream: bool) -> None:
    turn = await leave(rig, {**PLAIN, "background": True, "stream": stream})
    response_id = await newest(rig)
    turn.say("alone")
    turn.finish()
    await until(lambda: rig.runs.active == 0)
    found = await rig.store.get("default", response_id)
    assert (found["status"], found["output"][0]["content"][0]["text"]) == ("completed", "alone")


async def test_leaving_a_resumed_stream_stops_only_the_reading(rig: Rig) -> None:
    turn = await leave(rig, {**PLAIN, "background": True, "stream": True})
    response_id = await newest(rig)
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(get(f"/v1/responses/{response_id}?stream=true"))
    await reader.readuntil(b"response.in_progress")
    writer.transport.abort()
    streams = 'antiphon_active_streams{transport="sse"}'
    await until(lambda: numbers(rig)[streams] == 0.0)
    assert not turn.closed.is_set()
    turn.finish()
    await until(lambda: rig.runs.active == 0)
    assert (await rig.store.get("default", response_id))["status"] == "completed"


async def test_a_stream_resumed_anywhere_has_the_same_rest(rig: Rig) -> None:
    whole = events_of(b"".join(split(await rig.raw(post({**PLAIN, "background": True, "stream": True})))[1]))
    response_id = whole[0]["response"]["id"]
    await until(lambda: rig.runs.active == 0)
    for after in (-1, 0, 3, len(whole) - 2, len(whole) - 1, len(whole) + 5):
        path = f"/v1/responses/{response_id}?stream=true&starting_after={after}&include_obfuscation=false"
        rest = events_of(b"".join(split(await rig.raw(get(path)))[1]))
        expected = [e for e in whole if e["sequence_number"] > after]
        assert rest == [{k: v for k, v in e.items() if k != "obfuscation"} for e in expected]


# ---------- readers that do not read


def stiff(port: int, request: bytes) -> socket.socket:
    """A client with hardly any buffer that sends a request and then does nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(request)
    return sock


async def test_a_stalled_reader_is_cut_and_its_run_goes_on(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, stall_timeout_s=0.05)) as rig:
        rig.engine.auto = None
        sock = stiff(rig.port, post({**PLAIN, "stream": True}))
        turn = await rig.engine.turn()
        response_id = await newest(rig)
        cut = 'antiphon_cut_streams_total{why="stalled"}'
        while numbers(rig).get(cut) != 1.0:
            turn.say("x" * 50_000)
            await asyncio.sleep(0.001)
        assert not turn.closed.is_set()
        turn.finish()
        await until(lambda: rig.runs.active == 0)
        assert (await rig.store.get("default", response_id))["status"] == "completed"
        assert not (await drained(sock)).endswith(b"0\r\n\r\n"), "cut off, not ended"


async def drained(sock: socket.socket) -> bytes:
    """All that is left to read, to the end of the connection."""
    sock.setblocking(False)
    data = bytearray()
    async with asyncio.timeout(PATIENCE_S):
        while piece := await asyncio.get_running_loop().sock_recv(sock, 65_536):
            data += piece
    sock.close()
    return bytes(data)


async def test_a_stalled_reader_slows_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, stall_timeout_s=60.0)) as rig:
        rig.engine.auto = ("x" * 50_000,) * 60
        sock = stiff(rig.port, post({**PLAIN, "stream": True}))
        await until(lambda: rig.engine.opened == 1 and rig.runs.active == 0)
        rig.engine.auto = ("quick",)
        other = events_of(b"".join(split(await rig.raw(post({**PLAIN, "stream": True})))[1]))
        assert other[-1]["type"] == "response.completed"
        sock.close()


async def test_a_reader_behind_the_log_is_cut(tmp_path: Path) -> None:
    settings = RunSettings(max_retained_bytes=100_000)
    async with serving(tmp_path, HttpSettings(port=0), run=settings) as rig:
        rig.engine.auto = None
        sock = stiff(rig.port, post({**PLAIN, "stream": True}))
        turn = await rig.engine.turn()
        for _ in range(200):
            turn.say("x" * 50_000)
        turn.finish()
        await until(lambda: rig.runs.active == 0)
        assert not (await drained(sock)).endswith(b"0\r\n\r\n"), "cut off, not ended"
        assert numbers(rig)['antiphon_cut_streams_total{why="slow_reader"}'] == 1.0


async def test_a_bug_in_the_middle_of_a_stream_breaks_it_off(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client must not take half a stream for a whole one."""

    async def resume(*_: Any) -> Any:
        async def batches() -> Any:
            yield [Event(0, "response.created", b'{"type":"response.created","sequence_number":0}')]
            raise ZeroDivisionError

        return batches()

    monkeypatch.setattr(rig.runs, "resume", resume)
    raw = await rig.raw(get("/v1/responses/resp_1?stream=true"), until_closed=True)
    assert b"event: response.created" in raw
    assert not raw.endswith(b"0\r\n\r\n")
    assert numbers(rig)['antiphon_cut_streams_total{why="broken"}'] == 1.0
    assert not [r for r in caplog.records if r.name == "uvicorn.error"], "the server knows that we meant it"
    assert (await rig.raw(get("/health"))).startswith(b"HTTP/1.1 200 ")


async def test_two_answers_on_one_connection_after_a_stream(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    for _ in range(2):
        writer.write(post({**PLAIN, "stream": True}))
        assert b"response.completed" in await answer(reader)
    writer.close()
