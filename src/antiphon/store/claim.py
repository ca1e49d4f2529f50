"""One serving process per SQLite database: recovery ends what others would still be running."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown
from antiphon.store.sqlite.place import place_of

try:
    import fcntl
except ImportError:  # Windows has no advisory locks of this kind
    fcntl = None


@contextmanager
def claimed(settings: StoreSettings) -> Generator[None]:
    """Hold the database for this process; the system lets go when the process ends, however it ends.

    Raises `StoreDown` while another process holds it.
    """
    if fcntl is None or not settings.url.startswith("sqlite:///"):
        yield
        return
    file = place_of(settings).database
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreDown(f"another antiphon process serves the database {file}") from error
        yield
    finally:
        with suppress(OSError):
            os.close(handle)
