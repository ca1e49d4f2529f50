from __future__ import annotations

from typing import Literal

import pytest
from tests.contract.store.rig import Rig
from tests.contract.store.samples import (
    EXPIRY,
    T,
    all_pages,
    answer,
    ended,
    ids,
    message,
    new,
    plain,
    response,
)

from antiphon.ports import Listing, Page, Store

Order = Literal["asc", "desc"]


async def chain(store: Store, *names: str) -> None:
    prev: str | None = None
    for name in names:
        await plain(store, name, prev=prev)
        prev = name


async def test_context_is_the_whole_chain_oldest_first(store: Store) -> None:
    await chain(store, "a", "b", "c")
    assert await store.context(T, "c") == [
        message("a.in"),
        answer("a.out"),
        message("b.in"),
        answer("b.out"),
        message("c.in"),
        answer("c.out"),
    ]
    assert ids(await store.context(T, "a")) == ["a.in", "a.out"]


async def test_branches_share_their_ancestors(store: Store) -> None:
    await chain(store, "a", "b")
    await plain(store, "c", prev="a")
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in", "b.out"]
    assert ids(await store.context(T, "c")) == ["a.in", "a.out", "c.in", "c.out"]


async def test_a_chain_ends_at_its_tenant(store: Store) -> None:
    await plain(store, "a", tenant="one")
    await plain(store, "b", tenant="two", prev="a")
    assert ids(await store.context("two", "b")) == ["b.in", "b.out"]


async def test_responses_that_end_in_another_order(store: Store) -> None:
    await store.create(new("a", message("a.in")))
    await store.create(new("b", message("b.in"), previous_response_id="a"))
    await store.end(ended("b", answer("b.out")))
    await store.end(ended("a", answer("a.out")))
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in", "b.out"]


async def test_context_of_an_unfinished_response_is_its_input(store: Store) -> None:
    await plain(store, "a")
    await store.create(new("b", message("b.in"), previous_response_id="a"))
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in"]


async def test_a_deleted_ancestor_still_counts(store: Store) -> None:
    await chain(store, "a", "b", "c")
    assert await store.delete(T, "b")
    assert await store.get(T, "b") is None
    assert await store.context(T, "b") is None
    assert ids(await store.context(T, "c")) == ["a.in", "a.out", "b.in", "b.out", "c.in", "c.out"]
    assert ids(await all_pages(store, "c", 100, "asc")) == ["a.in", "a.out", "b.in", "b.out", "c.in"]
    assert await store.find_items(T, ["b.out"]) == {"b.out": answer("b.out")}


async def test_a_parent_deleted_during_the_run_is_still_the_parent(store: Store) -> None:
    await plain(store, "a")
    await store.delete(T, "a")
    await plain(store, "b", prev="a")
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in", "b.out"]


async def test_an_expired_ancestor_still_counts(rig: Rig, store: Store) -> None:
    await plain(store, "a")
    await plain(store, "b", prev="a", expires_at=EXPIRY + 100)
    rig.clock.time = EXPIRY + 50
    assert await store.get(T, "a") is None
    await store.sweep(rig.clock.time)
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in", "b.out"]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_every_page_size_lists_everything_once(store: Store, order: Order) -> None:
    await chain(store, "a", "b", "c")
    expected = ["a.in", "a.out", "b.in", "b.out", "c.in"]
    if order == "desc":
        expected.reverse()
    for limit in range(1, 8):
        assert ids(await all_pages(store, "c", limit, order)) == expected, limit


async def test_pages_of_own_input(store: Store) -> None:
    items = [message(f"m{n}", str(n)) for n in range(100)]
    await store.end_new(new("r", *items), ended("r", answer("a")))
    listed = await store.input_items(T, "r", Page())
    assert listed == Listing(items[:79:-1], True)
    assert await store.input_items(T, "r", Page(100, "asc")) == Listing(items, False)
    assert await store.input_items(T, "r", Page(2, "asc", "m97")) == Listing(items[98:], False)
    assert await store.input_items(T, "r", Page(2, "desc", "m1")) == Listing(items[:1], False)
    assert await store.input_items(T, "r", Page(2, "desc", "m0")) == Listing([], False)
    assert await store.input_items(T, "r", Page(2, "asc", "unknown")) == Listing([], False)
    assert await store.input_items(T, "r", Page(2, "desc", "unknown")) == Listing([], False)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_an_id_that_occurs_twice_is_listed_once(store: Store, order: Order) -> None:
    """A client that sends its own history along with `previous_response_id` repeats ids."""
    await store.end_new(new("a", message("x", "old"), message("y")), ended("a", answer("z")))
    await store.end_new(
        new("b", message("x", "new"), message("w"), previous_response_id="a"), ended("b", answer("x", "out"))
    )
    assert await store.context(T, "b") == [
        message("x", "old"),
        message("y"),
        answer("z"),
        message("x", "new"),
        message("w"),
        answer("x", "out"),
    ]
    expected = [message("x", "new"), message("y"), answer("z"), message("w")]
    if order == "desc":
        expected.reverse()
    for limit in range(1, 6):
        assert await all_pages(store, "b", limit, order) == expected, limit


async def test_children_of_one_parent_made_at_once(store: Store) -> None:
    await plain(store, "a")
    for name in ("b", "c"):
        await store.create(new(name, message(f"{name}.in"), previous_response_id="a"))
    for name in ("c", "b"):
        await store.end(ended(name, answer(f"{name}.out")))
    assert await store.get(T, "b") == response("b", "completed", output=[answer("b.out")])
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in", "b.out"]
    assert ids(await store.context(T, "c")) == ["a.in", "a.out", "c.in", "c.out"]
