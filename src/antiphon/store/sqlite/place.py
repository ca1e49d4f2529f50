"""Where a store's URL leads on this machine."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from antiphon.config import StoreSettings
from antiphon.ports import StoreDown

FORMS = "sqlite:///relative/file.db, sqlite:////absolute/file.db, sqlite://:memory: or memory:"


@dataclass(frozen=True, slots=True)
class Place:
    """The database file and the folder of its blobs. A `private` folder is removed with the store."""

    database: Path
    blobs: Path
    private: Path | None = None

    def make_folder(self) -> None:
        """Readable by its owner only: the database holds keys and what people said. Raises OSError."""
        self.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def leave(self) -> None:
        if self.private is not None:
            shutil.rmtree(self.private, ignore_errors=True)


def place_of(settings: StoreSettings) -> Place:
    """Raises `StoreDown` for a URL that names no file."""
    url = settings.url
    if url in ("memory:", "sqlite://:memory:"):
        return _private_place(settings)
    name = url.removeprefix("sqlite:///")
    if name == url or name in ("", "/") or name.endswith("/"):
        raise StoreDown(f"store.url {url!r} names no file; it is one of {FORMS}")
    database = Path(name)
    blobs = database.parent / "blobs" if settings.blob_dir is None else Path(settings.blob_dir)
    return Place(database, blobs)


def _private_place(settings: StoreSettings) -> Place:
    """A SQLite database in memory belongs to one connection; a store has several."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-store-"))
    blobs = folder / "blobs" if settings.blob_dir is None else Path(settings.blob_dir)
    return Place(folder / "antiphon.db", blobs, folder)
