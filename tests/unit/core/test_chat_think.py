"""Reasoning inside the text is told apart however the text is cut."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.chat.think import ThinkReader


def read(*pieces: str) -> list[tuple[bool, str]]:
    reader = ThinkReader()
    pairs = [pair for piece in pieces for pair in reader.feed(piece)] + reader.close()
    return [(inside, "".join(text for _, text in run)) for inside, run in groupby(pairs, lambda p: p[0])]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("<think>why</think>so", [(True, "why"), (False, "so")]),
        ("\n <think>\nwhy\n</think>\n\nso", [(True, "\nwhy\n"), (False, "\n\nso")]),
        ("<think></think>so", [(False, "so")]),
        ("<think>cut off </thi", [(True, "cut off </thi")]),
        ("the tag <think> is a word", [(False, "the tag <think> is a word")]),
        ("<thinking>", [(False, "<thinking>")]),
        ("<th", [(False, "<th")]),
        ("<think>a</think>b</think>", [(True, "a"), (False, "b</think>")]),
        ("", []),
    ],
)
def test_reasoning_is_told_apart(text: str, pairs: list[tuple[bool, str]]) -> None:
    assert read(text) == pairs
    assert read(*text) == pairs


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "</", " ", "a", "\n"]), max_size=12)
)
def test_cuts_change_nothing_and_lose_nothing(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert read(*pieces) == read(whole)
    said = "".join(text for _, text in read(whole))
    tags = whole.lstrip().removeprefix("<think>").replace("</think>", "", 1)
    assert said == (tags if whole.lstrip().startswith("<think>") else whole)
