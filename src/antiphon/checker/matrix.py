"""Several deployments side by side, from the records of their runs, as HTML and as Markdown.

Fair to each: every column says when, which version, which configuration, which law; what was not tried and
what is unimplemented stands apart from what is broken; nothing is ranked, no number is entered by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from antiphon.checker import report as reports
from antiphon.checker.charts import bar, legend, spelled
from antiphon.checker.markup import Markup, breakable, joined, one_line, tag
from antiphon.checker.page import header, page
from antiphon.checker.reading import LEVELS, Tally, facts, percent, tally, verdict_of
from antiphon.checker.report import Report, ReportError, Row
from antiphon.checker.report_md import cell, span, table

ABSENT = "absent"


def load(files: Iterable[Path]) -> list[Report]:
    """Records (JSON), or lists of them: TOML, `[[deployment]]` with `record` (a path from the list's folder),
    `name`, `version`, `configuration`. Raises `ReportError`."""
    found: list[Report] = []
    for file in files:
        found += _listed(file) if file.suffix == ".toml" else [reports.read(file)]
    return found


def _listed(file: Path) -> list[Report]:
    try:
        tables = tomllib.loads(file.read_text("utf-8"))["deployment"]
        return [_deployment(file, dict(one)) for one in tables]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReportError(f"{file}: {exc!r}") from exc


def _deployment(file: Path, table: dict[str, Any]) -> Report:
    made = reports.read(file.parent / table.pop("record"))
    if strange := set(table) - {"name", "version", "configuration"}:
        raise ReportError(f"unknown keys {sorted(strange)}")
    return replace(made, target={**made.target, **table})


def name_of(one: Report) -> str:
    return one_line(str(one.target.get("name") or one.target.get("url") or "?"), 80)


class Matrix:
    """The columns, and the requirements of all of them."""

    def __init__(self, columns: Sequence[Report]) -> None:
        self.columns = tuple(columns)
        self.names = [name_of(one) for one in columns]
        self._rows = [{row.id: row for row in one.requirements} for one in columns]
        merged: dict[str, Row] = {}
        for rows in self._rows:
            merged |= rows
        self.requirements = [merged[name] for name in sorted(merged)]

    @property
    def areas(self) -> list[str]:
        return sorted({row.area for row in self.requirements})

    @property
    def same_law(self) -> bool:
        return len({str(one.pin.get("hash")) for one in self.columns}) <= 1

    def tallies(self, level: str, area: str | None = None) -> list[Tally]:
        """One per column, over the requirements of this level (and area)."""
        return [
            tally(row for row in rows.values() if row.level == level and area in (None, row.area))
            for rows in self._rows
        ]

    def verdicts(self, name: str) -> list[str]:
        """One per column."""
        return [verdict_of(rows[name]) if name in rows else ABSENT for rows in self._rows]

    def differing(self) -> list[Row]:
        """The requirements that the columns do not keep alike."""
        return [row for row in self.requirements if len(set(self.verdicts(row.id))) > 1]


def markdown(columns: Sequence[Report]) -> str:
    """The page as Markdown."""
    one = Matrix(columns)
    parts = ["# Deployments compared", _law(one), "## What was run", _md_facts(one)]
    for level in LEVELS[:2]:
        rows = [
            [span(area), *map(_md_cell, one.tallies(level, area))]
            for area in one.areas
            if any(t.total for t in one.tallies(level, area))
        ]
        total = ["**all**", *map(_md_cell, one.tallies(level))]
        note = "Kept of judged; then broken (✗), unimplemented (○) and not tried (·)."
        parts += [f"## {level}", note, table(["Area", *map(cell, one.names)], [total, *rows])]
    differing = [[cell(row.id), cell(row.level), *one.verdicts(row.id)] for row in one.differing()]
    parts += ["## Where they differ", table(["Requirement", "Level", *map(cell, one.names)], differing)]
    return "\n\n".join(parts) + "\n"


def _law(one: Matrix) -> str:
    if one.same_law:
        return "All were held to the same law; all numbers are counted from the runs' records."
    return "They were **not** held to the same law: their numbers do not compare."


def _md_facts(one: Matrix) -> str:
    told = [dict(facts(column)) for column in one.columns]
    names = list(dict.fromkeys(name for facts_of in told for name in facts_of))
    rows = [[name, *[cell(facts_of.get(name, "–")) for facts_of in told]] for name in names]
    return table(["", *map(cell, one.names)], rows)


def _md_cell(one: Tally) -> str:
    unseen = one["untested"] + one["skipped"]
    marks = (("✗", one["fail"]), ("○", one["unimplemented"]), ("·", unseen))
    return " ".join([f"{one['pass']}/{one.judged}", *[f"{number}{sign}" for sign, number in marks if number]])


def html(columns: Sequence[Report]) -> str:
    """The page as one HTML file."""
    one = Matrix(columns)
    title = "Responses API: deployments compared"
    law = tag("p", _law(one).replace("**", ""), class_="dim")
    levels = [_level(one, level) for level in LEVELS[:2]]
    return page(
        title,
        header(title, ", ".join(one.names), law),
        tag("main", legend(), *levels, _differing(one), _notes(one)),
    )


def _level(one: Matrix, level: str) -> Markup:
    rows = [_html_row("All areas", one.tallies(level), level)]
    for area in one.areas:
        tallies = one.tallies(level, area)
        if any(t.total for t in tallies):
            rows.append(_html_row(area, tallies, level))
    return tag("section", tag("h2", level), _table(["Area", *_heads(one)], rows))


def _html_row(area: str, tallies: list[Tally], level: str) -> Markup:
    cells = [
        tag("td", bar(each, f"{area} {level}"), tag("small", _kept(each)), title=spelled(each))
        if each.total
        else tag("td", "–")
        for each in tallies
    ]
    return tag("tr", tag("th", breakable(area), scope="row"), *cells)


def _kept(one: Tally) -> str:
    if not one.judged:
        return "not judged"
    broken = f", {one['fail']} broken" if one["fail"] else ""
    return f"{percent(one.share)} of {one.judged} judged{broken}"


def _heads(one: Matrix) -> list[Markup]:
    """Name, version and day of each column."""
    return [
        joined(
            [name, tag("small", one_line(f"{column.target.get('version') or ''} {column.started[:10]}", 80))]
        )
        for name, column in zip(one.names, one.columns, strict=True)
    ]


def _table(names: Sequence[str], rows: Sequence[Markup]) -> Markup:
    head = tag("tr", *[tag("th", name, scope="col") for name in names])
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="matrix"), class_="wide")


def _differing(one: Matrix) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", breakable(row.id), tag("small", f" {row.level}"), scope="row", title=row.sentence),
            *[
                tag("td", tag("span", verdict, class_=f"badge b-{verdict}"))
                for verdict in one.verdicts(row.id)
            ],
        )
        for row in one.differing()
    ]
    heading = tag("h2", "Where they differ ", tag("small", str(len(rows)), class_="number"))
    return tag("section", heading, _table(["Requirement", *_heads(one)], rows))


def _notes(one: Matrix) -> Markup:
    """When, which version, which configuration."""
    notes = [
        tag("div", tag("h3", name), tag("dl", *_pairs(column), class_="facts"), class_="note")
        for name, column in zip(one.names, one.columns, strict=True)
    ]
    return tag("section", tag("h2", "What was run"), *notes)


def _pairs(column: Report) -> list[Markup]:
    return [
        part for name, text in facts(column) for part in (tag("dt", name), tag("dd", one_line(text, 1_000)))
    ]
