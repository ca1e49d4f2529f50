"""Errors that only HTTP knows, and what each exception of the inner rooms becomes on the wire."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from antiphon.core.errors import ApiError, EngineFailure, Invalid, NotFound, Overloaded, Server, api_error
from antiphon.ports import StoreDown, StoreFull

logger = structlog.get_logger("antiphon.http")


class ClientGone(Exception):
    """The client closed its connection; nobody reads an answer."""


class NotAllowed(Invalid):
    """405: the path is known, the method is not."""

    status = 405

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        super().__init__(
            f"Not allowed to {method} on {path}.",
            code="method_not_supported",
            headers={"allow": ", ".join(allowed)},
        )


class Late(Invalid):
    """408: the request did not arrive in time."""

    status = 408
    default_code = "request_timeout"


class WrongMedia(Invalid):
    """415: a body that is not JSON, or is compressed in a way that we do not read."""

    status = 415
    default_code = "unsupported_content_type"


class UpgradeRequired(Invalid):
    """426: the path speaks WebSocket to GET. Clients fall back to POST on this status (CLIENTS.md §3)."""

    status = 426
    default_code = "upgrade_required"


class HeadersTooLarge(Invalid):
    """431: more headers than the configured limit."""

    status = 431
    default_code = "request_header_fields_too_large"


def unknown_url(method: str, path: str) -> NotFound:
    """404 for a path that leads nowhere, in the words of the real API."""
    return NotFound(f"Invalid URL ({method} {path})")


def official_error(error: Exception, **context: str) -> ApiError:
    """The official answer to any exception. One that no room raises on purpose is logged, with `context`."""
    match error:
        case ApiError():
            return error
        case EngineFailure():
            return api_error(error)
        case StoreFull():
            return Overloaded("The server has no room to store more.", headers={"retry-after": "60"})
        case StoreDown():
            return Overloaded("The server cannot reach its store now.", headers={"retry-after": "5"})
        case _:
            logger.error("request failed", exc_info=error, **context)
            return Server("The server had an error while processing your request.")
