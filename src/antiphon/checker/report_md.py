"""A report as Markdown, for a pull request or a page of docs. What a server wrote stands in code only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from antiphon.checker.markup import clipped, one_line, pretty, value
from antiphon.checker.reading import (
    LEVELS,
    SEVERITY_TEXT,
    VERDICTS,
    Tally,
    by_area,
    by_level,
    facts,
    headline,
    percent,
    ranked,
    untested_by_reason,
)
from antiphon.checker.report import Report, Row, Told

LONGEST = 1_200
"""Characters of a body; GitHub takes 65,536 in a comment."""
MOST_FINDINGS = 25
"""Findings with their evidence; the others are told in a table, and whole in the record."""
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&!]")
SHOWN_IN_FULL = ("fail", "warn", "unclear")


def render(report: Report, known: Mapping[str, str] | None = None) -> str:
    """The report. `known`: requirement → why it is known to fail (`baseline`)."""
    known = known or {}
    found = ranked(report)
    parts = [
        "# Responses API compliance",
        f"**{headline(report)}.**",
        "\n".join(f"- {name}: {span(text)}" for name, text in facts(report)),
        "## Counts",
        counts(report),
        "## Areas",
        areas(report),
        *_findings([pair for pair in found if pair[1].verdict in SHOWN_IN_FULL], known),
        *_unimplemented([pair for pair in found if pair[1].verdict not in SHOWN_IN_FULL]),
        *_untested(report),
    ]
    return "\n\n".join(parts) + "\n"


def span(text: str, longest: int = 300) -> str:
    """Foreign text as code on one line: no tag, link, mention or emphasis in it acts."""
    flat = one_line(text, longest) or " "
    ticks = "`" * (_longest_run(flat) + 1)
    return f"{ticks} {flat} {ticks}" if "`" in flat else f"`{flat}`"


def prose(text: str, longest: int = 600) -> str:
    """A sentence of the law book: its code stays code, nothing else in it is markup."""
    pieces = re.split("(`[^`]+`)", one_line(text, longest))
    return "".join(
        span(piece.strip("`"))
        if piece.startswith("`") and len(piece) > 1
        else _SPECIAL.sub(r"\\\g<0>", piece)
        for piece in pieces
    )


def cell(text: str, longest: int = 200) -> str:
    """As `span`, in a table: there a bar ends the cell even inside code."""
    return span(text, longest).replace("|", "\\|")


def block(text: str, language: str = "") -> str:
    """Foreign text as a code block, with a fence that is not in it."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def counts(report: Report) -> str:
    """Levels as rows, verdicts as columns."""
    rows = [
        [level, *[str(one[verdict]) for verdict in VERDICTS], f"{percent(one.share)} of {one.judged}"]
        for level, one in by_level(report).items()
    ]
    return table(["", *VERDICTS, "kept of judged"], rows)


def areas(report: Report) -> str:
    """Areas as rows; what is kept and what is broken, MUST and SHOULD apart."""
    rows = [
        [span(area), *[text for level in LEVELS[:2] for text in _area(levels.get(level))]]
        for area, levels in by_area(report).items()
    ]
    names = ("kept", "fail", "unimplemented", "not tried")
    return table(["Area", *[f"{level} {name}" for level in LEVELS[:2] for name in names]], rows)


def _area(one: Tally | None) -> list[str]:
    if one is None:
        return ["–"] * 4
    unseen = one["untested"] + one["skipped"]
    numbers = [one["fail"], one["unimplemented"], unseen]
    return [f"{one['pass']} of {one.judged}", *[str(number) if number else "" for number in numbers]]


def _findings(found: list[tuple[Row, Told]], known: Mapping[str, str]) -> list[str]:
    if not found:
        return ["## Findings", "None."]
    shown = [_finding(row, told, known.get(row.id)) for row, told in found[:MOST_FINDINGS]]
    if len(found) > MOST_FINDINGS:
        rows = [[cell(told.verdict), *_row(row, told)] for row, told in found[MOST_FINDINGS:]]
        shown.append(table(["Verdict", "Requirement", "Level", "Seen"], rows))
    return ["## Findings", *shown]


def _row(row: Row, told: Told) -> list[str]:
    return [cell(row.id), cell(row.level), cell(told.message)]


def _finding(row: Row, told: Told, known: str | None) -> str:
    severity = SEVERITY_TEXT.get(row.severity, row.severity)
    times = f" · {told.times} times" if told.times > 1 else ""
    expected = " or ".join(span(value(one, 200)) for one in told.expected)
    lines = [
        f"### {span(row.id)}",
        f"**{span(told.verdict)}** · {span(row.level)} · {severity}{times}",
        f"- Requirement: {prose(row.sentence)}" if row.sentence else "",
        f"- Source: {prose(row.source)}" if row.source else "",
        f"- Case: {span(told.case)}" if told.case else "",
        f"- Seen: {span(told.message, 600)}" if told.message else "",
        f"- Expected: {expected}" if expected else "",
        f"- Got: {span(value(told.got, 400), 400)}" if expected or told.got is not None else "",
        f"- Known: {span(known, 600)}" if known is not None else "",
    ]  # fmt: skip
    text = "\n".join(line for line in lines[2:] if line)
    return "\n\n".join([*lines[:2], text, *_evidence(told)])


def _evidence(told: Told) -> list[str]:
    """The command, and the last exchange; the others are in the record."""
    found = [_folded("curl", block(clipped(told.curl, LONGEST), "sh"))] if told.curl else []
    return [*found, _folded("wire", _exchange(told.wire[-1]))] if told.wire else found


def _folded(name: str, text: str) -> str:
    return f"<details><summary>{name}</summary>\n\n{text}\n\n</details>"


def _exchange(one: Mapping[str, Any]) -> str:
    headers = "\n".join(f"{pair[0]}: {pair[1]}" for pair in one.get("headers") or ())
    lines = [
        f"{one.get('method')} {one.get('url')}",
        pretty(str(one.get("request") or ""), LONGEST),
        "",
        f"{one.get('status') or 'no answer'} {one.get('fault') or ''}".strip(),
        headers,
        "",
        pretty(str(one.get("body") or ""), LONGEST),
    ]
    return block(clipped("\n".join(lines), 3 * LONGEST))


def _unimplemented(found: list[tuple[Row, Told]]) -> list[str]:
    if not found:
        return []
    rows = [_row(row, told) for row, told in found]
    return ["## Unimplemented", table(["Requirement", "Level", "What the server said"], rows)]


def _untested(report: Report) -> list[str]:
    """What was not tried, by reason."""
    reasons = untested_by_reason(report)
    if not reasons:
        return []
    groups = [
        f"{len(rows)}: {span(why)}\n\n{_folded('requirements', _listed(rows))}"
        for why, rows in sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    ]
    return ["## Not tried", *groups]


def _listed(rows: list[Row]) -> str:
    return "\n".join(f"- {span(row.id)} {span(row.level)}" for row in rows)
