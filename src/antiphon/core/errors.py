"""The one tree of errors. Raise, never return.

Before the first event of a response an `ApiError` is an HTTP status; after it, an `error` event
followed by `response.failed` (`ApiError.as_response_error`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal


class AntiphonError(Exception):
    """Root of everything this project raises on purpose."""


class ApiError(AntiphonError):
    """An answer to the client in the official error form.

    `status` is the HTTP status; `type`, `code`, `param` and the message fill the official body
    `{"error": {"message", "type", "param", "code"}}`; `headers` go out with it.
    """

    status = 500
    type = "server_error"
    default_code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code if code is not None else self.default_code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The official HTTP error body (all four keys required, `param` and `code` nullable)."""
        return {"error": self.detail()}

    def detail(self) -> dict[str, Any]:
        """The inner error object, as in HTTP bodies, stream `error` events and WebSocket frames."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    def as_response_error(self) -> dict[str, Any]:
        """`response.error` of a failed response: `{code, message}`; the code is an open set in reality."""
        return {"code": self.code or "server_error", "message": self.message}


class Invalid(ApiError):
    """400: the request is wrong."""

    status = 400
    type = "invalid_request_error"


class Unsupported(ApiError):
    """400: the request is right, but we or the engine cannot honour it; the message names both."""

    status = 400
    type = "invalid_request_error"
    default_code = "unsupported_parameter"


class Auth(ApiError):
    """401: no key or a wrong key."""

    status = 401
    type = "invalid_request_error"
    default_code = "invalid_api_key"


class Forbidden(ApiError):
    """403: a known key that may not do this."""

    status = 403
    type = "invalid_request_error"


class NotFound(ApiError):
    """404: no such thing for this tenant."""

    status = 404
    type = "invalid_request_error"


class Conflict(ApiError):
    """409: the state of the thing forbids it."""

    status = 409
    type = "invalid_request_error"


class TooLarge(ApiError):
    """413: a body over the configured limit."""

    status = 413
    type = "invalid_request_error"
    default_code = "request_too_large"


class RateLimited(ApiError):
    """429; `Retry-After` travels in `headers`."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"


class Server(ApiError):
    """500: our fault or the engine's."""

    status = 500
    type = "server_error"
    default_code = "server_error"


class Overloaded(ApiError):
    """503: no capacity now; the client may try again."""

    status = 503
    type = "service_unavailable_error"
    default_code = "server_is_overloaded"


FailureKind = Literal[
    "unreachable",  # no connection, or it was refused
    "timeout",  # no answer, or no next byte, within the limit
    "dropped",  # the connection ended before the answer did
    "malformed",  # bytes that are not the protocol
    "context_length",  # the input does not fit the model's window
    "invalid_request",  # the engine calls the request wrong
    "auth",  # the engine refuses our key
    "not_found",  # the engine does not know the model or the route
    "rate_limited",
    "overloaded",
    "server",  # the engine failed by itself
]


class EngineFailure(AntiphonError):
    """An engine could not do a turn.

    `shown` says whether deltas of the turn were already delivered, so that a retry would repeat text.
    `retry_after` is in seconds. `message` never holds the engine's key or URL.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        retry_after: float | None = None,
        param: str | None = None,
        code: str | None = None,
        shown: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message
        self.retry_after = retry_after
        self.param = param
        self.code = code
        self.shown = shown


ToolFailureKind = Literal["timeout", "refused", "unreachable", "too_large", "failed"]


class ToolFailure(AntiphonError):
    """A built-in tool failed. It becomes an item that the model reads and never ends the run."""

    def __init__(self, kind: ToolFailureKind, message: str) -> None:
        super().__init__(message)
        self.kind: ToolFailureKind = kind
        self.message = message


class IllegalTransition(AntiphonError):
    """An operation that the state of the response forbids: our bug, never caught and ignored."""


def api_error(failure: EngineFailure) -> ApiError:
    """What a client is told of an engine's failure (SPEC.md G.1: types and codes per status)."""
    match failure.kind:
        case "context_length":
            return Invalid(failure.message, param="input", code="context_length_exceeded")
        case "invalid_request":
            return Invalid(failure.message, param=failure.param, code=failure.code)
        case "not_found":
            return Invalid(failure.message, param="model", code="model_not_found")
        case "rate_limited":
            # `insufficient_quota` is a code that clients act on (CLIENTS.md §3).
            return RateLimited(failure.message, code=failure.code, headers=_retry_after(failure))
        case "overloaded" | "unreachable" | "timeout":
            return Overloaded(failure.message, headers=_retry_after(failure))
        case "auth" | "dropped" | "malformed" | "server":
            return Server(failure.message)


def _retry_after(failure: EngineFailure) -> dict[str, str]:
    """`Retry-After` is an integer of at least one second (OpenAPI, TooManyRequests)."""
    if failure.retry_after is None:
        return {}
    return {"retry-after": str(max(1, round(failure.retry_after)))}
