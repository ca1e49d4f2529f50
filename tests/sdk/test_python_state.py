"""openai-python: what is kept, listed, chained, cancelled, deleted and counted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from tests.support import judge
from tests.support.scenarios import SCENARIOS, WEATHER, script

JSON = dict[str, Any]
PATIENCE_S = 20.0
ENDED = ("completed", "failed", "incomplete", "cancelled")


def until(condition: Callable[[], bool]) -> None:
    """Ask again until it is so, bounded."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def recalled(client: OpenAI, **more: Any) -> JSON:
    """What the engine is given for a turn that follows."""
    return json.loads(client.responses.create(model="scripted", input=script("recall"), **more).output_text)


def texts(given: JSON) -> list[tuple[str, str]]:
    """Role and text of the messages that the engine was given."""
    return [
        (item["role"], part["text"])
        for item in given["items"]
        if item["type"] == "message"
        for part in item["content"]
    ]


# ---------- responses


def test_delete(client: OpenAI) -> None:
    made = client.responses.create(model="scripted", input="hello")
    client.responses.delete(made.id)
    for again in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(NotFoundError):
            again(made.id)
    with pytest.raises(NotFoundError):
        client.responses.input_items.list(made.id)


def test_cancel_of_what_does_not_run_in_the_background(client: OpenAI) -> None:
    made = client.responses.create(model="scripted", input="hello")
    with pytest.raises(BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(made.id)


def test_chain_carries_every_item_but_no_instructions(client: OpenAI) -> None:
    first = client.responses.create(
        model="scripted",
        input=script("think so", "say Let me see.", 'call get_weather {"city": "Oslo"}'),
        tools=[WEATHER],
        instructions="Be brief.",
    )
    call = first.output[-1]
    assert call.type == "function_call"
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "3"}
    second = client.responses.create(model="scripted", previous_response_id=first.id, input=[output])
    given = recalled(client, previous_response_id=second.id)
    assert given["instructions"] is None
    assert [item["type"] for item in given["items"]] == [
        "message",
        "reasoning",
        "message",
        "function_call",
        "function_call_output",
        "message",
        "message",
    ]
    told = [*first.output, *second.output]
    kept = {item["id"]: item for item in given["items"]}
    assert [kept[item.id]["type"] for item in told] == [item.type for item in told]


def test_unknown_previous_response(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="scripted", input="hello", previous_response_id="resp_" + "0" * 48)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


def test_chain_may_branch_and_outlives_the_deletion_of_its_beginning(client: OpenAI) -> None:
    first = client.responses.create(model="scripted", input="one")
    left = client.responses.create(model="scripted", input="left", previous_response_id=first.id)
    right = client.responses.create(model="scripted", input="right", previous_response_id=first.id)
    client.responses.delete(first.id)
    for branch, word in ((left, "left"), (right, "right")):
        said = [text for _, text in texts(recalled(client, previous_response_id=branch.id))]
        assert said[-3:-1] == [word, f"You said: {word}"]
        assert ("right" if word == "left" else "left") not in said


# ---------- lists


@pytest.fixture(scope="module")
def listed(client: OpenAI) -> tuple[str, list[str]]:
    """A response with seven input items: its id, and their texts in order."""
    words = [f"item {number}" for number in range(7)]
    given = [{"role": "user", "content": word} for word in words]
    return client.responses.create(model="scripted", input=given).id, words


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_input_items_page_by_page(
    client: OpenAI, listed: tuple[str, list[str]], order: Any, limit: int
) -> None:
    response_id, words = listed
    pages = list(client.responses.input_items.list(response_id, order=order, limit=limit).iter_pages())
    assert [len(page.data) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    found = [item.to_dict()["content"][0]["text"] for page in pages for item in page.data]
    assert found == (words if order == "asc" else words[::-1])


def test_input_items_come_newest_first_unless_asked(client: OpenAI, listed: tuple[str, list[str]]) -> None:
    found = client.responses.input_items.list(listed[0])
    assert [item.to_dict()["content"][0]["text"] for item in found.data] == listed[1][::-1]


def test_input_items_after_one(client: OpenAI, listed: tuple[str, list[str]]) -> None:
    whole = list(client.responses.input_items.list(listed[0], order="asc"))
    rest = client.responses.input_items.list(listed[0], order="asc", after=whole[2].id)
    assert list(rest) == whole[3:]
    nothing = client.responses.input_items.list(listed[0], after="msg_" + "0" * 48)
    assert (nothing.data, nothing.has_more) == ([], False)


def test_input_items_of_a_chain_are_its_whole_context(client: OpenAI) -> None:
    first = client.responses.create(model="scripted", input="one")
    second = client.responses.create(model="scripted", input="two", previous_response_id=first.id)
    found = list(client.responses.input_items.list(second.id, order="asc"))
    assert [item.to_dict()["content"][0]["text"] for item in found] == ["one", "You said: one", "two"]
    assert found[1].id == first.output[0].id


def test_input_tokens(client: OpenAI) -> None:
    body: JSON = {"model": "scripted", "input": "one two three", "instructions": "Be brief."}
    counted = client.responses.input_tokens.count(**body)
    used = client.responses.create(**body).usage
    assert used is not None
    assert counted.object == "response.input_tokens"
    assert counted.input_tokens == used.input_tokens == 5


# ---------- conversations


def test_conversation_and_its_items(client: OpenAI) -> None:
    made = client.conversations.create(
        metadata={"topic": "a"}, items=[{"type": "message", "role": "user", "content": "first"}]
    )
    assert client.conversations.retrieve(made.id) == made
    updated = client.conversations.update(made.id, metadata={"topic": "b"})
    assert updated.to_dict() == {**made.to_dict(), "metadata": {"topic": "b"}}
    added = client.conversations.items.create(
        made.id,
        items=[
            {"type": "message", "role": "user", "content": "second"},
            {"type": "message", "role": "assistant", "content": "third"},
        ],
    )
    assert [item.type for item in added.data] == ["message", "message"]
    whole = list(client.conversations.items.list(made.id, order="asc"))
    assert whole[1:] == added.data
    assert list(client.conversations.items.list(made.id, limit=1)) == whole[::-1]
    one = whole[1]
    assert one.id
    assert client.conversations.items.retrieve(one.id, conversation_id=made.id) == one
    assert client.conversations.items.delete(one.id, conversation_id=made.id) == updated
    with pytest.raises(NotFoundError):
        client.conversations.items.retrieve(one.id, conversation_id=made.id)
    gone = client.conversations.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "conversation.deleted", True)
    for again in (
        client.conversations.retrieve,
        client.conversations.delete,
        client.conversations.items.list,
    ):
        with pytest.raises(NotFoundError):
            again(made.id)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 20])
def test_conversation_items_page_by_page(client: OpenAI, order: Any, limit: int) -> None:
    items: list[Any] = [{"type": "message", "role": "user", "content": f"item {n}"} for n in range(8)]
    made = client.conversations.create(items=items)
    pages = list(client.conversations.items.list(made.id, order=order, limit=limit).iter_pages())
    found = [item.to_dict()["content"][0]["text"] for page in pages for item in page.data]
    words = [f"item {n}" for n in range(8)]
    assert found == (words if order == "asc" else words[::-1])


def test_conversation_takes_at_most_twenty_items_at_once(client: OpenAI) -> None:
    items: list[Any] = [{"type": "message", "role": "user", "content": "x"}] * 21
    made = client.conversations.create()
    for create in (
        lambda: client.conversations.create(items=items),
        lambda: client.conversations.items.create(made.id, items=items),
    ):
        with pytest.raises(BadRequestError) as caught:
            create()
        assert caught.value.param == "items"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("as_object", [False, True])
def test_response_in_a_conversation(client: OpenAI, stream: bool, as_object: bool) -> None:
    made = client.conversations.create(items=[{"type": "message", "role": "user", "content": "before"}])
    place: Any = {"id": made.id} if as_object else made.id
    asked: JSON = {"model": "scripted", "conversation": place}
    if stream:
        with client.responses.stream(input="now", **asked) as told:
            response = told.get_final_response()
    else:
        response = client.responses.create(input="now", **asked)
    assert response.conversation is not None
    assert response.conversation.id == made.id
    kept = [item.to_dict() for item in client.conversations.items.list(made.id, order="asc")]
    assert [item["content"][0]["text"] for item in kept] == ["before", "now", "You said: now"]
    assert kept[-1]["id"] == response.output[0].id
    given = recalled(client, conversation=made.id)
    assert [text for _, text in texts(given)][:3] == ["before", "now", "You said: now"]


def test_conversation_is_locked_while_a_response_runs_in_it(client: OpenAI) -> None:
    made = client.conversations.create()
    running = client.responses.create(
        model="scripted", input=script("say a ", "wait 30"), conversation=made.id, background=True
    )
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model="scripted", input="hello", conversation=made.id)
    assert caught.value.code == "conversation_locked"
    client.responses.cancel(running.id)
    client.responses.create(model="scripted", input="hello", conversation=made.id)


def test_conversation_and_chain_exclude_each_other(client: OpenAI) -> None:
    made = client.conversations.create()
    first = client.responses.create(model="scripted", input="one")
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(
            model="scripted", input="two", conversation=made.id, previous_response_id=first.id
        )
    assert caught.value.code == "mutually_exclusive_parameters"


def test_unknown_conversation(client: OpenAI) -> None:
    with pytest.raises(NotFoundError):
        client.responses.create(model="scripted", input="hello", conversation="conv_" + "0" * 48)


# ---------- background


def test_background_is_polled_to_its_end(client: OpenAI) -> None:
    body = SCENARIOS["parallel function calls"].body
    made = client.responses.create(model="scripted", background=True, **body)
    assert made.status in ("queued", "in_progress")
    until(lambda: client.responses.retrieve(made.id).status in ENDED)
    ended = client.responses.retrieve(made.id)
    plain = client.responses.create(model="scripted", **body)
    assert judge.anonymous({**ended.to_dict(), "background": False}) == judge.anonymous(plain.to_dict())


def test_background_is_cancelled(client: OpenAI) -> None:
    made = client.responses.create(
        model="scripted", input=script('say "begun "', "wait 60", "say never"), background=True
    )
    until(lambda: bool(client.responses.retrieve(made.id).output_text))
    cancelled = client.responses.cancel(made.id)
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "begun ")
    assert client.responses.cancel(made.id) == cancelled
    assert client.responses.retrieve(made.id) == cancelled


def test_background_that_fails_is_found_failed(lenient: OpenAI) -> None:
    """Its code is one that Codex acts upon, and on no official list."""
    made = lenient.responses.create(
        model="scripted", input=script("fail unreachable Nobody there."), background=True
    )
    until(lambda: lenient.responses.retrieve(made.id).status in ENDED)
    ended = lenient.responses.retrieve(made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error.to_dict() == {"code": "server_is_overloaded", "message": "Nobody there."}


def test_stream_of_a_running_response_is_resumed_at_every_cut(client: OpenAI) -> None:
    """Leave after each event and come back: the rest comes, nothing twice and nothing missing."""
    body: JSON = {
        "model": "scripted",
        "input": script("think a b c", "wait 0.1", "say d e f ", "wait 0.1", "say g h"),
        "background": True,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
    }
    told: list[JSON] = []
    stream = client.responses.create(**body)
    told.append(next(stream).to_dict())
    stream.close()
    response_id = told[0]["response"]["id"]
    while told[-1]["type"] != "response.completed":
        rest = client.responses.retrieve(
            response_id,
            stream=True,
            starting_after=told[-1]["sequence_number"],
            include_obfuscation=False,
        )
        told.append(next(rest).to_dict())
        rest.close()
    assert judge.faults(told, client.responses.retrieve(response_id).to_dict()) == []


def test_accumulator_takes_up_a_running_response(client: OpenAI) -> None:
    made = client.responses.create(
        model="scripted", input=script('say "a b c "', "wait 0.2", "say d e"), background=True
    )
    with client.responses.stream(response_id=made.id) as stream:
        final = stream.get_final_response()
    assert final.output_text == "a b c d e"
    with client.responses.stream(response_id=made.id, starting_after=5) as stream:
        numbers = [event.sequence_number for event in stream]
    assert numbers == list(range(6, numbers[-1] + 1))
    assert client.responses.retrieve(made.id).output_text == final.output_text


def test_only_what_ran_in_the_background_is_streamed_again(client: OpenAI) -> None:
    made = client.responses.create(model="scripted", input="hello")
    with pytest.raises(BadRequestError):
        client.responses.retrieve(made.id, stream=True)


# ---------- the async client


async def test_async_client_keeps_and_lists(aclient: AsyncOpenAI) -> None:
    made = await aclient.conversations.create()
    response = await aclient.responses.create(model="scripted", input="hello", conversation=made.id)
    kept = [item async for item in aclient.conversations.items.list(made.id, order="asc", limit=1)]
    assert [item.id for item in kept][1:] == [response.output[0].id]
    assert await aclient.responses.retrieve(response.id) == response
    given = [item async for item in aclient.responses.input_items.list(response.id)]
    assert [item.id for item in given] == [kept[0].id]
    counted = await aclient.responses.input_tokens.count(model="scripted", input="hello")
    assert counted.input_tokens == 1
    await aclient.responses.delete(response.id)
    with pytest.raises(NotFoundError):
        await aclient.responses.retrieve(response.id)
    await aclient.conversations.delete(made.id)


# ---------- compaction


def test_compaction_is_taken_back_as_context(lenient: OpenAI) -> None:
    """The client's own types refuse the true answer: it holds user messages, which they do not know there."""
    first = lenient.responses.create(model="scripted", input="one")
    raw = lenient.responses.with_raw_response.compact(model="scripted", previous_response_id=first.id)
    compacted = raw.parse()
    assert compacted.object == "response.compaction"
    items = json.loads(raw.text)["output"]
    assert [item["type"] for item in items] == ["message", "compaction"]
    given = recalled_with(lenient, items)
    assert texts(given)[0] == ("user", "one")
    with pytest.raises(NotFoundError):
        lenient.responses.retrieve(compacted.id)


def recalled_with(client: OpenAI, items: list[JSON]) -> JSON:
    asked: Any = [*items, {"role": "user", "content": script("recall")}]
    return json.loads(client.responses.create(model="scripted", input=asked).output_text)
