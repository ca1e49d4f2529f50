"""The streamed, the plain, the stored and the resumed answer are one object, for every scenario."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.support import judge
from tests.support.scenarios import SCENARIOS, Scenario, script

JSON = dict[str, Any]

every_scenario = pytest.mark.parametrize("name", list(SCENARIOS))
stored_scenario = pytest.mark.parametrize(
    "name", [name for name, one in SCENARIOS.items() if one.body.get("store", True)]
)


def body_of(scenario: Scenario, **more: Any) -> JSON:
    return {"model": "scripted", **scenario.body, **more}


def streamed(http: httpx2.Client, body: JSON) -> list[JSON]:
    reply = http.post("/v1/responses", json={**body, "stream": True})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    return judge.read_stream(reply.content)


def text_of(response: JSON) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts if part["type"] == "output_text")


@every_scenario
def test_every_event_of_the_stream_is_right(http: httpx2.Client, name: str) -> None:
    scenario = SCENARIOS[name]
    events = streamed(http, body_of(scenario))
    assert judge.faults(events) == []
    final = events[-1]["response"]
    assert (final["status"], tuple(item["type"] for item in final["output"])) == (
        scenario.status,
        scenario.kinds,
    )
    assert scenario.text is None or text_of(final) == scenario.text
    assert {key: final[key] for key in scenario.fields} == scenario.fields
    assert (final["error"] or {}).get("code") == scenario.error
    assert set(scenario.events) <= {event["type"].removeprefix("response.") for event in events}


@every_scenario
def test_plain_is_what_was_streamed(http: httpx2.Client, name: str) -> None:
    body = body_of(SCENARIOS[name])
    reply = http.post("/v1/responses", json=body)
    assert reply.status_code == 200, reply.text
    told = streamed(http, body)[-1]["response"]
    assert judge.anonymous(reply.json()) == judge.anonymous(told)


@stored_scenario
def test_stored_is_what_was_told(http: httpx2.Client, name: str) -> None:
    body = body_of(SCENARIOS[name])
    told = streamed(http, body)[-1]["response"]
    assert http.get(f"/v1/responses/{told['id']}").json() == told
    plain = http.post("/v1/responses", json=body).json()
    assert http.get(f"/v1/responses/{plain['id']}").json() == plain


def test_what_is_not_stored_is_not_found(http: httpx2.Client) -> None:
    told = streamed(http, {"model": "scripted", "input": "hello", "store": False})[-1]["response"]
    assert told["store"] is False
    assert http.get(f"/v1/responses/{told['id']}").status_code == 404


@stored_scenario
def test_background_is_the_same_resumed_at_every_cut(http: httpx2.Client, name: str) -> None:
    body = body_of(SCENARIOS[name], background=True)
    events = streamed(http, body)
    assert judge.faults(events) == []
    assert [event["type"] for event in events[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    told = events[-1]["response"]
    path = f"/v1/responses/{told['id']}"
    assert http.get(path).json() == told
    plain = http.post("/v1/responses", json=body_of(SCENARIOS[name])).json()
    assert judge.anonymous({**told, "background": False}) == judge.anonymous(plain)
    step = max(1, len(events) // 60)
    for cut in range(-1, len(events), step):
        query = {"stream": "true", **({} if cut < 0 else {"starting_after": cut})}
        resumed = http.get(path, params=query)
        if cut == len(events) - 1:
            assert judge.frames(resumed.content) == [("", "[DONE]")]
        else:
            assert judge.settled(judge.read_stream(resumed.content)) == judge.settled(events[cut + 1 :])


def test_padding_is_left_out_where_it_is_not_wanted(http: httpx2.Client) -> None:
    body: JSON = {"model": "scripted", "input": "hello"}
    padded = streamed(http, body)
    bare = streamed(http, {**body, "stream_options": {"include_obfuscation": False}})
    assert [e["type"] for e in padded if "obfuscation" in e] == [
        e["type"] for e in padded if e["type"].endswith(".delta")
    ]
    assert not [e for e in bare if "obfuscation" in e]
    assert judge.anonymous(bare) == judge.anonymous(padded)


@pytest.mark.parametrize(
    ("name", "kind", "param"),
    [
        ("fails in the middle", "server_error", None),
        ("context overflows in the middle", "invalid_request_error", "input"),
        ("rate limited in the middle", "rate_limit_error", None),
    ],
)
def test_failure_is_told_in_both_forms(http: httpx2.Client, name: str, kind: str, param: str | None) -> None:
    """Flat as in the official schema, nested as on recorded streams, type and param included."""
    error, last = streamed(http, body_of(SCENARIOS[name]))[-2:]
    told = last["response"]["error"]
    assert error == {
        "type": "error",
        "code": told["code"],
        "message": told["message"],
        "param": param,
        "error": {"type": kind, "code": told["code"], "message": told["message"], "param": param},
        "sequence_number": last["sequence_number"] - 1,
    }


@pytest.mark.parametrize("background", [False, True])
def test_prewarming_makes_no_output(http: httpx2.Client, background: bool) -> None:
    """The official parameter "prepares the prompt cache without generating output"."""
    options = {"prewarm": True, "mode": "implicit"}
    body: JSON = {"model": "scripted", "input": "hello", "prompt_cache_options": options}
    events = streamed(http, {**body, "background": background})
    assert judge.faults(events) == []
    told = events[-1]["response"]
    assert (told["status"], told["output"]) == ("completed", [])
    chained = {"model": "scripted", "input": script("recall"), "previous_response_id": told["id"]}
    assert '"text":"hello"' in text_of(http.post("/v1/responses", json=chained).json())
