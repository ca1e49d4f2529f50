"""Rows of conversations: ordered links to items, and the lock of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from antiphon.core.deltas import JSON
from antiphon.ports import Page, Tenant
from antiphon.store.encoding import StoredItem, decode_object, encode_object, encode_value
from antiphon.store.listing import Entry, paginate
from antiphon.store.sqlite.items import Span, insert_items, load_items, spans_of
from antiphon.store.sqlite.session import Session, Transaction


def create(tx: Transaction, tenant: Tenant, id: str, body: bytes, items: Sequence[StoredItem]) -> None:
    tx.run("insert_conversation", tenant=tenant, id=id, body=body)
    add(tx, tenant, id, items)


def add(tx: Transaction, tenant: Tenant, id: str, items: Sequence[StoredItem]) -> bool:
    """False where there is no such conversation."""
    if _find(tx, tenant, id) is None:
        return False
    first = insert_items(tx, tenant, None, items)
    append(tx, tenant, id, [(first, first + len(items) - 1)])
    return True


def append(tx: Transaction, tenant: Tenant, id: str, spans: Sequence[Span]) -> None:
    """Link items at the end. A conversation that was deleted meanwhile takes none."""
    iids = [iid for first, last in spans for iid in range(first, last + 1)]
    for cid, place in tx.rows("reserve_places", tenant=tenant, id=id, count=len(iids)):
        places = {"cid": cid, "place": place, "iids": encode_value(iids)}
        tx.run("insert_places", **places)


def _find(session: Session, tenant: Tenant, id: str) -> tuple[int, int, bytes] | None:
    """Row number, tick and body."""
    found = session.rows("get_conversation", tenant=tenant, id=id)
    return found[0] if found else None


def get(session: Session, tenant: Tenant, id: str) -> JSON | None:
    found = _find(session, tenant, id)
    return None if found is None else decode_object(found[2])


def update(tx: Transaction, tenant: Tenant, id: str, metadata: JSON) -> JSON | None:
    found = _find(tx, tenant, id)
    if found is None:
        return None
    cid, _, body = found
    conversation = decode_object(body)
    conversation["metadata"] = metadata
    tx.run("set_conversation", cid=cid, body=encode_object(conversation))
    return conversation


def delete(tx: Transaction, tenant: Tenant, id: str, ttl: float, now: float) -> bool:
    """Responses that were to be kept as long as it now have `ttl` seconds left."""
    found = _find(tx, tenant, id)
    if found is None:
        return False
    tx.run("delete_conversation", cid=found[0], now=now)
    tx.run("expire_responses_of_conversation", cid=found[0], ttl=ttl, now=now)
    return True


def as_of(session: Session, cid: int, tick: int) -> list[int]:
    """The numbers of the items that were there."""
    return [iid for (iid,) in session.rows("conversation_as_of", cid=cid, tick=tick)]


def context(session: Session, tenant: Tenant, id: str) -> list[JSON] | None:
    found = _find(session, tenant, id)
    if found is None:
        return None
    cid, tick, _ = found
    return load_items(session, spans_of(as_of(session, cid, tick)))


def items(session: Session, tenant: Tenant, id: str, page: Page) -> tuple[list[JSON], bool] | None:
    found = _find(session, tenant, id)
    if found is None:
        return None
    rows = session.rows("conversation_entries", cid=found[0])
    chosen, more = paginate([Entry(id, iid, bool(live)) for id, iid, live in rows], page)
    return load_items(session, spans_of(chosen)), more


def _places(session: Session, tenant: Tenant, cid: int, item: str) -> Iterable[tuple[int, int]]:
    """Place and item number of each link to an item of this id, newest first."""
    return session.rows("places_of_item", tenant=tenant, cid=cid, item=item)


def item(session: Session, tenant: Tenant, id: str, item_id: str) -> JSON | None:
    found = _find(session, tenant, id)
    if found is None:
        return None
    for _, iid in _places(session, tenant, found[0], item_id):
        return load_items(session, [(iid, iid)])[0]
    return None


def remove(tx: Transaction, tenant: Tenant, id: str, item_id: str, now: float) -> bool:
    """Take an item out, everywhere it stands in this conversation."""
    found = _find(tx, tenant, id)
    if found is None:
        return False
    cid, tick, _ = found
    places = [place for place, _ in _places(tx, tenant, cid, item_id)]
    if not places:
        return False
    tx.rows("reserve_places", tenant=tenant, id=id, count=1)
    for place in places:
        tx.run("remove_place", cid=cid, place=place, tick=tick, now=now)
    return True


def lock(tx: Transaction, tenant: Tenant, id: str, owner: str, span: tuple[float, float]) -> bool:
    """`span` is now and the time until which it is taken."""
    now, until = span
    return tx.run("lock_conversation", tenant=tenant, id=id, owner=owner, now=now, until=until) > 0


def unlock(tx: Transaction, tenant: Tenant, id: str, owner: str) -> None:
    tx.run("unlock_conversation", tenant=tenant, id=id, owner=owner)


def unlock_all(tx: Transaction) -> None:
    tx.run("unlock_all_conversations")
