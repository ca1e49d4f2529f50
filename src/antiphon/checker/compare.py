"""Two runs side by side: what broke, what was fixed, what is no longer seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from antiphon.checker.markup import one_line
from antiphon.checker.reading import LEVELS, SEVERITIES, by_level, law, percent, place, verdict_of
from antiphon.checker.report import Report, Row

FORMAT = "antiphon-comparison/1"
ABSENT = "absent"
"""The verdict of a requirement that one of the runs does not have."""
KINDS = ("broken", "lost", "fixed", "other")


@dataclass(frozen=True, slots=True)
class Change:
    """A requirement whose verdict differs. `kind`: `broken` fails now and did not; `fixed` failed and passes;
    `lost` passed and is no longer seen to; `other` is anything else."""

    kind: str
    id: str
    level: str
    severity: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    before: Report
    after: Report
    changes: tuple[Change, ...]

    def of(self, kind: str) -> list[Change]:
        return [one for one in self.changes if one.kind == kind]

    @property
    def exit_code(self) -> int:
        """1 where a MUST fails that did not fail before, else 0."""
        return 1 if any(one.level == "MUST" for one in self.of("broken")) else 0

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "before": _about(self.before),
            "after": _about(self.after),
            "same_law": self.before.pin.get("hash") == self.after.pin.get("hash"),
            **{kind: [asdict(one) for one in self.of(kind)] for kind in KINDS},
            "exit_code": self.exit_code,
        }


def compare(before: Report, after: Report) -> Comparison:
    old, new = _rows(before), _rows(after)
    changes = [
        change
        for name in old.keys() | new.keys()
        if (change := _change(old.get(name), new.get(name))) is not None
    ]
    changes.sort(key=_order)
    return Comparison(before, after, tuple(changes))


def _rows(report: Report) -> dict[str, Row]:
    return {row.id: row for row in report.requirements}


def _change(old: Row | None, new: Row | None) -> Change | None:
    one = new or old
    if one is None:
        return None
    before = verdict_of(old) if old else ABSENT
    after = verdict_of(new) if new else ABSENT
    if before == after:
        return None
    return Change(_kind(before, after), one.id, one.level, one.severity, before, after)


def _kind(before: str, after: str) -> str:
    if after == "fail":
        return "broken"
    if before == "fail" and after == "pass":
        return "fixed"
    return "lost" if before == "pass" else "other"


def _order(one: Change) -> tuple[int, int, int, str]:
    return (
        KINDS.index(one.kind),
        place(one.level, LEVELS),
        place(one.severity, SEVERITIES),
        one.id,
    )


def _about(report: Report) -> dict[str, Any]:
    levels = {level: dict(one.counts) for level, one in by_level(report).items()}
    return {
        "target": report.target,
        "started": report.started,
        "profile": report.profile,
        "pin": report.pin,
        "counts": levels,
    }


def tell(comparison: Comparison) -> str:
    """What the terminal says."""
    lines = [*_heads(comparison), ""]
    titles = {
        "broken": "Broken",
        "lost": "No longer seen to pass",
        "fixed": "Fixed",
        "other": "Other changes",
    }
    for kind in KINDS:
        found = comparison.of(kind)
        if found:
            lines += [f"{titles[kind]}: {len(found)}", *_lines(found), ""]
    if not comparison.changes:
        lines += ["No requirement's verdict differs.", ""]
    return "\n".join(lines)


def _heads(comparison: Comparison) -> Iterable[str]:
    for name, report in (("before", comparison.before), ("after", comparison.after)):
        shares = ", ".join(
            f"{level} {one['fail']} fail, {percent(one.share)} kept"
            for level, one in by_level(report).items()
        )
        yield one_line(f"{name} {report.target.get('url', '?')} at {report.started}: {shares}")
    if comparison.before.pin.get("hash") != comparison.after.pin.get("hash"):
        yield one_line(f"The law differs: {law(comparison.before)}; {law(comparison.after)}")
    if comparison.before.profile != comparison.after.profile:
        yield one_line(f"The profile differs: {comparison.before.profile}; {comparison.after.profile}")


def _lines(found: list[Change]) -> list[str]:
    return ["  " + one_line(f"{one.level} {one.id}: {one.before} -> {one.after}") for one in found]
