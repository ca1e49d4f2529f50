"""Lark grammars by llguidance, byte by byte: a tokenizer of 256 bytes stands in for a model's."""

from __future__ import annotations

import time
from typing import Any

from antiphon.core.byte_tokens import byte_tokenizer

_CHUNK = 64
_SLOW_S = 0.005
"""A chunk slower than this makes the next ones shorter, so that the deadline is met closely."""


class LarkError(Exception):
    """A grammar that does not compile."""


class TooCostly(Exception):
    """Matching would take more steps or time than allowed."""


class Lark:
    """A compiled grammar. Compiling can crash the process (long chains of rules): let a child try first."""

    def __init__(self, definition: str) -> None:
        """Raises `LarkError`."""
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_lark(definition)
        self._matcher: Any = LLMatcher(byte_tokenizer(), grammar, log_level=0)
        if self._matcher.is_error():
            raise LarkError(str(self._matcher.get_error()).strip())

    def probe(self) -> None:
        """Take one step, which shows a grammar that is too wide to match anything. Raises `LarkError`."""
        matcher = self._matcher.deep_copy()
        allowed = matcher.compute_bitmask()
        first = next((value for value in range(256) if allowed[value // 8] >> value % 8 & 1), None)
        if first is not None:
            matcher.try_consume_tokens([first])
        if matcher.is_error():
            raise LarkError(str(matcher.get_error()).partition("\n")[0])

    def accepts(self, text: str, timeout_s: float) -> bool:
        """Whether the grammar derives exactly `text`. Raises `TooCostly`."""
        matcher = self._matcher.deep_copy()
        data = list(text.encode("utf-8", "surrogatepass"))
        position, size, now = 0, _CHUNK, time.monotonic()
        end = now + timeout_s
        while position < len(data):
            chunk = data[position : position + size]
            taken = matcher.try_consume_tokens(chunk)
            if matcher.is_error():
                raise TooCostly(str(matcher.get_error()).partition("\n")[0])
            if taken < len(chunk):
                return False
            position += taken
            before, now = now, time.monotonic()
            size = max(1, size // 4) if now - before > _SLOW_S else min(_CHUNK, size * 2)
            if now > end:
                raise TooCostly("out of time")
        return bool(matcher.is_accepting())
