"""Must-haves 1 to 7: what a server sends. Each test is named after its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.conformance.musthaves import captured
from tests.support import grammar, judge
from tests.support.scenarios import SCENARIOS, WEATHER, script

from antiphon.spec import catalogue

JSON = dict[str, Any]
Tell = Callable[..., list[JSON]]

TERMINAL = {"response.completed", "response.incomplete", "response.failed"}
every_scenario = pytest.mark.parametrize("name", list(SCENARIOS))


def body_of(name: str, **more: Any) -> JSON:
    return {"model": "scripted", **SCENARIOS[name].body, **more}


@every_scenario
@pytest.mark.parametrize("background", [False, True])
def test_01_created_first_and_terminal_last(tell: Tell, name: str, background: bool) -> None:
    types = [event["type"] for event in tell(body_of(name, background=background))]
    assert types[0] == "response.created"
    assert (types[1] == "response.queued") == background
    assert [kind for kind in types if kind in TERMINAL] == types[-1:]


def test_01_only_done_follows_and_can_be_left_out(http: httpx2.Client) -> None:
    body = http.post("/v1/responses", json=body_of("text", stream=True)).content
    frames = judge.frames(body)
    assert frames[-2][0] == "response.completed"
    assert frames[-1] == ("", "[DONE]")
    assert body.endswith(b"data: [DONE]\n\n")


@every_scenario
def test_02_only_official_event_types(tell: Tell, name: str) -> None:
    types = {event["type"] for event in tell(body_of(name))}
    assert types <= catalogue.EVENT_TYPES | {"error"}


def test_02_heartbeats_are_comments_inside_frames(http: httpx2.Client) -> None:
    """A block that is only a comment kills one official client; so does an event of another type."""
    body = {"model": "scripted", "stream": True, "input": script("say a", "wait 0.4", "say b")}
    raw = http.post("/v1/responses", json=body).content.decode()
    lines = raw.split("\n")
    assert len([line for line in lines if line.startswith(":")]) >= 2
    for block in raw.removesuffix("\n\n").split("\n\n"):
        assert any(line.startswith("data: ") for line in block.split("\n")), block
    assert {line.partition(":")[0] for line in lines if line} == {"", "event", "data"}
    assert judge.faults(judge.read_stream(raw.encode())) == []


@every_scenario
def test_03_full_ladder_of_every_item(tell: Tell, name: str) -> None:
    events = tell(body_of(name))
    assert grammar.ungrammatical(events) == []
    for event in events:
        if event["type"].endswith((".done",)) and event.get("text", event.get("arguments")):
            same = (event["output_index"], event.get("content_index"), event.get("summary_index"))
            delta = event["type"].replace(".done", ".delta")
            assert any(
                one["type"] == delta
                and (one["output_index"], one.get("content_index"), one.get("summary_index")) == same
                for one in events
            ), event["type"]


@pytest.mark.parametrize("line", ["split 1000", "batch 1000"])
def test_03_instant_text_and_arguments_have_deltas(tell: Tell, line: str) -> None:
    """18 of the 23 measured streaming clients lose a text without `output_text.delta`."""
    call = 'call get_weather {"city": "Oslo"}'
    body = {"model": "scripted", "input": script(line, "say at once", call), "tools": [WEATHER]}
    types = [event["type"] for event in tell(body)]
    assert "response.output_text.delta" in types
    assert "response.function_call_arguments.delta" in types


def test_03_reasoning_text_comes_after_its_part(tell: Tell) -> None:
    """openai-node: "missing content at index 0"."""
    events = tell(body_of("raw reasoning"))
    types = [event["type"] for event in events]
    part = types.index("response.content_part.added")
    assert events[part]["part"]["type"] == "reasoning_text"
    assert types[part + 1] == "response.reasoning_text.delta"


@every_scenario
def test_04_one_id_per_item_everywhere(tell: Tell, name: str) -> None:
    events = tell(body_of(name))
    ids: dict[int, set[str]] = {}
    for event in events:
        if event["type"].startswith("response.output_item."):
            ids.setdefault(event["output_index"], set()).add(event["item"]["id"])
        elif "item_id" in event:
            ids.setdefault(event["output_index"], set()).add(event["item_id"])
    for index, item in enumerate(events[-1]["response"]["output"]):
        ids[index].add(item["id"])
    assert [len(one) for one in ids.values()] == [1] * len(ids)
    assert all(min(one) for one in ids.values())
    assert len({min(one) for one in ids.values()}) == len(ids)


@every_scenario
def test_04_indexes_are_in_every_event_of_an_item(tell: Tell, name: str) -> None:
    shell = ("response.shell_call_command.",)  # official: these carry no item_id
    for event in tell(body_of(name)):
        kind = event["type"]
        if kind.endswith((".delta", ".done")) and not kind.startswith(("response.output_item.", *shell)):
            assert isinstance(event["output_index"], int)
            assert event["item_id"]
        if kind.startswith(("response.output_text.", "response.content_part.", "response.reasoning_text.")):
            assert isinstance(event["content_index"], int)


NEEDED: dict[str, tuple[str, ...]] = {
    "message": ("id", "type", "role", "status", "content"),
    "function_call": ("id", "type", "call_id", "name", "arguments", "status"),
    "custom_tool_call": ("id", "type", "call_id", "name", "input", "status"),
    "reasoning": ("id", "type", "summary"),
    "output_text": ("type", "text", "annotations", "logprobs"),
    "refusal": ("type", "refusal"),
}


@every_scenario
def test_05_items_are_complete(tell: Tell, name: str) -> None:
    events = tell(body_of(name))
    items = [event["item"] for event in events if "item" in event] + events[-1]["response"]["output"]
    parts = [event["part"] for event in events if "part" in event]
    parts += [part for item in items if item["type"] == "message" for part in item["content"]]
    for one in (*items, *parts):
        assert set(NEEDED.get(one["type"], ())) <= set(one), one
        assert one["type"] != "output_text" or isinstance(one["annotations"], list)


@every_scenario
def test_06_response_objects_are_complete(tell: Tell, name: str) -> None:
    for event in tell(body_of(name)):
        response = event.get("response")
        if response is None:
            continue
        assert response["object"] == "response"
        assert response["id"].startswith("resp_")
        assert isinstance(response["created_at"], int)
        assert response["model"] == "scripted"
        assert set(catalogue.RESPONSE_FIELDS) - set(response) <= ABSENT
        assert (response["usage"] is None) == (event["type"] not in TERMINAL)


ABSENT = {
    "access_programs",
    "image",
    "input_transformations",
    "moderation",
    "output_text",  # the clients' own
    "prompt",
    "prompt_cache_diagnostics",
    "prompt_cache_options",  # there where it was given
    "tool_usage",
}
"""Fields of what this server does not do, which all are optional."""


def test_06_output_is_repeated_in_full(tell: Tell) -> None:
    """An empty one breaks both SDK helpers, Agents JS, LlamaIndex, litellm and Copilot."""
    events = tell(body_of("parallel function calls"))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["response"]["output"] == done
    assert len(done) == 2


@pytest.mark.parametrize("name", list(captured.TEXT_ONLY))
def test_07_no_item_types_that_nobody_asked_for(tell: Tell, name: str) -> None:
    """Clients that asked for functions at most get messages, reasoning and calls of functions."""
    output = tell(captured.TEXT_ONLY[name]("hello there"))[-1]["response"]["output"]
    assert output
    assert {item["type"] for item in output} <= {"message", "reasoning", "function_call"}


@every_scenario
def test_07_no_unknown_item_types(tell: Tell, name: str) -> None:
    output = tell(body_of(name))[-1]["response"]["output"]
    assert {item["type"] for item in output} <= catalogue.OUTPUT_ITEM_TYPES
