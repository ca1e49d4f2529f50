"""The metrics, as a scrape sees them."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.checker.reports import sample

from antiphon.checker import exporter
from antiphon.checker.exporter import METRICS, DriftError, Exporter, address, all_of
from antiphon.spec import catalogue

DAY = 86_400.0
PRIORITIES = {"breaks-clients": 2, "new-required": 0, "optional": 5, "docs": 1}


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


def look(text: bytes, name: str, **labels: str) -> float | None:
    return samples(text).get((name, frozenset(labels.items())))


def test_what_is_exported_is_what_is_listed() -> None:
    shown = all_of([sample.small()])
    shown.show_drift(PRIORITIES, 1.0)
    found = samples(shown.text())
    assert {name for name, _ in found} == set(METRICS)
    assert all({label for label, _ in labels} == set(METRICS[name][1]) for name, labels in found)


def test_counts_scores_and_findings() -> None:
    text = all_of([sample.small()]).text()
    area = {"target": sample.URL, "area": "responses.create", "level": "MUST"}
    assert look(text, "antiphon_check_requirements", **area, verdict="fail") == 1
    assert look(text, "antiphon_check_requirements", **area, verdict="warn") == 0
    assert look(text, "antiphon_check_score_ratio", **area) == 0.5
    assert look(text, "antiphon_check_level_score_ratio", target=sample.URL, level="MUST") == pytest.approx(
        1 / 3
    )
    open_now = {"target": sample.URL, "level": "MUST", "severity": "sdk"}
    assert look(text, "antiphon_check_open_findings", **open_now, verdict="fail") == 1
    assert look(text, "antiphon_check_open_findings", **open_now, verdict="warn") == 0
    assert look(text, "antiphon_check_started_timestamp_seconds", target=sample.URL) == 1_795_232_400


def test_nothing_judged_is_no_score_and_nobody_looking_is_no_drift() -> None:
    text = all_of([sample.report([sample.row("a.b.c", None)])]).text()
    assert b"antiphon_check_level_score_ratio{" not in text
    assert b"antiphon_check_spec_drift_changes{" not in text


def test_the_pin_grows_older_between_scrapes() -> None:
    now = [0.0]
    shown = Exporter(now=lambda: now[0])
    first = look(shown.text(), "antiphon_check_spec_age_seconds", pin_version=catalogue.VERSION)
    now[0] = DAY
    assert first is not None
    assert look(shown.text(), "antiphon_check_spec_age_seconds", pin_version=catalogue.VERSION) == first + DAY


def test_a_new_run_replaces_the_last_one_of_its_target_only() -> None:
    other = sample.report([sample.row("a.b.c")], name="Other")
    shown = all_of([sample.small(), other])
    shown.show(sample.report([sample.row("a.b.c", "fail")]))
    text = shown.text()
    labels = {"area": "a.b", "level": "MUST"}
    assert look(text, "antiphon_check_requirements", target=sample.URL, verdict="fail", **labels) == 1
    assert look(text, "antiphon_check_requirements", target="Other", verdict="pass", **labels) == 1
    assert b"responses.create" not in text


def test_a_run_that_could_not_be_done_is_told_and_the_numbers_stay() -> None:
    shown = all_of([sample.small()])
    shown.miss(sample.small())
    assert look(shown.text(), "antiphon_check_up", target=sample.URL) == 0
    assert look(shown.text(), "antiphon_check_run_requests", target=sample.URL) == 345
    shown.show(sample.small())
    assert look(shown.text(), "antiphon_check_up", target=sample.URL) == 1


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_drift_is_read_from_a_comparison_or_from_a_history(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"drift.{suffix}"
    last = json.dumps({"day": "2026-11-20", "summary": {"priority": PRIORITIES}})
    file.write_text(f"{json.dumps({'summary': {'priority': {}}})}\n{last}\n" if suffix == "jsonl" else last)
    text = all_of([], file).text()
    assert look(text, "antiphon_check_spec_drift_changes", priority="optional") == 5
    assert look(text, "antiphon_check_spec_drift_looked_timestamp_seconds") == 1_795_132_800


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"summary": {"priority": {"docs": "many"}}}', "\xff"])
def test_what_is_no_drift_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DriftError):
        exporter.read_drift(tmp_path / "x.json")


def test_hostile_names_are_labels_and_nothing_more() -> None:
    found = samples(all_of([sample.hostile(10)]).text())
    assert {name for name, _ in found} <= set(METRICS)


def test_the_file_is_whole_or_not_there(tmp_path: Path) -> None:
    shown = all_of([sample.small()])
    exporter.write(shown, tmp_path / "check.prom")
    assert (tmp_path / "check.prom").read_bytes().count(b"# TYPE") == len(METRICS)
    assert [one.name for one in tmp_path.iterdir()] == ["check.prom"]


def test_a_scrape_is_answered_until_it_is_stopped() -> None:
    where, stop = exporter.serve(all_of([sample.small()]), ("127.0.0.1", 0))
    try:
        with urllib.request.urlopen(where, timeout=10) as answer:
            assert look(answer.read(), "antiphon_check_run_requests", target=sample.URL) == 345
    finally:
        stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(where, timeout=10)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_addresses(text: str, where: tuple[str, int]) -> None:
    assert address(text) == where


@pytest.mark.parametrize("text", ["", "host", "host:", "1:99999", "1:-1"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|invalid literal"):
        address(text)
