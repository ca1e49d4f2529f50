"""The resource `/responses` as clients meet it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.wire.http.rig import Rig, serving, until
from tests.wire.http.test_requests import official

from antiphon.config import ApiKey, AuthSettings, HttpSettings, RateSettings
from antiphon.ports import StoreDown, StoreFull
from antiphon.spec.validate import check_reply

PLAIN = {"model": "m", "input": "hi"}


async def call(
    client: aiohttp.ClientSession, method: str, url: str, **options: Any
) -> tuple[int, Any, aiohttp.ClientResponse]:
    async with client.request(method, url, **options) as reply:
        return reply.status, await reply.json(), reply


async def test_created_and_found_are_the_same_object(rig: Rig, client: aiohttp.ClientSession) -> None:
    status, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=PLAIN)
    assert (status, check_reply("POST /responses", made)) == (200, [])
    status, found, _ = await call(client, "GET", f"{rig.url}/v1/responses/{made['id']}")
    assert (status, found) == (200, made)


async def test_deleted_is_gone(rig: Rig, client: aiohttp.ClientSession) -> None:
    _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=PLAIN)
    url = f"{rig.url}/v1/responses/{made['id']}"
    assert (await call(client, "DELETE", url))[:2] == (
        200,
        {"id": made["id"], "object": "response", "deleted": True},
    )
    for method, tail in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/input_items"),
        ("GET", "?stream=true"),
    ):
        status, body, _ = await call(client, method, url + tail)
        assert status == 404
        assert official(body)["message"] == f"Response with id '{made['id']}' not found."


async def test_a_stateless_response_is_not_found(rig: Rig, client: aiohttp.ClientSession) -> None:
    _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json={**PLAIN, "store": False})
    assert (await call(client, "GET", f"{rig.url}/v1/responses/{made['id']}"))[0] == 404


async def test_background_answers_at_once_then_polls_and_cancels(
    rig: Rig, client: aiohttp.ClientSession
) -> None:
    rig.engine.auto = None
    status, made, _ = await call(
        client, "POST", f"{rig.url}/v1/responses", json={**PLAIN, "background": True}
    )
    assert (status, made["background"], made["output"]) == (200, True, [])
    assert made["status"] in ("queued", "in_progress")
    turn = await rig.engine.turn()
    url = f"{rig.url}/v1/responses/{made['id']}"
    assert (await call(client, "GET", url))[1]["status"] in ("queued", "in_progress")
    turn.say("partial")
    first = await call(client, "POST", f"{url}/cancel")
    again = await call(client, "POST", f"{url}/cancel")
    assert (first[0], first[1]["status"]) == (200, "cancelled")
    assert again[:2] == first[:2] == (await call(client, "GET", url))[:2]
    assert turn.closed.is_set()


async def test_a_synchronous_response_cannot_be_cancelled(rig: Rig, client: aiohttp.ClientSession) -> None:
    _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=PLAIN)
    status, body, _ = await call(client, "POST", f"{rig.url}/v1/responses/{made['id']}/cancel")
    assert (status, official(body)["message"]) == (400, "Cannot cancel a synchronous response.")


async def test_input_items_are_paged(rig: Rig, client: aiohttp.ClientSession) -> None:
    items = [{"role": "user", "content": f"number {n}"} for n in range(5)]
    _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json={**PLAIN, "input": items})
    url = f"{rig.url}/v1/responses/{made['id']}/input_items"
    status, page, _ = await call(client, "GET", f"{url}?limit=2&order=asc")
    assert (status, check_reply("GET /responses/{response_id}/input_items", page)) == (200, [])
    assert [i["content"][0]["text"] for i in page["data"]] == ["number 0", "number 1"]
    assert (page["has_more"], page["first_id"], page["last_id"]) == (
        True,
        page["data"][0]["id"],
        page["data"][1]["id"],
    )
    _, rest, _ = await call(client, "GET", f"{url}?order=asc&after={page['last_id']}")
    assert [i["content"][0]["text"] for i in rest["data"]] == ["number 2", "number 3", "number 4"]
    assert rest["has_more"] is False
    _, newest, _ = await call(client, "GET", f"{url}?limit=1")
    assert newest["data"][0]["content"][0]["text"] == "number 4"


async def test_input_items_hide_images_until_asked(rig: Rig, client: aiohttp.ClientSession) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    body = {**PLAIN, "input": [{"role": "user", "content": [image]}]}
    _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=body)
    url = f"{rig.url}/v1/responses/{made['id']}/input_items"
    seen = [
        (await call(client, "GET", url + tail))[1]["data"][0]["content"][0]["image_url"]
        for tail in ("", "?include[]=message.input_image.image_url", "?include=message.input_image.image_url")
    ]
    assert seen == [None, image["image_url"], image["image_url"]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("order=up", "order"),
        ("include=nope", "include[0]"),
    ],
)
async def test_a_wrong_query_is_a_400_that_names_it(
    rig: Rig, client: aiohttp.ClientSession, query: str, param: str
) -> None:
    status, body, _ = await call(client, "GET", f"{rig.url}/v1/responses/resp_1/input_items?{query}")
    assert (status, official(body)["param"]) == (400, param)


async def test_too_many_query_parameters_are_a_400(rig: Rig, client: aiohttp.ClientSession) -> None:
    query = "&".join(f"a{n}=1" for n in range(200))
    status, body, _ = await call(client, "GET", f"{rig.url}/v1/responses/resp_1?{query}")
    assert (status, official(body)["type"]) == (400, "invalid_request_error")


async def test_input_tokens(rig: Rig, client: aiohttp.ClientSession) -> None:
    status, body, reply = await call(client, "POST", f"{rig.url}/v1/responses/input_tokens", json=PLAIN)
    assert (status, body) == (200, {"object": "response.input_tokens", "input_tokens": 1})
    assert reply.headers["x-antiphon-token-count"] == "estimate"


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": "unknown"}, "model", "model_not_found"),
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"nope": 1}, "nope", "unknown_parameter"),
        ({"previous_response_id": "resp_x"}, "previous_response_id", "previous_response_not_found"),
        ({"stream": "yes"}, "stream", "invalid_type"),
    ],
)
async def test_a_wrong_parameter_is_a_400(
    rig: Rig, client: aiohttp.ClientSession, change: dict[str, Any], param: str, code: str
) -> None:
    status, body, _ = await call(client, "POST", f"{rig.url}/v1/responses", json={**PLAIN, **change})
    error = official(body)
    assert (status, error["param"], error["code"]) == (400, param, code)


async def test_tools_that_cannot_run_are_named_in_a_header(rig: Rig, client: aiohttp.ClientSession) -> None:
    tools = [{"type": "web_search"}, {"type": "image_generation"}]
    for stream in (False, True):
        async with client.post(
            f"{rig.url}/v1/responses", json={**PLAIN, "tools": tools, "stream": stream}
        ) as reply:
            assert reply.headers["x-antiphon-dropped-tools"] == "web_search, image_generation"
    async with client.post(f"{rig.url}/v1/responses", json=PLAIN) as reply:
        assert "x-antiphon-dropped-tools" not in reply.headers


@pytest.mark.parametrize("error", [StoreDown("secret path"), StoreFull("secret path")])
async def test_a_broken_store_is_a_503(rig: Rig, client: aiohttp.ClientSession, error: Exception) -> None:
    rig.store.broken = error
    status, body, reply = await call(client, "POST", f"{rig.url}/v1/conversations", json={})
    assert (status, official(body)["code"]) == (503, "server_is_overloaded")
    assert "secret" not in body["error"]["message"]
    assert int(reply.headers["retry-after"]) >= 1


async def test_a_bug_is_a_500_without_details(
    rig: Rig, client: aiohttp.ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.store.broken = ZeroDivisionError("secret prompt text")
    status, body, reply = await call(
        client, "POST", f"{rig.url}/v1/conversations", json={"metadata": {"a": "b"}}
    )
    assert status == 500
    assert official(body) == {
        "message": "The server had an error while processing your request.",
        "type": "server_error",
        "param": None,
        "code": "server_error",
    }
    assert reply.headers["x-request-id"] in capsys.readouterr().out
    assert (await call(client, "GET", f"{rig.url}/health"))[0] == 200


# ---------- headers of every reply


async def test_headers_of_every_reply(rig: Rig, client: aiohttp.ClientSession) -> None:
    asked = {"openai-organization": "org-1", "x-client-request-id": "mine"}
    for path in ("/v1/models", "/v1/nope", "/health"):
        async with client.get(rig.url + path, headers=asked) as reply:
            assert reply.headers["x-request-id"].startswith("req_")
            assert reply.headers["openai-version"] == "2020-10-01"
            assert int(reply.headers["openai-processing-ms"]) >= 0
            assert reply.headers["openai-organization"] == "org-1"
            assert "server" not in reply.headers
            assert not [name for name in reply.headers if name.lower().startswith("x-ratelimit")]


async def test_browsers_may_call_from_configured_origins(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    async with serving(tmp_path, HttpSettings(port=0, cors_origins=("https://a.example",))) as rig:
        asks = {"origin": "https://a.example", "access-control-request-method": "POST"}
        async with client.options(f"{rig.url}/v1/responses", headers=asks) as reply:
            assert reply.status == 204
            assert reply.headers["access-control-allow-origin"] == "https://a.example"
            assert "POST" in reply.headers["access-control-allow-methods"]
        async with client.get(f"{rig.url}/v1/nope", headers=asks) as reply:
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (404, "https://a.example")
        async with client.get(f"{rig.url}/v1/models", headers={"origin": "https://b.example"}) as reply:
            assert "access-control-allow-origin" not in reply.headers


async def test_pages_of_other_origins_may_not_write_where_no_key_stops_them(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    """A page may POST to this machine without asking first, as long as it names no content type."""
    async with serving(tmp_path, HttpSettings(port=0, cors_origins=("https://a.example",))) as rig:
        for origin, status in (("https://b.example", 403), ("null", 403), ("https://a.example", 200)):
            sent: Any = {"data": b'{"model": "m", "input": "x"}', "skip_auto_headers": ["content-type"]}
            async with client.post(f"{rig.url}/v1/responses", headers={"origin": origin}, **sent) as reply:
                assert reply.status == status, origin
                assert (await reply.json()).keys() >= ({"error"} if status == 403 else {"output"})
        assert rig.engine.opened == 1
    auth = AuthSettings(keys=(ApiKey(key="key-of-one"),))
    async with serving(tmp_path, auth=auth) as rig:
        headers = {"origin": "https://b.example", "authorization": "Bearer key-of-one"}
        async with client.post(f"{rig.url}/v1/conversations", headers=headers) as reply:
            assert reply.status == 200


# ---------- keys and tenants

KEYS = AuthSettings(keys=(ApiKey(key="key-of-one", tenant="one"), ApiKey(key="key-of-two", tenant="two")))
ONE, TWO = {"authorization": "Bearer key-of-one"}, {"api-key": "key-of-two"}


async def test_a_key_is_needed_where_keys_are_configured(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    async with serving(tmp_path, auth=KEYS) as rig:
        for method, path in (
            ("POST", "/v1/responses"),
            ("GET", "/v1/models"),
            ("GET", "/metrics"),
            ("GET", "/v1/responses"),
        ):
            status, body, reply = await call(client, method, rig.url + path)
            assert (status, official(body)["code"]) == (401, "invalid_api_key")
            assert reply.headers["www-authenticate"] == "Bearer"
        wrong = {"authorization": "Bearer sk-wrong-0123456789abcd"}
        status, body, _ = await call(client, "POST", f"{rig.url}/openai/responses", json=PLAIN, headers=wrong)
        assert (status, body["error"]["message"]) == (401, "Incorrect API key provided: sk-…abcd.")
        assert rig.engine.opened == 0
        for path in ("/health", "/ready", "/openapi.json"):
            assert (await call(client, "GET", rig.url + path))[0] == 200
        for key in (ONE, TWO):
            assert (await call(client, "POST", f"{rig.url}/v1/responses", json=PLAIN, headers=key))[0] == 200


async def test_another_tenants_things_are_not_found(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    async with serving(tmp_path, auth=KEYS) as rig:
        _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=PLAIN, headers=ONE)
        item = {"role": "user", "content": "mine"}
        _, conv, _ = await call(
            client, "POST", f"{rig.url}/v1/conversations", json={"items": [item]}, headers=ONE
        )
        _, items, _ = await call(client, "GET", f"{rig.url}/v1/conversations/{conv['id']}/items", headers=ONE)
        response, conversation = f"/v1/responses/{made['id']}", f"/v1/conversations/{conv['id']}"
        item_path = f"{conversation}/items/{items['data'][0]['id']}"
        asks: list[tuple[str, str, Any]] = [
            ("GET", response, None), ("GET", f"{response}?stream=true", None), ("DELETE", response, None),
            ("POST", f"{response}/cancel", None), ("GET", f"{response}/input_items", None),
            ("GET", conversation, None), ("POST", conversation, {"metadata": {}}),
            ("DELETE", conversation, None),
            ("GET", f"{conversation}/items", None), ("POST", f"{conversation}/items", {"items": [item]}),
            ("GET", item_path, None), ("DELETE", item_path, None),
        ]  # fmt: skip
        for method, path, body in asks:
            status, reply, _ = await call(client, method, rig.url + path, json=body, headers=TWO)
            assert (status, official(reply)["type"]) == (404, "invalid_request_error"), (method, path)
        for change in ({"previous_response_id": made["id"]}, {"conversation": conv["id"]}):
            status, reply, _ = await call(
                client, "POST", f"{rig.url}/v1/responses", json={**PLAIN, **change}, headers=TWO
            )
            assert status in (400, 404)
            official(reply)
        assert (await call(client, "GET", rig.url + item_path, headers=ONE))[0] == 200


# ---------- rate limits


async def test_requests_over_the_rate_are_a_429(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    async with serving(tmp_path, rate=RateSettings(requests_per_minute=2)) as rig:
        url = f"{rig.url}/v1/responses"
        for left in ("1", "0"):
            status, made, reply = await call(client, "POST", url, json=PLAIN)
            assert (status, reply.headers["x-ratelimit-remaining-requests"]) == (200, left)
        status, body, reply = await call(client, "POST", url, json=PLAIN)
        assert (status, official(body)["code"], body["error"]["type"]) == (
            429,
            "rate_limit_exceeded",
            "rate_limit_error",
        )
        assert reply.headers["retry-after"] == "30"
        assert reply.headers["x-ratelimit-limit-requests"] == "2"
        assert (await call(client, "GET", f"{url}/{made['id']}"))[0] == 200, "reading costs nothing"
        rig.clock.at += 30
        assert (await call(client, "POST", url, json=PLAIN))[0] == 200


@pytest.mark.parametrize("change", [{}, {"stream": True}, {"background": True}])
async def test_tokens_are_charged_when_the_run_has_ended(
    tmp_path: Path, client: aiohttp.ClientSession, change: dict[str, Any]
) -> None:
    async with serving(tmp_path, rate=RateSettings(tokens_per_minute=1000)) as rig:
        async with client.post(f"{rig.url}/v1/responses", json={**PLAIN, **change}) as reply:
            assert reply.status == 200
            await reply.read()
        await until(lambda: 'antiphon_tokens_total{kind="output"} 3.0' in rig.metrics.page().decode())
        async with client.post(
            f"{rig.url}/v1/responses/input_tokens", data=b"{}", headers={"content-type": "application/json"}
        ) as reply:
            assert reply.headers["x-ratelimit-remaining-tokens"] == str(1000 - 10 - 1)  # 10 used, 1 for `{}`


# ---------- health


async def test_ready_says_what_is_missing(rig: Rig, client: aiohttp.ClientSession) -> None:
    assert (await call(client, "GET", f"{rig.url}/ready"))[:2] == (200, {"status": "ready"})
    rig.store.is_ready = rig.router.is_ready = False
    status, body, _ = await call(client, "GET", f"{rig.url}/ready")
    assert (status, official(body)["code"]) == (503, "not_ready")
    assert body["error"]["message"] == "Not ready: the store is not usable, no engine is ready."
    assert (await call(client, "GET", f"{rig.url}/health"))[:2] == (200, {"status": "ok", "version": "9.9"})


async def test_models(rig: Rig, client: aiohttp.ClientSession) -> None:
    status, body, _ = await call(client, "GET", f"{rig.url}/v1/models")
    assert (status, check_reply("GET /models", body)) == (200, [])
    assert [m["id"] for m in body["data"]] == ["m", "org/m"]
    for model in body["data"]:
        assert (await call(client, "GET", f"{rig.url}/v1/models/{model['id']}"))[:2] == (200, model)
    status, body, _ = await call(client, "GET", f"{rig.url}/v1/models/nope")
    assert (status, official(body)["code"], body["error"]["param"]) == (404, "model_not_found", "model")


async def test_the_openapi_document_is_of_what_is_served(rig: Rig, client: aiohttp.ClientSession) -> None:
    _, document, _ = await call(client, "GET", f"{rig.url}/openapi.json")
    assert document["info"] == {"title": "Antiphon", "version": "9.9"}
    for template, methods in document["paths"].items():
        path = "/v1" + template.replace("{", "").replace("}", "")
        for method in methods:
            async with client.request(method.upper(), rig.url + path) as reply:
                assert reply.status != 405
                assert not (await reply.read()).startswith(b'{"error":{"message":"Invalid URL')


async def test_metrics_can_be_left_out(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    async with serving(tmp_path, HttpSettings(port=0, metrics=False)) as rig:
        assert (await call(client, "GET", f"{rig.url}/metrics"))[0] == 404


async def test_two_hundred_at_once(rig: Rig, client: aiohttp.ClientSession) -> None:
    async def one(n: int) -> str:
        _, made, _ = await call(client, "POST", f"{rig.url}/v1/responses", json={**PLAIN, "user": f"u{n}"})
        assert made["user"] == f"u{n}"
        return made["id"]

    assert len(set(await asyncio.gather(*(one(n) for n in range(200))))) == 200
