"""The project's own use of it: workflow, hooks, templates and pages name things that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from antiphon.checker.drift.commands import COMMANDS
from antiphon.checker.drift.priorities import DAYS, RULES
from antiphon.cli import main

ROOT = Path(__file__).resolve().parents[4]
TEXTS = [
    ".github/workflows/compliance.yml",
    ".github/pull_request_template.md",
    ".github/ISSUE_TEMPLATE/compliance.yml",
    ".github/ISSUE_TEMPLATE/drift.yml",
    ".pre-commit-config.yaml",
    ".ci/compliance",
    "docs/drift.md",
    "docs/priorities.md",
]


def document(name: str) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("name", TEXTS)
def test_commands_that_are_named_exist_with_their_options(name: str) -> None:
    spec = main.commands["spec"]
    assert isinstance(spec, click.Group)
    found = re.findall(
        r"antiphon spec (\w+)((?: --[\w-]+(?:[ =][\w./]+)?)*)", (ROOT / name).read_text("utf-8")
    )
    for command, options in found:
        known = {option for parameter in spec.commands[command].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", options)) <= known, command


def test_the_page_has_every_command() -> None:
    text = (ROOT / "docs" / "drift.md").read_text("utf-8")
    assert all(f"`spec {command.name}" in text for command in COMMANDS)


def test_the_priorities_page_has_every_rule_and_term() -> None:
    text = (ROOT / "docs" / "priorities.md").read_text("utf-8")
    assert all(f"`{rule}` | {RULES[rule].priority} |" in text for rule in RULES)
    assert all(f"{priority} {days}" in text for priority, days in DAYS.items())


def test_the_workflow_runs_when_it_should_and_may_no_more_than_it_needs() -> None:
    found = document(".github/workflows/compliance.yml")
    assert set(found[True]) == {"push", "pull_request", "schedule", "workflow_dispatch"}  # YAML reads `on` so
    assert found["permissions"] == {"contents": "read"}
    writes = {
        name: {scope for scope, level in job["permissions"].items() if level == "write"}
        for name, job in found["jobs"].items()
    }
    assert writes == {"check": {"pull-requests"}, "drift": {"issues"}}
    steps = [step.get("uses", "") for job in found["jobs"].values() for step in job["steps"]]
    assert {"actions/upload-artifact@v4", "actions/github-script@v7"} <= set(steps)


def test_hooks_and_templates_are_well_formed() -> None:
    [repository] = document(".pre-commit-config.yaml")["repos"]
    entries = {hook["id"]: hook["entry"].split()[0] for hook in repository["hooks"]}
    assert (ROOT / entries["compliance"]).stat().st_mode & 0o100
    assert {"spec-pin", "spec-mapping", "compliance"} <= set(entries)
    for name in ("compliance", "drift"):
        template = document(f".github/ISSUE_TEMPLATE/{name}.yml")
        assert {"name", "description", "body"} <= set(template)
        assert "checkboxes" in [part["type"] for part in template["body"]]
