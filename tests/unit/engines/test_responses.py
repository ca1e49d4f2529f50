"""The `responses` engine over a real connection to an upstream, faithful or faulty."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from tests.support import laws, shared
from tests.support.responses_upstream import (
    USAGE,
    ResponsesUpstream,
    begin,
    call,
    end,
    frame,
    message,
    response,
    speech,
    told,
)
from tests.support.turns import assemble, calls, deltas, function, reason, sample, text, usage
from tests.support.upstream import Reply, answer, fail, page

from antiphon.config import EngineSettings
from antiphon.core.deltas import TextDelta
from antiphon.core.errors import EngineFailure, FailureKind
from antiphon.core.tools import HOSTED_TYPES
from antiphon.engines.responses.engine import ResponsesEngine


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[ResponsesUpstream, ResponsesEngine]]:
    """An upstream and an engine that speaks with it, without retries unless asked for."""
    given = {"retries": 0, "retry_base_s": 0.001, "key": "sk-secret", "name": "up", "dialect": "generic"}
    given |= settings
    async with ResponsesUpstream() as upstream:
        engine = ResponsesEngine(EngineSettings(kind="responses", **({"url": upstream.url} | given)))
        try:
            yield upstream, engine
        finally:
            await engine.aclose()


async def failure(engine: ResponsesEngine) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        await deltas(engine, sample())
    assert "sk-secret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value


# ---------- turns


async def test_a_turn() -> None:
    async with serving(headers={"x-extra": "1"}) as (upstream, engine):
        upstream.play(told(speech("Hel", "lo")))
        said = await deltas(engine, sample("hi", model="m"))
        asked = upstream.asked[0]
    assert (text(said), reason(said), usage(said).input_tokens) == ("Hello", "stop", 3)
    assert (asked.method, asked.path) == ("POST", "/v1/responses")
    assert asked.headers["Authorization"] == "Bearer sk-secret"
    assert asked.headers["x-extra"] == "1"
    assert asked.body["model"] == "m"
    assert (asked.body["stream"], asked.body["store"]) == (True, False)


async def test_a_call() -> None:
    async with serving() as (upstream, engine):
        upstream.play(told([*begin(), *call("f", "{", "}"), end()]))
        said = await deltas(engine, sample(tools=[function("f")]))
    assert (calls(said), reason(said)) == ([("f", "{}")], "tool_calls")


@pytest.mark.parametrize("name", [n for n in shared.recordings() if "web-search" in n or "mcp-tool.1" in n])
async def test_recorded_streams_over_the_wire(name: str) -> None:
    events = list(shared.events(name))
    async with serving() as (upstream, engine):
        upstream.play(told(events))
        made = assemble(await deltas(engine, sample()), sample())
    final = [i["type"] for i in events[-1]["response"]["output"]]
    assert [i["type"] for i in made.output] == final
    assert laws.broken(made.events) == []


async def test_deltas_come_as_soon_as_they_are_read() -> None:
    async with serving() as (upstream, engine):
        gate = asyncio.Event()
        upstream.play(told(speech("first ", "second"), gate=gate, free=5))
        turn = await engine.open(sample())
        stream = aiter(turn)
        assert await anext(stream) == [TextDelta("first ")]
        gate.set()
        assert text([d async for batch in stream for d in batch]) == "second"
        await turn.aclose()


async def test_a_connection_is_used_again() -> None:
    async with serving(max_connections=1) as (upstream, engine):
        for _ in range(3):
            assert text(await deltas(engine, sample())) == "Hello."
        assert len(upstream.turns) == 3


async def test_closing_aborts_the_generation_at_once() -> None:
    async with serving() as (upstream, engine):
        upstream.play(told(speech("a")[:5], end="hang"))
        turn = await engine.open(sample())
        assert await anext(aiter(turn)) == [TextDelta("a")]
        await turn.aclose()
        await turn.aclose()
        await upstream.left()


async def test_an_upstream_that_does_not_stream() -> None:
    whole = response(usage=USAGE, output=[message("Hello")[-1]["item"]])
    async with serving() as (upstream, engine):
        upstream.play(answer(whole))
        assert text(await deltas(engine, sample())) == "Hello"


async def test_unknown_events_are_logged_once() -> None:
    events = speech("a")
    events[2:2] = [{"type": "response.ping"}] * 3
    with structlog.testing.capture_logs() as logs:
        async with serving() as (upstream, engine):
            upstream.play(told(events))
            assert text(await deltas(engine, sample())) == "a"
    assert logs == [
        {
            "event": "upstream events left out",
            "log_level": "debug",
            "engine": "up",
            "events": {"response.ping": 3},
        }
    ]


# ---------- failures


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (
            400,
            {"message": "Bad.", "param": "temperature", "code": "invalid_value"},
            "invalid_request",
            "invalid_value",
        ),
        (
            400,
            {"message": "Too long.", "code": "context_length_exceeded"},
            "context_length",
            "context_length_exceeded",
        ),
        (400, {"message": "maximum context length is 10", "code": 400}, "context_length", None),
        (
            400,
            {"message": "No.", "code": "model_not_found", "param": "model"},
            "not_found",
            "model_not_found",
        ),
        (401, {"message": "Incorrect API key provided: sk-secret"}, "auth", None),
        (403, {"message": "No."}, "auth", None),
        (404, {"message": "No.", "code": "model_not_found"}, "not_found", "model_not_found"),
        (422, {"message": "Bad."}, "invalid_request", None),
        (429, {"message": "Slow.", "code": "rate_limit_exceeded"}, "rate_limited", "rate_limit_exceeded"),
        (429, {"message": "Pay.", "code": "insufficient_quota"}, "rate_limited", "insufficient_quota"),
        (500, {"message": "Oops."}, "server", None),
        (503, {"message": "Busy.", "code": "server_is_overloaded"}, "overloaded", "server_is_overloaded"),
        (504, {"message": "Late."}, "timeout", None),
    ],
)
async def test_refusals(status: int, error: Any, kind: FailureKind, code: str | None) -> None:
    async with serving() as (upstream, engine):
        upstream.play(fail(status, error))
        refused = await failure(engine)
    assert (refused.kind, refused.code, refused.shown) == (kind, code, False)
    assert refused.param == error.get("param")
    if kind == "invalid_request":
        assert refused.message == error["message"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer({"detail": "Not Found"}, 404), "not_found"),
        (answer({"error": "just text"}, 400), "invalid_request"),
        (page(502), "server"),
        (page(200), "malformed"),
        (Reply([b""], 307, {"location": "http://elsewhere.invalid"}), "server"),
        (Reply([b"data: {nonsense}\n\n"]), "malformed"),
        (Reply([b"data: \xff\xfe\n\n"]), "malformed"),
        (Reply([frame(begin()[0])]), "dropped"),
        (Reply([]), "dropped"),
        (Reply([frame(begin()[0])], end="drop"), "dropped"),
        (Reply([b"data: " + b"x" * 2000]), "malformed"),
    ],
)
async def test_faulty_answers(reply: Reply, kind: FailureKind) -> None:
    async with serving(max_event_bytes=1000) as (upstream, engine):
        upstream.play(reply)
        failed = await failure(engine)
    assert (failed.kind, failed.shown) == (kind, False)


@pytest.mark.parametrize("how", ["drop", "close"])
async def test_an_answer_that_breaks_off_was_shown(how: Any) -> None:
    async with serving() as (upstream, engine):
        upstream.play(told(speech("a")[:5], end=how))
        failed = await failure(engine)
    assert (failed.kind, failed.shown) == ("dropped", True)


async def test_a_failure_inside_the_stream() -> None:
    flat = {"type": "error", "code": "server_is_overloaded", "message": "Busy.", "param": None}
    async with serving() as (upstream, engine):
        upstream.play(told([*speech("a")[:5], flat]))
        failed = await failure(engine)
    assert (failed.kind, failed.message, failed.shown) == ("overloaded", "Busy.", True)


async def test_an_upstream_that_stalls() -> None:
    async with serving(idle_timeout_s=0.05, accept_timeout_s=0.05) as (upstream, engine):
        upstream.play(told(begin(), end="hang"), Reply(silent=True, end="hang"))
        assert [(await failure(engine)).kind for _ in range(2)] == ["timeout", "timeout"]


async def test_an_upstream_that_is_not_there() -> None:
    with socket.socket() as bound:  # a port where nobody listens
        bound.bind(("127.0.0.1", 0))
        async with serving(url=f"http://127.0.0.1:{bound.getsockname()[1]}/v1") as (_, engine):
            assert (await failure(engine)).kind == "unreachable"
            assert not await engine.ready()


async def test_a_busy_upstream_is_asked_again() -> None:
    async with serving(retries=2) as (upstream, engine):
        upstream.play(fail(503, {"message": "Busy."}), fail(429, {"message": "Slow."}, {"retry-after": "0"}))
        assert text(await deltas(engine, sample())) == "Hello."
        assert len(upstream.turns) == 3


async def test_a_spent_quota_is_not_asked_again() -> None:
    async with serving(retries=2) as (upstream, engine):
        upstream.play(fail(429, {"message": "Pay.", "code": "insufficient_quota"}))
        assert (await failure(engine)).code == "insufficient_quota"
        assert len(upstream.turns) == 1


async def test_retry_after_is_passed_on() -> None:
    async with serving() as (upstream, engine):
        upstream.play(fail(429, {"message": "Slow."}, {"retry-after": "17"}))
        assert (await failure(engine)).retry_after == 17.0


# ---------- the rest of the port


async def test_tokens_are_counted_by_the_upstream_or_estimated() -> None:
    async with serving() as (upstream, engine):
        upstream.serve(
            "/v1/responses/input_tokens", answer({"object": "response.input_tokens", "input_tokens": 7})
        )
        count = await engine.count_tokens(sample("hi", instructions="Be brief."))
        assert (count.tokens, count.exact) == (7, True)
        assert upstream.asked[-1].body.keys() == {"model", "input", "instructions"}
        upstream.serve("/v1/responses/input_tokens", answer({"detail": "Not Found"}, 404))
        for _ in range(2):
            count = await engine.count_tokens(sample("hi " * 400))
            assert not count.exact
            assert 300 < count.tokens < 400
        assert len(upstream.asked) == 2


async def test_a_count_may_fail_as_a_turn_does() -> None:
    async with serving() as (upstream, engine):
        refusal = {"message": "No.", "code": "model_not_found", "param": "model"}
        upstream.serve("/v1/responses/input_tokens", fail(404, refusal))
        for _ in range(2):
            with pytest.raises(EngineFailure) as caught:
                await engine.count_tokens(sample())
            assert caught.value.kind == "not_found"


async def test_models() -> None:
    async with serving() as (upstream, engine):
        (model,) = await engine.models()
        assert (model.id, model.created, model.owned_by, model.context_tokens) == ("m", 7, "somebody", None)
        assert await engine.ready()
        upstream.serve("/v1/models", answer({"detail": "Not Found"}, 404))
        assert await engine.models() == ()


@pytest.mark.parametrize(("owner", "offered"), [("vllm", "function"), ("somebody", "custom")])
async def test_the_dialect_is_found_out_once(owner: str, offered: str) -> None:
    async with ResponsesUpstream(owner) as upstream:
        engine = ResponsesEngine(EngineSettings(kind="responses", url=upstream.url))
        for _ in range(2):
            await deltas(engine, sample(tools=[{"type": "custom", "name": "note"}]))
        await engine.aclose()
    assert [asked.path for asked in upstream.asked] == ["/v1/models", "/v1/responses", "/v1/responses"]
    assert [body["tools"][0]["type"] for body in upstream.turns] == [offered, offered]


async def test_an_upstream_that_lists_no_models_is_spoken_with_all_the_same() -> None:
    async with serving(dialect="auto") as (upstream, engine):
        upstream.serve("/v1/models", fail(401, {"message": "No."}))
        assert text(await deltas(engine, sample())) == "Hello."


def test_native_tools_are_those_of_the_dialect() -> None:
    def native(**settings: Any) -> frozenset[str]:
        return ResponsesEngine(EngineSettings(kind="responses", **settings)).native_tools

    assert native(url="https://api.openai.com/v1") == HOSTED_TYPES
    assert native(url="https://api.openai.com.example/v1") == frozenset()
    assert native(url="https://api.openai.com/v1", dialect="vllm") == frozenset()
    assert native(url="http://localhost:8000/v1") == frozenset()
    assert native(url="http://localhost:8000/v1", dialect="openai") == HOSTED_TYPES
    assert native(url="http://localhost:8000/v1", native_tools=("mcp",)) == {"mcp"}


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1"])
def test_a_url_is_needed(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        ResponsesEngine(EngineSettings(kind="responses", url=url))
