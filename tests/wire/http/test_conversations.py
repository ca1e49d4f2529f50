"""The resource `/conversations`: eight operations in the official shapes."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from tests.wire.http.rig import Rig
from tests.wire.http.test_requests import official
from tests.wire.http.test_responses import call

from antiphon.spec.validate import check_reply

ITEMS = "/conversations/{conversation_id}/items"


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


async def made(rig: Rig, client: aiohttp.ClientSession, **body: Any) -> dict[str, Any]:
    status, conversation, _ = await call(client, "POST", f"{rig.url}/v1/conversations", json=body)
    assert (status, check_reply("POST /conversations", conversation)) == (200, [])
    return conversation


async def test_a_conversation_from_nothing(rig: Rig, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{rig.url}/v1/conversations") as reply:
        body = await reply.json()
    assert body == {"id": body["id"], "object": "conversation", "created_at": 1_700_000_000, "metadata": {}}
    assert await made(rig, client, items=None, metadata=None)
    url = f"{rig.url}/v1/conversations/{body['id']}"
    assert (await call(client, "GET", url))[:2] == (200, body)
    _, items, _ = await call(client, "GET", f"{url}/items")
    assert items == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


async def test_metadata_is_replaced(rig: Rig, client: aiohttp.ClientSession) -> None:
    conversation = await made(rig, client, metadata={"a": "1"})
    url = f"{rig.url}/v1/conversations/{conversation['id']}"
    for given, kept in (({"b": "2"}, {"b": "2"}), (None, {})):
        status, body, _ = await call(client, "POST", url, json={"metadata": given})
        assert (status, body) == (200, {**conversation, "metadata": kept})
    assert (await call(client, "GET", url))[1]["metadata"] == {}


async def test_deleted_is_gone(rig: Rig, client: aiohttp.ClientSession) -> None:
    conversation = await made(rig, client)
    url = f"{rig.url}/v1/conversations/{conversation['id']}"
    gone = {"id": conversation["id"], "object": "conversation.deleted", "deleted": True}
    assert (await call(client, "DELETE", url))[:2] == (200, gone)
    asks: list[tuple[str, str, Any]] = [
        ("GET", "", None), ("DELETE", "", None), ("POST", "", {"metadata": {}}), ("GET", "/items", None),
        ("POST", "/items", {"items": [message("x")]}), ("GET", "/items/msg_1", None),
        ("DELETE", "/items/msg_1", None),
    ]  # fmt: skip
    for method, tail, body in asks:
        status, reply, _ = await call(client, method, url + tail, json=body)
        assert (status, official(reply)["message"]) == (
            404,
            f"Conversation with id '{conversation['id']}' not found.",
        )


async def test_items_are_added_listed_found_and_deleted(rig: Rig, client: aiohttp.ClientSession) -> None:
    conversation = await made(rig, client, items=[message("one")])
    url = f"{rig.url}/v1/conversations/{conversation['id']}"
    call_item = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    status, added, _ = await call(client, "POST", f"{url}/items", json={"items": [message("two"), call_item]})
    assert (status, check_reply(f"POST {ITEMS}", added)) == (200, [])
    assert [i["type"] for i in added["data"]] == ["message", "function_call"]
    assert added["data"][0]["content"] == [{"type": "input_text", "text": "two"}]
    assert (added["first_id"], added["last_id"]) == (added["data"][0]["id"], added["data"][1]["id"])
    assert added["has_more"] is False

    status, listed, _ = await call(client, "GET", f"{url}/items?order=asc")
    assert (status, check_reply(f"GET {ITEMS}", listed)) == (200, [])
    assert listed["data"][1:] == added["data"]
    assert len({i["id"] for i in listed["data"]}) == 3
    _, page, _ = await call(client, "GET", f"{url}/items?limit=1&after={added['last_id']}")
    assert (page["data"], page["has_more"]) == ([added["data"][0]], True)

    item_url = f"{url}/items/{added['first_id']}"
    assert (await call(client, "GET", item_url))[:2] == (200, added["data"][0])
    assert (await call(client, "DELETE", item_url))[:2] == (200, conversation), (
        "answers the conversation (H20)"
    )
    for method in ("GET", "DELETE"):
        status, body, _ = await call(client, method, item_url)
        assert status == 404
        assert added["first_id"] in official(body)["message"]


async def test_at_most_twenty_items_at_a_time(rig: Rig, client: aiohttp.ClientSession) -> None:
    conversation = await made(rig, client, items=[message("x")] * 20)
    for path in ("", f"/{conversation['id']}/items"):
        status, body, _ = await call(
            client, "POST", f"{rig.url}/v1/conversations{path}", json={"items": [message("x")] * 21}
        )
        assert (status, official(body)["code"], body["error"]["param"]) == (
            400,
            "array_above_max_length",
            "items",
        )


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata", "object_above_max_properties"),
        ({"metadata": {"k" * 65: "x"}}, "metadata", "property_name_above_max_length"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k", "string_above_max_length"),
        ({"metadata": {"k": 1}}, "metadata.k", "invalid_type"),
        ({"metadata": []}, "metadata", "invalid_type"),
        ({"nope": 1}, "nope", "unknown_parameter"),
        ({"items": [{"type": "nope"}]}, "items[0].type", "invalid_value"),
        ({"items": "text"}, "items", "invalid_type"),
    ],
)
async def test_a_wrong_body_is_a_400(
    rig: Rig, client: aiohttp.ClientSession, body: dict[str, Any], param: str, code: str
) -> None:
    status, reply, _ = await call(client, "POST", f"{rig.url}/v1/conversations", json=body)
    error = official(reply)
    assert (status, error["param"], error["code"]) == (400, param, code)


async def test_update_and_add_need_their_parameter(rig: Rig, client: aiohttp.ClientSession) -> None:
    conversation = await made(rig, client)
    url = f"{rig.url}/v1/conversations/{conversation['id']}"
    for tail, param in (("", "metadata"), ("/items", "items")):
        status, body, _ = await call(client, "POST", url + tail, json={})
        error = official(body)
        assert (status, error["code"], error["param"]) == (400, "missing_required_parameter", param)
        async with client.post(url + tail) as reply:
            assert reply.status in (400, 415)


async def test_images_are_hidden_until_asked_for(rig: Rig, client: aiohttp.ClientSession) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}
    conversation = await made(rig, client, items=[{"role": "user", "content": [image]}])
    url = f"{rig.url}/v1/conversations/{conversation['id']}/items"
    asked = "include[]=message.input_image.image_url"
    _, hidden, _ = await call(client, "GET", url)
    _, shown, _ = await call(client, "GET", f"{url}?{asked}")
    assert hidden["data"][0]["content"] == [{**image, "image_url": None}]
    assert shown["data"][0]["content"] == [image]
    assert check_reply(f"GET {ITEMS}", hidden) == []
    item_url = f"{url}/{shown['first_id']}"
    assert (await call(client, "GET", item_url))[1]["content"][0]["image_url"] is None
    assert (await call(client, "GET", f"{item_url}?{asked}"))[1]["content"][0] == image


async def test_a_response_reads_and_extends_its_conversation(rig: Rig, client: aiohttp.ClientSession) -> None:
    conversation = await made(rig, client, items=[message("first")])
    body = {"model": "m", "input": "second", "conversation": conversation["id"]}
    status, response, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=body)
    assert (status, response["conversation"]) == (200, {"id": conversation["id"]})
    seen = rig.engine.turns[0].sample.items
    assert [item["content"][0]["text"] for item in seen] == ["first", "second"]
    _, listed, _ = await call(
        client, "GET", f"{rig.url}/v1/conversations/{conversation['id']}/items?order=asc"
    )
    assert [i["content"][0]["text"] for i in listed["data"]] == ["first", "second", "Hello world"]


async def test_two_runs_cannot_hold_one_conversation(rig: Rig, client: aiohttp.ClientSession) -> None:
    rig.engine.auto = None
    conversation = await made(rig, client)
    body = {"model": "m", "input": "x", "conversation": conversation["id"], "background": True}
    assert (await call(client, "POST", f"{rig.url}/v1/responses", json=body))[0] == 200
    status, reply, _ = await call(client, "POST", f"{rig.url}/v1/responses", json=body)
    error = official(reply)
    assert (status, error["code"], error["param"]) == (400, "conversation_locked", "conversation")
