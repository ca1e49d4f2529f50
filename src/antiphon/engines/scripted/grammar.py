"""Text under a grammar, always the same: what an engine with guided decoding would write."""

from __future__ import annotations

from random import Random
from typing import Any

from antiphon.core.byte_tokens import byte_tokenizer
from antiphon.core.deltas import JSON
from antiphon.core.errors import EngineFailure

_LONGEST = 4_000
"""Bytes after which a grammar that does not want to end is given up."""
_NEWLINE = 10
_WRITTEN = (_NEWLINE, *range(32, 127))


def written_under(grammar: JSON) -> str:
    """A text of `{"syntax": "lark"|"regex", "definition"}`: the end, or a line's, as soon as it may come.

    Raises `EngineFailure` for a grammar that does not compile or does not end.
    """
    from llguidance import LLMatcher

    of = LLMatcher.grammar_from_lark if grammar["syntax"] == "lark" else LLMatcher.grammar_from_regex
    matcher: Any = LLMatcher(byte_tokenizer(), of(grammar["definition"]), log_level=0)
    out, choice = bytearray(), Random(0)
    while len(out) < _LONGEST and not matcher.is_error():
        allowed = matcher.compute_bitmask()
        if matcher.is_accepting() or matcher.is_stopped():
            return out.decode("utf-8", "replace")
        able = [byte for byte in _WRITTEN if allowed[byte // 8] >> byte % 8 & 1]
        if not able:
            break
        # Always the same letter would never leave a loop such as `hunk+`.
        byte = _NEWLINE if _NEWLINE in able else choice.choice(able)
        if not matcher.try_consume_tokens([byte]):
            break
        out.append(byte)
    raise EngineFailure("invalid_request", "The scripted engine finds no text under this grammar.")
