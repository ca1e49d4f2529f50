"""Rows of items. Items that belong together have consecutive numbers, so a list of them is a few spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from antiphon.core.deltas import JSON
from antiphon.ports import Tenant
from antiphon.store.encoding import Spill, StoredItem, decode_items, encode_value, put_back
from antiphon.store.listing import Entry
from antiphon.store.sqlite.session import Session, Transaction

Span = tuple[int, int]
"""First and last number of consecutive items, both included."""


def insert_items(tx: Transaction, tenant: Tenant, rid: int | None, items: Sequence[StoredItem]) -> int:
    """The number of the first; the others follow it."""
    first = tx.next_iids(len(items))
    rows = [(iid, tenant, item.id, rid, len(item.spills), item.body) for iid, item in enumerate(items, first)]
    tx.run_many("insert_item", rows)
    for iid, item in enumerate(items, first):
        for spill in item.spills:
            _insert_blob(tx, iid, spill)
    return first


def _insert_blob(tx: Transaction, iid: int, spill: Spill) -> None:
    digest, size = tx.blobs.put(spill.text)
    tx.run("add_blob", hash=digest, size=size)
    tx.run("link_blob", iid=iid, path=spill.path, hash=digest)


def spans_of(iids: Iterable[int]) -> list[Span]:
    return join_spans((iid, iid) for iid in iids)


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """The same items in the same order, in as few spans as that order allows."""
    joined: list[Span] = []
    for first, last in spans:
        if last < first:
            continue
        if joined and joined[-1][1] + 1 == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def load_items(session: Session, spans: Sequence[Span]) -> list[JSON]:
    """The items in the order of the spans, spilled strings put back."""
    if not spans:
        return []
    rows = session.rows("load_items", spans=encode_value(spans))
    items = decode_items(body for _, _, body in rows)
    for item, (iid, spilled, _) in zip(items, rows, strict=True):
        if spilled:
            _restore(session, iid, item)
    return items


def _restore(session: Session, iid: int, item: JSON) -> None:
    for path, digest, size in session.rows("item_blobs", iid=iid):
        put_back(item, Spill(path, session.blobs.read(digest, size)))


def name_items(session: Session, spans: Sequence[Span]) -> list[Entry]:
    if not spans:
        return []
    rows = session.rows("name_items", spans=encode_value(spans))
    return [Entry(id, iid) for id, iid in rows]


def find_items(session: Session, tenant: Tenant, ids: Sequence[str], now: float) -> dict[str, JSON]:
    """The newest visible item of each id."""
    found: list[int] = []
    for id in dict.fromkeys(ids):
        found.extend(iid for (iid,) in session.rows("find_item", tenant=tenant, id=id, now=now))
    return {item["id"]: item for item in load_items(session, spans_of(sorted(found)))}
