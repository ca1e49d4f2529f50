"""Long texts on disk, addressed by their content: `<dir>/<first two digits>/<SHA-256>`.

A file is written beside its place and renamed into it, so a name always holds the whole text. Who uses
a blob is the database's knowledge; files that it does not know are left by a crash and found by `strays`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from antiphon.ports import StoreDown


class BlobFiles:
    """The files. `durable` syncs each to the disk before its row may be committed."""

    def __init__(self, directory: Path, durable: bool = False) -> None:
        self._directory = directory
        self._unfinished = directory / "unfinished"
        self._durable = durable
        self.left_files = True  # there may be files that no row knows; a run before this one could have died

    def open(self) -> None:
        """Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._unfinished.mkdir(mode=0o700, exist_ok=True)

    def put(self, text: str) -> tuple[str, int]:
        """Have the text on disk; its hash and size in bytes. Raises OSError."""
        data = text.encode()
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not _holds(path, len(data)):
            self._write(path, data)
        return digest, len(data)

    def read(self, digest: str, size: int) -> str:
        """Raises `StoreDown` where the file is not what was written."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise StoreDown(f"the blob file {path} is missing") from None
        if len(data) != size:
            raise StoreDown(f"the blob file {path} has {len(data)} bytes instead of {size}")
        return data.decode()

    def remove(self, digest: str) -> None:
        self._path(digest).unlink(missing_ok=True)

    def remove_if_older(self, digest: str, cutoff: float) -> bool:
        """Whether there was a file, last written at or before the Unix time `cutoff`, and it is gone now."""
        return _unlink_older(self._path(digest), cutoff)

    def remove_unfinished(self, cutoff: float) -> bool:
        """Remove what was never renamed to its place; False where a file was too young for that."""
        removed = [_unlink_older(path, cutoff) for path in self._unfinished.iterdir()]
        return all(removed)

    def strays(self, known: Callable[[str], bool]) -> Iterator[str]:
        """Hashes of the files that `known` denies."""
        for folder in self._directory.iterdir():
            if len(folder.name) == 2:
                yield from (name for name in sorted(os.listdir(folder)) if not known(name))

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / digest

    def _write(self, path: Path, data: bytes) -> None:
        unfinished = self._unfinished / secrets.token_hex(16)
        try:
            self._fill(unfinished, data)
        except OSError:
            unfinished.unlink(missing_ok=True)  # a full disk gets its room back
            raise
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._sync(self._directory)
        unfinished.replace(path)
        self._sync(path.parent)

    def _fill(self, path: Path, data: bytes) -> None:
        with path.open("xb") as file:
            file.write(data)
            if self._durable:
                file.flush()
                os.fsync(file.fileno())

    def _sync(self, folder: Path) -> None:
        if not self._durable:
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _holds(path: Path, size: int) -> bool:
    """A name without its bytes is what a power failure can leave behind."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _unlink_older(path: Path, cutoff: float) -> bool:
    try:
        if path.stat().st_mtime > cutoff:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True
