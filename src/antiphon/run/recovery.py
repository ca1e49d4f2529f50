"""What a dead process left behind: every unfinished response gets an honest end."""

from __future__ import annotations

from typing import cast

import msgspec
import structlog

from antiphon.core.deltas import JSON
from antiphon.core.errors import Server
from antiphon.core.events import Event
from antiphon.core.machine import ResponseMachine
from antiphon.core.restore import restore
from antiphon.ports import EndedResponse, Store, Tenant

logger = structlog.get_logger("antiphon.run")

_READ_BATCH = 1_000
_INTERRUPTED = Server("The server stopped before the response was finished.")


async def recover(store: Store) -> int:
    """End what was queued or in progress as `failed`, free every conversation; the number of such responses.

    Call before the first request of the only process on this store. The log of a background response goes
    on where it was cut, so that a resumed stream sees the same prefix and a terminal event.
    """
    unfinished = await store.unfinished()
    for tenant, response in unfinished:
        await _end(store, tenant, response)
    await store.unlock_all()  # also those of plain runs, which the store was never told of
    if unfinished:
        logger.warning("ended interrupted responses", count=len(unfinished))
    return len(unfinished)


async def _end(store: Store, tenant: Tenant, response: JSON) -> None:
    born = {k: v for k, v in response.items() if k != "output"}
    log = await _log(store, tenant, cast(str, response["id"]))
    machine, owed = restore(born, log) if log else (ResponseMachine(born), [])
    # A foreground response had no durable log, but its object must still pass through the machine.
    events = [*owed, *machine.finish("failed", error=_INTERRUPTED.as_response_error())]
    durable = events if response.get("background") else ()
    await store.end(EndedResponse(tenant, machine.snapshot(), None, durable))


async def _log(store: Store, tenant: Tenant, response_id: str) -> list[JSON]:
    events: list[Event] = []
    while True:
        after = events[-1].sequence_number if events else -1
        batch = await store.events(tenant, response_id, after, _READ_BATCH)
        if not batch:
            return [msgspec.json.decode(event.data) for event in events]
        events += batch
