"""What database work is given: a connection inside a transaction, and the blobs. Queries go by name."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from antiphon.store.blobs import BlobFiles
from antiphon.store.sqlite.connection import Connection
from antiphon.store.sqlite.queries import SQL


class Session:
    """A snapshot of the database to read."""

    def __init__(self, connection: Connection, blobs: BlobFiles) -> None:
        self.connection = connection
        self.blobs = blobs

    def rows(self, query: str, **bindings: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(SQL[query], bindings).fetchall()

    @contextmanager
    def stream(self, query: str, **bindings: Any) -> Generator[Iterable[tuple[Any, ...]]]:
        """Rows as they are asked for; some may be left unread."""
        cursor = self.connection.execute(SQL[query], bindings)
        try:
            yield cursor
        finally:
            cursor.close(force=True)


class Transaction(Session):
    """The open write transaction, with the next free row numbers.

    It holds the database's only write lock, so the numbers are good until it ends.
    """

    def __init__(self, connection: Connection, blobs: BlobFiles) -> None:
        super().__init__(connection, blobs)
        ((self._rid, self._iid),) = self.rows("last_numbers")

    def run(self, query: str, **bindings: Any) -> int:
        """How many rows it changed."""
        self.connection.execute(SQL[query], bindings)
        return self.connection.changes()

    def run_many(self, query: str, bindings: Sequence[tuple[Any, ...]]) -> None:
        self.connection.executemany(SQL[query], bindings)

    def next_rid(self) -> int:
        self._rid += 1
        return self._rid

    def next_iids(self, count: int) -> int:
        """The first of `count` consecutive numbers."""
        self._iid += count
        return self._iid - count + 1
