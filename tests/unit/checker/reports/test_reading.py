"""Counts are taken from the requirements, and the order in which findings are told."""

from __future__ import annotations

import pytest
from tests.unit.checker.reports import sample

from antiphon.checker import reading, report
from antiphon.checker.reading import Tally


def test_counts_are_recomputed_and_never_read_from_the_record() -> None:
    record = sample.small().as_json()
    honest = {level: one.counts for level, one in reading.by_level(report.from_json(record)).items()}
    record["counts"] = {"responses.create": {"MUST": {"pass": 1_000_000}}}
    assert {level: one.counts for level, one in reading.by_level(report.from_json(record)).items()} == honest
    assert honest["MUST"] == {
        "fail": 1, "warn": 1, "unclear": 0, "unimplemented": 1, "pass": 1, "skipped": 1, "untested": 1,
    }  # fmt: skip


def test_every_requirement_is_in_one_area_and_one_level() -> None:
    made = sample.large()
    areas = reading.by_area(made)
    assert sum(one.total for levels in areas.values() for one in levels.values()) == len(made.requirements)
    assert list(areas) == sorted(areas)


def test_what_was_not_seen_is_in_no_share() -> None:
    one = reading.tally(
        [sample.row("a.b", "pass"), sample.row("a.c", "unimplemented"), sample.row("a.d", None)]
    )
    assert (one.judged, one.share) == (1, 1.0)
    assert Tally().share is None


@pytest.mark.parametrize(("share", "text"), [(None, "–"), (1.0, "100 %"), (0.9999, "99 %"), (0.0, "0 %")])
def test_only_what_is_whole_is_called_whole(share: float | None, text: str) -> None:
    assert reading.percent(share) == text


def test_the_gravest_finding_comes_first() -> None:
    assert [told.requirement for _, told in reading.ranked(sample.small())] == [
        "responses.create.status-completed",
        "responses.stream.retry",
        "responses.stream.starts-at-zero",
        "responses.stream.done",
        "conversations.create.exists",
    ]


def test_a_finding_of_an_unlisted_requirement_is_told_all_the_same() -> None:
    made = sample.report([], [sample.told("nowhere.at.all")])
    assert [row.id for row, _ in reading.ranked(made)] == ["nowhere.at.all"]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([sample.row("a.b", "fail"), sample.row("a.c")], "1 of 2 MUST requirements judged are broken"),
        ([sample.row("a.b"), sample.row("a.c", None)], "No MUST requirement is broken, of 1 judged"),
        ([sample.row("a.b", "unimplemented")], "No MUST requirement was judged"),
    ],
)
def test_the_headline_does_not_flatter(rows: list[report.Row], text: str) -> None:
    assert reading.headline(sample.report(rows)) == text
