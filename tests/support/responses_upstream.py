"""A loopback server that plays an upstream of the Responses API: recorded streams, made ones, and faults.

async with ResponsesUpstream() as upstream:
    upstream.play(told(shared.events("vercel--openai-phase.1")), fail(429, {"message": "slow down"}))
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.support.upstream import JSON, Reply, Upstream


class ResponsesUpstream(Upstream):
    """Without a played answer it says "Hello."."""

    turn_path = "/v1/responses"

    def otherwise(self) -> Reply:
        return told(speech("Hello."))


def frame(event: JSON) -> bytes:
    """One event as it goes over the wire."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def told(events: Iterable[JSON], **reply: Any) -> Reply:
    """A stream of these events, a write for each."""
    return Reply([frame(event) for event in events], **reply)


USAGE: JSON = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 5,
}


def numbered(*events: JSON) -> list[JSON]:
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def response(status: str = "completed", **fields: Any) -> JSON:
    return {"id": "resp_up", "object": "response", "created_at": 1, "status": status, "output": [], **fields}


def begin() -> list[JSON]:
    return [
        {"type": f"response.{s}", "response": response("in_progress")} for s in ("created", "in_progress")
    ]


def end(status: str = "completed", **fields: Any) -> JSON:
    return {"type": f"response.{status}", "response": response(status, usage=USAGE, **fields)}


def message(*words: str, index: int = 0, **fields: Any) -> list[JSON]:
    """The events of a message of these pieces of text."""
    item: JSON = {"id": f"msg_{index}", "type": "message", "role": "assistant", "content": [], **fields}
    where = {"item_id": item["id"], "output_index": index, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    whole = {**part, "text": "".join(words)}
    return [
        added(item, index),
        {"type": "response.content_part.added", **where, "part": part},
        *({"type": "response.output_text.delta", **where, "delta": w, "logprobs": []} for w in words),
        {"type": "response.output_text.done", **where, "text": whole["text"], "logprobs": []},
        {"type": "response.content_part.done", **where, "part": whole},
        done({**item, "content": [whole]}, index),
    ]


def call(name: str, *fragments: str, index: int = 0, **fields: Any) -> list[JSON]:
    """The events of a function call."""
    item: JSON = {"id": f"fc_{index}", "type": "function_call", "call_id": f"call_{index}", "name": name}
    item |= {"arguments": "", **fields}
    where = {"item_id": item["id"], "output_index": index}
    return [
        added(item, index),
        *({"type": "response.function_call_arguments.delta", **where, "delta": f} for f in fragments),
        {"type": "response.function_call_arguments.done", **where, "arguments": "".join(fragments)},
        done({**item, "arguments": "".join(fragments)}, index),
    ]


def added(item: JSON, index: int = 0) -> JSON:
    opened = {**item, "status": "in_progress"}
    return {"type": "response.output_item.added", "output_index": index, "item": opened}


def done(item: JSON, index: int = 0) -> JSON:
    closed = {**item, "status": "completed"}
    return {"type": "response.output_item.done", "output_index": index, "item": closed}


def speech(*words: str) -> list[JSON]:
    """A whole stream that says these pieces of text."""
    return numbered(*begin(), *message(*words), end())
