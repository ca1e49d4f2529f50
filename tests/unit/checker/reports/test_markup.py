"""Nothing that a server wrote acts on its reader."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.checker.markup import Markup, breakable, cleaned, clipped, escaped, one_line, pretty, tag, value

ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
def test_any_text_can_stand_in_an_element_and_comes_out_as_itself(text: str) -> None:
    element = ET.fromstring(tag("p", text, title=text))
    assert element.text in (cleaned(text) or None, cleaned(text))
    assert list(element) == []


@given(ANY)
def test_cleaned_text_can_be_written_and_holds_no_control(text: str) -> None:
    clean = cleaned(text)
    clean.encode("utf-8")
    assert not [one for one in clean if ord(one) < 0x20 and one not in "\t\n"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00", "\\x00"),
        ("\r\n", "\\x0d\n"),
        ("\x9b", "\\x9b"),
        ("\ud800", "\\ud800"),
        ("a\u202eb", "a\\u202eb"),
        ("\ufffe", "\\ufffe"),
        ("é – 😀\t", "é – 😀\t"),
    ],
)
def test_what_acts_is_shown(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_only_markup_is_not_escaped() -> None:
    assert tag("p", "<b>", Markup("<i></i>"), None) == "<p>&lt;b&gt;<i></i></p>"
    assert tag("td", data_area='"><script>') == '<td data-area="&quot;&gt;&lt;script&gt;"></td>'
    assert tag("input", hidden=True, disabled=False, id=None) == "<input hidden>"
    assert escaped("'") == "&#x27;"
    assert breakable("a.<b>-c.") == "a.<wbr>&lt;b&gt;-<wbr>c."


def test_what_is_cut_says_so() -> None:
    assert clipped("A" * 10, 4) == "AAAA\n… 6 characters more are in the record"
    assert one_line("a\n b\u2028c", 5) == "a b c"
    assert one_line("abcdef", 3) == "abc…"


def test_bodies_are_indented_where_they_are_json() -> None:
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty("data: {}\n\n") == "data: {}\n\n"
    assert pretty("[" * 100_000) == clipped("[" * 100_000, 6_000)


def test_a_value_of_any_depth_is_shown_or_said_to_be_too_deep() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert value(deep) == "(nested too deeply to be shown)"
