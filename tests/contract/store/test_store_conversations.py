from __future__ import annotations

from typing import Literal

import pytest
from tests.contract.store.rig import START, Rig
from tests.contract.store.samples import (
    T,
    all_pages,
    answer,
    conversation,
    ended,
    ids,
    message,
    new,
    plain,
    response,
)

from antiphon.core.errors import IllegalTransition
from antiphon.ports import Listing, Page, Store

Order = Literal["asc", "desc"]


async def pages(store: Store, limit: int, order: Order) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        listing = await store.conversation_items(T, "c", Page(limit, order, after))
        assert listing is not None
        found.extend(ids(listing.data))
        if not listing.has_more:
            return found
        after = found[-1]


async def test_a_conversation_and_its_items(store: Store) -> None:
    items = [message("m1"), answer("m2")]
    await store.create_conversation(T, conversation("c", topic="x"), items)
    assert await store.get_conversation(T, "c") == conversation("c", topic="x")
    assert await store.conversation_context(T, "c") == items
    assert await store.conversation_items(T, "c", Page()) == Listing(items[::-1], False)
    assert await store.get_item(T, "c", "m2") == answer("m2")
    assert await store.get_item(T, "c", "m3") is None


async def test_an_empty_conversation(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    assert await store.conversation_context(T, "c") == []
    assert await store.conversation_items(T, "c", Page()) == Listing([], False)
    assert await store.add_items(T, "c", []) is True


async def test_items_are_added_at_the_end(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m1")])
    assert await store.add_items(T, "c", [message("m2"), message("m3")]) is True
    assert ids(await store.conversation_context(T, "c")) == ["m1", "m2", "m3"]


async def test_metadata_is_replaced(store: Store) -> None:
    await store.create_conversation(T, conversation("c", a="1"), [])
    assert await store.update_conversation(T, "c", {"b": "2"}) == conversation("c", b="2")
    assert await store.get_conversation(T, "c") == conversation("c", b="2")


async def test_other_tenants_find_nothing(store: Store) -> None:
    await store.create_conversation("a", conversation("c"), [message("m")])
    assert await store.get_conversation("b", "c") is None
    assert await store.update_conversation("b", "c", {}) is None
    assert await store.add_items("b", "c", [message("x")]) is False
    assert await store.conversation_items("b", "c", Page()) is None
    assert await store.conversation_context("b", "c") is None
    assert await store.get_item("b", "c", "m") is None
    assert await store.delete_item("b", "c", "m") is False
    assert await store.lock_conversation("b", "c", "r", START + 10) is False
    await store.unlock_conversation("b", "c", "r")
    assert await store.delete_conversation("b", "c") is False
    assert await store.find_items("b", ["m"]) == {}
    await plain(store, "r", tenant="b", conversation_id="c")
    assert ids(await store.context("b", "r")) == ["r.in", "r.out"]
    assert await store.conversation_context("a", "c") == [message("m")]


async def test_unknown_conversations(store: Store) -> None:
    assert await store.get_conversation(T, "c") is None
    assert await store.update_conversation(T, "c", {}) is None
    assert await store.delete_conversation(T, "c") is False
    assert await store.add_items(T, "c", [message("x")]) is False
    assert await store.conversation_items(T, "c", Page()) is None
    assert await store.conversation_context(T, "c") is None
    assert await store.get_item(T, "c", "m") is None
    assert await store.delete_item(T, "c", "m") is False
    assert await store.lock_conversation(T, "c", "r", START + 10) is False


async def test_an_id_is_taken_once(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    with pytest.raises(IllegalTransition):
        await store.create_conversation("other", conversation("c"), [message("n")])
    assert await store.find_items("other", ["n"]) == {}
    assert await store.conversation_context(T, "c") == [message("m")]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_every_page_size_lists_everything_once(store: Store, order: Order) -> None:
    names = [f"m{n}" for n in range(7)]
    await store.create_conversation(T, conversation("c"), [message(name) for name in names])
    await store.delete_item(T, "c", "m3")
    expected = ["m0", "m1", "m2", "m4", "m5", "m6"]
    if order == "desc":
        expected.reverse()
    for limit in range(1, 9):
        assert await pages(store, limit, order) == expected, limit


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_deleting_what_was_listed_does_not_lose_the_cursor(store: Store, order: Order) -> None:
    names = [f"m{n}" for n in range(7)]
    await store.create_conversation(T, conversation("c"), [message(name) for name in names])
    seen: list[str] = []
    after: str | None = None
    while True:
        listing = await store.conversation_items(T, "c", Page(2, order, after))
        assert listing is not None
        for name in ids(listing.data):
            assert await store.delete_item(T, "c", name)
            seen.append(name)
        if not listing.has_more:
            break
        after = seen[-1]
    assert seen == (names if order == "asc" else names[::-1])
    assert await store.conversation_context(T, "c") == []


async def test_an_id_that_occurs_twice(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("x", "old"), message("y")])
    await store.add_items(T, "c", [message("x", "new")])
    assert await store.conversation_context(T, "c") == [
        message("x", "old"),
        message("y"),
        message("x", "new"),
    ]
    listed = Listing([message("x", "new"), message("y")], False)
    assert await store.conversation_items(T, "c", Page(20, "asc")) == listed
    assert await store.get_item(T, "c", "x") == message("x", "new")
    assert await store.delete_item(T, "c", "x") is True
    assert await store.conversation_context(T, "c") == [message("y")]
    assert await store.get_item(T, "c", "x") is None
    assert await store.delete_item(T, "c", "x") is False
    await store.add_items(T, "c", [message("x", "again")])
    listed = Listing([message("y"), message("x", "again")], False)
    assert await store.conversation_items(T, "c", Page(20, "asc")) == listed


async def test_a_response_leaves_its_items_in_its_conversation(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await plain(store, "a", conversation_id="c")
    await plain(store, "b", conversation_id="c")
    assert await store.conversation_context(T, "c") == [
        message("m"),
        message("a.in"),
        answer("a.out"),
        message("b.in"),
        answer("b.out"),
    ]


async def test_a_created_response_leaves_its_items_at_its_end(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await store.create(new("r", message("r.in"), conversation_id="c"))
    assert ids(await store.conversation_context(T, "c")) == ["m"]
    await store.end(ended("r", answer("r.out"), conversation_id="c"))
    assert ids(await store.conversation_context(T, "c")) == ["m", "r.in", "r.out"]


async def test_a_run_that_does_not_name_the_conversation_at_its_end_leaves_nothing(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await store.create(new("r", message("r.in"), conversation_id="c"))
    await store.end(ended("r", answer("r.out"), status="failed"))
    assert ids(await store.conversation_context(T, "c")) == ["m"]
    assert ids(await store.context(T, "r")) == ["m", "r.in", "r.out"]


async def test_a_response_sees_its_conversation_as_it_was(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m1"), message("m2")])
    await plain(store, "a", conversation_id="c")
    await store.add_items(T, "c", [message("m3")])
    await store.delete_item(T, "c", "m1")
    await plain(store, "b", conversation_id="c")
    assert ids(await all_pages(store, "a", 100, "asc")) == ["m1", "m2", "a.in"]
    assert ids(await store.context(T, "a")) == ["m1", "m2", "a.in", "a.out"]
    assert ids(await all_pages(store, "b", 2, "asc")) == ["m2", "a.in", "a.out", "m3", "b.in"]


async def test_a_chain_goes_on_from_a_conversation(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await plain(store, "a", conversation_id="c")
    await store.add_items(T, "c", [message("later")])
    await plain(store, "b", prev="a")
    assert ids(await store.context(T, "b")) == ["m", "a.in", "a.out", "b.in", "b.out"]


async def test_a_locked_response_sees_what_it_was_given(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m1"), message("m2")])
    assert await store.lock_conversation(T, "c", "r", START + 100)
    await store.add_items(T, "c", [message("m3")])
    await store.delete_item(T, "c", "m1")
    assert await store.lock_conversation(T, "c", "r", START + 200)
    await plain(store, "r", conversation_id="c")
    assert ids(await all_pages(store, "r", 100, "asc")) == ["m1", "m2", "r.in"]
    assert ids(await store.conversation_context(T, "c")) == ["m2", "m3", "r.in", "r.out"]


async def test_one_owner_holds_the_lock(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    assert await store.lock_conversation(T, "c", "a", START + 10) is True
    assert await store.lock_conversation(T, "c", "b", START + 10) is False
    assert await store.lock_conversation(T, "c", "a", START + 20) is True
    await store.unlock_conversation(T, "c", "b")
    assert await store.lock_conversation(T, "c", "b", START + 10) is False
    await store.unlock_conversation(T, "c", "a")
    assert await store.lock_conversation(T, "c", "b", START + 10) is True


async def test_all_locks_end_at_once(store: Store) -> None:
    for tenant in ("a", "b"):
        await store.create_conversation(tenant, {"id": f"c_{tenant}", "metadata": {}}, [])
        assert await store.lock_conversation(tenant, f"c_{tenant}", "r", START + 10)
    await store.unlock_all()
    for tenant in ("a", "b"):
        assert await store.lock_conversation(tenant, f"c_{tenant}", "other", START + 10)


async def test_a_lock_ends_with_its_time(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    assert await store.lock_conversation(T, "c", "a", START + 10)
    rig.clock.time = START + 9.99
    assert await store.lock_conversation(T, "c", "b", START + 30) is False
    rig.clock.time = START + 10
    assert await store.lock_conversation(T, "c", "b", START + 30) is True
    assert await store.lock_conversation(T, "c", "a", START + 30) is False


@pytest.mark.parametrize("created", [True, False])
async def test_the_end_releases_the_lock(store: Store, created: bool) -> None:
    await store.create_conversation(T, conversation("c"), [])
    assert await store.lock_conversation(T, "c", "r", START + 100)
    if created:
        await store.create(new("r", conversation_id="c"))
        assert await store.lock_conversation(T, "c", "other", START + 100) is False
        await store.end(ended("r", conversation_id="c"))
    else:
        await plain(store, "r", conversation_id="c")
    assert await store.lock_conversation(T, "c", "other", START + 100) is True


async def test_the_end_leaves_the_lock_of_another(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    assert await store.lock_conversation(T, "c", "slow", START + 10)
    rig.clock.time = START + 11
    assert await store.lock_conversation(T, "c", "other", START + 100)
    await plain(store, "slow", conversation_id="c")
    assert await store.lock_conversation(T, "c", "third", START + 100) is False


async def test_a_deleted_conversation_keeps_its_responses(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await plain(store, "r", conversation_id="c", expires_at=None)
    assert await store.delete_conversation(T, "c") is True
    assert await store.get_conversation(T, "c") is None
    assert await store.conversation_context(T, "c") is None
    assert await store.conversation_items(T, "c", Page()) is None
    assert await store.get_item(T, "c", "m") is None
    assert await store.add_items(T, "c", [message("x")]) is False
    assert await store.lock_conversation(T, "c", "x", START + 10) is False
    assert await store.delete_conversation(T, "c") is False
    await store.sweep(rig.clock.time)
    assert await store.get(T, "r") == response("r", "completed", output=[answer("r.out")])
    assert ids(await store.context(T, "r")) == ["m", "r.in", "r.out"]
    assert ids(await all_pages(store, "r", 100, "asc")) == ["m", "r.in"]


async def test_responses_outlive_their_conversation_by_the_usual_time(rig: Rig) -> None:
    store = await rig.open(response_ttl_s=1000.0)
    await store.create_conversation(T, conversation("c"), [message("m")])
    await plain(store, "r", conversation_id="c", expires_at=None)
    await store.create(new("u", conversation_id="c", expires_at=None))
    rig.clock.time += 5000
    await store.delete_conversation(T, "c")
    await plain(store, "late", conversation_id="c", expires_at=None)
    rig.clock.time += 999
    assert await store.get(T, "r") is not None
    assert await store.get(T, "late") is not None
    await store.end(ended("u"))
    rig.clock.time += 1
    assert await store.get(T, "r") is None
    assert await store.get(T, "late") is None
    rig.clock.time += 998
    assert await store.get(T, "u") is not None
    rig.clock.time += 1
    assert await store.get(T, "u") is None


async def test_a_run_in_a_conversation_that_is_deleted_meanwhile_ends(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await store.create(new("r", message("r.in"), conversation_id="c"))
    await store.delete_conversation(T, "c")
    await store.end(ended("r", answer("r.out"), conversation_id="c"))
    assert await store.get(T, "r") == response("r", "completed", output=[answer("r.out")])
    assert await store.get_conversation(T, "c") is None
    assert ids(await store.context(T, "r")) == ["m", "r.in", "r.out"]


async def test_deleting_an_item_only_unlinks_it(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    await plain(store, "r", conversation_id="c")
    assert await store.delete_item(T, "c", "r.out") is True
    assert ids(await store.conversation_context(T, "c")) == ["r.in"]
    assert await store.get(T, "r") == response("r", "completed", output=[answer("r.out")])
    assert await store.find_items(T, ["r.out"]) == {"r.out": answer("r.out")}


async def test_a_deleted_response_leaves_its_items_to_the_conversation(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [])
    await plain(store, "r", conversation_id="c")
    await store.delete(T, "r")
    await store.sweep(rig.clock.time)
    assert await store.get(T, "r") is None
    assert await store.conversation_context(T, "c") == [message("r.in"), answer("r.out")]
    assert await store.find_items(T, ["r.in"]) == {"r.in": message("r.in")}
