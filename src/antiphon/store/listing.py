"""Pages of an ordered list of items, in any database.

A cursor is an item id, and an id may occur more than once in a chain or conversation. An id is therefore
listed once: at its first place, with its newest content. So a cursor has one meaning, and stays valid
while the list grows at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from antiphon.ports import Page


class Entry(NamedTuple):
    """An item in order, oldest first; `row` is its number in the database.

    `live` is False for an item that was taken out and still serves as a cursor.
    """

    id: str
    row: int
    live: bool = True


def paginate(entries: Sequence[Entry], page: Page) -> tuple[list[int], bool]:
    """The rows of the page in its order, and whether more follow. Nothing follows an unknown cursor."""
    rows = {entry.id: entry.row for entry in entries if entry.live}  # first place, newest row
    ids = list(rows)
    older, newer = (len(ids), 0) if page.after is None else _around(entries, ids, page.after)
    rest = ids[newer:] if page.order == "asc" else ids[:older][::-1]
    return [rows[id] for id in rest[: page.limit]], len(rest) > page.limit


def _around(entries: Sequence[Entry], ids: Sequence[str], cursor: str) -> tuple[int, int]:
    """How many of `ids` are older than the cursor, and where the newer ones begin."""
    if cursor in ids:
        place = ids.index(cursor)
        return place, place + 1
    before: set[str] = set()
    for entry in entries:
        if entry.id == cursor:
            return len(before), len(before)
        if entry.live:
            before.add(entry.id)
    return 0, len(ids)
