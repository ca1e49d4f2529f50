"""What engines say when they refuse becomes one kind of failure, in words that a client may see."""

# ruff: noqa: E501 - the tables read better with a case per line

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.chat.faults import MESSAGE_LIMIT, answer_failure, limit_too_large
from antiphon.core.errors import EngineFailure
from antiphon.engines.upstream.dialects import DIALECTS

GENERIC, LLAMACPP = DIALECTS["generic"], DIALECTS["llamacpp"]


def failure(status: int, body: Any, dialect: Any = GENERIC) -> EngineFailure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer_failure(status, raw, dialect)


OVERFLOWS = [
    # vLLM 0.32, measured
    ({"error": {"message": "This model's maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=2049)", "type": "BadRequestError", "param": "input_tokens", "code": 400}}),
    ({"error": {"message": "The decoder prompt (length 9) is longer than the maximum model length of 8.", "code": 400}}),
    # llama.cpp, measured
    ({"error": {"code": 400, "message": "request (6010 tokens) exceeds the available context size (2048 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 6010, "n_ctx": 2048}}),
    # SGLang
    ({"object": "error", "message": "The input (61709 tokens) is longer than the model's context length (40960 tokens).", "type": "BadRequestError", "param": None, "code": 400}),
    ({"object": "error", "message": "Requested token count exceeds the model's maximum context length of 8192 tokens.", "type": "BadRequestError", "code": 400}),
    # OpenAI
    ({"error": {"message": "Your input exceeds the limit. Please adjust it.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
]  # fmt: skip


@pytest.mark.parametrize("body", OVERFLOWS)
def test_an_overflow_is_told_apart(body: Any) -> None:
    assert failure(400, body).kind == "context_length"


def test_an_overflow_may_come_as_an_internal_error() -> None:
    assert failure(500, {"error": "context length exceeded"}).kind == "context_length"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (401, "auth"),
        (403, "auth"),
        (404, "not_found"),
        (413, "invalid_request"),
        (418, "server"),
        (422, "invalid_request"),
        (429, "rate_limited"),
        (500, "server"),
        (502, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
def test_kinds_of_statuses(status: int, kind: str) -> None:
    assert failure(status, {"error": {"message": "no"}}).kind == kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "nested"}}, "nested"),
        ({"error": "text"}, "text"),
        ({"message": "flat"}, "flat"),
        ({"detail": "FastAPI"}, "FastAPI"),
        ({"detail": [{"loc": ["body"], "msg": "bad"}]}, "[{'loc': ['body'], 'msg': 'bad'}]"),
        (b"plain words", "plain words"),
        (b"<html>proxy</html>", "The engine answered HTTP 400."),
        (b"", "The engine answered HTTP 400."),
        (b"\xff\xfe", "��"),
        ({"error": {"message": "x" * 5_000}}, "x" * MESSAGE_LIMIT),
    ],
)
def test_messages_of_all_shapes(body: Any, message: str) -> None:
    assert failure(400, body).message == message


def test_a_refused_key_is_not_quoted() -> None:
    said = {"error": {"message": "Incorrect API key provided: sk-abcdef", "code": "invalid_api_key"}}
    assert failure(401, said).message == "The engine refused this server's key (HTTP 401)."


@pytest.mark.parametrize(
    ("param", "ours"),
    [
        ("max_completion_tokens", "max_output_tokens"),
        ("messages", "input"),
        ("response_format", "text.format"),
        ("temperature", "temperature"),
        ("body.16", None),
        (None, None),
    ],
)
def test_parameters_have_the_names_that_the_client_knows(param: Any, ours: Any) -> None:
    assert failure(400, {"error": {"message": "no", "param": param}}).param == ours


@pytest.mark.parametrize(("code", "ours"), [(400, None), ("400", None), ("invalid_value", "invalid_value")])
def test_codes_are_words(code: Any, ours: Any) -> None:
    assert failure(400, {"error": {"message": "no", "code": code}}).code == ours


@pytest.mark.parametrize(
    "message",
    [
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "Failed to parse tool call arguments as JSON: [json.exception.parse_error.101] parse error",
    ],
)
def test_llamacpp_blames_requests_with_500(message: str) -> None:
    said = {"error": {"code": 500, "message": message, "type": "server_error"}}
    assert failure(500, said, LLAMACPP).kind == "invalid_request"
    assert failure(500, said, GENERIC).kind == "server"


@pytest.mark.parametrize(
    ("body", "too_large"),
    [
        ({"error": {"message": "max_completion_tokens=5000 cannot be greater than max_model_len=2048. Please request fewer output tokens. (parameter=max_completion_tokens, value=5000)", "param": "max_completion_tokens", "code": 400}}, True),
        ({"object": "error", "message": "This model's maximum context length is 8192 tokens. However, you requested 8203 tokens (7691 in the messages, 512 in the completion).", "code": 400}, True),
        ({"object": "error", "message": "Requested token count exceeds the model's maximum context length of 9 tokens. You requested a total of 12 tokens: 3 tokens from the input messages and 9 tokens for the completion.", "code": 400}, True),
        (OVERFLOWS[0], False),
        ({"error": {"message": "temperature must be non-negative", "param": "temperature"}}, False),
    ],
)  # fmt: skip
def test_a_limit_that_cannot_be_reached_is_told_apart(body: Any, too_large: bool) -> None:
    assert limit_too_large(failure(400, body)) is too_large


@given(st.integers(200, 599), st.binary(max_size=80), st.sampled_from(sorted(DIALECTS)))
def test_any_answer_is_some_failure(status: int, body: bytes, name: str) -> None:
    failed = answer_failure(status, body, DIALECTS[name])
    assert failed.message
    assert len(failed.message) <= MESSAGE_LIMIT + 40
