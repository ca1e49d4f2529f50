"""Reading one string out of a JSON object while it still arrives.

A custom tool travels to engines that know functions only as a function with one string property; its
text must stream to the client as it comes.
"""

from __future__ import annotations

from string import hexdigits
from typing import cast

import msgspec

from antiphon.core.deltas import JSON

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class StringReader:
    """Feed fragments of `{"input": "…"}`; get the decoded text of the value as it becomes known.

    Text that is no such object is kept whole and comes out of `close`: models that ignore the form mean
    their text as the input.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._raw: list[str] = []
        self._pending = ""
        self._state = "before"  # before, inside, after

    def feed(self, fragment: str) -> str:
        self._raw.append(fragment)
        self._pending += fragment
        if self._state == "before":
            self._enter()
        return self._read() if self._state == "inside" else ""

    def close(self) -> str:
        """What is still to be said at the end: nothing after a whole value, else the raw text."""
        if self._state != "before":
            return ""
        raw = "".join(self._raw)
        return _lone_string(raw)

    def _enter(self) -> None:
        """Find the opening quote of the value: `{ "key" : "`."""
        rest = self._pending.lstrip()
        for token in ("{", f'"{self._key}"', ":", '"'):
            if not rest.startswith(token):
                return
            rest = rest[len(token) :].lstrip() if token != '"' else rest[1:]
        self._pending, self._state = rest, "inside"

    def _read(self) -> str:
        out: list[str] = []
        text, at = self._pending, 0
        while at < len(text):
            char = text[at]
            if char == '"':
                self._state = "after"
                at = len(text)
            elif char != "\\":
                end = _run_end(text, at)
                out.append(text[at:end])
                at = end
            else:
                decoded, used = _escape(text[at:])
                if not used:
                    break
                out.append(decoded)
                at += used
        self._pending = text[at:]
        return "".join(out)


def _run_end(text: str, start: int) -> int:
    ends = [i for i in (text.find('"', start), text.find("\\", start)) if i >= 0]
    return min(ends, default=len(text))


def _escape(text: str) -> tuple[str, int]:
    """The character of an escape sequence and its length; length 0 while it is not complete."""
    if len(text) < 2:
        return "", 0
    if text[1] != "u":
        return _ESCAPES.get(text[1], text[1]), 2
    if len(text) < 6:
        return "", 0
    high = _hex(text[2:6])
    if not 0xD800 <= high < 0xDC00:
        return ("\ufffd" if 0xDC00 <= high < 0xE000 else chr(high)), 6
    if len(text) < 12 and "\\u".startswith(text[6:8]):
        return "", 0
    low = _hex(text[8:12]) if text[6:8] == "\\u" else 0
    if not 0xDC00 <= low < 0xE000:
        return "\ufffd", 6
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12


def _hex(digits: str) -> int:
    # `int` alone would also take signs, spaces and underscores.
    return int(digits, 16) if all(digit in hexdigits for digit in digits) else 0xFFFD


def _lone_string(raw: str) -> str:
    """A bare JSON string, or an object of one string under another name, means that string."""
    try:
        value = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        strings = [v for v in cast(JSON, value).values() if isinstance(v, str)]
        if len(strings) == 1:
            return strings[0]
    return raw
