"""Limits of the whole server at their edges: the last that is taken, the first that is not."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.fault.test_leaving import drained, stiff, stored
from tests.support.faults import PATIENCE_S, Answer, Front, front_of, lawful, told_failure, until
from tests.support.scenarios import script

JSON = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY, HEAD, ITEMS, OUTPUT, TURNS, RUN_S = 5_000, 2_000, 5, 100_000, 3, 1.0
CONFIG = f"""
[http]
max_body_bytes = {BODY}
max_header_bytes = {HEAD}
ws_max_frame_bytes = {BODY}
ws_max_lanes = 2
[run]
max_concurrent = 2
max_background_queue = 2
max_items_per_context = {ITEMS}
max_output_bytes = {OUTPUT}
max_turns = {TURNS}
invalid_call_retries = 50
run_timeout_s = {RUN_S}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with front_of(tmp_path_factory.mktemp("limits"), config=CONFIG) as one:
        yield one
        assert await one.incidents() == {}
    assert [line for line in one.server.lines() if line["level"] in ("error", "critical")] == []


def sized(size: int, **more: Any) -> bytes:
    """A request body of exactly this many bytes."""
    bare = json.dumps({"model": "scripted", "input": "", **more})
    return bare.replace('"input": ""', f'"input": "{"x" * (size - len(bare))}"').encode()


async def plain(front: Front, *lines: str, **more: Any) -> Answer:
    return await front.create(model="scripted", input=script(*lines), **more)


# ---------- sizes


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    """Sent in chunks, so that no header tells the size."""
    for at in range(0, len(data), 777):
        yield data[at : at + 777]


@pytest.mark.parametrize("how", ["whole", "chunked", "gzip", "chunked gzip"])
async def test_body(front: Front, how: str) -> None:
    for size, status in ((BODY, 200), (BODY + 1, 413), (2 * BODY - 10, 413)):
        data = sized(size)
        assert len(data) == size
        headers = {"content-type": "application/json"}
        headers |= {"content-encoding": "gzip"} if "gzip" in how else {}
        packed = gzip.compress(data) if "gzip" in how else data
        body = pieces(packed) if "chunked" in how else packed
        answer = await front.ask("POST", "/responses", data=body, headers=headers)
        assert answer.status == status, answer.raw
        if status == 413:
            assert answer.error["code"] == "request_too_large"
            assert str(BODY) in answer.error["message"]


def head(size: int, lines: int = 0) -> bytes:
    """A request whose headers and path count this many bytes: name, value and four for each line."""
    fields = {"host": "localhost", **{f"x-{n:03d}": "1" for n in range(lines)}}
    counted = len("/v1/models") + sum(len(name) + len(value) + 4 for name, value in fields.items())
    fields["x-pad"] = "p" * (size - counted - len("x-pad") - 4)
    return (
        b"GET /v1/models HTTP/1.1\r\n"
        + "".join(f"{n}: {v}\r\n" for n, v in fields.items()).encode()
        + b"\r\n"
    )


async def raw(front: Front, request: bytes) -> tuple[int, JSON]:
    """Status and JSON of the answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(request)
            top = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(top.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return int(top.split()[1]), json.loads(await reader.readexactly(length))
    finally:
        writer.close()


async def test_headers(front: Front) -> None:
    assert (await raw(front, head(HEAD)))[0] == 200
    for request in (head(HEAD + 1), head(HEAD * 50)):
        status, body = await raw(front, request)
        assert (status, body["error"]["code"]) == (431, "request_header_fields_too_large")


async def test_number_of_headers(front: Front) -> None:
    few = b"GET /v1/models HTTP/1.1\r\n" + b"a:\r\n" * 256 + b"\r\n"
    assert (await raw(front, few))[0] == 200
    assert (await raw(front, few.replace(b"a:", b"b:\r\na:", 1)))[0] == 431


async def test_items_of_a_context(front: Front) -> None:
    def items(count: int) -> list[JSON]:
        return [{"role": "user", "content": str(n)} for n in range(count)]

    first = await front.create(model="scripted", input=items(ITEMS - 2))
    assert (await front.create(model="scripted", input=items(ITEMS))).status == 200
    chain = first.json["id"]  # its context has one item more, the answer
    assert (await front.create(model="scripted", input=items(1), previous_response_id=chain)).status == 200
    for more in ({"input": items(ITEMS + 1)}, {"input": items(2), "previous_response_id": chain}):
        answer = await front.create(model="scripted", **more)
        assert (answer.status, answer.error["code"]) == (400, "array_above_max_length")


async def test_items_of_a_conversation(front: Front) -> None:
    def items(count: int) -> JSON:
        return {"items": [{"role": "user", "content": str(n)} for n in range(count)]}

    created = await front.ask("POST", "/conversations", json=items(20))
    assert created.status == 200
    path = f"/conversations/{created.json['id']}/items"
    assert (await front.ask("POST", path, json=items(20))).status == 200
    for place in ("/conversations", path):
        answer = await front.ask("POST", place, json=items(21))
        assert (answer.status, answer.error["code"], answer.error["param"]) == (
            400,
            "array_above_max_length",
            "items",
        )
    assert len((await front.ask("GET", f"{path}?limit=100")).json["data"]) == 40


# ---------- output


async def test_output(front: Front) -> None:
    word = "w" * 1_000
    small = await plain(front, "split 1000", f"repeat 60 say {word}", stream=True)
    assert (await lawful(front, small.events))["status"] == "completed"
    large = await plain(front, "split 1000", f"repeat 2000 say {word}", stream=True)
    assert "larger" in told_failure(large.events)["message"]
    await lawful(front, large.events)
    deltas = [one for one in large.events if one["type"] == "response.output_text.delta"]
    assert OUTPUT * 0.5 < sum(len(json.dumps(one)) for one in deltas) < OUTPUT * 1.2


async def test_events_kept_for_readers(tmp_path: Path) -> None:
    """A reader behind what is kept is cut off; its run is not, and a log in the store has it all."""
    lines = ("split 10000", f"repeat 600 say {'w' * 10_000}")
    async with front_of(tmp_path, "--set", "run.max_retained_bytes=300000") as front:
        queued = (await plain(front, *lines, background=True)).json
        sock = stiff(front, {"model": "scripted", "input": script(*lines), "stream": True})

        await until(lambda: len(stored(front)) == 2, "both have begun")
        ids = stored(front)

        async def ended() -> bool:
            return {(await front.get(one))["status"] for one in ids} == {"completed"}

        await until(ended, "both responses end")
        data = await drained(sock)
        assert not data.endswith(b"0\r\n\r\n"), "cut off, not ended"
        assert (await front.numbers())['antiphon_cut_streams_total{why="slow_reader"}'] == 1.0
        path = f"/responses/{queued['id']}?stream=true&include_obfuscation=false"
        await lawful(front, (await front.ask("GET", path)).events)


# ---------- time and number


async def test_turns(front: Front) -> None:
    """The calls are of a tool that nobody offered: the model is told, and asked again."""
    wrong = ("call nobody {}", "---")
    good = await plain(front, *wrong * (TURNS - 1), "say done")
    assert (good.json["status"], good.json["output"][0]["content"][0]["text"]) == ("completed", "done")
    bad = await plain(front, *wrong * TURNS, "say done")
    assert (bad.json["status"], bad.json["output"]) == ("failed", [])
    assert f"limit of {TURNS} turns" in bad.json["error"]["message"]


async def test_time(front: Front) -> None:
    assert (await plain(front, "say a", f"wait {RUN_S / 5}", "say b")).json["status"] == "completed"
    late = await plain(front, "say a", "wait 30", "say b", stream=True)
    assert "longer" in told_failure(late.events)["message"]
    final = await lawful(front, late.events)
    assert final["output"][0]["content"][0]["text"] == "a"


async def test_runs_at_once(front: Front) -> None:
    async def busy(count: int) -> bool:
        numbers = await front.numbers()
        return numbers.get('antiphon_active_streams{transport="sse"}', 0.0) == count

    slow = [asyncio.create_task(plain(front, "say a", "wait 0.6", stream=True)) for _ in range(2)]
    await until(lambda: busy(2), "two responses run")
    for way in ({}, {"stream": True}):
        refused = await plain(front, "say c", **way)
        assert (refused.status, refused.error["code"]) == (503, "server_is_overloaded")
        assert int(refused.headers["retry-after"]) > 0
    queued = [await plain(front, "say d", background=True) for _ in range(2)]
    assert [one.json["status"] for one in queued] == ["queued"] * 2
    refused = await plain(front, "say e", background=True)
    assert (refused.status, refused.error["code"]) == (503, "server_is_overloaded")
    assert [(await one).events[-1]["type"] for one in slow] == ["response.completed"] * 2

    async def all_done() -> bool:
        return {(await front.get(one.json["id"]))["status"] for one in queued} == {"completed"}

    await until(all_done, "what was queued is done")
    assert (await plain(front, "say f")).status == 200


# ---------- sockets


async def test_frame(front: Front) -> None:
    url = f"{front.server.base_url}/responses"
    async with front.session.ws_connect(url) as socket:
        await socket.send_bytes(b"")
        assert json.loads((await socket.receive(PATIENCE_S)).data)["error"]["code"] == "invalid_frame"
        await socket.send_str(sized(BODY, type="response.create").decode())
        types: list[str] = []
        while "response.completed" not in types:
            types.append(json.loads((await socket.receive(PATIENCE_S)).data)["type"])
        await socket.send_str(sized(BODY + 1, type="response.create").decode())
        closed = await socket.receive(PATIENCE_S)
        assert (closed.type, socket.close_code) == (
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSCloseCode.MESSAGE_TOO_BIG,
        )


async def test_lanes(front: Front) -> None:
    async with front.session.ws_connect(f"{front.server.base_url}/responses") as socket:

        async def answered(lane: str) -> JSON:
            body = {"type": "response.create", "model": "scripted", "input": "hi", "stream_id": lane}
            await socket.send_json(body)
            while True:
                frame: JSON = json.loads((await socket.receive(PATIENCE_S)).data)
                assert frame["stream_id"] == lane
                if frame["type"] in ("error", "response.completed"):
                    return frame

        assert [(await answered(lane))["type"] for lane in ("a", "b", "a")] == ["response.completed"] * 3
        refused = await answered("c")
        assert (refused["status"], refused["error"]["code"]) == (400, "websocket_stream_limit_reached")
        assert (await answered("b"))["type"] == "response.completed"
