from __future__ import annotations

import os
from collections.abc import Mapping

from tests.contract.store.rig import START, Rig
from tests.contract.store.samples import (
    EXPIRY,
    T,
    answer,
    conversation,
    ended,
    ids,
    message,
    new,
    plain,
)

from antiphon.ports import Store

LONG = "x" * 100_000


def counts(responses: int = 0, conversations: int = 0, items: int = 0, blobs: int = 0) -> Mapping[str, int]:
    return {"responses": responses, "conversations": conversations, "items": items, "blobs": blobs}


def rows(rig: Rig) -> dict[str, int]:
    return {
        name: count for name, count in rig.rows().items() if count and name not in ("migrations", "usage")
    }


async def test_nothing_to_do(rig: Rig, store: Store) -> None:
    await plain(store, "r")
    assert await store.sweep(rig.clock.time) == counts()
    assert rows(rig) == {"responses": 1, "items": 2}


async def test_a_deleted_response_goes(rig: Rig, store: Store) -> None:
    await plain(store, "a")
    await plain(store, "b")
    await store.delete(T, "a")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2)
    assert rows(rig) == {"responses": 1, "items": 2}
    assert ids(await store.context(T, "b")) == ["b.in", "b.out"]


async def test_expired_responses_go(rig: Rig, store: Store) -> None:
    for n in range(250):
        await plain(store, f"r{n}")
    await plain(store, "kept", expires_at=EXPIRY + 1)
    rig.clock.time = EXPIRY
    assert await store.sweep(rig.clock.time) == counts(responses=250, items=500)
    assert rows(rig) == {"responses": 1, "items": 2}


async def test_unfinished_responses_stay(rig: Rig, store: Store) -> None:
    await store.create(new("r", message("m"), expires_at=START + 1, hidden=True))
    rig.clock.time = START + 100
    assert await store.sweep(rig.clock.time) == counts()
    await store.end(ended("r", answer("a")))
    rig.clock.time += 1
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2)


async def test_grace(rig: Rig) -> None:
    store = await rig.open(sweep_grace_s=100.0)
    await plain(store, "a")
    await store.delete(T, "a")
    assert await store.sweep(START + 99) == counts()
    await plain(store, "b", prev="a")
    assert await store.sweep(START + 100) == counts()
    assert ids(await store.context(T, "b")) == ["a.in", "a.out", "b.in", "b.out"]


async def test_ancestors_go_with_their_last_descendant(rig: Rig, store: Store) -> None:
    await plain(store, "a")
    await plain(store, "b", prev="a")
    await plain(store, "c", prev="b")
    await plain(store, "d", prev="b")
    await store.delete(T, "a")
    await store.delete(T, "b")
    assert await store.sweep(rig.clock.time) == counts()
    await store.delete(T, "c")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2)
    assert ids(await store.context(T, "d")) == ["a.in", "a.out", "b.in", "b.out", "d.in", "d.out"]
    await store.delete(T, "d")
    assert await store.sweep(rig.clock.time) == counts(responses=3, items=6)
    assert rows(rig) == {}


async def test_a_living_ancestor_stays(rig: Rig, store: Store) -> None:
    await plain(store, "a")
    await plain(store, "b", prev="a")
    await store.delete(T, "b")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2)
    assert ids(await store.context(T, "a")) == ["a.in", "a.out"]


async def test_a_long_chain_expires_at_once(rig: Rig, store: Store) -> None:
    prev: str | None = None
    for n in range(300):
        await plain(store, f"r{n}", prev=prev)
        prev = f"r{n}"
    rig.clock.time = EXPIRY
    assert await store.sweep(rig.clock.time) == counts(responses=300, items=600)
    assert rows(rig) == {}


async def test_a_deleted_ancestor_keeps_only_its_items(rig: Rig, store: Store) -> None:
    secret = "s3cret" * 10_000
    await store.create(new("a", message("m"), background=True))
    await store.append_events("a", [])
    done = ended("a", answer("o"))
    done.response["instructions"] = secret
    await store.end(done)
    await plain(store, "b", prev="a")
    before = rig.size()
    await store.delete(T, "a")
    await store.sweep(rig.clock.time)
    assert rig.size() < before - len(secret) + 8192
    assert ids(await store.context(T, "b")) == ["m", "o", "b.in", "b.out"]


async def test_a_deleted_conversation_goes(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message(f"m{n}") for n in range(20)])
    await store.delete_conversation(T, "c")
    assert await store.sweep(rig.clock.time) == counts(conversations=1, items=20)
    assert rows(rig) == {}


async def test_a_deleted_conversation_waits_for_its_responses(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await plain(store, "r", conversation_id="c")
    await store.delete_conversation(T, "c")
    assert await store.sweep(rig.clock.time) == counts()
    await store.delete(T, "r")
    swept = await store.sweep(rig.clock.time)
    assert swept == counts(responses=1, conversations=1, items=3)
    assert rows(rig) == {}


async def test_an_item_taken_out_goes_when_no_response_has_seen_it(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("seen"), message("kept")])
    await plain(store, "r", conversation_id="c")
    await store.add_items(T, "c", [message("unseen")])
    await store.delete_item(T, "c", "seen")
    await store.delete_item(T, "c", "unseen")
    await store.delete_item(T, "c", "r.in")
    assert await store.sweep(rig.clock.time) == counts(items=1)
    assert ids(await store.context(T, "r")) == ["seen", "kept", "r.in", "r.out"]
    await store.delete(T, "r")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2)
    assert ids(await store.conversation_context(T, "c")) == ["kept", "r.out"]
    assert rows(rig) == {"conversations": 1, "items": 2, "conversation_items": 2}


async def test_what_the_last_response_saw_before_a_removal_stays(rig: Rig, store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m1"), message("m2")])
    await store.create(new("r", message("r.in"), conversation_id="c"))
    await store.delete_item(T, "c", "m2")
    await store.delete_item(T, "c", "m1")
    await plain(store, "later", conversation_id="c")
    assert await store.sweep(rig.clock.time) == counts()
    assert ids(await store.context(T, "r")) == ["m1", "m2", "r.in"]
    await store.end(ended("r"))
    await store.delete(T, "r")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=3)
    assert ids(await store.context(T, "later")) == ["later.in", "later.out"]


async def test_a_blob_goes_with_its_last_item(rig: Rig, store: Store) -> None:
    for name in ("a", "b"):
        await store.end_new(new(name, message(f"{name}.in", LONG)), ended(name, answer("o", name + LONG)))
    assert len(rig.blob_files()) == 3
    await store.delete(T, "a")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2, blobs=1)
    assert len(rig.blob_files()) == 2
    assert await store.context(T, "b") == [message("b.in", LONG), answer("o", "b" + LONG)]
    await store.delete(T, "b")
    assert await store.sweep(rig.clock.time) == counts(responses=1, items=2, blobs=2)
    assert rig.blob_files() == []
    assert rig.rows()["blobs"] == 0


async def test_a_blob_that_is_used_again_stays(rig: Rig) -> None:
    store = await rig.open(sweep_grace_s=100.0)
    await store.end_new(new("a", message("m", LONG)), ended("a"))
    await store.delete(T, "a")
    assert await store.sweep(START + 100) == counts(responses=1, items=1)
    await store.end_new(new("b", message("m", LONG)), ended("b"))
    assert await store.sweep(START + 1000) == counts()
    assert await store.context(T, "b") == [message("m", LONG)]


async def test_files_that_no_row_knows_go_when_they_are_old(rig: Rig) -> None:
    """A process that was killed between the file and the commit leaves them."""
    first = await rig.open()
    await first.end_new(new("r", message("m", LONG)), ended("r"))
    await first.aclose()
    (known,) = rig.blob_files()
    stray = known.with_name(known.name[:2] + "0" * 62)
    stray.write_text("left behind")
    unfinished = known.parent.parent / "unfinished" / "half"
    unfinished.write_text("left beh")
    store = await rig.open(sweep_grace_s=100.0)
    written = stray.stat().st_mtime
    for path in (known, stray, unfinished):
        os.utime(path, (written, written))
    assert await store.sweep(written + 99) == counts()
    assert set(rig.blob_files()) == {known, stray, unfinished}
    assert await store.sweep(written + 100) == counts(blobs=1)
    assert rig.blob_files() == [known]
