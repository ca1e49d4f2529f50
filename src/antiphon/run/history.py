"""What a run starts from: the chain or conversation before it, references resolved, reasoning opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from antiphon.core.compaction import after_compaction, opened
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid, NotFound
from antiphon.core.items import check_pairs, without_old_reasoning
from antiphon.core.request import Plan, conversation_of
from antiphon.ports import Store, Tenant
from antiphon.run.locks import unknown_conversation
from antiphon.run.vault import Vault

_SEALED = ("reasoning", "compaction")


@dataclass(frozen=True, slots=True)
class Start:
    """`history` are earlier items; `input` this request's own, with references resolved."""

    history: tuple[JSON, ...]
    input: tuple[JSON, ...]


class History:
    """Loads a plan's context from the store."""

    def __init__(self, store: Store, vault: Vault, max_items: int) -> None:
        self._store, self._vault, self._max_items = store, vault, max_items

    async def earlier(self, tenant: Tenant, given: JSON) -> list[JSON]:
        """The items that a request goes on from, oldest first.

        Raises `Invalid` (unknown or unfinished previous response) and `NotFound` (conversation).
        """
        previous, conversation = given.get("previous_response_id"), conversation_of(given)
        if previous is not None:
            return await self._chain(tenant, previous)
        if conversation is None:
            return []
        items = await self._store.conversation_context(tenant, conversation)
        if items is None:
            raise unknown_conversation(conversation)
        return items

    async def start(self, tenant: Tenant, plan: Plan, earlier: Sequence[JSON]) -> Start:
        """Where a run begins. Raises `Invalid` (unpaired calls, too many items), `NotFound` (references)."""
        own = await self.resolve(tenant, plan.input)
        if len(earlier) + len(own) > self._max_items:
            raise Invalid(
                f"The context has {len(earlier) + len(own)} items; this server takes {self._max_items}.",
                param="input",
                code="array_above_max_length",
            )
        check_pairs(earlier, own)
        return Start(tuple(earlier), own)

    async def resolve(self, tenant: Tenant, items: Sequence[JSON]) -> tuple[JSON, ...]:
        """Items with every `item_reference` replaced by the stored item. Raises `NotFound`."""
        wanted = [cast(str, i["id"]) for i in items if i["type"] == "item_reference"]
        if not wanted:
            return tuple(items)
        found = await self._store.find_items(tenant, wanted)
        for item_id in wanted:
            if item_id not in found:
                raise NotFound(f"Item with id '{item_id}' not found.", param="input")
        return tuple(found[i["id"]] if i["type"] == "item_reference" else i for i in items)

    def for_engine(self, tenant: Tenant, items: Sequence[JSON], current_only: bool) -> tuple[JSON, ...]:
        """Items as an engine reads them: what we sealed is opened, old reasoning left out if asked.

        Raises `Invalid` for a compaction that was not made here: the context would be lost silently.
        """
        items = after_compaction(items)
        if current_only:
            items = without_old_reasoning(items)
        return tuple(self._open(tenant, i) if i["type"] in _SEALED else i for i in items)

    async def _chain(self, tenant: Tenant, response_id: str) -> list[JSON]:
        previous = await self._store.get(tenant, response_id)
        items = await self._store.context(tenant, response_id) if previous else None
        if previous is None or items is None:
            raise Invalid(
                f"Previous response with id '{response_id}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        if previous["status"] in ("queued", "in_progress"):
            raise Invalid(
                f"Previous response with id '{response_id}' is not finished yet.",
                param="previous_response_id",
            )
        return items

    def _open(self, tenant: Tenant, item: JSON) -> JSON:
        token = cast("str | None", item.get("encrypted_content"))
        text = self._vault.open(tenant, token) if token and not item.get("content") else None
        if item["type"] == "compaction":
            if text is None:
                raise Invalid(
                    "The encrypted content of a compaction item could not be verified.",
                    param="input",
                    code="invalid_encrypted_content",
                )
            return opened(text)
        if text is None:
            return item
        return {**item, "content": [{"type": "reasoning_text", "text": text}]}
