"""A process that uses a store and dies. Arguments: what to do, and the settings as JSON."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import msgspec
import uvloop
from tests.contract.store.samples import EXPIRY, T, answer, conversation, ended, log, message, new, plain

from antiphon.config import StoreSettings
from antiphon.ports import Store
from antiphon.store import open_store

LONG = "x" * 100_000


async def end(store: Store, at_once: bool) -> None:
    await store.create_conversation(T, conversation("c"), [message("before")])
    accepted = new("r", message("i", LONG), conversation_id="c", expires_at=None)
    final = ended("r", answer("o", LONG), conversation_id="c", events=log(0, 2))
    if at_once:
        await store.end_new(accepted, final)
    else:
        await store.create(accepted)
        await store.end(final)
    os.write(1, b"ended\n")
    os.kill(os.getpid(), signal.SIGKILL)


async def stream(store: Store) -> None:
    async def write(n: int) -> None:
        for turn in range(1_000_000):
            name = f"r{n}.{turn}"
            await plain(store, name, expires_at=EXPIRY + 1e9)
            os.write(1, name.encode() + b"\n")

    await asyncio.gather(*(write(n) for n in range(20)))


async def main() -> None:
    what, settings = sys.argv[1:]
    store = open_store(msgspec.json.decode(settings, type=StoreSettings))
    await store.open()
    if what == "stream":
        await stream(store)
    else:
        await end(store, at_once=what == "end_new")


uvloop.run(main())
