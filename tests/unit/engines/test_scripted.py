"""The `scripted` engine plays what the user message tells it to, in time and in failure."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.support.turns import calls, deltas, function, new_id, reason, sample, tell, text, usage

from antiphon.config import EngineSettings
from antiphon.core.deltas import (
    CallDelta,
    FinishDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageDelta,
)
from antiphon.core.errors import EngineFailure, Unsupported
from antiphon.engines.scripted.engine import ScriptedEngine


def engine(**settings: Any) -> ScriptedEngine:
    return ScriptedEngine(EngineSettings(kind="scripted", **settings), remember=8)


def script(*lines: str, **more: Any) -> Any:
    return sample("\n".join(("#script", *lines)), **more)


async def play(*lines: str, **more: Any) -> list[Any]:
    return await deltas(engine(), script(*lines, **more))


# ---------- what is said


async def test_text_reasoning_refusal_and_usage() -> None:
    assert await play("think Well now", "say Hello, world!", "refuse Not that.") == [
        ReasoningDelta("Well "),
        ReasoningDelta("now"),
        TextDelta("Hello, "),
        TextDelta("world!"),
        RefusalDelta("Not "),
        RefusalDelta("that."),
        FinishDelta("stop"),
        UsageDelta(Usage(input_tokens=10, output_tokens=6, reasoning_tokens=2)),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("say   spaced   out  ", "spaced   out"),
        ('say " two\\nlines é 😀 "', " two\nlines é 😀 "),
        ('say "\\ud83d\\ude00"', "😀"),
        ("say 漢字 العربية", "漢字 العربية"),
        ("repeat 3 say ab", "ababab"),
    ],
)
async def test_text(line: str, said: str) -> None:
    assert text(await play(line)) == said
    assert text(await play("split 1", line)) == said


async def test_an_empty_text_is_an_empty_delta() -> None:
    assert (await play('say ""'))[0] == TextDelta("")


async def test_calls_come_in_fragments() -> None:
    said = await play("split 5", 'call id=call_7 get_weather {"city":"Oslo"}')
    assert said[:4] == [
        CallDelta(0, "call_7", "get_weather"),
        CallDelta(0, arguments='{"cit'),
        CallDelta(0, arguments='y":"O'),
        CallDelta(0, arguments='slo"}'),
    ]
    assert reason(said) == "tool_calls"


async def test_arguments_may_be_broken_or_absent() -> None:
    assert calls(await play("call f {not json", "call g")) == [("f", "{not json"), ("g", "")]


async def test_a_custom_call_is_the_function_that_stands_for_it() -> None:
    said = await play('custom apply_patch "*** Begin\\n+x"')
    assert calls(said) == [("apply_patch", '{"input":"*** Begin\\n+x"}')]


async def test_interleaved_calls() -> None:
    said = await play("split 2", "interleave 2", "call a {1}", "call b {22}")
    assert [d.index for d in said if isinstance(d, CallDelta)] == [0, 1, 0, 1, 0, 1]
    assert calls(said) == [("a", "{1}"), ("b", "{22}")]


async def test_logprobs() -> None:
    said = [d for d in await play("logprobs 3", "say One two") if isinstance(d, TextDelta)]
    for delta in said:
        (entry,) = delta.logprobs
        top = [t["logprob"] for t in entry["top_logprobs"]]
        assert entry["token"] == delta.text
        assert bytes(entry["bytes"]) == delta.text.encode()
        assert entry["top_logprobs"][0] | {"top_logprobs": entry["top_logprobs"]} == entry
        assert len(top) == 3
        assert top == sorted(top, reverse=True)
        assert all(p <= 0 for p in top)


async def test_logprobs_when_they_are_asked_for() -> None:
    (said, *_) = await play("say One", top_logprobs=0)
    assert said.logprobs[0]["top_logprobs"] == []
    (said, *_) = await play("say One")
    assert said.logprobs == ()


async def test_recall_says_what_the_engine_was_given() -> None:
    said = await play("recall", instructions="Be brief.", tools=[function("f")], temperature=0.5)
    told = msgspec.json.decode(text(said))
    assert told["instructions"] == "Be brief."
    assert told["items"][0]["content"][0]["text"] == "#script\nrecall"
    assert told["tools"] == ["f"]
    assert told["settings"]["temperature"] == 0.5


# ---------- how it ends


@pytest.mark.parametrize("why", ["stop", "length", "content_filter", "tool_calls"])
async def test_finish(why: str) -> None:
    said = await play("say a", f"finish {why}", "say never")
    assert (text(said), reason(said)) == ("a", why)


async def test_a_stream_that_just_ends() -> None:
    assert await play("say a", "finish none") == [TextDelta("a")]


async def test_usage_is_what_the_script_says() -> None:
    said = await play("usage 10 20 cached=3 cache_write=2 reasoning=1")
    assert usage(said) == Usage(10, 20, 3, 2, 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["say one two three"], "one two "),
        (["split 1", "say one two three"], "one two "),
        (["say one", "say two", "say three"], "onetwo"),
        (["say one two"], "one two"),
        (["think one", "say two three"], "two "),
    ],
)
async def test_max_output_tokens_counts_words(lines: list[str], said: str) -> None:
    whole = await play(*lines, max_output_tokens=2)
    assert text(whole) == said
    assert reason(whole) == ("stop" if lines == ["say one two"] else "length")
    assert usage(whole).output_tokens == 2


@pytest.mark.parametrize(
    "line",
    [
        "fly away",
        'say "unclosed',
        "repeat x say a",
        "repeat 2 repeat 2 say a",
        "repeat 99999999999999999999999 say a",
        "wait 61",
        "wait soon",
        "finish well",
        "fail badly",
        "usage 1",
        "usage 1 2 more",
        "call",
        "native {",
        'native {"type":"response.completed"}',
        "item teapot",
        "logprobs 21",
        "interleave 1\nwait 1",
    ],
)
async def test_a_wrong_step_is_refused(line: str) -> None:
    with pytest.raises(EngineFailure, match="The script cannot be played") as caught:
        await play(line)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", "input")


# ---------- failures


async def test_a_failure_first_refuses_the_turn() -> None:
    with pytest.raises(EngineFailure) as caught:
        await engine().open(script("fail rate_limited retry_after=7 code=slow param=p Slow down, please."))
    failure = caught.value
    assert (failure.kind, failure.message) == ("rate_limited", "Slow down, please.")
    assert (failure.retry_after, failure.code, failure.param, failure.shown) == (7.0, "slow", "p", False)


async def test_a_failure_after_acceptance_comes_with_the_deltas() -> None:
    turn = await engine().open(script("accept", "fail dropped"))
    with pytest.raises(EngineFailure) as caught:
        await anext(aiter(turn))
    assert (caught.value.kind, caught.value.shown) == ("dropped", False)


async def test_a_failure_after_deltas_says_so() -> None:
    said: list[Any] = []
    turn = await engine().open(script("say Hello", "fail malformed"))

    async def read() -> None:
        async for batch in turn:
            said.extend(batch)

    with pytest.raises(EngineFailure) as caught:
        await read()
    assert said == [TextDelta("Hello")]
    assert (caught.value.kind, caught.value.shown) == ("malformed", True)


async def test_the_context_window() -> None:
    small = engine(context_tokens=3)
    assert text(await deltas(small, sample("one two three"))) == "You said: one two three"
    with pytest.raises(EngineFailure, match="4 tokens; the context window has 3") as caught:
        await small.open(sample("one two three four"))
    assert caught.value.kind == "context_length"


def test_check_refuses_what_the_script_names() -> None:
    with pytest.raises(Unsupported) as caught:
        engine(name="stage").check(script("unsupported top_logprobs"))
    assert caught.value.param == "top_logprobs"
    assert "'stage'" in caught.value.message
    engine().check(script("say x"))
    engine().check(script("no such step"))


# ---------- time


async def test_a_gate_holds_the_stream() -> None:
    played = engine()
    turn = aiter(await played.open(script("say before", "pause g", "say after")))
    assert await anext(turn) == (TextDelta("before"),)
    held = asyncio.ensure_future(anext(turn))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not held.done()
    played.open_gate("g")
    assert await held == (TextDelta("after"),)


async def test_a_gate_before_accept_holds_the_opening() -> None:
    played = engine()
    opening = asyncio.ensure_future(played.open(script("pause g", "accept", "say a")))
    await asyncio.sleep(0)
    assert not opening.done()
    played.open_gate("g")
    assert await anext(aiter(await opening)) == (TextDelta("a"),)


async def test_a_shut_gate_is_a_timeout() -> None:
    with pytest.raises(EngineFailure) as caught:
        await deltas(engine(idle_timeout_s=0.01), script("say a", "pause never"))
    assert (caught.value.kind, caught.value.shown) == ("timeout", True)


async def test_closing_ends_a_held_turn() -> None:
    played = engine()
    turn = await played.open(script("say a", "pause never"))
    stream = aiter(turn)
    assert await anext(stream) == (TextDelta("a"),)
    held = asyncio.ensure_future(anext(stream, None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert (played.running, played.aborted) == (1, 0)
    await turn.aclose()
    await turn.aclose()
    assert await asyncio.wait_for(held, 5) is None
    assert (played.running, played.aborted) == (0, 1)


async def test_a_turn_that_ended_was_not_aborted() -> None:
    played = engine()
    await deltas(played, script("say a"))
    turn = await played.open(script("say a"))
    async for batch in turn:
        if isinstance(batch[0], FinishDelta):
            break
    await turn.aclose()
    assert (played.running, played.aborted, len(played.heard)) == (0, 0, 2)


async def test_reads_hold_as_many_deltas_as_the_script_says() -> None:
    turn = await engine().open(script("batch 2", "say a b c"))
    assert [len(batch) async for batch in turn] == [2, 1, 2]


async def test_a_long_stream() -> None:
    assert len(text(await play("repeat 20000 say x"))) == 20_000


# ---------- several turns


def _with(asked: Any, items: tuple[dict[str, Any], ...]) -> Any:
    return sample(
        [*asked.items, *items],
        tools=asked.tools.official,
        parallel_tool_calls=asked.settings.parallel_tool_calls,
    )


def call(name: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": new_id("call"), "name": name, "arguments": "{}"}


def output(said: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": "call_x", "output": said}


TURNS = ("call a {}", "call b {}", "---", "say between", "call c {}", "---", "say the end")


async def test_the_script_goes_on_when_its_calls_are_answered() -> None:
    asked = script(*TURNS)
    first = (call("a"), call("b"), output("1"), output("2"))
    assert calls(await deltas(engine(), asked)) == [("a", "{}"), ("b", "{}")]
    assert text(await deltas(engine(), _with(asked, first))) == "between"
    assert text(await deltas(engine(), _with(asked, (*first, call("c"), output("3"))))) == "the end"


async def test_one_call_a_turn_where_calls_are_not_parallel() -> None:
    asked = script(*TURNS, parallel_tool_calls=False)
    assert text(await deltas(engine(), _with(asked, (call("a"), output("1"))))) == "between"


async def test_after_its_last_turn_the_model_answers_by_itself() -> None:
    asked = script("call a {}")
    assert text(await deltas(engine(), _with(asked, (call("a"), output("It rains."))))) == "It rains."


async def test_a_new_user_message_ends_the_script() -> None:
    asked = script("say scripted")
    assert text(await deltas(engine(), _with(asked, ({"role": "user", "content": "and now?"},)))) == (
        "You said: and now?"
    )


async def test_items_of_the_engine_itself_count_as_answered() -> None:
    asked = script("web_search q", "shell ls", "call f {}", "---", "say then")
    told = await tell(engine(), _with(asked, ()))
    items = tuple(told.output)
    assert text(await deltas(engine(), _with(asked, (*items, output("x"))))) == "then"


async def test_the_script_may_stand_inside_other_text() -> None:
    asked = sample("Please do this:\n#script say hi\n#end\nThank you.")
    assert text(await deltas(engine(), asked)) == "hi"


# ---------- the rest of the port


async def test_models_and_counts() -> None:
    named = engine(models=("a", "b"), context_tokens=100)
    assert [(m.id, m.context_tokens) for m in await named.models()] == [("a", 100), ("b", 100)]
    assert [m.id for m in await engine().models()] == ["scripted"]
    asked = sample("four words of input", instructions="and two")
    count = await named.count_tokens(asked)
    assert (count.tokens, count.exact) == (6, True)
    assert usage(await deltas(named, asked)).input_tokens == 6
    assert await named.ready()
    await named.aclose()
