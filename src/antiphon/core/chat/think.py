"""Reasoning that arrives inside the text, as `<think>…</think>` at its beginning."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class ThinkReader:
    """Feed text; get `(is reasoning, piece)` pairs.

    Only a `<think>` that begins the text counts: a model that talks about the tag later means the word.
    `inside` says that the text stands in reasoning, `over` that everything from now on is plain text.
    """

    def __init__(self) -> None:
        self._held = ""
        self.inside = False
        self.over = False

    def feed(self, text: str) -> list[tuple[bool, str]]:
        text = self._held + text
        self._held = ""
        if self.over:
            return [(False, text)]
        return self._read(text) if self.inside else self._begin(text)

    def close(self) -> list[tuple[bool, str]]:
        """What was held back, at the end of the text."""
        held, self._held = self._held, ""
        return [(self.inside, held)] if held else []

    def _begin(self, text: str) -> list[tuple[bool, str]]:
        start = text.lstrip()
        if start.startswith(OPEN):
            self.inside = True
            return self._read(start[len(OPEN) :])
        if OPEN.startswith(start):
            self._held = text
            return []
        self.over = True
        return [(False, text)]

    def _read(self, text: str) -> list[tuple[bool, str]]:
        """Reasoning up to the closing tag; a part of the tag at the end is held back."""
        thought, closed, rest = text.partition(CLOSE)
        if closed:
            self.over, self.inside = True, False
            return [pair for pair in ((True, thought), (False, rest)) if pair[1]]
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if text.endswith(CLOSE[:n])), 0)
        cut = len(text) - keep
        self._held = text[cut:]
        return [(True, text[:cut])] if cut else []
