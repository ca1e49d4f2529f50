"""WebSocket mode of `/responses` against a real server (SPEC.md H.2; CLIENTS.md §3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.laws import broken
from tests.wire.http.rig import PATIENCE_S, Rig, serving, until
from tests.wire.http.test_leaving import numbers
from tests.wire.http.test_requests import asked, official

from antiphon.config import ApiKey, AuthSettings, HttpSettings, RateSettings
from antiphon.core.errors import EngineFailure
from antiphon.spec.validate import check_object

TERMINAL = ("response.completed", "response.failed", "response.incomplete", "response.steer.failed")
STATELESS = {"model": "m", "store": False}


class Talk:
    """A client's side of one connection."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def create(self, **body: Any) -> None:
        await self.ws.send_json({"type": "response.create", **STATELESS, **body})

    async def frame(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            message = await self.ws.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def whole(self) -> list[dict[str, Any]]:
        """Frames up to a terminal event or an error frame that nothing follows."""
        frames = [await self.frame()]
        while frames[-1]["type"] not in TERMINAL and not refused(frames[-1]):
            frames.append(await self.frame())
        return frames

    async def answer(self, **body: Any) -> dict[str, Any]:
        """Create, and the final response."""
        await self.create(**body)
        frames = await self.whole()
        assert frames[-1]["type"] in TERMINAL, frames[-1]
        return frames[-1]["response"]

    async def error(self, **body: Any) -> dict[str, Any]:
        """Create, and the error frame that answers it."""
        await self.create(**body)
        frame = await self.frame()
        assert refused(frame), frame
        return frame


def refused(frame: dict[str, Any]) -> bool:
    """An error frame of the socket; the stream's own `error` event has a sequence number."""
    return frame["type"] == "error" and "sequence_number" not in frame


@asynccontextmanager
async def talking(rig: Rig, path: str = "/v1/responses", **headers: str) -> AsyncIterator[Talk]:
    async with aiohttp.ClientSession() as session, session.ws_connect(rig.url + path, headers=headers) as ws:
        yield Talk(ws)


async def test_events_are_those_of_a_stream_one_per_frame(rig: Rig) -> None:
    async with talking(rig) as talk:
        await talk.create(input="hi")
        frames = await talk.whole()
    bare = [{k: v for k, v in f.items() if k != "obfuscation"} for f in frames]
    assert [check_object("WsServerEvent", frame) for frame in bare] == [[]] * len(frames)
    assert broken(bare) == []
    assert frames[-1]["response"]["output"][0]["content"][0]["text"] == "Hello world"
    assert [f["type"] for f in frames if "obfuscation" in f] == ["response.output_text.delta"] * 2
    assert not [f for f in frames if "stream_id" in f]


@pytest.mark.parametrize(
    "path", ["/v1/responses", "/v1/responses/", "/openai/v1/responses", "/openai/responses?api-version=1"]
)
async def test_every_base_path_opens(rig: Rig, path: str) -> None:
    async with talking(rig, path) as talk:
        assert (await talk.answer(input="hi"))["status"] == "completed"


# ---------- state of a connection


async def test_a_stateless_response_is_continued_on_the_same_connection(rig: Rig) -> None:
    async with talking(rig) as talk:
        first = await talk.answer(input="one")
        second = await talk.answer(input="two", previous_response_id=first["id"])
        assert second["previous_response_id"] == first["id"]
        await talk.answer(input="three", previous_response_id=second["id"])
    texts = [i["content"][0]["text"] for i in rig.engine.turns[2].sample.items]
    assert texts == ["one", "Hello world", "two", "Hello world", "three"]


async def test_as_codex_does(rig: Rig) -> None:
    """Warm up with tools and prompt, then new items only; after a call its output only."""
    tools = [{"type": "function", "name": "shell", "parameters": {"type": "object"}, "strict": False}]
    async with talking(rig, openai_beta="responses_websockets=2026-02-06") as talk:
        prompt = {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "be brief"}],
        }
        warm = await talk.answer(input=[prompt], tools=tools, generate=False, client_metadata={"a": "b"})
        assert (warm["status"], warm["output"], rig.engine.opened) == ("completed", [], 0)
        turn = await talk.answer(input="go", tools=tools, previous_response_id=warm["id"])
        assert turn["output"][0]["content"][0]["text"] == "Hello world"
    assert [i["content"][0]["text"] for i in rig.engine.turns[0].sample.items] == ["be brief", "go"]


async def test_an_id_of_nowhere_is_not_found(rig: Rig) -> None:
    async with talking(rig) as talk:
        frame = await talk.error(input="x", previous_response_id="resp_nope")
        assert frame == {
            "type": "error",
            "status": 400,
            "error": {
                "message": "Previous response with id 'resp_nope' not found.",
                "type": "invalid_request_error",
                "param": "previous_response_id",
                "code": "previous_response_not_found",
            },
        }
        assert check_object("WsServerEvent", frame) == []
        assert (await talk.answer(input="x"))["status"] == "completed", "the connection lives on"


async def test_stateless_responses_do_not_leave_their_connection(rig: Rig) -> None:
    async with talking(rig) as talk, talking(rig) as other:
        first = await talk.answer(input="one")
        frame = await other.error(input="two", previous_response_id=first["id"])
        assert frame["error"]["code"] == "previous_response_not_found"


async def test_stored_responses_are_continued_anywhere(rig: Rig) -> None:
    async with talking(rig) as talk:
        first = await talk.answer(input="one", store=True)
        older = await talk.answer(input="two", store=True, previous_response_id=first["id"])
        again = await talk.answer(input="again", previous_response_id=first["id"])
        assert again["status"] == "completed"
    async with talking(rig) as talk:
        assert (await talk.answer(input="three", previous_response_id=older["id"]))["status"] == "completed"
    texts = [i["content"][0]["text"] for i in rig.engine.turns[3].sample.items]
    assert texts == ["one", "Hello world", "two", "Hello world", "three"]


async def test_a_failing_continuation_evicts_its_parent_but_a_failing_fork_does_not(rig: Rig) -> None:
    async with talking(rig) as talk:
        first = await talk.answer(input="one")
        chained = {"input": "two", "previous_response_id": first["id"]}
        fork = await talk.error(**chained, stream_id="fork", temperature=9)
        assert (fork["error"]["code"], fork["stream_id"]) == ("decimal_above_max_value", "fork")
        assert (await talk.answer(**chained, stream_id="fork"))["status"] == "completed"
        assert (await talk.error(**chained, temperature=9))["error"]["code"] == "decimal_above_max_value"
        assert (await talk.error(**chained))["error"]["code"] == "previous_response_not_found"


# ---------- lanes


async def test_lanes_run_at_once_and_each_in_order(rig: Rig) -> None:
    rig.engine.auto = None
    async with talking(rig) as talk:
        for lane in ("a", "b", "a"):
            await talk.create(input=lane, stream_id=lane)
        await until(lambda: len(rig.engine.turns) == 2)
        for turn in reversed(rig.engine.turns[:2]):
            turn.say(turn.sample.items[0]["content"][0]["text"])
            turn.finish()
        third = await rig.engine.turn(2)
        third.say("a again")
        third.finish()
        frames: list[dict[str, Any]] = []
        while len([f for f in frames if f["type"] == "response.completed"]) < 3:
            frames.append(await talk.frame())
    told = [
        (f["stream_id"], f["response"]["output"][0]["content"][0]["text"])
        for f in frames
        if f["type"] == "response.completed"
    ]
    assert sorted(told) == [("a", "a"), ("a", "a again"), ("b", "b")]
    assert told.index(("a", "a")) < told.index(("a", "a again"))
    for response_id in {f["response"]["id"] for f in frames if "response" in f}:
        begin = next(i for i, f in enumerate(frames) if f.get("response", {}).get("id") == response_id)
        lane = frames[begin]["stream_id"]
        own = [f for f in frames[begin:] if f["stream_id"] == lane]
        end = next(i for i, f in enumerate(own) if f["type"] == "response.completed")
        assert (
            broken(
                [
                    {k: v for k, v in f.items() if k not in ("stream_id", "obfuscation")}
                    for f in own[: end + 1]
                ]
            )
            == []
        )


async def test_active_responses_are_limited_and_the_rest_waits(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, ws_max_active=2)) as rig:
        rig.engine.auto = None
        async with talking(rig) as talk:
            for lane in ("a", "b", "c"):
                await talk.create(input="x", stream_id=lane)
            await until(lambda: len(rig.engine.turns) == 2)
            rig.engine.turns[0].finish()
            await rig.engine.turn(2)
            assert rig.engine.opened == 3


async def test_named_lanes_are_limited(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, ws_max_lanes=2)) as rig, talking(rig) as talk:
        for lane in ("a", "b", "a"):
            assert (await talk.answer(input="x", stream_id=lane))["status"] == "completed"
        frame = await talk.error(input="x", stream_id="c")
        assert (frame["status"], frame["stream_id"]) == (400, "c")
        assert frame["error"]["code"] == "websocket_stream_limit_reached"
        assert (await talk.answer(input="x"))["status"] == "completed", "the default lane does not count"


async def test_too_many_waiting_requests_are_refused(rig: Rig) -> None:
    rig.engine.auto = None
    async with talking(rig) as talk:
        for _ in range(258):
            await talk.create(input="x")
        while not refused(frame := await talk.frame()):
            pass
        assert (frame["status"], frame["error"]["code"]) == (429, "rate_limit_exceeded")


# ---------- frames


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("not json", None),
        ("[]", None),
        ('{"type":"response.create","model":"m","model":"m"}', None),
        ("[" * 5000 + "]" * 5000, None),
        ('{"type":"session.update"}', "invalid_value"),
        ('{"type":"response.create","model":"m","input":"x","stream_id":"a b"}', "invalid_stream_id"),
        ('{"type":"response.create","input":"x"}', "missing_required_parameter"),
        ('{"type":"response.create","model":"m","input":"x","nope":1}', "unknown_parameter"),
        ('{"type":"response.create","model":"other","input":"x"}', "model_not_found"),
    ],
)
async def test_a_wrong_frame_is_an_error_frame_and_no_end(rig: Rig, sent: str, code: str | None) -> None:
    async with talking(rig) as talk:
        await talk.ws.send_str(sent)
        frame = await talk.frame()
        assert (frame["type"], frame["status"], frame["error"]["code"]) == ("error", 400, code)
        assert frame["error"].keys() == {"message", "type", "param", "code"}
        assert (await talk.answer(input="x"))["status"] == "completed"


async def test_a_binary_frame_is_an_error_frame_and_no_end(rig: Rig) -> None:
    async with talking(rig) as talk:
        await talk.ws.send_bytes(b"\x00\x01")
        assert (await talk.frame())["error"]["code"] == "invalid_frame"
        assert (await talk.answer(input="x"))["status"] == "completed"


async def test_a_frame_over_the_limit_ends_the_connection(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, HttpSettings(port=0, ws_max_frame_bytes=10_000)) as rig,
        talking(rig) as talk,
    ):
        await talk.create(input="x" * 20_000)
        async with asyncio.timeout(PATIENCE_S):
            assert (await talk.ws.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
        assert talk.ws.close_code == 1009


async def test_a_frame_of_a_megabyte_is_fine(rig: Rig) -> None:
    async with talking(rig) as talk:
        assert (await talk.answer(input="x" * 3_000_000))["status"] == "completed"


async def test_steering_is_declined(rig: Rig) -> None:
    async with talking(rig) as talk:
        made = await talk.answer(input="x", stream_id="a")
        await talk.ws.send_json(
            {"type": "response.steer", "previous_response_id": made["id"], "input": "stop"}
        )
        frame = await talk.frame()
        assert (frame["type"], frame["error"]["code"]) == ("response.steer.failed", "steering_not_supported")
        assert (frame["steer"]["previous_response_id"], frame["stream_id"]) == (made["id"], "a")
        assert check_object("WsServerEvent", frame) == []


async def test_an_engine_that_fails(rig: Rig) -> None:
    rig.engine.refuse = EngineFailure("rate_limited", "Busy.", retry_after=2.0)
    async with talking(rig) as talk:
        frame = await talk.error(input="x", stream_id="a")
        assert (frame["status"], frame["error"]["headers"]) == (429, {"retry-after": "2"})
        rig.engine.refuse, rig.engine.auto = None, None
        await talk.create(input="x")
        turn = await rig.engine.turn()
        turn.say("so far")
        turn.fail(EngineFailure("dropped", "Gone."))
        frames = await talk.whole()
        assert [f["type"] for f in frames[-2:]] == ["error", "response.failed"]


async def test_a_bug_is_an_error_frame_without_details(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def explode(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    async with talking(rig) as talk:
        monkeypatch.setattr(rig.router, "route", explode)
        frame = await talk.error(input="x")
        assert (frame["status"], frame["error"]["type"]) == (500, "server_error")
        assert "secret" not in frame["error"]["message"]
        monkeypatch.undo()
        assert (await talk.answer(input="x"))["status"] == "completed"


async def test_a_timeout_inside_is_told_as_any_other_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_: Any) -> None:
        raise TimeoutError

    async with talking(rig) as talk:
        monkeypatch.setattr(rig.router, "route", late)
        assert (await talk.error(input="x"))["status"] == 500


async def test_rate_limits_hold(tmp_path: Path) -> None:
    async with serving(tmp_path, rate=RateSettings(requests_per_minute=1)) as rig, talking(rig) as talk:
        await talk.answer(input="x")
        frame = await talk.error(input="x")
        assert (frame["status"], frame["error"]["headers"]["retry-after"]) == (429, "60")


# ---------- the end


async def test_leaving_ends_what_runs_and_what_waits(rig: Rig) -> None:
    rig.engine.auto = None
    async with talking(rig) as talk:
        for lane in ("a", "a", "b"):
            await talk.create(input="x", stream_id=lane)
        await until(lambda: len(rig.engine.turns) == 2)
        rig.engine.turns[0].say("text")
    async with asyncio.timeout(PATIENCE_S):
        for turn in rig.engine.turns:
            await turn.closed.wait()
    await until(lambda: rig.runs.active == 0)
    assert rig.engine.opened == 2
    await until(lambda: numbers(rig)["antiphon_active_sockets"] == 0.0)


async def test_a_client_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, stall_timeout_s=0.05)) as rig:
        rig.engine.auto = None
        async with talking(rig) as talk:
            await talk.create(input="x")
            turn = await rig.engine.turn()
            transport: Any = talk.ws._response.connection.transport  # type: ignore[union-attr]
            transport.pause_reading()
            for _ in range(400):
                turn.say("x" * 50_000)
            async with asyncio.timeout(PATIENCE_S):
                await turn.closed.wait()
            await until(lambda: numbers(rig)["antiphon_active_sockets"] == 0.0)
            transport.abort()


async def test_a_connection_has_its_time(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, ws_max_connection_s=0.2)) as rig:
        rig.engine.auto = None
        async with talking(rig) as talk:
            await talk.create(input="x")
            turn = await rig.engine.turn()
            while not refused(frame := await talk.frame()):
                pass
            assert (frame["status"], frame["error"]["code"]) == (400, "websocket_connection_limit_reached")
            turn.finish()
            assert (await talk.whole())[-1]["type"] == "response.completed", "what runs may end"
            async with asyncio.timeout(PATIENCE_S):
                assert (await talk.ws.receive()).type is aiohttp.WSMsgType.CLOSE


# ---------- the handshake

UPGRADE = (
    "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{}\r\n"
)


async def test_a_handshake_is_refused_in_the_official_form(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    auth = AuthSettings(keys=(ApiKey(key="key-of-one"),))
    async with serving(tmp_path, auth=auth) as rig:
        cases = [
            ("/v1/responses", "", 401),
            ("/v1/responses", "authorization: Bearer wrong\r\n", 401),
            ("/v1/nope", "authorization: Bearer key-of-one\r\n", 404),
            ("/v1/responses", "x-y: z\r\n" * 300, 431),
            ("/v1/responses", "authorization: Bearer key-of-one\r\n" + "x-y: z\r\n" * 125, 426),
            ("/v1/responses", f"authorization: Bearer key-of-one\r\nx-y: {'z' * 9000}\r\n", 426),
        ]
        for path, lines, expected in cases:
            status, _, body = await asked(rig, UPGRADE.format(path, lines).encode())
            assert status == expected
            official(body)
        assert not caplog.records
        async with talking(rig, authorization="Bearer key-of-one") as talk:
            assert (await talk.answer(input="x"))["status"] == "completed"


async def test_pages_of_other_origins_may_not_connect_where_no_key_stops_them(tmp_path: Path) -> None:
    async with serving(tmp_path, HttpSettings(port=0, cors_origins=("https://a.example",))) as rig:
        foreign = "origin: https://b.example\r\n"
        status, _, body = await asked(
            rig, UPGRADE.format("/v1/responses", foreign).encode(), until_closed=True
        )
        assert status == 403
        official(body)
        for origin in ("https://a.example", rig.url):
            async with talking(rig, origin=origin) as talk:
                assert (await talk.answer(input="x"))["status"] == "completed"
