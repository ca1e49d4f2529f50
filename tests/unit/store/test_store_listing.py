from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from antiphon.ports import Page
from antiphon.store.listing import Entry, paginate

Order = Literal["asc", "desc"]
orders = st.sampled_from(["asc", "desc"])


@st.composite
def entry_lists(draw: st.DrawFn) -> list[Entry]:
    drawn = draw(st.lists(st.tuples(st.sampled_from("abcdefg"), st.booleans()), max_size=15))
    return [Entry(id, row, live) for row, (id, live) in enumerate(drawn)]


def listed(entries: list[Entry]) -> list[int]:
    return list({entry.id: entry.row for entry in entries if entry.live}.values())


@given(entry_lists(), st.integers(1, 5), orders)
def test_pages_list_every_id_once(entries: list[Entry], limit: int, order: Order) -> None:
    names = {entry.row: entry.id for entry in entries}
    found: list[int] = []
    after: str | None = None
    for _ in range(len(entries) + 1):
        rows, more = paginate(entries, Page(limit, order, after))
        assert len(rows) == limit or not more
        found.extend(rows)
        if not more:
            break
        after = names[found[-1]]
    assert found == (listed(entries) if order == "asc" else listed(entries)[::-1])


@given(entry_lists(), st.sampled_from("abcdefg"), orders)
def test_a_cursor_that_was_taken_out_keeps_its_place(entries: list[Entry], id: str, order: Order) -> None:
    """Listing to a cursor, then removing it, then asking on: nothing is lost and nothing repeated."""
    rest, _ = paginate(entries, Page(100, order, id))
    removed = [Entry(entry.id, entry.row, entry.live and entry.id != id) for entry in entries]
    if any(entry.id == id and entry.live for entry in entries):
        first = next(n for n, entry in enumerate(entries) if entry.id == id)
        if entries[first].live:
            assert paginate(removed, Page(100, order, id)) == (rest, False)


def test_examples() -> None:
    entries = [Entry("a", 1), Entry("b", 2), Entry("a", 3), Entry("c", 4, live=False), Entry("d", 5)]
    assert paginate(entries, Page(2, "asc")) == ([3, 2], True)
    assert paginate(entries, Page(2, "desc")) == ([5, 2], True)
    assert paginate(entries, Page(3, "desc")) == ([5, 2, 3], False)
    assert paginate(entries, Page(2, "asc", "a")) == ([2, 5], False)
    assert paginate(entries, Page(2, "asc", "c")) == ([5], False)
    assert paginate(entries, Page(2, "desc", "c")) == ([2, 3], False)
    assert paginate(entries, Page(2, "asc", "unknown")) == ([], False)
    assert paginate(entries, Page(2, "desc", "unknown")) == ([], False)
    assert paginate([], Page()) == ([], False)
