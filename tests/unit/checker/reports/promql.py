"""A small reader of PromQL: enough to say which metrics, labels and values an expression speaks of.

It knows what our own rules and panels use; anything else is an error, so that nothing passes unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""\s*(?:(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<string>"[^"]*")|(?P<range>\[\d+[smhdw]\])
    |(?P<number>\d+(?:\.\d+)?[smhdw]?)|(?P<match>=~|!~|!=(?=")|=(?!=))
    |(?P<sign>==|>=|<=|!=|[-+*/%^<>(){},]))""",
    re.VERBOSE,
)
AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count"})
FUNCTIONS = frozenset({"time", "absent", "max_over_time", "min_over_time"})
WORDS = frozenset({"by", "without", "on", "ignoring", "offset", "and", "or", "unless", "bool"})


class Unreadable(ValueError):
    """The expression is wrong, or says more than this reader knows."""


@dataclass
class Spoken:
    """`matchers`: metric → its selectors' label, sign and value. `groupings`: labels of `by (…)`."""

    metrics: set[str] = field(default_factory=set)
    matchers: list[tuple[str, str, str, str]] = field(default_factory=list)
    groupings: set[str] = field(default_factory=set)


def tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while text[place:].strip():
        found = TOKEN.match(text, place)
        if found is None:
            raise Unreadable(f"not PromQL at {text[place:]!r}")
        place = found.end()
        kind = str(found.lastgroup)
        yield kind, found[kind]


def read(text: str) -> Spoken:
    """Raises `Unreadable`."""
    left = list(tokens(text))
    spoken, opened = Spoken(), list[str]()
    while left:
        kind, word = left.pop(0)
        follows = left[0][1] if left else ""
        if word in ("(", "{"):
            opened.append(word)
        elif word in (")", "}"):
            if not opened or opened.pop() != {")": "(", "}": "{"}[word]:
                raise Unreadable(f"{word} closes nothing in {text!r}")
        elif kind == "name":
            _name(word, follows, left, spoken)
    if opened:
        raise Unreadable(f"{opened[-1]} is not closed in {text!r}")
    if not spoken.metrics:
        raise Unreadable(f"{text!r} speaks of no metric")
    return spoken


def _name(word: str, follows: str, left: list[tuple[str, str]], spoken: Spoken) -> None:
    if word in ("by", "without", "on", "ignoring"):
        spoken.groupings |= set(_listed(left))
    elif word in AGGREGATIONS | FUNCTIONS:
        if follows not in ("(", "by", "without"):
            raise Unreadable(f"{word} calls nothing")
    elif word not in WORDS:
        if follows == "(":
            raise Unreadable(f"{word} is no function that is known here")
        spoken.metrics.add(word)
        if follows == "{":
            spoken.matchers += [(word, *one) for one in _selector(left)]


def _listed(left: list[tuple[str, str]]) -> Iterator[str]:
    if left.pop(0)[1] != "(":
        raise Unreadable("by (…) has no list")
    while (word := left.pop(0)[1]) != ")":
        if word != ",":
            yield word


def _selector(left: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    left.pop(0)
    while left and left[0][1] != "}":
        label, sign, value = (left.pop(0)[1] for _ in range(3))
        if sign not in ("=", "!=", "=~", "!~") or not value.startswith('"'):
            raise Unreadable(f"{label}{sign}{value} is no matcher")
        yield label, sign, value.strip('"')
        if left and left[0][1] == ",":
            left.pop(0)
    if not left:
        raise Unreadable("{ is not closed")
    left.pop(0)
