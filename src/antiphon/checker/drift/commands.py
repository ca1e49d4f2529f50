"""The commands of `antiphon spec` that compare, watch, map and report.

Exit codes: 0 it is as it should be, 1 it is not, 2 it could not be found out.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from antiphon.checker.drift.diff import Drift

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_MAPPING = Path("SPEC_TO_CODE_MAPPING.json")

_cache = click.option(
    "--cache", type=_FOLDER, help="Folder for fetched SDKs.  [default: antiphon/spec in the user's cache]"
)


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--json", "json_file", metavar="FILE", type=_FILE, help="Write the record as JSON.")
@click.option("--md", "md_file", metavar="FILE", type=_FILE, help="Write the page as Markdown.")
@_cache
def diff(old: str, new: str, json_file: Path | None, md_file: Path | None, cache: Path | None) -> None:
    """Compare two surfaces: each an SDK version, `installed`, `pin`, a wheel or an OpenAPI file (JSON).

    Exit code 0: the same; 1: different; 2: one could not be had.
    """
    from antiphon.checker.drift import diff as comparison
    from antiphon.checker.drift import render, sdk, sources

    folder = cache or sdk.default_cache()
    try:
        sides = sources.surfaces(sources.load(old, folder), sources.load(new, folder))
    except sdk.Unobtainable as exc:
        _could_not(str(exc))
    found = comparison.compare(*sides, sources.touched_by_errata())
    _write(json_file, render.as_json(found))
    _write(md_file, render.as_markdown(found))
    click.echo(_summary(found))
    sys.exit(1 if found.changes else 0)


@click.command("watch")
@click.option("--history", "history", metavar="DIR", type=_FOLDER, help="Keep what was seen, as JSON lines.")
@click.option("--issue", metavar="FILE", type=_FILE, help="Write the text of an issue when something moved.")
@click.option("--json", "json_file", metavar="FILE", type=_FILE, help="Write the record as JSON.")
@click.option("--priorities", metavar="FILE", type=_FILE, help="Renew the table of deadlines in this page.")
@_cache
def watch(
    history: Path | None,
    issue: Path | None,
    json_file: Path | None,
    priorities: Path | None,
    cache: Path | None,
) -> None:
    """Compare the newest SDK on the package index with the pin.

    Exit code 0: the pin is what the newest SDK says; 1: something moved; 2: the index could not be asked.
    """
    from antiphon.checker.drift import render, sdk
    from antiphon.checker.drift import watch as watching

    try:
        version, found = watching.look(cache or sdk.default_cache())
    except sdk.Unobtainable as exc:
        _could_not(str(exc))
    past = watching.history(history) if history else []
    seen, news = watching.noted(version, found, datetime.datetime.now(datetime.UTC).date(), past)
    if history and news:
        watching.keep(history, seen)
    first = datetime.date.fromisoformat(seen.first)
    _write(json_file, render.as_json(found))
    if found.changes:
        _write(issue, render.as_issue(found, first))
    if priorities:
        render.put_between(priorities, "priorities", render.priorities_page(found, first))
    click.echo(_summary(found))
    sys.exit(1 if found.changes else 0)


@click.command("map")
@click.option("--out", metavar="FILE", type=_FILE, default=_MAPPING, show_default=True)
@click.option(
    "--report", metavar="FILE", type=_FILE, help="Take verdicts from this report of `antiphon check`."
)
@click.option("--root", metavar="DIR", type=_FOLDER, default=Path(), help="The checkout.  [default: here]")
@click.option(
    "--priorities", metavar="FILE", type=_FILE, help="Renew the table of what is owed in this page."
)
def map_(out: Path, report: Path | None, root: Path, priorities: Path | None) -> None:
    """Write which code, tests and requirements stand behind each element of the pin."""
    from antiphon.checker.drift import mapping, owed, render

    try:
        run = mapping.run_of(report) if report else mapping.kept_run(out)
        made = mapping.build(root, run)
    except mapping.NotMappable as exc:
        _could_not(str(exc))
    out.write_text(mapping.render(made), "utf-8")
    if priorities:
        render.put_between(priorities, "owed", owed.page(made))
    click.echo(mapping.summary(made))


@click.command("validate")
@click.option("--mapping", "file", metavar="FILE", type=_FILE, default=_MAPPING, show_default=True)
@click.option("--root", metavar="DIR", type=_FOLDER, default=Path(), help="The checkout.  [default: here]")
def validate(file: Path, root: Path) -> None:
    """Fail when the committed mapping is stale or points at something that is not there.

    Exit code 0: it holds; 1: it does not; 2: there is none.
    """
    from antiphon.checker.drift import mapping
    from antiphon.checker.drift import validate as checking

    try:
        faults = checking.faults(file, root)
    except mapping.NotMappable as exc:
        _could_not(str(exc))
    for fault in faults:
        click.echo(fault, err=True)
    click.echo("the mapping holds" if not faults else f"{len(faults)} faults: run `antiphon spec map`")
    sys.exit(1 if faults else 0)


@click.command("report")
@click.option("--quarter", metavar="YYYYQn", required=True, help="2026Q4")
@click.option("--history", metavar="DIR", type=_FOLDER, help="Of `spec watch`.")
@click.option("--mapping", "file", metavar="FILE", type=_FILE, default=_MAPPING, show_default=True)
@click.option("--reports", metavar="DIR", type=_FOLDER, help="Reports of `antiphon check` (JSON).")
@click.option("--out", metavar="FILE", type=_FILE, help="Write here instead of to standard output.")
def report(quarter: str, history: Path | None, file: Path, reports: Path | None, out: Path | None) -> None:
    """Render the review of a quarter: what moved, what stands behind the pin, what the runs said."""
    from antiphon.checker.drift import quarterly

    try:
        text = quarterly.review(quarter, history=history, mapping=file, reports=reports)
    except quarterly.NoReview as exc:
        _could_not(str(exc))
    if out:
        out.write_text(text, "utf-8")
    else:
        click.echo(text, nl=False)


COMMANDS: tuple[click.Command, ...] = (diff, watch, map_, validate, report)
"""What `antiphon.cli` adds to `antiphon spec`: the spec's own commands know nothing of the checker."""


def _summary(found: Drift) -> str:
    counts = found.summary()
    words = ", ".join(f"{count} {name}" for name, count in counts["priority"].items() if count)
    told = f" ({counts['explained']} explained)" if counts["explained"] else ""
    return (
        f"{found.old} → {found.new}: {counts['changes'] or 'no'} changes{told}{': ' + words if words else ''}"
    )


def _write(file: Path | None, text: str) -> None:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def _could_not(why: str) -> NoReturn:
    click.echo(f"antiphon: {why}", err=True)
    sys.exit(2)
