"""Clients of the whole server that leave, or do not read: the engine stops, nothing leaks, nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import sqlite3
import struct
import sys
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
import pytest_asyncio
from tests.support import judge
from tests.support.faults import PATIENCE_S, Front, Wild, front_of, held, lawful, until
from tests.support.upstream import Reply, chunk, event, say

JSON = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = event(chunk({"role": "assistant", "content": "Hello "}))
STALL_S = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wild() -> AsyncIterator[Wild]:
    async with Wild() as upstream:
        yield upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(wild: Wild, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    engine = f'[[engines]]\nurl = "{wild.url}"\nmodels = ["m"]\ndialect = "generic"\nretries = 0\n'
    config = f"{engine}[http]\nstall_timeout_s = {STALL_S}\n[run]\naccept_wait_s = 0.1\n"
    async with front_of(tmp_path_factory.mktemp("leaving"), config=config) as one:
        yield one
        assert await one.incidents() == {}
    assert [line for line in one.server.lines() if line["level"] in ("error", "critical")] == []


class Client:
    """A connection of its own, so that it can be broken."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @staticmethod
    async def ask(front: Front, body: JSON) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", front.port))
        client.writer.write(post(body))
        return client

    async def until(self, text: bytes) -> bytes:
        """All that came up to this text."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readuntil(text)

    async def leave(self, how: Literal["close", "reset"] = "close") -> None:
        if how == "reset":
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def post(body: JSON) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


def stored(front: Front) -> dict[str, str]:
    """Id and status of all that is in the database, also what no client was told of."""
    with sqlite3.connect(f"file:{front.server.log.parent}/antiphon.db?mode=ro", uri=True) as database:
        bodies = database.execute("SELECT body FROM responses").fetchall()
    found = [json.loads(body) for (body,) in bodies]
    return {one["id"]: one["status"] for one in found}


async def quiet(front: Front, wild: Wild) -> None:
    """Wait until the engine has no work and no stream is open."""
    await until(lambda: wild.under_way == 0, "the engine's generation is aborted")

    async def no_stream() -> bool:
        numbers = await front.numbers()
        return not any(n for name, n in numbers.items() if "antiphon_active_" in name)

    await until(no_stream, "no stream is open")


MOMENTS = {
    "before the engine accepts": Reply(silent=True, end="hang"),
    "before the first token": Reply(end="hang"),
    "in the middle": Reply([HELLO], end="hang"),
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("moment", list(MOMENTS))
async def test_leaving_aborts_the_generation(
    front: Front, wild: Wild, moment: str, streamed: bool, how: Literal["close", "reset"]
) -> None:
    before, left = stored(front), wild.abandoned
    wild.play(MOMENTS[moment])
    client = await Client.ask(front, {"model": "m", "input": "hi", "stream": streamed})
    await until(lambda: wild.under_way == 1, "the engine works")
    if streamed:  # `created` is told after accept_wait_s also where the engine has not accepted
        await client.until(b"response.output_text.delta" if moment == "in the middle" else b"in_progress\n")
    await client.leave(how)
    await quiet(front, wild)
    assert wild.abandoned == left + 1
    new = {one: status for one, status in stored(front).items() if one not in before}
    if moment == "before the engine accepts" and not streamed:
        assert set(new.values()) <= {"cancelled"}
    else:
        assert list(new.values()) == ["cancelled"]
    for response_id in new:
        found = await front.get(response_id)
        assert found["error"] is None
        assert {item["status"] for item in found["output"]} <= {"incomplete"}
        assert (found["output"] != []) <= (moment == "in the middle")


async def test_leaving_is_counted_and_is_no_error(front: Front, wild: Wild) -> None:
    name = 'antiphon_requests_total{method="POST",route="/v1/responses",status="499"}'
    before = (await front.numbers()).get(name, 0.0)
    wild.play(Reply([HELLO], end="hang"))
    client = await Client.ask(front, {"model": "m", "input": "hi", "stream": True, "store": False})
    await client.until(b"output_text.delta")
    await client.leave()
    await quiet(front, wild)
    assert (await front.numbers())[name] == before + 1


@pytest.mark.parametrize("streamed", [False, True], ids=["polled", "streamed"])
async def test_a_background_run_goes_on(front: Front, wild: Wild, streamed: bool) -> None:
    gate, left = asyncio.Event(), wild.abandoned
    known = set(stored(front))
    words = say("Hello ", "world")
    wild.play(Reply(words.chunks, gate=gate, free=2))
    client = await Client.ask(front, {"model": "m", "input": "hi", "background": True, "stream": streamed})
    await until(lambda: wild.under_way == 1, "the engine works")
    await client.leave("reset")
    [response_id] = set(stored(front)) - known
    gate.set()
    await quiet(front, wild)

    async def over() -> bool:
        return (await front.get(response_id))["status"] not in ("queued", "in_progress")

    await until(over, "the background run ends")
    path = f"/responses/{response_id}?stream=true&include_obfuscation=false"
    final = await lawful(front, (await front.ask("GET", path)).events)
    assert (final["status"], final["output"][0]["content"][0]["text"]) == ("completed", "Hello world")
    assert wild.abandoned == left


async def test_leaving_a_resumed_stream_leaves_the_run_alone(front: Front, wild: Wild) -> None:
    gate, left = asyncio.Event(), wild.abandoned
    wild.play(Reply(say("Hello ", "world").chunks, gate=gate, free=2))
    queued = (await front.create(model="m", input="hi", background=True)).json
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(f"GET /v1/responses/{queued['id']}?stream=true HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    await Client(reader, writer).until(b"output_text.delta")
    writer.transport.abort()
    gate.set()
    await quiet(front, wild)
    assert wild.abandoned == left
    path = f"/responses/{queued['id']}?stream=true&include_obfuscation=false"
    assert (await lawful(front, (await front.ask("GET", path)).events))["status"] == "completed"


async def test_cancelling_aborts_the_generation(front: Front, wild: Wild) -> None:
    left = wild.abandoned
    wild.play(Reply([HELLO], end="hang"))
    queued = (await front.create(model="m", input="hi", background=True)).json
    path = f"/responses/{queued['id']}"
    reading = asyncio.create_task(front.ask("GET", f"{path}?stream=true&include_obfuscation=false"))
    await until(lambda: wild.under_way == 1, "the engine works")
    cancelled = (await front.ask("POST", f"{path}/cancel")).json
    assert cancelled["status"] == "cancelled"
    await quiet(front, wild)
    assert wild.abandoned == left + 1
    assert await lawful(front, (await reading).events) == cancelled


@pytest.mark.parametrize("how", ["close", "drop"])
async def test_leaving_a_socket_aborts_all_its_lanes(front: Front, wild: Wild, how: str) -> None:
    left = wild.abandoned
    wild.play(*[Reply([HELLO], end="hang")] * 3)
    socket_ = await front.session.ws_connect(f"{front.server.base_url}/responses")
    for lane in ("a", "b", "c"):
        await socket_.send_json({"type": "response.create", "model": "m", "input": "hi", "stream_id": lane})
    begun: list[JSON] = []
    while sum(frame["type"] == "response.output_text.delta" for frame in begun) < 3:
        begun.append(json.loads((await socket_.receive(PATIENCE_S)).data))
    if how == "close":
        await socket_.close()
    else:
        socket_._response.close()  # without a word
    await quiet(front, wild)
    assert wild.abandoned == left + 3
    ids = {frame["response"]["id"] for frame in begun if frame["type"] == "response.created"}
    assert {stored(front)[one] for one in ids} == {"cancelled"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_nothing_leaks_from_clients_that_leave_at_any_moment(front: Front, wild: Wild) -> None:
    chance = random.Random(7)
    await front.create(model="m", input="hi")
    await quiet(front, wild)
    idle = held(front.server.process.pid)
    replies = (*MOMENTS.values(), say("one ", "two"), Reply([HELLO], end="drop"))

    async def come_and_go() -> None:
        ways = {"stream": 0.7, "background": 0.2, "store": 0.5}
        given = {name: chance.random() < share for name, share in ways.items()}
        client = await Client.ask(front, {"model": "m", "input": "hi", **given})
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(chance.random() / 10):
                await client.reader.read()
        await client.leave("reset" if chance.random() < 0.5 else "close")

    for _ in range(4):
        wild.play(*(chance.choice(replies) for _ in range(25)))
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for _ in range(25):
                group.create_task(come_and_go())
        wild.forget()
    for response_id, status in stored(front).items():
        if status in ("queued", "in_progress"):  # hung in the background
            await front.ask("POST", f"/responses/{response_id}/cancel")
    await quiet(front, wild)

    def as_before() -> bool:
        now = held(front.server.process.pid)
        # One connection to the engine and one of ours may be kept for the next request; threads of the loop's
        # pool (name look-ups) stay for good, and are at most this many.
        pool = min(32, (os.cpu_count() or 1) + 4)
        return now.sockets <= idle.sockets + 2 and now.threads <= idle.threads + pool

    await until(as_before, "sockets and threads are let go")
    assert set(stored(front).values()) <= {"completed", "failed", "incomplete", "cancelled"}
    assert (await front.create(model="m", input="hi")).status == 200


# ---------- readers that do not read


def stiff(front: Front, body: JSON) -> socket.socket:
    """A client with hardly any buffer that sends a request and then does nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", front.port))
    sock.sendall(post(body))
    return sock


async def drained(sock: socket.socket, until: bytes | None = None) -> bytes:
    """All that is left to read, to the end of the connection or of the answer."""
    sock.setblocking(False)
    data = bytearray()
    async with asyncio.timeout(PATIENCE_S):
        try:
            while piece := await asyncio.get_running_loop().sock_recv(sock, 1 << 20):
                data += piece
                if until is not None and data.endswith(until):
                    break
        except ConnectionResetError:
            pass
    sock.close()
    return bytes(data)


LONG = ["x" * 10_000] * 600
"""More than the buffers of both sides hold."""


async def test_a_stalled_reader_is_cut_and_slows_nobody(front: Front, wild: Wild) -> None:
    name = 'antiphon_cut_streams_total{why="stalled"}'
    before, left = (await front.numbers()).get(name, 0.0), wild.abandoned
    known = set(stored(front))
    wild.play(say(*LONG))
    sock = stiff(front, {"model": "m", "input": "hi", "stream": True})
    await until(lambda: len(set(stored(front)) - known) == 1, "the long answer begins")
    [response_id] = set(stored(front)) - known
    others = [await front.create(model="m", input="hi", stream=True) for _ in range(10)]
    assert [one.events[-1]["type"] for one in others] == ["response.completed"] * 10
    assert (await front.numbers()).get(name, 0.0) == before, "the others were done while it stalled"

    async def cut() -> bool:
        return (await front.numbers()).get(name, 0.0) == before + 1

    await until(cut, "the stalled reader is cut")
    raw = await drained(sock)
    assert not raw.endswith(b"0\r\n\r\n"), "cut off, not ended"
    await quiet(front, wild)
    # Only the reading was cut: the run went on to its end, at the engine's pace.
    assert wild.abandoned == left
    final = await front.get(response_id)
    assert (final["status"], len(final["output"][0]["content"][0]["text"])) == ("completed", 6_000_000)


async def test_a_reader_of_a_plain_answer_that_stalls_is_cut(front: Front, wild: Wild) -> None:
    pid = front.server.process.pid
    wild.play(say(*LONG))
    whole = (await front.create(model="m", input="hi")).json
    await quiet(front, wild)
    idle = held(pid).sockets
    wild.play(say(*LONG))
    sock = stiff(front, {"model": "m", "input": "hi"})
    await until(lambda: held(pid).sockets > idle, "it is connected")
    await until(lambda: held(pid).sockets <= idle, "the stalled reader is cut")
    assert len(await drained(sock)) < len(json.dumps(whole))


async def test_a_slow_reader_that_reads_gets_everything(front: Front, wild: Wild) -> None:
    """Slower than the engine, but never silent for as long as the limit."""
    wild.play(say(*LONG))
    sock = stiff(front, {"model": "m", "input": "hi", "stream": True})
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    sock.setblocking(False)
    loop, data = asyncio.get_running_loop(), bytearray()
    started = loop.time()
    async with asyncio.timeout(PATIENCE_S):
        while not data.endswith(b"0\r\n\r\n"):
            data += await loop.sock_recv(sock, 256 * 1024)
            await asyncio.sleep(0.01)
    sock.close()
    assert loop.time() - started > STALL_S
    body = bytes(data).partition(b"\r\n\r\n")[2]
    events = [json.loads(line[6:]) for line in dechunked(body).splitlines() if line.startswith(b"data: {")]
    assert judge.faults(events) == []
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "x" * 6_000_000


def dechunked(body: bytes) -> bytes:
    out = bytearray()
    while body:
        size, _, body = body.partition(b"\r\n")
        out += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return bytes(out)
