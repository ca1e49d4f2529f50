"""A comparison as people read it: Markdown for a page, text for an issue."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from antiphon.checker.drift.diff import Change, Drift
from antiphon.checker.drift.flatten import ROOTS
from antiphon.checker.drift.priorities import DAYS, RULES, Priority

JSON = dict[str, Any]

_HEADINGS = {
    Priority.BREAKS_CLIENTS: "Breaks clients",
    Priority.NEW_REQUIRED: "New and required",
    Priority.OPTIONAL: "Optional",
    Priority.DOCS: "Documentation",
}
_KINDS = ("operation", "parameter", "event", "item", "tool", "field", "value", "limit")


def as_json(drift: Drift) -> str:
    return json.dumps(drift.record(), indent=1, ensure_ascii=False) + "\n"


def as_markdown(drift: Drift) -> str:
    """The whole comparison. Changes that the twin unions share stand on one line."""
    parts = [f"# From {drift.old} to {drift.new}", counts_table(drift)]
    if not drift.changes:
        parts.append("Nothing was added, removed or changed.")
    for priority, heading in _HEADINGS.items():
        some = [one for one in drift.changes if one.priority == priority and not one.because]
        if some:
            parts += [f"## {heading} ({len(some)})", lines(some)]
    explained = [one for one in drift.changes if one.because]
    if explained:
        parts.append(f"## Explained ({len(explained)})")
        for reason in dict.fromkeys(one.because for one in explained):
            some = [one for one in explained if one.because == reason]
            parts += [f"### {reason} ({len(some)})", lines(some)]
    return "\n\n".join(parts) + "\n"


def as_issue(drift: Drift, seen: datetime.date) -> str:
    """The text of an issue: what moved, by when each priority is due, and what to do."""
    parts = [
        f"# The official surface moved: {drift.old} → {drift.new}",
        counts_table(drift),
        deadlines(drift, seen),
    ]
    for priority in (Priority.BREAKS_CLIENTS, Priority.NEW_REQUIRED):
        some = [one for one in drift.changes if one.priority == priority and not one.because]
        if some:
            parts += [f"## {_HEADINGS[priority]} ({len(some)})", lines(some)]
    rest = [one for one in drift.changes if one.priority == Priority.OPTIONAL and not one.because]
    if rest:
        parts += [f"## Optional ({len(rest)})", _folded(lines(rest))]
    parts.append(
        "## To do\n\n"
        "- [ ] `pip install` the new SDK, `antiphon spec pin`, read the diff of `pin.json`\n"
        "- [ ] requirements and cases for what is new; gaps with a reason for what is not tried\n"
        "- [ ] `antiphon spec map`, then `antiphon spec validate`\n"
        "- [ ] docs/priorities.md and the changelog"
    )
    return "\n\n".join(parts) + "\n"


def priorities_page(drift: Drift, seen: datetime.date) -> str:
    """The table of what is open, by when, and the rules that decide it."""
    rules = [
        f"| `{rule.name}` | {rule.priority} | {rule.sentence} |"
        for rule in sorted(RULES.values(), key=lambda one: list(Priority).index(one.priority))
    ]
    head = "| rule | priority | what it means |\n| --- | --- | --- |\n"
    parts = [
        f"The last comparison: {drift.old} → {drift.new}, seen on {seen.isoformat()}.",
        deadlines(drift, seen),
    ]
    urgent = [one for one in drift.changes if not one.because and one.priority in list(Priority)[:2]]
    if urgent:
        parts += ["### What is due first", lines(urgent)]
    return "\n\n".join([*parts, "### Rules", head + "\n".join(rules)])


def deadlines(drift: Drift, seen: datetime.date) -> str:
    """Priority, number of changes and the day by which they are dealt with."""
    open_ = [one for one in drift.changes if not one.because]
    rows = [
        f"| {priority} | {sum(1 for one in open_ if one.priority == priority)} | {days} days "
        f"| {(seen + datetime.timedelta(days=days)).isoformat()} |"
        for priority, days in DAYS.items()
    ]
    return "| priority | changes | within | due |\n| --- | --- | --- | --- |\n" + "\n".join(rows)


def counts_table(drift: Drift) -> str:
    """How many of each kind, before and after."""
    changed = {kind: [one for one in drift.changes if one.kind == kind] for kind in _KINDS}
    rows: list[str] = []
    for kind in _KINDS:
        cells = [str(count.get(kind, 0)) if kind != "limit" else "" for count in drift.counts]
        happened = [one.what for one in changed[kind]]
        cells += [str(happened.count(what)) for what in ("added", "removed", "changed")]
        rows.append(f"| {kind} | " + " | ".join(cells) + " |")
    head = "| kind | before | after | added | removed | changed |\n| --- | --- | --- | --- | --- | --- |\n"
    return head + "\n".join(rows)


def lines(changes: Iterable[Change]) -> str:
    """One line for each change, twins together."""
    groups: dict[tuple[Any, ...], list[Change]] = {}
    for one in changes:
        root, rest = _split(one.path)
        same = (rest or one.path, one.what, one.fact, one.rule, repr(one.old), repr(one.new))
        groups.setdefault((ROOTS[root][0] if root else "", *same), []).append(one)
    return "\n".join(_line(group) for group in groups.values())


def _line(group: list[Change]) -> str:
    first = group[0]
    roots = list(dict.fromkeys(_split(one.path)[0] for one in group))
    path = first.path if len(roots) == 1 else "{" + ",".join(roots) + "}" + _split(first.path)[1]
    sign = {"added": "+", "removed": "−", "changed": "~"}[first.what]
    moved = f" {first.fact}: {_said(first.old)} → {_said(first.new)}" if first.fact else ""
    return f"- {sign} `{path}`{moved} ({first.rule})"


def _split(path: str) -> tuple[str, str]:
    """The great union and the rest of the path; without one, the whole path is the rest's stand-in."""
    for root in ROOTS:
        if path.startswith((f"{root}<", f"{root} =")):
            return root, path[len(root) :]
    return "", path


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return " or ".join(map(str, value)) or "null"  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _folded(text: str) -> str:
    return f"<details><summary>show</summary>\n\n{text}\n\n</details>"


def put_between(page: Path, name: str, text: str) -> None:
    """Writes the part of a page between `<!-- generated: NAME -->` and `<!-- end -->`.

    Raises `ValueError` where the page has no such part.
    """
    whole = page.read_text("utf-8")
    head, mark, rest = whole.partition(f"<!-- generated: {name} -->\n")
    _, end, tail = rest.partition("\n<!-- end -->")
    if not mark or not end:
        raise ValueError(f"{page} has no place for {name}")
    page.write_text(f"{head}{mark}{text}{end}{tail}", "utf-8")
