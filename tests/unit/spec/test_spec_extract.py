"""How annotations, twins and an OpenAPI document are read, on small examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Required

import pytest
from typing_extensions import TypedDict

from antiphon.spec.compose import completed
from antiphon.spec.extract_fold import fold
from antiphon.spec.extract_types import TypeReader, UnknownAnnotation, names_for, one_of
from antiphon.spec.overlay import overlay


class Alias:
    def __init__(self, alias: str) -> None:
        self.alias = alias


class Inner(TypedDict, total=False):
    kind: Required[Literal["inner"]]


class Outer(TypedDict, total=False):
    name: Required[str]
    sizes: Iterable[int]
    model: str | Literal["a", "b"]
    effort: Literal["low", "high"] | None
    flag: Literal[True] | Literal[False]
    extra: dict[str, object]
    inner: str | Inner | None
    from_: Annotated[str, Alias("from")]


def test_annotations_become_type_expressions() -> None:
    reader = TypeReader()
    assert reader.read(Outer) == {"ref": Outer}
    assert reader.classes[Outer] == {
        "name": {"type": "string", "required": True},
        "sizes": {"type": {"array": "integer"}},
        "model": {"type": {"enum": ["a", "b"], "open": True}},
        "effort": {"type": {"enum": ["low", "high"]}, "nullable": True},
        "flag": {"type": "boolean"},
        "extra": {"type": {"map": "any"}},
        "inner": {"type": {"any_of": ["string", {"ref": Inner}]}, "nullable": True},
        "from": {"type": "string"},
    }
    assert reader.classes[Inner] == {"kind": {"type": {"enum": ["inner"]}, "required": True}}


def test_an_unknown_annotation_is_never_guessed() -> None:
    with pytest.raises(UnknownAnnotation):
        TypeReader().read(complex)


def test_long_open_lists_of_names_become_strings() -> None:
    assert one_of([{"enum": [f"model-{n}" for n in range(31)]}, "string"]) == "string"


def test_names_that_repeat_take_words_of_their_module() -> None:
    first = type("Message", (), {"__module__": "sdk.input.message"})
    second = type("Message", (), {"__module__": "sdk.output.message"})
    third = type("Other", (), {"__module__": "sdk.other"})
    fourth = type("Given", (), {"__module__": "sdk.given"})
    assert names_for([first, second, third, fourth], {fourth: "Ours"}) == {
        first: "input.message.Message",
        second: "output.message.Message",
        third: "Other",
        fourth: "Ours",
    }


def test_twins_are_folded_but_not_across_the_sides() -> None:
    tag = {"type": {"type": {"enum": ["x"]}, "required": True}}
    document: dict[str, Any] = {
        "operations": {"GET /x": {"returns": {"any_of": [{"ref": "a.X"}, {"ref": "Y"}]}}},
        "unions": {"Both": [{"ref": "X"}, {"ref": "Y"}]},
        "types": {"X": tag, "a.X": tag, "XParam": tag, "Y": {"x": {"type": {"ref": "a.X"}}}},
        "inputs": ["XParam"],
    }
    assert fold(document) == {
        "operations": {"GET /x": {"returns": {"ref": "Both"}}},
        "unions": {"Both": [{"ref": "X"}, {"ref": "Y"}]},
        "types": {"X": tag, "XParam": tag, "Y": {"x": {"type": {"ref": "X"}}}},
        "inputs": ["XParam"],
    }


def test_the_overlay_finds_what_the_sdk_cannot_say() -> None:
    surface = {
        "operations": {
            "POST /things": {
                "body": {"size": {"type": "integer"}, "name": {"type": "string"}},
                "returns": {"ref": "Thing"},
            }
        },
        "unions": {},
        "types": {
            "Thing": {
                "id": {"type": "string", "required": True},
                "error": {"type": "string", "nullable": True},
                "note": {"type": "string", "nullable": True},
                "new": {"type": "string", "nullable": True},
            }
        },
        "inputs": [],
    }
    thing = {
        "allOf": [
            {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
            {
                "type": "object",
                "properties": {
                    "error": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "note": {"type": "string"},
                },
                "required": ["error"],
            },
        ]
    }
    body = {
        "type": "object",
        "properties": {"size": {"type": "integer", "minimum": 1, "default": 5}, "name": {"type": "string"}},
    }
    document = {
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/things": {
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": body}}},
                    "responses": {
                        "200": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/T"}}}
                        }
                    },
                }
            }
        },
        "components": {"schemas": {"T": thing}},
    }
    assert overlay(surface, document, date="2026-08-21") == {
        "meta": {"title": "t", "version": "1", "date": "2026-08-21"},
        "operations": {"POST /things": {"body": {"size": {"minimum": 1, "default": 5}}}},
        "types": {"Thing": {"error": {"nullable": True, "required": True}, "note": {}}},
    }


@pytest.mark.parametrize(
    ("field", "facts", "written", "expected"),
    [
        (
            {"nullable": True},
            {"required": True, "nullable": True},
            False,
            {"nullable": True, "required": True},
        ),
        ({"nullable": True}, {}, False, {}),
        ({"nullable": True}, {"required": True}, False, {}),
        ({"required": True}, {"nullable": True}, False, {"required": True}),
        ({}, {"required": True}, True, {}),
        ({}, {"nullable": True, "minimum": 1}, True, {"nullable": True, "minimum": 1}),
    ],
)
def test_the_newer_sdk_wins_over_the_overlay(
    field: dict[str, Any], facts: dict[str, Any], written: bool, expected: dict[str, Any]
) -> None:
    assert completed(field, facts, written=written) == expected
