"""What the middle of the house may rely on, whatever engine is behind the port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.contract.engine.rig import SECRET, Rig
from tests.support.upstream import WAIT_S

from antiphon.core.context import Sample
from antiphon.core.deltas import CallDelta, Delta, FinishDelta, ReasoningDelta, TextDelta, UsageDelta
from antiphon.core.errors import EngineFailure, FailureKind
from antiphon.core.tools import ToolRules, ToolTable, resolve_tools
from antiphon.ports import Turn

LOOK = {
    "type": "function",
    "name": "look",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}


def sample(rig: Rig, text: str = "Hi", tools: ToolTable | None = None) -> Sample:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return Sample(rig.model, (item,), tools or ToolTable())


async def rest(turn: Turn) -> list[Delta]:
    async with asyncio.timeout(WAIT_S):
        return [delta async for deltas in turn for delta in deltas]


async def turn_of(rig: Rig, asked: Sample | None = None) -> list[Delta]:
    turn = await rig.engine.open(asked or sample(rig))
    try:
        return await rest(turn)
    finally:
        await turn.aclose()


def text(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


async def failure(rig: Rig) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        await turn_of(rig)
    return caught.value


async def test_it_names_itself_without_address_or_key(rig: Rig) -> None:
    assert rig.engine.name
    assert "/" not in rig.engine.name
    assert isinstance(rig.engine.native_tools, frozenset)


async def test_text_then_one_finish_then_nothing_but_usage(rig: Rig) -> None:
    rig.says("Hel", "lo")
    deltas = await turn_of(rig)
    assert text(deltas) == "Hello"
    ends = [at for at, delta in enumerate(deltas) if isinstance(delta, FinishDelta)]
    assert [deltas[at] for at in ends] == [FinishDelta("stop")]
    assert all(isinstance(delta, UsageDelta) for delta in deltas[ends[0] + 1 :])


async def test_reasoning_comes_apart_from_text(rig: Rig) -> None:
    rig.says("so", thinking="why")
    deltas = await turn_of(rig)
    thought = "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))
    assert (thought, text(deltas)) == ("why", "so")


async def test_a_call_tells_its_name_once_and_first(rig: Rig) -> None:
    rig.calls("look", '{"at":"sea"}')
    deltas = await turn_of(rig, sample(rig, "Look at the sea", resolve_tools([LOOK], "auto", ToolRules())))
    calls = [delta for delta in deltas if isinstance(delta, CallDelta)]
    assert {call.index for call in calls} == {0}
    assert [call.name for call in calls] == ["look"] + [None] * (len(calls) - 1)
    assert "".join(call.arguments for call in calls) == '{"at":"sea"}'
    assert FinishDelta("tool_calls") in deltas


async def test_no_list_of_deltas_is_empty(rig: Rig) -> None:
    rig.says("Hel", "lo")
    turn = await rig.engine.open(sample(rig))
    assert all([len(deltas) > 0 async for deltas in turn])
    await turn.aclose()


async def test_an_ended_turn_stays_ended(rig: Rig) -> None:
    rig.says("Hi")
    turn = await rig.engine.open(sample(rig))
    await rest(turn)
    assert await rest(turn) == []
    await turn.aclose()


@pytest.mark.parametrize("read", [0, 1])
async def test_closing_aborts_what_still_runs_and_can_be_repeated(rig: Rig, read: int) -> None:
    rig.falls_silent("Hel")
    turn = await rig.engine.open(sample(rig))
    for _ in range(read):
        await anext(aiter(turn))
    await turn.aclose()
    await turn.aclose()
    await rig.abandoned()
    assert await rest(turn) == []


async def test_a_cancelled_reader_can_still_close(rig: Rig) -> None:
    rig.falls_silent("Hel")
    turn = await rig.engine.open(sample(rig))
    reading = asyncio.create_task(rest(turn))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await turn.aclose()
    await rig.abandoned()


async def test_turns_do_not_mix(rig: Rig) -> None:
    rig.says("one")
    rig.says("two")
    turns = [await rig.engine.open(sample(rig)) for _ in range(2)]
    said = [text(deltas) for deltas in await asyncio.gather(*map(rest, turns))]
    assert said == ["one", "two"]
    for turn in turns:
        await turn.aclose()


@pytest.mark.parametrize(
    "kind", ["context_length", "invalid_request", "auth", "not_found", "rate_limited", "overloaded", "server"]
)
async def test_refusals_are_told_apart_and_tell_no_secret(rig: Rig, kind: FailureKind) -> None:
    rig.refuses(kind)
    failed = await failure(rig)
    assert (failed.kind, failed.shown) == (kind, False)
    assert failed.message
    assert SECRET not in failed.message
    if kind == "rate_limited":
        assert failed.retry_after == 30.0


async def test_an_answer_that_breaks_off_is_dropped(rig: Rig) -> None:
    rig.breaks_off("Hel")
    failed = await failure(rig)
    assert (failed.kind, failed.shown) == ("dropped", True)


async def test_an_answer_that_falls_silent_times_out(rig: Rig) -> None:
    rig.falls_silent("Hel")
    failed = await failure(rig)
    assert (failed.kind, failed.shown) == ("timeout", True)
    await rig.abandoned()


async def test_after_a_failure_the_next_turn_works(rig: Rig) -> None:
    rig.breaks_off("Hel")
    rig.says("Hello")
    await failure(rig)
    assert text(await turn_of(rig)) == "Hello"


async def test_a_plain_sample_passes_the_check(rig: Rig) -> None:
    rig.engine.check(sample(rig))


async def test_its_models_can_be_asked_for(rig: Rig) -> None:
    models = await rig.engine.models()
    assert rig.model in [model.id for model in models]
    assert all(model.context_tokens is None or model.context_tokens > 0 for model in models)


async def test_tokens_are_counted_without_a_turn(rig: Rig) -> None:
    counted = await rig.engine.count_tokens(sample(rig))
    assert counted.tokens > 0
    assert isinstance(counted.exact, bool)


async def test_ready_follows_what_is_behind(rig: Rig) -> None:
    assert await rig.engine.ready() is True
    rig.goes_away()
    assert await rig.engine.ready() is False


async def test_closing_the_engine_can_be_repeated(rig: Rig) -> None:
    rig.says("Hi")
    await turn_of(rig)
    await rig.engine.aclose()
    await rig.engine.aclose()
