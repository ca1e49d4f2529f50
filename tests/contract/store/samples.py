"""Responses, items and events to store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.contract.store.rig import START

from antiphon.core.deltas import JSON
from antiphon.core.events import Event
from antiphon.ports import EndedResponse, NewResponse, Page, Store

T = "default"
EXPIRY = START + 30 * 86_400.0


def message(id: str, text: str = "hello", role: str = "user") -> JSON:
    kind = "input_text" if role == "user" else "output_text"
    return {"id": id, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def answer(id: str, text: str = "hi") -> JSON:
    return message(id, text, "assistant")


def response(id: str, status: str = "in_progress", **fields: Any) -> JSON:
    return {
        "id": id,
        "object": "response",
        "status": status,
        "output": [],
        "usage": None,
        "metadata": {"k": "v"},
        **fields,
    }


def new(id: str, *input: JSON, tenant: str = T, status: str = "in_progress", **fields: Any) -> NewResponse:
    fields.setdefault("expires_at", EXPIRY)
    unfinished = response(id, status)
    del unfinished["output"]
    return NewResponse(tenant, unfinished, input, **fields)


def ended(id: str, *output: JSON, tenant: str = T, status: str = "completed", **fields: Any) -> EndedResponse:
    return EndedResponse(tenant, response(id, status, output=list(output)), **fields)


async def plain(store: Store, id: str, *, tenant: str = T, prev: str | None = None, **fields: Any) -> None:
    """One ended turn: `<id>.in` and `<id>.out`."""
    conversation = fields.get("conversation_id")
    await store.end_new(
        new(id, message(f"{id}.in"), tenant=tenant, previous_response_id=prev, **fields),
        ended(id, answer(f"{id}.out"), tenant=tenant, conversation_id=conversation),
    )


def conversation(id: str, **metadata: str) -> JSON:
    return {"id": id, "object": "conversation", "created_at": 1_795_000_000, "metadata": metadata}


def log(first: int, count: int) -> list[Event]:
    numbers = range(first, first + count)
    return [Event(n, "response.output_text.delta", b'{"sequence_number":%d}' % n) for n in numbers]


def ids(items: Sequence[JSON] | None) -> list[str]:
    assert items is not None
    return [item["id"] for item in items]


async def all_pages(store: Store, response_id: str, limit: int, order: Any, tenant: str = T) -> list[JSON]:
    """Every input item, page by page as an SDK would ask."""
    found: list[JSON] = []
    after: str | None = None
    while True:
        listing = await store.input_items(tenant, response_id, Page(limit, order, after))
        assert listing is not None
        assert len(listing.data) == limit or not listing.has_more
        found.extend(listing.data)
        if not listing.has_more:
            return found
        after = listing.data[-1]["id"]
