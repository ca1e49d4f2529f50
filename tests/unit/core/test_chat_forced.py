"""Text that stands for a call becomes that call, however it is cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.chat.forced import ForcedCall
from antiphon.core.chat.request import Steer
from antiphon.core.deltas import CallDelta, Delta, FinishDelta, ReasoningDelta, TextDelta

STOP, CALLS, LENGTH = FinishDelta("stop"), FinishDelta("tool_calls"), FinishDelta("length")
INPUT, CALL = Steer("input", ("pick",)), Steer("call", ("f", "g"))


def read(forced: Steer, *texts: str, finish: FinishDelta = STOP) -> list[Delta]:
    reader = ForcedCall(forced)
    fed: list[Delta] = [*map(TextDelta, texts), finish]
    return [delta for one in fed for delta in reader.feed([one])]


def whole(deltas: list[Delta]) -> list[Any]:
    """Names, joined arguments, joined text, and how it ended."""
    names = [d.name for d in deltas if isinstance(d, CallDelta) and d.name]
    arguments = "".join(d.arguments for d in deltas if isinstance(d, CallDelta))
    text = "".join(d.text for d in deltas if isinstance(d, TextDelta))
    return [names, arguments, text, deltas[-1]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=6))
def test_any_text_is_the_input(texts: list[str]) -> None:
    names, arguments, text, end = whole(read(INPUT, *texts))
    assert (names, text, end) == (["pick"], "", CALLS)
    assert msgspec.json.decode(arguments) == {"input": "".join(texts)}


def test_an_input_that_a_limit_cut_off_stays_open() -> None:
    assert whole(read(INPUT, "ab", finish=LENGTH)) == [["pick"], '{"input":"ab', "", LENGTH]


def test_reasoning_under_a_grammar_from_the_first_token_on_is_the_input() -> None:
    """llama.cpp names a text reasoning where its template has opened a thought, grammar or not."""
    fed: list[Delta] = [ReasoningDelta("639"), ReasoningDelta("-40"), STOP]
    held = ForcedCall(Steer("input", ("pick",), whole=True))
    assert whole(held.feed(fed)) == [["pick"], '{"input":"639-40"}', "", CALLS]
    free = ForcedCall(INPUT).feed(fed)
    assert free[:2] == fed[:2]


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from(["", " ", "\n"]))
def test_an_envelope_is_a_call(cuts: list[int], space: str) -> None:
    arguments = json.dumps({"a": ['}"{', {"b": "\\"}], "é": 1})
    text = f'{space}{{{space}"name":{space}"f",{space}"arguments":{space}{arguments}{space}}}{space}'
    places = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert whole(read(CALL, *pieces)) == [["f"], arguments, "", CALLS]


def test_arguments_come_out_as_they_grow() -> None:
    assert read(CALL, '{"name":"g","argu', 'ments":{"a"', ":1", "}", "}") == [
        CallDelta(0, None, "g"),
        CallDelta(0, arguments='{"a"'),
        CallDelta(0, arguments=":1"),
        CallDelta(0, arguments="}"),
        CALLS,
    ]


@pytest.mark.parametrize("text", ['{"name": "f"', "Hello", "x" * 3_000, '{"other": 1}'])
def test_other_text_stays_text(text: str) -> None:
    assert whole(read(CALL, *text)) == [[], "", text, STOP]


def test_reasoning_and_calls_of_the_engine_pass() -> None:
    deltas: list[Delta] = [ReasoningDelta("r"), CallDelta(0, "i", "f", "{}"), CALLS]
    assert ForcedCall(CALL).feed(deltas) == deltas
