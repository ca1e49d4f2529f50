"""Lanes and what a connection remembers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.errors import Invalid, RateLimited
from antiphon.http.lanes import Create, Lanes, Memories, Memory
from antiphon.http.socket_frames import Steer, error_frame, event_text, lane_of, parse_frame


def _create(lane: str | None, number: int = 0) -> Create:
    return Create(lane, {"number": number}, True, 10)


@given(st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=30), st.integers(1, 3))
async def test_a_lane_is_in_order_and_never_overlaps_and_slots_are_kept(lanes: list[Any], most: int) -> None:
    log: list[tuple[str, Any, int]] = []
    active = 0
    peak = 0

    async def answer(create: Create) -> None:
        nonlocal active, peak
        active += 1
        peak = max(peak, active)
        log.append(("begin", create.lane, create.body["number"]))
        for _ in range(create.body["number"] % 3):
            await asyncio.sleep(0)
        log.append(("end", create.lane, create.body["number"]))
        active -= 1

    both = Lanes(answer, most)
    for number, lane in enumerate(lanes):
        both.submit(_create(lane, number))
    await both.idle(5.0)
    for lane in set(lanes):
        numbers = [n for n, each in enumerate(lanes) if each == lane]
        expected = [(word, lane, n) for n in numbers for word in ("begin", "end")]
        assert [entry for entry in log if entry[1] == lane] == expected
    assert peak <= most
    assert (both.queued, both.queued_bytes) == (0, 0)


async def test_closing_cancels_what_runs_and_what_waits() -> None:
    begun: list[int] = []
    two = asyncio.Event()
    cancelled: list[int] = []

    async def answer(create: Create) -> None:
        begun.append(create.body["number"])
        if len(begun) == 2:
            two.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(create.body["number"])
            raise

    lanes = Lanes(answer, 2)
    for number, lane in enumerate([None, None, "a", "b"]):
        lanes.submit(_create(lane, number))
    await asyncio.wait_for(two.wait(), 5.0)
    await lanes.aclose()
    assert begun == sorted(cancelled) == [0, 2]


def test_the_latest_of_a_lane_is_remembered() -> None:
    memories = Memories(100)
    memories.remember(None, Memory("resp_1", (), 10))
    memories.remember("a", Memory("resp_2", (), 10))
    memories.remember(None, Memory("resp_3", (), 10))
    found = [memories.find(f"resp_{n}") is not None for n in (1, 2, 3)]
    assert found == [False, True, True]
    assert (memories.lane_of("resp_2"), memories.lane_of("resp_3")) == ("a", None)


def test_a_failed_continuation_evicts_on_its_own_lane_only() -> None:
    memories = Memories(100)
    memories.remember("a", Memory("resp_1", (), 10))
    memories.forget("b", "resp_1")
    assert memories.find("resp_1") is not None
    memories.forget("a", "resp_2")
    assert memories.find("resp_1") is not None
    memories.forget("a", "resp_1")
    assert memories.find("resp_1") is None


def test_memories_are_bounded_and_the_oldest_goes_first() -> None:
    memories = Memories(25)
    for lane, response in (("a", "resp_1"), ("b", "resp_2"), ("c", "resp_3")):
        memories.remember(lane, Memory(response, (), 10))
    assert [memories.find(f"resp_{n}") is not None for n in (1, 2, 3)] == [False, True, True]
    memories.remember("d", Memory("resp_4", (), 26))
    assert [memories.find(f"resp_{n}") for n in (2, 3, 4)] == [None, None, None]


# ---------- frames


def test_a_create_loses_its_envelope() -> None:
    envelope = '"type":"response.create","stream_id":"a.b-c_1","generate":false,"background":false'
    text = f'{{{envelope},"model":"m","input":"x"}}'
    assert parse_frame(text) == Create(
        "a.b-c_1", {"model": "m", "input": "x", "stream": True}, False, len(text)
    )


@pytest.mark.parametrize(
    ("text", "param", "code"),
    [
        ("", None, None),
        ("[]", None, None),
        ('{"type":1}', "type", "invalid_value"),
        ("{}", "type", "invalid_value"),
        ('{"type":"response.cancel"}', "type", "invalid_value"),
        ('{"type":"response.create","stream_id":""}', "stream_id", "invalid_stream_id"),
        ('{"type":"response.create","stream_id":"a b"}', "stream_id", "invalid_stream_id"),
        ('{"type":"response.create","stream_id":"a\\n"}', "stream_id", "invalid_stream_id"),
        ('{"type":"response.create","stream_id":1}', "stream_id", "invalid_stream_id"),
        ('{"type":"response.create","stream_id":"%s"}' % ("x" * 257), "stream_id", "invalid_stream_id"),
        ('{"type":"response.create","generate":"no"}', "generate", "invalid_type"),
        ('{"type":"response.create","background":true}', "background", "unsupported_parameter"),
        ('{"type":"response.steer","input":"x"}', "previous_response_id", "missing_required_parameter"),
    ],
)
def test_frames_that_are_refused(text: str, param: str | None, code: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        parse_frame(text)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_other_frames() -> None:
    text = '{"type":"response.steer","previous_response_id":"resp_1","input":"x"}'
    assert parse_frame(text) == Steer("resp_1", "x")
    create = parse_frame('{"type":"response.create","generate":false}')
    assert isinstance(create, Create)
    assert create.generate is False


def test_errors_are_nested_and_name_their_lane() -> None:
    error = RateLimited("Slow down.", headers={"retry-after": "1"})
    assert error_frame(error, "a") == (
        '{"type":"error","status":429,"error":{"message":"Slow down.","type":"rate_limit_error","param":null,'
        '"code":"rate_limit_exceeded","headers":{"retry-after":"1"}},"stream_id":"a"}'
    )
    assert '"headers"' not in error_frame(Invalid("x"), None)
    assert lane_of('{"stream_id":"a"}') == "a"
    assert [lane_of(t) for t in ("", "[]", "{}", '{"stream_id":"a b"}', '{"stream_id":2}')] == [None] * 5


def test_events_carry_the_stream_id_of_their_create() -> None:
    assert event_text(b'{"type":"x"}', None) == '{"type":"x"}'
    assert event_text(b'{"type":"x"}', "a") == '{"type":"x","stream_id":"a"}'
