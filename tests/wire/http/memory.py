"""A store of dicts, for as long as no other is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.core.events import Event
from antiphon.ports import EndedResponse, Listing, NewResponse, Page

JSON = dict[str, Any]


class MemoryStore:
    """Implements `ports.Store` without chains across deletions, expiry or locks that time out."""

    def __init__(self) -> None:
        self.new: dict[tuple[str, str], NewResponse] = {}
        self.responses: dict[tuple[str, str], JSON] = {}
        self.log: dict[str, list[Event]] = {}
        self.conversations: dict[tuple[str, str], JSON] = {}
        self.items: dict[tuple[str, str], list[JSON]] = {}
        self.locks: dict[tuple[str, str], str] = {}
        self._keys: list[tuple[str, float, bytes]] = []
        self.is_ready = True
        self.broken: Exception | None = None

    async def open(self) -> None: ...

    async def aclose(self) -> None: ...

    async def ready(self) -> bool:
        return self.is_ready

    async def sweep(self, now: float) -> Mapping[str, int]:
        return {}

    async def create(self, new: NewResponse) -> None:
        if self.broken:
            raise self.broken
        key = new.tenant, new.response["id"]
        self.new[key], self.responses[key] = new, {**new.response, "output": []}
        if new.background:
            self.log[new.response["id"]] = []

    async def update(self, tenant: str, response: JSON) -> None:
        self.responses[tenant, response["id"]] = response

    async def end(self, ended: EndedResponse) -> None:
        self.responses[ended.tenant, ended.response["id"]] = ended.response
        if ended.response["id"] in self.log:
            self.log[ended.response["id"]] += ended.events
        if ended.conversation_id:
            key = ended.tenant, ended.conversation_id
            new = self.new[ended.tenant, ended.response["id"]]
            self.items[key] += [*new.input, *ended.response["output"]]
            self.locks.pop(key, None)

    async def end_new(self, new: NewResponse, ended: EndedResponse) -> None:
        await self.create(new)
        await self.end(ended)

    async def get(self, tenant: str, response_id: str) -> JSON | None:
        return self.responses.get((tenant, response_id))

    async def delete(self, tenant: str, response_id: str) -> bool:
        return self.responses.pop((tenant, response_id), None) is not None

    async def context(self, tenant: str, response_id: str) -> list[JSON] | None:
        new = self.new.get((tenant, response_id))
        if new is None:
            return None
        earlier = await self.context(tenant, new.previous_response_id or "") or []
        return [*earlier, *new.input, *self.responses[tenant, response_id]["output"]]

    async def input_items(self, tenant: str, response_id: str, page: Page) -> Listing | None:
        new = self.new.get((tenant, response_id))
        if new is None or (tenant, response_id) not in self.responses:
            return None
        earlier = await self.context(tenant, new.previous_response_id or "") or []
        return _page([*earlier, *new.input], page)

    async def find_items(self, tenant: str, item_ids: Sequence[str]) -> dict[str, JSON]:
        mine = [item for (owner, _), items in self.items.items() if owner == tenant for item in items]
        mine += [i for (owner, _), new in self.new.items() if owner == tenant for i in new.input]
        return {item["id"]: item for item in mine if item["id"] in item_ids}

    async def append_events(self, response_id: str, events: Sequence[Event]) -> None:
        self.log[response_id] += events

    async def events(self, tenant: str, response_id: str, after: int, limit: int) -> list[Event] | None:
        if (tenant, response_id) not in self.responses or response_id not in self.log:
            return None
        return [e for e in self.log[response_id] if e.sequence_number > after][:limit]

    async def unfinished(self) -> list[tuple[str, JSON]]:
        return []

    async def create_conversation(self, tenant: str, conversation: JSON, items: Sequence[JSON]) -> None:
        if self.broken:
            raise self.broken
        self.conversations[tenant, conversation["id"]] = conversation
        self.items[tenant, conversation["id"]] = list(items)

    async def get_conversation(self, tenant: str, conversation_id: str) -> JSON | None:
        return self.conversations.get((tenant, conversation_id))

    async def update_conversation(self, tenant: str, conversation_id: str, metadata: JSON) -> JSON | None:
        found = self.conversations.get((tenant, conversation_id))
        if found is not None:
            found = self.conversations[tenant, conversation_id] = {**found, "metadata": metadata}
        return found

    async def delete_conversation(self, tenant: str, conversation_id: str) -> bool:
        return self.conversations.pop((tenant, conversation_id), None) is not None

    async def add_items(self, tenant: str, conversation_id: str, items: Sequence[JSON]) -> bool:
        if (tenant, conversation_id) not in self.conversations:
            return False
        self.items[tenant, conversation_id] += items
        return True

    async def conversation_items(self, tenant: str, conversation_id: str, page: Page) -> Listing | None:
        if (tenant, conversation_id) not in self.conversations:
            return None
        return _page(self.items[tenant, conversation_id], page)

    async def conversation_context(self, tenant: str, conversation_id: str) -> list[JSON] | None:
        known = (tenant, conversation_id) in self.conversations
        return list(self.items[tenant, conversation_id]) if known else None

    async def get_item(self, tenant: str, conversation_id: str, item_id: str) -> JSON | None:
        return next((i for i in self.items[tenant, conversation_id] if i["id"] == item_id), None)

    async def delete_item(self, tenant: str, conversation_id: str, item_id: str) -> bool:
        items = self.items[tenant, conversation_id]
        kept = [i for i in items if i["id"] != item_id]
        self.items[tenant, conversation_id] = kept
        return len(kept) < len(items)

    async def lock_conversation(self, tenant: str, conversation_id: str, owner: str, until: float) -> bool:
        return self.locks.setdefault((tenant, conversation_id), owner) == owner

    async def unlock_conversation(self, tenant: str, conversation_id: str, owner: str) -> None:
        self.locks.pop((tenant, conversation_id), None)

    async def keys(self, purpose: str) -> list[tuple[str, float, bytes]]:
        return self._keys

    async def add_key(self, purpose: str, key_id: str, created_at: float, key: bytes) -> None:
        self._keys.insert(0, (key_id, created_at, key))

    async def drop_keys(self, purpose: str, before: float) -> int:
        return 0


def _page(items: Sequence[JSON], page: Page) -> Listing:
    ordered = list(items) if page.order == "asc" else list(reversed(items))
    if page.after is not None:
        ids = [i["id"] for i in ordered]
        ordered = ordered[ids.index(page.after) + 1 :] if page.after in ids else []
    return Listing(ordered[: page.limit], len(ordered) > page.limit)
