"""Runs that end badly: the conversation is given back, the engine let go, and the store told in the end."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.house import House, as_json, open_house

from antiphon.config import RunSettings
from antiphon.core.deltas import JSON
from antiphon.core.errors import ApiError, Invalid, Overloaded
from antiphon.ports import StoreFull

CONVERSATION = {"id": "conv_1", "object": "conversation"}
IN_IT = {"model": "scripted", "conversation": "conv_1"}


class Weak:
    """The real store, with methods that fail while they are named, or wait while they have a gate."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.failing: set[str] = set()
        self.gates: dict[str, asyncio.Event] = {}

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        async def call(*given: Any) -> Any:
            if name in self.gates:
                await self.gates[name].wait()
            if name in self.failing:
                raise StoreFull("disk full")
            return await real(*given)

        return call


def weaken(house: House) -> Weak:
    """The runs of this house now write to a store that may fail."""
    weak: Any = Weak(house.store)
    runs, driver = house.runs, house.runs._driver
    runs._history._store = driver._recorder._store = runs._locks._store = weak
    return weak


async def said(house: House, **body: Any) -> JSON:
    """The final object of a request that is in the conversation."""
    live = await house.runs.start({**IN_IT, **body}, house.me)
    return as_json(await live.result())


@pytest.mark.parametrize("how", [{"stream": True}, {"background": True}])
async def test_a_conversation_is_free_after_a_response_that_could_not_be_created(
    tmp_path: Path, how: JSON
) -> None:
    async with open_house(tmp_path) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        weak = weaken(house)
        weak.failing = {"create"}
        with pytest.raises(ApiError):
            await (await house.runs.start({**IN_IT, "input": "a", **how}, house.me)).accepted()
        weak.failing = set()
        assert (await said(house, input="b"))["status"] == "completed"


@pytest.mark.parametrize("how", [{}, {"stream": True}, {"background": True}])
async def test_a_conversation_is_free_after_an_end_that_could_not_be_stored(
    tmp_path: Path, how: JSON
) -> None:
    async with open_house(tmp_path) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        weak = weaken(house)
        weak.failing = {"end", "end_new"}
        assert (await said(house, input="a", **how))["status"] == "failed"
        weak.failing = set()
        assert (await said(house, input="b"))["status"] == "completed"


@pytest.mark.parametrize("how", [{"stream": True}, {"background": True}])
async def test_an_end_that_could_not_be_stored_is_stored_as_soon_as_it_can_be(
    tmp_path: Path, how: JSON
) -> None:
    """Or the response would be in progress for ever, for whoever polls it."""
    async with open_house(tmp_path) as house:
        weak = weaken(house)
        weak.failing = {"end"}
        live = await house.runs.start({"model": "scripted", "input": "a", **how}, house.me)
        failed = as_json(await live.result())
        assert failed["status"] == "failed"
        assert as_json(await house.runs.get(live.id, house.me)) == failed
        weak.failing = set()
        async with asyncio.timeout(5):
            await live.finished()
        assert as_json(await house.store.get("default", live.id)) == failed
        if "background" in how:
            events = await house.store.events("default", live.id, -1, 1000)
            assert events is not None
            assert [e.type for e in events[-2:]] == ["error", "response.failed"]


async def test_a_conversation_is_free_after_a_refused_start(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        with pytest.raises(Invalid, match="No tool call found"):
            await said(house, input=[{"type": "function_call_output", "call_id": "c", "output": "x"}])
        assert (await said(house, input="b"))["status"] == "completed"


class Waiting:
    """Inputs that wait for a gate."""

    def __init__(self) -> None:
        self.entered, self.gate = asyncio.Event(), asyncio.Event()

    async def resolve(self, tenant: str, items: Sequence[JSON], history: int = 0) -> tuple[JSON, ...]:
        self.entered.set()
        await self.gate.wait()
        return tuple(items)


async def test_a_conversation_is_taken_before_it_is_read(tmp_path: Path) -> None:
    """Or another response could be added between the reading and the answer, which would not know of it."""
    async with open_house(tmp_path) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        house.runs._inputs = waiting = Waiting()
        first = asyncio.create_task(said(house, input="a"))
        await waiting.entered.wait()
        with pytest.raises(Invalid) as caught:
            await said(house, input="b")
        assert caught.value.code == "conversation_locked"
        first.cancel()
        await asyncio.wait({first})
        waiting.gate.set()
        assert (await said(house, input="c"))["status"] == "completed"


async def test_a_conversation_stays_taken_however_long_a_response_waits(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(max_concurrent=1)) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        pause = {"input": "#script\nsay a\npause gate"}
        first = await house.runs.start({"model": "scripted", **pause}, house.me)
        await first.accepted()
        queued = await house.runs.start({**IN_IT, **pause, "background": True}, house.me)
        await queued.accepted()
        house.clock.time += 3_500
        await first.cancel()
        async for batch in queued.events():
            if any(event.type == "response.output_text.delta" for event in batch):
                break
        house.clock.time += 3_500
        with pytest.raises(Invalid) as caught:
            await said(house, input="b", background=True)
        assert caught.value.code == "conversation_locked"
        await queued.cancel()


async def test_a_response_that_lost_its_conversation_does_not_begin(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(max_concurrent=1)) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        first = await house.runs.start({"model": "scripted", "input": "#script\npause gate"}, house.me)
        queued = await house.runs.start({**IN_IT, "input": "x", "background": True}, house.me)
        await queued.accepted()
        house.clock.time += 3_601
        assert await house.store.lock_conversation("default", "conv_1", "resp_other", house.clock.time + 1)
        await first.cancel()
        failed = await queued.result()
        assert (failed["status"], failed["error"]["code"]) == ("failed", "conversation_locked")


async def test_a_killed_process_leaves_no_conversation_locked(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.store.create_conversation("default", CONVERSATION, [])
        live = await house.runs.start({**IN_IT, "input": "#script\nsay a\npause gate"}, house.me)
        await live.accepted()
        async with open_house(tmp_path) as reborn:
            reborn.runs._world.ids._numbers = itertools.count(1000)  # ids of two processes differ
            assert (await said(reborn, input="b"))["status"] == "completed"
        await live.cancel()


async def test_the_engine_is_let_go_where_the_response_cannot_begin(tmp_path: Path) -> None:
    """`created` is due while the engine still thinks; then the engine accepts what nobody will read."""
    async with open_house(tmp_path, RunSettings(accept_wait_s=0)) as house:
        weak = weaken(house)
        weak.failing, weak.gates = {"create"}, {"create": asyncio.Event()}
        body = {"model": "scripted", "input": "#script\nsay a\npause gate", "stream": True}
        opened, accepts = house.engine.open, asyncio.Event()

        async def slow(sample: Any) -> Any:
            await accepts.wait()
            return await opened(sample)

        house.engine.open = slow  # type: ignore[method-assign]
        live = await house.runs.start(body, house.me)
        async with asyncio.timeout(5):
            while live.creating is None:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0)
            accepts.set()
            while not house.engine.running:  # noqa: ASYNC110
                await asyncio.sleep(0)
            weak.gates["create"].set()
            with pytest.raises(ApiError):
                await live.accepted()
            await live.finished()
        assert house.engine.running == 0


async def test_nobody_sees_an_end_before_it_is_stored(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        weak = weaken(house)
        weak.gates, weak.failing = {"end": asyncio.Event()}, {"end"}
        live = await house.runs.start({"model": "scripted", "input": "a", "background": True}, house.me)
        async with asyncio.timeout(5):
            while live.machine.state != "ended":  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0)
        poll = asyncio.create_task(house.runs.get(live.id, house.me))
        await asyncio.sleep(0)
        weak.gates["end"].set()
        assert (await poll)["status"] == "failed"
        weak.failing = set()
        await live.finished()


async def test_events_that_wait_for_the_store_count_as_output(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(max_output_bytes=20_000, event_flush_s=0)) as house:
        weak = weaken(house)
        weak.failing = {"append_events"}
        body = {"model": "scripted", "input": "#script\nsay " + "word " * 500, "background": True}
        live = await house.runs.start(body, house.me)
        failed = await live.result()
        assert failed["error"]["message"] == "The response grew larger than this server allows."


async def test_a_run_that_is_cancelled_before_its_first_step_ends(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        live = await house.runs.start({"model": "scripted", "input": "a"}, house.me)
        async with asyncio.timeout(5):
            await live.cancel()
        assert live.ended
        assert house.runs.active == 0


async def test_compactions_count_among_the_responses_that_run_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(max_concurrent=1)) as house:
        live = await house.runs.start({"model": "scripted", "input": "#script\npause gate"}, house.me)
        async with asyncio.timeout(5):
            while not house.engine.running:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await house.runs.compact({"model": "scripted", "input": "hello"}, house.me)
        await live.cancel()
        body = {"model": "scripted", "input": "hello"}
        assert (await house.runs.compact(body, house.me))["object"] == "response.compaction"
