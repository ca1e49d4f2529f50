"""The areas of the law book agree with their cases, and what cases compute is right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.checker.cases import Case, registered
from antiphon.checker.cases.background import stage
from antiphon.checker.cases.compact import swapped
from antiphon.checker.cases.conversations_use import mixed
from antiphon.checker.cases.counts import among, spelled
from antiphon.checker.cases.reasoning import unwrapped
from antiphon.checker.cases.resume import said
from antiphon.checker.cases.stored import difference, settled
from antiphon.checker.cases.structured import COLOUR, NESTED, SHARED, valid
from antiphon.checker.observers import observed
from antiphon.checker.requirements import Requirement, load
from antiphon.checker.wire import Exchange

JSON = dict[str, Any]


def tried() -> list[tuple[Requirement, list[Case]]]:
    """Requirements written by hand that only cases speak of, with those cases."""
    return [
        (one, [case for case in registered() if one.id in case.requirements])
        for one in load().requirements
        if not one.generated and one.id not in observed()
    ]


def test_a_requirement_of_a_profile_has_a_case_in_it() -> None:
    asked = {one.id: {"full", *(p for case in cases for p in case.profiles)} for one, cases in tried()}
    assert [one.id for one, _ in tried() if not set(one.profiles) <= asked[one.id]] == []


def test_a_case_needs_what_its_requirements_need() -> None:
    wrong = [
        (one.id, case.address)
        for one, cases in tried()
        for case in cases
        if set(one.needs) - {"second_key"} - set(case.needs)
    ]
    assert wrong == []


def test_no_two_requirements_of_an_area_say_the_same() -> None:
    said_so: dict[tuple[str, str], list[str]] = {}
    for one in load().requirements:
        said_so.setdefault((one.area, one.sentence), []).append(one.id)
    assert [ids for ids in said_so.values() if len(ids) > 1] == []


def test_every_sentence_ends_and_every_source_is_told() -> None:
    written = [one for one in load().requirements if not one.generated]
    assert [one.id for one in written if not one.sentence.endswith((".", "…")) or not one.source] == []


# ---------- what cases compute


def answered(*ids: str) -> Exchange:
    body = {"id": "resp_1", "output": [{"id": one} for one in ids]}
    return Exchange("POST", "", "/responses", status=200, body=json.dumps(body).encode())


def listed(*entries: str) -> Exchange:
    """`=word` is a user message, anything else an item of that id."""
    data = [
        {"id": f"u{n}", "type": "message", "role": "user", "content": [{"text": entry[1:]}]}
        if entry.startswith("=")
        else {"id": entry, "type": "message", "role": "assistant", "content": []}
        for n, entry in enumerate(entries)
    ]
    return Exchange("GET", "", "/items", status=200, body=json.dumps({"data": data}).encode())


@pytest.mark.parametrize(
    ("entries", "right"),
    [
        (("=a", "1", "2", "=b", "3"), True),
        (("=b", "3", "=a", "1", "2"), True),
        (("=a", "=b", "1", "2", "3"), False),
        (("=a", "2", "1", "=b", "3"), False),
        (("=a", "1", "2"), False),
        (("=a", "1", "2", "=b", "3", "=c"), False),
    ],
)
def test_turns_that_mix_are_seen(entries: tuple[str, ...], right: bool) -> None:
    won = {"a": answered("1", "2"), "b": answered("3")}
    assert (mixed(listed(*entries), won) == "") is right


def test_fields_that_differ_are_named_and_seals_do_not_count() -> None:
    one: JSON = {"id": "r", "output": [{"id": "1", "encrypted_content": "a"}], "usage": None}
    other: JSON = {"id": "r", "output": [{"id": "1", "encrypted_content": "b"}], "usage": {}, "more": None}
    assert difference(one, other) == "these fields differ: usage, more"
    assert settled(one["output"]) == settled(other["output"])
    assert difference(one, one) == ""


def test_a_swapped_seal_has_its_length_and_its_ends() -> None:
    for sealed in ("agr1.AAAAABBBBB", "x" * 9, "gAAAAAAAAA=="):
        other = swapped(sealed)
        assert (len(other), other[:2], other[-2:]) == (len(sealed), sealed[:2], sealed[-2:])
        assert other != sealed


@pytest.mark.parametrize(
    ("content", "open_text"), [("agr1.VGhlIHVzZXIgc2FpZA", "The user said"), ("%%%", ""), ("v1.____", "")]
)
def test_base64_hides_nothing(content: str, open_text: str) -> None:
    assert (open_text in unwrapped(content)) is True


def test_tokens_spell_by_their_bytes() -> None:
    halves = [{"token": "\ufffd", "bytes": [0xC3]}, {"token": "\ufffd", "bytes": [0xA9]}]
    assert spelled(halves) == "é"
    assert spelled([{"token": "a"}, {"token": "b", "bytes": [98]}]) == "ab"


@pytest.mark.parametrize(
    ("chosen", "right"),
    [(("a", -0.1), True), (("a", -0.5), False), (("z", -3.0), True), (("z", -0.2), False)],
)
def test_the_chosen_token_fits_its_alternatives(chosen: tuple[str, float], right: bool) -> None:
    many = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.0}]
    assert among({"token": chosen[0], "logprob": chosen[1]}, many) is right


@pytest.mark.parametrize(
    ("schema", "text", "right"),
    [
        (COLOUR, '{"colour":"red","number":2}', True),
        (COLOUR, '{"colour":"red","number":2,"more":1}', False),
        (COLOUR, '{"colour":"red"', False),
        (NESTED, '{"kind":"cat","sound":true,"size":{"width":1.5,"depth":null},"tags":["a"]}', True),
        (NESTED, '{"kind":"cat","sound":true,"size":{"width":1.5,"depth":null},"tags":[]}', False),
        (SHARED, '{"first":{"colour":"red","number":1},"second":{"colour":"blue","number":3}}', True),
        (SHARED, '{"first":{"colour":"red","number":1},"second":{"colour":"green","number":3}}', False),
    ],
)
def test_text_is_judged_by_its_schema(schema: JSON, text: str, right: bool) -> None:
    assert valid(schema, text) is right


def test_statuses_have_an_order() -> None:
    assert [stage(s) for s in ("queued", "in_progress", "completed", "cancelled", None)] == [0, 1, 2, 2, 2]


def test_streams_are_compared_by_what_they_say() -> None:
    delta = "response.output_text.delta"
    pieces = [{"type": delta, "delta": "a"}, {"type": delta, "delta": "b"}, {"type": "response.completed"}]
    joined = [{"type": delta, "delta": "ab"}, {"type": "response.completed"}]
    assert said(pieces) == said(joined) == ("ab", "response.completed")
    assert said([]) == ("", "")
