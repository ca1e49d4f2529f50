"""Rows of event logs: one per flush."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.core.errors import IllegalTransition
from antiphon.core.events import Event
from antiphon.ports import Tenant
from antiphon.store.encoding import decode_events, encode_events
from antiphon.store.sqlite.session import Session, Transaction


def append_to(tx: Transaction, response_id: str, batch: Sequence[Event]) -> None:
    found = tx.rows("response_of_log", id=response_id)
    if not found:
        raise IllegalTransition(f"no unfinished response {response_id!r} to log events of")
    append(tx, found[0][0], batch)


def append(tx: Transaction, rid: int, batch: Sequence[Event]) -> None:
    rows = tx.rows("last_event", rid=rid)
    expected = rows[0][0] + 1 if rows else 0
    for number, event in enumerate(batch, expected):
        if event.sequence_number != number:
            raise IllegalTransition(f"event {event.sequence_number} stands where {number} belongs")
    last = expected + len(batch) - 1
    tx.run("insert_batch", rid=rid, first=expected, last=last, body=encode_events(batch))


def read(session: Session, tenant: Tenant, id: str, span: tuple[int, int], now: float) -> list[Event] | None:
    """`span` is the number before the first event, and how many at most."""
    after, limit = span
    found = session.rows("readable_log", tenant=tenant, id=id, now=now)
    if not found or not found[0][1]:
        return None
    events: list[Event] = []
    expected = after + 1
    with session.stream("read_batches", rid=found[0][0], after=after) as batches:
        for first, last, body in batches:
            if first > expected:
                raise IllegalTransition(f"events {expected} to {first - 1} of {id!r} are not in the store")
            events.extend(event for event in decode_events(first, body) if event.sequence_number > after)
            expected = last + 1
            if len(events) >= limit:
                break
    return events[:limit]
