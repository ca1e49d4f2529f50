"""Log lines: structlog for ours, the same shape for the libraries', on standard error.

A line says what happened to which request; it never holds what a client or a model wrote, nor a key:
`withhold` runs last before the line is rendered.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from antiphon.config import LogSettings

# fmt: off
CONTENT = frozenset((
    "arguments", "body", "content", "delta", "headers", "input", "instructions", "item", "items", "messages",
    "output", "params", "prompt", "query", "reasoning", "refusal", "summary", "text", "tools", "transcript",
    "user",
))
"""Keys under which requests, items and events carry what people and models wrote."""

SECRET = frozenset((
    "authorization", "cookie", "encrypted_content", "key", "password", "secret", "token",
))
# fmt: on

_KEY = re.compile(r"(?i)\bbearer\s+\S+|\bsk-[\w-]{8,}|//[^/\s@]+@")
_LONGEST = 2_000  # characters of one text in a line; a traceback is text under `exception` and is not cut


def configure(settings: LogSettings) -> None:
    """Set up structlog and the standard `logging` for the whole process."""
    plain = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        withhold,
        structlog.processors.JSONRenderer() if plain else structlog.dev.ConsoleRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    _route_libraries(
        settings, structlog.stdlib.ProcessorFormatter(processors=ending, foreign_pre_chain=shared)
    )


def withhold(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Replace content and secrets by their size, at any depth; cut what is too long for a log."""
    return {name: _cleaned(name, value) for name, value in line.items()}


def bind_request(request_id: str) -> None:
    """Every line of this task, and of tasks that it starts, carries the request id."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


def _cleaned(name: str, value: Any) -> Any:
    word = name.lower().replace("-", "_")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if word in SECRET or word.endswith(("_key", "_secret", "_token")):
        return "[withheld]"
    if word in CONTENT:
        return _size(value)
    if isinstance(value, Mapping):
        return {key: _cleaned(str(key), inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned("", inner) for inner in cast("list[Any]", value)]
    if isinstance(value, bytes):
        return _size(value)
    return _shortened(name, value) if isinstance(value, str) else value


def _size(value: Any) -> str:
    if isinstance(value, (str, bytes, list, tuple, Mapping)):
        return f"[withheld, size {len(cast('str', value))}]"
    return "[withheld]"


def _shortened(name: str, text: str) -> str:
    text = _KEY.sub("[withheld]", text)
    if name == "exception" or len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… [{len(text) - _LONGEST} more]"


def _route_libraries(settings: LogSettings, formatter: logging.Formatter) -> None:
    """One stream for everybody; access lines are ours to write, with the request id, so uvicorn's are off.

    Libraries say less than we do, and nothing at their own debug level: there they write out the frames of
    WebSockets and the headers of requests.
    """
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    ours = logging.getLevelNamesMapping()[settings.level.upper()]
    theirs = max(ours, logging.WARNING if ours == logging.INFO else logging.INFO)
    logging.getLogger("antiphon").setLevel(ours)
    root.setLevel(max(ours, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "aiohttp"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.disabled = name == "uvicorn.access"
        library.setLevel(theirs)
