"""Events as bytes: frames and padding."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.events import Event
from antiphon.core.kinds import DELTA_EVENTS, EVENT_PLACES
from antiphon.http.frames import Padding, sse


def _event(kind: str, number: int = 0, **fields: object) -> Event:
    data = json.dumps({"type": kind, **fields, "sequence_number": number}, ensure_ascii=False).encode()
    return Event(number, kind, data)


def test_a_batch_is_its_frames_in_a_row() -> None:
    events = [_event("response.created"), _event("response.output_text.delta", 1, delta="x")]
    assert sse(events, None) == (
        b'event: response.created\ndata: {"type": "response.created", "sequence_number": 0}\n\n'
        b"event: response.output_text.delta\n"
        b'data: {"type": "response.output_text.delta", "delta": "x", "sequence_number": 1}\n\n'
    )


@given(st.text(max_size=80), st.integers(0, 10**6))
def test_padding_adds_one_key_and_evens_out_the_size(text: str, number: int) -> None:
    event = _event("response.output_text.delta", number, delta=text)
    padded = Padding().data(event)
    value = json.loads(padded)
    noise = value.pop("obfuscation")
    assert value == json.loads(event.data)
    assert noise == "" or noise.isalnum()
    assert len(padded) % 32 == 0
    assert len(padded) - len(event.data) <= len(',"obfuscation":""') + 31


def test_exactly_the_delta_events_are_padded() -> None:
    padding = Padding()
    padded = {kind for kind in EVENT_PLACES if b"obfuscation" in padding.data(_event(kind))}
    assert padded == DELTA_EVENTS


def test_padding_does_not_repeat_itself_soon() -> None:
    padding = Padding()
    noises = [
        json.loads(padding.data(_event("response.output_text.delta", 7)))["obfuscation"] for _ in range(100)
    ]
    assert len(set(noises)) == 100
