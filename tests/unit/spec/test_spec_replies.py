"""What a server answers: the recorded streams of the real API are the measure."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import official, shared

from antiphon.spec import catalogue
from antiphon.spec.validate import check_event, check_object, check_reply

EXPLAINED = {
    "pydantic--test_openai_responses_stream.0": ("sequence_number",),
    "vercel--openai-custom-tool.1": ("sequence_number",),
    "vercel--parallel-tool-call-wrapper.1": ("sequence_number",),
    "vercel--openai-phase.1": (
        "logprobs",
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "parallel_tool_calls",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    ),
    "embeddedllm--builtin-tool-code_interpreter-outputs-multi-stream": ("role",),
}
"""Recordings shortened or edited by hand by those who published them → the fields that were lost."""

UNLISTED = {
    "response.apply_patch_call_operation_diff.delta",
    "response.apply_patch_call_operation_diff.done",
}


@pytest.mark.parametrize("name", shared.recordings() or ["none"])
def test_recorded_events_have_no_violation(name: str) -> None:
    lost = EXPLAINED.get(name, ())
    found = [
        (event["type"], one)
        for event in shared.events(name)
        for one in check_event(event)
        if one.code != "missing_required_parameter" or one.param.rpartition(".")[2] not in lost
    ]
    assert found == []


@pytest.mark.parametrize("name", [one for one in shared.recordings() if one not in EXPLAINED] or ["none"])
def test_the_official_schema_agrees_on_recorded_events(name: str) -> None:
    found = [
        (event["type"], one)
        for event in shared.events(name)
        if event["type"] not in UNLISTED and "error" not in event
        for one in official.violations(event)
        if "oai-weather" not in one  # a source that is no page: `{"type": "api"}`
    ]
    assert found == []


@pytest.mark.parametrize("name", ["OutputItem", "ConversationItem", "Response"])
def test_what_the_official_schema_allows_is_accepted(name: str) -> None:
    chance = random.Random(20261116)
    for _ in range(500):
        value = official.sample(name, chance)
        assert check_object(name, value) == [], value


def _delta(**changes: Any) -> dict[str, Any]:
    event = {
        "type": "response.output_text.delta",
        "sequence_number": 4,
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "delta": "a",
        "logprobs": [],
    }
    return {key: value for key, value in {**event, **changes}.items() if value is not ...}


WRONG = {
    "no item": _delta(item_id=...),
    "null index": _delta(output_index=None),
    "index as text": _delta(output_index="0"),
    "no sequence number": _delta(sequence_number=...),
    "delta as list": _delta(delta=["a"]),
    "vendor event": {"type": "response.ping", "sequence_number": 1},
    "no type": {"sequence_number": 1},
    "error without words": {"type": "error", "sequence_number": 1},
}


@pytest.mark.parametrize("event", WRONG.values(), ids=WRONG)
def test_wrong_events_are_caught_by_both_judges(event: dict[str, Any]) -> None:
    assert check_event(event) != []
    assert official.violations(event) != []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "sequence_number": 1, "code": None, "message": "x", "param": None},
        {
            "type": "error",
            "sequence_number": 1,
            "error": {"type": "server_error", "code": None, "message": "x", "param": None},
        },
        {
            "type": "error",
            "sequence_number": 1,
            "code": "server_error",
            "message": "x",
            "param": None,
            "error": {"type": "server_error", "code": "server_error", "message": "x", "param": None},
        },
    ],
    ids=["flat", "nested", "both"],
)
def test_the_error_event_has_three_forms(event: dict[str, Any]) -> None:
    assert check_event(event) == []


def test_all_violations_are_listed_with_their_places() -> None:
    event = {
        "type": "response.output_item.added",
        "sequence_number": 1,
        "output_index": 0,
        "item": {"type": "message", "id": "msg_1", "role": "assistant", "status": "done"},
    }
    assert {(one.code, one.param) for one in check_event(event)} == {
        ("invalid_value", "item.status"),
        ("missing_required_parameter", "item.content"),
    }


def test_a_conversation_and_a_list() -> None:
    conversation = {"id": "conv_1", "object": "conversation", "created_at": 1, "metadata": {}}
    assert check_object("Conversation", conversation) == []
    assert [one.param for one in check_object("Conversation", {**conversation, "created_at": None})] == [
        "created_at"
    ]
    items = "GET /conversations/{conversation_id}/items"
    empty = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    assert check_reply(items, empty) == []
    assert [one.param for one in check_reply(items, {**empty, "has_more": None})] == ["has_more"]
    assert check_reply("GET /models", {"object": "list", "data": []}) == []
    deleted = {"id": "resp_1", "object": "response", "deleted": True}
    assert check_reply("DELETE /responses/{response_id}", deleted) == []
    with pytest.raises(KeyError):
        check_object("Nothing", {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(catalogue.EVENT_TYPES)), st.dictionaries(st.text(max_size=5), JSON), JSON)
def test_any_event_is_judged_without_raising(kind: str, event: dict[str, Any], inner: Any) -> None:
    for name in ("response", "item", "part", "delta"):
        for found in check_event({**event, "type": kind, name: inner}):
            assert found.code


@given(
    field=st.sampled_from(
        ["item_id", "output_index", "content_index", "delta", "logprobs", "sequence_number"]
    ),
    value=JSON | st.just(...),
)
def test_both_judges_agree_on_mutated_deltas(field: str, value: Any) -> None:
    event = _delta(**{field: value})
    whole = isinstance(value, float) and value.is_integer()  # JSON Schema calls 1.0 an integer
    if field != "logprobs" and not whole:
        assert bool(check_event(event)) == bool(official.violations(event))
