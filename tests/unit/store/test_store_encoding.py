from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.events import Event
from antiphon.store.encoding import (
    Spill,
    decode_events,
    decode_items,
    encode_events,
    encode_items,
    encode_response,
    put_back,
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
content = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=15,
)


@given(members=st.dictionaries(text, content, max_size=4), threshold=st.integers(0, 40))
def test_items_come_back_whole(members: dict[str, Any], threshold: int) -> None:
    item = {**members, "id": "i"}
    (stored,) = encode_items([item], threshold)
    (found,) = decode_items([stored.body])
    for spill in stored.spills:
        put_back(found, spill)
    assert found == item


@given(members=st.dictionaries(text, content, max_size=4), threshold=st.integers(0, 40))
def test_what_is_longer_is_spilled_and_nothing_else(members: dict[str, Any], threshold: int) -> None:
    (stored,) = encode_items([{**members, "id": "i"}], threshold)

    def strings(value: Any) -> list[str]:
        if isinstance(value, str):
            return [value]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return [found for one in inner for found in strings(one)]

    long = [one for one in strings({**members, "id": "i"}) if len(one.encode()) > threshold]
    assert sorted(spill.text for spill in stored.spills) == sorted(long)


def test_a_short_item_is_one_piece_of_json() -> None:
    assert encode_items([{"id": "i", "n": 1}], 64) == [("i", b'{"id":"i","n":1}', ())]


def test_a_spill_names_its_place() -> None:
    (stored,) = encode_items([{"id": "i", "content": [{"text": "short"}, {"a.b": "long enough"}]}], 10)
    assert stored.spills == [Spill('["content",1,"a.b"]', "long enough")]
    assert stored.body == b'{"id":"i","content":[{"text":"short"},{"a.b":""}]}'


def test_an_item_needs_an_id() -> None:
    with pytest.raises(KeyError):
        encode_items([{"type": "message"}], 10)


def test_a_response_is_kept_without_its_output() -> None:
    assert encode_response({"id": "r", "output": [{"id": "m"}], "usage": None}) == (
        b'{"id":"r","output":[],"usage":null}'
    )


@given(st.lists(st.tuples(text, st.binary(max_size=40)), max_size=6), st.integers(0, 1000))
def test_events_come_back(pairs: list[tuple[str, bytes]], first: int) -> None:
    events = [Event(first + n, kind, data) for n, (kind, data) in enumerate(pairs)]
    assert decode_events(first, encode_events(events)) == events
