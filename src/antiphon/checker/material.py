"""What cases send and how they read what comes: prompts, tools and items that any model copes with."""

from __future__ import annotations

from typing import Any, cast

from antiphon.checker.probe import Probe
from antiphon.checker.wire import JSON, Exchange

ROOM = 512
"""Tokens for an answer that is to end by itself; models that reason need most of them for that."""

WEATHER: JSON = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather in a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "kelvin"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}
CLOCK: JSON = {
    "type": "function",
    "name": "get_time",
    "description": "Tells the time in a zone.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"zone": {"type": "string"}},
        "required": ["zone"],
        "additionalProperties": False,
    },
}
NOTE: JSON = {"type": "custom", "name": "write_note", "description": "Writes a note, as plain text."}

ASK_WEATHER = "What is the weather in Oslo in celsius? Call get_weather."
MANY_WORDS = "Say all of these words once more, in order: " + " ".join(f"stone{n}" for n in range(1, 61))
"""An answer to this is longer than the smallest `max_output_tokens`."""


def named(tool: JSON) -> JSON:
    """The `tool_choice` that forces this tool."""
    return {"type": tool["type"], "name": tool["name"]}


def user(text: str) -> JSON:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def call_of(tool: JSON, call_id: str, arguments: str = '{"city":"Oslo","unit":"celsius"}') -> JSON:
    """A call as a client sends it back, without an id of its own."""
    return {"type": "function_call", "call_id": call_id, "name": tool["name"], "arguments": arguments}


def output_of(call_id: str, text: Any = "sunny") -> JSON:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def inner(value: JSON, name: str) -> JSON:
    """The object in a field; empty where there is none."""
    found = value.get(name)
    return cast("JSON", found) if isinstance(found, dict) else {}


def objects_of(value: JSON, name: str) -> list[JSON]:
    """The list of objects in a field; empty where there is none."""
    found = value.get(name)
    return cast("list[JSON]", found) if isinstance(found, list) else []


def items(response: JSON, kind: str) -> list[JSON]:
    """The items of one type in a response's output."""
    return [item for item in objects_of(response, "output") if item.get("type") == kind]


def parts(response: JSON, kind: str = "output_text") -> list[JSON]:
    """The parts of one type in the messages of a response."""
    found = [part for item in items(response, "message") for part in item["content"]]
    return [part for part in found if part.get("type") == kind]


def text(response: JSON) -> str:
    return "".join(part["text"] for part in parts(response))


def input_tokens(answer: Exchange) -> int:
    return int(answer.json["usage"]["input_tokens"])


def same(probe: Probe, requirement: str, expected: Any, got: Any, *on: Exchange) -> bool:
    """Says that the requirement holds where both are equal."""
    return probe.holds(requirement, got == expected, expected=expected, got=got, on=on)


def refused(probe: Probe, requirement: str, answer: Exchange, *statuses: int) -> bool:
    """Says that the requirement holds where the answer has one of these statuses, 400 if none is given.
    A route that is not there says nothing of it."""
    wanted = statuses or (400,)
    if answer.status not in wanted and _absent(probe, answer):
        probe.unimplemented(requirement, probe.lack(answer), on=answer)
        return False
    return probe.holds(requirement, answer.status in wanted, expected=wanted, got=answer.status, on=answer)


def missing(probe: Probe, requirement: str, answer: Exchange) -> bool:
    """Says that the requirement holds where the answer is a 404 about the object, not about the route."""
    if answer.status in (405, 501) or probe.client.lacks_route(answer):
        probe.unimplemented(requirement, f"{answer.method} {answer.path}: {answer.status}", on=answer)
        return False
    return probe.holds(requirement, answer.status == 404, expected=404, got=answer.status, on=answer)


def coded(probe: Probe, requirement: str, answer: Exchange, *codes: str | None) -> bool:
    """Says that the requirement holds where the error has one of these codes."""
    code = answer.error.get("code")
    return probe.holds(requirement, code in codes, expected=codes, got=code, on=answer)


def _absent(probe: Probe, answer: Exchange) -> bool:
    return answer.status in (405, 501) or probe.client.lacks_route(answer)


async def weather_call(probe: Probe, **more: Any) -> tuple[Exchange, JSON | None]:
    """A response that was made to call `get_weather`, and the call; None where none came."""
    body = {
        "input": ASK_WEATHER,
        "tools": [WEATHER],
        "tool_choice": named(WEATHER),
        "max_output_tokens": ROOM,
    }
    made = await probe.create(**{**body, **more})
    return made, next(iter(items(made.json, "function_call")), None)
