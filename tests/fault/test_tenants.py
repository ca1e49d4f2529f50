"""Two tenants on one server at the same time: no byte of one ever reaches the other, whatever it asks for."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.support.faults import PATIENCE_S, Answer, Front, client_of, front_of, official, until
from tests.support.faults_requests import MODEL, Known, Request, Requests
from tests.support.laws import TERMINAL
from tests.support.scenarios import WEATHER, script
from yarl import URL

JSON = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {"red": "sk-red-0123456789abcdef", "blue": "sk-blue-0123456789abcdef"}
MARKS = {"red": "vermilion7f3a", "blue": "ultramarine9c1e"}
CONFIG = """
[[engines]]
name = "scripted"
kind = "scripted"
models = ["scripted", "chat", "responses"]
[[auth.keys]]
key = "sk-red-0123456789abcdef"
tenant = "red"
[[auth.keys]]
key = "sk-blue-0123456789abcdef"
tenant = "blue"
[fetch]
enabled = false
"""


@dataclass
class Tenant:
    """A client with a key. `heard` is every byte that it was sent."""

    name: str
    front: Front
    heard: list[bytes] = field(default_factory=list[bytes])
    responses: list[str] = field(default_factory=list[str])
    conversations: list[str] = field(default_factory=list[str])
    items: list[str] = field(default_factory=list[str])
    seals: list[JSON] = field(default_factory=list[JSON])
    """Sealed items of its own: reasoning and compactions."""

    @property
    def mark(self) -> str:
        """A word that stands in all that it says."""
        return MARKS[self.name]

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        answer = await self.front.ask(method, path, **more)
        self.heard.append(answer.raw + repr(answer.headers).encode())
        return answer

    async def create(self, **body: Any) -> Answer:
        return await self.ask("POST", "/responses", json={"model": MODEL, **body})

    async def send(self, request: Request) -> None:
        """A damaged request; what it answers is only listened to."""
        if request.socket:
            return
        url = URL(f"{self.front.server.base_url}{request.path}", encoded=True)
        headers = {"authorization": f"Bearer {KEYS[self.name]}", **request.headers}
        async with asyncio.timeout(PATIENCE_S):
            call = self.front.session.request(request.method, url, data=request.body, headers=headers)
            async with call as reply:
                self.heard.append(await reply.read() + repr(reply.headers).encode())
                assert reply.status < 500

    async def talk(self, *bodies: JSON) -> list[list[JSON]]:
        """Frames on one socket, one after another; the frames that answer each."""
        told: list[list[JSON]] = []
        headers = {"authorization": f"Bearer {KEYS[self.name]}"}
        url = f"{self.front.server.base_url}/responses"
        async with self.front.session.ws_connect(url, headers=headers) as socket:
            for body in bodies:
                await socket.send_json({"type": "response.create", "model": MODEL, **body})
                told.append([await self._frame(socket)])
                while told[-1][-1]["type"] not in TERMINAL and "status" not in told[-1][-1]:
                    told[-1].append(await self._frame(socket))
        return told

    async def _frame(self, socket: aiohttp.ClientWebSocketResponse) -> JSON:
        message = await socket.receive(PATIENCE_S)
        self.heard.append(message.data.encode())
        return json.loads(message.data)

    def heard_of(self, other: Tenant) -> list[bytes]:
        """What it was sent that holds the other's word or any of its ids."""
        secrets = [other.mark.encode(), KEYS[other.name].encode()]
        return [one[:2000] for one in self.heard if any(secret in one.lower() for secret in secrets)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Tenant, Tenant]]:
    folder: Path = tmp_path_factory.mktemp("tenants")
    async with (
        front_of(folder, config=CONFIG) as front,
        client_of(front.server, KEYS["red"]) as red,
        client_of(front.server, KEYS["blue"]) as blue,
    ):
        both = Tenant("red", red), Tenant("blue", blue)
        async with asyncio.TaskGroup() as group:
            for tenant in both:
                for turn in range(6):
                    group.create_task(lived(tenant, turn))
        yield both
        assert await red.incidents() == {}


async def lived(tenant: Tenant, turn: int) -> None:
    """A session that uses everything, and says the tenant's word everywhere."""
    mark = f"{tenant.mark} {turn}"
    body: JSON = {
        "instructions": f"instructions {mark}",
        "metadata": {"topic": mark},
        "user": mark,
        "include": ["reasoning.encrypted_content"],
    }
    made = await tenant.create(input=script(f"think {mark}", f"say {mark}"), **body)
    final = made.json
    assert made.status == 200, made.raw
    tenant.responses.append(final["id"])
    tenant.items += [item["id"] for item in final["output"]]
    tenant.seals.append({**final["output"][0], "content": None})
    call = await tenant.create(
        input=script(f'call get_weather {{"city": "{mark}"}}'),
        tools=[WEATHER],
        stream=True,
        previous_response_id=final["id"],
    )
    assert call.events[-1]["type"] == "response.completed"
    tenant.responses.append(call.events[-1]["response"]["id"])
    behind = await tenant.create(input=mark, background=True)
    tenant.responses.append(behind.json["id"])
    items = [{"role": "user", "content": mark}]
    conversation = await tenant.ask(
        "POST", "/conversations", json={"items": items, "metadata": {"topic": mark}}
    )
    tenant.conversations.append(conversation.json["id"])
    assert (await tenant.create(input=f"hello {mark}", conversation=conversation.json["id"])).status == 200
    compacted = await tenant.ask("POST", "/responses/compact", json={"model": MODEL, "input": mark})
    tenant.seals.append(compacted.json["output"][-1])
    await tenant.ask("POST", "/responses/input_tokens", json={"model": MODEL, "input": mark})
    await tenant.create(input=mark, temperature=mark)
    await tenant.create(input=script("say x", f"fail server {mark}"), stream=True)
    for frames in await tenant.talk({"input": mark}, {"input": mark, "store": False, "stream_id": "lane"}):
        assert frames[-1]["type"] == "response.completed"
        tenant.responses.append(frames[-1]["response"]["id"])

    async def ended() -> bool:
        found = await tenant.ask("GET", f"/responses/{behind.json['id']}")
        return found.json["status"] == "completed"

    await until(ended, "the background response ends")


def each_way(tenants: tuple[Tenant, Tenant]) -> tuple[tuple[Tenant, Tenant], tuple[Tenant, Tenant]]:
    """Who pries, and into whose."""
    red, blue = tenants
    return (red, blue), (blue, red)


def missing(answer: Answer, *statuses: int) -> None:
    assert answer.status in (statuses or (404,)), answer.raw
    assert answer.error["type"] == "invalid_request_error"


async def test_each_hears_its_own_word(tenants: tuple[Tenant, Tenant]) -> None:
    """Otherwise the other tests would listen for nothing."""
    for tenant in tenants:
        assert sum(tenant.mark.encode() in one for one in tenant.heard) > 30


async def test_while_both_work_neither_hears_of_the_other(tenants: tuple[Tenant, Tenant]) -> None:
    for one, other in each_way(tenants):
        assert one.heard_of(other) == []


async def test_ids_of_another_lead_nowhere(tenants: tuple[Tenant, Tenant]) -> None:
    for one, other in each_way(tenants):
        for response_id in other.responses:
            path = f"/responses/{response_id}"
            for method, rest in (
                ("GET", ""),
                ("GET", "?stream=true"),
                ("GET", "?stream=true&starting_after=1"),
                ("GET", "/input_items"),
                ("POST", "/cancel"),
                ("DELETE", ""),
            ):
                missing(await one.ask(method, f"{path}{rest}"))
            chained = await one.create(input="what was said?", previous_response_id=response_id)
            missing(chained, 400)
            assert chained.error["code"] == "previous_response_not_found"
            body = {"model": MODEL, "previous_response_id": response_id}
            for place in ("input_tokens", "compact"):
                missing(await one.ask("POST", f"/responses/{place}", json=body), 400)
        for conversation_id in other.conversations:
            path = f"/conversations/{conversation_id}"
            for method, rest, body in (
                ("GET", "", None),
                ("POST", "", {"metadata": {"topic": "mine"}}),
                ("GET", "/items", None),
                ("POST", "/items", {"items": [{"role": "user", "content": "x"}]}),
                *(("GET", f"/items/{item}", None) for item in other.items[:2]),
                *(("DELETE", f"/items/{item}", None) for item in other.items[:2]),
                ("DELETE", "", None),
            ):
                missing(await one.ask(method, f"{path}{rest}", json=body))
            missing(await one.create(input="what was said?", conversation=conversation_id))
        assert one.heard_of(other) == []


async def test_items_of_another_cannot_be_referred_to(tenants: tuple[Tenant, Tenant]) -> None:
    for one, other in each_way(tenants):
        for item_id in other.items:
            for reference in ({"type": "item_reference", "id": item_id}, {"id": item_id}):
                recall = {"role": "user", "content": script("recall")}
                missing(await one.create(input=[reference, recall]))
                missing(await one.create(input=[reference, recall], stream=True))
                missing(await one.ask("POST", "/conversations", json={"items": [reference]}))
                path = f"/conversations/{one.conversations[0]}/items"
                missing(await one.ask("POST", path, json={"items": [reference]}))
                missing(await one.ask("GET", f"{path}/{item_id}"))
        assert one.heard_of(other) == []


async def test_what_was_sealed_for_another_stays_shut(tenants: tuple[Tenant, Tenant]) -> None:
    """`recall` says all that the engine was given; the owner's own seal opens, so that this can fail."""
    for one, other in each_way(tenants):
        for owner, seals in ((one, one.seals), (other, other.seals)):
            for seal in seals:
                bare = {k: v for k, v in seal.items() if k != "content"}
                answer = await one.create(input=[bare, {"role": "user", "content": script("recall")}])
                if owner is one:
                    assert answer.status == 200, answer.raw
                    # The scripted engine's summary is of the wish for one.
                    word = one.mark if seal["type"] == "reasoning" else "Write a summary"
                    assert word in answer.raw.decode()
                elif seal["type"] == "compaction":
                    missing(answer, 400)
                    assert answer.error["code"] == "invalid_encrypted_content"
                else:
                    assert answer.status == 200, answer.raw
        assert one.heard_of(other) == []


async def test_sockets_of_another_are_no_memory(tenants: tuple[Tenant, Tenant]) -> None:
    """Also where both use the same lane names at the same time, with what only the sockets know."""
    async with asyncio.TaskGroup() as group:
        talks = [
            group.create_task(
                tenant.talk(
                    *({"input": f"{tenant.mark} {n}", "store": False, "stream_id": "a"} for n in range(10))
                )
            )
            for tenant in tenants
        ]
    for (one, other), talk in zip(
        each_way(tenants), reversed([task.result() for task in talks]), strict=True
    ):
        theirs = [frames[-1]["response"]["id"] for frames in talk]
        bodies = [{"input": script("recall"), "previous_response_id": one_id} for one_id in theirs]
        for [frame] in await one.talk(
            *bodies, *({**body, "store": False, "stream_id": "a"} for body in bodies)
        ):
            assert official({"error": frame["error"]})["code"] == "previous_response_not_found"
        assert one.heard_of(other) == []


async def test_nothing_was_changed_by_prying(tenants: tuple[Tenant, Tenant]) -> None:
    for tenant in tenants:
        for response_id in tenant.responses:
            found = await tenant.ask("GET", f"/responses/{response_id}")
            assert found.status in (200, 404), found.raw  # 404: store was false
        for conversation_id in tenant.conversations:
            items = (await tenant.ask("GET", f"/conversations/{conversation_id}/items")).json["data"]
            assert len(items) == 3
            found = (await tenant.ask("GET", f"/conversations/{conversation_id}")).json
            assert tenant.mark in found["metadata"]["topic"]


async def test_damaged_requests_with_ids_of_another(tenants: tuple[Tenant, Tenant]) -> None:
    async def pry(one: Tenant, other: Tenant, seed: int) -> None:
        known = Known(other.responses[0], other.conversations[0], other.items[0], other.responses[2])
        for request in itertools.islice(Requests(seed, known), 200):
            await one.send(request)

    async with asyncio.TaskGroup() as group:
        for one, other in each_way(tenants):
            group.create_task(pry(one, other, seed=21))
            group.create_task(pry(one, other, seed=22))
    for one, other in each_way(tenants):
        assert one.heard_of(other) == []
        assert (await other.ask("GET", f"/responses/{other.responses[0]}")).status == 200


async def test_strangers_get_nothing(tenants: tuple[Tenant, Tenant]) -> None:
    red, _ = tenants
    async with client_of(red.front.server, "sk-nobody-0123456789") as nobody:
        for path in ("/models", f"/responses/{red.responses[0]}", f"{red.front.server.root}/metrics"):
            refused = await nobody.ask("GET", path)
            assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")
            assert "nobody-0123" not in refused.raw.decode()
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await nobody.session.ws_connect(f"{red.front.server.base_url}/responses")
        assert caught.value.status == 401
