"""Noticing that the client has left, while something else is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from antiphon.http.faults import ClientGone

T = TypeVar("T")


class Departure:
    """Watches one connection with one task, made when it is first needed.

    Only to be used once the request body has been read: the watch swallows what is left of it.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None

    async def race(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises `ClientGone`, with `work` cancelled, when the client leaves first."""
        watch = self._watching()
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody is left to be told
        raise ClientGone

    async def gone(self, within_s: float) -> None:
        """Return when the client has left, or when the time is over."""
        await asyncio.wait({self._watching()}, timeout=within_s)

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()

    def _watching(self) -> asyncio.Task[None]:
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_gone())
        return self._watch

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
