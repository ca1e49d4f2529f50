from __future__ import annotations

import pytest

from antiphon.core.errors import IllegalTransition
from antiphon.ports import Store


async def test_keys_are_listed_newest_first(store: Store) -> None:
    await store.add_key("reasoning", "k1", 10.0, b"\x00\xff")
    await store.add_key("reasoning", "k3", 30.5, b"3")
    await store.add_key("reasoning", "k2", 20.0, b"2")
    await store.add_key("webhooks", "k1", 5.0, b"w")
    assert await store.keys("reasoning") == [
        ("k3", 30.5, b"3"),
        ("k2", 20.0, b"2"),
        ("k1", 10.0, b"\x00\xff"),
    ]
    assert await store.keys("webhooks") == [("k1", 5.0, b"w")]
    assert await store.keys("none") == []


async def test_old_keys_are_dropped(store: Store) -> None:
    for n in range(4):
        await store.add_key("reasoning", f"k{n}", float(n), b"k")
    await store.add_key("webhooks", "k", 0.0, b"w")
    assert await store.drop_keys("reasoning", 2.0) == 2
    assert [name for name, _, _ in await store.keys("reasoning")] == ["k3", "k2"]
    assert await store.keys("webhooks") == [("k", 0.0, b"w")]
    assert await store.drop_keys("reasoning", 2.0) == 0


async def test_a_key_is_never_replaced(store: Store) -> None:
    await store.add_key("reasoning", "k", 1.0, b"first")
    with pytest.raises(IllegalTransition):
        await store.add_key("reasoning", "k", 2.0, b"second")
    assert await store.keys("reasoning") == [("k", 1.0, b"first")]
