"""The deterministic JSON generator: what it makes is what the schema asks for."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.errors import EngineFailure
from antiphon.engines.scripted.schema import example

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "more": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "left", "more"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "value"),
        ({"type": "string", "minLength": 8}, "valuexxx"),
        ({"type": "string", "maxLength": 3}, "val"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -4}, -4),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "number", "minimum": 0.5, "maximum": 0.7}, 0.6),
        ({"type": "number", "exclusiveMinimum": 2}, 3.0),
        ({"type": "number", "maximum": 0}, -1.0),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": {"x": 1}}, {"x": 1}),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "examples": ["e", "f"]}, "e"),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 1, 1]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        (
            {"type": "array", "prefixItems": [{"type": "null"}], "items": {"type": "integer"}, "minItems": 2},
            [None, 1],
        ),
        ({"type": "object", "properties": {"city": {"type": "string"}}}, {"city": "city"}),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "null"}},
                "required": ["b"],
            },
            {"b": None},
        ),
        ({"properties": {"a": {"type": "integer"}}}, {"a": 1}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, None),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["b"]}]},
            {"a": 1, "b": "b"},
        ),
        ({"$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}}, {"n": 1}),
        ({}, "value"),
    ],
)
def test_example(schema: dict[str, Any], value: Any) -> None:
    assert example(schema) == value
    jsonschema_rs.validate(schema, value)


def test_a_recursive_schema_ends() -> None:
    jsonschema_rs.validate(TREE, example(TREE))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {
            "type": "array",
            "items": {"type": "array", "items": {"type": "array", "minItems": 99}, "minItems": 99},
            "minItems": 99,
        },
        {"enum": []},
        {"type": "integer", "minimum": "low"},
        {"type": "integer", "multipleOf": 0},
        {"anyOf": {}},
    ],
)
def test_a_schema_without_a_value_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(EngineFailure) as caught:
        example(schema)
    assert caught.value.kind == "invalid_request"


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of the kinds that structured outputs use."""
    leaf = st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "format": "uuid"},
            {"type": "integer", "minimum": -5, "maximum": 5},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": ["x", 1, None]},
            {"type": ["string", "null"]},
        ]
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(
                lambda items, least: {"type": "array", "items": items, "minItems": least},
                inner,
                st.integers(0, 3),
            ),
            st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(
                lambda fields, all_: {
                    "type": "object",
                    "properties": fields,
                    "additionalProperties": False,
                    **({"required": list(fields)} if all_ else {}),
                },
                st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
                st.booleans(),
            ),
        ),
        max_leaves=12,
    )


@given(schemas())
def test_every_example_is_valid(schema: dict[str, Any]) -> None:
    jsonschema_rs.validate(schema, example(schema))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_COMBINE = ["$ref", "allOf", "anyOf", "oneOf", "const", "enum", "default", "examples", "type"]
_HOLD = ["properties", "required", "items", "prefixItems", "minItems", "maxItems"]
_BOUND = ["minLength", "maxLength", "format", "minimum", "maximum", "exclusiveMinimum", "multipleOf"]
KEYWORDS = st.sampled_from([*_COMBINE, *_HOLD, *_BOUND])


@given(
    st.dictionaries(KEYWORDS, ANYTHING | st.sampled_from(["object", "array", "string", "number"]), max_size=5)
)
def test_no_keyword_value_breaks_it(schema: dict[str, Any]) -> None:
    try:
        example(schema)
    except EngineFailure as failure:
        assert failure.kind == "invalid_request"  # noqa: PT017
