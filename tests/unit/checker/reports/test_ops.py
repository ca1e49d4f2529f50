"""The dashboard and the alert rules speak of metrics, labels and values that the exporter has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.checker.reports.promql import Spoken, Unreadable, read

from antiphon.checker.drift.priorities import Priority
from antiphon.checker.exporter import METRICS
from antiphon.checker.reading import LEVELS, SEVERITIES, VERDICTS

OPS = Path(__file__).resolve().parents[4] / "ops"
ALERTS = OPS / "prometheus" / "alerts.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana" / "antiphon-check.json").read_text("utf-8"))
TARGETS = [
    (panel["title"], target["expr"], target.get("legendFormat", ""))
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
VALUES = {
    "verdict": set(VERDICTS),
    "level": set(LEVELS),
    "severity": set(SEVERITIES),
    "priority": set(map(str, Priority)),
}
SCRAPE_LABELS = {"job", "instance"}


def sound(spoken: Spoken) -> list[str]:
    """What is wrong with an expression, against the exporter's own list."""
    wrong = [f"no metric {name}" for name in spoken.metrics - set(METRICS)]
    labels = {label for name in spoken.metrics & set(METRICS) for label in METRICS[name][1]}
    wrong += [f"no label {label}" for label in spoken.groupings - labels - SCRAPE_LABELS]
    for name, label, sign, value in spoken.matchers:
        if label not in METRICS.get(name, ("", ()))[1]:
            wrong.append(f"{name} has no label {label}")
        elif label in VALUES:
            values = set(value.split("|")) if sign.endswith("~") else {value}
            wrong += [f"{label} is never {one}" for one in values - VALUES[label]]
    return wrong


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_speaks_of_what_is_exported(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert re.fullmatch(r"\d+[mhd]", rule["for"])
    spoken = read(rule["expr"])
    assert sound(spoken) == []
    labels = {label for name in spoken.metrics for label in METRICS[name][1]}
    kept = spoken.groupings or labels
    told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert told <= kept


@pytest.mark.parametrize(("title", "expr", "legend"), TARGETS, ids=[one[0] for one in TARGETS])
def test_a_panel_speaks_of_what_is_exported(title: str, expr: str, legend: str) -> None:
    spoken = read(expr.replace("$target", ".*"))
    assert sound(spoken) == []
    labels = {label for name in spoken.metrics for label in METRICS[name][1]}
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= (spoken.groupings or labels)


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    spoken = [read(rule["expr"]) for rule in RULES] + [read(expr.replace("$", "")) for _, expr, _ in TARGETS]
    assert set().union(*(one.metrics for one in spoken)) == set(METRICS)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert sorted(set(ids)) == sorted(ids)
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"])))
    assert used == set(variables)
    assert variables["target"]["definition"] == "label_values(antiphon_check_info, target)"
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize(
    "text",
    [
        "sum(antiphon_check_info",
        "antiphon_check_info)",
        "sum by (target antiphon_check_info",
        'antiphon_check_info{target="x"',
        "antiphon_check_info{target}",
        "label_replace(antiphon_check_info)",
        "sum > 3",
        "1 + 2",
        "antiphon_check_info @ 3",
    ],
)
def test_the_reader_refuses_what_it_cannot_read(text: str) -> None:
    with pytest.raises((Unreadable, IndexError, ValueError)):
        read(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("antiphon_check_scores", ["no metric antiphon_check_scores"]),
        ('antiphon_check_info{verdict="x"}', ["antiphon_check_info has no label verdict"]),
        ('antiphon_check_requirements{verdict=~"fail|failed"}', ["verdict is never failed"]),
        ("sum by (zone) (antiphon_check_info)", ["no label zone"]),
    ],
)
def test_the_check_finds_what_is_wrong(text: str, wrong: list[str]) -> None:
    assert sound(read(text)) == wrong


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("no promtool here; the reader above has looked")
    rules = tmp_path / "panels.yml"
    recorded = [
        {"record": f"panel_{number}", "expr": expr.replace("$target", ".*")}
        for number, (_, expr, _) in enumerate(TARGETS)
    ]
    rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    for file in (ALERTS, rules):
        done = subprocess.run([program, "check", "rules", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
