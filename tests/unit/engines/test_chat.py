"""The Chat Completions engine against a loopback server that plays every server and every fault."""

# ruff: noqa: E501 - the tables read better with a case per line

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.support.upstream import (
    USAGE,
    WAIT_S,
    Reply,
    Upstream,
    answer,
    call,
    chunk,
    event,
    fail,
    page,
    say,
    stream,
)

from antiphon.config import EngineSettings
from antiphon.core.context import Sample, Settings
from antiphon.core.deltas import CallDelta, Delta, FinishDelta, ReasoningDelta, TextDelta, Usage, UsageDelta
from antiphon.core.errors import EngineFailure, Unsupported
from antiphon.core.tools import ToolRules, ToolTable, resolve_tools
from antiphon.engines.chat.engine import ChatEngine
from antiphon.engines.upstream.http import Address, retry_after
from antiphon.ports import ModelInfo, TokenCount

KEY = "sk-very-secret"
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
COST = UsageDelta(Usage(3, 2))
STOP, CALLS = FinishDelta("stop"), FinishDelta("tool_calls")
FORMAT = {"type": "json_schema", "name": "x", "schema": {"type": "object"}}


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


class Engines:
    """Makes engines for an upstream, and closes them."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream, self._made = upstream, list[ChatEngine]()

    def __call__(self, dialect: Any = "generic", **settings: Any) -> ChatEngine:
        given: dict[str, Any] = {"name": "mine", "url": self._upstream.url, "key": KEY, "retry_base_s": 0.001}
        engine = ChatEngine(
            EngineSettings(**{**given, "dialect": dialect, **settings}), now=lambda: 1_000_000.0
        )
        self._made.append(engine)
        return engine

    async def aclose(self) -> None:
        for engine in self._made:
            await engine.aclose()


@pytest.fixture
async def engines(upstream: Upstream) -> AsyncIterator[Engines]:
    made = Engines(upstream)
    yield made
    await made.aclose()


@asynccontextmanager
async def self_signed(folder: Path) -> AsyncIterator[int]:
    """The port of a TLS server with a certificate of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, datetime(2020, 1, 1), datetime(2100, 1, 1)
    )
    pem = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "pair.pem").write_bytes(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "pair.pem")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def sample(tools: ToolTable | None = None, model: str = "m", **settings: Any) -> Sample:
    return Sample(model, (USER,), tools or ToolTable(), Settings(**settings))


def table(choice: Any = "auto") -> ToolTable:
    return resolve_tools([LOOK], choice, ToolRules())


async def read(engine: ChatEngine, asked: Sample | None = None) -> list[Delta]:
    turn = await engine.open(asked or sample())
    try:
        async with asyncio.timeout(WAIT_S):
            return [delta async for deltas in turn for delta in deltas]
    finally:
        await turn.aclose()


async def failure(engine: ChatEngine, asked: Sample | None = None) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        await read(engine, asked)
    assert KEY not in caught.value.message
    assert "127.0.0.1" not in caught.value.message
    return caught.value


# ---------- a turn


async def test_a_turn(upstream: Upstream, engines: Engines) -> None:
    upstream.play(say("Hel", "lo"))
    engine = engines(headers={"x-team": "blue"})
    assert await read(engine) == [TextDelta("Hel"), TextDelta("lo"), STOP, COST]
    asked = upstream.asked[-1]
    assert asked.body["messages"] == [{"role": "user", "content": "Hi"}]
    sent = {k: asked.headers[k] for k in ("Authorization", "Content-Type", "x-team")}
    assert sent == {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "x-team": "blue"}


async def test_one_network_read_is_one_list_of_deltas(upstream: Upstream, engines: Engines) -> None:
    chunks = b"".join(stream(*(chunk({"content": w}) for w in "abc"), chunk({}, "stop")))
    upstream.play(Reply([chunks]))
    turn = await engines().open(sample())
    assert [list(deltas) async for deltas in turn] == [[*map(TextDelta, "abc"), STOP]]
    await turn.aclose()


async def test_deltas_come_while_the_engine_still_speaks(upstream: Upstream, engines: Engines) -> None:
    gate = asyncio.Event()
    upstream.play(say("Hel", "lo", gate=gate, free=2))
    turn = await engines().open(sample())
    deltas = aiter(turn)
    assert list(await anext(deltas)) == [TextDelta("Hel")]
    gate.set()
    assert [d async for more in deltas for d in more] == [TextDelta("lo"), STOP, COST]
    await turn.aclose()


async def test_the_connection_is_used_again(upstream: Upstream, engines: Engines) -> None:
    engine = engines(max_connections=1)
    for _ in range(3):
        async with asyncio.timeout(WAIT_S):
            assert (await read(engine))[0] == TextDelta("Hello.")


async def test_closing_a_turn_aborts_the_request_at_once(upstream: Upstream, engines: Engines) -> None:
    upstream.play(say("Hel", end="hang"))
    turn = await engines().open(sample())
    assert list(await anext(aiter(turn))) == [TextDelta("Hel")]
    await turn.aclose()
    await turn.aclose()
    await upstream.left()


async def test_a_cancelled_opening_aborts_the_request(upstream: Upstream, engines: Engines) -> None:
    upstream.play(Reply(silent=True, end="hang"))
    opening = asyncio.create_task(engines().open(sample()))
    await upstream.reached()
    opening.cancel()
    await upstream.left()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(
            Reply([gzip.compress(b"".join(say("Hello.").chunks))], headers={"content-encoding": "gzip"}),
            id="gzip",
        ),
        pytest.param(Reply([bytes([b]) for b in b"".join(say("Hello.").chunks)]), id="slow drip"),
        pytest.param(
            answer(
                {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}], "usage": USAGE}
            ),
            id="one JSON object",
        ),
        pytest.param(
            Reply(say("Hello.").chunks, headers={"content-type": "application/json"}),
            id="a stream that says JSON",
        ),
    ],
)
async def test_unusual_transports(upstream: Upstream, engines: Engines, reply: Reply) -> None:
    upstream.play(reply)
    assert await read(engines()) == [TextDelta("Hello."), STOP, COST]


# ---------- refusals


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (fail(400, {"message": "bad", "param": "temperature"}), "invalid_request", "bad"),
        (fail(422, {"message": "bad"}), "invalid_request", "bad"),
        (fail(400, {"message": "maximum context length is 9"}), "context_length", "maximum context length is 9"),
        (fail(401, {"message": f"wrong {KEY}"}), "auth", "The engine refused this server's key (HTTP 401)."),
        (fail(404, {"message": "no model"}), "not_found", "no model"),
        (fail(429, {"message": "slow down"}), "rate_limited", "slow down"),
        (fail(500, {"message": f"{KEY} leaked"}), "server", "The engine failed (HTTP 500): […] leaked"),
        (page(502), "server", "The engine failed (HTTP 502)."),
        (fail(503, {"message": "busy"}), "overloaded", "busy"),
        (fail(529, {"message": "busy"}), "overloaded", "busy"),
        (page(), "malformed", "The engine answered with a web page instead of a stream."),
    ],
)  # fmt: skip
async def test_refusals(upstream: Upstream, engines: Engines, reply: Reply, kind: str, message: str) -> None:
    upstream.play(reply)
    failed = await failure(engines(retries=0))
    assert (failed.kind, failed.message, failed.shown) == (kind, message, False)


async def test_a_redirect_is_not_followed(upstream: Upstream, engines: Engines) -> None:
    """It would carry the key to another place."""
    upstream.play(Reply(status=307, headers={"location": f"{upstream.url}/elsewhere"}))
    assert "redirect (HTTP 307)" in (await failure(engines())).message
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Mon, 12 Jan 1970 13:46:45 GMT"}, 5.0),
        ({"retry-after": "Mon, 12 Jan 1970 13:46:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, 1_000_000.0) == seconds


async def test_a_long_wait_is_left_to_the_client(upstream: Upstream, engines: Engines) -> None:
    upstream.play(fail(429, {"message": "slow down"}, {"retry-after": "30"}))
    failed = await failure(engines())
    assert (failed.kind, failed.retry_after, len(upstream.turns)) == ("rate_limited", 30.0, 1)


@pytest.mark.parametrize(
    "reply",
    [
        fail(429, {"message": "slow down"}, {"retry-after-ms": "1"}),
        page(502),
        fail(503, {"message": "loading"}),
        page(504),
        Reply(silent=True, end="drop"),
    ],
)
async def test_what_was_not_accepted_is_tried_again(
    upstream: Upstream, engines: Engines, reply: Reply
) -> None:
    upstream.play(reply, reply)
    assert (await read(engines()))[0] == TextDelta("Hello.")
    assert len(upstream.turns) == 3


async def test_attempts_are_limited(upstream: Upstream, engines: Engines) -> None:
    upstream.play(*[fail(503, {"message": "busy"})] * 5)
    assert (await failure(engines(retries=2))).kind == "overloaded"
    assert len(upstream.turns) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_final_refusals_are_not_tried_again(upstream: Upstream, engines: Engines, status: int) -> None:
    upstream.play(fail(status, {"message": "no"}))
    await failure(engines())
    assert len(upstream.turns) == 1


async def test_a_limit_larger_than_the_window_is_left_out(upstream: Upstream, engines: Engines) -> None:
    upstream.play(fail(400, {"message": "too many", "param": "max_completion_tokens"}))
    await read(engines("vllm"), sample(max_output_tokens=9_000))
    assert [turn.get("max_completion_tokens") for turn in upstream.turns] == [9_000, None]


# ---------- no answer, or half of one


async def test_nobody_listens(upstream: Upstream, engines: Engines) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        engine = engines(url=f"http://127.0.0.1:{taken.getsockname()[1]}", retries=1)
        assert (await failure(engine)).kind == "unreachable"
        assert await engine.ready() is False


async def test_an_unknown_host(engines: Engines) -> None:
    assert (await failure(engines(url="http://nowhere.invalid/v1", retries=0))).kind == "unreachable"


async def test_a_certificate_that_nobody_knows(engines: Engines, tmp_path: Path) -> None:
    async with self_signed(tmp_path) as port:
        failed = await failure(engines(url=f"https://127.0.0.1:{port}/v1", retries=0))
    assert (failed.kind, failed.message) == ("unreachable", "The engine's certificate is not trusted here.")


async def test_no_headers_in_time(upstream: Upstream, engines: Engines) -> None:
    upstream.play(Reply(silent=True, end="hang"))
    failed = await failure(engines(accept_timeout_s=0.05))
    assert (failed.kind, len(upstream.turns)) == ("timeout", 1)
    await upstream.left()


async def test_no_next_byte_in_time(upstream: Upstream, engines: Engines) -> None:
    upstream.play(say("Hel", end="hang", gate=asyncio.Event(), free=2))
    failed = await failure(engines(idle_timeout_s=0.05))
    assert (failed.kind, failed.shown) == ("timeout", True)
    await upstream.left()


HALF = [event(chunk({"content": "Hel"})), event(chunk({"content": "lo"}))[:-20]]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(Reply(HALF, end="drop"), "dropped", id="reset in an event"),
        pytest.param(Reply(HALF[:1]), "dropped", id="ended without finish"),
        pytest.param(Reply([], end="drop"), "dropped", id="reset before the first byte"),
        pytest.param(Reply([*HALF[:1], b"data: {not json}\n\n"]), "malformed", id="malformed JSON"),
        pytest.param(Reply([b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n']), "malformed", id="invalid UTF-8"),
        pytest.param(Reply([b"data: " + b"x" * 5_000]), "malformed", id="giant event"),
        pytest.param(Reply([event({"error": {"message": "no", "code": 400}})]), "invalid_request", id="error event"),
        pytest.param(Reply([*HALF[:1], event({"error": {"message": "no"}})]), "server", id="error later"),
        pytest.param(answer({"error": {"message": "no", "code": 400}}), "invalid_request", id="error with status 200"),
        pytest.param(answer(["what?"]), "malformed", id="another JSON"),
    ],
)  # fmt: skip
async def test_half_answers(upstream: Upstream, engines: Engines, reply: Reply, kind: str) -> None:
    upstream.play(reply)
    failed = await failure(engines(max_event_bytes=4_000))
    assert (failed.kind, failed.shown) == (kind, reply.chunks[:1] == HALF[:1])


async def test_an_empty_choice_list_says_nothing(upstream: Upstream, engines: Engines) -> None:
    upstream.play(Reply(stream({"choices": []}, chunk({"content": "t"}, "stop"), {"choices": []})))
    assert await read(engines()) == [TextDelta("t"), STOP]


async def test_broken_arguments_arrive_as_they_are(upstream: Upstream, engines: Engines) -> None:
    upstream.play(call("look", '{"a": ', "oops"))
    assert await read(engines(), sample(table())) == [
        CallDelta(0, "c1", "look"),
        CallDelta(0, arguments='{"a": '),
        CallDelta(0, arguments="oops"),
        CALLS,
        COST,
    ]


# ---------- forced calls, and formats beside tools


async def test_a_call_is_forced_through_text(upstream: Upstream, engines: Engines) -> None:
    upstream.play(say('{"name": "look", "arg', 'uments": {"a": 1}}'))
    assert await read(engines("llamacpp"), sample(table("required"))) == [
        CallDelta(0, None, "look"),
        CallDelta(0, arguments='{"a": 1}'),
        CALLS,
        COST,
    ]


async def test_beside_tools_an_answer_in_text_is_asked_for_again_under_its_format(
    upstream: Upstream, engines: Engines
) -> None:
    thinking = [chunk({"reasoning": "hm"}), chunk({"content": ' {"a"'}), chunk({"content": ": nonsense"})]
    upstream.play(Reply(stream(*thinking), end="hang"))
    upstream.play(
        Reply(stream(chunk({"reasoning": "hm"}), chunk({"content": '{"a":1}'}, "stop", usage=USAGE)))
    )
    assert await read(engines("vllm"), sample(table(), text_format=FORMAT)) == [
        ReasoningDelta("hm"),
        TextDelta('{"a":1}'),
        STOP,
        COST,
    ]
    first, second = upstream.turns
    assert second == {**first, "response_format": second["response_format"], "tool_choice": "none"}
    await upstream.left()


async def test_beside_tools_other_text_is_held_until_its_end(upstream: Upstream, engines: Engines) -> None:
    upstream.play(say("The answer is one."), say('{"a":1}'))
    assert await read(engines("vllm"), sample(table(), text_format=FORMAT)) == [
        TextDelta('{"a":1}'),
        STOP,
        UsageDelta(Usage(6, 4)),
    ]


async def test_a_format_leaves_calls_free(upstream: Upstream, engines: Engines) -> None:
    upstream.play(call("look", "{}", before=[{"content": "Let me see."}]))
    assert await read(engines("vllm"), sample(table(), text_format=FORMAT)) == [
        TextDelta("Let me see."),
        CallDelta(0, "c1", "look"),
        CallDelta(0, arguments="{}"),
        CALLS,
        COST,
    ]
    assert len(upstream.turns) == 1


async def test_closing_aborts_the_second_request_too(upstream: Upstream, engines: Engines) -> None:
    upstream.play(say("no"), say('{"a":', end="hang", gate=asyncio.Event(), free=2))
    turn = await engines("vllm").open(sample(table(), text_format=FORMAT))
    assert list(await anext(aiter(turn))) == [TextDelta('{"a":')]
    await turn.aclose()
    await upstream.left()


# ---------- what kind of server it is


@pytest.mark.parametrize(
    ("owner", "dialect"),
    [
        ("vllm", "vllm"),
        ("sglang", "sglang"),
        ("llamacpp", "llamacpp"),
        ("library", "ollama"),
        ("acme", "generic"),
    ],
)
async def test_a_server_is_recognised_by_its_models(owner: str, dialect: str) -> None:
    async with Upstream(owner) as upstream:
        engine = Engines(upstream)("auto")
        assert engine.dialect is None
        await read(engine)
        assert engine.dialect is not None
        assert engine.dialect.name == dialect
        paths = [asked.path for asked in upstream.asked]
        await read(engine)
        assert [asked.path for asked in upstream.asked] == [*paths, "/v1/chat/completions"]
        await engine.aclose()


@pytest.mark.parametrize(
    ("path", "said", "dialect"),
    [
        ("/api/version", {"version": "0.9"}, "ollama"),
        ("/props", {"default_generation_settings": {}}, "llamacpp"),
        ("/get_model_info", {"is_generation": True}, "sglang"),
        ("/version", {"version": "0.32"}, "vllm"),
    ],
)
async def test_a_server_is_recognised_by_its_own_routes(
    upstream: Upstream, engines: Engines, path: str, said: Any, dialect: str
) -> None:
    upstream.serve(path, answer(said))
    engine = engines("auto")
    await engine.open(sample())
    assert engine.dialect is not None
    assert engine.dialect.name == dialect


async def test_llamacpp_is_recognised_by_its_header(upstream: Upstream, engines: Engines) -> None:
    upstream.serve("/v1/models", answer({"data": []}, headers={"server": "llama.cpp"}))
    engine = engines("auto")
    assert await engine.models() == ()
    assert engine.dialect is not None
    assert engine.dialect.name == "llamacpp"


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "https://me.openai.azure.com/openai/v1?api-version=1"]
)
def test_openai_is_recognised_by_its_host(url: str) -> None:
    engine = ChatEngine(EngineSettings(url=url))
    assert engine.dialect is not None
    assert engine.dialect.name == "openai"


async def test_a_server_that_cannot_be_asked_is_not_taken_for_generic(
    upstream: Upstream, engines: Engines
) -> None:
    upstream.serve("/v1/models", fail(500, {"message": "no"}))
    engine = engines("auto", retries=0)
    assert (await failure(engine)).kind == "server"
    assert engine.dialect is None


@pytest.mark.parametrize(
    ("url", "chat", "tokenize"),
    [
        ("http://h", "http://h/v1/chat/completions", "http://h/tokenize"),
        ("http://h:1/v1/", "http://h:1/v1/chat/completions", "http://h:1/tokenize"),
        ("http://h/a/v1", "http://h/a/v1/chat/completions", "http://h/a/tokenize"),
        ("https://h/openai?v=1", "https://h/openai/chat/completions?v=1", "https://h/openai/tokenize?v=1"),
    ],
)
def test_addresses(url: str, chat: str, tokenize: str) -> None:
    http = ChatEngine(EngineSettings(url=url))._http  # pyright: ignore[reportPrivateUsage]
    assert (str(http.api("chat/completions")), str(http.root("tokenize"))) == (chat, tokenize)


@pytest.mark.parametrize("url", ["", "ftp://h", "localhost:8000", "/v1"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        Address.of(url)


# ---------- models, readiness, counting, checking


async def test_models() -> None:
    async with Upstream("vllm", "tiny", window=2048) as upstream:
        engine = ChatEngine(EngineSettings(url=upstream.url))
        assert await engine.models() == (ModelInfo("tiny", 7, "vllm", 2048),)
        assert await engine.ready() is True
        await engine.aclose()


async def test_the_operators_window_wins(upstream: Upstream, engines: Engines) -> None:
    listed = {"data": [{"id": "a", "meta": {"n_ctx": 512}}, "what?", {"id": 3}]}
    upstream.serve("/v1/models", answer(listed))
    assert await engines().models() == (ModelInfo("a", 0, "mine", 512),)
    assert await engines(context_tokens=99).models() == (ModelInfo("a", 0, "mine", 99),)


@pytest.mark.parametrize("reply", [fail(404, "no"), page()])
async def test_a_server_that_cannot_list_is_ready(upstream: Upstream, engines: Engines, reply: Reply) -> None:
    upstream.serve("/v1/models", reply)
    assert (await engines().models(), await engines().ready()) == ((), True)


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_server_that_refuses_is_not_ready(upstream: Upstream, engines: Engines, status: int) -> None:
    upstream.serve("/v1/models", fail(status, {"message": "no"}))
    assert await engines(retries=0).ready() is False


@pytest.mark.parametrize(
    ("dialect", "routes", "tokens"),
    [
        ("vllm", {"/tokenize": answer({"count": 12})}, 12),
        ("llamacpp", {"/v1/chat/completions/input_tokens": answer({"input_tokens": 11})}, 11),
        (
            "llamacpp",
            {"/apply-template": answer({"prompt": "x"}), "/tokenize": answer({"tokens": [1, 2]})},
            2,
        ),
    ],
)
async def test_the_server_counts(
    upstream: Upstream, engines: Engines, dialect: str, routes: dict[str, Reply], tokens: int
) -> None:
    for path, reply in routes.items():
        upstream.serve(path, reply)
    assert await engines(dialect).count_tokens(sample(table())) == TokenCount(tokens, exact=True)
    sent = upstream.asked[0].body
    assert (sent["messages"], sent["tools"][0]["function"]["name"]) == (
        [{"role": "user", "content": "Hi"}],
        "look",
    )


@pytest.mark.parametrize("dialect", ["generic", "openai", "vllm"])
async def test_otherwise_the_number_is_an_estimate(engines: Engines, dialect: str) -> None:
    short = await engines(dialect).count_tokens(sample())
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 100_000}
    items = ({"type": "message", "role": "user", "content": [image]},)
    pictured = await engines(dialect).count_tokens(Sample("m", items, ToolTable()))
    assert (short.exact, pictured.exact) == (False, False)
    assert 5 < short.tokens < 50
    assert 250 < pictured.tokens < 400


async def test_counting_tells_when_the_server_is_out_of_reach(upstream: Upstream, engines: Engines) -> None:
    upstream.serve("/tokenize", fail(503, {"message": "busy"}))
    with pytest.raises(EngineFailure, match="busy"):
        await engines("vllm", retries=0).count_tokens(sample())


async def test_what_the_server_cannot_do_is_refused_before_and_after_it_is_known(upstream: Upstream) -> None:
    asked = sample(table(), top_logprobs=1)
    upstream.serve("/v1/models", answer({"data": []}, headers={"server": "llama.cpp"}))
    engine = Engines(upstream)("auto")
    engine.check(asked)
    with pytest.raises(Unsupported, match="'mine'"):
        await engine.open(asked)
    with pytest.raises(Unsupported, match="'mine'"):
        engine.check(asked)
    assert upstream.turns == []
    await engine.aclose()


@pytest.mark.parametrize(("salted", "sent"), [(True, "tenant"), (False, None)])
async def test_the_operator_decides_on_cache_salts(
    upstream: Upstream, engines: Engines, salted: bool, sent: str | None
) -> None:
    await read(engines("vllm", cache_salt=salted), Sample("m", (USER,), ToolTable(), cache_salt="tenant"))
    assert upstream.turns[0].get("cache_salt") == sent
