from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.store.rig import Rig
from tests.contract.store.samples import T, all_pages, answer, conversation, ended, ids, message, new, plain

from antiphon.core.deltas import JSON
from antiphon.ports import Page, Store, StoreDown

LONG = "data:image/png;base64," + "iVBORw0KGgo" * 20_000


async def test_items_are_found_by_id(store: Store) -> None:
    await plain(store, "a")
    await plain(store, "b", tenant="other")
    await store.create_conversation(T, conversation("c"), [message("m")])
    wanted = ["a.out", "m", "a.in", "b.in", "unknown", "m"]
    assert await store.find_items(T, wanted) == {
        "a.out": answer("a.out"),
        "m": message("m"),
        "a.in": message("a.in"),
    }
    assert await store.find_items(T, []) == {}


async def test_the_newest_of_an_id_is_found(store: Store) -> None:
    await store.end_new(new("a", message("x", "1")), ended("a"))
    await store.end_new(new("b", message("x", "2")), ended("b"))
    await store.end_new(new("c", message("x", "3"), tenant="other"), ended("c", tenant="other"))
    assert await store.find_items(T, ["x"]) == {"x": message("x", "2")}
    await store.delete(T, "b")
    assert await store.find_items(T, ["x"]) == {"x": message("x", "1")}


async def test_items_of_a_deleted_conversation_are_not_found(store: Store) -> None:
    await store.create_conversation(T, conversation("c"), [message("m")])
    await plain(store, "r", conversation_id="c")
    await store.delete_conversation(T, "c")
    assert await store.find_items(T, ["m", "r.in"]) == {"r.in": message("r.in")}


async def test_the_same_id_in_one_response(store: Store) -> None:
    await store.end_new(new("r", message("x", "1"), message("x", "2")), ended("r", answer("x", "3")))
    assert await store.context(T, "r") == [message("x", "1"), message("x", "2"), answer("x", "3")]
    assert await store.find_items(T, ["x"]) == {"x": answer("x", "3")}
    assert await all_pages(store, "r", 1, "asc") == [message("x", "2")]


@pytest.mark.parametrize(
    "item",
    [
        {
            "id": "m",
            "type": "message",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": LONG},
                {"type": "input_file", "filename": "a.pdf", "file_data": LONG + "2"},
                {"type": "input_image", "image_url": LONG},
            ],
        },
        {"id": "o", "type": "function_call_output", "call_id": "c", "output": "é" * 50_000},
        {"id": "k", "type": "odd", "a.b": {"": [{"x y/z": "q" * 70_000}], "0": ["r" * 70_000]}},
        {"id": "t", "type": "reasoning", "encrypted_content": "a" * 65_537, "summary": []},
        {"id": "i" * 70_000, "type": "message"},
    ],
    ids=["files", "utf-8", "odd keys", "edge", "long id"],
)
async def test_long_strings_come_back(rig: Rig, store: Store, item: JSON) -> None:
    await store.end_new(new("r", item), ended("r", {**item, "role": "assistant"}))
    await store.create_conversation(T, conversation("c"), [item])
    assert rig.blob_files()
    assert await store.context(T, "r") == [item, {**item, "role": "assistant"}]
    assert await store.input_items(T, "r", Page()) is not None
    assert await all_pages(store, "r", 1, "asc") == [item]
    found = await store.get(T, "r")
    assert found is not None
    assert found["output"] == [{**item, "role": "assistant"}]
    assert await store.conversation_context(T, "c") == [item]
    assert await store.get_item(T, "c", item["id"]) == item
    assert await store.find_items(T, [item["id"]]) == {item["id"]: item}


async def test_the_threshold_counts_bytes(rig: Rig) -> None:
    store = await rig.open(blob_threshold_bytes=10)
    items = [message("m1", "a" * 10), message("m2", "a" * 11), message("m3", "é" * 5), message("m4", "é" * 6)]
    await store.end_new(new("r", *items), ended("r"))
    sizes = sorted(path.stat().st_size for path in rig.blob_files())
    assert sizes == [11, 12]
    assert await store.context(T, "r") == items


async def test_the_same_text_lies_on_disk_once(rig: Rig, store: Store) -> None:
    for name in ("a", "b", "c"):
        await store.end_new(new(name, message(f"{name}.in", LONG)), ended(name, answer(f"{name}.out", LONG)))
    assert [path.read_text() for path in rig.blob_files()] == [LONG]
    assert rig.size() < 200_000


async def test_an_item_of_a_megabyte(store: Store) -> None:
    item: JSON = {"id": "big", "type": "message", "content": [{"text": "x" * 100}] * 10_000}
    await store.end_new(new("r", item), ended("r", {**item, "id": "out"}))
    assert await store.context(T, "r") == [item, {**item, "id": "out"}]


async def test_a_lost_blob_is_told(rig: Rig, store: Store) -> None:
    await store.end_new(new("r", message("m", LONG)), ended("r"))
    (path,) = rig.blob_files()
    path.write_text("other")
    with pytest.raises(StoreDown, match="instead of"):
        await store.context(T, "r")
    path.unlink()
    with pytest.raises(StoreDown, match="missing"):
        await store.context(T, "r")
    assert await store.ready() is True


async def test_a_damaged_blob_is_written_again(rig: Rig, store: Store) -> None:
    """A power failure can leave a name without its bytes."""
    await store.end_new(new("a", message("m", LONG)), ended("a"))
    (path,) = rig.blob_files()
    os.truncate(path, 0)
    await store.end_new(new("b", message("m", LONG)), ended("b"))
    assert await store.context(T, "a") == [message("m", LONG)]


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
value: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=12,
)


@given(id=text, tenant=text, item_id=text, content=value)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_odd_ids_and_contents(rig: Rig, id: str, tenant: str, item_id: str, content: Any) -> None:
    store = await rig.open(url="memory:", blob_threshold_bytes=8)
    item = {"id": item_id, "content": content}
    await store.create_conversation(tenant, conversation(id), [item])
    await store.end_new(
        new(id, item, tenant=tenant, conversation_id=id),
        ended(id, item, tenant=tenant, conversation_id=id),
    )
    assert await store.context(tenant, id) == [item, item, item]
    assert await store.find_items(tenant, [item_id]) == {item_id: item}
    assert await store.get_item(tenant, id, item_id) == item
    assert await all_pages(store, id, 1, "asc", tenant) == [item]
    assert ids(await store.conversation_context(tenant, id)) == [item_id] * 3
    await store.aclose()
