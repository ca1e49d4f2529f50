"""A list of known failures: only new ones fail, and every one has a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.checker.reports import sample

from antiphon.checker import baseline
from antiphon.checker.baseline import BaselineError, judge, parse, render, renewed, tell
from antiphon.checker.markup import cleaned

KNOWN = {
    "responses.create.status-completed": "fixed in 1.4",
    "responses.create.has-id": "was broken once",
    "conversations.create.exists": "was there, and broken",
    "limits.metadata.pairs": "not in this run",
    "gone.from.the-law": "renamed",
}


def test_a_run_is_held_against_the_list() -> None:
    judged = judge(sample.small(), KNOWN)
    found = {name: [row.id for row in getattr(judged, name)] for name in ("new", "known", "fixed", "moved")}
    assert found | {"untried": list(judged.untried)} == {
        "new": ["responses.stream.retry"],
        "known": ["responses.create.status-completed"],
        "fixed": ["responses.create.has-id"],
        "moved": ["conversations.create.exists"],
        "untried": ["limits.metadata.pairs", "gone.from.the-law"],
    }
    assert judged.exit_code == 1
    assert tell(judged, KNOWN).splitlines() == [
        "new failure: responses.stream.retry (SHOULD)",
        "fixed, take it off the list: responses.create.has-id",
        "known, but now unimplemented: conversations.create.exists",
        "baseline: 1 new, 1 known, 1 fixed, 1 changed, 2 not tried",
    ]


def test_no_new_failure_is_no_failure() -> None:
    assert judge(sample.small(), KNOWN | {"responses.stream.retry": "no client reads it"}).exit_code == 0


def test_a_renewed_list_keeps_reasons_and_what_was_not_tried() -> None:
    assert renewed(sample.small(), KNOWN) == {
        "gone.from.the-law": "renamed",
        "limits.metadata.pairs": "not in this run",
        "responses.create.status-completed": "fixed in 1.4",
        "responses.stream.retry": baseline.UNEXPLAINED,
    }
    again = renewed(sample.small(), {})
    assert "known without a reason: responses.stream.retry" in tell(judge(sample.small(), again), again)


@given(st.dictionaries(st.text(st.characters(exclude_categories=()), min_size=1), st.text(min_size=1)))
def test_what_is_written_is_read_again(known: dict[str, str]) -> None:
    kept = {cleaned(name): cleaned(reason) for name, reason in known.items() if reason.strip()}
    assert parse(render(kept)) == kept


@pytest.mark.parametrize(
    "text",
    [
        "known = 3",
        "what = 3",
        "[[known]]\nrequirement = 'a.b'",
        "[[known]]\nrequirement = 'a.b'\nreason = ' '",
        "[[known]]\nrequirement = 'a.b'\nreason = 'x'\nlevel = 'MUST'",
        "[[known]]\nrequirement = 'a.b'\nreason = 'x'\n[[known]]\nrequirement = 'a.b'\nreason = 'y'",
        "no toml",
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(BaselineError):
        parse(text)
