"""The guarded fetcher never reaches inside, whatever the URL looks like."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import uvloop
from aiohttp import web

from antiphon.config import FetchSettings
from antiphon.inputs.fetch import FetchFailure, GuardedFetcher


class Server:
    """A real server on loopback that counts what reaches it."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.hosts: set[str] = set()
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.hits.append(request.path)
        self.hosts.add(request.host.partition(":")[0])
        if request.path == "/to":
            return web.Response(status=302, headers={"Location": request.query["url"]})
        return web.Response(text="secret", content_type="text/plain")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async for each in serving():
        yield each


async def serving() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    made.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield made
    await runner.cleanup()


async def failure(url: str, **settings: Any) -> FetchFailure:
    fetcher = GuardedFetcher(FetchSettings(timeout_s=5.0, **settings))
    with pytest.raises(FetchFailure) as caught:
        await fetcher.fetch(url, accept={"text/plain"})
    await fetcher.aclose()
    return caught.value


HOSTILE = (
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0x0.0x0.0x1:{port}/",
    "http://0x7f.1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.000.000.001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://１２７.0.0.1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1%lo]:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://user@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://user:password@localhost:{port}/",
    "http://:@localhost:{port}/",
    "https://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "data:text/plain,secret",
    "javascript:alert(1)",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http:127.0.0.1:{port}",
    "http:///127.0.0.1:{port}/",
    "http://",
    "http://[",
    "http://[::1",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:{port}/\r\nHost: other",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1 :{port}/",
    "",
)


@pytest.mark.parametrize("form", HOSTILE)
async def test_a_url_that_leads_inside_is_refused_without_a_connection(server: Server, form: str) -> None:
    refused = await failure(form.format(port=server.port))
    assert refused.kind in ("blocked", "invalid_url", "unreachable")
    assert server.hits == []


@pytest.mark.parametrize("form", HOSTILE)
async def test_a_redirect_that_leads_inside_is_refused(server: Server, form: str) -> None:
    # One name is allowed, no other way to this server is: a relative redirect may stay on the name.
    target = form.format(port=server.port)
    if "\n" in target:
        pytest.skip("no HTTP server sends this header")
    fetcher = GuardedFetcher(FetchSettings(timeout_s=5.0, allow_hosts=("here.test",)))
    with resolving({"here.test": "127.0.0.1"}), contextlib.suppress(FetchFailure):
        url = f"http://here.test:{server.port}/to?url={quote(target, safe='')}"
        await fetcher.fetch(url, accept={"text/plain"})
    assert server.hits[0] == "/to"
    assert server.hosts == {"here.test"}


async def test_a_message_says_nothing_about_addresses(server: Server) -> None:
    for url in (f"http://127.0.0.1:{server.port}/", "http://10.1.2.3/", "http://localhost/"):
        message = (await failure(url)).message
        assert "127" not in message
        assert "10.1" not in message
        assert "localhost" not in message


async def test_a_name_that_resolves_inside_is_blocked(server: Server) -> None:
    with resolving({"inside.test": "127.0.0.1"}):
        refused = await failure(f"http://inside.test:{server.port}/")
    assert refused.kind == "blocked"
    assert server.hits == []


async def test_a_name_is_resolved_once_and_never_trusted_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first answer is public, the second leads inside."""
    answers = ["203.0.114.1", "127.0.0.1", "127.0.0.1"]
    asked: list[str] = []
    tried: list[Any] = []

    def resolve(host: str, port: int, *_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[len(asked) - 1], port))]

    async def refuse(self: Any, sock: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", refuse)
    refused = await failure(f"http://rebind.test:{server.port}/")
    assert refused.kind == "unreachable"
    assert asked == ["rebind.test"]
    assert tried == [("203.0.114.1", server.port)]
    assert server.hits == []


async def test_mixed_answers_reach_only_the_public_address(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []

    async def refuse(self: Any, sock: socket.socket, address: Any) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", refuse)
    with resolving({"mixed.test": "127.0.0.1 203.0.114.1"}):
        await failure(f"http://mixed.test:{server.port}/")
    assert set(tried) == {"203.0.114.1"}
    assert server.hits == []


async def test_an_allowed_host_is_reached_by_that_name_alone(server: Server) -> None:
    fetcher = GuardedFetcher(FetchSettings(allow_hosts=("LocalHost",)))
    fetched = await fetcher.fetch(f"http://localhost:{server.port}/a", accept={"text/plain"})
    assert (fetched.data, fetched.content_type) == (b"secret", "text/plain")
    assert (await failure(f"http://127.0.0.1:{server.port}/b", allow_hosts=("localhost",))).kind == "blocked"
    assert server.hits == ["/a"]


async def test_nothing_is_fetched_where_fetching_is_off(server: Server) -> None:
    refused = await failure(f"http://127.0.0.1:{server.port}/", enabled=False, allow_hosts=("127.0.0.1",))
    assert refused.kind == "disabled"
    assert server.hits == []


async def test_proxies_of_the_environment_are_not_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
    with resolving({"inside.test": "127.0.0.1"}):
        await failure("http://inside.test:1/")
    assert server.hits == []


def test_the_guard_holds_on_the_loop_that_the_server_uses() -> None:
    async def main() -> None:
        async for server in serving():
            assert (await failure(f"http://127.0.0.1:{server.port}/")).kind == "blocked"
            fetcher = GuardedFetcher(FetchSettings(allow_hosts=("127.0.0.1",)))
            url = f"http://127.0.0.1:{server.port}/a"
            assert (await fetcher.fetch(url, accept={"text/plain"})).data == b"secret"
            assert server.hits == ["/a"]

    uvloop.run(main())


# ---------- means


class resolving:
    """Names that resolve to given addresses while the block runs; others as the system says."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names, self._patch = names, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        system = socket.getaddrinfo

        def resolve(host: str, port: int, *rest: Any) -> Any:
            if host not in self._names:
                return system(host, port, *rest)
            found = self._names[host].split()
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        self._patch.setattr(socket, "getaddrinfo", resolve)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
