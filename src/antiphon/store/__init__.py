"""Stores: what the port `Store` means on a database. The URL chooses the database."""

from __future__ import annotations

import time

from antiphon.config import StoreSettings
from antiphon.ports import Clock, Store, StoreDown
from antiphon.store.sqlite.place import FORMS, place_of
from antiphon.store.sqlite.store import SqliteStore


class WallClock:
    def now(self) -> float:
        return time.time()


def open_store(settings: StoreSettings, clock: Clock | None = None) -> Store:
    """The store of `settings.url`, not yet connected (`await store.open()`).

    Raises `StoreDown` for a URL that no adapter understands.
    """
    scheme = settings.url.partition(":")[0]
    if scheme in ("sqlite", "memory"):
        return SqliteStore(settings, place_of(settings), clock or WallClock())
    raise StoreDown(f"store.url {settings.url!r} has an unknown scheme; supported: {FORMS}")
