"""The store's side of a run: what is written when, so that nothing is told before it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from antiphon.core.events import Event
from antiphon.ports import EndedResponse, Store, StoreDown
from antiphon.run.live import Live
from antiphon.run.locks import Locks

logger = structlog.get_logger("antiphon.run")

_APPENDED = ("completed", "incomplete")
"""Statuses whose items join the conversation (SPEC.md H18: after the response completes)."""

_RETRY_S = 1.0
"""Pause after a batch that the store did not take."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0
"""Pauses between attempts to write an end that the store did not take; each is twice the one before."""


class Recorder:
    """Writes runs to the store; background logs in batches, `flush_s` seconds apart."""

    def __init__(self, store: Store, locks: Locks, flush_s: float) -> None:
        self._store, self._locks, self._flush_s = store, locks, flush_s

    async def create(self, live: Live) -> None:
        """Make the response known. A cancelled caller does not stop the write, only the waiting."""
        record = live.birth.record
        if record is None or live.stored:
            return
        if live.creating is None:
            live.creating = asyncio.ensure_future(self._store.create(record))
        await asyncio.shield(live.creating)
        live.stored = True

    async def settle(self, live: Live) -> None:
        """Wait for a `create` that may be under way: afterwards `live.stored` is the truth."""
        if live.creating is not None and not live.stored:
            await asyncio.wait({live.creating})
            live.stored = live.creating.exception() is None  # who asked for it has been told

    async def begun(self, live: Live) -> None:
        """A queued response is in progress now."""
        if live.stored:
            await self._store.update(live.birth.tenant, {**live.machine.snapshot(), "output": []})

    async def end(self, live: Live, events: Sequence[Event]) -> None:
        """Write the final object, the items, the conversation and the rest of the log at once."""
        record, conversation = live.birth.record, live.birth.plan.conversation_id
        final = live.machine.snapshot()
        appended = record is not None and not record.hidden and final["status"] in _APPENDED
        if record is not None:
            await self._stop_flushing(live)
            log = [*live.unsaved, *events] if live.background else ()
            ended = EndedResponse(live.birth.tenant, final, conversation if appended else None, log)
            await (self._store.end(ended) if live.stored else self._store.end_new(record, ended))
        if not appended:
            await self.release(live)

    async def release(self, live: Live) -> None:
        """Give the conversation back without adding to it."""
        await self._locks.give_back(live.birth.tenant, live.birth.plan.conversation_id, live.id)

    async def lose(self, live: Live, events: Sequence[Event]) -> None:
        """The store did not take the end, so that the response is told as failed; the store is owed that."""
        if live.stored:
            log = [*live.unsaved, *events] if live.background else ()
            live.owed = EndedResponse(live.birth.tenant, live.machine.snapshot(), None, log)
        await self.release(live)

    async def pay(self, live: Live) -> None:
        """Write what is owed as soon as the store takes it: nothing else would end the stored response."""
        pause = _FIRST_PAUSE_S
        while live.owed is not None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            try:
                await self._store.end(live.owed)
            except StoreDown as error:
                logger.warning("end still not stored", response=live.id, reason=str(error))
            else:
                live.owed = None

    # ---------- durable logs

    def flush_soon(self, live: Live) -> None:
        """Write the log and show what was written: at once after a pause, else a batch at a time."""
        if not (live.stored and live.unsaved) or live.flush_timer or live.flushing or live.ending:
            return
        loop = asyncio.get_running_loop()
        live.flush_timer = loop.call_at(live.flushed_at + self._flush_s, self._start_flush, live)

    def _start_flush(self, live: Live) -> None:
        live.flush_timer = None
        live.flushing = asyncio.create_task(self._flush(live))

    async def _flush(self, live: Live) -> None:
        batch, live.unsaved = live.unsaved, []
        pause = 0.0
        try:
            await self._store.append_events(live.id, batch)
        except StoreDown as error:
            live.unsaved, pause = [*batch, *live.unsaved], _RETRY_S
            logger.error("event log not stored", response=live.id, reason=str(error))
        else:
            live.log.append(batch)
        finally:
            live.flushing = None
            live.flushed_at = asyncio.get_running_loop().time() + pause
        self.flush_soon(live)  # what came meanwhile, or another attempt

    async def _stop_flushing(self, live: Live) -> None:
        """`live.ending` is set: no flush begins any more."""
        if live.flush_timer is not None:
            live.flush_timer.cancel()
            live.flush_timer = None
        if live.flushing is not None:
            await asyncio.wait({live.flushing})
