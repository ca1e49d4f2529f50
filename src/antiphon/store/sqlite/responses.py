"""Rows of responses and the chains that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from antiphon.core.deltas import JSON
from antiphon.core.errors import IllegalTransition
from antiphon.core.events import Event
from antiphon.ports import EndedResponse, NewResponse, Page, Tenant
from antiphon.store.encoding import StoredItem, decode_object, encode_items, encode_response
from antiphon.store.listing import paginate
from antiphon.store.sqlite import conversations, logs
from antiphon.store.sqlite.items import Span, insert_items, join_spans, load_items, name_items, spans_of
from antiphon.store.sqlite.session import Session, Transaction


class Accepted(NamedTuple):
    """A `NewResponse` ready to be written."""

    new: NewResponse
    id: str
    body: bytes
    input: Sequence[StoredItem]
    lifetime: float | None  # seconds from now; None: as long as its conversation


class Final(NamedTuple):
    """An `EndedResponse` ready to be written."""

    tenant: Tenant
    id: str
    body: bytes
    output: Sequence[StoredItem]
    conversation: str | None
    events: Sequence[Event]


class Seen(NamedTuple):
    """What a response sees of its conversation."""

    cid: int | None = None
    tick: int | None = None
    alive: bool = True


def accept(new: NewResponse, threshold: int, now: float) -> Accepted:
    if new.previous_response_id is not None and new.conversation_id is not None:
        raise IllegalTransition("a response has either a previous response or a conversation (SPEC.md H16)")
    response = new.response
    lifetime = None if new.expires_at is None else new.expires_at - now
    items = encode_items(new.input, threshold)
    return Accepted(new, response["id"], encode_response(response), items, lifetime)


def finalise(ended: EndedResponse, threshold: int) -> Final:
    response = ended.response
    return Final(
        ended.tenant,
        response["id"],
        encode_response(response),
        encode_items(response["output"], threshold),
        ended.conversation_id,
        ended.events,
    )


def create(tx: Transaction, accepted: Accepted, ttl: float) -> None:
    """`ttl` is the lifetime of a response whose conversation is gone."""
    rid = tx.next_rid()
    first = insert_items(tx, accepted.new.tenant, rid, accepted.input)
    tx.run("insert_response", **_row(tx, accepted, ttl), rid=rid, input_first=first)


def end_new(tx: Transaction, accepted: Accepted, final: Final, ttl: float, now: float) -> None:
    rid = tx.next_rid()
    items = [*accepted.input, *final.output]
    first = insert_items(tx, accepted.new.tenant, rid, items)
    row = _row(tx, accepted, ttl)
    row |= {
        "ended": True,
        "gone_at": None if row["lifetime"] is None else now + row["lifetime"],
        "output_first": first + len(accepted.input),
        "output_count": len(final.output),
        "body": final.body,
    }
    tx.run("insert_response", **row, rid=rid, input_first=first)
    _conclude(tx, final, rid, [(first, first + len(items) - 1)])


def _row(tx: Transaction, accepted: Accepted, ttl: float) -> dict[str, Any]:
    """An unfinished response without output; row and item numbers are missing."""
    new = accepted.new
    seen = Seen()
    if new.conversation_id is not None:
        seen = _see(tx, new.tenant, new.conversation_id, accepted.id)
    return {
        "id": accepted.id,
        "tenant": new.tenant,
        "parent": new.previous_response_id,
        "conversation": seen.cid,
        "tick": seen.tick,
        "hidden": new.hidden,
        "ended": False,
        "lifetime": accepted.lifetime if seen.alive or accepted.lifetime is not None else ttl,
        "gone_at": None,
        "input_count": len(accepted.input),
        "output_first": 0,
        "output_count": 0,
        "body": accepted.body,
    }


def _see(tx: Transaction, tenant: Tenant, conversation: str, response: str) -> Seen:
    for cid, tick, alive in tx.rows("conversation_seen", tenant=tenant, id=conversation, response=response):
        return Seen(cid, tick, bool(alive))
    return Seen(alive=False)


def update(tx: Transaction, tenant: Tenant, id: str, body: bytes) -> None:
    if not tx.run("update_response", tenant=tenant, id=id, body=body):
        raise IllegalTransition(f"no unfinished response {id!r} to update")


def end(tx: Transaction, final: Final, now: float) -> None:
    found = tx.rows("response_to_end", tenant=final.tenant, id=final.id)
    if not found:
        raise IllegalTransition(f"no unfinished response {final.id!r} to end")
    ((rid, input_first, input_count),) = found
    first, count = insert_items(tx, final.tenant, rid, final.output), len(final.output)
    tx.run("end_response", rid=rid, body=final.body, output_first=first, output_count=count, now=now)
    _conclude(tx, final, rid, [(input_first, input_first + input_count - 1), (first, first + count - 1)])


def _conclude(tx: Transaction, final: Final, rid: int, own: Sequence[Span]) -> None:
    """The last events, and the conversation's share."""
    if final.events:
        logs.append(tx, rid, final.events)
    if final.conversation is not None:
        conversations.append(tx, final.tenant, final.conversation, own)
        conversations.unlock(tx, final.tenant, final.conversation, final.id)


def get(session: Session, tenant: Tenant, id: str, now: float) -> JSON | None:
    for body, first, count in session.rows("get_response", tenant=tenant, id=id, now=now):
        response = decode_object(body)
        response["output"] = load_items(session, join_spans([(first, first + count - 1)]))
        return response
    return None


def delete(tx: Transaction, tenant: Tenant, id: str, now: float) -> bool:
    return tx.run("delete_response", tenant=tenant, id=id, now=now) > 0


def context(session: Session, tenant: Tenant, id: str, now: float) -> list[JSON] | None:
    spans = _chain(session, tenant, id, now)
    return None if spans is None else load_items(session, join_spans(spans))


def input_items(
    session: Session, tenant: Tenant, id: str, page: Page, now: float
) -> tuple[list[JSON], bool] | None:
    spans = _chain(session, tenant, id, now)
    if spans is None:
        return None
    without_output = join_spans(spans[:-1])
    chosen, more = paginate(name_items(session, without_output), page)
    return load_items(session, spans_of(chosen)), more


def _chain(session: Session, tenant: Tenant, id: str, now: float) -> list[Span] | None:
    """What the oldest ancestor saw of its conversation, then input and output of each; None if not found."""
    chain = session.rows("chain", tenant=tenant, id=id, now=now)
    if not chain:
        return None
    cid, tick, *_ = chain[0]
    spans = [] if cid is None else spans_of(conversations.as_of(session, cid, tick))
    for _, _, input_first, input_count, output_first, output_count in chain:
        spans.append((input_first, input_first + input_count - 1))
        spans.append((output_first, output_first + output_count - 1))
    return spans


def unfinished(session: Session) -> list[tuple[Tenant, JSON]]:
    return [(tenant, decode_object(body)) for tenant, body in session.rows("unfinished_responses")]
