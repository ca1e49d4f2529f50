"""The steps of a sweep: reads, and small writes that let other writes go between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol, TypeVar

from antiphon.store.blobs import BlobFiles
from antiphon.store.sqlite import sweep
from antiphon.store.sqlite.session import Session, Transaction
from antiphon.store.sqlite.sweep import Swept

T = TypeVar("T")


class Write(Protocol):
    def __call__(self, work: Callable[[Transaction], T], grows: bool = True) -> Awaitable[T]: ...


class Read(Protocol):
    def __call__(self, work: Callable[[Session], T]) -> Awaitable[T]: ...


class Sweeper:
    """One sweep. What went after `cutoff` is kept: a run that began before may come back to it."""

    def __init__(self, write: Write, read: Read, blobs: BlobFiles, cutoff: float) -> None:
        self._write = write
        self._read = read
        self._blobs = blobs
        self._cutoff = cutoff
        self._swept = Swept()

    async def run(self, now: float) -> Mapping[str, int]:
        await self._responses(now)
        await self._conversations(now)
        await self._places(now)
        await self._unused_blobs()
        if self._blobs.left_files:
            await self._stray_blobs()
        return self._swept._asdict()

    async def _count(self, work: Callable[[Transaction], Swept]) -> None:
        self._swept = self._swept.plus(await self._write(work, grows=False))

    async def _responses(self, now: float) -> None:
        after = sweep.START
        while gone := await self._read(partial(sweep.gone_responses, cutoff=self._cutoff, after=after)):
            rids = [row.rid for row in gone]
            await self._count(partial(sweep.remove_responses, rids=rids, cutoff=self._cutoff, now=now))
            after = gone[-1]

    async def _conversations(self, now: float) -> None:
        find = partial(sweep.dead_conversations, cutoff=self._cutoff)
        await self._each_batch(find, lambda cids: partial(sweep.remove_conversations, cids=cids, now=now))

    async def _places(self, now: float) -> None:
        find = partial(sweep.dead_places, cutoff=self._cutoff)
        await self._each_batch(find, lambda places: partial(sweep.remove_places, places=places, now=now))

    async def _unused_blobs(self) -> None:
        find = partial(sweep.unused_blobs, cutoff=self._cutoff)
        await self._each_batch(find, lambda hashes: partial(sweep.remove_blobs, hashes=hashes))

    async def _each_batch(
        self, find: Callable[[Session], list[T]], remove: Callable[[list[T]], Callable[[Transaction], Swept]]
    ) -> None:
        """Until nothing is found, or what was found does not go."""
        before: list[T] = []
        while (found := await self._read(find)) and found != before:
            await self._count(remove(found))
            before = found

    async def _stray_blobs(self) -> None:
        self._blobs.left_files = False
        strays = await self._read(sweep.stray_files)
        work = partial(sweep.remove_strays, hashes=strays, cutoff=self._cutoff)
        swept, young = await self._write(work, grows=False)
        self._swept = self._swept.plus(swept)
        self._blobs.left_files |= young
