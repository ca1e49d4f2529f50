"""openai-python: answers in every scenario, plain, as raw events and through `stream()`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI, OpenAI
from tests.support import judge
from tests.support.scenarios import CITY, NOTE, SCENARIOS, WEATHER, script

JSON = dict[str, Any]
FAILED = [name for name, one in SCENARIOS.items() if one.status == "failed"]
TOLD = [name for name in SCENARIOS if name not in FAILED]
COMPLETED = [name for name in TOLD if SCENARIOS[name].status == "completed"]

TRUER_THAN_ITS_TYPES = {
    "from the engine: web_search news": "a recorded search is added without the `action` its type requires",
    "context overflows in the middle": "a recorded code that is on no list",
}
"""Where the recorded API itself sends what the client's own types refuse."""


@pytest.fixture
def fitting(request: pytest.FixtureRequest, name: str) -> OpenAI:
    """The client that checks replies, but for the scenarios in which reality fails its check."""
    return request.getfixturevalue("lenient" if name in TRUER_THAN_ITS_TYPES else "client")


def told_text(name: str) -> str | None:
    return SCENARIOS[name].text


@pytest.mark.parametrize("name", TOLD)
def test_raw_events(fitting: OpenAI, name: str) -> None:
    with fitting.responses.create(model="scripted", stream=True, **SCENARIOS[name].body) as stream:
        events = [event.to_dict() for event in stream]
    assert judge.faults(events) == []
    assert events[-1]["response"]["status"] == SCENARIOS[name].status


@pytest.mark.parametrize("name", FAILED)
def test_failure_in_a_stream_is_raised_after_what_was_said(client: OpenAI, name: str) -> None:
    stream = client.responses.create(model="scripted", stream=True, **SCENARIOS[name].body)
    seen: list[JSON] = []

    def read() -> None:
        for event in stream:
            seen.append(event.to_dict())  # noqa: PERF401 (what was seen must outlive the exception)

    with pytest.raises(APIError) as caught:
        read()
    assert caught.value.code == SCENARIOS[name].error
    assert caught.value.message
    assert [event["delta"] for event in seen if "delta" in event] == ["so ", "far"]


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_plain(fitting: OpenAI, name: str) -> None:
    response = fitting.responses.create(model="scripted", **SCENARIOS[name].body)
    assert response.status == SCENARIOS[name].status
    assert tuple(item.type for item in response.output) == SCENARIOS[name].kinds
    assert told_text(name) is None or response.output_text == told_text(name)
    if response.store:
        assert fitting.responses.retrieve(response.id).to_dict() == response.to_dict()


@pytest.mark.parametrize("name", COMPLETED)
def test_accumulator_has_the_stored_answer(fitting: OpenAI, name: str) -> None:
    with fitting.responses.stream(model="scripted", **SCENARIOS[name].body) as stream:
        events = list(stream)
        final = stream.get_final_response()
    texts = [event.text for event in events if event.type == "response.output_text.done"]
    assert told_text(name) is None or "".join(texts) == told_text(name) == final.output_text
    snapshots = [event.snapshot for event in events if event.type == "response.output_text.delta"]
    assert not texts or snapshots[-1] == texts[-1]
    if final.store:
        stored = fitting.responses.retrieve(final.id)
        assert [item.id for item in final.output] == [item.id for item in stored.output]
        assert final.output_text == stored.output_text
        assert final.usage == stored.usage


@pytest.mark.parametrize("name", ["cut off by max_output_tokens", "cut off by a content filter"])
def test_accumulator_tells_of_an_incomplete_answer(client: OpenAI, name: str) -> None:
    with client.responses.stream(model="scripted", **SCENARIOS[name].body) as stream:
        last = list(stream)[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    expected = SCENARIOS[name].fields["incomplete_details"]["reason"]
    assert last.response.incomplete_details.reason == expected


def test_accumulator_has_the_arguments(client: OpenAI) -> None:
    with client.responses.stream(**call_body()) as stream:
        deltas = [e for e in stream if e.type == "response.function_call_arguments.delta"]
    snapshots: dict[int, str] = {}
    for delta in deltas:
        snapshots[delta.output_index] = delta.snapshot
    assert snapshots == {0: '{"city": "Oslo"}', 1: '{"city": "Rome"}'}


def call_body() -> JSON:
    return {
        "model": "scripted",
        "input": script('call get_weather {"city": "Oslo"}', 'call get_weather {"city": "Rome"}'),
        "tools": [WEATHER],
    }


@pytest.mark.parametrize(
    "name", ["text", "reasoning summary", "parallel function calls", "structured output"]
)
async def test_async_client_sees_the_same(aclient: AsyncOpenAI, client: OpenAI, name: str) -> None:
    body = {"model": "scripted", **SCENARIOS[name].body}
    events = [event.to_dict() async for event in await aclient.responses.create(stream=True, **body)]
    assert judge.faults(events) == []
    async with aclient.responses.stream(**body) as stream:
        final = await stream.get_final_response()
    plain = client.responses.create(**body)
    assert final.output_text == plain.output_text
    assert judge.anonymous(events[-1]["response"]) == judge.anonymous(plain.to_dict())


async def test_many_streams_at_once_do_not_mix(aclient: AsyncOpenAI) -> None:
    """Two requests in parallel are normal for one client (CLIENTS.md §4.15); here are forty."""

    async def one(number: int) -> tuple[str, list[str]]:
        text = " ".join([f"word{number}"] * 20)
        stream = await aclient.responses.create(
            model="scripted", input=script("batch 1", f"say {text}"), stream=True
        )
        events = [event.to_dict() async for event in stream]
        return events[-1]["response"]["output"][0]["content"][0]["text"], judge.faults(events)

    answers = await asyncio.gather(*map(one, range(40)))
    assert answers == [(" ".join([f"word{n}"] * 20), []) for n in range(40)]


# ---------- tool turns


def test_parallel_calls_are_answered_in_one_chained_turn(client: OpenAI) -> None:
    first = client.responses.create(**call_body())
    outputs = [
        {"type": "function_call_output", "call_id": item.call_id, "output": f"{number} degrees"}
        for number, item in enumerate(first.output)
        if item.type == "function_call"
    ]
    second = client.responses.create(
        model="scripted", previous_response_id=first.id, input=outputs, tools=[WEATHER]
    )
    assert second.output_text == "0 degrees\n1 degrees"
    assert second.previous_response_id == first.id


def test_parallel_calls_are_answered_with_the_whole_history(client: OpenAI) -> None:
    """As agents do that keep the conversation themselves: our items go back as they came."""
    question: JSON = {"role": "user", "content": "get_weather"}
    first = client.responses.create(
        model="scripted", input=[question], tools=[WEATHER], store=False, reasoning={"effort": "low"}
    )
    calls = [item for item in first.output if item.type == "function_call"]
    assert len(calls) == 1
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "3"} for call in calls]
    history = [question, *[item.to_dict() for item in first.output], *outputs]
    second = client.responses.create(model="scripted", input=history, tools=[WEATHER], store=False)
    assert second.output_text == "3"


def test_custom_tool_turn(client: OpenAI) -> None:
    first = client.responses.create(model="scripted", input=script("custom note some text"), tools=[NOTE])
    (call,) = first.output
    assert call.type == "custom_tool_call"
    assert call.input == "some text"
    second = client.responses.create(
        model="scripted",
        previous_response_id=first.id,
        input=[{"type": "custom_tool_call_output", "call_id": call.call_id, "output": "kept"}],
        tools=[NOTE],
    )
    assert second.output_text == "kept"


def test_sealed_reasoning_goes_back_to_the_engine(client: OpenAI) -> None:
    question: JSON = {"role": "user", "content": script("think the secret is 7", "say Noted.")}
    first = client.responses.create(
        model="scripted", input=[question], store=False, include=["reasoning.encrypted_content"]
    )
    reasoning = first.output[0]
    assert reasoning.type == "reasoning"
    assert reasoning.encrypted_content
    assert "secret" not in reasoning.encrypted_content
    bare = {"type": "reasoning", "id": reasoning.id, "summary": []}
    bare["encrypted_content"] = reasoning.encrypted_content
    again = {"role": "user", "content": script("recall")}
    second = client.responses.create(
        model="scripted", input=[question, bare, first.output[1].to_dict(), again], store=False
    )
    assert "the secret is 7" in second.output_text


def test_strict_function_is_offered_as_it_was_given(client: OpenAI) -> None:
    response = client.responses.create(model="scripted", input="hello", tools=[WEATHER])
    (tool,) = response.tools
    assert tool.to_dict() == {**WEATHER, "description": None, "parameters": CITY}
