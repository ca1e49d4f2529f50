"""Where in a request a file or image stands, and what is shared while one request is resolved."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field

from antiphon.inputs.fetch import Fetched, FetchFailure, GuardedFetcher
from antiphon.ports import Tenant


@dataclass(frozen=True, slots=True)
class Place:
    """A part of an item: `field` holds the parts, `index` counts in it (None: `field` is the part itself).

    `own` counts this request's own input items from 0; it is negative for items of earlier requests.
    """

    item: int
    own: int
    field: str
    index: int | None

    def param(self, name: str) -> str:
        """The official path to a field of the part; `input` where the request does not show it."""
        if self.own < 0:
            return "input"
        index = "" if self.index is None else f"[{self.index}]"
        return f"input[{self.own}].{self.field}{index}.{name}"


@dataclass(slots=True)
class Pass:
    """One resolving of one context. `fetch_left` are the bytes that it may still fetch."""

    tenant: Tenant
    fetcher: GuardedFetcher
    fetch_left: int
    slots: asyncio.Semaphore
    _locks: defaultdict[Hashable, asyncio.Lock] = field(
        default_factory=lambda: defaultdict[Hashable, asyncio.Lock](asyncio.Lock)
    )

    def once(self, key: Hashable) -> asyncio.Lock:
        """Held while something is made that other parts of the request may want too."""
        return self._locks[key]

    async def fetch(self, url: str, accept: Collection[str], max_bytes: int) -> Fetched:
        """Raises `FetchFailure`."""
        async with self.slots:
            if self.fetch_left <= 0:
                raise FetchFailure("too_large", "The URLs of this request hold too many bytes together.")
            fetched = await self.fetcher.fetch(url, accept=accept, max_bytes=min(max_bytes, self.fetch_left))
            self.fetch_left -= len(fetched.data)
            return fetched
