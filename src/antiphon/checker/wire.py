"""What was sent and what came, exactly: the evidence of every finding, without the caller's keys."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from antiphon.checker.narrow import JSON, as_object

SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"})
SHOWN_KEY = "$API_KEY"
LONGEST_BODY = 20_000
"""Characters of a body that a report keeps."""


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with `$API_KEY` in place of what is secret."""
    return {name: _hidden(name, value) for name, value in headers.items()}


def _hidden(name: str, value: str) -> str:
    if name.lower() not in SECRET_HEADERS:
        return value
    return f"Bearer {SHOWN_KEY}" if value.startswith("Bearer ") else SHOWN_KEY


@dataclass
class Exchange:
    """One request and its answer. `path` is below the base URL; `status` 0 means that no answer came, and
    `fault` says why. `started` is Unix time, `seconds` how long it took."""

    method: str
    url: str
    path: str
    request_headers: dict[str, str] = field(default_factory=dict[str, str])
    request_body: bytes = b""
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytes = b""
    started: float = 0.0
    seconds: float = 0.0
    fault: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; an empty object where it is none, so that a look at a field finds nothing."""
        return decoded(self.body)

    @cached_property
    def sent(self) -> Any:
        """The request's body as JSON; an empty object where it is none."""
        return decoded(self.request_body)

    @property
    def is_json(self) -> bool:
        try:
            json.loads(self.body)
        except (ValueError, RecursionError):
            return False
        return True

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def error(self) -> JSON:
        """The `error` object of an error's body; empty where there is none."""
        return as_object(as_object(self.json).get("error"))

    def record(self) -> JSON:
        """As a report keeps it."""
        return {
            "method": self.method,
            "url": self.url,
            "request_headers": self.request_headers,
            "request": _shown(self.request_body),
            "status": self.status,
            "headers": [list(pair) for pair in self.headers],
            "body": _shown(self.body),
            "started": round(self.started, 3),
            "seconds": round(self.seconds, 4),
            **({"fault": self.fault} if self.fault else {}),
        }


@dataclass
class Frame:
    """One block of an SSE stream: the lines between two empty ones. `at` is seconds since the request."""

    lines: list[str]
    at: float = 0.0

    def values(self, name: str) -> list[str]:
        """The values of a field, in order; comments have the empty name."""
        found = (line.partition(":") for line in self.lines)
        return [value.removeprefix(" ") for key, _, value in found if key == name]

    @property
    def data(self) -> str | None:
        found = self.values("data")
        return "\n".join(found) if found else None

    @property
    def event(self) -> str | None:
        return next(iter(self.values("event")), None)


@dataclass
class StreamExchange(Exchange):
    """An exchange whose answer is a stream. `events` are the JSON objects of its frames, in order. `cut`: we
    hung up; `complete`: it came to its end, between two frames."""

    frames: list[Frame] = field(default_factory=list[Frame])
    events: list[JSON] = field(default_factory=list[JSON])
    cut: bool = False
    complete: bool = False

    @property
    def types(self) -> list[str]:
        return [str(event.get("type")) for event in self.events]

    @property
    def final(self) -> JSON:
        """The response of the last event that carries one; empty where there is none."""
        return last_response(self.events)

    def of_type(self, kind: str) -> list[JSON]:
        return [event for event in self.events if event.get("type") == kind]


@dataclass
class SocketExchange(Exchange):
    """A WebSocket connection: what went each way. `said` holds ("sent"|"came", seconds, text)."""

    said: list[tuple[str, float, str]] = field(default_factory=list[tuple[str, float, str]])
    events: list[JSON] = field(default_factory=list[JSON])
    closed: int | None = None
    """The close code, once the other side has closed."""

    def record(self) -> JSON:
        said = [{"way": way, "at": round(at, 4), "text": text[:LONGEST_BODY]} for way, at, text in self.said]
        return super().record() | {"frames": said, "closed": self.closed}


def last_response(events: list[JSON]) -> JSON:
    """The `response` of the last event that has one."""
    found = [response for event in events if (response := as_object(event.get("response")))]
    return found[-1] if found else {}


def decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}


def _shown(body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    return text if len(text) <= LONGEST_BODY else f"{text[:LONGEST_BODY]}… ({len(text)} characters)"


def curl(exchange: Exchange) -> str:
    """A command that sends the same request; the key comes from the environment."""
    if isinstance(exchange, SocketExchange):
        sent = [shlex.quote(text) for way, _, text in exchange.said if way == "sent"]
        return f"websocat -H 'Authorization: Bearer {SHOWN_KEY}' {shlex.quote(exchange.url)} # " + " ".join(
            sent
        )
    parts = ["curl", "-sS", "-i"]
    if isinstance(exchange, StreamExchange):
        parts.append("-N")
    parts += [] if exchange.method == "GET" else ["-X", exchange.method]
    parts.append(shlex.quote(exchange.url))
    for name, value in exchange.request_headers.items():
        if name.lower() not in ("content-length", "user-agent", "accept", "accept-encoding"):
            parts += ["-H", f'"{name}: {value}"' if SHOWN_KEY in value else shlex.quote(f"{name}: {value}")]
    if exchange.request_body:
        body = exchange.request_body.decode("utf-8", errors="replace")
        parts += ["--data-binary", shlex.quote(body[:LONGEST_BODY])]
    return " ".join(parts)
