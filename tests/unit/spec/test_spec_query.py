"""Query strings, read and checked."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.spec.validate import Violation, check_query

ITEMS = "GET /responses/{response_id}/input_items"
RETRIEVE = "GET /responses/{response_id}"


@pytest.mark.parametrize(
    ("operation", "query", "expected"),
    [
        (ITEMS, {}, {"limit": 20, "order": "desc"}),
        (
            ITEMS,
            {"limit": "5", "order": "asc", "after": "msg_1"},
            {"limit": 5, "order": "asc", "after": "msg_1"},
        ),
        ("GET /files", {}, {"limit": 10_000, "order": "desc"}),
        (RETRIEVE, {"stream": "true", "starting_after": "7"}, {"stream": True, "starting_after": 7}),
        (RETRIEVE, {"stream": "false", "api-version": "x"}, {"stream": False}),
        (
            RETRIEVE,
            {"include": "message.output_text.logprobs"},
            {"include": ["message.output_text.logprobs"]},
        ),
        (
            RETRIEVE,
            {"include[]": ["message.output_text.logprobs", "reasoning.encrypted_content"]},
            {"include": ["message.output_text.logprobs", "reasoning.encrypted_content"]},
        ),
        ("GET /models", {"limit": "x"}, {}),
    ],
)
def test_values_are_read_as_their_types(operation: str, query: Any, expected: dict[str, Any]) -> None:
    assert check_query(operation, query) == expected


@pytest.mark.parametrize(
    ("operation", "query", "code", "param"),
    [
        (ITEMS, {"limit": "0"}, "integer_below_min_value", "limit"),
        (ITEMS, {"limit": "101"}, "integer_above_max_value", "limit"),
        (ITEMS, {"limit": "many"}, "invalid_type", "limit"),
        (ITEMS, {"limit": "9" * 5000}, "invalid_type", "limit"),
        (ITEMS, {"order": "up"}, "invalid_value", "order"),
        (RETRIEVE, {"stream": "maybe"}, "invalid_type", "stream"),
        (RETRIEVE, {"include": "everything"}, "invalid_value", "include[0]"),
    ],
)
def test_faults_of_queries(operation: str, query: dict[str, str], code: str, param: str) -> None:
    found = check_query(operation, query)
    assert isinstance(found, Violation)
    assert (found.code, found.param) == (code, param)
