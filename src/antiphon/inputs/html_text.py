"""The readable text of an HTML page. Runs in the child: hostile markup costs its time, not the server's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

# fmt: off
_SKIPPED = frozenset(("script", "style", "noscript", "template", "svg", "canvas", "object", "iframe"))
_LINES = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol",
    "p", "pre", "section", "table", "title", "tr", "ul",
))
# fmt: on
_CELLS = frozenset(("td", "th"))
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._skipping = self._pre = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag in _CELLS:
            self.pieces.append("" if self._at_line_start() else "\t")
        elif tag in _LINES:
            self._pre += tag == "pre"
            self.pieces.append("\n" + _HEADINGS.get(tag, "- " if tag == "li" else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag in _LINES:
            self._pre = max(0, self._pre - (tag == "pre"))
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        if not self._pre:
            data = re.sub(r"\s+", " ", data)
            data = data.lstrip() if self._at_line_start() else data
        if data:
            self.pieces.append(data)

    def _at_line_start(self) -> bool:
        return not self.pieces or self.pieces[-1].endswith("\n")


def html_text(text: str) -> str:
    """Lines of a page: headings and list items marked, cells apart by tabs, scripts and styles left out."""
    page = _Page()
    page.feed(text)
    page.close()
    lines = (line.rstrip() for line in "".join(page.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
