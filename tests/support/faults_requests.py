"""Requests that are nearly right: valid ones of every kind, damaged by chance. A seed is always the same."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from tests.support import official, shared
from tests.support.scenarios import HEX, SCENARIOS, TIME, WEATHER, script

JSON = dict[str, Any]
MODEL = "scripted"
MODELS = (MODEL, "chat", "responses")
"""One for each kind of engine: what a request says has to be translated for each in another way."""


ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        64,
        2**31,
        2**53 + 1,
        2**63,
        2**64,
        -(2**63) - 1,
        0.1,
        -0.0,
        1e-300,
        1e308,
    ),
    *(
        "",
        " ",
        "\x00",
        "\ud800",
        "\u202e",
        "💥",
        "a" * 65,
        "a" * 513,
        "x" * 20_000,
        "auto",
        "none",
        "null",
        "-1",
    ),
    *("../../etc/passwd", "%s%n", "{0.__class__}", "<script>", "' OR 1=1 --", "1e999", "\r\nx-injected: 1"),
    *(
        "resp_",
        "resp_" + "0" * 48,
        "msg_1",
        "conv_1",
        "data:,x",
        "http://127.0.0.1:9/x",
        "file:///etc/passwd",
    ),
    *([], {}, [[]], [{}], [None], {"": ""}, {"type": None}, {"type": "message"}, {"type": "nothing"}),
    *({"$ref": "#"}, {"__proto__": {}}, {"type": "function"}, [[["x"]]], {"role": "user", "content": "hi"}),
)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
NAMES = (
    "",
    "type",
    "id",
    "role",
    "content",
    "text",
    "__class__",
    "stream",
    "Model",
    "input ",
    "ｉｎｐｕｔ",
    "x" * 300,
)


@dataclass(frozen=True, slots=True)
class Request:
    """`value` is the JSON of the body, `data` what is sent instead of it; `socket`: a WebSocket frame."""

    method: str
    path: str
    value: Any = None
    data: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    socket: bool = False

    @property
    def body(self) -> bytes | None:
        if self.data is not None or self.value is None:
            return self.data
        return encoded(self.value)

    def __str__(self) -> str:
        body = self.body
        return f"{self.method} {self.path} {self.headers} {body[:3000] if body else b''!r}"


def encoded(value: Any) -> bytes:
    """As JSON text, lone surrogates and all."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Known:
    """What is on the server already, so that requests can lead somewhere."""

    response: str
    conversation: str
    item: str
    background: str


class Requests:
    """An endless supply. `known` is spread among the requests."""

    def __init__(self, seed: int, known: Known) -> None:
        self._chance = random.Random(seed)
        self._known = known
        self._creates = [*_creates(self._chance), *_stateful(known)]
        self._parts = [part for body in self._creates for part in _parts(body)]

    def __iter__(self) -> Iterator[Request]:
        while True:
            yield self._damaged(self._whole())

    def _whole(self) -> Request:
        """A valid request, or nearly."""
        chance = self._chance
        match chance.choices(
            ("create", "frame", "count", "compact", "conversation", "query"), (50, 12, 7, 4, 13, 14)
        )[0]:
            case "create":
                return Request("POST", "/responses", self._create())
            case "frame":
                return Request(
                    "GET", "/responses", {"type": "response.create", **self._create()}, socket=True
                )
            case "count":
                return Request("POST", "/responses/input_tokens", _only(self._create(), _COUNTED))
            case "compact":
                return Request("POST", "/responses/compact", _only(self._create(), _COMPACTED))
            case "conversation":
                return self._conversation()
            case _:
                return self._query()

    def _create(self) -> JSON:
        body = copy.deepcopy(self._chance.choice(self._creates))
        body.setdefault("stream", self._chance.random() < 0.5)
        body["model"] = self._chance.choices(MODELS, (50, 30, 20))[0]
        return body

    def _conversation(self) -> Request:
        chance, known = self._chance, self._known.conversation
        items = self._create().get("input")
        items = items if isinstance(items, list) else [{"role": "user", "content": "hi"}]
        return chance.choice(
            (
                Request("POST", "/conversations", {"items": items, "metadata": {"topic": "x"}}),
                Request("POST", "/conversations", {}),
                Request("POST", f"/conversations/{known}", {"metadata": {"topic": "y"}}),
                Request("POST", f"/conversations/{known}/items", {"items": items}),
            )
        )

    def _query(self) -> Request:
        chance, known = self._chance, self._known
        ids = (
            known.response,
            known.background,
            known.conversation,
            known.item,
            "resp_x",
            "conv_x",
            "x",
            "%00",
            "é",
        )
        one, other = (quote(chance.choice(ids)) for _ in range(2))
        path = chance.choice(
            (
                f"/responses/{one}",
                f"/responses/{known.background}",
                f"/responses/{known.response}/input_items",
                f"/conversations/{known.conversation}/items",
                f"/conversations/{one}/items/{other}",
                f"/conversations/{one}",
                f"/models/{chance.choice((MODEL, 'none', '..', 'a/b'))}",
                "/models",
            )
        )
        given = chance.choices(_QUERIES, k=chance.choice((0, 0, 1, 1, 2, 3)))
        query = "&".join(
            f"{name}={quote(chance.choice((*values, 'x', '', '-1', '9' * 30, '%00')))}"
            for name, values in given
        )
        return Request(chance.choice(("GET",) * 8 + ("HEAD", "PUT", "PATCH", "OPTIONS")), f"{path}?{query}")

    # ---------- damage

    def _damaged(self, request: Request) -> Request:
        chance = self._chance
        if request.value is None:
            return request
        for _ in range(chance.choice((0, 1, 1, 1, 1, 2))):
            request = replace(request, value=self._changed(request.value))
        how = chance.random()
        if how < 0.08:
            return replace(request, data=self._torn(encoded(request.value)))
        if how < 0.11 and not request.socket:
            return replace(request, **self._dressed(encoded(request.value)))
        return request

    def _changed(self, value: Any) -> Any:
        """The value with one place of it changed."""
        chance = self._chance
        places = list(_places(value))
        if not places or chance.random() < 0.02:
            return self._odd()
        holder, key = chance.choice(places)
        match chance.randrange(11):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder[key:key] = [copy.deepcopy(holder[key])] * chance.choice((1, 2, 30))
            case 2 if isinstance(holder, dict):
                holder[chance.choice(NAMES)] = holder.pop(key)
            case 3 if isinstance(holder, dict):
                holder[chance.choice(NAMES)] = self._odd()
            case 4 | 5:
                holder[key] = copy.deepcopy(chance.choice(self._parts))
            case 6:
                holder[key] = chance.choice(([holder[key]], {"type": holder[key]}, {"text": holder[key]}))
            case 7:
                for _ in range(chance.choice((3, 60, 150))):
                    holder[key] = [holder[key]]
            case 8 | 9 if isinstance(holder[key], str):
                holder[key] = self._scrambled(holder[key])
            case _:
                holder[key] = self._odd()
        return value

    def _odd(self) -> Any:
        return copy.deepcopy(self._chance.choice(ODD))

    def _scrambled(self, text: str) -> str:
        chance, at = self._chance, self._chance.randrange(len(text) + 1)
        piece = chance.choice(
            ("\x00", "\ud800", "\n", '"', "\\", "#script\nsay x", "é", " ", "x" * 300, "\u2028")
        )
        return chance.choice((text[:at] + piece + text[at:], text[:at], text[at:], text.upper(), text * 3))

    def _torn(self, data: bytes) -> bytes:
        """A few bytes changed, cut out or put in."""
        chance, out = self._chance, bytearray(data)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(out) + 1)
            match chance.randrange(5):
                case 0:
                    out[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
                case 1:
                    del out[at : at + chance.randint(1, 40)]
                case 2:
                    del out[at:]
                case 3:
                    out[at:at] = chance.choice(
                        (b"NaN", b"{", b"}", b'"', b",", b"\\ud83d", b"1e999", b"\xff", b"//")
                    )
                case _:
                    out[at:at] = b"[" * chance.choice((5, 200, 5000))
        return bytes(out)

    def _dressed(self, data: bytes) -> dict[str, Any]:
        """Bodies in other coats."""
        chance = self._chance
        media = chance.choice(
            ("application/json", "text/plain", "application/x-www-form-urlencoded", "é", "")
        )
        packed = gzip.compress(data)
        return chance.choice(
            (
                {"data": packed, "headers": {"content-encoding": "gzip"}},
                {"data": packed[:-4], "headers": {"content-encoding": "gzip"}},
                {"data": data, "headers": {"content-encoding": "gzip"}},
                {"data": data, "headers": {"content-encoding": "br"}},
                {"data": data, "headers": {"content-type": media.encode("latin-1").decode("latin-1")}},
                {"data": b"", "headers": {}},
                {"data": b"\xef\xbb\xbf" + data, "headers": {}},
                {"data": json.dumps(json.loads(data)).encode("utf-16"), "headers": {}},
            )
        )


_QUERIES = (
    ("limit", ("1", "100", "101", "0", "1.5")),
    ("order", ("asc", "desc")),
    ("after", ("msg_1", "é")),
    ("include", ("message.output_text.logprobs", "reasoning.encrypted_content")),
    ("include[]", ("file_search_call.results",)),
    ("stream", ("true", "false", "1")),
    ("starting_after", ("0", "3", "-2", "99999")),
    ("include_obfuscation", ("true", "false")),
    ("unknown", ("1",)),
)
_LEADS_NOWHERE = ("context_management", "moderation", "prompt", "conversation", "previous_response_id")
"""Parameters whose random values are refused at the door."""

_COUNTED = (
    *("model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "truncation"),
    *("parallel_tool_calls", "previous_response_id", "conversation"),
)
_COMPACTED = ("model", "input", "instructions", "previous_response_id")


def _only(body: JSON, names: tuple[str, ...]) -> JSON:
    return {name: one for name, one in body.items() if name in names}


def _creates(chance: random.Random) -> Iterator[JSON]:
    """Valid bodies of every kind; recorded and official ones where they are there."""
    for scenario in SCENARIOS.values():
        yield {"model": MODEL, **scenario.body}
    for body in _more():
        yield {"model": MODEL, **body}
    if not shared.ROOT.is_dir():
        return
    for file in sorted((shared.ROOT / "recordings").glob("*.request.json")):
        yield {**json.loads(file.read_bytes()), "model": MODEL}
    for _ in range(60):
        sampled = {"input": "hi", **official.sample("CreateResponse", chance), "model": MODEL}
        yield {name: one for name, one in sampled.items() if name not in _LEADS_NOWHERE}
        item = official.sample("InputItem", chance)
        yield {"model": MODEL, "input": [item, {"role": "user", "content": "hi"}]}


def _more() -> Iterator[JSON]:
    text = {"type": "input_text", "text": "look"}
    file = {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="}
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "low"}
    user = {"role": "user", "content": [text, image, file]}
    call = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Oslo"}'}
    output = {
        "type": "function_call_output",
        "call_id": "c1",
        "output": [{"type": "input_text", "text": "3 °C"}],
    }
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "hex", "input": "0x1"}
    yield {"input": [user]}
    yield {"input": [user, call, output], "tools": [WEATHER, TIME], "parallel_tool_calls": False}
    yield {
        "input": [user, custom, {"type": "custom_tool_call_output", "call_id": "c2", "output": "x"}],
        "tools": [HEX],
    }
    allowed = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "get_time"}],
    }
    yield {"input": "hi", "tools": [WEATHER, TIME], "tool_choice": allowed}
    space = {"type": "namespace", "name": "crm", "description": "d", "tools": [WEATHER]}
    yield {
        "input": script('call crm__get_weather {"city": "Rome"}'),
        "tools": [space, {"type": "web_search"}],
    }
    yield {"input": "hi", "background": True}
    yield {"input": "hi", "background": True, "store": False, "stream": True}
    yield {"input": [{"role": "assistant", "content": "yes"}, {"role": "developer", "content": "x"}, user]}
    yield {"input": [user, {"type": "compaction_trigger"}], "stream": True}
    yield {"input": script("think a", "say b"), "reasoning": {"effort": "high", "summary": "auto"}}


def _stateful(known: Known) -> Iterator[JSON]:
    for _ in range(4):
        yield {"model": MODEL, "input": "and then?", "previous_response_id": known.response}
        yield {"model": MODEL, "input": "and then?", "conversation": known.conversation}
        yield {
            "model": MODEL,
            "input": "and then?",
            "conversation": {"id": known.conversation},
            "stream": True,
        }
        reference = {"type": "item_reference", "id": known.item}
        yield {"model": MODEL, "input": [reference, {"role": "user", "content": "and then?"}]}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside: its holder and its key; shallow places first, and not too many."""
    left = [value]
    for holder in left:
        keys: Any = (
            list(holder)
            if isinstance(holder, dict)
            else range(len(holder))
            if isinstance(holder, list)
            else ()
        )
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list) and len(left) < 200:
                left.append(holder[key])


def _parts(value: Any) -> Iterator[Any]:
    for holder, key in _places(value):
        yield holder[key]
