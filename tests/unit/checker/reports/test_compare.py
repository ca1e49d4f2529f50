"""Two runs: what broke, what was fixed, what is no longer seen."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.checker.reports import sample
from tests.unit.checker.reports.sample import report, row

from antiphon.checker.compare import compare, tell

BEFORE = report(
    [
        row("a.a.same"), row("a.a.breaks"), row("a.a.fixed", "fail"), row("a.a.lost"), row("a.a.tried", None),
        row("a.a.skipped", "fail"), row("a.a.gone", "fail"), row("a.a.should", level="SHOULD"),
    ]
)  # fmt: skip
AFTER = report(
    [
        row("a.a.same"), row("a.a.breaks", "fail"), row("a.a.fixed"), row("a.a.lost", None),
        row("a.a.tried", "fail"), row("a.a.skipped", "skipped"), row("a.a.new"),
        row("a.a.should", "fail", level="SHOULD"),
    ]
)  # fmt: skip


def test_every_change_is_of_one_kind() -> None:
    found = compare(BEFORE, AFTER)
    assert [(one.kind, one.id, one.before, one.after) for one in found.changes] == [
        ("broken", "a.a.breaks", "pass", "fail"),
        ("broken", "a.a.tried", "untested", "fail"),
        ("broken", "a.a.should", "pass", "fail"),
        ("lost", "a.a.lost", "pass", "untested"),
        ("fixed", "a.a.fixed", "fail", "pass"),
        ("other", "a.a.gone", "fail", "absent"),
        ("other", "a.a.new", "absent", "pass"),
        ("other", "a.a.skipped", "fail", "skipped"),
    ]
    assert found.exit_code == 1


def test_only_a_must_that_fails_anew_is_an_error() -> None:
    assert compare(AFTER, AFTER).exit_code == 0
    should = report([row("a.a.should", "fail", level="SHOULD")])
    assert compare(report([row("a.a.should", level="SHOULD")]), should).exit_code == 0
    assert compare(report([]), report([row("a.a.new", "fail")])).exit_code == 1


def test_the_text_and_the_record_say_the_same() -> None:
    found = compare(BEFORE, replace(AFTER, pin={**sample.PIN, "hash": "other"}, profile="core"))
    text = tell(found)
    assert "The law differs" in text
    assert "The profile differs: full; core" in text
    assert "  MUST a.a.breaks: pass -> fail" in text
    record = found.as_json()
    assert {kind: len(record[kind]) for kind in ("broken", "lost", "fixed", "other")} == {
        "broken": 3, "lost": 1, "fixed": 1, "other": 3,
    }  # fmt: skip
    assert (record["same_law"], record["exit_code"]) == (False, 1)
    assert record["before"]["counts"]["MUST"]["pass"] == 3


def test_no_difference_is_said() -> None:
    assert "No requirement's verdict differs." in tell(compare(AFTER, AFTER))


def test_hostile_records_do_not_act_on_the_terminal() -> None:
    text = tell(compare(sample.hostile(10), sample.small()))
    assert "\x1b" not in text
    text.encode("utf-8")
