"""The event log of one live run: one writer, many readers, bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from antiphon.core.events import Event
from antiphon.ports import SlowReader


class EventLog:
    """Append-only. Readers tail it at their own pace and never slow the writer.

    Events over `limit_bytes` are forgotten from the front; a reader that still needed them gets
    `SlowReader`.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._events: list[Event] = []
        self._limit = limit_bytes
        self._bytes = 0
        self._closed = False
        self._waiters: list[asyncio.Future[None]] = []
        self.total_bytes = 0

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def first(self) -> int:
        """The number of the oldest event that is still in memory, or of the next one."""
        return self._events[0].sequence_number if self._events else 0

    def append(self, events: Sequence[Event]) -> None:
        """Add events, numbered on from the last, and wake the readers."""
        if not events:
            return
        size = sum(len(event.data) for event in events)
        self._events += events
        self._bytes += size
        self.total_bytes += size
        if self._bytes > self._limit:
            self._forget()
        self._wake()

    def close(self) -> None:
        """No more events will come."""
        self._closed = True
        self._wake()

    async def read(self, after: int = -1) -> AsyncIterator[Sequence[Event]]:
        """Batches of all events with a number > `after`, until the log is closed and read."""
        position = after + 1
        while True:
            batch = self._from(position)
            if batch:
                position = batch[-1].sequence_number + 1
                yield batch
            elif self._closed:
                return
            else:
                await self._more()

    def _from(self, position: int) -> Sequence[Event]:
        if not self._events:
            return ()
        offset = position - self._events[0].sequence_number
        if offset < 0:
            raise SlowReader(f"event {position} is no longer in memory")
        return self._events[offset:]

    async def _more(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _forget(self) -> None:
        """Drop from the front until half of the limit is left; the last event always stays."""
        keep, kept = len(self._events) - 1, len(self._events[-1].data)
        while keep > 0 and kept + len(self._events[keep - 1].data) <= self._limit // 2:
            keep -= 1
            kept += len(self._events[keep].data)
        del self._events[:keep]
        self._bytes = kept
