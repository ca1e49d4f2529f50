"""The one thread that writes: what waits is done in one transaction and committed once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import apsw

from antiphon.ports import StoreFull
from antiphon.store.blobs import BlobFiles
from antiphon.store.sqlite.connection import WAL_PAGES, Connection, check_place
from antiphon.store.sqlite.mailbox import Call, Caught, Mailbox
from antiphon.store.sqlite.queries import SQL
from antiphon.store.sqlite.session import Transaction

MAX_GROUP = 256  # writes of one transaction

T = TypeVar("T")


class Writer:
    """Owns the write connection. A write that fails spoils none of those that were done with it."""

    def __init__(
        self, connection: Connection, blobs: BlobFiles, max_bytes: int | None, max_queued: int
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._max_bytes = max_bytes
        self._log_pages = 0
        connection.set_wal_hook(self._note_log)  # in place of the checkpoint inside a commit
        self._mailbox: Mailbox[Transaction] = Mailbox(max_queued)
        self._thread = threading.Thread(target=self._main, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Transaction], T], grows: bool = True) -> T:
        """Committed when it returns. Cancelling the wait does not take the write back.

        `work` may be run again where another write of its group failed.
        """
        return await self._mailbox.post(work, grows)

    async def aclose(self) -> None:
        """Finish what was posted and close the connection."""
        self._mailbox.close(threads=1)
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while calls := self._mailbox.take(MAX_GROUP):
            self._commit(calls)
            self._mailbox.answer(calls)
            self._checkpoint()
        with Caught():
            self._connection.close()

    def _commit(self, calls: Sequence[Call[Transaction, Any]]) -> None:
        error = self._attempt(calls)
        if error is None:
            return
        if len(calls) == 1 or isinstance(error, apsw.BusyError):  # waiting again would not help the others
            for call in calls:
                call.error = error
            return
        for call in calls:
            call.error = self._attempt([call])

    def _attempt(self, calls: Sequence[Call[Transaction, Any]]) -> BaseException | None:
        """Do all in one transaction; the error for which it was rolled back."""
        attempt = Caught()
        with attempt:
            self._roll_back()
            check_place(self._connection)
            self._connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(self._connection, self._blobs)
            for call in calls:
                call.value = call.work(transaction)
            if self._max_bytes is not None and any(call.grows for call in calls):
                self._check_room(self._max_bytes)
            self._connection.execute("COMMIT")
        if attempt.error is not None:
            self._blobs.left_files = True
            with Caught():  # where this fails, the next attempt's does and says so
                self._roll_back()
        return attempt.error

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _check_room(self, max_bytes: int) -> None:
        ((used,),) = self._connection.execute(SQL["used_bytes"]).fetchall()
        if used > max_bytes:
            raise StoreFull(f"no room: the store would hold {used} bytes, max_bytes is {max_bytes}")

    def _note_log(self, _connection: object, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Copy a long log into the file when nobody waits. Where it fails the log goes on growing, and a
        write that finds no room reports it."""
        if self._log_pages >= WAL_PAGES:
            self._log_pages = 0
            with Caught():
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
