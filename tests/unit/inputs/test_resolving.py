"""Where files and images may stand, what stays untouched, and what URLs become."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from tests.unit.inputs.samples import base64_of, data_url, png

from antiphon.config import FetchSettings, InputSettings
from antiphon.core.errors import ApiError, Unsupported
from antiphon.inputs.cache import BoundedCache
from antiphon.inputs.fetch import GuardedFetcher
from antiphon.inputs.resolve import InputResolver


class Site:
    """A real server on loopback. `gone` makes every answer a 404."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.base = ""
        self.gone = False

    async def answer(self, request: web.Request) -> web.Response:
        self.hits.append(request.path)
        if self.gone:
            return web.Response(status=404)
        match request.path:
            case "/image.png":
                return web.Response(body=png(), content_type="application/octet-stream")
            case "/my%20notes.txt" | "/my notes.txt":
                return web.Response(text="some notes")
            case "/page":
                return web.Response(text="<h1>Page</h1>", content_type="text/html")
            case "/empty.png":
                return web.Response(body=b"", content_type="image/png")
            case "/large":
                return web.Response(body=b"x" * 5000, content_type="text/plain")
            case "/film":
                return web.Response(body=b"x", content_type="video/mp4")
            case _:
                return web.Response(text="no image", content_type="image/png")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def resolver(fetch: dict[str, Any] | None = None, **settings: Any) -> InputResolver:
    fetching = FetchSettings(**{"allow_hosts": ("127.0.0.1",), **(fetch or {})})
    return InputResolver(GuardedFetcher(fetching), InputSettings(**settings))


def message(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": list(parts)}


def image(url: str) -> dict[str, Any]:
    return {"type": "input_image", "detail": "low", "image_url": url}


def file(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_file", "file_url": url, **more}


TEXT = {"type": "input_text", "text": "words"}
NOTES = {"type": "input_file", "filename": "n.txt", "file_data": base64_of(b"notes")}
READ = {"type": "input_text", "text": "[File: n.txt]\nnotes"}
PNG = data_url("image/png", png())


async def refusal(made: InputResolver, items: list[dict[str, Any]], history: int = 0) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await made.resolve("t", items, history)
    return caught.value


# ---------- places


async def test_parts_are_resolved_wherever_they_may_stand() -> None:
    items = [
        message(TEXT, NOTES, TEXT),
        {"type": "function_call_output", "call_id": "a", "output": [NOTES, TEXT]},
        {"type": "custom_tool_call_output", "call_id": "b", "output": [TEXT, NOTES]},
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"type": "computer_screenshot", "image_url": PNG},
        },
    ]
    resolved = await resolver().resolve("t", items)
    assert resolved == (
        message(TEXT, READ, TEXT),
        {"type": "function_call_output", "call_id": "a", "output": [READ, TEXT]},
        {"type": "custom_tool_call_output", "call_id": "b", "output": [TEXT, READ]},
        items[3],
    )


async def test_given_items_are_never_changed() -> None:
    items = [message(TEXT, NOTES), message(NOTES, NOTES)]
    resolved = await resolver().resolve("t", items)
    assert items == [message(TEXT, NOTES), message(NOTES, NOTES)]
    assert resolved == (message(TEXT, READ), message(READ, READ))
    assert resolved[0]["content"][0] is items[0]["content"][0]


async def test_items_without_files_are_the_very_same_objects() -> None:
    items = [
        message(TEXT),
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "done"},
        {
            "type": "shell_call_output",
            "call_id": "b",
            "output": [{"stdout": "", "stderr": "", "outcome": {}}],
        },
        {"type": "a_future_item", "output": ["text", 1, None], "content": "text"},
        {"type": "another", "output": {"type": "object"}, "content": None},
    ]
    resolved = await resolver().resolve("t", items)
    assert [id(item) for item in resolved] == [id(item) for item in items]
    given = tuple(items)
    assert await resolver().resolve("t", given[:4]) == given[:4]


async def test_params_count_this_requests_own_items() -> None:
    bad = {"type": "input_file", "file_data": "?"}
    output = {"type": "function_call_output", "call_id": "a", "output": [TEXT, bad]}
    assert (await refusal(resolver(), [message(TEXT), output])).param == "input[1].output[1].file_data"
    assert (
        await refusal(resolver(), [message(TEXT), output], history=1)
    ).param == "input[0].output[1].file_data"
    assert (await refusal(resolver(), [message(TEXT), output], history=2)).param == "input"


async def test_the_number_of_parts_is_limited() -> None:
    assert await resolver(max_parts=3).resolve("t", [message(NOTES, NOTES), message(NOTES)])
    refused = await refusal(resolver(max_parts=2), [message(NOTES, NOTES), message(NOTES)])
    assert (refused.code, refused.param) == ("array_above_max_length", "input")


def test_a_context_without_files_costs_microseconds() -> None:
    items = tuple(message(TEXT) for _ in range(1000))
    made = resolver()

    async def best() -> float:
        times: list[float] = []
        for _ in range(20):
            start = time.perf_counter()
            await made.resolve("t", items)
            times.append(time.perf_counter() - start)
        return min(times)

    took = asyncio.run(best())
    print(f"1000 items without files: {took * 1e6:.0f} µs")
    assert took < 0.005


# ---------- URLs


async def test_image_urls_become_data(site: Site) -> None:
    resolved = await resolver().resolve("t", [message(image(site.base + "/image.png"))])
    assert resolved == (message(image(PNG)),)


async def test_image_urls_may_be_passed_on(site: Site) -> None:
    items = [message(image(site.base + "/image.png"), image("data:image/png;base64,"))]
    made = resolver({"images": "pass"})
    assert (await made.resolve("t", [message(items[0]["content"][0])]))[0] == message(items[0]["content"][0])
    assert site.hits == []
    assert (await refusal(made, items)).code == "empty_image_file"


async def test_file_urls_are_named_by_their_path(site: Site) -> None:
    given = [
        message(
            file(site.base + "/my%20notes.txt"),
            file(site.base + "/page", filename="p"),
            file(site.base + "/page"),
        )
    ]
    texts = [part["text"] for part in (await resolver().resolve("t", given))[0]["content"]]
    assert texts == ["[File: my notes.txt]\nsome notes", "[File: p]\n# Page", "[File: page]\n# Page"]


@pytest.mark.parametrize(
    ("part", "code", "name"),
    [
        (image("{}/not-found"), "image_parse_error", "image_url"),
        (image("{}/empty.png"), "empty_image_file", "image_url"),
        (image("{}/page"), "unsupported_image_media_type", "image_url"),
        (image("{}/large"), "unsupported_image_media_type", "image_url"),
        (image("http://127.0.0.1:1/closed"), "failed_to_download_image", "image_url"),
        (image("http://127.0.0.2:1/inside"), "invalid_image_url", "image_url"),
        (image("http://localhost:1/inside"), "invalid_image_url", "image_url"),
        (image("ftp://127.0.0.1/a.png"), "invalid_image_url", "image_url"),
        (image("just words"), "invalid_image_url", "image_url"),
        (image("sandbox:/mnt/a.png"), "invalid_image_url", "image_url"),
        (file("{}/film"), "unsupported_file", "file_url"),
        (file("{}/large"), "file_too_large", "file_url"),
        (file("http://127.0.0.1:1/closed"), "failed_to_download_file", "file_url"),
        (file("http://169.254.169.254/"), "invalid_file_url", "file_url"),
        (file("http://["), "invalid_file_url", "file_url"),
        (file(""), "invalid_file_url", "file_url"),
    ],
)
async def test_urls_that_give_nothing_are_refused(
    site: Site, part: dict[str, Any], code: str, name: str
) -> None:
    given = {k: v.format(site.base) if k.endswith("_url") else v for k, v in part.items()}
    refused = await refusal(resolver(max_file_bytes=4000), [message(given)])
    assert (refused.status, refused.code, refused.param) == (400, code, f"input[0].content[0].{name}")


async def test_a_missing_page_says_so(site: Site) -> None:
    site.gone = True
    refused = await refusal(resolver(), [message(image(site.base + "/image.png"))])
    assert refused.code == "failed_to_download_image"
    assert "404" in refused.message


async def test_where_fetching_is_off_urls_are_unsupported(site: Site) -> None:
    refused = await refusal(resolver({"enabled": False}), [message(image(site.base + "/image.png"))])
    assert type(refused) is Unsupported
    assert refused.param == "input[0].content[0].image_url"


async def test_one_url_is_fetched_once_and_kept_for_its_tenant(site: Site) -> None:
    made, url = resolver(), site.base + "/image.png"
    await made.resolve("one", [message(image(url), image(url)), message(image(url))])
    await made.resolve("one", [message(image(url))])
    assert site.hits == ["/image.png"]
    await made.resolve("two", [message(image(url))])
    assert site.hits == ["/image.png"] * 2


async def test_what_was_fetched_grows_old(site: Site) -> None:
    made, url = resolver(cache_ttl_s=1e-9), site.base + "/page"
    await made.resolve("t", [message(file(url))])
    await made.resolve("t", [message(file(url))])
    assert site.hits == ["/page"] * 2


async def test_a_url_that_died_does_not_end_its_conversation(site: Site) -> None:
    site.gone = True
    given = [message(TEXT, image(site.base + "/image.png"), file(site.base + "/page")), message(TEXT)]
    resolved = await resolver().resolve("t", given, history=1)
    assert resolved == (
        message(
            TEXT,
            {"type": "input_text", "text": "[The image that stood here is no longer available.]"},
            {"type": "input_text", "text": "[The file that stood here is no longer available.]"},
        ),
        message(TEXT),
    )
    assert (await refusal(resolver(), given, history=0)).param == "input[0].content[1].image_url"


async def test_all_fetches_of_a_request_share_a_limit(site: Site) -> None:
    given = [message(*(file(f"{site.base}/large?{n}") for n in range(10)))]
    fetching = {"max_request_bytes": 12_000, "max_request_parallel": 1}
    assert (await refusal(resolver(fetching), given)).code == "file_too_large"
    assert len(site.hits) == 3
    assert await resolver({**fetching, "max_request_bytes": 50_000}).resolve("t", given)


async def test_resolving_takes_only_so_long() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    refused = await refusal(resolver(timeout_s=0.2), [message(image(url), file(url), image(url + "2"))])
    assert (refused.status, refused.param) == (400, "input")
    server.close()


# ---------- the cache


def test_the_cache_keeps_the_latest_within_its_bytes() -> None:
    cache = BoundedCache(1000)
    for name in ("a", "b", "c"):
        cache.put(name, name * 300)
    assert cache.get("a", 0) is None
    assert cache.get("b", 0) == "b" * 300
    cache.put("d", "d" * 300)
    assert (cache.get("b", 0), cache.get("c", 0)) == ("b" * 300, None)
    cache.put("b", "x" * 5000)
    assert cache.get("b", 0) is None
    assert cache.size <= 1000
    cache.put("e", "e", until=5.0)
    assert (cache.get("e", 4.9), cache.get("e", 5.0), cache.get("e", 4.9)) == ("e", None, None)
