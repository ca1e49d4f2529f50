"""HTML in which everything is escaped that is not made here, and text in which nothing can act on its reader.

What a report shows was written by the server under test: it may hold tags, terminal sequences, halves of
surrogate pairs, characters that turn the direction of writing, and megabytes of any of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]"
)
"""Controls but tab and line feed, directions of writing, surrogates, and what XML 1.0 forbids."""

_VOID = frozenset({"meta", "input", "br", "rect"})


def cleaned(text: str) -> str:
    """The text with what would act on a terminal, a page or an XML reader made visible: ESC is `\\x1b`."""
    return _ACTING.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clipped(text: str, longest: int) -> str:
    """At most `longest` characters of the cleaned text, and how many were left out."""
    if len(text) <= longest:
        return cleaned(text)
    return f"{cleaned(text[:longest])}\n… {len(text) - longest} characters more are in the record"


def one_line(text: str, longest: int = 300) -> str:
    """The cleaned text without line ends, for a heading, a table's cell or a terminal."""
    flat = " ".join(text[: longest + 1].split())
    return cleaned(flat if len(flat) <= longest else f"{flat[:longest]}…")


def value(given: Any, longest: int = 6_000) -> str:
    """A JSON value as a reader wants it: indented."""
    return clipped(as_json(given), longest)


def as_json(given: Any) -> str:
    """Indented JSON; a value that is nested too deeply for that is only said to be so."""
    try:
        return json.dumps(given, indent=2, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"


def pretty(text: str, longest: int = 6_000) -> str:
    """A body: indented where it is JSON, else as it came."""
    try:
        return value(json.loads(text), longest)
    except (ValueError, RecursionError):
        return clipped(text, longest)


class Markup(str):
    """HTML that `tag` or `raw` made; any other string is text."""

    __slots__ = ()


Child = str | None


def raw(text: str) -> Markup:
    """For texts of this package only."""
    return Markup(text)


def tag(name: str, /, *inside: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. `class_` is `class`, `data_area` is `data-area`; an attribute that is None or False is left
    out. Strings inside are escaped unless they are `Markup`."""
    told = "".join(_attribute(key, given) for key, given in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{told}>" if name != "rect" else f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(inside)}</{name}>")


def joined(inside: Iterable[Child]) -> Markup:
    """Pieces of a page one after another."""
    return Markup("".join(escaped(one) for one in inside if one is not None))


def breakable(name: str) -> Markup:
    """A dotted name that may be broken after its dots, hyphens and underscores."""
    return Markup(re.sub(r"([.\-_/])(?=.)", r"\1<wbr>", escaped(name)))


def prose(text: str, longest: int = 2_000) -> Markup:
    """A sentence of the law book, with its code as code."""
    pieces = re.split("(`[^`]+`)", one_line(text, longest))
    return joined(
        tag("code", piece.strip("`")) if piece.startswith("`") and len(piece) > 2 else piece
        for piece in pieces
    )


def escaped(text: str) -> Markup:
    return text if isinstance(text, Markup) else Markup(html.escape(cleaned(text), quote=True))


def _attribute(key: str, given: str | int | bool | None) -> str:
    if given is None or given is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if given is True else f' {name}="{escaped(str(given))}"'
