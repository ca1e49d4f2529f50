"""The lanes of one WebSocket connection: in order within a lane, at once across lanes (SPEC.md H.2)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from antiphon.core.deltas import JSON

LaneId = str | None
"""A client's `stream_id`; None is the default lane."""


@dataclass(frozen=True, slots=True)
class Create:
    """A `response.create` frame, its envelope taken off. `size` is of the frame, in bytes."""

    lane: LaneId
    body: JSON
    generate: bool
    size: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What a continuation of a response is given; `size` is an estimate in bytes."""

    response_id: str
    items: Sequence[JSON]
    size: int


class Memories:
    """The latest response of each lane, as long as all fit in `limit_bytes`; the oldest are forgotten first.

    This is what lets `previous_response_id` work with `store: false` on the same connection.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lanes: dict[LaneId, Memory] = {}  # oldest first

    def find(self, response_id: object) -> Memory | None:
        """The memory of a response, whichever lane it ended on: another lane may fork from it."""
        return next((m for m in self._lanes.values() if m.response_id == response_id), None)

    def lane_of(self, response_id: object) -> LaneId:
        """The lane on which a response ended; None where it is unknown, as for the default lane."""
        return next((lane for lane, m in self._lanes.items() if m.response_id == response_id), None)

    def remember(self, lane: LaneId, memory: Memory) -> None:
        self._lanes.pop(lane, None)
        self._lanes[lane] = memory
        while sum(m.size for m in self._lanes.values()) > self._limit:
            del self._lanes[next(iter(self._lanes))]

    def drop(self, lane: LaneId) -> None:
        self._lanes.pop(lane, None)

    def forget(self, lane: LaneId, response_id: object) -> None:
        """Drop the lane's memory if it is of this response; other lanes keep theirs."""
        kept = self._lanes.get(lane)
        if kept is not None and kept.response_id == response_id:
            del self._lanes[lane]


class Lanes:
    """Queues of creates. `answer` is called for each and must not raise but when it is cancelled."""

    def __init__(self, answer: Callable[[Create], Awaitable[None]], most_active: int) -> None:
        self._answer = answer
        self._slots = asyncio.Semaphore(most_active)
        self._queues: dict[LaneId, deque[Create]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.queued = 0
        self.queued_bytes = 0

    def submit(self, create: Create) -> None:
        """Queue it behind what its lane has to do."""
        self.queued += 1
        self.queued_bytes += create.size
        queue = self._queues.get(create.lane)
        if queue is not None:
            queue.append(create)
            return
        self._queues[create.lane] = deque((create,))
        task = asyncio.create_task(self._drain(create.lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self, within_s: float) -> None:
        """Return when nothing runs or waits, or when the time is over."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    async def aclose(self) -> None:
        """Cancel everything and wait for it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _drain(self, lane: LaneId) -> None:
        queue = self._queues[lane]
        try:
            while queue:
                create = queue.popleft()
                async with self._slots:
                    self.queued -= 1
                    self.queued_bytes -= create.size
                    await self._answer(create)
        finally:
            del self._queues[lane]
