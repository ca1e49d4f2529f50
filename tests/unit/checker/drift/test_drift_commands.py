"""The commands as scripts see them: exit codes, files, and the review of a quarter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support import shared

from antiphon.checker.drift import quarterly, sdk, watch
from antiphon.checker.drift.diff import from_record
from antiphon.cli import main

ROOT = Path(__file__).resolve().parents[4]


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["spec", *map(str, args)])


def openapi(path: Path, **parameters: Any) -> Path:
    schema = {"type": "object", "properties": parameters}
    operation = {
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Small", "version": "1"},
        "paths": {"/responses": {"post": operation}, "/chat/completions": {"post": operation}},
        "components": {"schemas": {}},
    }
    path.write_text(json.dumps(document))
    return path


def test_diff_says_by_its_code_whether_anything_moved(tmp_path: Path) -> None:
    old = openapi(tmp_path / "old.json", model={"type": "string"})
    new = openapi(tmp_path / "new.json", model={"type": "string", "maxLength": 8}, seed={"type": "integer"})
    assert run("diff", old, old).exit_code == 0
    found = run("diff", old, new, "--json", tmp_path / "d" / "x.json", "--md", tmp_path / "d" / "x.md")
    assert found.exit_code == 1
    assert "2 changes: 1 breaks-clients, 1 optional" in found.stdout
    record = json.loads((tmp_path / "d" / "x.json").read_text())
    assert {(one.what, one.path, one.fact) for one in from_record(record).changes} == {
        ("changed", "POST /responses body.model", "maxLength"),
        ("added", "POST /responses body.seed", ""),
    }
    assert "`POST /responses body.seed`" in (tmp_path / "d" / "x.md").read_text()


@pytest.mark.parametrize("name", ["nonsense", "absent.json", "absent.whl"])
def test_diff_says_by_its_code_that_it_could_not(name: str) -> None:
    found = run("diff", "pin", name)
    assert (found.exit_code, found.stdout) == (2, "")
    assert name in found.stderr


def test_a_file_that_is_no_openapi_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    assert run("diff", "pin", tmp_path / "x.json").exit_code == 2


def test_an_unknown_version_cannot_be_had(package_index: Path) -> None:
    assert run("diff", "pin", "0.0.999", "--cache", package_index).exit_code == 2


def test_the_pin_and_the_document_are_different(tmp_path: Path) -> None:
    found = run("diff", shared.path("spec", "openapi-2026-08-21.json"), "pin")
    assert found.exit_code == 1
    assert "explained" in found.stdout


def test_watch_asks_the_index(package_index: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- generated: priorities -->\n<!-- none -->\n<!-- end -->\n")
    issue, history = tmp_path / "issue.md", tmp_path / "history"
    args = ("--history", history, "--issue", issue, "--priorities", page, "--cache", package_index)
    found = run("watch", *args)
    newest = sdk.newest()
    [seen] = watch.history(history)
    assert seen.newest == newest
    assert found.exit_code == (1 if seen.summary["changes"] else 0), found.stderr
    assert issue.exists() == bool(seen.summary["changes"])
    assert newest in page.read_text()
    run("watch", *args)
    assert watch.history(history) == [seen]


def test_watch_could_not_without_an_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    found = run("watch", "--history", tmp_path / "history")
    assert found.exit_code == 2
    assert not (tmp_path / "history").exists()


def test_map_and_validate(tmp_path: Path) -> None:
    out = tmp_path / "map.json"
    assert run("validate", "--mapping", out, "--root", ROOT).exit_code == 2
    assert run("map", "--out", out, "--root", ROOT).exit_code == 0
    assert run("validate", "--mapping", out, "--root", ROOT).exit_code == 0
    out.write_text(out.read_text().replace("::LIFECYCLE_EVENTS", "::GONE"))
    found = run("validate", "--mapping", out, "--root", ROOT)
    assert found.exit_code == 1
    assert "points nowhere: src/antiphon/core/kinds.py::GONE" in found.stderr


# ---------- the review


def test_quarters_are_days() -> None:
    assert [str(day) for day in (quarterly.quarter("2026Q4").first, quarterly.quarter("2026Q4").last)] == [
        "2026-10-01",
        "2026-12-31",
    ]
    assert quarterly.quarter("2024-q1").last.day == 31
    assert run("report", "--quarter", "2026Q5").exit_code == 2


def report(started: str, **verdicts: str) -> dict[str, Any]:
    rows = [{"id": name, "verdict": verdict} for name, verdict in verdicts.items()]
    return {
        "format": "antiphon-report/1",
        "started": started,
        "target": {"url": "http://x/v1"},
        "profile": "full",
        "requirements": rows,
    }


def test_the_review_tells_what_was_kept(tmp_path: Path) -> None:
    history = tmp_path / "history"
    counts = {"breaks-clients": 2, "new-required": 0, "optional": 5, "docs": 0}
    for day in ("2026-09-30", "2026-12-01"):
        watch.keep(history, watch.Seen(day, "a", "4.0.0", day, day, {"changes": 7, "priority": counts}))
    reports = tmp_path / "reports"
    reports.mkdir()
    runs = [
        report("2026-08-01T00:00:00Z", a="fail"),
        report("2026-10-01T00:00:00Z", a="pass", b="fail"),
        report("2026-11-01T00:00:00Z", a="fail", b="fail"),
    ]
    for number, one in enumerate(runs):
        (reports / f"{number}.json").write_text(json.dumps(one))
    out = tmp_path / "map.json"
    run("map", "--out", out, "--root", ROOT)
    page = tmp_path / "page.md"
    args = ("--history", history, "--mapping", out, "--reports", reports, "--out", page)
    assert run("report", "--quarter", "2026Q4", *args).exit_code == 0
    text = page.read_text()
    assert "| 2026-12-01 | 4.0.0 | 7 | 2 | 0 | 5 | 0 |" in text
    assert "2026-09-30" not in text
    assert "- 2 × breaks-clients: due 2026-12-08, in this quarter" in text
    assert "- 5 × optional: due 2027-03-01\n" in text
    assert "| 2026-10-01T00:00:00Z | http://x/v1 | full | 1 | 1 | 0 | 0 | 0 | 0 | – |" in text
    assert "| 2026-11-01T00:00:00Z | http://x/v1 | full | 0 | 2 | 0 | 0 | 0 | 0 | 1 |" in text
    assert "2026-08-01" not in text


def test_the_review_says_what_was_not_kept(tmp_path: Path) -> None:
    found = run("report", "--quarter", "2026Q1", "--mapping", tmp_path / "none.json")
    assert found.exit_code == 0
    assert "No look at the package index was kept" in found.stdout
    assert "There is no mapping" in found.stdout
    assert "No run was kept" in found.stdout
