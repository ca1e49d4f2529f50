"""What a Chat Completions server says when it fails, by HTTP or inside a stream → `EngineFailure`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from antiphon.core.chat.dialect import Dialect
from antiphon.core.errors import EngineFailure, FailureKind

MESSAGE_LIMIT = 2_000
"""Characters of an engine's message that are passed on."""

KINDS: Mapping[int, FailureKind] = {
    400: "invalid_request",
    401: "auth",
    403: "auth",
    404: "not_found",
    405: "not_found",
    408: "timeout",
    409: "invalid_request",
    413: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
"""HTTP status → kind; every other status is the engine's own failure."""

_TYPES: Mapping[str, int] = {
    "badrequesterror": 400,
    "invalid_request_error": 400,
    "exceed_context_size_error": 400,
    "authentication_error": 401,
    "notfounderror": 404,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "overloaded_error": 503,
    "unavailable_error": 503,
    "serviceunavailableerror": 503,
}
"""Error types of stream events that carry no status of their own."""

_OVERFLOW = re.compile(
    r"maximum context length"  # vLLM, SGLang, OpenAI
    r"|context[ _](?:length|size|window)"  # SGLang, llama.cpp (also its error type), OpenAI (also its code)
    r"|longer than the maximum model length"  # vLLM, multimodal
    r"|maximum allowed input length"  # SGLang
    r"|exceeds? the (?:configured )?limit of \d+ tokens"
    r"|prompt is too long|input is too long|maximum prompt length",
    re.IGNORECASE,
)

_LIMIT = re.compile(
    # vLLM and SGLang count the output limit against the window; OpenAI knows a limit per model.
    r"max_(?:completion_)?tokens|in the completion|for the completion|requested \d+ output tokens",
    re.IGNORECASE,
)

_PARAMETERS: Mapping[str, str] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "messages": "input",
    "response_format": "text.format",
    "structured_outputs": "tools",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
    **{
        name: name
        for name in (
            "model",
            "parallel_tool_calls",
            "prompt_cache_key",
            "safety_identifier",
            "service_tier",
            "temperature",
            "tool_choice",
            "tools",
            "top_logprobs",
            "top_p",
            "user",
        )
    },
}
"""A Chat Completions parameter → the Responses parameter that the client knows."""


def answer_failure(
    status: int, body: bytes, dialect: Dialect, retry_after: float | None = None
) -> EngineFailure:
    """The failure that an HTTP answer means; any body will do."""
    try:
        said: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        said = "" if text.startswith("<") else text
    return _failure(status, _detail(said), dialect, retry_after)


def event_failure(said: object, dialect: Dialect) -> EngineFailure:
    """The failure that an error object inside a stream means."""
    detail = _detail(said)
    return _failure(_status(detail), detail, dialect, None)


def limit_too_large(failure: EngineFailure) -> bool:
    """Whether the engine complains that the output limit does not fit its window.

    A limit that cannot be reached bounds nothing, so that the same request may go without it.
    """
    if failure.kind not in ("invalid_request", "context_length"):
        return False
    return failure.param == "max_output_tokens" or _LIMIT.search(failure.message) is not None


def _failure(
    status: int, detail: Mapping[str, Any], dialect: Dialect, retry_after: float | None
) -> EngineFailure:
    message = str(detail.get("message") or "")[:MESSAGE_LIMIT]
    kind = KINDS.get(status, "server")
    if kind == "auth":
        # The engine's own words may quote a part of the key.
        return EngineFailure(kind, f"The engine refused this server's key (HTTP {status}).")
    if kind == "server" and dialect.client_faults and re.search(dialect.client_faults, message):
        kind = "invalid_request"
    about = f"{detail.get('type')} {detail.get('code')} {message}"
    if kind in ("invalid_request", "server") and _OVERFLOW.search(about):
        kind = "context_length"
    if kind == "server":
        message = f"The engine failed (HTTP {status}){': ' + message if message else '.'}"
    code = detail.get("code")
    return EngineFailure(
        kind,
        message or f"The engine answered HTTP {status}.",
        retry_after=retry_after,
        param=_PARAMETERS.get(str(detail.get("param"))),
        code=code if isinstance(code, str) and not code.isdigit() else None,
    )


def _detail(said: object) -> Mapping[str, Any]:
    """The inner error object of the shapes in use: nested, flat, `detail`, or a plain string."""
    if isinstance(said, dict):
        given = cast("dict[str, Any]", said)
        inner = given.get("error")
        if inner:
            return _detail(inner)
        if not given.get("message") and given.get("detail"):
            return {"message": given["detail"]}
        return given
    return {"message": said if isinstance(said, str) else ""}


def _status(detail: Mapping[str, Any]) -> int:
    """The status of an error event: its numeric code, else what its type or code usually has, else 500."""
    code = detail.get("code")
    if isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdigit():
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return code
    for word in (detail.get("type"), code):
        known = _TYPES.get(word.lower()) if isinstance(word, str) else None
        if known:
            return known
    return 500
