"""What a wrong server gets its hands on: a request, its answer, the frames of a stream."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]

STREAM = "text/event-stream"


@dataclass
class Asked:
    """A request on its way in. `path` is below the base URL; `json` is None where its body is none."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    json: JSON | None = None
    notes: dict[str, Any] = field(default_factory=dict[str, Any])
    """What a fault remembers between a request and its answer."""

    @property
    def streams(self) -> bool:
        return bool((self.json or {}).get("stream")) or self.query.get("stream") == "true"

    @property
    def creates(self) -> bool:
        return (self.method, self.path) == ("POST", "/responses") and self.json is not None

    def on(self, method: str, *steps: str) -> bool:
        """`on("GET", "responses", "*")`: whether the request is of this form."""
        mine = self.path.strip("/").split("/")
        return (
            self.method == method
            and len(mine) == len(steps)
            and all(theirs in ("*", ours) for ours, theirs in zip(mine, steps, strict=True))
        )

    @property
    def step(self) -> str:
        """The second step of the path, which names the object."""
        return self.path.strip("/").partition("/")[2].partition("/")[0]

    def data(self) -> bytes:
        return self.body if self.json is None else json.dumps(self.json).encode()


@dataclass
class Answer:
    """An answer on its way out. `json` is None where the body is no JSON object."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    json: JSON | None = None

    @property
    def ok(self) -> bool:
        return self.status < 400

    def data(self) -> bytes:
        return self.body if self.json is None else dumps(self.json)


@dataclass
class Frame:
    """One block of a stream: an event, or (`event` None) lines as they stand, such as a comment."""

    event: JSON | None = None
    name: str | None = None
    lines: str = ""

    def data(self) -> bytes:
        if self.lines or self.event is None:
            return f"{self.lines}\n\n".encode()
        first = f"event: {self.name}\n" if self.name is not None else ""
        return f"{first}data: ".encode() + dumps(self.event) + b"\n\n"


def frame(block: bytes) -> Frame:
    """A block without its empty line."""
    name, data = None, None
    for line in block.decode().split("\n"):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: {"):
            data = json.loads(line[6:])
    return Frame(data, name) if data is not None else Frame(lines=block.decode())


def of_event(event: JSON) -> Frame:
    return Frame(event, str(event.get("type")))


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


Ask = Callable[[JSON | None, Asked], Awaitable[Answer]]


@dataclass
class World:
    """What a fault may keep between requests, and `ask`: the correct server, with another body or request."""

    ask: Callable[[Asked], Awaitable[Answer]]
    memory: dict[str, Any] = field(default_factory=dict[str, Any])
    fired: int = 0
    """How often the fault has changed something."""


Requesting = Callable[[Asked, World], Awaitable["Answer | None"]]
Answering = Callable[[Asked, Answer, World], Awaitable[None]]
Changing = Callable[[JSON], object]
Framing = Callable[[list[Frame], Asked], Iterable[Frame]]


@dataclass(frozen=True)
class Fault:
    """One thing done wrong, at any of five places.

    `asked` changes a request, or answers it; `answered` changes an answer that is no stream; `response` and
    `item` change every response object and output item wherever they are; `frames` rewrites whole streams;
    `socket` the frames that a WebSocket sends. `meant`: requirements of which each must fail; `cases`: what
    is run (empty: every case that speaks of `meant`). `gap`: why the checker cannot see it.
    """

    id: str
    what: str
    meant: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    gap: str = ""
    told: str = "fail"
    """The verdict: `warn` where a model of the server's may be the cause."""
    long: bool = False
    """The checker waits for seconds: a slow test."""
    slow: bool = False
    """Background answers take a while, so that there is something to cancel."""
    patience_s: float = 20.0
    asked: Requesting | None = None
    answered: Answering | None = None
    response: Changing | None = None
    item: Changing | None = None
    frames: Framing | None = None
    socket: Callable[[JSON], Iterable[JSON]] | None = None
    lines: Callable[[bytes], bytes] | None = None
    """Changes the bytes of a whole stream."""

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]
