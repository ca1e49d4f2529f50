"""WebSocket mode of `/responses` (SPEC.md H.2; CLIENTS.md §3): one connection, many responses."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send

from antiphon.config import HttpSettings
from antiphon.core.errors import ApiError, Invalid, RateLimited
from antiphon.http.exchange import Site
from antiphon.http.faults import ClientGone, official_error
from antiphon.http.frames import Padding
from antiphon.http.lanes import Create, LaneId, Lanes, Memories, Memory
from antiphon.http.socket_frames import Steer, error_frame, event_text, lane_of, parse_frame, steer_failed
from antiphon.ports import Caller, LiveRun, SlowReader, Warm

_MOST_QUEUED = 256
"""Creates of one connection that wait for their lane or for a slot."""


class Wire:
    """The sending side of a connection, and the end of a client that does not read."""

    def __init__(self, scope: Scope, send: Send, settings: HttpSettings) -> None:
        self._scope, self._send, self._stall_s = scope, send, settings.stall_timeout_s
        self._loop = asyncio.get_running_loop()
        self._writing = 0
        self._moved = self._loop.time()
        self._timer = self._loop.call_later(self._stall_s, self._tick)

    async def text(self, text: str) -> None:
        """Send a frame. Raises `ClientGone`."""
        if not self._writing:
            self._moved = self._loop.time()
        self._writing += 1
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError as error:  # what ASGI servers raise then
            raise ClientGone from error
        finally:
            self._writing -= 1
            self._moved = self._loop.time()

    def close(self) -> None:
        self._timer.cancel()

    def abort(self) -> None:
        """Drop the connection; the reading side then hears of a disconnect."""
        abort = self._scope.get("extensions", {}).get("antiphon.abort")
        if abort is not None:
            abort()

    def _tick(self) -> None:
        age = self._loop.time() - self._moved
        if self._writing and age >= self._stall_s:
            self.abort()
            return
        self._timer = self._loop.call_later(
            self._stall_s - age if self._writing else self._stall_s, self._tick
        )


class Socket:
    """One accepted connection of one tenant."""

    def __init__(self, site: Site, caller: Caller, receive: Receive, wire: Wire) -> None:
        self._site, self._caller, self._receive, self._wire = site, caller, receive, wire
        self._settings = site.settings
        self._memories = Memories(site.settings.ws_max_history_bytes)
        self._lanes = Lanes(self._answer, site.settings.ws_max_active)
        self._named: set[str] = set()

    async def serve(self) -> None:
        """Until the client leaves, or the connection is too old. Raises `ClientGone`."""
        limit = asyncio.timeout(self._settings.ws_max_connection_s)
        try:
            async with limit:
                await self._read()
        except TimeoutError:
            if not limit.expired():
                raise
            minutes = round(self._settings.ws_max_connection_s / 60)
            text = f"This connection has lasted {minutes} minutes, its limit. Open a new one to go on."
            await self._refuse(Invalid(text, code="websocket_connection_limit_reached"), None)
            await self._lanes.idle(self._settings.shutdown_grace_s)
        finally:
            await self._lanes.aclose()

    async def _read(self) -> None:
        """Take frames. Raises `ClientGone` at the end of the connection, also where the server closed it."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise ClientGone
            text: str | None = message.get("text")
            try:
                await self._take(text)
            except ApiError as error:
                await self._refuse(error, lane_of(text) if text is not None else None)

    # ---------- frames

    async def _take(self, text: str | None) -> None:
        """Raises `Invalid` and `RateLimited` for a frame that is refused."""
        if text is None:
            raise Invalid("Frames are JSON text; a binary frame came.", code="invalid_frame")
        frame = parse_frame(text)
        if isinstance(frame, Steer):
            memory_lane = self._memories.lane_of(frame.previous_response_id)
            await self._wire.text(steer_failed(frame, memory_lane))
            return
        self._check_room(frame)
        self._lanes.submit(frame)

    def _check_room(self, create: Create) -> None:
        lanes, most = self._lanes, self._settings.ws_max_lanes
        if create.lane is not None and create.lane not in self._named:
            if len(self._named) >= most:
                raise Invalid(
                    f"A connection has at most {most} named streams.",
                    param="stream_id",
                    code="websocket_stream_limit_reached",
                )
            self._named.add(create.lane)
        room = 2 * self._settings.ws_max_frame_bytes - lanes.queued_bytes
        if lanes.queued >= _MOST_QUEUED or create.size > room:
            raise RateLimited("Too many requests wait on this connection.", headers={"retry-after": "1"})

    async def _refuse(self, error: ApiError, lane: LaneId) -> None:
        await self._wire.text(error_frame(error, lane))

    # ---------- responses

    async def _answer(self, create: Create) -> None:
        """One response from start to end; what goes wrong is told on its lane."""
        parent = create.body.get("previous_response_id")
        try:
            await self._respond(create, self._memories.find(parent))
        except ClientGone:
            pass  # the reading side knows
        except SlowReader:
            self._site.metrics.cut("slow_reader")
            self._wire.abort()
        except Exception as error:  # noqa: BLE001 (the socket's counterpart of the HTTP error handler)
            # A continuation that fails drops its parent from its own lane; a fork leaves it alone.
            self._memories.forget(create.lane, parent)
            with contextlib.suppress(ClientGone):
                await self._refuse(official_error(error), create.lane)

    async def _respond(self, create: Create, memory: Memory | None) -> None:
        deps, accounts = self._site.deps, self._site.accounts
        charge = accounts.admit(self._caller.tenant, create.size)
        warm = Warm(None if memory is None else memory.items, create.generate)
        run = await deps.runs.start(create.body, self._caller, warm)
        accounts.follow(run, charge)
        try:
            await run.accepted()
            size = await self._tell(run, create.lane)
        except (asyncio.CancelledError, ClientGone):
            await run.cancel()
            raise
        if (await run.result())["status"] not in ("completed", "incomplete"):
            return
        if memory is None and create.body.get("store") is not False:
            self._memories.drop(create.lane)  # the store knows the whole chain
            return
        before = memory.size if memory is not None else 0
        self._memories.remember(create.lane, Memory(run.id, run.context, before + create.size + size))

    async def _tell(self, run: LiveRun, lane: LaneId) -> int:
        """Send the run's events, one per frame; the size of the last one, which repeats the output."""
        padding = Padding() if run.obfuscate else None
        self._site.metrics.stream_began("websocket")
        sent, size = 0, 0
        try:
            async for batch in run.events():
                for event in batch:
                    data = event.data if padding is None else padding.data(event)
                    await self._wire.text(event_text(data, lane))
                sent += len(batch)
                size = len(batch[-1].data)
        finally:
            self._site.metrics.stream_ended("websocket", sent)
        return size
