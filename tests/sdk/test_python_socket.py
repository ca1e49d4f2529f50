"""openai-python: `responses.connect()`, many responses over one WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from tests.support import judge
from tests.support.scenarios import SCENARIOS, WEATHER, script

# The client opens sockets in a way that the newest `websockets` no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager")

JSON = dict[str, Any]
TERMINAL = ("response.completed", "response.incomplete", "response.failed")


def answer(connection: Any) -> list[JSON]:
    """The events of one response, or of an error that is its whole answer."""
    told: list[JSON] = []
    while not told or told[-1]["type"] not in TERMINAL:
        told.append(connection.recv().to_dict())
        if len(told) == 1 and told[0]["type"] == "error":
            return told
    return told


@pytest.mark.parametrize("name", [name for name, one in SCENARIOS.items() if "background" not in one.body])
def test_every_scenario(lenient: OpenAI, name: str) -> None:
    body = SCENARIOS[name].body
    with lenient.responses.connect() as connection:
        connection.response.create(model="scripted", **body)
        told = answer(connection)
    assert judge.faults(told) == []
    plain = lenient.responses.create(model="scripted", **body)
    assert judge.anonymous(told[-1]["response"]) == judge.anonymous(plain.to_dict())
    if body.get("store", True):
        assert lenient.responses.retrieve(plain.id).to_dict() == plain.to_dict()


def test_a_tool_turn_that_nobody_stores(client: OpenAI) -> None:
    """As Codex does it: warm up, then chain on this connection alone."""
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", generate=False, store=False, tools=[WEATHER], input=[])
        warm = answer(connection)[-1]["response"]
        assert (warm["status"], warm["output"]) == ("completed", [])
        connection.response.create(
            model="scripted",
            store=False,
            previous_response_id=warm["id"],
            tools=[WEATHER],
            input=script('call get_weather {"city": "Oslo"}'),
        )
        asked = answer(connection)[-1]["response"]
        (call,) = asked["output"]
        connection.response.create(
            model="scripted",
            store=False,
            previous_response_id=asked["id"],
            tools=[WEATHER],
            input=[{"type": "function_call_output", "call_id": call["call_id"], "output": "3 degrees"}],
        )
        told = answer(connection)
    assert judge.faults(told) == []
    assert told[-1]["response"]["output"][0]["content"][0]["text"] == "3 degrees"


def test_what_another_connection_did_not_store_is_unknown(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", store=False, input="hello")
        first = answer(connection)[-1]["response"]
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", previous_response_id=first["id"], input="and?")
        (refused,) = answer(connection)
        assert (refused["status"], refused["error"]["code"]) == (400, "previous_response_not_found")
        connection.response.create(model="scripted", input="still here")
        assert answer(connection)[-1]["response"]["status"] == "completed"


def test_what_was_stored_over_http_is_known(client: OpenAI) -> None:
    first = client.responses.create(model="scripted", input="one")
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", previous_response_id=first.id, input=script("recall"))
        told = answer(connection)[-1]["response"]
    assert '"You said: one"' in told["output"][0]["content"][0]["text"]
    assert client.responses.retrieve(told["id"]).to_dict() == told


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "no-such-model", "input": "hello"}, "model"),
        ({"model": "scripted", "input": "hello", "temperature": 9}, "temperature"),
        ({"model": "scripted", "input": "hello", "background": True}, "background"),
    ],
)
def test_refusals(lenient: OpenAI, body: JSON, param: str) -> None:
    with lenient.responses.connect() as connection:
        connection.response.create(**body)
        (refused,) = answer(connection)
    assert (refused["status"], refused["error"]["param"]) == (400, param)


def test_lanes_run_at_once_and_each_in_order(lenient: OpenAI) -> None:
    with lenient.responses.connect() as connection:
        for number in range(3):
            for lane in ("left", "right"):
                connection.response.create(
                    model="scripted",
                    stream_id=lane,
                    input=script("batch 1", f"say {lane} {number} and more words"),
                )
        told: dict[str, list[JSON]] = {"left": [], "right": []}
        while sum(event["type"] in TERMINAL for lane in told.values() for event in lane) < 6:
            event = connection.recv().to_dict()
            told[event.pop("stream_id")].append(event)
    for lane, events in told.items():
        ends = [i for i, event in enumerate(events) if event["type"] in TERMINAL]
        runs = [events[a + 1 : b + 1] for a, b in zip([-1, *ends], ends, strict=False)]
        assert [judge.faults(run) for run in runs] == [[], [], []]
        said = [run[-1]["response"]["output"][0]["content"][0]["text"] for run in runs]
        assert said == [f"{lane} {number} and more words" for number in range(3)]


async def test_async_client(aclient: AsyncOpenAI) -> None:
    told: list[JSON] = []
    async with aclient.responses.connect() as connection:
        await connection.response.create(model="scripted", input=script("think so", "say So it is."))
        while not told or told[-1]["type"] not in TERMINAL:
            told.append((await connection.recv()).to_dict())
    assert judge.faults(told) == []


def test_prewarming_makes_no_output(client: OpenAI) -> None:
    with client.responses.connect() as connection:
        connection.response.create(
            model="scripted", input="hello", store=False, prompt_cache_options={"prewarm": True}
        )
        warm = answer(connection)[-1]["response"]
        assert (warm["status"], warm["output"]) == ("completed", [])
        connection.response.create(
            model="scripted", input=script("recall"), store=False, previous_response_id=warm["id"]
        )
        told = answer(connection)[-1]["response"]
    assert '"text":"hello"' in told["output"][0]["content"][0]["text"]
