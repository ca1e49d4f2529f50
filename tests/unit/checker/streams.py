"""Right streams for the checker's laws to find nothing in, made by hand from the official example."""

from __future__ import annotations

import copy
from typing import Any

JSON = dict[str, Any]

ITEM = {"type": "message", "id": "msg_1", "role": "assistant"}
PART = {"type": "output_text", "annotations": [], "logprobs": []}


def response(**more: Any) -> JSON:
    """A response object with all required fields, in progress unless said otherwise."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "m",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "text": {"format": {"type": "text"}},
        "usage": None,
        **more,
    }


def usage(given: int = 3, made: int = 2) -> JSON:
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }


def text_stream(*deltas: str) -> list[JSON]:
    """A whole stream of one message."""
    text = "".join(deltas)
    done_part = {**PART, "text": text}
    done_item = {**ITEM, "status": "completed", "content": [done_part]}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    end = response(status="completed", output=[done_item], usage=usage(), completed_at=1_790_000_001)
    events: list[JSON] = [
        {"type": "response.created", "response": response()},
        {"type": "response.in_progress", "response": response()},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**ITEM, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": {**PART, "text": ""}},
        *({"type": "response.output_text.delta", **place, "delta": d, "logprobs": []} for d in deltas),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": done_part},
        {"type": "response.output_item.done", "output_index": 0, "item": done_item},
        {"type": "response.completed", "response": end},
    ]
    return numbered(events)


def call_stream(*deltas: str) -> list[JSON]:
    """A whole stream of one function call."""
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
    done = {**item, "status": "completed", "arguments": "".join(deltas)}
    place = {"item_id": "fc_1", "output_index": 0}
    end = response(status="completed", output=[done], usage=usage(), completed_at=1_790_000_001)
    events: list[JSON] = [
        {"type": "response.created", "response": response()},
        {"type": "response.in_progress", "response": response()},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "arguments": ""},
        },
        *({"type": "response.function_call_arguments.delta", **place, "delta": d} for d in deltas),
        {"type": "response.function_call_arguments.done", **place, "arguments": "".join(deltas), "name": "f"},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": end},
    ]
    return numbered(events)


def numbered(events: list[JSON]) -> list[JSON]:
    """The events with `sequence_number` 0, 1, 2, …, each a copy."""
    return [{**copy.deepcopy(event), "sequence_number": n} for n, event in enumerate(events)]
