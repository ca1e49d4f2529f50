"""The port on SQLite: encode here, write and read there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import apsw

from antiphon.config import StoreSettings
from antiphon.core.deltas import JSON
from antiphon.core.events import Event
from antiphon.ports import Clock, EndedResponse, Listing, NewResponse, Page, StoreDown, Tenant
from antiphon.store.blobs import BlobFiles
from antiphon.store.encoding import encode_items, encode_object, encode_response
from antiphon.store.sqlite import conversations, keys, logs, responses
from antiphon.store.sqlite.connection import Connection, connect_reader, connect_writer
from antiphon.store.sqlite.faults import in_port_words
from antiphon.store.sqlite.items import find_items
from antiphon.store.sqlite.migrations import migrate, read_migrations
from antiphon.store.sqlite.place import Place
from antiphon.store.sqlite.readers import Readers
from antiphon.store.sqlite.session import Session, Transaction
from antiphon.store.sqlite.sweeper import Sweeper
from antiphon.store.sqlite.writer import Writer

T = TypeVar("T")


class SqliteStore:
    """A `Store` (see the port). Belongs to the event loop that opens it."""

    def __init__(self, settings: StoreSettings, place: Place, clock: Clock) -> None:
        self._settings = settings
        self._place = place
        self._now = clock.now
        self._blobs = BlobFiles(place.blobs, durable=settings.synchronous == "full")
        self._writer: Writer | None = None
        self._readers: Readers | None = None

    async def open(self) -> None:
        try:
            writing, reading = await asyncio.to_thread(self._connect)
        except (apsw.Error, OSError, StoreDown) as error:
            raise StoreDown(f"{self._place.database}: {in_port_words(error)}") from error
        settings = self._settings
        self._writer = Writer(writing, self._blobs, settings.max_bytes, settings.max_queued)
        self._readers = Readers(reading, self._blobs, settings.max_queued)

    def _connect(self) -> tuple[Connection, list[Connection]]:
        self._place.make_folder()
        self._blobs.open()
        writing = connect_writer(self._place.database, self._settings)
        migrate(writing, read_migrations(), self._now())
        reading = [
            connect_reader(self._place.database, self._settings) for _ in range(self._settings.readers)
        ]
        return writing, reading

    async def aclose(self) -> None:
        if self._readers is not None:
            await self._readers.aclose()
        if self._writer is not None:
            await self._writer.aclose()
        await asyncio.to_thread(self._place.leave)

    async def _write(self, work: Callable[[Transaction], T], grows: bool = True) -> T:
        if self._writer is None:
            raise StoreDown("the store is not open")
        return await self._writer.write(work, grows)

    async def _read(self, work: Callable[[Session], T]) -> T:
        if self._readers is None:
            raise StoreDown("the store is not open")
        return await self._readers.read(work)

    async def ready(self) -> bool:
        """Whether an empty write and an empty read go through."""
        try:
            await self._write(_nothing)
            await self._read(_nothing)
        except StoreDown:
            return False
        return True

    # responses

    async def create(self, new: NewResponse) -> None:
        now = self._now()
        accepted = responses.accept(new, self._settings.blob_threshold_bytes, now)
        ttl = self._settings.response_ttl_s
        await self._write(partial(responses.create, accepted=accepted, ttl=ttl))

    async def update(self, tenant: Tenant, response: JSON) -> None:
        body = encode_response(response)
        await self._write(partial(responses.update, tenant=tenant, id=response["id"], body=body))

    async def end(self, ended: EndedResponse) -> None:
        final = responses.finalise(ended, self._settings.blob_threshold_bytes)
        await self._write(partial(responses.end, final=final, now=self._now()))

    async def end_new(self, new: NewResponse, ended: EndedResponse) -> None:
        now = self._now()
        threshold = self._settings.blob_threshold_bytes
        accepted = responses.accept(new, threshold, now)
        final = responses.finalise(ended, threshold)
        ttl = self._settings.response_ttl_s
        await self._write(partial(responses.end_new, accepted=accepted, final=final, ttl=ttl, now=now))

    async def get(self, tenant: Tenant, response_id: str) -> JSON | None:
        return await self._read(partial(responses.get, tenant=tenant, id=response_id, now=self._now()))

    async def delete(self, tenant: Tenant, response_id: str) -> bool:
        work = partial(responses.delete, tenant=tenant, id=response_id, now=self._now())
        return await self._write(work, grows=False)

    async def context(self, tenant: Tenant, response_id: str) -> list[JSON] | None:
        return await self._read(partial(responses.context, tenant=tenant, id=response_id, now=self._now()))

    async def input_items(self, tenant: Tenant, response_id: str, page: Page) -> Listing | None:
        work = partial(responses.input_items, tenant=tenant, id=response_id, page=page, now=self._now())
        found = await self._read(work)
        return None if found is None else Listing(*found)

    async def find_items(self, tenant: Tenant, item_ids: Sequence[str]) -> dict[str, JSON]:
        return await self._read(partial(find_items, tenant=tenant, ids=item_ids, now=self._now()))

    async def append_events(self, response_id: str, events: Sequence[Event]) -> None:
        if events:
            await self._write(partial(logs.append_to, response_id=response_id, batch=tuple(events)))

    async def events(self, tenant: Tenant, response_id: str, after: int, limit: int) -> list[Event] | None:
        span = (max(after, -1), limit)
        return await self._read(partial(logs.read, tenant=tenant, id=response_id, span=span, now=self._now()))

    async def unfinished(self) -> list[tuple[Tenant, JSON]]:
        return await self._read(responses.unfinished)

    # conversations

    async def create_conversation(self, tenant: Tenant, conversation: JSON, items: Sequence[JSON]) -> None:
        rows = encode_items(items, self._settings.blob_threshold_bytes)
        id, body = conversation["id"], encode_object(conversation)
        await self._write(partial(conversations.create, tenant=tenant, id=id, body=body, items=rows))

    async def get_conversation(self, tenant: Tenant, conversation_id: str) -> JSON | None:
        return await self._read(partial(conversations.get, tenant=tenant, id=conversation_id))

    async def update_conversation(self, tenant: Tenant, conversation_id: str, metadata: JSON) -> JSON | None:
        return await self._write(
            partial(conversations.update, tenant=tenant, id=conversation_id, metadata=metadata)
        )

    async def delete_conversation(self, tenant: Tenant, conversation_id: str) -> bool:
        ttl = self._settings.response_ttl_s
        work = partial(conversations.delete, tenant=tenant, id=conversation_id, ttl=ttl, now=self._now())
        return await self._write(work, grows=False)

    async def add_items(self, tenant: Tenant, conversation_id: str, items: Sequence[JSON]) -> bool:
        rows = encode_items(items, self._settings.blob_threshold_bytes)
        return await self._write(partial(conversations.add, tenant=tenant, id=conversation_id, items=rows))

    async def conversation_items(self, tenant: Tenant, conversation_id: str, page: Page) -> Listing | None:
        work = partial(conversations.items, tenant=tenant, id=conversation_id, page=page)
        found = await self._read(work)
        return None if found is None else Listing(*found)

    async def conversation_context(self, tenant: Tenant, conversation_id: str) -> list[JSON] | None:
        return await self._read(partial(conversations.context, tenant=tenant, id=conversation_id))

    async def get_item(self, tenant: Tenant, conversation_id: str, item_id: str) -> JSON | None:
        work = partial(conversations.item, tenant=tenant, id=conversation_id, item_id=item_id)
        return await self._read(work)

    async def delete_item(self, tenant: Tenant, conversation_id: str, item_id: str) -> bool:
        now = self._now()
        work = partial(conversations.remove, tenant=tenant, id=conversation_id, item_id=item_id, now=now)
        return await self._write(work, grows=False)

    async def lock_conversation(self, tenant: Tenant, conversation_id: str, owner: str, until: float) -> bool:
        span = (self._now(), until)
        work = partial(conversations.lock, tenant=tenant, id=conversation_id, owner=owner, span=span)
        return await self._write(work, grows=False)

    async def unlock_conversation(self, tenant: Tenant, conversation_id: str, owner: str) -> None:
        work = partial(conversations.unlock, tenant=tenant, id=conversation_id, owner=owner)
        await self._write(work, grows=False)

    async def unlock_all(self) -> None:
        await self._write(conversations.unlock_all, grows=False)

    # keys

    async def keys(self, purpose: str) -> list[tuple[str, float, bytes]]:
        return await self._read(partial(keys.list_all, purpose=purpose))

    async def add_key(self, purpose: str, key_id: str, created_at: float, key: bytes) -> None:
        row = {"purpose": purpose, "key_id": key_id, "created_at": created_at, "key": key}
        # Small, and without it the server could not start: a full store takes it.
        await self._write(partial(keys.add, row=row), grows=False)

    async def drop_keys(self, purpose: str, before: float) -> int:
        return await self._write(partial(keys.drop, purpose=purpose, before=before), grows=False)

    # sweeping

    async def sweep(self, now: float) -> Mapping[str, int]:
        return await Sweeper(self._write, self._read, self._blobs, now - self._settings.sweep_grace_s).run(
            now
        )


def _nothing(_: Session) -> None:
    """Only the transaction around it counts."""
