"""openai-node: the same scenarios through `stream()`, a strict validator, and its other calls."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sdk import node_client
from tests.support import judge
from tests.support.scenarios import SCENARIOS, script
from tests.support.server import Server

JSON = dict[str, Any]

FAILED = [name for name, one in SCENARIOS.items() if one.status == "failed"]
TOLD = [name for name in SCENARIOS if name not in FAILED]
PERSON = '{"name": "Ada", "age": null, "mood": "calm", "addresses": [{"street": "Long Lane", "number": 3}]}'
TWO_CALLS = script(
    'call get_weather {"city": "Oslo", "days": 2}', 'call get_weather {"city": "Rome", "days": 1}'
)


def _body(text: str, **more: Any) -> JSON:
    return {"model": "scripted", "input": text, **more}


def _jobs() -> dict[str, tuple[str, Any]]:
    """Name → kind and body."""
    jobs: dict[str, tuple[str, Any]] = {}
    for name, scenario in SCENARIOS.items():
        body = {"model": "scripted", **scenario.body}
        jobs[f"told: {name}"] = ("told" if name in TOLD else "toldUntilFailure", body)
        jobs[f"plain: {name}"] = ("plain", body)
    jobs["raw"] = ("raw", {"model": "scripted", **SCENARIOS["parallel function calls"].body})
    jobs["parse"] = ("parse", _body(script(f"say {PERSON}")))
    jobs["parse what the schema allows"] = ("parse", _body("hello"))
    jobs["parse a stream"] = ("parseStream", _body(script(f"say {PERSON}")))
    jobs["parse arguments"] = ("parseArguments", _body(TWO_CALLS))
    jobs["tool turn"] = ("toolTurn", _body(TWO_CALLS))
    jobs["state"] = ("state", {"model": "scripted", "input": [{"role": "user", "content": w} for w in "abc"]})
    jobs["background"] = ("background", {"model": "scripted", **SCENARIOS["raw reasoning"].body})
    jobs["cancel"] = ("cancel", _body(script('say "begun "', "wait 60", "say never")))
    jobs["resume"] = ("resume", _body(script("think a b", "wait 0.1", 'say "c d "', "wait 0.1", "say e f")))
    jobs["conversations"] = ("conversations", _body("now"))
    jobs["unknown model"] = ("refusal", {"model": "no-such-model", "input": "hello"})
    jobs["rate limited"] = ("refusal", _body(script("fail rate_limited retry_after=9 Slow down.")))
    jobs["many"] = ("many", [_body(script("batch 1", f"say {_words(n)}")) for n in range(30)])
    jobs["models"] = ("models", None)
    jobs["azure"] = ("azure", {"model": "scripted", **SCENARIOS["custom tool"].body})
    jobs["socket"] = (
        "socket",
        [
            {
                "model": "scripted",
                "generate": False,
                "store": False,
                "instructions": "Be brief.",
                "input": [],
            },
            {"model": "scripted", "store": False, "previous_response_id": "$last", **_tool_call()},
            {"model": "scripted", "store": False, "previous_response_id": "$last", "input": "hello"},
        ],
    )
    return jobs


def _words(number: int) -> str:
    return " ".join([f"word{number}"] * 10)


def _tool_call() -> JSON:
    return {"input": script("think so", "say Let me see.")}


JOBS = _jobs()


@pytest.fixture(scope="module")
def results(server: Server) -> dict[str, JSON]:
    """What all jobs saw, from one run of Node."""
    jobs = [{"name": name, "kind": kind, "body": body} for name, (kind, body) in JOBS.items()]
    return node_client.run(server.root, jobs)


@pytest.fixture
def seen(results: dict[str, JSON], job: str) -> Any:
    """What one job saw; a job that failed fails the test."""
    assert "error" not in results[job], results[job]["error"]
    return results[job]["seen"]


def _wire(events: list[JSON]) -> list[JSON]:
    """The accumulated events as they were on the wire: without the snapshots that it adds."""
    added = {"snapshot", "parsed", "parsed_arguments", "output_parsed", "output_text"}

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: bare(v) for k, v in value.items() if k not in added}
        return [bare(one) for one in value] if isinstance(value, list) else value

    return bare(events)


@pytest.mark.parametrize(("job", "name"), [(f"told: {name}", name) for name in TOLD])
def test_accumulator_takes_every_stream(seen: JSON, name: str) -> None:
    events = _wire(seen["events"])
    assert judge.faults(events) == []
    final = _wire([seen["final"]])[0]
    assert final == events[-1]["response"]
    assert final["status"] == SCENARIOS[name].status
    assert tuple(item["type"] for item in final["output"]) == SCENARIOS[name].kinds
    assert SCENARIOS[name].text in (None, seen["final"]["output_text"])


@pytest.mark.parametrize(("job", "name"), [(f"told: {name}", name) for name in FAILED])
def test_accumulator_raises_what_failed(seen: JSON, name: str) -> None:
    assert seen["events"][:2] == ["response.created", "response.in_progress"]
    assert seen["error"]["code"] == SCENARIOS[name].error


@pytest.mark.parametrize(("job", "name"), [(f"plain: {name}", name) for name in SCENARIOS])
def test_plain(seen: JSON, name: str) -> None:
    assert seen["made"]["status"] == SCENARIOS[name].status
    assert SCENARIOS[name].text in (None, seen["text"])
    assert seen["found"] in (None, seen["made"])


@pytest.mark.parametrize("job", ["raw"])
def test_raw_events(seen: list[JSON]) -> None:
    assert judge.faults(seen) == []


@pytest.mark.parametrize("job", ["parse", "parse a stream"])
def test_zod(seen: JSON, job: str) -> None:
    parsed = seen["parsed"] if job == "parse" else seen
    assert parsed == {
        "name": "Ada",
        "age": None,
        "mood": "calm",
        "addresses": [{"street": "Long Lane", "number": 3}],
    }


@pytest.mark.parametrize("job", ["parse what the schema allows"])
def test_zod_schema_reaches_the_engine(seen: JSON) -> None:
    assert set(seen["parsed"]) == {"name", "age", "mood", "addresses"}
    assert (seen["format"]["type"], seen["format"]["strict"]) == ("json_schema", True)


@pytest.mark.parametrize("job", ["parse arguments"])
def test_zod_arguments(seen: list[JSON]) -> None:
    assert seen == [{"city": "Oslo", "days": 2}, {"city": "Rome", "days": 1}]


@pytest.mark.parametrize("job", ["tool turn"])
def test_tool_turn(seen: JSON) -> None:
    assert seen == {"calls": 2, "chained": "answer 0\nanswer 1", "stateless": "answer 0\nanswer 1"}


@pytest.mark.parametrize("job", ["state"])
def test_state(seen: JSON) -> None:
    assert [item["content"][0]["text"] for item in seen["items"]] == ["a", "b", "c"]
    assert seen["newest"] == seen["items"][2:]
    assert seen["counted"] == {"object": "response.input_tokens", "input_tokens": 3}
    assert seen["usage"]["input_tokens"] == 3
    assert (seen["cancel"]["class"], seen["gone"]["class"]) == ("BadRequestError", "NotFoundError")
    assert seen["gone"]["requestID"]


@pytest.mark.parametrize("job", ["background"])
def test_background(seen: JSON) -> None:
    assert seen["first"] in ("queued", "in_progress")
    assert seen["ended"]["output_text"] == "So it is."


@pytest.mark.parametrize("job", ["cancel"])
def test_cancel(seen: JSON) -> None:
    assert seen == {"status": "cancelled", "text": "begun "}


@pytest.mark.parametrize("job", ["resume"])
def test_resume(seen: JSON) -> None:
    found = _wire([seen["found"]])[0]
    assert judge.faults(seen["told"], found) == []
    assert seen["numbers"] == list(range(5, len(seen["told"])))
    assert _wire([seen["final"]])[0] == found


@pytest.mark.parametrize("job", ["conversations"])
def test_conversations(seen: JSON) -> None:
    assert seen["updated"] == {**seen["made"], "metadata": {"topic": "b"}} == seen["afterwards"]
    assert [item["content"][0]["text"] for item in seen["items"]] == ["before", "now", "You said: now"]
    assert seen["items"][0] == seen["added"][0] == seen["one"]
    assert seen["items"][2]["id"] == seen["response"]["output"][0]["id"]
    assert seen["deleted"] == {"id": seen["made"]["id"], "object": "conversation.deleted", "deleted": True}
    assert seen["gone"]["status"] == 404


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("unknown model", ("BadRequestError", 400, "model_not_found", "model")),
        ("rate limited", ("RateLimitError", 429, "rate_limit_exceeded", None)),
    ],
)
def test_refusals(seen: JSON, expected: tuple[Any, ...]) -> None:
    assert (seen["class"], seen["status"], seen["code"], seen["param"]) == expected
    assert seen["requestID"]


@pytest.mark.parametrize("job", ["many"])
def test_many_streams_at_once_do_not_mix(seen: list[str]) -> None:
    assert seen == [_words(number) for number in range(30)]


@pytest.mark.parametrize("job", ["models"])
def test_models(seen: list[str]) -> None:
    assert set(seen) == {"scripted", "scripted/large", "gpt-5.5"}


@pytest.mark.parametrize("job", ["azure"])
def test_azure(seen: JSON) -> None:
    assert judge.faults(seen["events"], _wire([seen["found"]])[0]) == []


@pytest.mark.parametrize("job", ["socket"])
def test_socket(seen: list[list[JSON]]) -> None:
    warm, told, last = seen
    assert warm[-1]["response"]["output"] == []
    assert [judge.faults(events) for events in (warm, told, last)] == [[], [], []]
    assert told[-1]["response"]["previous_response_id"] == warm[-1]["response"]["id"]
    assert last[-1]["response"]["output"][0]["content"][0]["text"] == "You said: hello"
