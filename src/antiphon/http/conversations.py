"""The resource `/conversations` and its items: all eight operations (SPEC.md A, H18–H21)."""

from __future__ import annotations

from typing import Any, cast

from antiphon.core.deltas import JSON
from antiphon.core.errors import NotFound
from antiphon.http.exchange import Exchange
from antiphon.http.include import visible
from antiphon.http.lists import listing, page_of

_ITEMS = "/conversations/{conversation_id}/items"


async def create(x: Exchange) -> None:
    """`POST /conversations`; the body may be left out."""
    body = await x.checked("POST /conversations", optional=True)
    items = await x.site.deps.runs.create_items(cast(list[JSON], body.get("items") or []), x.caller)
    conversation: JSON = {
        "id": x.site.deps.ids.new("conv"),
        "object": "conversation",
        "created_at": int(x.site.deps.clock.now()),
        "metadata": body.get("metadata") or {},
    }
    await x.site.deps.store.create_conversation(x.caller.tenant, conversation, items)
    await x.reply(conversation)


async def retrieve(x: Exchange) -> None:
    """`GET /conversations/{conversation_id}`."""
    await x.reply(await _conversation(x))


async def update(x: Exchange) -> None:
    """`POST /conversations/{conversation_id}`: metadata is replaced, null empties it."""
    body = await x.checked("POST /conversations/{conversation_id}")
    store, conversation_id = x.site.deps.store, _id(x)
    updated = await store.update_conversation(x.caller.tenant, conversation_id, body["metadata"] or {})
    await x.reply(_found(x, updated))


async def delete(x: Exchange) -> None:
    """`DELETE /conversations/{conversation_id}`; its items are not deleted with it (SPEC.md H20)."""
    if not await x.site.deps.store.delete_conversation(x.caller.tenant, _id(x)):
        raise _not_found(x)
    await x.reply({"id": _id(x), "object": "conversation.deleted", "deleted": True})


async def create_items(x: Exchange) -> None:
    """`POST /conversations/{conversation_id}/items`."""
    query = x.query(f"POST {_ITEMS}")
    body = await x.checked(f"POST {_ITEMS}")
    items = await x.site.deps.runs.create_items(cast(list[JSON], body["items"]), x.caller)
    if not await x.site.deps.store.add_items(x.caller.tenant, _id(x), items):
        raise _not_found(x)
    await x.reply(listing(_shown(items, query), has_more=False))


async def list_items(x: Exchange) -> None:
    """`GET /conversations/{conversation_id}/items`."""
    query = x.query(f"GET {_ITEMS}")
    found = await x.site.deps.store.conversation_items(x.caller.tenant, _id(x), page_of(query))
    if found is None:
        raise _not_found(x)
    await x.reply(listing(_shown(list(found.data), query), found.has_more))


async def retrieve_item(x: Exchange) -> None:
    """`GET /conversations/{conversation_id}/items/{item_id}`."""
    query = x.query(f"GET {_ITEMS}/{{item_id}}")
    await _conversation(x)
    item = await x.site.deps.store.get_item(x.caller.tenant, _id(x), x.params["item_id"])
    if item is None:
        raise _item_not_found(x)
    await x.reply(_shown([item], query)[0])


async def delete_item(x: Exchange) -> None:
    """`DELETE /conversations/{conversation_id}/items/{item_id}`; answers the conversation (SPEC.md H20)."""
    conversation = await _conversation(x)
    if not await x.site.deps.store.delete_item(x.caller.tenant, _id(x), x.params["item_id"]):
        raise _item_not_found(x)
    await x.reply(conversation)


def _id(x: Exchange) -> str:
    return x.params["conversation_id"]


def _shown(items: list[JSON], query: dict[str, Any]) -> list[JSON]:
    return [visible(item, query.get("include", ())) for item in items]


async def _conversation(x: Exchange) -> JSON:
    return _found(x, await x.site.deps.store.get_conversation(x.caller.tenant, _id(x)))


def _found(x: Exchange, conversation: JSON | None) -> JSON:
    if conversation is None:
        raise _not_found(x)
    return conversation


def _not_found(x: Exchange) -> NotFound:
    return NotFound(f"Conversation with id '{_id(x)}' not found.")


def _item_not_found(x: Exchange) -> NotFound:
    return NotFound(f"Item with id '{x.params['item_id']}' not found in conversation '{_id(x)}'.")
