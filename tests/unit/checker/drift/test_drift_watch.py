"""What is kept of each look, and what people are told."""

from __future__ import annotations

import copy
import datetime
from pathlib import Path
from typing import Any

import pytest

from antiphon.checker.drift import render, watch
from antiphon.checker.drift.diff import Drift, compare
from antiphon.checker.drift.flatten import flatten
from antiphon.checker.drift.priorities import DAYS, RULES, Priority
from antiphon.checker.drift.sources import Surface

MONDAY = datetime.date(2026, 11, 16)
OLD: dict[str, Any] = {
    "operations": {"POST /responses": {"body": {"model": {"type": "string"}}, "returns": "any"}},
    "unions": {},
    "types": {},
}


def moved(**parameters: Any) -> Drift:
    new = copy.deepcopy(OLD)
    new["operations"]["POST /responses"]["body"] |= parameters
    return compare(Surface("pin", "pin", flatten(OLD)), Surface("openai 4.0.0", "pin", flatten(new)))


SAME = moved()
SEED = moved(seed={"type": "integer"})
STRICT = moved(model={"type": "string", "required": True})


def test_the_same_state_is_kept_once_and_keeps_its_first_day(tmp_path: Path) -> None:
    days = [
        (SAME, "3.52.0"),
        (SAME, "3.52.0"),
        (SEED, "4.0.0"),
        (SEED, "4.0.0"),
        (SEED, "4.0.1"),
        (STRICT, "4.1.0"),
    ]
    for offset, (drift, version) in enumerate(days):
        seen, news = watch.noted(version, drift, MONDAY + datetime.timedelta(offset), watch.history(tmp_path))
        if news:
            watch.keep(tmp_path, seen)
    kept = [(one.day, one.newest, one.first) for one in watch.history(tmp_path)]
    assert kept == [
        ("2026-11-16", "3.52.0", "2026-11-16"),
        ("2026-11-18", "4.0.0", "2026-11-18"),
        ("2026-11-20", "4.0.1", "2026-11-18"),  # another version, the same surface: the deadlines stay
        ("2026-11-21", "4.1.0", "2026-11-21"),
    ]
    assert len((tmp_path / watch.FILE).read_text().splitlines()) == 4


def test_there_is_no_history_before_the_first_look(tmp_path: Path) -> None:
    assert watch.history(tmp_path / "none") == []


def test_deadlines_count_from_the_day_it_was_seen() -> None:
    text = render.deadlines(STRICT, MONDAY)
    assert "| breaks-clients | 1 | 7 days | 2026-11-23 |" in text
    assert "| optional | 0 | 90 days | 2027-02-14 |" in text
    assert list(DAYS) == list(Priority)
    assert sorted(DAYS.values()) == list(DAYS.values())


def test_the_issue_says_what_moved_and_what_to_do() -> None:
    text = render.as_issue(STRICT, MONDAY)
    assert text.startswith("# The official surface moved: pin → openai 4.0.0\n")
    assert "- ~ `POST /responses body.model` required: – → `true` (input-now-required)" in text
    assert "antiphon spec map" in text


def test_twins_stand_on_one_line() -> None:
    message = {"type": {"type": {"enum": ["message"]}, "required": True}}
    old = OLD | {"unions": {"OutputItem": [{"ref": "M"}], "Item": [{"ref": "M"}]}, "types": {"M": message}}
    new = old | {"types": {"M": message | {"phase": {"type": "string"}}}}
    drift = compare(Surface("a", "pin", flatten(old)), Surface("b", "pin", flatten(new)))
    assert len(drift.changes) == 2
    assert render.lines(drift.changes) == "- + `{Item,OutputItem}<message>.phase` (output-added)"


def test_the_page_says_every_rule_and_writes_only_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n<!-- generated: priorities -->\nold\n<!-- end -->\n\nkept\n")
    render.put_between(page, "priorities", render.priorities_page(SEED, MONDAY))
    text = page.read_text()
    assert text.startswith("# Title\n\n<!-- generated: priorities -->\n")
    assert text.endswith("\n<!-- end -->\n\nkept\n")
    assert "old" not in text.replace("older", "")
    assert all(f"`{name}`" in text for name in RULES)
    with pytest.raises(ValueError, match="no place"):
        render.put_between(page, "other", "x")


def test_nothing_moved_is_said_so() -> None:
    assert "Nothing was added, removed or changed." in render.as_markdown(SAME)
