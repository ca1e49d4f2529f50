"""Opening a connection to the database file, and what a connection is here."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import apsw

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown

WAL_PAGES = 1000  # a longer log is copied into the database file
_PAUSE_S = 0.01


class Cursor(Protocol):
    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...

    def close(self, force: bool = False) -> None: ...


class Connection(Protocol):
    """What the adapter uses of `apsw.Connection`, with columns of any type.

    `execute` runs up to the first row and no further: the rows must be read for the rest to happen.
    """

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statements: str, bindings: Any = None) -> Cursor: ...

    def executemany(self, statements: str, sequenceofbindings: Sequence[Any]) -> Cursor: ...

    def changes(self) -> int:
        """Rows that the last write changed."""
        ...

    def pragma(self, name: str, value: Any = None) -> Any: ...

    def set_busy_timeout(self, milliseconds: int) -> None: ...

    def set_wal_hook(self, callable: Callable[[Any, str, int], int] | None) -> None: ...

    def wal_checkpoint(self, *, mode: int) -> tuple[int, int]: ...

    def file_control(self, dbname: str, op: int, pointer: int) -> bool: ...

    def close(self) -> None: ...


def connect_writer(path: Path, settings: StoreSettings) -> Connection:
    """The connection that writes; makes the file where there is none. Raises apsw.Error, `StoreDown`."""
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    _set_up(connection, settings)
    _use_wal(connection, settings.busy_timeout_s)
    connection.pragma("foreign_keys", True)
    connection.pragma("synchronous", settings.synchronous)
    connection.pragma("journal_size_limit", 16 * WAL_PAGES * 4096)
    return connection


def connect_reader(path: Path, settings: StoreSettings) -> Connection:
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE)
    _set_up(connection, settings)
    connection.pragma("query_only", True)
    return connection


def check_place(connection: Connection) -> None:
    """Raises `StoreDown` where the file was deleted or replaced.

    SQLite goes on with the file that it has open, and all that it writes ends with the process.
    """
    moved = ctypes.c_int()
    connection.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(moved))
    if moved.value:
        raise StoreDown("the database file was deleted or replaced under the server; start it again")


def _connect(path: Path, flags: int) -> Connection:
    connection: Any = apsw.Connection(str(path), flags=flags)
    return connection


def _set_up(connection: Connection, settings: StoreSettings) -> None:
    connection.set_busy_timeout(round(settings.busy_timeout_s * 1000))
    connection.pragma("temp_store", "memory")
    connection.pragma("cache_size", -8 * 1024)  # KiB


def _use_wal(connection: Connection, timeout_s: float) -> None:
    """SQLite does not wait for a lock on its own when two processes switch to the log at once."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            mode = connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
            continue
        if mode != "wal":
            raise StoreDown("the file system of the database cannot hold a write-ahead log")
        return
