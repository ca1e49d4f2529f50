"""The stream of an upstream that speaks Responses, read without I/O."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import laws, shared
from tests.support.responses_upstream import (
    USAGE,
    added,
    begin,
    call,
    done,
    end,
    frame,
    message,
    response,
)
from tests.support.turns import JSON, Told, assemble, calls, function, reason, sample, tell, usage

from antiphon.config import EngineSettings
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
from antiphon.core.errors import EngineFailure
from antiphon.engines.responses.events import UpstreamReader
from antiphon.engines.scripted.engine import ScriptedEngine

LIMIT = 1 << 23


def read(*events: JSON, **reader: Any) -> list[Delta]:
    """What a stream of these events is read as. Raises `EngineFailure`."""
    upstream = UpstreamReader(LIMIT, **reader)
    said = upstream.feed(b"".join(map(frame, events)))
    return said + upstream.close()


def answer(*events: JSON, status: str = "completed", **fields: Any) -> list[Delta]:
    return read(*begin(), *events, end(status, **fields))


def failure_of(*events: JSON) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        read(*begin(), *events)
    return caught.value


END = [FinishDelta("stop"), UsageDelta(Usage(3, 2, cached_tokens=1))]
CALLED = [FinishDelta("tool_calls"), UsageDelta(Usage(3, 2, cached_tokens=1))]


# ---------- which delta tells what


def test_a_plain_message_is_text() -> None:
    assert answer(*message("Hel", "lo")) == [TextDelta("Hel"), TextDelta("lo"), *END]


def test_a_refusal_is_a_refusal() -> None:
    item = {"id": "msg_0", "type": "message", "role": "assistant", "content": []}
    where = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
    said = answer(added(item), {"type": "response.refusal.delta", **where, "delta": "No."}, done(item))
    assert said == [RefusalDelta("No."), *END]


def test_logprobs_come_in_the_official_form() -> None:
    told = message("Hi")
    told[2]["logprobs"] = [
        {"token": "Hi", "logprob": -0.1, "top_logprobs": [{"token": "Hi", "logprob": -0.1}]}
    ]
    entry = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}
    assert answer(*told)[0] == TextDelta("Hi", ({**entry, "top_logprobs": [entry]},))


def test_calls_are_calls() -> None:
    said = answer(*call("f", '{"a"', ":1}"), *call("g", "{}", index=1, namespace="crm"))
    assert said == [
        CallDelta(0, "call_0", "f"),
        CallDelta(0, arguments='{"a"'),
        CallDelta(0, arguments=":1}"),
        CallDelta(1, "call_1", "crm__g"),
        CallDelta(1, arguments="{}"),
        *CALLED,
    ]


@pytest.mark.parametrize("said", [["one\n", 'two "x"', "\\ é"], [""], ["a"]])
def test_a_custom_call_is_the_function_that_stands_for_it(said: list[str]) -> None:
    item: JSON = {"id": "ctc_0", "type": "custom_tool_call", "call_id": "c", "name": "note", "input": ""}
    where = {"item_id": "ctc_0", "output_index": 0}
    deltas = [{"type": "response.custom_tool_call_input.delta", **where, "delta": d} for d in said]
    told = answer(added(item), *deltas, done({**item, "input": "".join(said)}))
    asked = sample(tools=[{"type": "custom", "name": "note"}])
    assert assemble(told, asked).output[0]["input"] == "".join(said)


def test_raw_reasoning_is_ours_and_a_summary_is_passed() -> None:
    raw = {"id": "rs_0", "type": "reasoning", "summary": []}
    part = {"type": "reasoning_text", "text": ""}
    where = {"item_id": "rs_0", "output_index": 0, "content_index": 0}
    said = answer(
        added(raw),
        {"type": "response.content_part.added", **where, "part": part},
        {"type": "response.reasoning_text.delta", **where, "delta": "Hm"},
        done({**raw, "content": [{**part, "text": "Hm, so"}]}),
    )
    assert said == [ReasoningDelta("Hm"), ReasoningDelta(", so"), *END]
    sealed = {**raw, "encrypted_content": "gAAAA"}
    assert answer(added(raw), done(sealed)) == [NativeEvent(added(raw)), NativeEvent(done(sealed)), *END]


def test_messages_that_a_text_cannot_tell_are_passed() -> None:
    said = answer(*message("a", phase="commentary"), *message("b", index=1), *message("c", index=2))
    told = assemble(said, sample())
    assert [type(d) for d in said if isinstance(d, TextDelta)] == [TextDelta]
    assert [(i.get("phase"), i["content"][0]["text"]) for i in told.output] == [
        ("commentary", "a"),
        (None, "b"),
        (None, "c"),
    ]
    assert laws.broken(told.events) == []


@pytest.mark.parametrize("fields", [{"caller": {"type": "program", "caller_id": "c"}}, {"async": True}])
def test_calls_that_our_delta_cannot_tell_are_passed(fields: JSON) -> None:
    told = assemble(answer(*call("f", "{}", **fields)), sample(tools=[function("f")]))
    assert told.output[0].items() >= fields.items()
    assert told.result.reason == "tool_calls"


def test_annotations_of_a_text_are_passed_for_it() -> None:
    events = message("See here")
    note = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 3}
    where = {"item_id": "msg_0", "output_index": 0, "content_index": 0, "annotation_index": 0}
    events.insert(3, {"type": "response.output_text.annotation.added", **where, "annotation": note})
    late = {**note, "url": "v"}
    events[-1]["item"]["content"][0]["annotations"] = [note, late]
    told = assemble(answer(*events), sample())
    assert told.output[0]["content"][0]["annotations"] == [note, late]
    assert laws.broken(told.events) == []


def test_an_annotation_of_a_text_that_another_item_closed_is_left_out() -> None:
    events, where = message("x"), {"item_id": "msg_0", "output_index": 0, "content_index": 0}
    note = {"type": "response.output_text.annotation.added", **where, "annotation_index": 0, "annotation": {}}
    told = assemble(
        answer(*events[:3], *call("f", "{}", index=1), note, *events[3:]), sample(tools=[function("f")])
    )
    assert [i["type"] for i in told.output] == ["message", "function_call"]
    assert told.output[0]["content"][0]["annotations"] == []
    assert laws.broken(told.events) == []


def test_an_annotation_before_any_word_is_left_out() -> None:
    events = message("x")
    where = {"item_id": "msg_0", "output_index": 0, "content_index": 0, "annotation_index": 0}
    events.insert(2, {"type": "response.output_text.annotation.added", **where, "annotation": {}})
    assert answer(*events) == [TextDelta("x"), *END]


# ---------- recorded streams

# Cut by hand: a text whose deltas are not its whole, several responses in one, or no end at all.
TRIMMED = frozenset(
    {
        "vercel--openai-shell-container.1",
        "vercel--openai-shell-tool.1",
        "vercel--parallel-tool-call-wrapper.1",
    }
)
FAILED = {
    "embeddedllm--context_length_exceeded-stream": ("context_length", "context_length_exceeded"),
    "vercel--openai-error.1": ("rate_limited", "insufficient_quota"),
}
# Rounded once more in the whole text than in its deltas.
ROTATED = "vercel--github-copilot-id-rotation.1"  # of a vendor whose item ids change from event to event
ROUNDED = "pydantic--test_openai_instructions_with_responses_logprobs_streaming.0"


def tools_of(events: list[JSON]) -> list[JSON]:
    """The tools that the recorded calls name."""
    found: dict[tuple[str, str | None], JSON] = {}
    for event in events:
        item = event.get("item") or {}
        if item.get("type") in ("function_call", "custom_tool_call"):
            tool = {"type": item["type"].removesuffix("_call").removesuffix("_tool"), "name": item["name"]}
            space = item.get("namespace")
            outer = {"type": "namespace", "name": space, "description": "d", "tools": [tool]}
            found[item["name"], space] = outer if space else tool
    return list(found.values())


def bare(item: JSON) -> JSON:
    """An item without what is ours to say: ids of what our deltas tell, and texts of no characters."""
    kept = copy.deepcopy({"role": "assistant", **item} if item["type"] == "message" else item)
    if item["type"] in ("message", "function_call", "custom_tool_call"):
        kept.pop("id")
    return kept


@pytest.mark.parametrize("name", [n for n in shared.recordings() if n not in TRIMMED and n not in FAILED])
def test_a_recorded_stream_becomes_its_own_items(name: str) -> None:
    events = list(shared.events(name))
    told = assemble(read(*events), sample(tools=tools_of(events)))
    final = events[-1]["response"]
    items = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    items = [i for i in items if i["type"] != "message" or i["content"][0]["text"]]
    shown = [bare(i) for i in told.output]
    if name == ROUNDED:
        items[0]["content"][0].pop("logprobs")
        assert len(shown[0]["content"][0].pop("logprobs")) == 9
    if name == ROTATED:
        assert shown[0].pop("id") != items[0].pop("id")
    assert shown == [bare(i) for i in items]
    assert laws.broken(told.events) == []
    assert told.result.usage.input_tokens == final["usage"]["input_tokens"]
    assert told.result.usage.output_tokens == final["usage"]["output_tokens"]


@pytest.mark.parametrize("name", FAILED)
def test_a_recorded_failure(name: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        read(*shared.events(name))
    assert (caught.value.kind, caught.value.code) == FAILED[name]


def test_a_recorded_stream_without_an_end_was_dropped() -> None:
    reader = UpstreamReader(LIMIT)
    events = list(shared.events("vercel--parallel-tool-call-wrapper.1"))
    assert calls(reader.feed(b"".join(map(frame, events))))[0][0] == "parallel"
    with pytest.raises(EngineFailure) as caught:
        reader.close()
    assert caught.value.kind == "dropped"


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_cuts_change_nothing(size: int, line_end: bytes) -> None:
    events = list(shared.events("embeddedllm--builtin-tool-code_interpreter-stream"))
    data = b"".join(map(frame, events)).replace(b"\n", line_end)
    reader = UpstreamReader(LIMIT)
    said = [d for i in range(0, len(data), size) for d in reader.feed(data[i : i + size])]
    assert said + reader.close() == read(*events)


# ---------- another Antiphon as upstream

SCRIPTS = [
    ["say Hello there", "cite https://example.com A page"],
    ["think Well now", "say Hello"],
    ["refuse Not that"],
    ['call f {"city":"Oslo"}', 'call g {"a":[1,2]}'],
    ['custom note "two\\nlines"'],
    ["summary A thought", "web_search tides", "phase commentary Looking", "phase final_answer Found it"],
    [
        "file_search a",
        "code print(1)",
        "image partials=2 fox",
        "mcp_tools a b",
        "mcp lookup {}",
        "approve x {}",
    ],
    ["shell ls", "compaction", "audio some words", "item computer_call", "item tool_search_call"],
    ["item local_shell_call", "item apply_patch_call", "item program", "item mcp_approval_response"],
    [
        'item {"type":"mcp_call","status":"failed","error":"no"}',
        'item {"type":"mcp_list_tools","error":"no"}',
    ],
    ["logprobs 2", "say One two"],
    ["usage 7 9 cached=2 reasoning=3 cache_write=1", "say x"],
]


@pytest.mark.parametrize("lines", SCRIPTS, ids=lambda lines: lines[0])
@pytest.mark.parametrize("summary", [False, True])
async def test_what_our_own_server_says_is_read_back(lines: list[str], summary: bool) -> None:
    tools = [function("f"), function("g"), {"type": "custom", "name": "note"}]
    asked = sample("\n".join(("#script", *lines)), tools=tools)
    first = await tell(ScriptedEngine(EngineSettings(kind="scripted")), asked, summary=summary)
    again = assemble(read(*first.events), asked, summary=summary)
    assert [_anonymous(i) for i in again.output] == [_anonymous(i) for i in first.output]
    assert _shape(again) == _shape(first)
    assert again.result.usage == first.result.usage
    assert laws.broken(again.events) == []


def _anonymous(item: JSON) -> JSON:
    return {k: v for k, v in item.items() if k not in ("id", "call_id")}


def _shape(told: Told) -> list[str]:
    """Event types, runs of deltas as one."""
    return [
        t for before, t in zip(["", *told.types], told.types, strict=False) if t != before or "delta" not in t
    ]


# ---------- the end


@pytest.mark.parametrize(
    ("status", "fields", "why"),
    [
        ("completed", {}, "stop"),
        ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ("incomplete", {"incomplete_details": {"reason": "max_messages"}}, "length"),
        ("incomplete", {"incomplete_details": None}, "length"),
    ],
)
def test_why_it_ended(status: str, fields: JSON, why: str) -> None:
    assert reason(answer(*message("x"), status=status, **fields)) == why


def test_an_answer_that_used_its_limit_was_cut() -> None:
    assert reason(read(*message("x"), end(), limit=2)) == "length"
    assert reason(read(*message("x"), end(), limit=3)) == "stop"


def test_a_completed_event_may_say_that_it_is_incomplete() -> None:
    ended = end()
    ended["response"]["status"] = "incomplete"
    assert reason(read(*message("x"), ended)) == "length"


def test_usage_is_optional_and_read_with_care() -> None:
    bare_end = {"type": "response.completed", "response": response()}
    assert read(*message("x"), bare_end) == [TextDelta("x"), FinishDelta("stop")]
    odd = {"input_tokens": 3, "output_tokens": "many", "input_tokens_details": None}
    said = read(*message("x"), {"type": "response.completed", "response": response(usage=odd)})
    assert usage(said) == Usage(3, 0)


def test_nothing_is_read_after_the_end() -> None:
    assert read(*message("x"), end(), *message("y", index=1), end()) == [TextDelta("x"), *END]


def test_a_done_marker_is_no_event() -> None:
    reader = UpstreamReader(LIMIT)
    reader.feed(frame(begin()[0]) + b"data: [DONE]\n\n")
    with pytest.raises(EngineFailure) as caught:
        reader.close()
    assert caught.value.kind == "dropped"


# ---------- failures


FLAT = {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down.", "param": None}
NESTED = {
    "type": "error",
    "error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "Slow down."},
}
IN_RESPONSE = {
    "type": "response.failed",
    "response": response("failed", error={"code": "rate_limit_exceeded", "message": "Slow down."}),
}


@pytest.mark.parametrize("event", [FLAT, NESTED, {**FLAT, **NESTED}, IN_RESPONSE])
def test_the_forms_of_a_failure(event: JSON) -> None:
    failure = failure_of(event)
    assert (failure.kind, failure.code, failure.message) == (
        "rate_limited",
        "rate_limit_exceeded",
        "Slow down.",
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "context_length_exceeded", "message": "m"}, "context_length"),
        ({"code": "rate_limit_exceeded", "message": "m"}, "rate_limited"),
        ({"code": "insufficient_quota", "message": "m"}, "rate_limited"),
        ({"code": "server_is_overloaded", "message": "m"}, "overloaded"),
        ({"code": "invalid_prompt", "message": "m"}, "invalid_request"),
        ({"code": "invalid_image_format", "message": "m"}, "invalid_request"),
        ({"code": "image_too_large", "message": "m"}, "invalid_request"),
        ({"code": "server_error", "message": "m"}, "server"),
        ({"code": "something_new", "message": "m"}, "server"),
        ({"type": "invalid_request_error", "code": None, "message": "m"}, "invalid_request"),
        ({"code": 500, "message": "This model's maximum context length is 10."}, "context_length"),
        ({"code": "invalid_api_key", "message": "sk-secret"}, "auth"),
        (None, "server"),
    ],
)
def test_the_kinds_of_failure(error: JSON | None, kind: str) -> None:
    failure = failure_of({"type": "response.failed", "response": response("failed", error=error)})
    assert failure.kind == kind
    assert "secret" not in failure.message


def test_a_cancelled_response_is_a_failure() -> None:
    assert failure_of({"type": "response.incomplete", "response": response("cancelled")}).kind == "server"


def test_what_came_before_a_failure_is_said_first() -> None:
    reader = UpstreamReader(LIMIT)
    assert reader.feed(b"".join(map(frame, [*message("x"), FLAT]))) == [TextDelta("x")]
    for further in (lambda: reader.feed(b""), reader.close):
        with pytest.raises(EngineFailure, match="Slow down"):
            further()


@pytest.mark.parametrize(
    "data", [b"data: {\n\n", b"data: 5\n\n", b'data: {"type":"\xff"}\n\n', b"data: " + b"[" * 5000 + b"\n\n"]
)
def test_what_is_no_event_is_malformed(data: bytes) -> None:
    with pytest.raises(EngineFailure) as caught:
        UpstreamReader(LIMIT).feed(data)
    assert caught.value.kind == "malformed"


def test_an_endless_event_is_malformed() -> None:
    with pytest.raises(EngineFailure) as caught:
        UpstreamReader(100).feed(b"data: " + b"x" * 101)
    assert caught.value.kind == "malformed"


# ---------- servers that say less, or more


def test_only_done_items() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    text_item = message("Hello")[-1]
    assert read(text_item, done(item, 1), end())[:3] == [
        TextDelta("Hello"),
        CallDelta(1, "c", "f"),
        CallDelta(1, arguments="{}"),
    ]


def test_only_the_final_response() -> None:
    output = [
        message("Hello")[-1]["item"],
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
    ]
    told = assemble(read(end(output=output)), sample())
    assert [i["type"] for i in told.output] == ["message", "web_search_call"]
    assert told.output[0]["content"][0]["text"] == "Hello"
    assert laws.broken(told.events) == []


def test_a_whole_response_instead_of_a_stream() -> None:
    reader = UpstreamReader(LIMIT)
    whole = {**response(usage=USAGE), "output": [message("Hello")[-1]["item"]]}
    assert reader.feed(b"data: " + frame({"type": "", **whole}).split(b"data: ")[1]) == [
        TextDelta("Hello"),
        *END,
    ]


def test_events_without_an_index_are_found_by_their_item() -> None:
    events = [{k: v for k, v in e.items() if k != "output_index"} for e in message("a", "b")]
    assert read(*events, end()) == [TextDelta("a"), TextDelta("b"), *END]


def test_the_name_of_a_frame_stands_for_a_missing_type() -> None:
    reader = UpstreamReader(LIMIT)
    with pytest.raises(EngineFailure, match="Slow down"):
        reader.feed(b'event: error\ndata: {"message": "Slow down."}\n\n')


def test_unknown_events_and_items_are_left_out_and_counted() -> None:
    reader = UpstreamReader(LIMIT)
    odd = {"id": "q_1", "type": "quantum_call", "status": "in_progress"}
    events = [
        {"type": "response.ping"},
        {"type": "response.rate_limits.updated"},
        {"type": "response.ping"},
        added(odd, 0),
        {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "q_1"},
        done(odd, 0),
        *message("x", index=1),
        {"type": "response.mcp_call.completed", "output_index": 1, "item_id": "msg_1"},
        end(),
    ]
    assert reader.feed(b"".join(map(frame, events))) == [TextDelta("x"), *END]
    assert reader.left_out == {
        "response.ping": 2,
        "response.rate_limits.updated": 1,
        "item quantum_call": 2,
        "response.web_search_call.searching": 1,
        "response.mcp_call.completed": 1,
    }


def test_an_item_without_an_id_gets_one() -> None:
    item = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
    told = assemble(read(added(item), done(item), end(), new_id=lambda prefix: f"{prefix}_made"), sample())
    assert told.output[0]["id"] == "ws_made"


SOURCES = [name for name in shared.recordings() if name not in FAILED][::4]


@given(st.data())
def test_no_disorder_of_events_breaks_the_response(data: st.DataObject) -> None:
    """Events lost, doubled, exchanged or without a field never lead to an operation that is illegal."""
    if not SOURCES:
        pytest.skip("no recorded streams (set ANTIPHON_SHARED)")
    events = [*shared.events(data.draw(st.sampled_from(SOURCES)))]
    near = data.draw(st.integers(0, max(0, len(events) - 40)))
    events = events[near : near + 40] + events[-1:]
    for _ in range(data.draw(st.integers(1, 6))):
        at, other = (data.draw(st.integers(0, len(events) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(["drop", "double", "swap", "strip", "move"])):
            case "drop" if len(events) > 1:
                del events[at]
            case "double":
                events.insert(other, events[at])
            case "swap":
                events[at], events[other] = events[other], events[at]
            case "strip":
                keys = sorted(events[at].keys() - {"type"})
                cut = data.draw(st.sampled_from(keys)) if keys else ""
                events[at] = {k: v for k, v in events[at].items() if k != cut}
            case _:
                events[at] = {**events[at], "output_index": data.draw(st.integers(0, 3))}
    reader, said = UpstreamReader(LIMIT), list[Delta]()
    try:
        for event in events:
            said += reader.feed(frame(event))
        said += reader.close()
    except EngineFailure:
        pass
    told = assemble(said, sample(tools=tools_of(events)))
    assert laws.broken(told.events) == []
