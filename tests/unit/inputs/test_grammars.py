"""Custom tools' grammars: what compiles, what is accepted, and what must never hang or crash the server."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import pytest
from tests.unit.inputs.children import children

from antiphon.config import InputSettings
from antiphon.core.errors import Invalid
from antiphon.inputs import grammar as grammar_module
from antiphon.inputs.grammar import Grammars

PARAM = "tools[0].format.definition"


def grammars(**settings: Any) -> Grammars:
    return Grammars(InputSettings(**{"grammar_timeout_s": 30.0, **settings}))


def regex(definition: str) -> dict[str, str]:
    return {"type": "grammar", "syntax": "regex", "definition": definition}


def lark(definition: str) -> dict[str, str]:
    return {"type": "grammar", "syntax": "lark", "definition": definition}


async def refusal(format_: dict[str, str], **settings: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        await grammars(**settings).check_format(format_, PARAM)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_grammar", PARAM)
    assert len(caught.value.message) < 600
    return caught.value


async def test_free_text_is_always_accepted() -> None:
    await grammars().check_format({"type": "text"}, PARAM)
    assert grammars().accepts({"type": "text"}, "anything")


# ---------- regex


@pytest.mark.parametrize(
    ("definition", "good", "bad"),
    [
        ("SELECT .+", ["SELECT 1", "SELECT é"], ["SELECT ", "SELECT 1\n", "select 1", " SELECT 1"]),
        (r"\d{3}-\d{4}", ["555-1234"], ["555-12345", "x555-1234", "٥٥٥-1234"]),
        ("a|b", ["a", "b"], ["ab", "", "c"]),
        ("^abc$", ["abc"], ["abcd", "abc\n"]),
        ("^abc|def$", ["abc", "def"], ["abcx", "xdef"]),
        ("(?i)yes", ["YES", "yes"], ["no"]),
        ("(?s).*", ["", "a\nb"], []),
        (".*", ["", "ab"], ["a\nb"]),
        (r"[\s\S]*", ["", "a\nb"], []),
        (r"\p{Lu}\p{L}{1,30}", ["Ärger"], ["ärger"]),
        (r"(?<year>\d{4})", ["2026"], ["26"]),
        ("", [""], ["a"]),
    ],
)
async def test_a_regex_matches_the_whole_input(definition: str, good: list[str], bad: list[str]) -> None:
    made = grammars()
    await made.check_format(regex(definition), PARAM)
    assert [text for text in good if not made.accepts(regex(definition), text)] == []
    assert [text for text in bad if made.accepts(regex(definition), text)] == []


@pytest.mark.parametrize(
    "definition",
    [
        "(",
        "[",
        "a**b(",
        "a)|(b",
        r"(\w)\1",
        "a(?=b)",
        "(?<!a)b",
        "x{1,1000}{1,1000}",
        "(" * 10_000,
        "a?" * 30_000,
    ],
)
async def test_what_is_no_regex_is_refused(definition: str) -> None:
    before = time.process_time()
    await refusal(regex(definition))
    assert time.process_time() - before < 2


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ("(a+)+b", "a" * 60_000),
        ("(a|aa)+b", "a" * 60_000),
        ("(.*a){20}b", "a" * 60_000),
        ("([a-z]+)*[0-9]", "a" * 60_000),
        ("[ab]*a[ab]{500}[ab]*c?", "ab" * 30_000),
    ],
)
async def test_no_regex_hangs(definition: str, text: str) -> None:
    made = grammars()
    await made.check_format(regex(definition), PARAM)
    before = time.process_time()
    made.accepts(regex(definition), text)
    assert time.process_time() - before < 5


async def test_an_input_too_long_for_a_regex_is_an_error_and_no_verdict() -> None:
    made = grammars(max_regex_input_bytes=10)
    assert made.accepts(regex("a*"), "a" * 10)
    with pytest.raises(Invalid, match="too costly") as caught:
        made.accepts(regex("a*"), "a" * 11)
    assert caught.value.code == "invalid_grammar"


# ---------- lark

# The shape of the grammars that coding agents send: lines, alternatives and an imported terminal.
EDIT = r"""
start: opening change+ closing
opening: "BEGIN EDIT" LF
closing: "END EDIT" LF?

change: creation | removal | rewrite
creation: "create " path LF added+
removal: "remove " path LF
rewrite: "rewrite " path LF renaming? (context | line)+ ending?

path: /(.+)/
added: "+" /(.*)/ LF -> line
renaming: "rename to " path LF
context: ("@@" | "@@ " /(.+)/) LF
line: ("+" | "-" | " ") /(.*)/ LF
ending: "AT END" LF

%import common.LF
"""
GOOD_EDIT = (
    "BEGIN EDIT\ncreate a b.txt\n+one\n+\nremove c\nrewrite d\nrename to é\n@@ f()\n-x\n+y\n z\nAT END\n"
    "END EDIT"
)


async def test_a_grammar_of_edits() -> None:
    made = grammars()
    await made.check_format(lark(EDIT), PARAM)
    bad = (
        "",
        "BEGIN EDIT\n",
        "BEGIN EDIT\nEND EDIT\n",
        GOOD_EDIT.replace("END EDIT", ""),
        GOOD_EDIT + "\n\n",
        GOOD_EDIT + " more",
        GOOD_EDIT.replace("+one", "one"),
        GOOD_EDIT.replace("\n", "\r\n"),
        "```\n" + GOOD_EDIT,
    )
    assert made.accepts(lark(EDIT), GOOD_EDIT)
    assert made.accepts(lark(EDIT), GOOD_EDIT + "\n")
    assert [text for text in bad if made.accepts(lark(EDIT), text)] == []


@pytest.mark.parametrize(
    ("definition", "good", "bad"),
    [
        ('start: "a" | "b"', ["a", "b"], ["", "ab", "c"]),
        (
            'start: expr\nexpr: term ("+" term)*\nterm: INT\n%import common.INT',
            ["1", "1+22+3"],
            ["1+", "+1", "a"],
        ),
        ('start: "(" start ")" | ', ["", "()", "((()))"], ["(", "())"]),
        ('start: WORD ("," WORD)*\nWORD: /[a-zé]+/\n%ignore /[ ]+/', ["a, b", "é"], ["a b,", ","]),
        ('start: "x"~2..3', ["xx", "xxx"], ["x", "xxxx"]),
        ('start: %json {"type": "integer"}', ["12"], ["a", "1.5"]),
    ],
)
async def test_lark_grammars(definition: str, good: list[str], bad: list[str]) -> None:
    made = grammars()
    await made.check_format(lark(definition), PARAM)
    assert [text for text in good if not made.accepts(lark(definition), text)] == []
    assert [text for text in bad if made.accepts(lark(definition), text)] == []


WIDE = "start: " + " | ".join(f'"{n:04}"' for n in range(2500))
CHAIN = "start: r0\n" + "\n".join(f"r{n}: r{n + 1}" for n in range(4000)) + '\nr4000: "c"'


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("", "mpty"),
        ("start: foo", 'unknown name: "foo"'),
        ("start: /(/", "regex"),
        ("no grammar (", "Expected token"),
        ('%import os\nstart: "a"', "os"),
        ("start: /(?=a)b/", "look"),
        ("start: @other", "other"),
        ("start: " + "(" * 5000 + '"a"' + ")" * 5000, "nested"),
        (WIDE, "items"),
        (CHAIN, "more time or memory"),  # overflows the compiler's stack
        ("start: A\nA: /.*a.{30}/ & /.*b.{29}/ & /.*a.{20}/", "fuel"),
        ('start: "' + "a" * 70_000 + '"', "longer than 65536"),
        ("start: \ud800", ""),
    ],
)
async def test_what_does_not_compile_is_refused(definition: str, words: str) -> None:
    assert words in (await refusal(lark(definition))).message


async def test_compiling_takes_only_so_long() -> None:
    before = time.monotonic()
    refused = await refusal(lark(EDIT), grammar_timeout_s=0.001)
    assert "more time or memory" in refused.message
    assert time.monotonic() - before < 10
    assert children("grammar_child") == []


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ('start: s\ns: s s | "a"', "a" * 5000),
        ('start: s\ns: s s s | s s | "a" | ', "a" * 5000),
        ('start: x{1,1000}\nx: y{1,1000}\ny: z{1,1000}\nz: "a" | "b"', "a" * 5000),
        ("start: /[ab]*a[ab]{200}/", "".join(Random(1).choices("ab", k=40_000))),
    ],
)
async def test_matching_that_explodes_is_an_error_and_no_verdict(definition: str, text: str) -> None:
    made = grammars(match_timeout_s=0.3)
    await made.check_format(lark(definition), PARAM)
    before = time.process_time()
    with pytest.raises(Invalid, match="too costly") as caught:
        made.accepts(lark(definition), text)
    assert (caught.value.code, caught.value.param) == ("invalid_grammar", "tools")
    assert time.process_time() - before < 3


async def test_a_long_input_is_matched_in_time() -> None:
    made = grammars(match_timeout_s=20.0)
    await made.check_format(lark(EDIT), PARAM)
    text = "BEGIN EDIT\ncreate a\n" + "+some line of text\n" * 5000 + "END EDIT\n"
    before = time.process_time()
    assert made.accepts(lark(EDIT), text)
    print(f"{len(text)} characters: {(time.process_time() - before) * 1e3:.0f} ms")


async def test_a_known_grammar_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = grammars()
    await made.check_format(lark(EDIT), PARAM)

    async def never(*_: object) -> None:
        raise AssertionError("a child was started")

    monkeypatch.setattr(grammar_module, "run_child", never)
    await made.check_format(lark(EDIT), "tools[7].format.definition")
    with pytest.raises(AssertionError, match="a child was started"):
        await made.check_format(lark(EDIT + "\n"), PARAM)
