"""The event log of one live run: one writer, many readers, bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from antiphon.core.events import Event
from antiphon.ports import Offer, SlowReader


@dataclass(slots=True)
class _Waiter:
    """A reader that has read everything. `position` is the number that it wants next."""

    position: int
    offer: Offer | None
    woken: asyncio.Future[None]

    def take(self, events: Sequence[Event]) -> bool:
        """Offer it new events, or wake it; whether it waits no longer."""
        if self.woken.done():
            return True
        fits = self.offer is not None and bool(events) and events[0].sequence_number == self.position
        if fits and self.offer is not None and self.offer(events):
            self.position = events[-1].sequence_number + 1
            return False
        self.woken.set_result(None)
        return True


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
        self._waiters: list[_Waiter] = []

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
        if self._bytes > self._limit:
            self._forget()
        self._waiters = [w for w in self._waiters if not w.take(events)]

    def close(self) -> None:
        """No more events will come."""
        self._closed = True
        self._waiters = [w for w in self._waiters if not w.take(())]

    async def read(self, after: int = -1, offer: Offer | None = None) -> AsyncIterator[Sequence[Event]]:
        """Batches of all events with a number > `after`, until the log is closed and read.

        While the reader waits, events go to `offer` as they are appended; what it takes is not yielded.
        """
        position = after + 1
        while True:
            batch = self._from(position)
            if batch:
                position = batch[-1].sequence_number + 1
                yield batch
            elif self._closed:
                return
            else:
                position = await self._more(position, offer)

    def _from(self, position: int) -> Sequence[Event]:
        if not self._events:
            return ()
        offset = position - self._events[0].sequence_number
        if offset < 0:
            raise SlowReader(f"event {position} is no longer in memory")
        return self._events[offset:]

    async def _more(self, position: int, offer: Offer | None) -> int:
        """Wait for events that `offer` does not take; the position from where they are to be read."""
        waiter = _Waiter(position, offer, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        await waiter.woken
        return waiter.position

    def _forget(self) -> None:
        """Drop from the front until half of the limit is left; the last event always stays."""
        keep, kept = len(self._events) - 1, len(self._events[-1].data)
        while keep > 0 and kept + len(self._events[keep - 1].data) <= self._limit // 2:
            keep -= 1
            kept += len(self._events[keep].data)
        del self._events[:keep]
        self._bytes = kept
