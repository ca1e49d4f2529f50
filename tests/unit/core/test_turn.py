"""The turn assembler: deltas of every kind, in any order and cut anywhere, become lawful items."""

from __future__ import annotations

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.laws import broken

from antiphon.core.deltas import (
    CallDelta,
    Delta,
    FinishDelta,
    NativeEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageDelta,
)
from antiphon.core.fold import fold
from antiphon.core.machine import ResponseMachine
from antiphon.core.tools import ToolRules, ToolTable, resolve_tools
from antiphon.core.turn import Turn, TurnResult, TurnRules

BIRTH = {"id": "resp_1", "object": "response", "status": "in_progress", "usage": None, "error": None}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
GRAMMAR = {"type": "grammar", "syntax": "regex", "definition": "a+"}
TOOLS = [
    FUNCTION,
    {"type": "namespace", "name": "ns", "description": "", "tools": [{**FUNCTION, "name": "g"}]},
    {"type": "custom", "name": "free"},
    {"type": "custom", "name": "strict", "format": GRAMMAR},
]
PLAIN = TurnRules()
TABLE = resolve_tools(TOOLS, "auto", ToolRules())


def numbered() -> Any:
    counter = itertools.count()
    return lambda prefix: f"{prefix}_{next(counter)}"


def assemble(
    deltas: list[Delta], rules: TurnRules = PLAIN, table: ToolTable = TABLE
) -> tuple[list[dict[str, Any]], TurnResult]:
    machine = ResponseMachine(BIRTH)
    turn = Turn(machine, table, rules, numbered())
    events = machine.begin()
    for delta in deltas:
        events += turn.feed([delta])
    told, result = turn.close()
    status = "completed" if result.reason in ("stop", "tool_calls") else "incomplete"
    events += [*told, *machine.finish(status, usage=result.usage.official())]  # type: ignore[arg-type]
    decoded = [msgspec.json.decode(e.data) for e in events]
    final = msgspec.json.decode(msgspec.json.encode(machine.snapshot()))
    assert broken(decoded, final) == []
    assert fold(decoded) == decoded[-1]["response"]
    return decoded, result


def output(deltas: list[Delta], **kwargs: Any) -> list[dict[str, Any]]:
    return assemble(deltas, **kwargs)[0][-1]["response"]["output"]


STOP = FinishDelta("stop")
names = st.sampled_from(["f", "ns__g", "free", "strict", "unknown", ""])
some_deltas = st.lists(
    st.one_of(
        st.builds(TextDelta, st.text(max_size=5)),
        st.builds(ReasoningDelta, st.text(max_size=5)),
        st.builds(RefusalDelta, st.text(max_size=5)),
        st.builds(
            CallDelta,
            st.integers(0, 3),
            st.one_of(st.none(), st.just("call_x")),
            st.one_of(st.none(), names),
            st.sampled_from(["", "{", "}", '{"a":1}', '{"input":"', 'aa"}', "\\", '"', "\\ud83d"]),
        ),
        st.builds(UsageDelta, st.builds(Usage, st.integers(0, 9), st.integers(0, 9))),
    ),
    max_size=30,
)


@given(some_deltas, st.booleans(), st.booleans(), st.sampled_from(["stop", "length", "tool_calls", None]))
@settings(max_examples=500, deadline=None)
def test_any_deltas_make_a_lawful_response(
    deltas: list[Delta], summary: bool, parallel: bool, reason: Any
) -> None:
    rules = TurnRules(summary, parallel, lambda text: f"sealed:{text}", lambda _, text: set(text) == {"a"})
    ending = [FinishDelta(reason)] if reason else []
    events, result = assemble([*deltas, *ending], rules)
    calls = [i for i in events[-1]["response"]["output"] if i["type"].endswith("_call")]
    assert len(calls) == result.client_calls
    assert parallel or len(calls) <= 1
    assert {c["name"] for c in calls} <= {"f", "g", "free", "strict"}


def test_the_ladder_of_a_message() -> None:
    events, _ = assemble([TextDelta("Hel"), TextDelta("lo"), STOP])
    assert [e["type"] for e in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[-1]["response"]["output"] == [
        {
            "id": "msg_0",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Hello"}],
        }
    ]


def test_reasoning_text_then_message_then_calls() -> None:
    made = output(
        [
            ReasoningDelta("think"),
            TextDelta("\n\n"),
            TextDelta("say"),
            CallDelta(0, "call_a", "f", '{"x":'),
            CallDelta(0, None, None, "1}"),
            CallDelta(1, "call_b", "ns__g", "{}"),
            FinishDelta("tool_calls"),
        ]
    )
    assert [(i["type"], i.get("name"), i.get("namespace"), i.get("arguments")) for i in made] == [
        ("reasoning", None, None, None),
        ("message", None, None, None),
        ("function_call", "f", None, '{"x":1}'),
        ("function_call", "g", "ns", "{}"),
    ]
    assert "status" not in made[0]
    assert made[0]["content"] == [{"type": "reasoning_text", "text": "think"}]
    assert made[1]["content"][0]["text"] == "\n\nsay"
    assert [i["call_id"] for i in made[2:]] == ["call_a", "call_b"]


def test_white_space_before_a_call_makes_no_message() -> None:
    made = output([TextDelta("\n\n"), CallDelta(0, "c", "f", "{}"), FinishDelta("tool_calls")])
    assert [i["type"] for i in made] == ["function_call"]


def test_interleaved_calls_are_told_one_after_the_other() -> None:
    events, _ = assemble(
        [
            CallDelta(0, "a", "f", '{"x"'),
            CallDelta(1, "b", "f", '{"y"'),
            CallDelta(0, None, None, ":1}"),
            CallDelta(1, None, None, ":2}"),
            FinishDelta("tool_calls"),
        ]
    )
    assert [i["arguments"] for i in events[-1]["response"]["output"]] == ['{"x":1}', '{"y":2}']
    opened = [(e["type"], e["output_index"]) for e in events if "output_item" in e["type"]]
    assert opened == [
        ("response.output_item.added", 0),
        ("response.output_item.done", 0),
        ("response.output_item.added", 1),
        ("response.output_item.done", 1),
    ]


def test_a_call_without_arguments_is_the_empty_object() -> None:
    assert output([CallDelta(0, "a", "f"), STOP])[0]["arguments"] == "{}"


def test_a_call_without_an_id_gets_one() -> None:
    assert output([CallDelta(0, None, "f", "{}"), STOP])[0]["call_id"].startswith("call_")


def test_parallel_off_keeps_the_first_call_only() -> None:
    calls = [CallDelta(0, "a", "f", "{}"), CallDelta(1, "b", "f", "{}"), FinishDelta("tool_calls")]
    made = output(calls, rules=TurnRules(parallel=False))
    assert [i["call_id"] for i in made] == ["a"]


def test_a_call_that_was_not_offered_is_never_shown() -> None:
    events, result = assemble([CallDelta(0, "a", "rm_rf", '{"secret":1}'), FinishDelta("tool_calls")])
    assert events[-1]["response"]["output"] == []
    assert not any("secret" in json.dumps(e) for e in events)
    assert [(r.name, r.arguments) for r in result.rejected] == [("rm_rf", '{"secret":1}')]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('{"input":"a\\nb"}', "a\nb"),
        ('{ "input" : "\\ud83d\\ude00 \\"q\\" \\u00fc" }', '😀 "q" ü'),
        ('{"input": "a\\u-123b\\u 12 "}', "a\ufffdb\ufffd"),
        ("*** Begin Patch", "*** Begin Patch"),
        ('"bare"', "bare"),
        ('{"patch":"other key"}', "other key"),
        ('{"input":"cut', "cut"),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_a_custom_tools_input_streams_as_its_text(raw: str, text: str, step: int) -> None:
    pieces = [raw[i : i + step] for i in range(0, len(raw), step)]
    deltas: list[Delta] = [CallDelta(0, "c", "free", pieces[0])]
    deltas += [CallDelta(0, None, None, p) for p in pieces[1:]]
    made = output([*deltas, FinishDelta("tool_calls")])
    assert made == [
        {
            "id": made[0]["id"],
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "c",
            "name": "free",
            "input": text,
        }
    ]


@given(st.text(max_size=20), st.booleans(), st.integers(1, 5))
def test_any_text_survives_the_wrapping(text: str, ascii_only: bool, step: int) -> None:
    raw = json.dumps({"input": text}, ensure_ascii=ascii_only)
    deltas: list[Delta] = [CallDelta(0, "c", "free")]
    deltas += [CallDelta(0, None, None, raw[i : i + step]) for i in range(0, len(raw), step)]
    assert output([*deltas, STOP])[0]["input"] == text


def test_a_call_of_a_tool_that_runs_on_by_itself_says_so() -> None:
    table = resolve_tools([{**FUNCTION, "async": True}, {"type": "custom", "name": "c"}], "auto", ToolRules())
    deltas = [CallDelta(0, "a", "f", "{}"), CallDelta(1, "b", "c", '{"input":"x"}'), STOP]
    assert [item.get("async") for item in output(deltas, table=table)] == [True, None]


def test_a_grammar_call_is_told_only_when_it_matches() -> None:
    rules = TurnRules(accepts=lambda _, text: set(text) == {"a"})
    good = [CallDelta(0, "c", "strict", '{"input":"aaa"}'), STOP]
    assert output(good, rules=rules)[0]["input"] == "aaa"
    events, result = assemble([CallDelta(0, "c", "strict", '{"input":"bbb"}'), STOP], rules)
    assert events[-1]["response"]["output"] == []
    assert result.rejected[0].grammar == GRAMMAR


def test_cut_off_by_length_the_open_item_is_incomplete() -> None:
    made = output([TextDelta("Hel"), FinishDelta("length")])
    assert made[0]["status"] == "incomplete"


def test_summary_channel_and_sealed_reasoning() -> None:
    rules = TurnRules(summary=True, seal=lambda text: f"<{text}>")
    made = output([ReasoningDelta("a"), ReasoningDelta("b"), TextDelta("x"), STOP], rules=rules)
    assert made[0] == {
        "id": "rs_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "ab"}],
        "encrypted_content": "<ab>",
    }


def test_refusal_is_a_part_of_the_message() -> None:
    made = output([TextDelta("x"), RefusalDelta("no"), STOP])
    assert [p["type"] for p in made[0]["content"]] == ["output_text", "refusal"]


def test_native_items_keep_their_ids_and_close_the_open_text() -> None:
    item = {"type": "web_search_call", "id": "ws_up", "status": "in_progress", "action": {"type": "search"}}
    native = [
        {"type": "response.output_item.added", "output_index": 7, "item": item},
        {"type": "response.web_search_call.in_progress", "output_index": 7, "item_id": "ws_up"},
        {"type": "response.web_search_call.completed", "output_index": 7, "item_id": "ws_up"},
        {"type": "response.output_item.done", "output_index": 7, "item": {**item, "status": "completed"}},
    ]
    made = output([TextDelta("x"), *(NativeEvent(e) for e in native), TextDelta("y"), STOP])
    assert [i["id"] for i in made] == ["msg_0", "ws_up", "msg_1"]
    assert made[1] == {**item, "status": "completed"}
