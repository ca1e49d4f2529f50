"""A report as one HTML file that needs no network: filters, charts, and the evidence of every finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from antiphon.checker.charts import bar, legend
from antiphon.checker.evidence import evidence
from antiphon.checker.markup import Markup, breakable, joined, one_line, prose, tag
from antiphon.checker.page import header, page
from antiphon.checker.reading import (
    LEVELS,
    SEVERITIES,
    SEVERITY_TEXT,
    UNTESTED,
    VERDICTS,
    Tally,
    by_area,
    by_group,
    by_level,
    facts,
    headline,
    percent,
    ranked,
    tally,
    untested_by_reason,
    verdict_of,
)
from antiphon.checker.report import Report, Row, Told


def render(report: Report, known: Mapping[str, str] | None = None) -> str:
    """The page. `known`: requirement → why it is known to fail (`baseline`)."""
    target = str(report.target.get("name") or report.target.get("url") or "?")
    return page(
        f"Responses API compliance of {one_line(target, 120)}",
        header(f"Responses API compliance: {one_line(target, 120)}", headline(report), _facts(report)),
        tag(
            "main",
            _levels(report),
            _areas(report),
            _filters(report),
            _findings(report, known or {}),
            _requirements(report),
            _untested(report),
        ),
        tag("footer", tag("p", "All numbers are counted from the run's record; none is entered by hand.")),
    )


def _facts(report: Report) -> Markup:
    pairs = [joined([tag("dt", name), tag("dd", one_line(text))]) for name, text in facts(report)]
    return tag("dl", *pairs, class_="facts")


def _levels(report: Report) -> Markup:
    """MUST and SHOULD apart, each with all its verdicts."""
    cards = [_level(level, one) for level, one in by_level(report).items()]
    return tag("section", tag("div", *cards, class_="cards"), legend())


def _level(level: str, one: Tally) -> Markup:
    numbers = [
        tag("li", tag("b", str(one[verdict])), tag("span", verdict), class_=f"n-{verdict}")
        for verdict in VERDICTS
        if one[verdict]
    ]
    kept = f"{percent(one.share)} kept of {one.judged} judged, {one.total} in all"
    return tag("div", tag("h2", level), tag("p", kept), bar(one, level), tag("ul", *numbers), class_="card")


def _areas(report: Report) -> Markup:
    """MUST and SHOULD of each area as bars, grouped by its first word; a tap on a name filters."""
    areas = by_area(report)
    groups = [
        _group(group, levels, {area: areas[area] for area in areas if area.startswith(f"{group}.")})
        for group, levels in by_group(report).items()
    ]
    head = tag("div", *[tag("span", name) for name in ("Area", *LEVELS[:2])], class_="area-row head")
    return tag("section", tag("h2", "Areas"), tag("div", head, *groups, class_="areas"))


def _group(group: str, levels: Mapping[str, Tally], inside: Mapping[str, Mapping[str, Tally]]) -> Markup:
    if not inside:
        return _area(group, levels)
    summary = tag("summary", _area(group, levels))
    return tag("details", summary, *[_area(area, one) for area, one in inside.items()])


def _area(area: str, levels: Mapping[str, Tally]) -> Markup:
    name = tag("button", breakable(area), type="button", class_="area", data_area=area)
    cells = [
        tag("div", bar(levels[level], f"{area} {level}"), tag("small", _share(levels[level])))
        if level in levels
        else tag("div", tag("small", "–"))
        for level in LEVELS[:2]
    ]
    return tag("div", tag("div", name), *cells, class_="area-row")


def _share(one: Tally) -> str:
    unseen = one.total - one.judged
    return f"{one['pass']} of {one.judged} kept" + (f", {unseen} not seen" if unseen else "")


def _filters(report: Report) -> Markup:
    """Hidden until the script that acts on it runs; without one, everything is shown."""
    counts = tally(report.requirements)
    chips = [
        tag("button", f"{verdict} {counts[verdict]}", type="button", class_=f"chip c-{verdict}",
            data_verdict=verdict, aria_pressed="false")
        for verdict in VERDICTS if counts[verdict]
    ]  # fmt: skip
    search = tag(
        "input", type="search", id="search", placeholder="Search text, wire logs too", aria_label="Search"
    )
    selects = [
        _select("area", "All areas", ((one, one) for one in _prefixes(report))),
        _select("level", "All levels", ((one, one) for one in by_level(report))),
        _select("severity", "All severities", ((one, SEVERITY_TEXT[one]) for one in SEVERITIES)),
    ]
    clear = tag("button", "Clear", type="button", id="clear", class_="chip")
    shown = tag("output", "", id="shown")
    return tag(
        "form",
        tag("div", search, shown, class_="line"),
        tag("div", *chips, *selects, clear, class_="line strip"),
        id="filters",
        hidden=True,
    )


def _select(name: str, everything: str, options: Iterable[tuple[str, str]]) -> Markup:
    found = [tag("option", text, value=one) for one, text in options]
    return tag("select", tag("option", everything, value=""), *found, id=name, aria_label=name)


def _prefixes(report: Report) -> list[str]:
    """Areas and the areas above them: `responses` finds `responses.stream` too."""
    found: set[str] = set()
    for row in report.requirements:
        words = row.area.split(".")
        found |= {".".join(words[:number]) for number in range(1, len(words) + 1)}
    return sorted(found)


def _findings(report: Report, known: Mapping[str, str]) -> Markup:
    rows = [
        _finding(row, told, known.get(row.id), number) for number, (row, told) in enumerate(ranked(report), 1)
    ]
    empty = None if rows else tag("p", "Nothing is to be told.", class_="dim")
    heading = tag("h2", "Findings ", tag("small", f"{len(rows)}", class_="number"))
    return tag("section", heading, *rows, empty, id="findings")


def _finding(row: Row, told: Told, known: str | None, number: int) -> Markup:
    badges = [
        tag("span", told.verdict, class_=f"badge b-{_class(told.verdict)}"),
        tag("span", row.level, class_="badge"),
        tag("span", SEVERITY_TEXT.get(row.severity, row.severity), class_=f"badge s-{_class(row.severity)}"),
        tag("span", f"{told.times}×", class_="badge") if told.times > 1 else None,
        tag("span", "known", class_="badge known") if known is not None else None,
    ]
    summary = tag(
        "summary",
        tag("span", *badges, class_="badges"),
        tag("span", breakable(row.id), class_="id"),
        tag("span", one_line(told.message, 400), class_="message"),
    )
    about = tag(
        "dl",
        *_pair("Requirement", row.sentence and prose(row.sentence)),
        *_pair("Source", row.source and prose(row.source)),
        *_pair("Case", one_line(told.case)),
        *_pair("Known", one_line(known or "", 2_000)),
    )
    return tag(
        "details",
        summary,
        tag("div", about, evidence(told), class_="inside"),
        class_="finding row",
        id=f"f{number}",
        data_area=row.area,
        data_verdict=told.verdict,
        data_level=row.level,
        data_severity=row.severity,
    )


def _class(name: str) -> str:
    """A class only from what the report format knows."""
    return name if name in (*VERDICTS, *SEVERITIES) else "other"


def _pair(name: str, text: str) -> list[Markup]:
    return [tag("dt", name), tag("dd", text)] if text else []


def _requirements(report: Report) -> Markup:
    rows = [_requirement(row) for row in sorted(report.requirements, key=lambda row: row.id)]
    table = tag("table", tag("tbody", *rows), class_="requirements")
    summary = tag("summary", tag("h2", "All requirements ", tag("small", f"{len(rows)}", class_="number")))
    return tag("section", tag("details", summary, table), id="requirements")


def _requirement(row: Row) -> Markup:
    verdict = verdict_of(row)
    looks = f"{row.observations} looks" if row.observations else row.why
    return tag(
        "tr",
        tag("td", tag("span", verdict, class_=f"badge b-{_class(verdict)}")),
        tag("td", tag("span", breakable(row.id), class_="id"), tag("p", prose(row.sentence, 600)),
            tag("small", f"{row.level} · {SEVERITY_TEXT.get(row.severity, row.severity)} · {looks}")),
        class_="row",
        data_area=row.area,
        data_verdict=verdict,
        data_level=row.level,
        data_severity=row.severity,
    )  # fmt: skip


def _untested(report: Report) -> Markup | None:
    """What was not tried, by reason: a report that hid it would flatter the server."""
    reasons = untested_by_reason(report)
    if not reasons:
        return None
    groups = [
        tag("details",
            tag("summary", f"{one_line(why)} ", tag("small", f"{len(rows)}", class_="number")),
            tag("ul", *[tag("li", tag("code", row.id), f" {row.level}") for row in rows]))
        for why, rows in sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    ]  # fmt: skip
    number = sum(len(rows) for rows in reasons.values())
    heading = tag("h2", "Not tried ", tag("small", f"{number}", class_="number"))
    return tag("section", heading, *groups, id=UNTESTED)
