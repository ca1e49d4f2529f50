"""Runs on a real store and the scripted engine: four views of one response, and its chain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.house import House, as_json, open_house
from tests.support.laws import broken

from antiphon.config import EngineSettings, RunSettings
from antiphon.core.errors import ApiError, Invalid, NotFound
from antiphon.core.fold import fold
from antiphon.ports import Caller, EndedResponse, Page, StoreDown, Warm

F = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened
        assert opened.incidents == []


def text_of(response: dict[str, Any]) -> str:
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    )


async def test_streamed_plain_stored_and_folded_are_one_object(house: House) -> None:
    events = await house.stream(input="Hello there")
    final = events[-1]["response"]
    assert broken(events, final) == []
    assert fold(events) == final
    assert as_json(await house.runs.get(final["id"], house.me)) == final
    stored = as_json(await house.store.get("default", final["id"]))
    assert stored == final
    plain = await house.plain(input="Hello there")
    assert text_of(plain) == text_of(final) != ""
    assert as_json(await house.store.get("default", plain["id"])) == plain


async def test_store_false_leaves_nothing(house: House) -> None:
    plain = await house.plain(input="secret", store=False)
    with pytest.raises(NotFound):
        await house.runs.get(plain["id"], house.me)
    assert await house.store.get("default", plain["id"]) is None


async def test_a_chain_carries_calls_and_outputs_but_not_instructions(house: House) -> None:
    first = await house.plain(input="hi", instructions="be brief", tools=[F], tool_choice="required")
    call = first["output"][-1]
    assert call["type"] == "function_call"
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    second = await house.plain(input=[output], previous_response_id=first["id"])
    heard = house.engine.heard[-1]
    assert heard.instructions is None
    assert [i["type"] for i in heard.items] == ["message", "function_call", "function_call_output"]
    assert second["previous_response_id"] == first["id"]
    listing = await house.runs.input_items(second["id"], Page(order="asc"), house.me)
    assert [i["type"] for i in listing.data] == ["message", "function_call", "function_call_output"]


async def test_unknown_and_foreign_previous_responses_are_a_400(house: House) -> None:
    first = await house.plain(input="hi")
    for previous, caller in (("resp_none", house.me), (first["id"], Caller("other"))):
        body = {"model": "scripted", "input": "x", "previous_response_id": previous}
        with pytest.raises(Invalid) as caught:
            await house.runs.start(body, caller)
        assert caught.value.code == "previous_response_not_found"


async def test_unpaired_outputs_are_refused(house: House) -> None:
    with pytest.raises(Invalid, match="No tool call found"):
        await house.plain(input=[{"type": "function_call_output", "call_id": "c", "output": "x"}])


async def test_a_background_response_is_queued_run_and_found(house: House) -> None:
    live = await house.runs.start(
        {"model": "scripted", "input": "hello", "background": True, "stream": True}, house.me
    )
    await live.accepted()
    assert (await house.runs.get(live.id, house.me))["status"] in ("queued", "in_progress", "completed")
    final = as_json(await live.result())
    await live.finished()
    told = [msgspec.json.decode(e.data) async for b in live.events() for e in b]
    assert broken(told, final) == []
    assert [e["type"] for e in told[:3]] == ["response.created", "response.queued", "response.in_progress"]
    for cut in range(-1, len(told)):
        again = [
            msgspec.json.decode(e.data)
            async for b in await house.runs.resume(live.id, cut, house.me)
            for e in b
        ]
        assert again == told[cut + 1 :]


async def test_background_and_not_stored_is_found_for_a_while(house: House) -> None:
    live = await house.runs.start(
        {"model": "scripted", "input": "x", "background": True, "store": False}, house.me
    )
    await live.result()
    await live.finished()
    assert (await house.runs.get(live.id, house.me))["status"] == "completed"
    house.clock.time += 601
    with pytest.raises(NotFound):
        await house.runs.get(live.id, house.me)
    await house.store.sweep(house.clock.now() + 86_400)


async def test_cancel_keeps_what_was_said_and_is_idempotent(house: House) -> None:
    body = {"model": "scripted", "input": "#script\nsay Hello\npause never\nsay World", "background": True}
    live = await house.runs.start({**body, "stream": True}, house.me)
    async for batch in live.events():
        if any(e.type == "response.output_text.delta" for e in batch):
            break
    cancelled = as_json(await house.runs.cancel(live.id, house.me))
    assert cancelled["status"] == "cancelled"
    assert text_of(cancelled).startswith("Hello")
    assert as_json(await house.runs.cancel(live.id, house.me)) == cancelled
    assert as_json(await house.store.get("default", live.id)) == cancelled
    assert house.engine.running == 0
    told = [
        msgspec.json.decode(e.data) async for b in await house.runs.resume(live.id, -1, house.me) for e in b
    ]
    assert broken(told, cancelled) == []


async def test_a_synchronous_response_cannot_be_cancelled(house: House) -> None:
    plain = await house.plain(input="x")
    with pytest.raises(Invalid, match="Cannot cancel a synchronous response"):
        await house.runs.cancel(plain["id"], house.me)


async def test_a_failure_before_the_first_event_is_raised_and_leaves_nothing(house: House) -> None:
    live = await house.runs.start(
        {"model": "scripted", "input": "#script\nfail rate_limited", "stream": True}, house.me
    )
    with pytest.raises(ApiError) as caught:
        await live.accepted()
    assert caught.value.status == 429
    assert await house.store.get("default", live.id) is None
    house.incidents.clear()


async def test_a_failure_in_the_middle_is_told_and_stored(house: House) -> None:
    events = await house.stream(input="#script\nsay Hello\nfail dropped")
    assert [e["type"] for e in events[-2:]] == ["error", "response.failed"]
    final = events[-1]["response"]
    assert broken(events, final) == []
    assert (final["status"], final["error"]["code"]) == ("failed", "server_error")
    assert text_of(final).startswith("Hello")
    assert as_json(await house.store.get("default", final["id"])) == final
    house.incidents.clear()


async def test_incomplete_by_length(house: House) -> None:
    events = await house.stream(input="#script\nsay Hello\nfinish length")
    final = events[-1]["response"]
    assert (final["status"], final["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert broken(events, final) == []


async def test_conversations_collect_items_and_lock(house: House) -> None:
    await house.store.create_conversation("default", {"id": "conv_1", "object": "conversation"}, [])
    body = {"model": "scripted", "conversation": "conv_1"}
    live = await house.runs.start({**body, "input": "#script\nsay a\npause gate"}, house.me)
    with pytest.raises(Invalid) as caught:
        await house.runs.start({**body, "input": "y"}, house.me)
    assert caught.value.code == "conversation_locked"
    await live.cancel()
    first = await house.plain(conversation="conv_1", input="one")
    assert first["conversation"] == {"id": "conv_1"}
    await house.plain(conversation={"id": "conv_1"}, input="two")
    items = await house.store.conversation_context("default", "conv_1")
    assert items is not None
    assert [i["role"] for i in items] == ["user", "assistant", "user", "assistant"]
    assert [i["role"] for i in house.engine.heard[-1].items] == ["user", "assistant", "user"]
    with pytest.raises(NotFound):
        await house.plain(conversation="conv_none", input="x")


async def test_sealed_reasoning_comes_back_to_the_model(house: House) -> None:
    first = await house.plain(input="#script\nthink deep thought\nsay ok", store=False)
    reasoning = first["output"][0]
    assert reasoning["type"] == "reasoning"
    sealed = {"type": "reasoning", "id": reasoning["id"], "summary": [], "encrypted_content": ""}
    sealed["encrypted_content"] = reasoning["encrypted_content"]
    foreign = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA-foreign", "content": None}
    user = {"role": "user", "content": "go on"}
    await house.plain(input=[user, sealed, foreign, user], store=False)
    heard = [i for i in house.engine.heard[-1].items if i["type"] == "reasoning"]
    assert heard[0]["content"] == [{"type": "reasoning_text", "text": "deep thought"}]
    assert "content" not in heard[1]


async def test_compaction_makes_one_item_that_a_later_request_reads(house: House) -> None:
    trigger = {"type": "compaction_trigger"}
    events = await house.stream(input=[{"role": "user", "content": "My name is Ada"}, trigger])
    final = events[-1]["response"]
    assert broken(events, final) == []
    assert [i["type"] for i in final["output"]] == ["compaction"]
    await house.plain(input=[final["output"][0], {"role": "user", "content": "who am I?"}])
    assert house.engine.heard[-1].items[0]["content"][0]["text"].startswith("Summary of the earlier")
    with pytest.raises(Invalid):
        await house.plain(input=[trigger, {"role": "user", "content": "x"}])
    made = await house.runs.compact({"model": "scripted", "input": "hello"}, house.me)
    assert [i["type"] for i in made["output"]] == ["message", "compaction"]
    foreign = {"type": "compaction", "encrypted_content": "unknown"}
    with pytest.raises(Invalid) as caught:
        await house.plain(input=[foreign])
    assert caught.value.code == "invalid_encrypted_content"


async def test_a_warm_lane_brings_its_own_history(house: House) -> None:
    body = {"model": "scripted", "input": [], "store": False}
    warm = await house.runs.start(body, house.me, Warm(generate=False))
    made = as_json(await warm.result())
    assert (made["status"], made["output"]) == ("completed", [])
    history = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}], "id": "m"}
    ]
    body = {"model": "scripted", "input": "b", "store": False, "previous_response_id": made["id"]}
    live = await house.runs.start(body, house.me, Warm(history))
    await live.result()
    assert [i["type"] for i in live.context] == ["message", "message", "message"]


@pytest.mark.parametrize("through", ["chain", "conversation", "lane"])
async def test_tools_that_an_earlier_item_brought_are_still_offered(house: House, through: str) -> None:
    """Codex names its tools in the first frame of a connection, then sends new items only (CLIENTS.md §3)."""
    await house.store.create_conversation("default", {"id": "conv_1", "object": "conversation"}, [])
    held = {"conversation": "conv_1"} if through == "conversation" else {}
    tools = {"type": "additional_tools", "role": "developer", "tools": [F]}
    body = {"model": "scripted", **held}
    first = await house.runs.start({**body, "input": [tools, {"role": "user", "content": "a"}]}, house.me)
    made = await first.result()
    if through != "conversation":
        body["previous_response_id"] = made["id"]
    warm = Warm(first.context) if through == "lane" else None
    live = await house.runs.start({**body, "input": "b", "tool_choice": "required"}, house.me, warm)
    assert [item["type"] for item in (await live.result())["output"]] == ["function_call"]
    assert [spec.name for spec in house.engine.heard[-1].tools.offered] == ["get_weather"]


async def test_a_stored_continuation_of_a_lane_keeps_the_lanes_history(house: House) -> None:
    said = [{"type": "input_text", "text": "a"}]
    history = [{"type": "message", "role": "user", "content": said, "id": "m", "status": "completed"}]
    body = {"model": "scripted", "input": "b", "previous_response_id": "resp_of_the_lane"}
    live = await house.runs.start(body, house.me, Warm(history))
    made = as_json(await live.result())
    assert made["previous_response_id"] == "resp_of_the_lane"
    await house.plain(input="c", previous_response_id=made["id"])
    assert [i["role"] for i in house.engine.heard[-1].items] == ["user", "user", "assistant", "user"]


async def test_a_live_log_that_forgot_its_front_is_resumed_from_the_store(tmp_path: Path) -> None:
    small = RunSettings(max_retained_bytes=4_000, event_flush_s=0)
    async with open_house(tmp_path, small) as house:
        script = "#script\nsay " + "word " * 100 + "\npause never"
        live = await house.runs.start({"model": "scripted", "input": script, "background": True}, house.me)
        async with asyncio.timeout(5):
            while live.log.first == 0:  # noqa: ASYNC110 (the log has no signal for what it forgets)
                await asyncio.sleep(0)
        tail = await house.runs.resume(live.id, -1, house.me)
        told: list[Any] = []
        async with asyncio.timeout(5):
            ending = asyncio.create_task(live.cancel())
            async for batch in tail:
                told += [msgspec.json.decode(e.data) for e in batch]
            await ending
        assert broken(told, as_json(await live.result())) == []


async def test_too_much_at_once_is_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(max_concurrent=1)) as house:
        body = {"model": "scripted", "input": "#script\nsay a\npause gate"}
        live = await house.runs.start(body, house.me)
        async for _ in live.events():
            break
        with pytest.raises(ApiError) as caught:
            await house.runs.start(body, house.me)
        assert (caught.value.status, caught.value.code) == (503, "server_is_overloaded")
        await live.cancel()


async def test_a_run_that_takes_too_long_fails(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(run_timeout_s=0.05)) as house:
        events = await house.stream(input="#script\nsay a\npause never")
        assert events[-1]["response"]["error"]["code"] == "server_error"
        assert broken(events, events[-1]["response"]) == []


async def test_created_is_told_when_the_engine_takes_its_time(tmp_path: Path) -> None:
    async with open_house(tmp_path, RunSettings(accept_wait_s=0.01)) as house:
        body = {"model": "scripted", "input": "#script\npause never\nsay a", "stream": True}
        live = await house.runs.start(body, house.me)
        async with asyncio.timeout(5):
            await live.accepted()
        await live.cancel()
        assert (await live.result())["status"] == "cancelled"


class FullStore:
    """The real store, until its disk is full."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def end(self, ended: EndedResponse) -> None:
        raise StoreDown("disk full")

    async def end_new(self, *_: Any) -> None:
        raise StoreDown("disk full")


async def test_nobody_is_told_of_a_completion_that_was_not_stored(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        world = house.runs._world
        full: Any = FullStore(world.store)
        house.runs._driver._recorder._store = full
        events = await house.stream(input="hello")
        assert [e["type"] for e in events[-2:]] == ["error", "response.failed"]
        assert broken(events, events[-1]["response"]) == []
        assert house.incidents == ["store_failure"]


async def test_what_a_dead_process_left_behind_gets_an_end(tmp_path: Path) -> None:
    """The log of the dead run is cut at every flushed event; the resumed log is lawful."""
    async with open_house(tmp_path, RunSettings(event_flush_s=0)) as house:
        body = {"model": "scripted", "input": "#script\nsay Hello big world\npause never"}
        live = await house.runs.start({**body, "background": True, "stream": True}, house.me)
        seen: list[Any] = []
        async with asyncio.timeout(5):
            while not any(e.type == "response.output_text.delta" for e in seen):
                await asyncio.sleep(0)
                seen = await house.store.events("default", live.id, -1, 1000) or []
        foreground = await house.runs.start({**body, "stream": True}, house.me)
        await foreground.accepted()
        for run in (live, foreground):  # the process dies: nobody ends these runs
            house.runs._live.pop(run.id)
        async with open_house(tmp_path) as reborn:
            for run in (live, foreground):
                final = as_json(await reborn.runs.get(run.id, reborn.me))
                assert (final["status"], final["error"]["code"]) == ("failed", "server_error")
            told = [
                msgspec.json.decode(e.data)
                async for b in await reborn.runs.resume(live.id, -1, reborn.me)
                for e in b
            ]
            final = as_json(await reborn.runs.get(live.id, reborn.me))
            assert broken(told, final) == []
            assert [e["sequence_number"] for e in told[: len(seen)]] == [e.sequence_number for e in seen]
            assert text_of(final) != ""
        for run in (live, foreground):
            run.task.cancel()


async def test_a_hosted_tool_that_the_engine_runs_is_offered_and_told(tmp_path: Path) -> None:
    engine = EngineSettings(name="scripted", kind="scripted", native_tools=("web_search",))
    async with open_house(tmp_path, engine=engine) as house:
        body = {"input": "#script\nweb_search cats\nsay found", "tools": [{"type": "web_search"}]}
        events = await house.stream(**body, include=["web_search_call.action.sources"])
        final = events[-1]["response"]
        assert broken(events, final) == []
        assert [i["type"] for i in final["output"]] == ["web_search_call", "message"]
        assert [t["type"] for t in final["tools"]] == ["web_search"]
        assert house.engine.heard[-1].include == {"web_search_call.action.sources"}
        dropped = await house.plain(input="x", tools=[{"type": "code_interpreter", "container": "c"}])
        assert dropped["tools"] == []
