"""The record of a run: JSON, format `antiphon-report/1`. Every other form of report is a reading of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from antiphon.checker.requirements import LawBook, Requirement
from antiphon.checker.verdicts import Finding, Observation, Verdict, findings, fold
from antiphon.checker.wire import JSON, curl
from antiphon.spec import catalogue

FORMAT = "antiphon-report/1"


class ReportError(ValueError):
    """The text is no report of this format."""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement in a run. `verdict` is None where it was not tried; `why` says why then."""

    id: str
    area: str
    sentence: str
    level: str
    severity: str
    source: str
    verdict: str | None
    cases: list[str]
    observations: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as the record keeps it: `wire` are the exchanges, `curl` sends the last one again."""

    requirement: str
    verdict: str
    case: str
    message: str
    expected: list[Any]
    got: Any
    wire: list[JSON]
    curl: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Report:
    """A run. `started` is ISO 8601 in UTC; `seconds` its length; `pin` says which law it was held to."""

    target: JSON
    started: str
    seconds: float
    requests: int
    tokens: int
    profile: str
    seed: int
    requirements: list[Row]
    findings: list[Told]
    pin: JSON = field(default_factory=dict[str, Any])

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Area → level → verdict → how many; `untested` counts those without a verdict."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for row in self.requirements:
            level = found.setdefault(row.area, {}).setdefault(row.level, {})
            verdict = row.verdict or "untested"
            level[verdict] = level.get(verdict, 0) + 1
        return found

    def untested(self) -> list[Row]:
        return [row for row in self.requirements if row.verdict is None]

    def failed(self, level: str = "MUST") -> list[Row]:
        return [row for row in self.requirements if row.verdict == Verdict.FAIL and row.level == level]

    @property
    def exit_code(self) -> int:
        """0 where no MUST failed, else 1."""
        return 1 if self.failed() else 0

    def as_json(self) -> JSON:
        return {
            "format": FORMAT,
            "target": self.target,
            "pin": self.pin,
            "started": self.started,
            "seconds": self.seconds,
            "requests": self.requests,
            "tokens": self.tokens,
            "profile": self.profile,
            "seed": self.seed,
            "counts": self.counts(),
            "requirements": [asdict(row) for row in self.requirements],
            "findings": [asdict(told) for told in self.findings],
            "untested": [{"id": row.id, "why": row.why} for row in self.untested()],
        }

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(file: Path) -> Report:
    """A report from its file. Raises `ReportError` where it is none."""
    try:
        return from_json(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as exc:
        raise ReportError(f"{file}: {exc}") from exc


def from_json(document: Mapping[str, Any]) -> Report:
    """A report from the record. Raises `ReportError` where it is none."""
    if document.get("format") != FORMAT:
        raise ReportError(f"format is {document.get('format')!r}, not {FORMAT!r}")
    try:
        plain = {
            name: document[name]
            for name in ("target", "pin", "started", "seconds", "requests", "tokens", "profile", "seed")
        }
        rows = [Row(**row) for row in document["requirements"]]
        told = [Told(**one) for one in document["findings"]]
    except (KeyError, TypeError) as exc:
        raise ReportError(f"not a whole report: {exc}") from exc
    return Report(**plain, requirements=rows, findings=told)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a run besides what was seen."""

    target: JSON
    started: str
    seconds: float
    requests: int = 0
    tokens: int = 0
    profile: str = "full"
    seed: int = 0
    asked: frozenset[str] | None = None
    """The requirements of which something was tried or could have been seen; None: all."""
    untested: Mapping[str, str] = field(default_factory=dict[str, str])
    """Requirement → why it was not tried, where that is known."""


def build(book: LawBook, observations: Iterable[Observation], about: Circumstances) -> Report:
    """The record of what was seen."""
    seen = list(observations)
    verdicts = fold(seen)
    cases: dict[str, set[str]] = {}
    number: dict[str, int] = {}
    for one in seen:
        number[one.requirement] = number.get(one.requirement, 0) + 1
        if one.case:
            cases.setdefault(one.requirement, set()).add(one.case)
    rows = [
        _row(one, verdicts.get(one.id), sorted(cases.get(one.id, ())), number.get(one.id, 0), about)
        for one in book.requirements
    ]
    return Report(
        target=about.target,
        pin=pin_facts(),
        started=about.started,
        seconds=about.seconds,
        requests=about.requests,
        tokens=about.tokens,
        profile=about.profile,
        seed=about.seed,
        requirements=rows,
        findings=[_told(one) for one in findings(seen)],
    )


def pin_facts() -> JSON:
    """Which law the run was held to."""
    return {"version": catalogue.VERSION, "date": catalogue.DATE, "hash": catalogue.HASH}


def _row(
    one: Requirement, verdict: Verdict | None, cases: list[str], number: int, about: Circumstances
) -> Row:
    why = "" if verdict is not None else about.untested.get(one.id, "nothing in this run showed it")
    if verdict is None and about.asked is not None and one.id not in about.asked:
        why = f"not selected (profile {about.profile})"
    return Row(
        id=one.id,
        area=one.area,
        sentence=one.sentence,
        level=one.level.value,
        severity=one.severity.value,
        source=one.source,
        verdict=verdict.value if verdict is not None else None,
        cases=cases,
        observations=number,
        why=why,
    )


def _told(finding: Finding) -> Told:
    return Told(
        requirement=finding.requirement,
        verdict=finding.verdict.value,
        case=finding.case,
        message=finding.message,
        expected=[one for one in finding.expected if one is not None],
        got=finding.got,
        wire=[exchange.record() for exchange in finding.wire],
        curl=curl(finding.wire[-1]) if finding.wire else "",
        times=finding.times,
    )
