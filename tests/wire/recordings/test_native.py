"""Each recording as an upstream's stream: what we tell of it is lawful, and ends in the same items."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import laws, official, reality, shared
from tests.wire.recordings import known
from tests.wire.recordings.replay import replay

from antiphon.spec.validate import check_event

JSON = dict[str, Any]
NAMES = shared.recordings() or ["none"]

INVALID = {
    "vercel--openai-phase.1": "required fields cut out by hand",
    "vercel--parallel-tool-call-wrapper.1": "no response to take fields from",
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream": "a message without `role`",
}
"""Recordings whose own items or response lack what the pin requires; we pass on what we are given."""

UNOFFICIAL = {
    **INVALID,
    "pydantic--test_openai_responses_model_web_search_tool_stream.0": "a source of type `api`, never listed",
}

_IN_PROGRESS = ["done item: status completed (or incomplete)"]
STILL_BROKEN = {
    known.IN_PROGRESS_TWICE: ["mcp_call: phases"],
    "vercel--parallel-tool-call-wrapper.1": ["completed: usage present"],
    "vercel--programmatic-tool-calling.1": _IN_PROGRESS,
    "vercel--programmatic-tool-calling.2": _IN_PROGRESS,
}
"""Recording → counted rules that our telling of it breaks too, for it says what the upstream said."""


@pytest.mark.parametrize("name", NAMES)
def test_replayed_stream_is_lawful(name: str) -> None:
    told = replay(list(shared.events(name)))
    assert laws.broken(told) == []
    broken = [rule for rule in reality.RULES if reality.RULES[rule](told)]
    assert broken == STILL_BROKEN.get(name, [])


@pytest.mark.parametrize("name", NAMES)
def test_replayed_stream_ends_in_the_same_items(name: str) -> None:
    recorded = list(shared.events(name))
    done = [event["item"] for event in recorded if event["type"] == "response.output_item.done"]
    output = replay(recorded)[-1]["response"]["output"]
    assert [comparable(item, name) for item in output] == [comparable(item, name) for item in done]


def comparable(item: JSON, name: str) -> JSON:
    """Without what the recording itself contradicts between its deltas, its `added` and its `done`."""
    found = {k: v for k, v in item.items() if k != "id" or name not in known.FOREIGN}
    if isinstance(found.get("content"), list):
        left_out = {"logprobs"} | ({"text"} if name in known.TEXT_LOST else set())
        found["content"] = [{k: v for k, v in part.items() if k not in left_out} for part in found["content"]]
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name not in INVALID])
def test_replayed_events_are_of_the_pinned_surface(name: str) -> None:
    told = replay(list(shared.events(name)))
    assert [(event["type"], one) for event in told for one in check_event(event)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNOFFICIAL])
def test_replayed_events_are_official(name: str) -> None:
    told = replay(list(shared.events(name)))
    assert [(event["type"], one) for event in told for one in official.violations(event)] == []
