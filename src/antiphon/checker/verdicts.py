"""What was seen of a requirement, and what follows from all that was seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from antiphon.checker.wire import Exchange


class Verdict(StrEnum):
    """`warn`: broken, but the model's freedom may be the cause. `unclear`: an answer on which the sources
    differ. `unimplemented`: the server says that it lacks the feature. `skipped`: not tried, with a
    reason."""

    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    UNIMPLEMENTED = "unimplemented"
    SKIPPED = "skipped"
    UNCLEAR = "unclear"


WORST_FIRST = (
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.UNCLEAR,
    Verdict.UNIMPLEMENTED,
    Verdict.PASS,
    Verdict.SKIPPED,
)
TOLD = (Verdict.FAIL, Verdict.WARN, Verdict.UNCLEAR, Verdict.UNIMPLEMENTED)
"""The verdicts that make a finding."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one requirement. `on` are the exchanges that show it; `free`: the model may be the
    cause."""

    requirement: str
    verdict: Verdict
    message: str = ""
    expected: tuple[Any, ...] = ()
    got: Any = None
    on: tuple[Exchange, ...] = ()
    case: str = ""
    free: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Observations of one requirement that say the same; `times` is how many, the first one's wire is
    kept."""

    requirement: str
    verdict: Verdict
    case: str
    message: str
    expected: tuple[Any, ...]
    got: Any
    wire: tuple[Exchange, ...]
    times: int = 1


def alternatives(expected: Any) -> tuple[Any, ...]:
    """A tuple is several answers that are all right; anything else is one."""
    return cast(tuple[Any, ...], expected) if isinstance(expected, tuple) else (expected,)


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The verdict of a requirement with these observations; None where there are none."""
    seen = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in seen), None)


def fold(observations: Iterable[Observation]) -> dict[str, Verdict]:
    """One verdict per requirement that was looked at."""
    seen: dict[str, set[Verdict]] = {}
    for one in observations:
        seen.setdefault(one.requirement, set()).add(one.verdict)
    return {name: found for name, verdicts in seen.items() if (found := worst(verdicts)) is not None}


def findings(observations: Iterable[Observation]) -> list[Finding]:
    """What is to be told, each requirement's same messages as one, worst first."""
    found: dict[tuple[str, Verdict, str], Finding] = {}
    for one in observations:
        if one.verdict not in TOLD:
            continue
        key = (one.requirement, one.verdict, one.message)
        known = found.get(key)
        found[key] = (
            replace(known, times=known.times + 1)
            if known
            else Finding(
                one.requirement, one.verdict, one.case, one.message, one.expected, one.got, wire=one.on
            )
        )
    return sorted(found.values(), key=lambda finding: WORST_FIRST.index(finding.verdict))
