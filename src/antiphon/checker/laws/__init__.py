"""The laws that observers hold against everything that comes: registered by requirement id, one function
each.

A law tells None where it does not apply, an empty text where it holds, else what speaks against it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from antiphon.checker.reader import Reading
from antiphon.checker.wire import JSON, Exchange

Told = str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response object and the request that made it (empty where this exchange did not make it). `offline`:
    it was not made just now."""

    response: JSON
    asked: JSON
    offline: bool = False


@dataclass(frozen=True, slots=True)
class StreamLaw:
    """`head` and `tail`: it can be held only against a stream that was read from its beginning, to its
    end."""

    check: Callable[[Reading], Told]
    head: bool
    tail: bool


@dataclass(frozen=True, slots=True)
class Laws:
    """All laws, by requirement."""

    streams: Mapping[str, StreamLaw]
    answers: Mapping[str, Callable[[Answer], Told]]
    errors: Mapping[str, Callable[[Exchange], Told]]
    exchanges: Mapping[str, Callable[[Exchange], Told]]

    @property
    def ids(self) -> frozenset[str]:
        return frozenset({*self.streams, *self.answers, *self.errors, *self.exchanges})


_LAWS = Laws({}, {}, {}, {})
F = TypeVar("F", bound=Callable[..., Told])


def of_stream(requirement: str, *, head: bool = False, tail: bool = False) -> Callable[[F], F]:
    """Registers a law on event streams."""
    return lambda check: _register(_LAWS.streams, requirement, check, StreamLaw(check, head, tail))


def of_answer(requirement: str) -> Callable[[F], F]:
    """Registers a law on the response objects that have ended, or were given in answer to a request."""
    return lambda check: _register(_LAWS.answers, requirement, check, check)


def of_error(requirement: str) -> Callable[[F], F]:
    """Registers a law on answers with a status of 400 or more."""
    return lambda check: _register(_LAWS.errors, requirement, check, check)


def of_exchange(requirement: str) -> Callable[[F], F]:
    """Registers a law on every HTTP exchange that was answered."""
    return lambda check: _register(_LAWS.exchanges, requirement, check, check)


def _register(table: Mapping[str, Any], requirement: str, check: F, entry: Any) -> F:
    if requirement in table:
        raise ValueError(f"two laws are called {requirement}")
    table[requirement] = entry  # type: ignore[index]
    return check


@cache
def laws() -> Laws:
    """The laws of all modules of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _LAWS


def first(breaches: list[str]) -> str:
    """The first breach, and how many more there are; empty where there is none."""
    if not breaches:
        return ""
    return breaches[0] if len(breaches) == 1 else f"{breaches[0]} (and {len(breaches) - 1} more)"


def shown(value: Any) -> str:
    """A value in a message."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}…"
