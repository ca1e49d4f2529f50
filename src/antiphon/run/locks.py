"""A conversation belongs to one response at a time (SPEC.md H18)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from antiphon.core.errors import Invalid, NotFound
from antiphon.ports import Clock, Store, StoreDown, Tenant

logger = structlog.get_logger("antiphon.run")


class Locks:
    """Takes conversations for responses, `hold_s` seconds each time."""

    def __init__(self, store: Store, clock: Clock, hold_s: float) -> None:
        self._store, self._clock, self._hold_s = store, clock, hold_s

    @asynccontextmanager
    async def starting(self, tenant: Tenant, conversation: str | None, owner: str) -> AsyncGenerator[None]:
        """The conversation is `owner`'s from now on; given back where what follows fails or is cancelled.

        Raises like `take`.
        """
        try:
            await self.take(tenant, conversation, owner)
            yield
        except BaseException:
            await self.give_back(tenant, conversation, owner)
            raise

    async def take(self, tenant: Tenant, conversation: str | None, owner: str) -> None:
        """Take it, or hold it for longer. Raises `NotFound`, or `Invalid` while another response has it."""
        if conversation is None:
            return
        until = self._clock.now() + self._hold_s
        if await self._store.lock_conversation(tenant, conversation, owner, until):
            return
        if await self._store.get_conversation(tenant, conversation) is None:
            raise unknown_conversation(conversation)
        raise Invalid(
            "Another process is currently operating on this conversation. Please retry in a few seconds.",
            param="conversation",
            code="conversation_locked",
        )

    async def give_back(self, tenant: Tenant, conversation: str | None, owner: str) -> None:
        """Let others have it. Where the store fails it is free when its time is over."""
        if conversation is None:
            return
        try:
            await self._store.unlock_conversation(tenant, conversation, owner)
        except StoreDown as error:
            logger.error("conversation not given back", response=owner, reason=str(error))


def unknown_conversation(conversation: str) -> NotFound:
    return NotFound(f"Conversation with id '{conversation}' not found.")
