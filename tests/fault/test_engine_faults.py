"""The whole server in front of an engine that does everything wrong: honest answers, lawful streams."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support import faults
from tests.support.faults import Answer, Front, Wild, bytewise, front_of, lawful, raw_engine, told_failure
from tests.support.upstream import DONE, Reply, answer, call, chunk, event, fail, page, say, stream

JSON = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGINE = """
[[engines]]
name = "{name}"
kind = "chat"
url = "{url}"
key = "sk-engine-0123456789"
dialect = "generic"
models = ["{name}"]
connect_timeout_s = 2.0
accept_timeout_s = 0.5
idle_timeout_s = 0.5
retries = 1
retry_base_s = 0.01
max_event_bytes = 65536
"""
WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wild() -> AsyncIterator[Wild]:
    async with Wild() as upstream:
        yield upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(wild: Wild, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    folder: Path = tmp_path_factory.mktemp("faults")
    async with (
        raw_engine(b"\x16\x03\x01 this is no HTTP\r\n\r\n") as noise,
        raw_engine(b"", reset=True) as reset,
        raw_engine(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 900\r\n\r\n"
        ) as short,
    ):
        urls = {
            "m": wild.url,
            "noise": noise,
            "reset": reset,
            "short": short,
            "closed": "http://127.0.0.1:9/v1",
        }
        config = "".join(ENGINE.format(name=name, url=url) for name, url in urls.items())
        async with front_of(folder, config=config) as one:
            yield one
            assert await one.incidents() == {}
        # What an engine does wrong is a warning, never an error of ours.
        assert [line for line in one.server.lines() if line["level"] in ("error", "critical")] == []


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def it_goes_on(front: Front, wild: Wild) -> AsyncIterator[None]:
    """After every fault the next request is answered, and nothing of the fault is left."""
    yield
    after = await front.create(model="m", input="still there?")
    assert (after.status, text_of(after.json)) == (200, "Hello.")
    await faults.until(lambda: wild.under_way == 0, "the engine has no request under way")
    assert (await front.numbers()).get('antiphon_active_streams{transport="sse"}', 0.0) == 0.0


def text_of(response: JSON) -> str:
    return "".join(p["text"] for i in response["output"] if i["type"] == "message" for p in i["content"])


# ---------- refused before anything was shown: an HTTP status

SLOW = {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded", "param": None}
REFUSED: dict[str, tuple[Reply, int, str, str | None]] = {
    "silent": (Reply(silent=True, end="hang"), 503, "service_unavailable_error", "server_is_overloaded"),
    "400": (fail(400, {"message": "bad", "param": "temperature"}), 400, "invalid_request_error", None),
    "400 overflow": (
        fail(400, {"message": "This model's maximum context length is 5 tokens."}),
        400,
        "invalid_request_error",
        "context_length_exceeded",
    ),
    "401": (fail(401, {"message": "wrong key sk-engine-0123456789"}), 500, "server_error", "server_error"),
    "403": (fail(403, "forbidden"), 500, "server_error", "server_error"),
    "404": (fail(404, {"message": "no such model"}), 400, "invalid_request_error", "model_not_found"),
    "405": (page(405), 400, "invalid_request_error", "model_not_found"),
    "408": (page(408), 503, "service_unavailable_error", "server_is_overloaded"),
    "413": (page(413), 400, "invalid_request_error", None),
    "422": (answer({"detail": [{"loc": ["body"]}]}, 422), 400, "invalid_request_error", None),
    "429": (fail(429, SLOW), 429, "rate_limit_error", "rate_limit_exceeded"),
    "500": (fail(500, {"message": "CUDA out of memory"}), 500, "server_error", "server_error"),
    "500 in HTML": (page(500), 500, "server_error", "server_error"),
    "503": (page(503), 503, "service_unavailable_error", "server_is_overloaded"),
    "529": (page(529), 503, "service_unavailable_error", "server_is_overloaded"),
    "an HTML page": (page(), 500, "server_error", "server_error"),
    "a redirect": (
        Reply((), 307, {"location": "http://127.0.0.1:9/steal"}),
        500,
        "server_error",
        "server_error",
    ),
    "a status that does not exist": (page(799), 500, "server_error", "server_error"),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", list(REFUSED))
async def test_a_refusal_is_a_status(front: Front, wild: Wild, name: str, streamed: bool) -> None:
    reply, status, kind, code = REFUSED[name]
    wild.play(reply, reply)  # the second for the retry
    got = await front.create(model="m", input="hi", stream=streamed)
    wild.forget()
    assert (got.status, got.error["type"], got.error["code"]) == (status, kind, code)
    assert got.headers["content-type"] == "application/json"
    assert "sk-engine" not in got.raw.decode()
    assert "127.0.0.1" not in got.raw.decode()


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("name", "status"), [("closed", 503), ("noise", 500), ("reset", 503)], ids=["closed", "noise", "reset"]
)
async def test_no_http_behind_the_address(front: Front, name: str, status: int, streamed: bool) -> None:
    got = await front.create(model=name, input="hi", stream=streamed)
    assert got.status == status
    assert got.error["type"] == ("server_error" if status == 500 else "service_unavailable_error")
    assert "127.0.0.1" not in got.raw.decode()


@pytest.mark.parametrize(("given", "told"), [("30", "30"), ("17.2", "17"), ("0.2", "1")])
async def test_retry_after_is_passed_on(front: Front, wild: Wild, given: str, told: str) -> None:
    slow = fail(429, SLOW, {"retry-after": given})
    wild.play(slow, slow)
    got = await front.create(model="m", input="hi", stream=True)
    wild.forget()
    assert (got.status, got.headers.get("retry-after")) == (429, told)
    assert got.error["message"] == "slow down"


async def test_a_short_rate_limit_is_waited_for(front: Front, wild: Wild) -> None:
    wild.play(fail(429, SLOW, {"retry-after": "0.1"}), say("now"))
    got = await front.create(model="m", input="hi")
    assert (got.status, text_of(got.json)) == (200, "now")


# ---------- broken after it was accepted: a response that fails

HELLO = chunk({"role": "assistant", "content": "Hello "})
BYTES = {"content-type": "text/event-stream"}


def broken(*raw: bytes, end: Any = "close") -> Reply:
    return Reply([event(HELLO), *raw], headers=BYTES, end=end)


def raw_call(arguments: str) -> bytes:
    function = {"name": "get_weather", "arguments": arguments}
    return event(chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]}))


BROKEN: dict[str, tuple[Reply, str]] = {
    "ends too early": (broken(), "server_error"),
    "drops between chunks": (broken(b": still here\n", end="drop"), "server_error"),
    "drops mid-chunk": (broken(event(HELLO)[:25], end="drop"), "server_error"),
    "drops mid-call": (broken(raw_call('{"ci'), end="drop"), "server_error"),
    "drops in a character": (
        broken(b'data: {"choices":[{"delta":{"content":"\xf0\x9f', end="drop"),
        "server_error",
    ),
    "falls silent": (broken(end="hang"), "server_is_overloaded"),
    "malformed JSON": (broken(event('{"choices": [{"delta": {"content": "x"}')), "server_error"),
    "JSON of another kind": (broken(event("[1, 2]")), "server_error"),
    "a field of the wrong type": (broken(event('{"choices": [{"delta": {"content": 7}}]}')), "server_error"),
    "invalid UTF-8": (broken(b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n'), "server_error"),
    "lone surrogates": (broken(event('{"choices":[{"delta":{"content":"\\ud800"}}]}')), "server_error"),
    "nested without end": (broken(event('{"choices":' + "[" * 50_000)), "server_error"),
    "a giant event": (broken(b"data: " + b"x" * 200_000), "server_error"),
    "a giant line that is no event": (broken(b"y" * 200_000 + b"\n\n"), "server_error"),
    "an HTML page inside": (broken(b"data: <html></html>\n\n"), "server_error"),
    "an error event": (broken(event({"error": {"message": "broke", "code": 500}})), "server_error"),
    "a rate limit inside": (broken(event({"error": {**SLOW, "code": 429}})), "rate_limit_exceeded"),
    "an overflow inside": (
        broken(event({"error": {"message": "maximum context length exceeded", "code": 400}})),
        "context_length_exceeded",
    ),
    "gives up": (broken(event(chunk({}, "abort"))), "server_error"),
    "compresses unasked": (
        Reply([b"\x1f\x8b\x08\x00garbage"], headers={**BYTES, "content-encoding": "gzip"}),
        "server_error",
    ),
    "nothing at all": (Reply(headers=BYTES), "server_error"),
    "silence after the headers": (Reply(headers=BYTES, end="hang"), "server_is_overloaded"),
    "an empty choice list": (Reply(stream({"choices": []}, {"choices": []}, done=False)), "server_error"),
}


@pytest.mark.parametrize("mode", ["plain", "streamed", "background"])
@pytest.mark.parametrize("name", list(BROKEN))
async def test_a_break_is_a_failed_response(front: Front, wild: Wild, name: str, mode: str) -> None:
    reply, code = BROKEN[name]
    wild.play(reply, reply)
    final = await failed(front, mode)
    wild.forget()
    assert (final["status"], final["error"]["code"]) == ("failed", code)
    assert await front.get(final["id"]) == final
    # What came in one read with the break may be lost with it.
    assert "Hello ".startswith(text_of(final))
    assert {item["status"] for item in final["output"]} <= {"incomplete"}


@pytest.mark.parametrize(
    "name", [name for name, (reply, _) in BROKEN.items() if reply.chunks[:1] == [event(HELLO)]]
)
async def test_what_was_shown_stays(front: Front, wild: Wild, name: str) -> None:
    """The break comes when the client has seen text: nothing is asked again, and the text is kept."""
    reply, code = BROKEN[name]
    gate = asyncio.Event()
    wild.play(dataclasses.replace(reply, gate=gate))
    before = len(wild.turns)

    def seen(one: JSON) -> None:
        if one["type"] == "response.output_text.delta":
            gate.set()

    got = await front.watch({"model": "m", "input": "hi"}, seen)
    assert len(wild.turns) == before + 1
    assert told_failure(got.events)["code"] == code
    final = await lawful(front, got.events)
    assert text_of(final) == "Hello "
    assert final["output"][0]["status"] == "incomplete"


async def failed(front: Front, mode: str, **more: Any) -> JSON:
    """The final object of a response that fails after it began, each way to ask for one."""
    body = {"model": "m", "input": "hi", **more}
    if mode == "plain":
        got = await front.create(**body)
        assert got.status == 200, got.raw
        return got.json
    if mode == "streamed":
        got = await front.create(**body, stream=True)
        assert got.status == 200, got.raw
        told_failure(got.events)
        return await lawful(front, got.events)
    queued = await front.create(**body, background=True)
    assert (queued.status, queued.json["status"]) == (200, "queued")
    path = f"/responses/{queued.json['id']}?stream=true&include_obfuscation=false"
    resumed = await front.ask("GET", path)
    told_failure(resumed.events)
    return await lawful(front, resumed.events)


async def test_a_body_shorter_than_announced(front: Front) -> None:
    got = await front.create(model="short", input="hi", stream=True)
    told_failure(got.events)
    await lawful(front, got.events)


# ---------- odd, but whole: no failure at all

WHOLE: dict[str, tuple[Reply, str]] = {
    "a slow drip": (bytewise(say("Hello, ", "wörld 🎻")), "Hello, wörld 🎻"),
    "empty choice lists between": (
        Reply(stream({"choices": []}, HELLO, {"choices": [], "usage": None}, chunk({}, "stop"))),
        "Hello ",
    ),
    "no end marker": (Reply(stream(HELLO, chunk({}, "stop"), done=False)), "Hello "),
    "no finish reason": (Reply([event(HELLO), DONE]), "Hello "),
    "garbage after the end": (Reply([*stream(HELLO, chunk({}, "stop")), b"\xff\xfe" * 900]), "Hello "),
    "an unknown reason": (Reply(stream(HELLO, chunk({}, "eos_token"))), "Hello "),
    "comments, CRLF and ids": (
        Reply([b": hi\r\n\r\n", b"id: 1\r\nevent: x\r\n", event(HELLO).replace(b"\n", b"\r\n"), DONE]),
        "Hello ",
    ),
    "a plain answer to a stream": (
        answer({"choices": [{"message": {"content": "Hello "}, "finish_reason": "stop"}]}),
        "Hello ",
    ),
    "two choices": (
        Reply(
            stream(
                {
                    "choices": [
                        {"index": 0, "delta": {"content": "Hello "}},
                        {"index": 1, "delta": {"content": "no"}},
                    ]
                },
                chunk({}, "stop"),
            )
        ),
        "Hello ",
    ),
}


@pytest.mark.parametrize("name", list(WHOLE))
async def test_what_is_odd_but_whole_is_taken(front: Front, wild: Wild, name: str) -> None:
    reply, text = WHOLE[name]
    wild.play(reply)
    final = await lawful(front, (await front.create(model="m", input="hi", stream=True)).events)
    assert (final["status"], text_of(final)) == ("completed", text)


# ---------- calls

ARGUMENTS = [
    '{"city": "Os',
    "",
    "no JSON",
    "[]",
    '{"a":1}{"a":2}',
    '"\\ud83d"',
    "{" * 3000,
    "\x00",
    '{"city": 7}',
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=range(len(ARGUMENTS)))
async def test_broken_arguments_go_to_the_client_as_they_are(
    front: Front, wild: Wild, arguments: str
) -> None:
    """They are the model's; only the client knows what to do about them (`arguments` is any string)."""
    wild.play(call("get_weather", *([arguments] if arguments else [])))
    got = await front.create(model="m", input="hi", stream=True, tools=[WEATHER])
    final = await lawful(front, got.events)
    told = [(i["type"], i["name"], i["arguments"]) for i in final["output"]]
    assert told == [("function_call", "get_weather", arguments or "{}")]
    # The broken call can be answered, and goes back to the engine in a form that it can read.
    output = {"type": "function_call_output", "call_id": final["output"][0]["call_id"], "output": "sunny"}
    answered = await front.create(
        model="m", input=[output], tools=[WEATHER], previous_response_id=final["id"]
    )
    assert answered.status == 200, answered.raw
    sent = wild.turns[-1]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert isinstance(json.loads(sent), dict)


ODD_CALLS: dict[str, Reply] = {
    "no name": Reply(
        stream(
            chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"arguments": "{}"}}]}),
            chunk({}, "tool_calls"),
        )
    ),
    "a name of nobody": call("launch_rockets", "{}"),
    "an empty name": call("", "{}"),
    "a name of 60,000 letters": call("x" * 60_000, "{}"),
}


@pytest.mark.parametrize("mode", ["plain", "streamed"])
@pytest.mark.parametrize("name", list(ODD_CALLS))
async def test_calls_of_nothing_are_never_shown(front: Front, wild: Wild, name: str, mode: str) -> None:
    """The model is told, a few times; then the response fails."""
    wild.play(*[ODD_CALLS[name]] * 10)
    got = await front.create(model="m", input="hi", tools=[WEATHER], stream=mode == "streamed")
    wild.forget()
    assert got.status == 200, got.raw
    final = await lawful(front, got.events) if mode == "streamed" else got.json
    assert (final["status"], final["error"]["code"], final["output"]) == ("failed", "server_error", [])
    assert len(final["error"]["message"]) < 3_000


@pytest.mark.parametrize("ids", [("c", "c"), ("", ""), ("x" * 200, "y" * 200)], ids=["same", "empty", "long"])
async def test_ids_that_name_no_call_are_replaced(front: Front, wild: Wild, ids: tuple[str, str]) -> None:
    """The client's outputs name calls by them, in at most 64 characters (SPEC.md H23)."""
    function = {"name": "get_weather", "arguments": "{}"}
    fragments = [{"index": i, "id": one, "function": function} for i, one in enumerate(ids)]
    wild.play(Reply(stream(*(chunk({"tool_calls": [one]}) for one in fragments), chunk({}, "tool_calls"))))
    got = await front.create(model="m", input="hi", tools=[WEATHER], stream=True)
    final = await lawful(front, got.events)
    outputs = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": f"answer {i}"}
        for i, item in enumerate(final["output"])
    ]
    answered = await front.create(model="m", input=outputs, previous_response_id=final["id"])
    assert answered.status == 200, answered.raw
    sent = wild.turns[-1]["messages"]
    assert len({one["id"] for one in sent[1]["tool_calls"]}) == 2
    assert [(m["tool_call_id"], m["content"]) for m in sent[2:]] == [
        (one["id"], f"answer {i}") for i, one in enumerate(sent[1]["tool_calls"])
    ]


# ---------- gone, and back again


async def test_an_engine_that_dies_and_returns(front: Front, wild: Wild) -> None:
    """In the middle of an answer; until it is back, requests are refused as ones to try again."""
    wild.play(Reply([event(HELLO)] * 3, gate=asyncio.Event()))
    dying: list[asyncio.Task[None]] = []

    def seen(one: JSON) -> None:
        if one["type"] == "response.output_text.delta":
            dying.append(asyncio.create_task(wild.go()))

    try:
        got = await front.watch({"model": "m", "input": "hi"}, seen)
        told_failure(got.events)
        await lawful(front, got.events)
        await dying[0]
        for streamed in (False, True):
            refused = await front.create(model="m", input="hi", stream=streamed)
            assert (refused.status, refused.error["code"]) == (503, "server_is_overloaded")
    finally:
        await wild.come()
    assert text_of((await front.create(model="m", input="hi")).json) == "Hello."


async def test_an_engine_that_is_dead_at_the_start(tmp_path: Path) -> None:
    """The server starts, says that it is not ready, and finds out about the engine when it comes."""
    wild = Wild()
    await wild.come()
    await wild.go()
    async with front_of(tmp_path, config=f'[[engines]]\nurl = "{wild.url}"\nretry_base_s = 0.01') as front:
        assert await front.ready() == 503
        refused = await front.create(model="any", input="hi")
        assert (refused.status, refused.error["code"]) == (503, "server_is_overloaded")
        models = await front.ask("GET", "/models")
        assert (models.status, models.json["data"]) == (200, [])
        await wild.come()
        assert await front.ready() == 200
        got = await front.create(model="m", input="hi", stream=True)
        assert text_of(await lawful(front, got.events)) == "Hello."
        await wild.go()
        assert await front.ready() == 503
        await wild.come()
        assert await front.ready() == 200
        await wild.go()


async def test_a_refused_background_response_fails(front: Front, wild: Wild) -> None:
    """It was accepted before the engine was asked, so that a refusal is a failed response."""
    wild.play(fail(401, {"message": "wrong key sk-engine-0123456789"}))
    final = await failed(front, "background")
    assert (final["error"]["code"], final["output"]) == ("server_error", [])
    assert "sk-engine" not in json.dumps(final)


async def test_nothing_of_one_answer_is_in_the_next(front: Front, wild: Wild) -> None:
    """A connection on which an answer broke is not used again."""
    wild.play(
        *(Reply([event(chunk({"content": f"secret {i}"}))], headers=BYTES, end="drop") for i in range(4))
    )
    got: list[Answer] = [await front.create(model="m", input="hi") for _ in range(8)]
    wild.forget()
    for i, one in enumerate(got[4:]):
        assert text_of(one.json) == "Hello.", (i, one.raw)
