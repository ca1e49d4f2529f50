"""What `antiphon check` does with records: files, a baseline, a comparison, a matrix, metrics.

`commands` hands over its flags (`taken`), and either records (`from_records`) or a run (`deliver`, `serve`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from antiphon.checker import baseline, compare, exporter, matrix
from antiphon.checker import report as reports
from antiphon.checker.charts import spelled
from antiphon.checker.markup import one_line
from antiphon.checker.reading import by_level, headline, ranked
from antiphon.checker.report import Report

F = TypeVar("F", bound=Callable[..., Any])

_OUT = click.Path(dir_okay=False, path_type=Path)
_IN = click.Path(exists=True, dir_okay=False, path_type=Path)


class Undone(click.ClickException):
    """What was asked cannot be done: exit code 2."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of this module, as click hands them over; `matrix` and `compare` speak of the arguments."""

    json: Path | None = None
    html: Path | None = None
    md: Path | None = None
    junit: Path | None = None
    sarif: Path | None = None
    baseline: Path | None = None
    write_baseline: Path | None = None
    read: bool = False
    compare: bool = False
    matrix: tuple[Path, ...] = ()
    metrics_file: Path | None = None
    serve_metrics: str | None = None
    every: float | None = None
    drift: Path | None = None

    @property
    def offline(self) -> bool:
        """The arguments are records; nothing is asked over the network."""
        return self.read or self.compare or bool(self.matrix)


def taken(flags: dict[str, Any]) -> Wanted:
    """Takes this module's options out of a command's. Raises `Undone` where they contradict each other."""
    found = Wanted(**{one.name: flags.pop(one.name) for one in fields(Wanted)})
    if sum((found.read, found.compare, bool(found.matrix))) > 1:
        raise Undone("--read, --compare and --matrix exclude each other")
    if found.every is not None and (found.serve_metrics is None or found.offline):
        raise Undone("--every repeats a run for --serve-metrics")
    if found.serve_metrics is not None:
        _address(found.serve_metrics)
    return found


def output_options(command: F) -> F:
    """The options of this module."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _file(name: str, text: str, **more: Any) -> Callable[[Any], Any]:
    return click.option(name, type=_OUT, metavar="FILE", help=text, **more)


_OPTIONS = (
    _file("--json", "Write the record; all else can be made from it."),
    _file("--html", "Write one HTML page."),
    _file("--md", "Write Markdown."),
    _file("--junit", "Write JUnit XML."),
    _file("--sarif", "Write SARIF 2.1.0."),
    click.option("--baseline", type=_IN, metavar="FILE", help="Known failures; only others fail the run."),
    _file("--write-baseline", "Write the failures of this run as known; reasons are kept."),
    click.option("--read", is_flag=True, help="The arguments are records: read them instead of running."),
    click.option("--compare", is_flag=True, help="The arguments are two records: say what changed."),
    _file("--matrix", "The arguments are records: write them side by side (.html, .md).", multiple=True),
    _file("--metrics-file", "Write Prometheus metrics."),
    click.option(
        "--serve-metrics", metavar="[HOST:]PORT", help="Serve Prometheus metrics, until interrupted."
    ),
    click.option("--every", type=click.FloatRange(min=1), metavar="SECONDS", help="Run again while serving."),
    click.option("--drift", type=_IN, metavar="FILE", help="What `antiphon spec` found, for the metrics."),
)


def from_records(args: Sequence[str], wanted: Wanted) -> int:
    """Does what `offline` options ask for, and gives the exit code. Raises `Undone`."""
    try:
        if wanted.compare:
            return _compared(wanted, [reports.read(Path(one)) for one in args])
        found = matrix.load(map(Path, args))
    except reports.ReportError as exc:
        raise Undone(one_line(str(exc))) from exc
    if not found:
        raise Undone("no record is named")
    for file in wanted.matrix:
        _write(file, matrix.markdown(found) if file.suffix == ".md" else matrix.html(found))
    code = 0
    if len(found) == 1 and not wanted.matrix:
        code = deliver(found[0], wanted)
    else:
        _metrics(wanted, found)
    _served(wanted, found)
    return code


def deliver(report: Report, wanted: Wanted) -> int:
    """Writes what is wanted of a run, says the outcome, and gives the exit code. Raises `Undone`."""
    known = _known(wanted)
    click.echo("\n".join(summary(report)))
    judged = baseline.judge(report, known) if wanted.baseline is not None else None
    _files(report, wanted, known, judged)
    _metrics(wanted, [report])
    if wanted.write_baseline is not None:
        _write(wanted.write_baseline, baseline.render(baseline.renewed(report, known)))
    if judged is None:
        return report.exit_code
    click.echo(baseline.tell(judged, known))
    return judged.exit_code


def summary(report: Report) -> list[str]:
    """The outcome for a terminal: what is broken, one per line, then counts of each level."""
    found = [
        one_line(f"{told.verdict} {row.level} {row.id}: {told.message}", 240)
        for row, told in ranked(report)
        if told.verdict in ("fail", "warn", "unclear")
    ]
    counts = [f"{level:6} {spelled(one)}" for level, one in by_level(report).items()]
    cost = f"{report.requests} requests, {report.tokens:,} tokens, {report.seconds:.1f} s"
    return [*found, f"{headline(report)}.", *counts, cost]


def serve(wanted: Wanted, first: Report, again: Callable[[], Report]) -> None:
    """Serves metrics where that is wanted, running `again` every so often; returns when it is not, or when
    interrupted. A run that cannot be done (`click.ClickException`) is told and tried again. Raises
    `Undone`."""
    if wanted.serve_metrics is None:
        return
    shown = _exporter(wanted, [first])
    stop = _listen(shown, wanted.serve_metrics)
    try:
        while True:
            threading.Event().wait(wanted.every)
            try:
                shown.show(again())
            except click.ClickException as exc:
                if isinstance(exc.__cause__, KeyboardInterrupt):
                    return
                click.echo(one_line(exc.format_message()), err=True)
                shown.miss(first)
            _metrics_to(wanted, shown)
    except KeyboardInterrupt:
        return
    finally:
        stop()


def _known(wanted: Wanted) -> Mapping[str, str]:
    try:
        return baseline.read(wanted.baseline) if wanted.baseline is not None else {}
    except baseline.BaselineError as exc:
        raise Undone(one_line(str(exc))) from exc


def _files(report: Report, wanted: Wanted, known: Mapping[str, str], judged: baseline.Judged | None) -> None:
    """A reading's module is imported where it is wanted: the others cost nothing."""
    from antiphon.checker import report_html, report_junit, report_md, report_sarif

    failing = frozenset(row.id for row in judged.new) if judged else None
    if wanted.json is not None:
        _write(wanted.json, json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n")
    if wanted.html is not None:
        _write(wanted.html, report_html.render(report, known))
    if wanted.md is not None:
        _write(wanted.md, report_md.render(report, known))
    if wanted.junit is not None:
        _write(wanted.junit, report_junit.render(report, known, failing=failing))
    if wanted.sarif is not None:
        _write(wanted.sarif, json.dumps(report_sarif.render(report, known), indent=1) + "\n")


def _compared(wanted: Wanted, found: Sequence[Report]) -> int:
    if len(found) != 2:
        raise Undone("--compare takes two records, the older first")
    told = compare.compare(*found)
    click.echo(compare.tell(told))
    if wanted.json is not None:
        _write(wanted.json, json.dumps(told.as_json(), indent=1) + "\n")
    return told.exit_code


def _exporter(wanted: Wanted, found: list[Report]) -> exporter.Exporter:
    try:
        return exporter.all_of(found, wanted.drift)
    except exporter.DriftError as exc:
        raise Undone(one_line(str(exc))) from exc


def _metrics(wanted: Wanted, found: list[Report]) -> None:
    if wanted.metrics_file is not None:
        _metrics_to(wanted, _exporter(wanted, found))


def _metrics_to(wanted: Wanted, shown: exporter.Exporter) -> None:
    if wanted.metrics_file is not None:
        _written(wanted.metrics_file, lambda file: exporter.write(shown, file))


def _served(wanted: Wanted, found: list[Report]) -> None:
    """Records do not change: they are served as they are."""
    if wanted.serve_metrics is None:
        return
    stop = _listen(_exporter(wanted, found), wanted.serve_metrics)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
    finally:
        stop()


def _listen(shown: exporter.Exporter, text: str) -> Callable[[], None]:
    try:
        where, stop = exporter.serve(shown, _address(text))
    except OSError as exc:
        raise Undone(f"cannot listen on {text}: {exc}") from exc
    click.echo(f"metrics on {where}")
    return stop


def _address(text: str) -> tuple[str, int]:
    try:
        return exporter.address(text)
    except ValueError as exc:
        raise Undone(f"--serve-metrics takes [HOST:]PORT, not {text!r}") from exc


def _write(file: Path, text: str) -> None:
    """Half of a surrogate pair, which a server can send in JSON, is written as JSON escapes it."""
    _written(file, lambda there: there.write_text(text, "utf-8", errors="backslashreplace"))


def _written(file: Path, write: Callable[[Path], object]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file)
    except OSError as exc:
        raise Undone(f"cannot write {file}: {exc}") from exc
