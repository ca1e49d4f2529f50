"""The review of a quarter, rendered from what was kept: drift history, mapping, reports of runs."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon.checker.drift import mapping as mappings
from antiphon.checker.drift import watch
from antiphon.checker.drift.priorities import DAYS, Priority
from antiphon.spec import catalogue

JSON = dict[str, Any]

_STATUSES = ("pass", "warn", "unclear", "fail", "unimplemented", "untried", "refused", "absent")


class NoReview(ValueError):
    """The quarter is none, or what it was to be rendered from cannot be read."""


@dataclass(frozen=True, slots=True)
class Quarter:
    """`first` and `last` day, both in it."""

    name: str
    first: datetime.date
    last: datetime.date

    def holds(self, day: str) -> bool:
        return self.first.isoformat() <= day[:10] <= self.last.isoformat()


def quarter(text: str) -> Quarter:
    """`2026Q4` as days. Raises `NoReview`."""
    found = re.fullmatch(r"(\d{4})-?Q([1-4])", text, re.IGNORECASE)
    if found is None:
        raise NoReview(f"{text} is no quarter: write 2026Q4")
    year, number = int(found[1]), int(found[2])
    first = datetime.date(year, 3 * number - 2, 1)
    after = datetime.date(year + 1, 1, 1) if number == 4 else datetime.date(year, 3 * number + 1, 1)
    return Quarter(f"{year} Q{number}", first, after - datetime.timedelta(days=1))


def review(text: str, *, history: Path | None, mapping: Path, reports: Path | None) -> str:
    """The page, in Markdown. What was not kept is said to be missing. Raises `NoReview`."""
    when = quarter(text)
    parts = [
        f"# Review of {when.name}",
        f"{when.first} to {when.last}. The pin is openai {catalogue.VERSION} of {catalogue.DATE} "
        f"(`{catalogue.HASH[:12]}`).",
        "## What moved",
        _drift(when, history),
        "## What stands behind the pin",
        _mapped(mapping),
        "## What the runs said",
        _runs(when, reports),
    ]
    return "\n\n".join(parts) + "\n"


def _drift(when: Quarter, folder: Path | None) -> str:
    seen = [one for one in watch.history(folder) if when.holds(one.day)] if folder else []
    if not seen:
        return "No look at the package index was kept in this quarter (`antiphon spec watch --history DIR`)."
    rows = ["| seen | newest SDK | changes against the pin | " + " | ".join(Priority) + " |"]
    rows.append("| --- | --- | --- |" + " --- |" * len(Priority))
    for one in seen:
        counts = one.summary["priority"]
        cells = [str(counts.get(str(priority), 0)) for priority in Priority]
        rows.append(f"| {one.day} | {one.newest} | {one.summary['changes']} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n\n" + _due(seen[-1], when)


def _due(last: watch.Seen, when: Quarter) -> str:
    """Which deadlines of the last state fall into the quarter."""
    first = datetime.date.fromisoformat(last.first)
    due = [
        (priority, first + datetime.timedelta(days=days), last.summary["priority"].get(str(priority), 0))
        for priority, days in DAYS.items()
    ]
    lines = [
        f"- {count} × {priority}: due {day.isoformat()}{', in this quarter' if when.holds(str(day)) else ''}"
        for priority, day, count in due
        if count
    ]
    return "\n".join(lines) or "Nothing is open: the pin was what the newest SDK said."


def _mapped(file: Path) -> str:
    if not file.is_file():
        return f"There is no mapping ({file.name}): `antiphon spec map` writes it."
    try:
        found = mappings.read(file)
    except mappings.NotMappable as exc:
        raise NoReview(str(exc)) from exc
    groups = mappings.by_group(found)
    total = Counter[str]()
    for counts in groups.values():
        total += counts
    shown = [status for status in _STATUSES if total[status]]
    rows = ["| elements | all | " + " | ".join(shown) + " |", "| --- | --- |" + " --- |" * len(shown)]
    for name, counts in [*sorted(groups.items()), ("all", total)]:
        cells = [str(counts[status]) for status in shown]
        rows.append(f"| {name} | {sum(counts.values())} | " + " | ".join(cells) + " |")
    bare = sum(1 for one in found["elements"].values() if one["code"] and not one["tests"])
    gaps = sum(1 for one in found["elements"].values() if not one["requirements"])
    return "\n".join(rows) + f"\n\n{bare} elements have code and no test; {gaps} have no requirement."


def _runs(when: Quarter, folder: Path | None) -> str:
    found = sorted(_reports(folder), key=lambda one: str(one["started"])) if folder else []
    found = [one for one in found if when.holds(str(one["started"]))]
    if not found:
        return "No run was kept in this quarter (`antiphon check URL --json FILE`)."
    verdicts = ("pass", "fail", "warn", "unimplemented", "skipped", "unclear")
    rows = ["| started | target | profile | " + " | ".join(verdicts) + " | new fails |"]
    rows.append("| --- | --- | --- |" + " --- |" * len(verdicts) + " --- |")
    before: dict[str, set[str]] = {}
    for one in found:
        target = str(one["target"]["url"])
        counts = Counter(str(requirement["verdict"]) for requirement in one["requirements"])
        failed = {str(each["id"]) for each in one["requirements"] if each["verdict"] == "fail"}
        news = len(failed - before[target]) if target in before else "–"
        before[target] = failed
        cells = [str(counts[verdict]) for verdict in verdicts]
        rows.append(
            f"| {one['started']} | {target} | {one.get('profile')} | " + " | ".join(cells) + f" | {news} |"
        )
    return "\n".join(rows)


def _reports(folder: Path) -> list[JSON]:
    found: list[JSON] = []
    for file in sorted(folder.glob("*.json")):
        try:
            one: JSON = json.loads(file.read_text("utf-8"))
        except ValueError as exc:
            raise NoReview(f"{file}: {exc}") from exc
        if str(one.get("format", "")).startswith("antiphon-report/"):
            found.append(one)
    return found
