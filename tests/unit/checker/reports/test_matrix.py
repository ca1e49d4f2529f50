"""Deployments side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.checker.reports import sample
from tests.unit.checker.reports.sample import report, row

from antiphon.checker import matrix
from antiphon.checker.report import ReportError

ONE = report([row("a.b.x"), row("a.b.y", "fail"), row("c.d.z", "unimplemented")], name="One", version="1.0")
TWO = report([row("a.b.x"), row("a.b.y"), row("c.d.z", None, level="SHOULD")], name="Two", version="2.0")


def test_each_column_has_its_own_counts() -> None:
    found = matrix.Matrix([ONE, TWO])
    assert [one["pass"] for one in found.tallies("MUST")] == [1, 2]
    assert [one.total for one in found.tallies("MUST", "c.d")] == [1, 0]
    assert [row.id for row in found.differing()] == ["a.b.y", "c.d.z"]
    assert found.verdicts("c.d.z") == ["unimplemented", "untested"]


def test_the_markdown_says_when_which_and_how() -> None:
    text = matrix.markdown([ONE, TWO])
    assert "| Version | `1.0` | `2.0` |" in text
    assert "| Started | `2026-11-21T03:40:00+00:00` | `2026-11-21T03:40:00+00:00` |" in text
    assert "| **all** | 1/2 1✗ 1○ | 2/2 |" in text
    assert "| `a.b.y` | `MUST` | fail | pass |" in text
    assert "All were held to the same law" in text


def test_runs_under_different_laws_are_said_not_to_compare() -> None:
    other = replace(report([row("a.b.x")], name="Three"), pin={**sample.PIN, "hash": "0"})
    assert "**not** held to the same law" in matrix.markdown([ONE, other])


def test_a_list_gives_records_their_names_and_versions(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    sample.small().write(tmp_path / "runs" / "a.json")
    listed = tmp_path / "list.toml"
    listed.write_text(
        '[[deployment]]\nrecord = "runs/a.json"\nname = "A"\nversion = "0.9"\nconfiguration = "--fast"\n'
    )
    (one, two) = matrix.load([listed, tmp_path / "runs" / "a.json"])
    assert one.target == {**two.target, "name": "A", "version": "0.9", "configuration": "--fast"}
    assert one.requirements == two.requirements


@pytest.mark.parametrize(
    "text", ["x", "[[deployment]]\nname='A'", "[[deployment]]\nrecord='a.json'\nscore=100", "deployment = 3"]
)
def test_a_list_holds_no_numbers_and_no_mistakes(text: str, tmp_path: Path) -> None:
    sample.small().write(tmp_path / "a.json")
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(ReportError):
        matrix.load([tmp_path / "list.toml"])
