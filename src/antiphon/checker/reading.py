"""What every reading of a report shares: order of verdicts, counts, shares, findings with requirements.

Counts are taken from the report's requirements each time; those that a record holds are never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from antiphon.checker.report import Report, Row, Told

UNTESTED = "untested"
VERDICTS = ("fail", "warn", "unclear", "unimplemented", "pass", "skipped", UNTESTED)
"""As they are shown, worst first; `untested` stands for no verdict."""
JUDGED = ("pass", "warn", "unclear", "fail")
"""The verdicts of what the server does; the others say that it was not seen doing it."""
LEVELS = ("MUST", "SHOULD", "MAY")
SEVERITIES = ("sdk", "schema", "cosmetic")
SEVERITY_TEXT = {
    "sdk": "breaks official SDKs",
    "schema": "violates the schema",
    "cosmetic": "cosmetic",
}


@dataclass
class Tally:
    """How many requirements have which verdict."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))

    def __getitem__(self, verdict: str) -> int:
        return self.counts[verdict]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def judged(self) -> int:
        return sum(self.counts[verdict] for verdict in JUDGED)

    @property
    def share(self) -> float | None:
        """Kept of judged, 0 to 1; None where nothing was judged. The unimplemented do not count."""
        return self.counts["pass"] / self.judged if self.judged else None


def verdict_of(row: Row) -> str:
    return row.verdict or UNTESTED


def tally(rows: Iterable[Row]) -> Tally:
    found = Tally()
    for row in rows:
        found.counts[verdict_of(row)] += 1
    return found


def by_level(report: Report) -> dict[str, Tally]:
    """Level → its tally, for the levels that there are."""
    found = {level: tally(row for row in report.requirements if row.level == level) for level in LEVELS}
    return {level: one for level, one in found.items() if one.total}


def by_area(report: Report) -> dict[str, dict[str, Tally]]:
    """Area → level → tally, areas in the order of the alphabet."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in sorted(report.requirements, key=lambda row: row.area):
        found.setdefault(row.area, {}).setdefault(row.level, []).append(row)
    return {
        area: {level: tally(levels[level]) for level in LEVELS if level in levels}
        for area, levels in found.items()
    }


def by_group(report: Report) -> dict[str, dict[str, Tally]]:
    """The first word of the areas → level → tally."""
    groups = sorted({row.area.partition(".")[0] for row in report.requirements})
    return {
        group: {
            level: one
            for level in LEVELS
            if (
                one := tally(row for row in report.requirements if _within(row, group) and row.level == level)
            ).total
        }
        for group in groups
    }


def _within(row: Row, group: str) -> bool:
    return row.area.partition(".")[0] == group


def percent(share: float | None) -> str:
    """Rounded down, so that only what is whole says 100 %."""
    return "–" if share is None else f"{int(share * 100)} %"


def ranked(report: Report) -> list[tuple[Row, Told]]:
    """The findings with their requirements: worst verdict, highest level, gravest breach first."""
    rows = {row.id: row for row in report.requirements}
    found = [(rows.get(told.requirement) or _stray(told), told) for told in report.findings]
    return sorted(found, key=lambda pair: (_rank(*pair), pair[0].id))


def _rank(row: Row, told: Told) -> tuple[int, int, int]:
    return (
        place(told.verdict, VERDICTS),
        place(row.level, LEVELS),
        place(row.severity, SEVERITIES),
    )


def place(name: str, order: tuple[str, ...]) -> int:
    """Where a name stands in an order; names that are not in it come last."""
    return order.index(name) if name in order else len(order)


def _stray(told: Told) -> Row:
    """A record may tell of a requirement that it does not list; it is shown all the same."""
    area = told.requirement.rpartition(".")[0]
    return Row(told.requirement, area, "", "MUST", "schema", "", told.verdict, [told.case], 1)


def untested_by_reason(report: Report) -> dict[str, list[Row]]:
    """Why → the requirements that were not tried for that reason."""
    found: dict[str, list[Row]] = {}
    for row in report.untested():
        found.setdefault(row.why or "no reason is recorded", []).append(row)
    return found


def headline(report: Report) -> str:
    """The outcome in one sentence."""
    levels = by_level(report)
    must = levels.get("MUST", Tally())
    if must["fail"]:
        return f"{must['fail']} of {must.judged} MUST requirements judged are broken"
    if not must.judged:
        return "No MUST requirement was judged"
    return f"No MUST requirement is broken, of {must.judged} judged"


def facts(report: Report) -> list[tuple[str, str]]:
    """What a reader must know to read the numbers: where, when, which law, how."""
    target = report.target
    known = [
        ("Target", str(target.get("name") or target.get("url") or "?")),
        ("URL", str(target.get("url", "")) if target.get("name") else ""),
        ("Model", str(target.get("model") or "")),
        ("Version", str(target.get("version") or "")),
        ("Configuration", str(target.get("configuration") or "")),
        ("Started", report.started),
        ("Law", law(report)),
        ("Profile", f"{report.profile}, seed {report.seed}"),
        ("Cost", f"{report.requests:,} requests, {report.tokens:,} tokens, {report.seconds:g} s"),
    ]  # fmt: skip
    return [(name, text) for name, text in known if text]


def law(report: Report) -> str:
    """The surface that the run was held to."""
    pin = report.pin
    return f"openai {pin.get('version', '?')} of {pin.get('date', '?')}, pin {str(pin.get('hash', ''))[:12]}"
