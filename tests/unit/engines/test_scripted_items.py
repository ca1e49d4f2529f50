"""Every item and event kind can be driven by a script, in the order that the recorded streams show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support import laws, shared
from tests.support.turns import JSON, sample, tell

from antiphon.config import EngineSettings
from antiphon.core.kinds import EVENT_PLACES, ITEM_KINDS
from antiphon.core.machine import ResponseMachine
from antiphon.engines.scripted.engine import ScriptedEngine
from antiphon.spec.validate import check_event

ENGINE = ScriptedEngine(EngineSettings(kind="scripted"))


def script(*lines: str) -> Any:
    return sample("\n".join(("#script", *lines)))


@pytest.mark.parametrize("kind", list(ITEM_KINDS))
async def test_every_kind_of_item_is_lawful_and_official(kind: str) -> None:
    told = await tell(ENGINE, script(f"item {kind}"))
    assert laws.broken(told.events) == []
    assert [item["type"] for item in told.output] == [kind]
    told_items = told.events[2:-1]
    assert [(event["type"], fault) for event in told_items for fault in check_event(event)] == []


LADDERS = {
    "web_search tides": ("web_search_call", ["in_progress", "searching", "completed"]),
    "file_search tides": ("file_search_call", ["in_progress", "searching", "completed"]),
    "code print(1)": (
        "code_interpreter_call",
        ["in_progress", "code.delta", "code.done", "interpreting", "completed"],
    ),
    "mcp lookup {}": ("mcp_call", ["in_progress", "arguments.delta", "arguments.done", "completed"]),
    "mcp_tools lookup": ("mcp_list_tools", ["in_progress", "completed"]),
    "image partials=1 a fox": (
        "image_generation_call",
        ["in_progress", "generating", "partial_image", "completed"],
    ),
    'item {"type":"mcp_call","status":"failed","error":"no"}': (
        "mcp_call",
        ["in_progress", "arguments.delta", "arguments.done", "failed"],
    ),
    "compaction": ("compaction", ["compacting"]),
}


@pytest.mark.parametrize("line", LADDERS)
async def test_the_ladder_of_a_hosted_item(line: str) -> None:
    kind, phases = LADDERS[line]
    told = await tell(ENGINE, script(line))
    between = [t.removeprefix(kind).lstrip("._").replace("call_", "") for t in told.types[1:-1]]
    assert between == phases
    assert (told.types[0], told.types[-1]) == ("output_item.added", "output_item.done")


async def test_a_shell_call_and_its_output() -> None:
    told = await tell(ENGINE, script("shell ls"))
    assert told.types == [
        "output_item.added",
        "shell_call_command.added",
        "shell_call_command.delta",
        "shell_call_command.done",
        "output_item.done",
        "output_item.added",
        "shell_call_output_content.delta",
        "shell_call_output_content.done",
        "output_item.done",
    ]
    call, output = told.output
    assert call["action"]["commands"] == ["ls"]
    assert call["call_id"] == output["call_id"]


async def test_a_message_with_phase_and_citations() -> None:
    citation = {
        "type": "url_citation",
        "url": "https://example.com",
        "title": "T",
        "start_index": 0,
        "end_index": 2,
    }
    item = {
        "type": "message",
        "phase": "commentary",
        "content": [{"type": "output_text", "text": "hi there", "annotations": [citation]}],
    }
    told = await tell(
        ENGINE, script(f"item {json.dumps(item)}", "say and more", "cite https://example.com/a A title")
    )
    native, own = told.output
    assert native["phase"] == "commentary"
    assert native["content"][0]["annotations"] == [citation]
    assert own["content"][0]["annotations"] == [
        {
            "type": "url_citation",
            "url": "https://example.com/a",
            "title": "A title",
            "start_index": 0,
            "end_index": len("and more"),
        }
    ]
    assert laws.broken(told.events) == []


def lifecycle() -> set[str]:
    """The events that only the machine says."""
    types: set[str] = set()
    for end in ("completed", "incomplete", "failed"):
        machine = ResponseMachine(
            {"id": "resp_1", "object": "response", "error": {"code": "c", "message": "m"}}
        )
        events = [*machine.queue(), *machine.begin(), *machine.finish(end)]
        types |= {event.type for event in events}
    return types


async def test_scripts_reach_every_event_type() -> None:
    told = await tell(
        ENGINE,
        script(
            "think raw thought",
            "summary a thought",
            "say hello world",
            "cite https://example.com",
            "refuse no",
            "web_search q",
            "file_search q",
            "code 1",
            "image partials=1 fox",
            "mcp lookup {}",
            'item {"type":"mcp_call","error":"no"}',
            "mcp_tools lookup",
            'item {"type":"mcp_list_tools","error":"no"}',
            "shell ls",
            "compaction",
            "audio some words",
            "item function_call",
            "item custom_tool_call",
        ),
    )
    assert {event["type"] for event in told.events} | lifecycle() == set(EVENT_PLACES)
    assert laws.broken(told.events) == []


async def test_a_whole_event_is_passed_as_it_stands() -> None:
    event = {"type": "response.audio.delta", "delta": "QUJD"}
    turn = await ENGINE.open(script(f"native {json.dumps(event)}"))
    batches = [batch async for batch in turn]
    assert batches[0][0].event == event  # type: ignore[union-attr]


async def test_ids_are_stable_and_differ_between_samples() -> None:
    one = script("web_search a")
    ids = [(await tell(ENGINE, asked)).output[0]["id"] for asked in (one, one, script("web_search a"))]
    assert ids[0] == ids[1] != ids[2]


def phases(events: list[JSON]) -> dict[str, list[str]]:
    """Item kind → the kinds of events between its `added` and its `done`, deltas counted once."""
    kinds: dict[int, str] = {}
    seen: dict[int, list[str]] = {}
    for event in events:
        index = event.get("output_index")
        if event["type"] == "response.output_item.added":
            kinds[index], seen[index] = event["item"]["type"], []
        elif (
            index in seen
            and event["type"] != "response.output_item.done"
            and event["type"] not in seen[index][-1:]
        ):
            seen[index].append(event["type"])
    return {kinds[index]: told for index, told in seen.items()}


FOUR_THOUGHTS = json.dumps({"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}] * 4})

RECORDED = {
    "embeddedllm--builtin-tool-code_interpreter-stream": ["code print(1)", "say done"],
    "pydantic--test_openai_responses_thinking_part_iter.0": ["item " + FOUR_THOUGHTS, "say done"],
    "pydantic--test_openai_responses_model_web_search_tool_stream.0": ["web_search tides", "say done"],
    "pydantic--test_openai_responses_model_mcp_server_tool_stream.0": ["mcp_tools lookup", "mcp lookup {}"],
    "vercel--openai-image-generation-tool.1": ["image partials=1 a fox"],
    "vercel--openai-file-search-tool.2": ["file_search tides"],
    "vercel--openai-shell-container.1": ["shell ls"],
    "vercel--openai-local-shell-tool.1": ["item local_shell_call"],
    "vercel--openai-mcp-tool-approval.1": ["approve lookup {}"],
    "vercel--openai-tool-search.1": ["item tool_search_call", "item tool_search_output"],
}


@pytest.mark.parametrize("name", RECORDED)
async def test_the_order_is_the_recorded_one(name: str) -> None:
    recorded = phases(list(shared.events(name)))
    for kind, told in phases((await tell(ENGINE, script(*RECORDED[name]))).events).items():
        if kind == "message":
            recorded[kind] = [t for t in recorded[kind] if "annotation" not in t]
        assert told == recorded[kind]
