"""Runs as Prometheus metrics, for a scrape or for a text file that another exporter picks up.

A target, an area and a requirement's verdict become labels; what a server wrote never does.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from antiphon.checker.drift.priorities import Priority
from antiphon.checker.markup import one_line
from antiphon.checker.reading import VERDICTS, by_area, by_level, ranked
from antiphon.checker.report import Report
from antiphon.spec import catalogue

METRICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "antiphon_check_requirements": (
        "Requirements by verdict; `untested` counts those that the run did not try.",
        ("target", "area", "level", "verdict"),
    ),
    "antiphon_check_score_ratio": (
        "Kept of judged requirements, 0 to 1; no sample where none was judged.",
        ("target", "area", "level"),
    ),
    "antiphon_check_level_score_ratio": (
        "Kept of judged requirements over all areas, 0 to 1.",
        ("target", "level"),
    ),
    "antiphon_check_open_findings": (
        "Findings of the last run, by what they cost.",
        ("target", "level", "severity", "verdict"),
    ),
    "antiphon_check_started_timestamp_seconds": ("When the last run began, Unix time.", ("target",)),
    "antiphon_check_duration_seconds": ("How long the last run took.", ("target",)),
    "antiphon_check_run_requests": ("Requests that the last run sent.", ("target",)),
    "antiphon_check_run_tokens": ("Tokens that the last run used.", ("target",)),
    "antiphon_check_up": ("1 where the last run could be done, 0 where not.", ("target",)),
    "antiphon_check_info": ("1; the labels say what was run.", ("target", "model", "profile", "pin_version")),
    "antiphon_check_spec_age_seconds": ("Age of the pinned surface.", ("pin_version",)),
    "antiphon_check_spec_drift_changes": (
        "Changes of the newest official surface against the pin; no sample where nobody has looked.",
        ("priority",),
    ),
    "antiphon_check_spec_drift_looked_timestamp_seconds": (
        "When the newest official surface was last looked at, Unix time.",
        (),
    ),
}
"""Name → what it says, and its labels. Every one is a gauge."""

Sample = tuple[str, tuple[str, ...], float]


class Exporter(Collector):
    """The last report of each target, and the last look at the official surface. `now` gives Unix time."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._reports: dict[str, Report] = {}
        self._missed: set[str] = set()
        self._drift: tuple[Mapping[str, int], float | None] | None = None
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def show(self, report: Report) -> None:
        """Puts the report in the place of the target's last one."""
        self._reports[_name(report)] = report
        self._missed.discard(_name(report))

    def miss(self, last: Report) -> None:
        """Says that the run after this report could not be done; its numbers stay."""
        self._missed.add(_name(last))

    def show_drift(self, priorities: Mapping[str, int], looked: float | None = None) -> None:
        """How many changes there are of each priority, and when that was seen (Unix time)."""
        self._drift = priorities, looked

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = {
            name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in METRICS.items()
        }
        for name, labels, number in self._samples():
            families[name].add_metric(labels, number)
        return iter(list(families.values()))

    def _samples(self) -> Iterator[Sample]:
        for report in list(self._reports.values()):
            name = _name(report)
            yield "antiphon_check_up", (name,), float(name not in self._missed)
            yield from _run(report)
            yield from _counts(report)
        if catalogue.DATE:
            age = self._now() - datetime.fromisoformat(catalogue.DATE).replace(tzinfo=UTC).timestamp()
            yield "antiphon_check_spec_age_seconds", (catalogue.VERSION,), age
        if self._drift is not None:
            priorities, looked = self._drift
            for one in Priority:
                yield "antiphon_check_spec_drift_changes", (str(one),), priorities.get(str(one), 0)
            if looked is not None:
                yield "antiphon_check_spec_drift_looked_timestamp_seconds", (), looked


def _name(report: Report) -> str:
    return one_line(str(report.target.get("name") or report.target.get("url") or "?"), 200)


def _run(report: Report) -> Iterator[Sample]:
    name = _name(report)
    started = datetime.fromisoformat(report.started)
    yield "antiphon_check_started_timestamp_seconds", (name,), started.timestamp()
    yield "antiphon_check_duration_seconds", (name,), report.seconds
    yield "antiphon_check_run_requests", (name,), report.requests
    yield "antiphon_check_run_tokens", (name,), report.tokens
    told = (report.target.get("model") or "", report.profile, report.pin.get("version", ""))
    yield "antiphon_check_info", (name, *[one_line(str(text), 200) for text in told]), 1


def _counts(report: Report) -> Iterator[Sample]:
    name = _name(report)
    for area, levels in by_area(report).items():
        for level, one in levels.items():
            for verdict in VERDICTS:
                yield "antiphon_check_requirements", (name, area, level, verdict), one[verdict]
            if one.share is not None:
                yield "antiphon_check_score_ratio", (name, area, level), one.share
    for level, one in by_level(report).items():
        if one.share is not None:
            yield "antiphon_check_level_score_ratio", (name, level), one.share
    yield from _findings(name, report)


def _findings(name: str, report: Report) -> Iterator[Sample]:
    """Every combination that the law has is there, so that an alert sees a zero and not a gap."""
    kinds = {(row.level, row.severity) for row in report.requirements}
    open_now = Counter((row.level, row.severity, told.verdict) for row, told in ranked(report))
    for level, severity in sorted(kinds | {(level, severity) for level, severity, _ in open_now}):
        for verdict in ("fail", "warn", "unclear", "unimplemented"):
            number = open_now[level, severity, verdict]
            yield "antiphon_check_open_findings", (name, level, severity, verdict), number


class DriftError(ValueError):
    """The file is neither a comparison nor a history of `antiphon spec`."""


def read_drift(file: Path) -> tuple[dict[str, int], float | None]:
    """Priority → changes, and when they were seen, from what `antiphon spec diff` or `spec watch` wrote.
    Raises `DriftError`."""
    try:
        text = file.read_text("utf-8")
        document: dict[str, Any] = json.loads(text.splitlines()[-1] if file.suffix == ".jsonl" else text)
        counts = {str(name): int(number) for name, number in document["summary"]["priority"].items()}
        day = document.get("day")
        looked = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() if day else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as exc:
        raise DriftError(f"{file}: {exc!r}") from exc
    return counts, looked


def write(exporter: Exporter, file: Path) -> None:
    """Writes the metrics at once or not at all: a collector may read at any moment."""
    opened_as, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(opened_as, "wb") as opened:
        opened.write(exporter.text())
    Path(name).chmod(0o644)
    Path(name).replace(file)


def address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `:PORT` or `PORT`; without a host it is this machine only. Raises `ValueError`."""
    host, _, port = text.rpartition(":")
    number = int(port)
    if not 0 <= number <= 65_535:
        raise ValueError(f"no port: {port}")
    return host.strip("[]") or "127.0.0.1", number


def serve(exporter: Exporter, where: tuple[str, int]) -> tuple[str, Callable[[], None]]:
    """Answers scrapes from a thread until the second of the pair is called; the first is the address.
    Raises `OSError`."""
    host, port = where
    server, thread = start_http_server(port, addr=host, registry=exporter.registry)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.server_port}/metrics", stop


def all_of(reports: Iterable[Report], drift: Path | None = None) -> Exporter:
    """An exporter that shows these reports, and the drift that a file tells of. Raises `DriftError`."""
    made = Exporter()
    for one in reports:
        made.show(one)
    if drift is not None:
        made.show_drift(*read_drift(drift))
    return made
