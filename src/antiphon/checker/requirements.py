"""The law book: every requirement, where it comes from, and what of the pinned surface it covers.

Requirements are written by hand in `law/*.toml` (semantics), or follow from the pin (`generated`: shapes).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from typing import Any

_ID = re.compile(r"[a-z][a-z_]*(\.[a-z0-9][a-z0-9_-]*)+")
_KEYS = frozenset(
    {"id", "sentence", "level", "severity", "source", "since", "until", "unclear"}
    | {"covers", "needs", "profiles"}
)
PROFILES = ("core", "full", "stateless", "openresponses")


class Level(StrEnum):
    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Severity(StrEnum):
    """What a breach costs: official SDKs break, the published schema is violated, or nobody is hurt."""

    SDK = "sdk"
    SCHEMA = "schema"
    COSMETIC = "cosmetic"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence that a server keeps. `unclear` lists all answers to accept where the sources differ;
    `covers` names elements of the pin (`elements`); `needs` names features without which it is not asked;
    `since` and `until` are pin versions or dates, empty where it always held."""

    id: str
    sentence: str
    level: Level
    severity: Severity
    source: str
    since: str = ""
    until: str = ""
    unclear: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ("full",)
    generated: bool = False

    @property
    def area(self) -> str:
        """The id without its last word: `responses.stream`."""
        return self.id.rpartition(".")[0]


class LawBookError(ValueError):
    """The law book contradicts itself; the text says where."""


@dataclass(frozen=True)
class LawBook:
    """All requirements: those written by hand first."""

    requirements: tuple[Requirement, ...]
    elements: frozenset[str]
    gaps: Mapping[str, str]
    """Pin element → why no requirement covers it."""

    @cached_property
    def by_id(self) -> Mapping[str, Requirement]:
        return {one.id: one for one in self.requirements}

    @cached_property
    def areas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.area for one in self.requirements))

    def coverage(self) -> dict[str, tuple[str, ...] | str]:
        """Pin element → the ids that cover it, or the reason why none does (empty where there is none)."""
        covering: dict[str, list[str]] = {}
        for one in self.requirements:
            for element in one.covers:
                covering.setdefault(element, []).append(one.id)
        return {
            element: tuple(covering[element]) if element in covering else self.gaps.get(element, "")
            for element in sorted(self.elements)
        }


@cache
def load() -> LawBook:
    """The law book of this build. Raises `LawBookError`."""
    from antiphon.checker.elements import elements
    from antiphon.checker.generated import generated

    written: list[Requirement] = []
    gaps: dict[str, str] = {}
    for file in sorted(resources.files("antiphon.checker").joinpath("law").iterdir(), key=lambda f: f.name):
        if file.name == "gaps.toml":
            gaps = _gaps(tomllib.loads(file.read_text("utf-8")), elements())
        elif file.name.endswith(".toml"):
            tables = tomllib.loads(file.read_text("utf-8")).get("requirement", [])
            written += [read(table, file.name) for table in tables]
    return book([*written, *generated()], elements(), gaps)


def read(table: Mapping[str, Any], place: str) -> Requirement:
    """A requirement from its TOML table. Raises `LawBookError` for a key, level or id that is none."""
    wrong = set(table) - _KEYS
    name = str(table.get("id", "?"))
    if wrong or not _ID.fullmatch(name):
        raise LawBookError(f"{place}: {name}: unknown keys {sorted(wrong)} or not an id")
    try:
        return Requirement(
            id=name,
            sentence=table["sentence"],
            level=Level(table["level"]),
            severity=Severity(table["severity"]),
            source=table["source"],
            since=table.get("since", ""),
            until=table.get("until", ""),
            unclear=tuple(table.get("unclear", ())),
            covers=tuple(table.get("covers", ())),
            needs=tuple(table.get("needs", ())),
            profiles=tuple(dict.fromkeys([*table.get("profiles", ()), "full"])),
        )
    except (KeyError, ValueError) as exc:
        raise LawBookError(f"{place}: {name}: {exc}") from exc


def _gaps(document: Mapping[str, Any], known: frozenset[str]) -> dict[str, str]:
    """Gap entries name elements one by one, or all that begin alike (`elements = ["webhook:*"]`)."""
    found: dict[str, str] = {}
    for table in document.get("gap", []):
        for pattern in table["elements"]:
            fitting = [
                element
                for element in known
                if element == pattern or (pattern.endswith("*") and element.startswith(pattern[:-1]))
            ]
            if not fitting:
                raise LawBookError(f"gaps.toml: {pattern} names nothing of the pin")
            found |= dict.fromkeys(fitting, str(table["reason"]))
    return found


def book(requirements: Iterable[Requirement], elements: frozenset[str], gaps: Mapping[str, str]) -> LawBook:
    seen: dict[str, Requirement] = {}
    for one in requirements:
        if one.id in seen:
            raise LawBookError(f"{one.id} is there twice")
        seen[one.id] = one
        unknown = [element for element in one.covers if element not in elements]
        if unknown:
            raise LawBookError(f"{one.id} covers {unknown}, which the pin does not have")
        if strange := set(one.profiles) - set(PROFILES):
            raise LawBookError(f"{one.id}: no such profile: {sorted(strange)}")
    return LawBook(tuple(seen.values()), elements, gaps)
