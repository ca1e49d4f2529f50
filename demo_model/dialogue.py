"""What a synthetic dialogue is: Chat Completions messages, the tools on offer, and the task it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
Tool = dict[str, Any]
Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Dialogue:
    messages: list[Message]
    tools: list[Tool] | None
    task: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, what the model thinks of it, and its answer."""

    user: str
    thought: str | None
    answer: str


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str, thought: str | None = None, calls: Sequence[Call] = ()) -> Message:
    message: Message = {"role": "assistant", "content": text}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = [
            {"type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in calls
        ]
    return message


def tool_output(text: str) -> Message:
    return {"role": "tool", "content": text}


def function(
    name: str, description: str, properties: dict[str, Any], required: list[str] | None = None
) -> Tool:
    """A function tool; every parameter is required unless `required` names which are."""
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }
