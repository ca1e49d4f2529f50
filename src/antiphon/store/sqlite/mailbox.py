"""How coroutines hand work to a database thread and get its answer back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

from antiphon.ports import StoreDown
from antiphon.store.sqlite.faults import in_port_words

S = TypeVar("S")
T = TypeVar("T")


class Caught:
    """Keeps the error of a `with` block: it belongs to a waiting coroutine and may not end the thread."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        self.error = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        return True


class Call(Generic[S, T]):
    """A piece of work that a thread does with its session, and the coroutine that waits for it.

    `grows` tells that the work may make the store bigger.
    """

    __slots__ = ("error", "future", "grows", "value", "work")

    def __init__(self, work: Callable[[S], T], future: asyncio.Future[T], grows: bool) -> None:
        self.work = work
        self.future = future
        self.grows = grows
        self.value: T | None = None
        self.error: BaseException | None = None

    def run(self, session: S) -> None:
        """On the thread."""
        caught = Caught()
        with caught:
            self.value = self.work(session)
        self.error = caught.error

    def settle(self) -> None:
        """Wake the waiter, unless it was cancelled. On the loop's thread."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)  # pyright: ignore[reportArgumentType]
        else:
            self.future.set_exception(in_port_words(self.error))


class Mailbox(Generic[S]):
    """A bounded queue from one event loop to threads, first in first out.

    Once posted, a call is done even where its coroutine is cancelled.
    """

    def __init__(self, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Call[S, Any] | None] = SimpleQueue()
        self._limit = limit
        self._waiting = 0
        self._closed = False

    def post(self, work: Callable[[S], T], grows: bool = False) -> asyncio.Future[T]:
        """Raises `StoreDown` where the limit is reached or the mailbox is closed."""
        if self._closed:
            raise StoreDown("the store is closed")
        if self._waiting >= self._limit:
            raise StoreDown(f"{self._waiting} calls of the store are waiting already (max_queued)")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        self._queue.put(Call(work, future, grows))
        return future

    def close(self, threads: int) -> None:
        """No more calls; each thread finishes what was posted before and then takes an empty list."""
        if not self._closed:
            self._closed = True
            for _ in range(threads):
                self._queue.put(None)

    def take(self, most: int) -> list[Call[S, Any]]:
        """Everything that waits, at least one call and at most `most`; [] at the end. On the thread."""
        call = self._queue.get()
        calls: list[Call[S, Any]] = []
        while call is not None:
            calls.append(call)
            if len(calls) == most:
                return calls
            try:
                call = self._queue.get_nowait()
            except Empty:
                return calls
        if calls:
            self._queue.put(None)  # the end is for the next take
        return calls

    def answer(self, calls: Sequence[Call[S, Any]]) -> None:
        """Wake all waiters with one crossing to the loop. On the thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._settle, calls)

    def _settle(self, calls: Sequence[Call[S, Any]]) -> None:
        self._waiting -= len(calls)
        for call in calls:
            call.settle()
