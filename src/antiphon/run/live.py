"""A response being made in this process: its machine, its log, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from antiphon.core.agent import Agent
from antiphon.core.deltas import JSON
from antiphon.core.errors import ApiError
from antiphon.core.events import Event
from antiphon.core.machine import ResponseMachine
from antiphon.core.request import Plan
from antiphon.ports import EndedResponse, NewResponse, Offer, Route, Tenant
from antiphon.run.history import Start
from antiphon.run.log import EventLog


@dataclass(frozen=True, slots=True)
class Birth:
    """Everything fixed at the start of a run."""

    id: str
    tenant: Tenant
    plan: Plan
    route: Route
    start: Start
    record: NewResponse | None  # None: nothing is stored
    generate: bool = True


class Live:
    """One run. The driver writes it; http reads it through `ports.LiveRun`."""

    def __init__(self, birth: Birth, machine: ResponseMachine, agent: Agent, log: EventLog) -> None:
        self.birth, self.machine, self.agent, self.log = birth, machine, agent, log
        self.task: asyncio.Task[None] | None = None
        self.announced: JSON = {}
        self.begun = False
        self.stored = False  # the store knows this response
        self.creating: asyncio.Future[None] | None = None
        self.unsaved: list[Event] = []  # background: events not yet in the store, and so not shown
        self.flush_timer: asyncio.TimerHandle | None = None
        self.flushing: asyncio.Task[None] | None = None
        self.flushed_at = 0.0  # the loop's time
        self.ending: asyncio.Task[None] | None = None
        self.owed: EndedResponse | None = None  # an end that the store has not taken yet
        self.told_bytes = 0
        loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[JSON] = loop.create_future()

    # ---------- what http sees

    @property
    def id(self) -> str:
        return self.birth.id

    @property
    def background(self) -> bool:
        return self.birth.plan.background

    @property
    def dropped_tools(self) -> Sequence[str]:
        return self.birth.plan.tools.dropped

    @property
    def obfuscate(self) -> bool:
        return self.birth.plan.obfuscate

    @property
    def context(self) -> Sequence[JSON]:
        start = self.birth.start
        return (*start.history, *start.input, *self.machine.snapshot()["output"])

    async def accepted(self) -> None:
        await asyncio.shield(self._accepted)

    def events(self, after: int = -1, offer: Offer | None = None) -> AsyncIterator[Sequence[Event]]:
        return self.log.read(after, offer)

    async def result(self) -> JSON:
        return await asyncio.shield(self._ended)

    async def cancel(self) -> None:
        if self.task is not None and not self.task.done():
            # Soon, not now: a task that is cancelled before its first step skips its own ending.
            asyncio.get_running_loop().call_soon(self.task.cancel)
        await self.finished()

    # ---------- what the driver does

    async def finished(self) -> None:
        """Return when the run's task has ended, however it did."""
        if self.task is not None:
            await asyncio.wait({self.task})

    @property
    def ended(self) -> bool:
        return self._ended.done()

    def tell(self, events: Sequence[Event]) -> None:
        """Show events to readers; those of a durable log wait until they are stored (law L13)."""
        self.told_bytes += sum(len(event.data) for event in events)
        if self.background:
            self.unsaved += events
        else:
            self.log.append(events)

    def tell_all(self, events: Sequence[Event]) -> None:
        """Show events and everything that waited for the store: they are in it, or never will be."""
        waited, self.unsaved = self.unsaved, []
        self.log.append([*waited, *events])

    def accept(self) -> None:
        if not self._accepted.done():
            self._accepted.set_result(None)

    def refuse(self, error: ApiError) -> None:
        """The run never was: whoever waits gets `error`."""
        for future in (self._accepted, self._ended):
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting; that is no fault
        self.log.close()

    def end(self, response: JSON) -> None:
        """The run has ended and everything was told."""
        self.accept()
        if not self._ended.done():
            self._ended.set_result(response)
        self.log.close()
