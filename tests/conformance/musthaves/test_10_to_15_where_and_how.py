"""Must-haves 10 to 15: state, WebSocket, names, places, headers, many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx2
import pytest
from tests.conformance.musthaves import captured
from tests.support import judge
from tests.support.scenarios import script
from tests.support.server import Server

JSON = dict[str, Any]
Final = Callable[..., JSON]
ENDED = ("completed", "failed", "incomplete", "cancelled")


def text_of(response: JSON) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts)


CALLS = script('call lookup {"query":"a"}', 'call lookup {"query":"b"}')

# ---------- 10


@pytest.mark.parametrize("more", [{}, {"store": True}])
def test_10_outputs_alone_with_previous_response_id(final: Final, more: JSON) -> None:
    """MS Agent Framework leaves `store` out, Semantic Kernel says true."""
    first = final(captured.first_turn(CALLS, **more))
    second = final(captured.outputs_alone(first, **more))
    assert text_of(second) == "found 0\nfound 1"
    third = final({"model": "gpt-5.5", "previous_response_id": second["id"], "input": script("recall")})
    kinds = [item["type"] for item in json.loads(text_of(third))["items"]]
    assert kinds == ["message", *["function_call"] * 2, *["function_call_output"] * 2, "message", "message"]


def test_10_background_is_polled(http: httpx2.Client) -> None:
    """agno and MS Agent Framework poll `GET /responses/{id}`."""
    made = http.post("/v1/responses", json=captured.first_turn(CALLS, background=True)).json()
    assert made["status"] in ("queued", "in_progress")
    for _ in range(2000):
        found = http.get(f"/v1/responses/{made['id']}").json()
        if found["status"] in ENDED:
            break
    assert found["status"] == "completed"
    assert [item["type"] for item in found["output"]] == ["function_call", "function_call"]


def test_10_resume_with_starting_after(http: httpx2.Client) -> None:
    body = captured.first_turn(CALLS, background=True, stream=True)
    told = judge.settled(judge.read_stream(http.post("/v1/responses", json=body).content))
    path = f"/v1/responses/{told[0]['response']['id']}"
    for cut in (0, len(told) // 2, len(told) - 2):
        rest = http.get(path, params={"stream": "true", "starting_after": cut}).content
        assert judge.settled(judge.read_stream(rest)) == told[cut + 1 :]


def test_10_conversation(http: httpx2.Client, final: Final) -> None:
    """Agents keep a session in a conversation, by id or as an object."""
    made = http.post("/v1/conversations").json()
    first = http.post("/v1/responses", json=captured.first_turn(CALLS, conversation=made["id"])).json()
    outputs = captured.outputs_alone(first)["input"]
    body = {"model": "gpt-5.5", "input": outputs, "conversation": {"id": made["id"]}}
    assert text_of(http.post("/v1/responses", json=body).json()) == "found 0\nfound 1"
    listed = http.get(f"/v1/conversations/{made['id']}/items", params={"order": "asc"}).json()
    assert [item["type"] for item in listed["data"]] == [
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
    ]


# ---------- 11


async def answers(socket: aiohttp.ClientWebSocketResponse) -> list[JSON]:
    told: list[JSON] = []
    while not told or told[-1]["type"] not in ("response.completed", "response.failed", "error"):
        told.append(json.loads(await socket.receive_str(timeout=20)))
    return told


def frame(body: JSON, **more: Any) -> str:
    flat = {k: v for k, v in body.items() if k != "stream"}
    return json.dumps({"type": "response.create", **flat, **more})


async def test_11_codex_over_websocket(server: Server) -> None:
    """Its built-in provider: warm up, then only what is new, with `store: false` throughout."""
    headers = {**captured.CODEX_HEADERS, "OpenAI-Beta": "responses_websockets=2026-02-06"}
    url = f"{server.base_url}/responses"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers, compress=15) as socket,
    ):
        body = captured.codex("hello")
        await socket.send_str(frame({**body, "input": body["input"][:2]}, generate=False))
        warm = await answers(socket)
        assert judge.faults(warm) == []
        assert warm[-1]["response"]["output"] == []
        news = captured._codex_message("user", script('call exec_command {"cmd":"ls","workdir":"/"}'), 4)
        chained = {**body, "previous_response_id": warm[-1]["response"]["id"]}
        await socket.send_str(frame(chained, input=[news]))
        asked = await answers(socket)
        assert judge.faults(asked) == []
        (call,) = asked[-1]["response"]["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "a.txt"}
        chained = {**body, "previous_response_id": asked[-1]["response"]["id"]}
        await socket.send_str(frame(chained, input=[output]))
        assert text_of((await answers(socket))[-1]["response"]) == "a.txt"
        await socket.send_str(frame({**body, "previous_response_id": "resp_" + "0" * 48}))
        (refused,) = await answers(socket)
        assert (refused["status"], refused["error"]["code"]) == (400, "previous_response_not_found")


@pytest.mark.parametrize("size", [70_000, 3_000_000])
async def test_11_large_frames_and_lanes(server: Server, size: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.base_url}/responses", max_msg_size=0) as socket,
    ):
        long = {"model": "scripted", "instructions": "x" * size, "input": script("say ok")}
        await socket.send_str(frame(long, stream_id="lane.1"))
        told = await answers(socket)
    assert {event.pop("stream_id") for event in told} == {"lane.1"}
    assert judge.faults(told) == []


def test_11_without_an_upgrade_426(http: httpx2.Client) -> None:
    """The answer that makes Codex fall back at once; 403 and 404 cost it seven attempts."""
    reply = http.get("/v1/responses")
    assert reply.status_code == 426
    assert reply.headers["upgrade"] == "websocket"


# ---------- 12


def test_12_aliases(http: httpx2.Client, final: Final) -> None:
    response = final({"model": "gpt-5.5", "input": script("recall")})
    assert response["model"] == "gpt-5.5"
    assert json.loads(text_of(response))["model"] == "scripted"
    listed = http.get("/v1/models").json()
    assert {model["id"] for model in listed["data"]} == {"scripted", "scripted/large", "gpt-5.5"}
    assert {model["object"] for model in listed["data"]} == {"model"}
    assert http.get("/v1/models/scripted/large").json()["id"] == "scripted/large"


# ---------- 13


@pytest.mark.parametrize("base", ["/v1", "/openai", "/openai/v1"])
def test_13_base_paths(http: httpx2.Client, base: str) -> None:
    query = {"api-version": "2025-04-01-preview"}
    made = http.post(
        f"{base}/responses",
        params=query,
        headers={"api-key": "any"},
        json={"model": "gpt-5.5", "input": "hi"},
    )
    assert made.status_code == 200, made.text
    response = made.json()
    assert http.get(f"{base}/responses/{response['id']}", params=query).json() == response
    assert http.get(f"{base}/models", params=query).status_code == 200
    assert http.post(f"{base}/conversations", params=query).status_code == 200


# ---------- 14


@pytest.mark.parametrize("stream", [False, True])
def test_14_request_id_and_foreign_headers(http: httpx2.Client, stream: bool) -> None:
    foreign = {
        **captured.CODEX_HEADERS,
        "x-stainless-lang": "python",
        "x-stainless-retry-count": "0",
        "openai-beta": "assistants=v2",
        "openai-organization": "org-1",
        "accept": "*/*",
    }
    seen: set[str] = set()
    for _ in range(3):
        body = {"model": "scripted", "input": "hello", "stream": stream}
        reply = http.post("/v1/responses", json=body, headers=foreign)
        assert reply.status_code == 200
        seen.add(reply.headers["x-request-id"])
    refused = http.post("/v1/responses", json={"model": "none", "input": "hello"}, headers=foreign)
    assert (refused.status_code, "x-request-id" in refused.headers) == (400, True)
    assert len(seen) == 3


# ---------- 15


async def test_15_many_at_once_with_large_bodies(server: Server) -> None:
    """opencode sends two at once per session; first turns have 27 tools and 70 KB."""
    tools = [captured._function(f"tool_{n}", text="string") for n in range(27)]

    async def ask(session: aiohttp.ClientSession, number: int) -> str:
        body = captured.opencode(script("batch 1", f"say answer {number} for you"))
        body |= {"tools": tools, "input": [{"role": "developer", "content": "y" * 70_000}, *body["input"]]}
        async with session.post(f"{server.base_url}/responses", json=body) as reply:
            events = judge.read_stream(await reply.read())
        assert judge.faults(events) == []
        return text_of(events[-1]["response"])

    async with aiohttp.ClientSession() as session:
        told = await asyncio.gather(*(ask(session, number) for number in range(24)))
    assert told == [f"answer {number} for you" for number in range(24)]
