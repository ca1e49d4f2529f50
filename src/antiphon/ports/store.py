"""What one database offers: responses, conversations, keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from antiphon.core.deltas import JSON
from antiphon.core.events import Event
from antiphon.ports.world import Tenant


@dataclass(frozen=True, slots=True)
class Page:
    """A cursor question: ids strictly after `after` in `order`; `limit` 1–100.

    An id that occurs more than once is listed once, at its first place and with its newest content, so
    that a cursor has one meaning. Nothing follows an unknown cursor.
    """

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of an answer, in the asked order."""

    data: Sequence[JSON]
    has_more: bool


@dataclass(frozen=True, slots=True)
class NewResponse:
    """A response at the moment it is accepted.

    `response` is the official object without `output` and `id` included; `input` are this request's own
    input items, each with an id. `previous_response_id` links the chain; items are never copied along it.
    `expires_at` is Unix seconds or None (kept as long as its conversation). The time that it leaves counts
    from the response's end; an unfinished response does not expire. A previous response that is hidden,
    another tenant's or no longer there is no ancestor.
    """

    tenant: Tenant
    response: JSON
    input: Sequence[JSON]
    previous_response_id: str | None = None
    conversation_id: str | None = None
    background: bool = False
    hidden: bool = False  # store=false: found by nobody but its own live run and background polls
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class EndedResponse:
    """A response at its end: the final object with whole `output`, and the last events of its log.

    Where `conversation_id` is set, `NewResponse.input` and the output are appended to it in the same
    transaction, and its lock is released.
    """

    tenant: Tenant
    response: JSON
    conversation_id: str | None = None
    events: Sequence[Event] = ()


class ResponseStore(Protocol):
    """Responses, their items and chains, and event logs. Everything is scoped by tenant.

    A method that returns None or False says "not found for this tenant"; expired and deleted rows are
    not found. Raises `StoreFull` when the disk or the configured size is full, `StoreDown` otherwise, and
    `IllegalTransition` for our bugs: an id stored twice, a change of a response that is unknown or has
    ended, a gap in a log. A deleted response can still be ended; it stays deleted.
    """

    async def create(self, new: NewResponse) -> None:
        """Durable against a process kill when it returns."""
        ...

    async def update(self, tenant: Tenant, response: JSON) -> None:
        """Replace status and fields of an unfinished response (queued → in_progress); no output."""
        ...

    async def end(self, ended: EndedResponse) -> None:
        """Write the final object, output items, conversation and events in one transaction.

        Works also for a response that was never `create`d when given `end_new`.
        """
        ...

    async def end_new(self, new: NewResponse, ended: EndedResponse) -> None:
        """`create` and `end` in one transaction: a plain foreground request writes once."""
        ...

    async def get(self, tenant: Tenant, response_id: str) -> JSON | None:
        """The whole object; `output` is [] while the run is unfinished."""
        ...

    async def delete(self, tenant: Tenant, response_id: str) -> bool:
        """Forget it. Items that a later response of its chain or a conversation still uses stay for those."""
        ...

    async def context(self, tenant: Tenant, response_id: str) -> list[JSON] | None:
        """All that `input_items` lists, repeated ids included, then the output; oldest first.

        Deleted ancestors still count (their descendants use them). None for a hidden response.
        """
        ...

    async def input_items(self, tenant: Tenant, response_id: str, page: Page) -> Listing | None:
        """What the model was given: earlier items of the chain, or of the conversation as they were when the
        response took its lock or was created; then its own input. None for a hidden response.
        """
        ...

    async def find_items(self, tenant: Tenant, item_ids: Sequence[str]) -> dict[str, JSON]:
        """Items by id, for `item_reference`; the newest where an id was used twice.

        Found are items that a response which is not hidden, one built on it, or a conversation holds.
        """
        ...

    async def append_events(self, response_id: str, events: Sequence[Event]) -> None:
        """Add to the log; numbers start at 0 and go on without a gap."""
        ...

    async def events(self, tenant: Tenant, response_id: str, after: int, limit: int) -> list[Event] | None:
        """Events with a number > `after`, in order; None where nothing was ever logged."""
        ...

    async def unfinished(self) -> list[tuple[Tenant, JSON]]:
        """Queued and in_progress responses of all tenants: what a dead process left behind."""
        ...


class ConversationStore(Protocol):
    """Conversations and their ordered items."""

    async def create_conversation(
        self, tenant: Tenant, conversation: JSON, items: Sequence[JSON]
    ) -> None: ...

    async def get_conversation(self, tenant: Tenant, conversation_id: str) -> JSON | None: ...

    async def update_conversation(
        self, tenant: Tenant, conversation_id: str, metadata: JSON
    ) -> JSON | None: ...

    async def delete_conversation(self, tenant: Tenant, conversation_id: str) -> bool:
        """Its responses stay; those without `expires_at` now have `response_ttl_s` left."""
        ...

    async def add_items(self, tenant: Tenant, conversation_id: str, items: Sequence[JSON]) -> bool: ...

    async def conversation_items(
        self, tenant: Tenant, conversation_id: str, page: Page
    ) -> Listing | None: ...

    async def conversation_context(self, tenant: Tenant, conversation_id: str) -> list[JSON] | None:
        """All items, oldest first."""
        ...

    async def get_item(self, tenant: Tenant, conversation_id: str, item_id: str) -> JSON | None: ...

    async def delete_item(self, tenant: Tenant, conversation_id: str, item_id: str) -> bool:
        """Unlink it here, wherever its id occurs."""
        ...

    async def lock_conversation(self, tenant: Tenant, conversation_id: str, owner: str, until: float) -> bool:
        """Take it for `owner` (a response id) until a Unix time, or longer if it has it already.

        False while another holds it, and for an unknown conversation.
        """
        ...

    async def unlock_conversation(self, tenant: Tenant, conversation_id: str, owner: str) -> None: ...

    async def unlock_all(self) -> None:
        """Free every conversation of all tenants, whoever had it: nobody is left who would."""
        ...


class KeyStore(Protocol):
    """Secrets of the server, shared by its replicas."""

    async def keys(self, purpose: str) -> list[tuple[str, float, bytes]]:
        """`(key id, created_at, key)`, newest first."""
        ...

    async def add_key(self, purpose: str, key_id: str, created_at: float, key: bytes) -> None: ...

    async def drop_keys(self, purpose: str, before: float) -> int: ...


class Store(ResponseStore, ConversationStore, KeyStore, Protocol):
    """What one database offers."""

    async def open(self) -> None:
        """Connect and migrate. Raises `StoreDown` with what to do about it."""
        ...

    async def sweep(self, now: float) -> Mapping[str, int]:
        """Remove what went `sweep_grace_s` before `now` and what nothing uses.

        Counts of `responses`, `conversations`, `items` and `blobs`.
        """
        ...

    async def ready(self) -> bool: ...

    async def aclose(self) -> None: ...


class StoreDown(Exception):
    """The store cannot be used now; the message says why, without secrets."""


class StoreFull(StoreDown):
    """No room: disk or configured size."""
