"""kill -9 at random moments under load: what a client was told is there, and nothing is left half-way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import judge
from tests.support.faults import PATIENCE_S, Front, client_of
from tests.support.laws import TERMINAL
from tests.support.scenarios import WEATHER, script
from tests.support.server import Server, start, stop

JSON = dict[str, Any]
CLIENTS = 8
ENDED = {"completed", "failed", "incomplete", "cancelled"}
SCRIPTS = (
    script("say one two three"),
    script("split 1", "repeat 20 say word ", "wait 0.01", "repeat 20 say word "),
    script("think hm", "wait 0.02", "say so"),
    script('call get_weather {"city": "Oslo"}'),
    script("say a", "wait 0.05", "fail server broke"),
    "x" * 100_000,
)


class Witness:
    """What clients saw, over all lives of the server."""

    def __init__(self) -> None:
        self.told: dict[str, JSON] = {}
        """Final objects by id: a plain answer, or a terminal event."""
        self.shown: dict[str, list[JSON]] = {}
        """Events of streams that can be resumed, as far as they were read."""
        self.begun: set[str] = set()
        """Every stored id that any client was shown."""
        self.talks: dict[str, set[str]] = {}
        """Ids of the items that a conversation must hold."""
        self.counts: Counter[str] = Counter()
        self.enough = asyncio.Event()
        self.wanted = 0

    def ended(self, final: JSON) -> None:
        self.told[final["id"]] = final
        self.counts[f"told {final['status']}"] += 1
        if len(self.told) >= self.wanted:
            self.enough.set()
        if final["conversation"] and final["status"] == "completed":
            self.talks[final["conversation"]["id"]] |= {item["id"] for item in final["output"]}


class Client:
    """Asks for one thing after another until the server is gone."""

    def __init__(self, front: Front, witness: Witness, chance: random.Random) -> None:
        self._front, self._witness, self._chance = front, witness, chance

    async def work(self) -> None:
        with contextlib.suppress(aiohttp.ClientError, asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._ask()

    async def _ask(self) -> None:
        chance, witness = self._chance, self._witness
        body: JSON = {"model": "scripted", "input": chance.choice(SCRIPTS), "tools": [WEATHER]}
        match chance.randrange(6):
            case 0:
                await self._plain(body)
            case 1:
                await self._stream(body)
            case 2:
                await self._stream({**body, "background": True})
            case 3:
                await self._poll({**body, "background": True})
            case 4:
                made = (await self._front.ask("POST", "/conversations", json={})).json
                witness.talks[made["id"]] = set()
                await self._stream({**body, "input": "hello", "conversation": made["id"]})
            case _:
                last = [one for one in witness.told.values() if one["status"] == "completed"][-20:]
                answered = [one for one in last if one["output"][-1]["type"] == "message"]
                if answered:
                    body["previous_response_id"] = chance.choice(answered)["id"]
                await self._plain(body)

    async def _plain(self, body: JSON) -> None:
        answer = await self._front.create(**body)
        assert answer.status == 200, answer.raw
        self._witness.begun.add(answer.json["id"])
        self._witness.ended(answer.json)

    async def _poll(self, body: JSON) -> None:
        queued = (await self._front.create(**body)).json
        self._witness.begun.add(queued["id"])
        found = queued
        while found["status"] not in ENDED:
            found = await self._front.get(queued["id"])
        self._witness.ended(found)

    async def _stream(self, body: JSON) -> None:
        seen: list[JSON] = []
        async for event in self._events({**body, "stream": True}):
            seen.append(event)
            if event["type"] == "response.created":
                self._witness.begun.add(event["response"]["id"])
                if body.get("background"):
                    self._witness.shown[event["response"]["id"]] = seen
            if event["type"] in TERMINAL:
                self._witness.ended(event["response"])

    async def _events(self, body: JSON) -> AsyncIterator[JSON]:
        url = f"{self._front.server.base_url}/responses"
        async with asyncio.timeout(PATIENCE_S), self._front.session.post(url, json=body) as reply:
            assert reply.status == 200
            async for line in reply.content:
                if line.startswith(b"data: {") and line.endswith(b"\n"):
                    yield json.loads(line[6:])


async def live(server: Server, witness: Witness, chance: random.Random) -> None:
    """Load, and a kill: after some time, or in the moment in which some client is told an end."""
    async with client_of(server) as front:
        clients = [Client(front, witness, random.Random(chance.random())) for _ in range(CLIENTS)]
        witness.wanted = chance.randrange(1, 80)
        tasks = [asyncio.create_task(one.work()) for one in clients]
        waits = [asyncio.create_task(witness.enough.wait()), *tasks]
        limit = chance.uniform(0.05, 0.8)
        await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        server.process.kill()
        assert not any(task.done() for task in tasks), "no client ends while the server lives"
        waits[0].cancel()
        await asyncio.to_thread(server.process.wait, PATIENCE_S)
        await asyncio.gather(*tasks)


async def inquest(server: Server, witness: Witness, chance: random.Random) -> None:
    """What the next life must show of all that was seen."""
    async with client_of(server) as front:
        for response_id, final in witness.told.items():
            assert await front.get(response_id) == final
        for response_id in witness.begun - set(witness.told):
            found = await front.get(response_id)
            assert found["status"] in ENDED, "nothing is in progress for ever"
            witness.counts[f"cut, then {found['status']}"] += 1
        for response_id, shown in witness.shown.items():
            path = f"/responses/{response_id}?stream=true&include_obfuscation=false"
            events = (await front.ask("GET", path)).events
            assert events[: len(shown)] == judge.settled(shown), (
                "what was shown is a prefix of what is stored"
            )
            assert judge.faults(events, await front.get(response_id)) == []
            after = chance.randrange(len(events))
            rest = (
                (await front.ask("GET", f"{path}&starting_after={after}")).events
                if after < len(events) - 1
                else []
            )
            assert rest == events[after + 1 :]
            witness.counts["logs resumed"] += 1
        for conversation_id, ids in witness.talks.items():
            items = await front.ask("GET", f"/conversations/{conversation_id}/items?limit=100")
            if items.status == 404 and not ids:
                continue  # the kill came before the answer
            assert ids <= {item["id"] for item in items.json["data"]}
            again = await front.create(model="scripted", input="still there?", conversation=conversation_id)
            assert again.status == 200, again.raw  # its lock did not die with the owner
        for final in list(witness.told.values())[-3:]:
            if final["output"] and final["output"][-1]["type"] == "message":
                body = {"model": "scripted", "input": "and then?", "previous_response_id": final["id"]}
                assert (await front.create(**body)).status == 200
        assert await front.incidents() == {}
    assert [line for line in server.lines() if line["level"] in ("error", "critical")] == []


async def killed(folder: Path, seed: int, kills: int) -> None:
    chance, total = random.Random(seed), Counter[str]()
    server = await asyncio.to_thread(start, folder)
    try:
        for _ in range(kills):
            witness = Witness()
            await live(server, witness, chance)
            server = await asyncio.to_thread(start, folder)
            await inquest(server, witness, chance)
            total += witness.counts
    finally:
        await asyncio.to_thread(stop, server)
    print(f"\nseed {seed}, {kills} kills: {dict(sorted(total.items()))}")
    assert sum(n for name, n in total.items() if name.startswith("told")) > kills


async def test_a_few_kills(tmp_path: Path) -> None:
    await killed(tmp_path, 1, kills=5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 106))
async def test_many_kills(tmp_path: Path, seed: int) -> None:
    await killed(tmp_path, seed, kills=10)
