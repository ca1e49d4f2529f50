"""The script language of the `scripted` engine: text → steps (docs/engines-scripted.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import msgspec

from antiphon.core.deltas import FinishReason
from antiphon.core.errors import EngineFailure, FailureKind

MARK, END, NEXT_TURN = "#script", "#end", "---"
MAX_REPEATS = 1_000_000
MAX_WAIT_S = 60.0

_SAYS = {"say", "think", "refuse", "call", "custom", "summary", "phase", "cite", "annotate", "recall"}
_ITEMS = {"item", "native", "web_search", "file_search", "code", "image", "mcp", "mcp_tools", "approve"}
_MORE_ITEMS = {"shell", "compaction", "audio"}
_MANNERS = {"split", "batch", "repeat", "interleave", "logprobs", "usage"}
_COURSE = {"accept", "wait", "pause", "finish", "fail", "unsupported"}
WORDS = frozenset(_SAYS | _ITEMS | _MORE_ITEMS | _MANNERS | _COURSE)


@dataclass(frozen=True, slots=True)
class Step:
    """One line: a word and the rest of its line."""

    word: str
    rest: str = ""


Script = tuple[tuple[Step, ...], ...]
"""The steps of each turn."""


def find_script(text: str) -> Script | None:
    """The script in a message: from a line that begins with `#script` to `#end` or the end of the text.

    Raises `EngineFailure("invalid_request")` where a line is no step.
    """
    lines = [line.strip() for line in text.splitlines()]
    start = next((i for i, line in enumerate(lines) if line.split(" ", 1)[0] == MARK), None)
    if start is None:
        return None
    lines[start] = lines[start][len(MARK) :].strip()
    turns: list[list[Step]] = [[]]
    for line in lines[start:]:
        if line == END:
            break
        if line == NEXT_TURN:
            turns.append([])
        elif line:
            turns[-1].append(read_step(line))
    return tuple(tuple(turn) for turn in turns)


def read_step(line: str) -> Step:
    """One line as a step. Raises `EngineFailure`."""
    word, _, rest = line.partition(" ")
    if word not in WORDS:
        raise wrong(f"'{word}' is no step")
    return Step(word, rest.strip())


def wrong(reason: str) -> EngineFailure:
    """The failure that tells the author of a script what is wrong with it."""
    return EngineFailure("invalid_request", f"The script cannot be played: {reason}.", param="input")


def text_of(rest: str) -> str:
    """The text of a step: as it stands, or a JSON string where it begins with a quote."""
    if not rest.startswith('"'):
        return rest
    try:
        return msgspec.json.decode(rest, type=str)
    except msgspec.DecodeError as error:
        raise wrong(f"{rest!r} is no JSON string") from error


def quoted(text: str) -> str:
    """The text as `text_of` reads it back."""
    return msgspec.json.encode(text).decode()


def first_word(rest: str, what: str) -> tuple[str, str]:
    """`word rest` apart. Raises `EngineFailure` where the word is missing."""
    word, _, rest = rest.partition(" ")
    if not word:
        raise wrong(f"{what} is missing")
    return word, rest.strip()


def options(rest: str, *names: str) -> tuple[dict[str, str], str]:
    """Leading `name=value` words with these names, and what follows them."""
    found: dict[str, str] = {}
    while True:
        word, _, after = rest.partition(" ")
        name, equals, value = word.partition("=")
        if not equals or name not in names:
            return found, rest
        found[name], rest = value, after.strip()


def number(text: str, most: int) -> int:
    """A whole number from 0 to `most`. Raises `EngineFailure`."""
    if not text.isascii() or not text.isdigit() or int(text[:20]) > most:
        raise wrong(f"{text!r} is no whole number up to {most}")
    return int(text)


def seconds(text: str) -> float:
    """A time of at most `MAX_WAIT_S`. Raises `EngineFailure`."""
    try:
        value = float(text)
    except ValueError as error:
        raise wrong(f"{text!r} is no number of seconds") from error
    if not 0 <= value <= MAX_WAIT_S:
        raise wrong(f"a wait lasts from 0 to {MAX_WAIT_S:g} seconds")
    return value


def failure(rest: str) -> EngineFailure:
    """`KIND [retry_after=S] [code=C] [param=P] [message]` as the failure that it stands for."""
    kind, rest = first_word(rest, "the kind of failure")
    given, message = options(rest, "retry_after", "code", "param")
    for known in get_args(FailureKind):
        if kind == known:
            return EngineFailure(
                known,
                message or f"The script failed: {kind}.",
                retry_after=seconds(given["retry_after"]) if "retry_after" in given else None,
                code=given.get("code"),
                param=given.get("param"),
            )
    raise wrong(f"{kind!r} is no kind of failure")


def finish(rest: str) -> FinishReason | None:
    """The reason of a `finish` step; None for `none`, a stream that just ends."""
    for known in get_args(FinishReason):
        if rest == known:
            return known
    if rest != "none":
        raise wrong(f"{rest!r} is no reason to finish")
    return None
