"""The stream of a Chat Completions server → deltas, without I/O.

`feed` is the hot path: about one chunk per token.
"""

from __future__ import annotations

import msgspec

from antiphon.core.chat.calls import CallReader
from antiphon.core.chat.chunks import Choice, Chunk, ChunkDelta, ContentPart, Logprobs, decode_chunk
from antiphon.core.chat.dialect import Dialect
from antiphon.core.chat.faults import event_failure
from antiphon.core.chat.think import ThinkReader
from antiphon.core.deltas import (
    JSON,
    Delta,
    FinishDelta,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    UsageDelta,
)
from antiphon.core.errors import EngineFailure
from antiphon.core.sse import SseReader

MAX_EVENT_BYTES = 8 * 1024 * 1024

_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""Finish reasons. `abort` and `error` are failures; any other means that the model stopped by itself."""


class ChatReader:
    """Reads one answer. Feed its bytes as they come, then `close` once.

    `top_logprobs` is how many alternatives the client asked for. Both methods raise `EngineFailure`: what
    was read before a failure is returned first, and the failure is raised by the next call.
    """

    def __init__(
        self, dialect: Dialect, max_event_bytes: int = MAX_EVENT_BYTES, top_logprobs: int = 0
    ) -> None:
        self._dialect = dialect
        self._top = top_logprobs
        self._events = SseReader(max_event_bytes)
        self._calls = CallReader()
        self._think = ThinkReader() if dialect.inline_think else None
        self._logprobs: list[JSON] = []  # of text that has not come out yet
        self._trim = False  # the next text follows reasoning
        self._reasoned = False
        self._finished = False
        self._failure: EngineFailure | None = None
        self.done = False  # `[DONE]` was read: nothing more will come

    def feed(self, data: bytes) -> list[Delta]:
        """The deltas that these bytes complete."""
        out: list[Delta] = []
        if self.done:
            return out
        self._raise_failure()
        try:
            for frame in self._events.feed(data):
                self._event(frame.data, out)
                if self.done:
                    break
        except EngineFailure as failure:
            if self._finished:
                self.done = True  # the answer is whole: what goes wrong after it does not matter
                return out
            self._failure = failure
            if not out:
                raise
        return out

    def close(self) -> list[Delta]:
        """The rest, at the end of the bytes. An answer that did not finish was `dropped`."""
        self._raise_failure()
        out: list[Delta] = []
        if not self.done:
            try:
                for frame in self._events.close():
                    self._event(frame.data, out)
            except EngineFailure as failure:
                # Half an event means that the bytes were cut off.
                if failure.kind != "malformed" and not self._finished:
                    raise
        if not self._finished and not self.done:
            raise EngineFailure("dropped", "The engine's answer ended before it was complete.")
        return out

    # ---------- events

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _event(self, data: bytes, out: list[Delta]) -> None:
        if data[:1] != b"{":
            if data.strip() == b"[DONE]":
                self.done = True
                self._finish("stop", out)
                return
            if not data.strip():
                return
        try:
            chunk = decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EngineFailure(
                "malformed", f"The engine sent something else than a chunk of an answer ({error})."
            ) from None
        if chunk.choices:
            self._choice(chunk.choices[0], out)
        else:
            self._raise_error(chunk)
        if chunk.usage is not None:
            out.append(UsageDelta(chunk.usage.total()))

    def _raise_error(self, chunk: Chunk) -> None:
        """An error object in place of choices: vLLM and SGLang nest it, older SGLang and vLLM do not."""
        if chunk.error:
            raise event_failure(chunk.error, self._dialect)
        if chunk.object == "error" or (chunk.choices is None and (chunk.message or chunk.detail)):
            raise event_failure(msgspec.structs.asdict(chunk), self._dialect)

    def _choice(self, choice: Choice, out: list[Delta]) -> None:
        if self._finished:
            return
        delta = choice.delta or choice.message
        if delta is not None:
            self._delta(delta, choice.logprobs, out)
        if choice.finish_reason:
            self._finish(choice.finish_reason, out)

    def _delta(self, delta: ChunkDelta, logprobs: Logprobs | None, out: list[Delta]) -> None:
        reasoning = delta.reasoning_content or delta.reasoning
        if reasoning:
            self._logprobs.clear()
            self._reason(reasoning, out)
        content = delta.content
        if logprobs is not None and isinstance(content, str):
            self._note(logprobs)
        if content:
            if isinstance(content, str):
                self._content(content, out)
            else:
                self._parts(content, out)
        if delta.tool_calls:
            for fragment in delta.tool_calls:
                call = self._calls.read(fragment)
                if call is not None:
                    out.append(call)
        elif delta.function_call is not None:
            call = self._calls.legacy(delta.function_call)
            if call is not None:
                out.append(call)
        if delta.refusal:
            out.append(RefusalDelta(delta.refusal))

    # ---------- text

    def _content(self, text: str, out: list[Delta]) -> None:
        if self._think is None:
            self._text(text, out)
            return
        for inside, piece in self._think.feed(text):
            if inside:
                self._reason(piece, out)
            else:
                self._text(piece, out)
        if self._think.inside:
            self._logprobs.clear()
        elif self._think.over:
            self._think = None

    def _text(self, text: str, out: list[Delta]) -> None:
        if self._trim:
            # Templates put blank lines between reasoning and answer (vLLM leaves them in).
            text = text.lstrip("\n")
            if not text:
                self._logprobs.clear()
                return
            self._trim = False
        logprobs = ()
        if self._logprobs:
            logprobs = tuple(_aligned(self._logprobs, text))
            self._logprobs.clear()
        out.append(TextDelta(text, logprobs))

    def _reason(self, text: str, out: list[Delta]) -> None:
        self._trim = True
        if not self._reasoned:
            text = text.lstrip("\n")
            if not text:
                return
            self._reasoned = True
        out.append(ReasoningDelta(text))

    def _parts(self, parts: list[ContentPart], out: list[Delta]) -> None:
        for part in parts:
            if part.thinking:
                thought = part.thinking
                pieces = [thought] if isinstance(thought, str) else [p.text for p in thought]
                for piece in pieces:
                    if piece:
                        self._reason(piece, out)
            elif part.text:
                self._content(part.text, out)

    def _note(self, logprobs: Logprobs) -> None:
        """Keep log probabilities until their text comes out: a character may take several tokens."""
        for token in logprobs.content or ():
            top = token.top_logprobs or ()
            alternatives = [other.official() for other in top[: self._top]]
            self._logprobs.append({**token.official(), "top_logprobs": alternatives})

    # ---------- end

    def _finish(self, reason: str, out: list[Delta]) -> None:
        if self._finished:
            return
        if reason in ("abort", "error"):
            raise EngineFailure("server", "The engine gave up this answer by itself.")
        self._finished = True
        if self._think is not None:
            for inside, piece in self._think.close():
                if inside:
                    self._reason(piece, out)
                else:
                    self._text(piece, out)
        out.extend(self._calls.close())
        known = _REASONS.get(reason, "stop")
        out.append(FinishDelta("tool_calls" if known == "stop" and self._calls.any else known))


def _aligned(entries: list[JSON], text: str) -> list[JSON]:
    """The entries whose tokens make up the text.

    A chunk of several tokens may also tell of tokens that are no text: tags around reasoning, the end of the
    turn. Where the tokens do not spell the text (halves of a character), all entries stay.
    """
    spelled = "".join(entry["token"] for entry in entries)
    start = spelled.rfind(text)
    if start < 0 or spelled == text:
        return entries
    kept: list[JSON] = []
    at = 0
    for entry in entries:
        end = at + len(entry["token"])
        if end > start and at < start + len(text):
            kept.append(entry)
        at = end
    return kept
