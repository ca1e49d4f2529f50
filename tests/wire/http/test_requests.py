"""What is not a proper request: paths, methods, heads, bodies, and how connections are treated."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.wire.http.rig import PATIENCE_S, Rig, answer, serving
from tests.wire.http.test_framing import get, post

from antiphon.config import HttpSettings

PLAIN = {"model": "m", "input": "hi"}


def parsed(raw: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    return int(status.split(" ")[1]), headers, json.loads(body) if body else None


def official(body: Any) -> dict[str, Any]:
    """The error of an official body: four keys, no more."""
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert isinstance(body["error"]["message"], str)
    assert body["error"]["message"]
    return body["error"]


async def asked(rig: Rig, raw: bytes, *, until_closed: bool = False) -> tuple[int, dict[str, str], Any]:
    status, headers, body = parsed(await rig.raw(raw, until_closed=until_closed))
    assert headers["x-request-id"].startswith("req_")
    return status, headers, body


# ---------- paths and methods


@pytest.mark.parametrize("base", ["/v1", "/openai/v1", "/openai"])
@pytest.mark.parametrize("tail", ["", "/", "?api-version=2026-01-01", "/?api-version=preview"])
async def test_every_base_path_serves(rig: Rig, base: str, tail: str) -> None:
    status, _, body = await asked(rig, post(PLAIN, f"{base}/responses{tail}"))
    assert (status, body["object"]) == (200, "response")
    assert (await asked(rig, get(f"{base}/models{tail}")))[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/foo", "/responses", "/v1/responses/x/y", "/v1/chat/completions", "/v1//responses",
     "/v1/responses/../health", "/v1/conversations", "/v1/r%C3%A9ponses", "/v1/%00", "/v1/responses/a%2Fb",
     "/openai/deployments/d/responses", "/v1/responses;x", "/V1/responses"],
)  # fmt: skip
async def test_unknown_paths_are_a_404_in_the_official_words(rig: Rig, path: str) -> None:
    status, _, body = await asked(rig, get(path))
    if path == "/v1/conversations":  # there is no list of conversations (SPEC.md H20)
        assert (status, official(body)["code"]) == (405, "method_not_supported")
        return
    assert status == 404
    error = official(body)
    assert error["message"].startswith("Invalid URL (GET /")
    assert error["type"] == "invalid_request_error"


async def test_connect_is_a_405(rig: Rig) -> None:
    status, _, body = await asked(
        rig, b"CONNECT a.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n", until_closed=True
    )
    assert (status, official(body)["code"]) == (405, "method_not_supported")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_wrong_methods_are_a_405(rig: Rig, method: str) -> None:
    status, headers, body = await asked(
        rig, f"{method} /v1/responses HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
    )
    assert status == 405
    assert headers["allow"] == "POST, GET, HEAD, OPTIONS"
    assert official(body)["message"] == f"Not allowed to {method} on /v1/responses."


async def test_options_and_head(rig: Rig, client: aiohttp.ClientSession) -> None:
    async with client.options(f"{rig.url}/v1/conversations/conv_1") as reply:
        assert (reply.status, reply.headers["allow"]) == (204, "GET, POST, DELETE, HEAD, OPTIONS")
    async with client.head(f"{rig.url}/v1/models") as reply:
        assert (reply.status, await reply.read()) == (200, b"")
        assert int(reply.headers["content-length"]) > 0
    async with client.head(f"{rig.url}/v1/responses/nope?stream=true") as reply:
        assert (reply.status, await reply.read()) == (404, b"")


async def test_get_without_an_upgrade_is_a_426(rig: Rig) -> None:
    """Codex falls back to SSE at once on this status (CLIENTS.md §3)."""
    for path in ("/v1/responses", "/openai/v1/responses", "/openai/responses"):
        status, headers, body = await asked(rig, get(path))
        assert (status, headers["upgrade"]) == (426, "websocket")
        assert official(body)["code"] == "upgrade_required"


@pytest.mark.parametrize(
    "name",
    [
        "%F0%9F%90%99",
        "a%20b",
        "..",
        "%2e%2e",
        "%00",
        "%FF",
        "'\"<script>",
        "a%0d%0ax-evil:%201",
        "x" * 4000,
        "~!$&'()*+,=:@",
    ],
)
async def test_odd_ids_are_not_found(rig: Rig, name: str) -> None:
    for path in (f"/v1/responses/{name}", f"/v1/conversations/{name}", f"/v1/models/{name}"):
        status, headers, body = await asked(rig, get(path))
        assert status == 404
        assert "x-evil" not in headers
        official(body)


# ---------- heads


async def test_a_flood_of_headers_is_a_431(rig: Rig) -> None:
    many = "".join(f"x-{n}: y\r\n" for n in range(300))
    status, headers, body = await asked(
        rig, f"GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n".encode()
    )
    assert (status, headers["connection"]) == (431, "close")
    official(body)


async def flooded(writer: asyncio.StreamWriter, piece: bytes) -> int:
    """Write until the server has had enough; how much it took, socket buffers included."""
    size = 0
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                writer.write(piece)
                await writer.drain()
            except ConnectionError:
                return size
            size += len(piece)
            await asyncio.sleep(0)


async def test_endless_headers_are_cut_off(rig: Rig) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: ")
    assert await flooded(writer, b"a" * 16_384) < 50_000_000
    writer.close()


async def test_headers_a_little_over_the_limit_are_a_431(rig: Rig) -> None:
    head = b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: " + b"a" * 66_000
    status, _, body = await asked(rig, head, until_closed=True)
    assert (status, official(body)["code"]) == (431, "request_header_fields_too_large")


@pytest.mark.parametrize(
    "junk",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
     b"GET /\xff HTTP/1.1\r\n\r\n",
     b"POST /v1/responses HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
     b"POST /v1/responses HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
     b"POST /v1/responses HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nxyz",
     b"GET / HTTP/1.1\r\nbad header\r\n\r\n"],
)  # fmt: skip
async def test_what_is_not_http_is_a_400_and_the_end(rig: Rig, junk: bytes) -> None:
    status, headers, body = await asked(rig, junk, until_closed=True)
    assert (status, headers["connection"]) == (400, "close")
    official(body)


async def test_a_head_may_follow_a_long_body_in_one_read(rig: Rig) -> None:
    """Only the head's own bytes count against the limit of heads."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    long = post({**PLAIN, "input": "x" * 150_000})
    for _ in range(5):
        writer.write(long + b"GET /health HTTP/1.1\r\nhost")
        assert parsed(await answer(reader))[0] == 200
        writer.write(b": localhost\r\n\r\n")
        assert parsed(await answer(reader))[0] == 200
    writer.close()


async def test_a_late_head_does_not_cut_the_answer_before_it(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, body_timeout_s=0.05)) as rig:
        rig.engine.auto = None
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(post(PLAIN) + b"GET /health HT")
        turn = await rig.engine.turn()
        await asyncio.sleep(0.2)  # several times the limit
        turn.finish()
        assert parsed(await answer(reader))[0] == 200
        writer.close()


async def test_a_head_that_never_ends_is_a_408(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, body_timeout_s=0.05)) as rig:
        status, _, body = await asked(rig, b"GET /health HTTP/1.1\r\nhost:", until_closed=True)
        assert (status, official(body)["code"]) == (408, "request_timeout")
        assert await rig.raw(b"", until_closed=True) == b"", "a silent connection is closed without a word"


# ---------- bodies


async def test_a_body_that_never_ends_is_a_408(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, body_timeout_s=0.05)) as rig:
        status, headers, body = await asked(rig, post(PLAIN)[:-5], until_closed=True)
        assert (status, headers["connection"]) == (408, "close")
        official(body)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_a_413(tmp_path: Path, declared: bool) -> None:
    async with serving(tmp_path, HttpSettings(port=0, max_body_bytes=1000)) as rig:
        big = post({**PLAIN, "input": "x" * 5000})
        if not declared:
            head, _, data = big.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")]
            chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
            big = b"\r\n".join([*lines, b"transfer-encoding: chunked"]) + b"\r\n\r\n" + chunked
        status, _, body = await asked(rig, big)
        assert (status, official(body)["code"]) == (413, "request_too_large")
        assert rig.engine.opened == 0


async def test_a_413_comes_before_the_body_is_sent(rig: Rig) -> None:
    lines = b"host: localhost\r\ncontent-length: 99999999999\r\nexpect: 100-continue\r\n"
    status, _, body = await asked(rig, b"POST /v1/responses HTTP/1.1\r\n" + lines + b"\r\n")
    assert status == 413, "and no 100 Continue before it"
    official(body)


async def test_a_body_after_its_answer_is_read_to_a_limit(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, max_body_bytes=1000)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n")
        assert parsed(await answer(reader))[0] == 413
        assert await flooded(writer, b"x" * 500) < 50_000_000
        writer.close()


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "truncated"),
        (b"not json", "malformed"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"model":"m","model":"m","input":"x"}', "same key twice"),
        (b'{"model":"m","temperature":NaN}', "malformed"),
        (b'{"model":"\xff"}', "not valid UTF-8"),
        (b'{"model":"\\ud800"}', "truncated"),
        (b"[]", "Expected a JSON object"),
    ],
)
async def test_unreadable_json_is_a_400(rig: Rig, data: bytes, fragment: str) -> None:
    head = f"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n\r\n".encode()
    status, _, body = await asked(rig, head + data)
    assert status == 400
    assert official(body)["message"].startswith("We could not parse the JSON body of your request. ")
    assert fragment in body["error"]["message"]


async def test_media_types(rig: Rig, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{rig.url}/v1/responses", data={"model": "m"}) as reply:
        assert reply.status == 415
        assert official(await reply.json())["code"] == "unsupported_content_type"
    async with client.post(
        f"{rig.url}/v1/responses", json=PLAIN, headers={"content-encoding": "br"}
    ) as reply:
        assert reply.status == 415
        assert reply.headers["accept-encoding"] == "gzip, deflate"
    async with client.post(f"{rig.url}/v1/responses", json=PLAIN, compress="gzip") as reply:
        assert reply.status == 200


# ---------- connections


async def test_pipelined_requests_are_answered_in_order(rig: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(post(PLAIN) + get("/health") + post({**PLAIN, "stream": True}) + get("/v1/nope"))
    answers = [await answer(reader) for _ in range(4)]
    writer.close()
    assert [int(raw[9:12]) for raw in answers] == [200, 200, 200, 404]
    assert b"event: response.completed" in answers[2]


async def test_a_pipelined_request_does_not_hide_that_the_client_left(tmp_path: Path) -> None:
    """A second request stops the reading, so that only a write can notice: a heartbeat at the latest."""
    async with serving(tmp_path, HttpSettings(port=0, heartbeat_s=0.02)) as rig:
        rig.engine.auto = None
        _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(post({**PLAIN, "stream": True}))
        turn = await rig.engine.turn()
        writer.write(get("/health"))
        await writer.drain()
        writer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            await turn.closed.wait()


async def test_a_foreign_upgrade_is_ignored(rig: Rig) -> None:
    """As Java's client sends on every first request of a connection."""
    asking = post(PLAIN, connection="Upgrade, HTTP2-Settings", upgrade="h2c", HTTP2_Settings="AAMAAABk")
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    for _ in range(3):
        writer.write(asking)
        assert parsed(await answer(reader))[0] == 200
    writer.write(get("/health"))
    assert parsed(await answer(reader))[0] == 200
    writer.close()


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "sec-websocket-version: 13\r\n",
        "sec-websocket-version: 8\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    ],
)
async def test_a_broken_websocket_handshake_is_a_426(rig: Rig, lines: str) -> None:
    wish = "connection: upgrade\r\nupgrade: websocket\r\n"
    head = f"GET /v1/responses HTTP/1.1\r\nhost: localhost\r\n{wish}{lines}\r\n"
    status, _, body = await asked(rig, head.encode())
    assert status == 426
    official(body)


async def test_connections_over_the_limit_get_a_503(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, max_connections=1)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(get("/health"))
        assert parsed(await answer(reader))[0] == 200
        status, _, body = await asked(rig, b"", until_closed=True)
        assert (status, official(body)["code"]) == (503, "server_is_overloaded")
        writer.close()
