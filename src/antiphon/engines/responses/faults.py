"""What a server that speaks Responses says when it fails, by HTTP or inside a stream → `EngineFailure`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure, FailureKind

MESSAGE_LIMIT = 2_000
"""Characters of an engine's message that are passed on."""

_STATUSES: Mapping[int, FailureKind] = {
    400: "invalid_request",
    401: "auth",
    403: "auth",
    404: "not_found",
    405: "not_found",
    408: "timeout",
    409: "overloaded",  # another request holds what this one needs
    413: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
"""HTTP status → kind; every other status is the engine's own failure (SPEC.md G.1)."""

_CODES: Mapping[str, FailureKind] = {
    "context_length_exceeded": "context_length",
    "model_not_found": "not_found",
    "invalid_api_key": "auth",
    "rate_limit_exceeded": "rate_limited",
    "slow_down": "rate_limited",
    "insufficient_quota": "rate_limited",
    "credit_balance_exhausted": "rate_limited",
    "organization_spend_limit_exceeded": "rate_limited",
    "project_spend_limit_exceeded": "rate_limited",
    "organization_usage_limit_exceeded": "rate_limited",
    "server_is_overloaded": "overloaded",
    "server_error": "server",
    "vector_store_timeout": "server",
    "invalid_prompt": "invalid_request",
    "bio_policy": "invalid_request",
    "misalignment_policy_violation": "invalid_request",
    "data_residency_mismatch": "invalid_request",
    "failed_to_download_image": "invalid_request",
    "image_too_large": "invalid_request",
    "image_too_small": "invalid_request",
    "image_parse_error": "invalid_request",
    "image_content_policy_violation": "invalid_request",
    "image_file_too_large": "invalid_request",
    "image_file_not_found": "invalid_request",
    "unsupported_image_media_type": "invalid_request",
    "empty_image_file": "invalid_request",
}
"""Codes of `response.error` and of error bodies (SPEC.md E.7, G.1); `invalid_…` are the request's fault."""

_TYPES: Mapping[str, FailureKind] = {
    "invalid_request_error": "invalid_request",
    "authentication_error": "auth",
    "rate_limit_error": "rate_limited",
    "insufficient_quota": "rate_limited",
    "service_unavailable_error": "overloaded",
    "server_error": "server",
}

_OVERFLOW = re.compile(
    r"maximum context length|context[ _](?:length|window|size)|longer than the maximum model length"
    r"|prompt is too long|input is too long",
    re.IGNORECASE,
)
"""Words for an input that does not fit, on servers that have no code for it."""


def answer_failure(status: int, body: bytes, retry_after: float | None = None) -> EngineFailure:
    """The failure that an HTTP answer means; any body will do."""
    try:
        said: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if not isinstance(said, dict):
        said = {"message": "" if body.lstrip().startswith(b"<") else body.decode("utf-8", "replace").strip()}
    return _failure(_STATUSES.get(status, "server"), _detail(cast(JSON, said)), f"HTTP {status}", retry_after)


def event_failure(event: Mapping[str, Any]) -> EngineFailure:
    """The failure that an `error` event or a failed response means.

    Read are the flat form of the official document, the nested one of the real API, and both in one.
    """
    detail = _detail(event)
    known = _TYPES.get(str(detail.get("type")), "server")
    return _failure(known, detail, str(detail.get("code") or "no reason given"), None)


def _failure(
    kind: FailureKind, detail: Mapping[str, Any], what: str, retry_after: float | None
) -> EngineFailure:
    code, param = detail.get("code"), detail.get("param")
    code = code if isinstance(code, str) and code and not code.isdigit() else None
    message = str(detail.get("message") or "")[:MESSAGE_LIMIT]
    if kind != "auth" and code is not None:
        kind = _CODES.get(code, "invalid_request" if code.startswith("invalid_") else kind)
    if kind == "auth":
        # The engine's own words may quote a part of the key.
        return EngineFailure("auth", f"The engine refused this server's key ({what}).")
    if kind in ("invalid_request", "server") and _OVERFLOW.search(message):
        kind = "context_length"
    if kind == "server":
        message = f"The engine failed ({what}){': ' + message if message else '.'}"
    return EngineFailure(
        kind,
        message or f"The engine refused the request ({what}).",
        retry_after=retry_after,
        param=param if isinstance(param, str) else None,
        code=code,
    )


def _detail(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inner error object; `detail` is what FastAPI servers say."""
    inner: Any = said.get("error")
    if isinstance(inner, dict):
        return cast(JSON, inner)
    if isinstance(inner, str):
        return {"message": inner}
    if "message" not in said and "detail" in said:
        return {"message": said["detail"]}
    return {k: v for k, v in said.items() if k != "type" or v != "error"}
