"""A dialogue as the text that the model reads and writes: ChatML with tools, calls and thoughts.

`chat_template.jinja`, which the model file carries, renders the same text; `check` compares the two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from demo_model.dialogue import Dialogue, Message, Tool

TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text().rstrip("\n")
CONTROL = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tools>", "</tools>"]
SPECIAL = [*CONTROL, *MARKS]

Segment = tuple[str, bool]  # text, and whether the model learns to write it


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def segments(dialogue: Dialogue) -> list[Segment]:
    messages = dialogue.messages
    last_user = max(index for index, message in enumerate(messages) if message["role"] == "user")
    prompt = messages[0]["content"] if messages[0]["role"] == "system" else None
    rendered: list[Segment] = []
    if prompt is not None or dialogue.tools:
        head = "" if prompt is None else f"{prompt}\n"
        tools = _tools(dialogue.tools) if dialogue.tools else ""
        rendered.append((f"<|im_start|>system\n{head}{tools}<|im_end|>\n", False))
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            rendered += _assistant(message, thinks=index > last_user)
        elif message["role"] != "system":
            rendered.append((f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n", False))
    return rendered


def text(dialogue: Dialogue) -> str:
    return "".join(part for part, _ in segments(dialogue))


def _assistant(message: Message, *, thinks: bool) -> list[Segment]:
    """Thoughts of earlier turns are left out: they are for the answer that follows them."""
    thought = message.get("reasoning_content") if thinks else None
    head = "<|im_start|>assistant\n" + ("<think>\n" if thought else "")
    body = f"{thought}\n</think>\n\n" if thought else ""
    calls = [_call(call["function"]) for call in message.get("tool_calls", [])]
    body += "\n".join([*([message["content"]] if message["content"] else []), *calls])
    return [(head, False), (body + "<|im_end|>", True), ("\n", False)]


def _call(function: dict[str, Any]) -> str:
    arguments = as_json(function["arguments"])
    return f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {arguments}}}\n</tool_call>'


def _tools(tools: list[Tool]) -> str:
    return "<tools>\n" + "".join(_signature(tool["function"]) for tool in tools) + "</tools>\n"


def _signature(function: dict[str, Any]) -> str:
    """`name(city: string, unit?: "celsius"|"fahrenheit") description`: shorter than a schema."""
    required = function["parameters"]["required"]
    parameters = ", ".join(
        f"{name}{'' if name in required else '?'}: {_type(schema)}"
        for name, schema in function["parameters"]["properties"].items()
    )
    description = f" {function['description']}" if function["description"] else ""
    return f"{function['name']}({parameters}){description}\n"


def _type(schema: dict[str, Any]) -> str:
    return "|".join(as_json(value) for value in schema["enum"]) if "enum" in schema else schema["type"]


def check(dialogues: list[Dialogue]) -> None:
    """Raise ValueError where the template renders a dialogue in other words than `segments`."""
    import jinja2  # only this check needs it

    environment = jinja2.Environment()
    environment.filters["tojson"] = as_json
    template = environment.from_string(TEMPLATE)
    for dialogue in dialogues:
        rendered = template.render(messages=dialogue.messages, tools=dialogue.tools)
        if rendered != text(dialogue):
            raise ValueError(f"the template renders\n{rendered}\ninstead of\n{text(dialogue)}")
