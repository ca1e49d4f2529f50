"""A response as server-sent events: one write per batch, heartbeats in silence, no patience with a stall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import structlog

from antiphon.config import HttpSettings
from antiphon.core.events import Event
from antiphon.core.kinds import TERMINAL_EVENTS
from antiphon.http.exchange import Exchange
from antiphon.http.faults import ClientGone
from antiphon.http.frames import DONE, HEARTBEAT, Padding, sse
from antiphon.ports import Offer, SlowReader

logger = structlog.get_logger("antiphon.http")

SSE_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # or nginx would hold the events back
}
_LAST = frozenset(TERMINAL_EVENTS.values())


Source = Callable[[Offer | None], AsyncIterator[Sequence[Event]]]
"""Opens the batches to be sent, for a reader with this short way."""


class Stalled(Exception):
    """The client took no byte for longer than the limit."""


class Pulse:
    """The writing side of one stream, and its one timer.

    After `heartbeat_s` of silence it sends a comment; a write that does not end within `stall_s` cancels
    the task that writes, which then raises `Stalled`.
    """

    def __init__(self, write: Callable[[bytes, bool], Awaitable[None]], settings: HttpSettings) -> None:
        self._write = write
        self._heartbeat_s, self._stall_s = settings.heartbeat_s, settings.stall_timeout_s
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._since = self._loop.time()  # of the write under way, or the end of the last one
        self._writing = False
        self._beat: asyncio.Task[None] | None = None
        self.stalled = False
        self._period = min(self._heartbeat_s, self._stall_s)
        self._timer = self._loop.call_later(self._period, self._tick)

    async def write(self, data: bytes, more: bool = True) -> None:
        """Send. At most one heartbeat may be in the way."""
        if self._beat is not None:
            await self._beat
            self._beat = None
        await self._send(data, more)

    async def _send(self, data: bytes, more: bool = True) -> None:
        self._writing, self._since = True, self._loop.time()
        await self._write(data, more)
        self._writing, self._since = False, self._loop.time()

    @property
    def idle(self) -> bool:
        """Whether nothing is being written, a heartbeat neither."""
        return not self._writing and (self._beat is None or self._beat.done())

    def wrote(self) -> None:
        """Something went out past this pulse."""
        self._since = self._loop.time()

    def close(self) -> None:
        self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()

    def _tick(self) -> None:
        age = self._loop.time() - self._since
        due = age >= (self._stall_s if self._writing else self._heartbeat_s)
        if due and self._writing:
            self.stalled = True
            if self._task is not None:
                self._task.cancel()
            return
        if due:
            self._beat = self._loop.create_task(self._send(HEARTBEAT))
        rest = self._period if due or self._writing else min(self._period, self._heartbeat_s - age)
        self._timer = self._loop.call_later(rest, self._tick)


async def stream(x: Exchange, source: Source, obfuscate: bool, headers: Mapping[str, str]) -> None:
    """Answer with an event stream. Raises `ClientGone`; a reader that is too slow is cut off."""
    await x.begin(200, SSE_HEADERS | dict(headers))
    x.site.metrics.stream_began("sse")
    sent = _Sent()
    try:
        await x.race(_pump(x, source, Padding() if obfuscate else None, sent))
    except (Stalled, SlowReader) as error:
        why = "stalled" if isinstance(error, Stalled) else "slow_reader"
        x.site.metrics.cut(why)
        logger.warning("stream cut", why=why)
        await x.abort()
    except ClientGone:
        x.site.metrics.cut("client_gone")
        raise
    finally:
        x.site.metrics.stream_ended("sse", sent.events)


class _Sent:
    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events = 0


async def _pump(x: Exchange, source: Source, padding: Padding | None, sent: _Sent) -> None:
    """Write batches as they come. The end goes out with the terminal event, in one write."""
    end = DONE if x.site.settings.done_marker else b""
    pulse = Pulse(x.write, x.site.settings)
    ended = False

    def offer(batch: Sequence[Event]) -> bool:
        """The short way of a token: from the run to the transport, in one call."""
        if batch[-1].type in _LAST or not pulse.idle or not x.write_now(sse(batch, padding)):
            return False
        pulse.wrote()
        sent.events += len(batch)
        return True

    try:
        async for batch in source(offer):
            sent.events += len(batch)
            ended = batch[-1].type in _LAST
            data = sse(batch, padding)
            if ended:
                await pulse.write(data + end, more=False)
                pulse.close()
            else:
                await pulse.write(data)
        if not ended:
            await pulse.write(end, more=False)
    except asyncio.CancelledError:
        if pulse.stalled:
            raise Stalled from None
        raise
    finally:
        pulse.close()
