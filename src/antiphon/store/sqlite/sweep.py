"""Removing what is no longer found and no longer needed, a few rows per transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from antiphon.store.sqlite.items import Span
from antiphon.store.sqlite.session import Session, Transaction

BATCH = 100  # rows that are looked at between two other writes


class Gone(NamedTuple):
    """A response past its end, in the order of the sweep."""

    gone_at: float
    rid: int


START = Gone(float("-inf"), 0)


class Swept(NamedTuple):
    responses: int = 0
    conversations: int = 0
    items: int = 0
    blobs: int = 0

    def plus(self, other: Swept) -> Swept:
        return Swept(*(a + b for a, b in zip(self, other, strict=True)))


def gone_responses(session: Session, cutoff: float, after: Gone) -> list[Gone]:
    found = session.rows("gone_responses", cutoff=cutoff, gone_at=after.gone_at, rid=after.rid, limit=BATCH)
    return [Gone(*row) for row in found]


def remove_responses(tx: Transaction, rids: Sequence[int], cutoff: float, now: float) -> Swept:
    swept = Swept()
    for rid in rids:
        swept = swept.plus(_remove_upward(tx, rid, cutoff, now))
    return swept


def _remove_upward(tx: Transaction, rid: int | None, cutoff: float, now: float) -> Swept:
    """Remove a response without descendants, then its parent where that was the last one waiting for it."""
    swept = Swept()
    while rid is not None:
        found = tx.rows("gone_response", rid=rid, cutoff=cutoff)
        if not found:
            break
        parent, input_first, input_count, output_first, output_count, needed = found[0]
        if needed:
            tx.run("strip_response", rid=rid)
            tx.run("strip_log", rid=rid)
            break
        tx.run("drop_response", rid=rid)
        items = 0
        for first, count in ((input_first, input_count), (output_first, output_count)):
            span = {"first": first, "last": first + count - 1}
            tx.run("leave_items", **span)
            items += _remove_unused(tx, [(first, first + count - 1)], now)
        swept = swept.plus(Swept(responses=1, items=items))
        rid = parent
    return swept


def _remove_unused(tx: Transaction, spans: Iterable[Span], now: float) -> int:
    removed = 0
    for first, last in spans:
        unused = tx.rows("unused_items", first=first, last=last)
        for iid, spilled in unused:
            if spilled:
                _release_blobs(tx, iid, now)
            tx.run("drop_item", iid=iid)
        removed += len(unused)
    return removed


def _release_blobs(tx: Transaction, iid: int, now: float) -> None:
    hashes = tx.rows("hashes_of_item", iid=iid)
    tx.run("unlink_blobs", iid=iid)
    for (digest,) in hashes:
        tx.run("mark_unused_blob", hash=digest, now=now)


def dead_conversations(session: Session, cutoff: float) -> list[int]:
    return [cid for (cid,) in session.rows("dead_conversations", cutoff=cutoff, limit=BATCH)]


def remove_conversations(tx: Transaction, cids: Sequence[int], now: float) -> Swept:
    swept = Swept()
    for cid in cids:
        if not tx.rows("dead_conversation", cid=cid):
            continue
        iids = tx.rows("places_of_conversation", cid=cid)
        tx.run("drop_places", cid=cid)
        tx.run("drop_conversation", cid=cid)
        items = _remove_unused(tx, ((iid, iid) for (iid,) in iids), now)
        swept = swept.plus(Swept(conversations=1, items=items))
    return swept


def dead_places(session: Session, cutoff: float) -> list[tuple[int, int]]:
    return [(cid, place) for cid, place in session.rows("dead_places", cutoff=cutoff, limit=BATCH)]


def remove_places(tx: Transaction, places: Sequence[tuple[int, int]], now: float) -> Swept:
    swept = Swept()
    for cid, place in places:
        dropped = tx.rows("drop_place", cid=cid, place=place)
        swept = swept.plus(Swept(items=_remove_unused(tx, ((iid, iid) for (iid,) in dropped), now)))
    return swept


def unused_blobs(session: Session, cutoff: float) -> list[str]:
    return [digest for (digest,) in session.rows("unused_blobs", cutoff=cutoff, limit=BATCH)]


def remove_blobs(tx: Transaction, hashes: Sequence[str]) -> Swept:
    """The hashes come from a committed snapshot, so no write that may still be rolled back unused them.

    A file goes inside the transaction: whoever wants the same text next waits for it and finds no file.
    """
    dropped = [digest for digest in hashes if tx.run("drop_unused_blob", hash=digest)]
    for digest in dropped:
        tx.blobs.remove(digest)
    return Swept(blobs=len(dropped))


def stray_files(session: Session) -> list[str]:
    return list(session.blobs.strays(lambda digest: _is_known(session, digest)))


def remove_strays(tx: Transaction, hashes: Sequence[str], cutoff: float) -> tuple[Swept, bool]:
    """Remove files of no row; whether some were kept because they were written after `cutoff`."""
    files = [digest for digest in hashes if not _is_known(tx, digest)]
    removed = sum(tx.blobs.remove_if_older(digest, cutoff) for digest in files)
    unfinished_gone = tx.blobs.remove_unfinished(cutoff)
    return Swept(blobs=removed), removed < len(files) or not unfinished_gone


def _is_known(session: Session, digest: str) -> bool:
    return bool(session.rows("known_blob", hash=digest))
