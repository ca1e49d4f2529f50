from __future__ import annotations

import asyncio

import pytest
from tests.contract.store.rig import START, Rig
from tests.contract.store.samples import (
    T,
    answer,
    conversation,
    ended,
    ids,
    log,
    message,
    new,
    plain,
    response,
)

from antiphon.core.errors import IllegalTransition
from antiphon.ports import Store, StoreDown


async def test_a_hundred_writers(rig: Rig, store: Store) -> None:
    async def run(n: int) -> None:
        tenant = f"t{n % 3}"
        await store.create(new(f"r{n}", message(f"m{n}", str(n)), tenant=tenant, background=True))
        for first in range(0, 10, 2):
            await store.append_events(f"r{n}", log(first, 2))
        await store.update(tenant, response(f"r{n}", "in_progress"))
        assert await store.get(tenant, f"r{n}") == response(f"r{n}")
        await store.end(ended(f"r{n}", answer(f"a{n}"), tenant=tenant, events=log(10, 1)))
        assert await store.get(tenant, f"r{n}") == response(f"r{n}", "completed", output=[answer(f"a{n}")])

    await asyncio.gather(*(run(n) for n in range(100)))
    for n in range(100):
        tenant = f"t{n % 3}"
        assert await store.context(tenant, f"r{n}") == [message(f"m{n}", str(n)), answer(f"a{n}")]
        assert await store.events(tenant, f"r{n}", -1, 100) == log(0, 11)
    assert await store.unfinished() == []
    rig.check()


async def test_a_write_that_fails_spoils_no_other(store: Store) -> None:
    await plain(store, "taken")
    writes = [plain(store, "taken" if n % 5 == 0 else f"r{n}") for n in range(50)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    for n, result in enumerate(results):
        if n % 5 == 0:
            assert isinstance(result, IllegalTransition)
        else:
            assert result is None
            assert ids(await store.context(T, f"r{n}")) == [f"r{n}.in", f"r{n}.out"]


async def test_one_of_many_takes_the_lock(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    tries = [store.lock_conversation(T, "c", f"r{n}", START + 10) for n in range(20)]
    assert sorted(await asyncio.gather(*tries)) == [False] * 19 + [True]


async def test_a_cancelled_wait_does_not_take_the_write_back(rig: Rig, store: Store) -> None:
    for n in range(50):
        task = asyncio.create_task(plain(store, f"r{n}"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await plain(store, "last")
    for n in range(50):
        assert ids(await store.context(T, f"r{n}")) == [f"r{n}.in", f"r{n}.out"]
    rig.check()


async def test_a_caller_may_change_what_it_handed_over(store: Store) -> None:
    accepted, final = new("r", message("m")), ended("r", answer("a"))
    task = asyncio.create_task(store.end_new(accepted, final))
    await asyncio.sleep(0)
    accepted.input[0]["content"] = final.response["output"][0]["content"] = final.response["status"] = (
        "changed"
    )
    await task
    assert await store.get(T, "r") == response("r", "completed", output=[answer("a")])
    assert await store.context(T, "r") == [message("m"), answer("a")]


async def test_too_many_waiting_writes_are_refused(rig: Rig) -> None:
    store = await rig.open(max_queued=10)
    results = await asyncio.gather(*(plain(store, f"r{n}") for n in range(50)), return_exceptions=True)
    refused = [isinstance(result, StoreDown) for result in results]
    assert refused == [False] * 10 + [True] * 40
    assert [await store.get(T, f"r{n}") is None for n in range(50)] == refused
    await plain(store, "later")


async def test_closing_finishes_what_was_asked(rig: Rig) -> None:
    store = await rig.open()
    writes = [asyncio.create_task(plain(store, f"r{n}")) for n in range(30)]
    await asyncio.sleep(0)
    await store.aclose()
    await asyncio.gather(*writes)
    with pytest.raises(StoreDown):
        await plain(store, "late")
    again = await rig.open()
    assert all([await again.get(T, f"r{n}") for n in range(30)])


async def test_two_stores_on_one_database(rig: Rig) -> None:
    stores = [await rig.open(), await rig.open()]
    await stores[0].create_conversation(T, conversation("c"), [])

    async def run(n: int) -> None:
        await plain(stores[n % 2], f"r{n}", conversation_id="c")
        assert ids((await stores[(n + 1) % 2].get(T, f"r{n}") or {})["output"]) == [f"r{n}.out"]

    await asyncio.gather(*(run(n) for n in range(60)))
    items = ids(await stores[0].conversation_context(T, "c"))
    assert sorted(items) == sorted(f"r{n}.{side}" for n in range(60) for side in ("in", "out"))
    rig.check()
