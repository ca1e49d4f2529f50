"""openai-python: its error classes, request ids, raw replies, keys, rates and retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from tests.support.scenarios import script
from tests.support.server import Server, serving

JSON = dict[str, Any]

GUARDED = """
[[engines]]
kind = "scripted"

[[auth.keys]]
key = "sk-first"
tenant = "first"

[[auth.keys]]
key = "sk-second"
tenant = "second"

[rate]
requests_per_minute = 3
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """A server with two tenants, each with three requests."""
    with serving(tmp_path, config=GUARDED) as one:
        yield one


@pytest.fixture
def of(guarded: Server) -> Callable[[str], OpenAI]:
    return lambda key: OpenAI(base_url=guarded.base_url, api_key=key, max_retries=0)


BAD_REQUESTS: dict[str, tuple[JSON, str | None, str | None]] = {
    "unknown model": ({"model": "no-such-model"}, "model", "model_not_found"),
    "too hot": ({"temperature": 9}, "temperature", "decimal_above_max_value"),
    "too cold": ({"temperature": -1}, "temperature", "decimal_below_min_value"),
    "no container": (
        {"tools": [{"type": "code_interpreter"}]},
        "tools[0].container",
        "missing_required_parameter",
    ),
    "no calls at all": ({"max_tool_calls": 0}, "max_tool_calls", "integer_below_min_value"),
    "absent tool": ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", None),
    "wrong type": ({"store": "yes"}, "store", "invalid_type"),
    "unknown parameter": ({"extra_body": {"no_such": 1}}, "no_such", "unknown_parameter"),
    "not honoured": ({"extra_body": {"prompt": {"id": "pmpt_1"}}}, "prompt", "unsupported_parameter"),
    "output without call": (
        {"input": [{"type": "function_call_output", "call_id": "call_0", "output": "x"}]},
        "input",
        None,
    ),
    "engine calls it wrong": ({"input": script("fail invalid_request param=input No.")}, "input", None),
    "too long": (
        {"input": script("fail context_length Too long.")},
        "input",
        "context_length_exceeded",
    ),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", list(BAD_REQUESTS))
def test_bad_requests(client: OpenAI, name: str, stream: bool) -> None:
    more, param, code = BAD_REQUESTS[name]
    body: JSON = {"model": "scripted", "input": "hello", **more}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(stream=stream, **body)
    error = caught.value
    assert (error.status_code, error.type) == (400, "invalid_request_error")
    assert (error.param, error.code) == (param, code)
    assert error.request_id
    assert error.request_id == error.response.headers["x-request-id"]
    assert set(error.body) == {"message", "type", "param", "code"}  # pyright: ignore


@pytest.mark.parametrize(
    ("kind", "expected", "status"),
    [
        ("rate_limited", openai.RateLimitError, 429),
        ("overloaded", openai.InternalServerError, 503),
        ("unreachable", openai.InternalServerError, 503),
        ("timeout", openai.InternalServerError, 503),
        ("auth", openai.InternalServerError, 500),
        ("server", openai.InternalServerError, 500),
    ],
)
def test_engine_that_refuses(
    client: OpenAI, kind: str, expected: type[openai.APIStatusError], status: int
) -> None:
    with pytest.raises(expected) as caught:
        client.responses.create(model="scripted", input=script(f"fail {kind} retry_after=7 Not now."))
    assert caught.value.status_code == status
    shown = caught.value.response.headers.get("retry-after")
    assert shown == ("7" if kind in ("rate_limited", "overloaded", "unreachable", "timeout") else None)


def test_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve("resp_" + "0" * 48)
    assert caught.value.request_id


def test_raw_replies_show_their_headers(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(model="scripted", input="hello")
    assert raw.headers["content-type"].startswith("application/json")
    response = raw.parse()
    assert response.output_text == "You said: hello"
    assert response._request_id == raw.headers["x-request-id"] == raw.request_id
    with client.responses.with_streaming_response.create(
        model="scripted", input="hello", stream=True
    ) as streamed:
        assert streamed.headers["x-request-id"]
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert "response.completed" in "".join(streamed.iter_text())


def test_client_request_id_is_heard(client: OpenAI) -> None:
    raw = client.responses.with_raw_response.create(
        model="scripted", input="hello", extra_headers={"X-Client-Request-Id": "mine-1"}
    )
    assert raw.headers["x-request-id"]


def test_models(client: OpenAI) -> None:
    listed = {model.id for model in client.models.list()}
    assert listed == {"scripted", "scripted/large", "gpt-5.5"}
    for name in listed:
        assert client.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def test_model_is_answered_by_the_name_that_was_asked(client: OpenAI) -> None:
    assert client.responses.create(model="gpt-5.5", input="hello").model == "gpt-5.5"


def test_keys(guarded: Server, of: Callable[[str], OpenAI]) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        of("sk-wrong-key-that-nobody-has").models.list()
    assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
    assert "sk-wrong-key-that" not in str(caught.value)
    made = of("sk-first").responses.create(model="scripted", input="hello")
    with pytest.raises(openai.NotFoundError):
        of("sk-second").responses.retrieve(made.id)
    assert of("sk-first").responses.retrieve(made.id).id == made.id


def test_rates(of: Callable[[str], OpenAI]) -> None:
    first = of("sk-first")
    for left in (2, 1, 0):
        raw = first.responses.with_raw_response.create(model="scripted", input="hello")
        assert raw.headers["x-ratelimit-limit-requests"] == "3"
        assert raw.headers["x-ratelimit-remaining-requests"] == str(left)
    with pytest.raises(openai.RateLimitError) as caught:
        first.responses.create(model="scripted", input="hello")
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert of("sk-second").responses.create(model="scripted", input="hello").status == "completed"
