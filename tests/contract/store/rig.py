"""What the contract suite knows of an adapter: how to open it, and how to look at it from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import apsw

from antiphon.config import StoreSettings
from antiphon.ports import Store
from antiphon.store import open_store

START = 1_795_000_000.0


class FakeClock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time


class Rig(Protocol):
    """One database of one adapter. Stores that `open` made are closed after the test."""

    clock: FakeClock

    def settings(self, **changes: Any) -> StoreSettings: ...

    async def open(self, **changes: Any) -> Store: ...

    async def aclose(self) -> None: ...

    def rows(self) -> dict[str, int]:
        """Rows of each table."""
        ...

    def size(self) -> int:
        """Bytes that the rows take."""
        ...

    def blob_files(self) -> list[Path]: ...

    def check(self) -> None:
        """Fail where the database is damaged."""
        ...

    def lose_batch(self, response_id: str, first: int) -> None:
        """Remove one batch of events, as only a bug could."""
        ...


class SqliteRig:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self.file = folder / "store.db"
        self._stores: list[Store] = []

    def settings(self, **changes: Any) -> StoreSettings:
        defaults: dict[str, Any] = {"url": f"sqlite:///{self.file}", "sweep_grace_s": 0.0}
        return StoreSettings(**(defaults | changes))

    async def open(self, **changes: Any) -> Store:
        store = open_store(self.settings(**changes), self.clock)
        await store.open()
        self._stores.append(store)
        return store

    async def aclose(self) -> None:
        for store in self._stores:
            await store.aclose()

    def rows(self) -> dict[str, int]:
        connection = apsw.Connection(str(self.file))
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in names}

    def size(self) -> int:
        connection = apsw.Connection(str(self.file))
        pages, free = connection.pragma("page_count"), connection.pragma("freelist_count")
        return (pages - free) * connection.pragma("page_size")

    def blob_files(self) -> list[Path]:
        return sorted(path for path in (self.folder / "blobs").rglob("*") if path.is_file())

    def check(self) -> None:
        connection = apsw.Connection(str(self.file))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    def lose_batch(self, response_id: str, first: int) -> None:
        apsw.Connection(str(self.file)).execute(
            "DELETE FROM event_batches WHERE first = ? AND rid = (SELECT rid FROM responses WHERE id = ?)",
            (first, response_id),
        )


RIGS = {"sqlite": SqliteRig}
