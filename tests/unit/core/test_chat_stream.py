"""Streams of Chat Completions servers become the same deltas however their bytes are cut."""

# ruff: noqa: E501 - the tables read better with a case per line

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.upstream import DONE, chunk, event, stream

from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.stream import ChatReader
from antiphon.core.deltas import (
    CallDelta,
    Delta,
    FinishDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageDelta,
)
from antiphon.core.errors import EngineFailure

GENERIC = Dialect("generic")
STOP = FinishDelta("stop")
CALLS = FinishDelta("tool_calls")


def read(*pieces: bytes, dialect: Dialect = GENERIC, top: int = 0) -> list[Delta]:
    reader = ChatReader(dialect, 100_000, top)
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    return merged(deltas + reader.close())


def outcome(*pieces: bytes) -> list[Delta | str]:
    """The deltas, and how it failed."""
    reader, deltas = ChatReader(GENERIC, 100_000), list[Any]()
    try:
        for piece in pieces:
            deltas += reader.feed(piece)
        deltas += reader.close()
    except EngineFailure as failure:
        return [*merged(deltas), f"{failure.kind}: {failure.message}"]
    return list(merged(deltas))


def merged(deltas: list[Delta]) -> list[Delta]:
    """Adjacent pieces of the same text as one."""
    out: list[Delta] = []
    for delta in deltas:
        last = out[-1] if out else None
        if isinstance(delta, TextDelta) and isinstance(last, TextDelta):
            out[-1] = TextDelta(last.text + delta.text, last.logprobs + delta.logprobs)
        elif isinstance(delta, ReasoningDelta) and isinstance(last, ReasoningDelta):
            out[-1] = ReasoningDelta(last.text + delta.text)
        else:
            out.append(delta)
    return out


def body(*chunks: Any, done: bool = True) -> bytes:
    return b"".join(stream(*chunks, done=done))


def tool(
    index: int | None = 0, call_id: str | None = None, name: str | None = None, arguments: Any = None
) -> Any:
    call = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    return {k: v for k, v in call.items() if v is not None}


def tools(*fragments: Any) -> Any:
    return chunk({"tool_calls": list(fragments)})


VLLM = body(
    chunk({"role": "assistant", "content": ""}, prompt_token_ids=None),
    chunk({"reasoning": "\n"}),
    chunk({"reasoning": "I think"}),
    chunk({"reasoning": ".\n"}),
    chunk({"content": "\n\n"}),
    chunk({"content": "\nYou säid 🎻"}),
    chunk({"content": "."}),
    chunk({"content": None, "tool_calls": [tool(0, "t1", "look")]}),
    chunk({"content": None, "tool_calls": [tool(0, None, None, '{"at":')]}),
    chunk({"content": None, "tool_calls": [tool(0, None, None, ' "sea"}')]}),
    chunk({"content": None, "tool_calls": [tool(1, "t2", "look"), tool(1, None, None, "{}")]}),
    chunk({}, "tool_calls"),
    chunk(
        None,
        usage={
            "prompt_tokens": 9,
            "total_tokens": 32,
            "completion_tokens": 23,
            "prompt_tokens_details": {"cached_tokens": 4, "created_cache_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
    ),
)
VLLM_DELTAS = [
    ReasoningDelta("I think.\n"),
    TextDelta("You säid 🎻."),
    CallDelta(0, "t1", "look"),
    CallDelta(0, arguments='{"at":'),
    CallDelta(0, arguments=' "sea"}'),
    CallDelta(1, "t2", "look"),
    CallDelta(1, arguments="{}"),
    CALLS,
    UsageDelta(Usage(9, 23, 4, 5, 12)),
]


def test_a_stream_of_vllm() -> None:
    assert read(VLLM) == VLLM_DELTAS


@given(st.lists(st.integers(0, len(VLLM)), max_size=30))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(VLLM)]
    pieces = [VLLM[a:b] for a, b in pairwise(places)]
    assert read(*pieces) == VLLM_DELTAS


def test_every_byte_alone_changes_nothing() -> None:
    assert read(*(VLLM[i : i + 1] for i in range(len(VLLM)))) == VLLM_DELTAS


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b"data: ", b"data:", b"\n\n", b"\r\n", DONE, b'{"choices":[{"delta":{"content":']
            ),
            st.sampled_from(
                [event(chunk({"content": "a"})), event(chunk({}, "stop")), event({"error": "x"})]
            ),
            st.recursive(
                st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=3),
                    st.dictionaries(
                        st.sampled_from(["choices", "delta", "content", "tool_calls", "function", "usage"]),
                        inner,
                        max_size=3,
                    ),
                ),
                max_leaves=12,
            ).map(lambda value: event(json.dumps(value))),
        ),
        max_size=8,
    )
)
def test_any_bytes_read_or_fail_as_the_engine(pieces: list[bytes]) -> None:
    result = outcome(*pieces)
    assert outcome(b"".join(pieces)) == result
    ended = [r for r in result if isinstance(r, FinishDelta | str)]
    assert len(ended) == 1


def test_deep_nesting_is_malformed() -> None:
    assert outcome(b"data: " + b'{"error":' * 50_000 + b"\n\n")[0].startswith("malformed")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("chunks", "deltas"),
    [
        pytest.param([chunk({"reasoning_content": "r", "reasoning": "r"})], [ReasoningDelta("r")], id="both names"),
        pytest.param([chunk({"content": "<think>\nr</think>\n\nt"})], [ReasoningDelta("r"), TextDelta("t")], id="inline"),
        pytest.param([chunk({"refusal": "no"})], [RefusalDelta("no")], id="refusal"),
        pytest.param([chunk({"content": None}), chunk(None), chunk({"content": "t"})], [TextDelta("t")], id="empty"),
        pytest.param([{"choices": None}, {"id": "x"}, {}, chunk({"content": "t"})], [TextDelta("t")], id="no choices"),
        pytest.param([chunk({"content": "\n t"})], [TextDelta("\n t")], id="blank start without reasoning stays"),
        pytest.param(
            [chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}]}),
             chunk({"content": [{"type": "text", "text": "t"}]})],
            [ReasoningDelta("r"), TextDelta("t")],
            id="parts",
        ),
    ],
)  # fmt: skip
def test_text_and_reasoning_of_other_servers(chunks: list[Any], deltas: list[Delta]) -> None:
    assert read(body(*chunks, chunk({}, "stop"))) == [*deltas, STOP]


@pytest.mark.parametrize(
    ("chunks", "deltas"),
    [
        pytest.param(
            [tools(tool(None, "a", "f", "{}")), tools(tool(None, "b", "g", "{}"))],
            [CallDelta(0, "a", "f", "{}"), CallDelta(1, "b", "g", "{}")],
            id="no index, whole calls",
        ),
        pytest.param(
            [tools(tool(None, None, "f", '{"a":')), tools(tool(None, None, "f", "1}")), tools(tool(None, None, "f", "{}"))],
            [CallDelta(0, None, "f", '{"a":'), CallDelta(0, arguments="1}"), CallDelta(1, None, "f", "{}")],
            id="no index, no id, name repeated",
        ),
        pytest.param(
            [tools(tool(None, "a", "f")), tools(tool(None, "b", "g")), tools(tool(None, "a", None, "{}"))],
            [CallDelta(0, "a", "f"), CallDelta(1, "b", "g"), CallDelta(0, arguments="{}")],
            id="no index, told apart by id",
        ),
        pytest.param(
            [tools(tool(0, "a", "f", "{}")), tools(tool(0, "b", "g", "{}"))],
            [CallDelta(0, "a", "f", "{}"), CallDelta(1, "b", "g", "{}")],
            id="every index 0",
        ),
        pytest.param(
            [tools(tool(0, "a", "f", "{")), tools(tool(0, "a", "f", "}"))],
            [CallDelta(0, "a", "f", "{"), CallDelta(0, arguments="}")],
            id="id and name repeated",
        ),
        pytest.param(
            [tools(tool(0, "a", "f", "{")), tools(tool(0, "z", None, "}"))],
            [CallDelta(0, "a", "f", "{"), CallDelta(0, arguments="}")],
            id="another id in every fragment",
        ),
        pytest.param(
            [tools(tool(0, "a", "", '{"a"')), tools(tool(0, None, "f", ":1}"))],
            [CallDelta(0, "a", "f", '{"a":1}')],
            id="empty name first",
        ),
        pytest.param([tools(tool(0, "a", "f", {"x": [1]}))], [CallDelta(0, "a", "f", '{"x":[1]}')], id="object"),
        pytest.param([tools(tool(3, "a", "f", "{}"))], [CallDelta(0, "a", "f", "{}")], id="first index is 3"),
        pytest.param([tools(tool(0, "a", None, "{}"))], [CallDelta(0, "a", "", "{}")], id="never a name"),
        pytest.param([tools(tool(0, "a", "f", "{broken"))], [CallDelta(0, "a", "f", "{broken")], id="broken arguments"),
        pytest.param(
            [chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "{}"}})],
            [CallDelta(0, None, "f"), CallDelta(0, arguments="{}")],
            id="legacy function_call",
        ),
    ],
)  # fmt: skip
def test_calls_of_other_servers(chunks: list[Any], deltas: list[Delta]) -> None:
    assert read(body(*chunks, chunk({}, "stop"))) == [*deltas, CALLS]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
    ],
)
def test_finish_reasons(reason: str, finish: Any) -> None:
    assert read(body(chunk({"content": "t"}, reason), chunk({"content": "x"}, "stop"))) == [
        TextDelta("t"),
        FinishDelta(finish),
    ]


def test_an_empty_finish_reason_is_none() -> None:
    assert read(body(chunk({"content": "a"}, ""), chunk({"content": "b"}, "stop"))) == [TextDelta("ab"), STOP]


def test_the_marker_alone_ends_an_answer() -> None:
    assert read(body(chunk({"content": "t"}))) == [TextDelta("t"), STOP]


def test_a_finish_without_marker_ends_an_answer() -> None:
    assert read(body(chunk({"content": "t"}, "stop"), done=False)) == [TextDelta("t"), STOP]


def test_nothing_is_read_after_the_marker() -> None:
    assert read(body(chunk({"content": "t"}, "stop")) + b"data: nonsense\n\n", b"data: more\n\n") == [
        TextDelta("t"),
        STOP,
    ]


def test_a_missing_last_line_end_is_forgiven() -> None:
    assert read(body(chunk({"content": "t"}, "stop"), done=False)[:-2]) == [TextDelta("t"), STOP]


def test_a_whole_answer_in_one_object() -> None:
    message = {"role": "assistant", "content": "t", "tool_calls": [tool(None, "a", "f", "{}")]}
    whole = {"object": "chat.completion", "choices": [{"message": message, "finish_reason": "tool_calls"}]}
    assert read(event(whole)) == [TextDelta("t"), CallDelta(0, "a", "f", "{}"), CALLS]


def test_comments_crlf_and_split_data_lines() -> None:
    one = json.dumps(chunk({"content": "t"}, "stop"), indent=1).replace("\n", "\r\ndata:")
    assert read(f": ping\r\n\r\nevent: x\r\ndata:{one}\r\n\r\ndata:[DONE]\r\n\r\n".encode()) == [
        TextDelta("t"),
        STOP,
    ]


# ---------- log probabilities


def logprob(token: str, **extra: Any) -> Any:
    return {"token": token, "logprob": -0.5, **extra}


def test_logprobs_have_the_official_shape() -> None:
    top = [{"token": "b", "logprob": None, "id": 4}, {"token": "c", "logprob": -2}]
    first = chunk({"content": "é"})
    first["choices"][0]["logprobs"] = {"content": [logprob("é", top_logprobs=top)]}
    assert read(body(first, chunk({}, "stop")), top=1) == [
        TextDelta(
            "é",
            (
                {
                    "token": "é",
                    "logprob": -0.5,
                    "bytes": [195, 169],
                    "top_logprobs": [{"token": "b", "logprob": -9999.0, "bytes": [98]}],
                },
            ),
        ),
        STOP,
    ]


def test_logprobs_wait_for_their_text_and_leave_out_reasoning() -> None:
    """A character of several tokens comes with the last of them; vLLM sends them for reasoning too."""
    pieces = [({"reasoning": "r"}, "r"), ({"content": ""}, "x1"), ({"content": "é"}, "x2"), ({}, "</s>")]
    chunks = [chunk(delta) for delta, _ in pieces]
    for one, (_, token) in zip(chunks, pieces, strict=True):
        one["choices"][0]["logprobs"] = {"content": [logprob(token, bytes=[1])]}
    deltas = read(body(*chunks, chunk({}, "stop")))
    text = deltas[1]
    assert isinstance(text, TextDelta)
    assert [deltas[0], text.text, [entry["token"] for entry in text.logprobs], deltas[2]] == [
        ReasoningDelta("r"),
        "é",
        ["x1", "x2"],
        STOP,
    ]


def test_logprobs_of_tokens_that_are_no_text_stay_out() -> None:
    """A busy vLLM sends several tokens in a chunk, among them tags and the end of the turn."""
    first = chunk({"reasoning": ".", "content": "\n\nSo it"})
    first["choices"][0]["logprobs"] = {
        "content": [logprob(t) for t in (".", "</think>", "\n\n", "So", " it")]
    }
    second = chunk({"content": " is."}, "stop")
    second["choices"][0]["logprobs"] = {"content": [logprob(t) for t in (" is", ".", "<|im_end|>")]}
    texts = [d for d in ChatReader(GENERIC).feed(body(first, second)) if isinstance(d, TextDelta)]
    assert [(d.text, [entry["token"] for entry in d.logprobs]) for d in texts] == [
        ("So it", ["So", " it"]),
        (" is.", [" is", "."]),
    ]


def test_logprobs_of_reasoning_inside_the_text_stay_out() -> None:
    chunks = [chunk({"content": text}) for text in ("<think>", "a", "b</think>c")]
    for one, tokens in zip(chunks, (["<think>"], ["a"], ["b", "</think>", "c"]), strict=True):
        one["choices"][0]["logprobs"] = {"content": [logprob(token) for token in tokens]}
    deltas = read(body(*chunks))
    assert [entry["token"] for d in deltas if isinstance(d, TextDelta) for entry in d.logprobs] == ["c"]


# ---------- usage


@pytest.mark.parametrize(
    ("given", "usage"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2}, Usage(1, 2)),
        ({"prompt_tokens": None, "completion_tokens": 2.0, "prompt_tokens_details": None}, Usage(0, 2)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "reasoning_tokens": 1}, Usage(1, 2, 0, 0, 1)),
        ({"prompt_tokens": -1, "completion_tokens": 1e300}, Usage()),
    ],
)
def test_usage_of_other_servers(given: Any, usage: Usage) -> None:
    assert read(body(chunk({}, "stop", usage=given))) == [STOP, UsageDelta(usage)]


# ---------- failures


def failure(data: bytes) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        read(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({"error": {"message": "bad schema", "type": "BadRequestError", "code": 400}}, "invalid_request", "bad schema"),
        ({"object": "error", "message": "bad", "code": 400}, "invalid_request", "bad"),
        ({"error": {"message": "maximum context length is 5", "code": 400}}, "context_length", "maximum context length is 5"),
        ({"error": {"message": "wait", "type": "rate_limit_error"}}, "rate_limited", "wait"),
        ({"error": {"message": "busy", "code": "503"}}, "overloaded", "busy"),
        ({"error": "boom"}, "server", "The engine failed (HTTP 500): boom"),
        ({"error": {"message": "Internal server error", "code": 500}}, "server", "The engine failed (HTTP 500): Internal server error"),
        ({"detail": "gone"}, "server", "The engine failed (HTTP 500): gone"),
    ],
)  # fmt: skip
def test_errors_inside_a_stream(data: Any, kind: str, message: str) -> None:
    failed = failure(event(data))
    assert (failed.kind, failed.message) == (kind, message)


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_the_engine_gave_up(reason: str) -> None:
    assert failure(body(chunk({}, reason))).kind == "server"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "dropped"),
        (body(chunk({"content": "t"}), done=False), "dropped"),
        (body(chunk({"content": "t"}), done=False)[:-10], "dropped"),
        (b"<!doctype html>\n\n", "dropped"),
        (b"data: <html>\n\n", "malformed"),
        (b'data: {"choices": 1}\n\n', "malformed"),
        (b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', "malformed"),
        (b"data: " + b"x" * 100_001, "malformed"),
    ],
)
def test_what_is_no_answer(data: bytes, kind: str) -> None:
    assert failure(data).kind == kind


def test_deltas_before_a_failure_are_not_lost() -> None:
    reader = ChatReader(GENERIC)
    assert reader.feed(event(chunk({"content": "t"})) + event({"error": "boom"})) == [TextDelta("t")]
    with pytest.raises(EngineFailure, match="boom"):
        reader.close()
