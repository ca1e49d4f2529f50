"""Servers that misbehave: the fetcher stays within its limits and says what was wrong."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from antiphon.config import FetchSettings
from antiphon.inputs.fetch import Fetched, FetchFailure, GuardedFetcher

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """A server that says `talk` to every connection, byte for byte; its base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the fetcher hung up, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def says(*chunks: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()

    return talk


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/plain", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def fetch(talk: Talk, path: str = "/", **settings: Any) -> Fetched:
    fetcher = GuardedFetcher(
        FetchSettings(**{"timeout_s": 5.0, "max_bytes": 1000, "allow_hosts": ("127.0.0.1",), **settings})
    )
    async with raw_server(talk) as base:
        try:
            return await fetcher.fetch(base + path, accept={"text/*", "image/png"})
        finally:
            await fetcher.aclose()


async def failure(talk: Talk, **settings: Any) -> FetchFailure:
    with pytest.raises(FetchFailure) as caught:
        await fetch(talk, **settings)
    return caught.value


async def test_a_plain_answer() -> None:
    fetched = await fetch(says(answer(b"hello")))
    assert (fetched.data, fetched.content_type) == (b"hello", "text/plain")


async def test_the_limit_is_exact() -> None:
    assert len((await fetch(says(answer(b"x" * 1000)))).data) == 1000
    assert (await failure(says(answer(b"x" * 1001)))).kind == "too_large"


async def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    assert (await failure(says(head, *[b"x" * 400] * 1000))).kind == "too_large"


async def test_an_endless_chunked_body_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await failure(says(head, *[b"190\r\n" + b"x" * 400 + b"\r\n"] * 1000))).kind == "too_large"


@pytest.mark.parametrize(
    ("encoding", "squeeze"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("x-gzip", gzip.compress)]
)
async def test_compressed_bodies_are_inflated_within_the_limit(
    encoding: str, squeeze: Callable[[bytes], bytes]
) -> None:
    header = f"Content-Encoding: {encoding}"
    assert (await fetch(says(answer(squeeze(b"x" * 1000), header)))).data == b"x" * 1000
    bomb = squeeze(b"\0" * 100_000_000)
    before = time.process_time()
    assert (await failure(says(answer(bomb, header)), max_bytes=200_000)).kind == "too_large"
    assert time.process_time() - before < 2


@pytest.mark.parametrize(
    "body",
    [
        answer(gzip.compress(b"x" * 900)[:-9], "Content-Encoding: gzip"),
        answer(b"not gzip", "Content-Encoding: gzip"),
        answer(b"x", "Content-Encoding: br"),
        answer(b"x", "Content-Encoding: gzip, gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        answer(b"hello") + b"more" * 1000,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\1\2\3" * 100 + b"\r\n\r\n",
    ],
)
async def test_a_broken_answer_is_malformed(body: bytes) -> None:
    assert (await failure(says(body))).kind == "malformed"


async def test_a_closed_connection_is_unreachable() -> None:
    assert (await failure(says())).kind == "unreachable"


@pytest.mark.parametrize("stall", [b"", b"HTTP/1.1 200 OK\r\n", answer(b"x" * 900)[:-10]])
async def test_a_server_that_stalls_is_left_in_time(stall: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(stall)
        await reader.read()  # until the fetcher hangs up

    before = time.monotonic()
    assert (await failure(talk, timeout_s=0.2)).kind == "timeout"
    assert time.monotonic() - before < 3


async def test_a_trickle_is_left_in_time() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for _ in range(500):
            writer.write(b"x")
            await writer.drain()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.02)

    assert (await failure(talk, timeout_s=0.3)).kind == "timeout"


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "304 Not Modified", "404 Not Found"]
)
async def test_only_200_is_an_answer(status: str) -> None:
    refused = await failure(says(answer(b"", status=status)))
    assert (refused.kind, refused.status) == ("status", int(status[:3]))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    paths: list[bytes] = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        paths.append(b"")
        if len(paths) == 1:
            writer.write(answer(b"", "Location: /next?a=b#c", status=f"{status} Moved"))
        else:
            writer.write(answer(b"there"))

    fetched = await fetch(talk)
    assert fetched.data == b"there"
    assert fetched.final_url.endswith("/next?a=b")


async def test_redirects_are_counted() -> None:
    hops: list[int] = []

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hops.append(1)
        writer.write(answer(b"", "Location: /again", status="302 Found"))

    assert (await failure(talk, max_redirects=3)).kind == "redirects"
    assert len(hops) == 4


async def test_a_redirect_to_nowhere() -> None:
    assert (await failure(says(answer(b"", status="302 Found")))).kind == "redirects"


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("text/plain", True),
        ("TEXT/Markdown; charset=x", True),
        ("image/png", True),
        ("application/octet-stream", True),
        ("", True),
        ("image/svg+xml", False),
        ("application/pdf", False),
        ("text", False),
    ],
)
async def test_content_types_are_a_list(content_type: str, taken: bool) -> None:
    body = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 2\r\n\r\nok".encode()
    if taken:
        assert (await fetch(says(body))).data == b"ok"
    else:
        assert (await failure(says(body))).kind == "content_type"


async def test_no_header_of_ours_says_who_asked() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer(b"ok", "Set-Cookie: a=b"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    fetcher = GuardedFetcher(FetchSettings(allow_hosts=("127.0.0.1",)))
    for _ in range(2):
        await fetcher.fetch(f"http://127.0.0.1:{port}/", accept={"text/plain"})
    server.close()
    wanted = (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: antiphon\r\n"
        "Accept-Encoding: identity\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    assert [sorted(head.decode().split("\r\n")) for head in seen] == [sorted(wanted.split("\r\n"))] * 2


async def test_waiting_for_a_turn_counts_as_waiting() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    fetcher = GuardedFetcher(
        FetchSettings(timeout_s=0.3, max_parallel=1, allow_hosts=("127.0.0.1",), max_bytes=1000)
    )
    async with raw_server(talk) as base:
        ends = await asyncio.gather(
            *(fetcher.fetch(base, accept={"text/plain"}) for _ in range(3)), return_exceptions=True
        )
    assert [end.kind for end in ends if isinstance(end, FetchFailure)] == ["timeout"] * 3
