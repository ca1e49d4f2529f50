"""A few threads that read, each with its own connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from antiphon.store.blobs import BlobFiles
from antiphon.store.sqlite.connection import Connection
from antiphon.store.sqlite.mailbox import Caught, Mailbox
from antiphon.store.sqlite.session import Session

T = TypeVar("T")


class Readers:
    """Run reads, each on one snapshot of the database."""

    def __init__(self, connections: Sequence[Connection], blobs: BlobFiles, max_queued: int) -> None:
        self._blobs = blobs
        self._mailbox: Mailbox[Session] = Mailbox(max_queued)
        self._threads = [
            threading.Thread(target=partial(self._main, connection), name="store-reader", daemon=True)
            for connection in connections
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, work: Callable[[Session], T]) -> T:
        return await self._mailbox.post(partial(_in_snapshot, work))

    async def aclose(self) -> None:
        self._mailbox.close(len(self._threads))
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _main(self, connection: Connection) -> None:
        session = Session(connection, self._blobs)
        while calls := self._mailbox.take(1):
            calls[0].run(session)
            self._mailbox.answer(calls)
        with Caught():
            connection.close()


def _in_snapshot(work: Callable[[Session], T], session: Session) -> T:
    session.connection.execute("BEGIN")
    try:
        return work(session)
    finally:
        session.connection.execute("COMMIT")
