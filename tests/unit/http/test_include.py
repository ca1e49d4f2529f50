"""What lists hide until it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.http.include import visible

ACTION = {"type": "search", "query": "q", "sources": [{"type": "url", "url": "u"}]}
IMAGE = {"type": "input_image", "detail": "auto", "image_url": "data:x"}
TEXT = {"type": "output_text", "text": "t", "annotations": [], "logprobs": [{"token": "t"}]}


@pytest.mark.parametrize(
    ("item", "value", "hidden"),
    [
        ({"type": "file_search_call", "results": [1]}, "file_search_call.results", {"results": None}),
        ({"type": "web_search_call", "results": [1]}, "web_search_call.results", {"results": None}),
        (
            {"type": "web_search_call", "action": ACTION},
            "web_search_call.action.sources",
            {"action": {"type": "search", "query": "q"}},
        ),
        (
            {"type": "code_interpreter_call", "outputs": [1]},
            "code_interpreter_call.outputs",
            {"outputs": None},
        ),
        (
            {"type": "message", "content": [IMAGE]},
            "message.input_image.image_url",
            {"content": [{**IMAGE, "image_url": None}]},
        ),
        (
            {"type": "message", "content": [TEXT]},
            "message.output_text.logprobs",
            {"content": [{**TEXT, "logprobs": []}]},
        ),
        (
            {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": "u"}},
            "computer_call_output.output.image_url",
            {"output": {"type": "computer_screenshot"}},
        ),
    ],
)
def test_a_field_is_shown_where_its_include_value_is_given(
    item: dict[str, Any], value: str, hidden: dict[str, Any]
) -> None:
    whole = {"id": "x_1", **item}
    assert visible(whole, (value,)) == whole
    assert visible(whole, ()) == {**whole, **hidden}
    assert whole == {"id": "x_1", **item}, "the stored item is left alone"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "summary": [], "encrypted_content": "agr1.x"},
        {"type": "function_call", "arguments": "{}"},
        {"type": "message", "content": "plain"},
        {"type": "web_search_call", "action": None},
        {"type": "computer_call_output", "output": None},
        {},
    ],
)
def test_everything_else_is_shown_always(item: dict[str, Any]) -> None:
    assert visible(item, ()) == item
