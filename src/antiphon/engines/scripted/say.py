"""Steps that say something → deltas; words are this engine's tokens."""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from antiphon.core.context import Sample
from antiphon.core.deltas import (
    JSON,
    CallDelta,
    Delta,
    NativeEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from antiphon.core.kinds import ANNOTATION_ADDED, EVENT_PLACES
from antiphon.core.tools import CUSTOM_INPUT
from antiphon.engines.scripted.items import PIXEL, audio, ladder, whole_item
from antiphon.engines.scripted.language import Step, first_word, number, options, text_of, wrong
from antiphon.engines.scripted.reading import recollection

_PIECE = re.compile(r"\S+\s*|\s+")
_WORD = re.compile(r"\S+")
_ARGUMENTS_PIECE = 12  # characters of a call's arguments in one delta, where the script does not say


class Meter:
    """Counts words and cuts the text where the limit is reached."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._inside = False  # the last piece ended inside a word
        self.words = 0
        self.spent = False

    def begin(self) -> None:
        """A new text: its first word is a word of its own."""
        self._inside = False

    def take(self, piece: str) -> str:
        """As much of the piece as the limit allows."""
        starts = [m.start() for m in _WORD.finditer(piece)]
        if self._inside and starts and starts[0] == 0:
            del starts[0]
        left = len(starts) if self._limit is None else self._limit - self.words
        if len(starts) > left:
            self.spent = True
            piece, starts = piece[: starts[left]], starts[:left]
        self.words += len(starts)
        self._inside = not piece[-1:].isspace() if piece else self._inside
        return piece


class Voice:
    """What one turn has said so far, and how it goes on."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._items = 0
        self._ids = 0
        self._digest = ""
        self._calls = 0
        self._annotations = 0
        self._length = 0  # characters of the open text
        self.split = 0
        self.top_logprobs = sample.settings.top_logprobs
        self.reasoning_words = 0
        self.meter = Meter(sample.settings.max_output_tokens)

    @property
    def called(self) -> bool:
        """Whether a function was called."""
        return self._calls > 0

    def deltas(self, step: Step) -> Iterator[Delta]:
        """What the step says. Raises `EngineFailure("invalid_request")` for a step that is wrong."""
        match step.word:
            case "say":
                return self._say(text_of(step.rest))
            case "recall":
                return self._say(msgspec.json.encode(recollection(self._sample)).decode())
            case "think":
                return self._think(text_of(step.rest))
            case "refuse":
                return (RefusalDelta(piece) for piece in self._metered(text_of(step.rest)))
            case "call":
                return self._call(step.rest, custom=False)
            case "custom":
                return self._call(step.rest, custom=True)
            case "cite":
                return self._cite(step.rest)
            case "annotate":
                return self._annotate(_object(step.rest))
            case _:
                return (NativeEvent(event) for event in self._native(step))

    # ---------- text and calls

    def _say(self, text: str) -> Iterator[Delta]:
        for piece in self._metered(text):
            self._length += len(piece)
            logprobs = () if self.top_logprobs is None else (token_logprobs(piece, self.top_logprobs),)
            yield TextDelta(piece, logprobs)

    def _think(self, text: str) -> Iterator[Delta]:
        before = self.meter.words
        for piece in self._metered(text):
            yield ReasoningDelta(piece)
        self.reasoning_words += self.meter.words - before

    def _call(self, rest: str, *, custom: bool) -> Iterator[Delta]:
        given, rest = options(rest, "id")
        name, text = first_word(rest, "the tool's name")
        if custom:
            text = msgspec.json.encode({CUSTOM_INPUT: text_of(text)}).decode()
        index, self._calls, self._length = self._calls, self._calls + 1, 0
        yield CallDelta(index, given.get("id"), name)
        for piece in self._metered(text, _ARGUMENTS_PIECE) if text else ():
            yield CallDelta(index, arguments=piece)

    def _metered(self, text: str, size: int = 0) -> Iterator[str]:
        self.meter.begin()
        for piece in self._cut(text, size) if text else ("",):
            kept = self.meter.take(piece)
            if kept or not text:
                yield kept
            if self.meter.spent:
                return

    def _cut(self, text: str, size: int = 0) -> Iterator[str]:
        """Pieces of `split` characters; else of `size`; else words with the white space after them."""
        size = self.split or size
        if size:
            return (text[i : i + size] for i in range(0, len(text), size))
        return (match[0] for match in _PIECE.finditer(text))

    # ---------- what an engine that speaks Responses says

    def _cite(self, rest: str) -> Iterator[Delta]:
        url, title = first_word(rest, "the URL")
        span: JSON = {"start_index": 0, "end_index": self._length}
        return self._annotate({"type": "url_citation", "url": url, "title": title or url, **span})

    def _annotate(self, annotation: JSON) -> Iterator[Delta]:
        address: JSON = {"item_id": "", "output_index": self._items, "content_index": 0}
        number = {"annotation_index": self._annotations}
        self._annotations += 1
        yield NativeEvent({"type": ANNOTATION_ADDED, **address, **number, "annotation": annotation})

    def _native(self, step: Step) -> Iterator[JSON]:
        self._length = self._annotations = 0
        if step.word == "audio":
            return audio(text_of(step.rest), self._cut)
        if step.word == "native":
            return iter([self._event(_object(step.rest))])
        given, rest = options(step.rest, "partials", "server")
        items = [whole_item(item, self._new_id) for item in _items(step.word, rest, given)]
        if step.word == "shell":
            items[1]["call_id"] = items[0]["call_id"]
        partials = number(given["partials"], 100) if "partials" in given else 0
        return (event for item in items for event in self._told(item, partials))

    def _told(self, item: JSON, partials: int) -> Iterator[JSON]:
        index, self._items = self._items, self._items + 1
        return ladder(item, index, self._cut, partial_images=partials)

    def _event(self, event: JSON) -> JSON:
        place = EVENT_PLACES.get(str(event.get("type")), "")
        if place == "error" or place.startswith(("lifecycle:", "terminal:")):
            raise wrong(f"{event['type']} is not an engine's to say")
        return event

    def _new_id(self, prefix: str) -> str:
        """An id that is the same whenever the sample is the same, and differs from sample to sample."""
        self._ids += 1
        if not self._digest:
            given = msgspec.json.encode((self._sample.model, self._sample.items))
            self._digest = hashlib.sha256(given).hexdigest()[:24]
        return f"{prefix}_{self._digest}{self._ids:04x}"


def token_logprobs(token: str, top: int) -> JSON:
    """`{token, logprob, bytes, top_logprobs}`; the token itself is the most likely of the `top`.

    Its probability is at least 0.9, and those of the alternatives halve from what is left.
    """
    chosen = -(zlib.crc32(token.encode()) % 100 + 1) / 1000
    rest = 1 - math.exp(chosen)
    listed = [(token, chosen)] + [(f"{token}~{i}", math.log(rest / 2**i)) for i in range(1, top)]
    entry = _entry(token, chosen)
    return entry | {"top_logprobs": [_entry(t, p) for t, p in listed[:top]]}


def _entry(token: str, logprob: float) -> JSON:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _object(text: str) -> JSON:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise wrong(f"{text!r} is no JSON object") from error


def _items(word: str, rest: str, given: dict[str, str]) -> list[JSON]:
    """What the short steps for items stand for, as far as it is not default."""
    text = text_of(rest)
    server: JSON = {"server_label": given["server"]} if "server" in given else {}
    match word:
        case "item":
            return [_object(rest) if rest.startswith("{") else {"type": rest}]
        case "summary":
            return [{"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}]
        case "phase":
            phase, text = first_word(rest, "the phase")
            content = [{"type": "output_text", "text": text_of(text)}]
            return [{"type": "message", "phase": phase, "content": content}]
        case "web_search":
            action = {"type": "search", "query": text, "queries": [text]}
            return [{"type": "web_search_call", "action": action}]
        case "file_search":
            return [{"type": "file_search_call", "queries": [text]}]
        case "code":
            return [{"type": "code_interpreter_call", "code": text}]
        case "image":
            return [{"type": "image_generation_call", "result": PIXEL, "revised_prompt": text}]
        case "mcp" | "approve":
            name, arguments = first_word(rest, "the tool's name")
            kind = "mcp_call" if word == "mcp" else "mcp_approval_request"
            return [{"type": kind, "name": name, "arguments": arguments or "{}", **server}]
        case "mcp_tools":
            tools = [{"name": name, "input_schema": {"type": "object"}} for name in text.split()]
            return [{"type": "mcp_list_tools", "tools": tools, **server}]
        case "compaction":
            return [{"type": "compaction", "encrypted_content": text or "scripted"}]
        case "shell":
            action = {"commands": [text], "max_output_length": None, "timeout_ms": None}
            return [{"type": "shell_call", "action": action}, {"type": "shell_call_output"}]
        case _:
            raise wrong(f"'{word}' says nothing that could be interleaved")
