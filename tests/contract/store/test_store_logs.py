from __future__ import annotations

import pytest
from tests.contract.store.rig import Rig
from tests.contract.store.samples import T, answer, ended, log, new, plain

from antiphon.core.errors import IllegalTransition
from antiphon.core.events import Event
from antiphon.ports import Store


async def test_batches_read_as_one_log(store: Store) -> None:
    await store.create(new("r", background=True))
    first = [Event(0, "response.created", b'{"a":"\xc3\xa9"}'), Event(1, "response.queued", b"{}")]
    await store.append_events("r", first)
    await store.append_events("r", log(2, 3))
    await store.append_events("r", [])
    await store.end(ended("r", answer("a"), events=log(5, 2)))
    everything = [*first, *log(2, 5)]
    assert await store.events(T, "r", -1, 100) == everything
    for after in range(-1, 8):
        for limit in range(1, 9):
            expected = everything[after + 1 :][:limit]
            assert await store.events(T, "r", after, limit) == expected, (after, limit)


async def test_a_plain_request_may_leave_a_log(store: Store) -> None:
    await store.end_new(new("r"), ended("r", events=log(0, 4)))
    assert await store.events(T, "r", 1, 100) == log(2, 2)


async def test_no_log_is_kept_where_nothing_was_logged(store: Store) -> None:
    await store.create(new("r", background=True))
    assert await store.events(T, "r", -1, 100) is None
    await plain(store, "p")
    assert await store.events(T, "p", -1, 100) is None


async def test_logs_are_apart(store: Store) -> None:
    for name in ("a", "b"):
        await store.create(new(name, background=True))
    await store.append_events("a", log(0, 2))
    await store.append_events("b", log(0, 3))
    assert await store.events(T, "a", -1, 100) == log(0, 2)
    assert await store.events(T, "b", -1, 100) == log(0, 3)


@pytest.mark.parametrize("batch", [log(1, 1), log(3, 1), log(0, 1), [*log(2, 1), *log(4, 1)]])
async def test_numbers_go_on_without_a_gap(store: Store, batch: list[Event]) -> None:
    await store.create(new("r", background=True))
    await store.append_events("r", log(0, 2))
    with pytest.raises(IllegalTransition):
        await store.append_events("r", batch)
    with pytest.raises(IllegalTransition):
        await store.end(ended("r", events=batch))
    assert await store.events(T, "r", -1, 100) == log(0, 2)
    await store.append_events("r", log(2, 1))


async def test_a_log_starts_at_zero(store: Store) -> None:
    await store.create(new("r", background=True))
    with pytest.raises(IllegalTransition):
        await store.append_events("r", log(1, 1))


async def test_a_log_ends_with_its_response(store: Store) -> None:
    await store.create(new("r", background=True))
    await store.end(ended("r", events=log(0, 1)))
    with pytest.raises(IllegalTransition):
        await store.append_events("r", log(1, 1))
    with pytest.raises(IllegalTransition):
        await store.append_events("unknown", log(0, 1))


async def test_a_hole_in_the_store_is_told(rig: Rig, store: Store) -> None:
    await store.create(new("r", background=True))
    for first in (0, 2, 4):
        await store.append_events("r", log(first, 2))
    rig.lose_batch("r", 2)
    with pytest.raises(IllegalTransition):
        await store.events(T, "r", -1, 100)
    with pytest.raises(IllegalTransition):
        await store.events(T, "r", 2, 100)
    assert await store.events(T, "r", -1, 2) == log(0, 2)
    assert await store.events(T, "r", 3, 100) == log(4, 2)
    rig.lose_batch("r", 0)
    with pytest.raises(IllegalTransition):
        await store.events(T, "r", -1, 100)


async def test_a_log_goes_with_its_response(rig: Rig, store: Store) -> None:
    await store.create(new("r", background=True))
    await store.end(ended("r", events=log(0, 2)))
    await plain(store, "child", prev="r")
    await store.delete(T, "r")
    assert await store.events(T, "r", -1, 100) is None
    await store.sweep(rig.clock.time)
    assert rig.rows()["event_batches"] == 0
