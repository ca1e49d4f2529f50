"""What the `scripted` engine reads in a sample: the last user text, results, the turn's number, sizes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.engines.scripted.language import Script, Step

_WORD = re.compile(r"\S+")
_UNCOUNTED = frozenset(
    {"id", "type", "status", "role", "call_id", "encrypted_content", "image_url", "file_data", "phase"}
)
SELF_CONTAINED = frozenset(
    {"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call"}
)
"""Items that hold a call and its result in one."""

ANSWERED_CALLS = frozenset(
    {
        "shell_call",
        "local_shell_call",
        "apply_patch_call",
        "computer_call",
        "tool_search_call",
        "program",
        "mcp_approval_request",
    }
)
"""Items of an engine's own that an output item answers, whoever makes it."""


def last_user_text(items: Sequence[JSON]) -> str:
    """The text of the last user message, its parts joined by line ends; empty where there is none."""
    users = (item for item in reversed(items) if item.get("role") == "user")
    return next((_text(item.get("content") or "") for item in users), "")


def results(items: Sequence[JSON]) -> list[JSON]:
    """What came back from tools after the last user message."""
    last = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=-1)
    return [item for item in items[last + 1 :] if _is_result(cast(str, item["type"]))]


def result_text(item: JSON) -> str:
    """What a result says, as text."""
    value: Any = item.get("output", item.get("result", item.get("results")))
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(p, dict) and "text" in p for p in cast(list[Any], value)):
        return _text(value)
    return msgspec.json.encode(value).decode()


def turn_of(script: Script, sample: Sample) -> tuple[Step, ...] | None:
    """The steps of the script's turn that is due; None after the last one.

    The calls of the earlier turns are set off against the results in the context.
    """
    have = len(results(sample.items))
    for steps in script:
        need = _results_due(steps)
        if not sample.settings.parallel_tool_calls:
            need = min(need, 1)
        if not need or have < need:
            return steps
        have -= need
    return None


def count_words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def prompt_tokens(sample: Sample) -> int:
    """The words of everything that the model is given: this engine's tokens."""
    total = count_words(sample.instructions or "")
    total += sum(count_words(text) for item in sample.items for text in _strings(item))
    return total + sum(count_words(text) for tool in sample.tools.official for text in _strings(tool))


def recollection(sample: Sample) -> JSON:
    """What the engine was given, for a client to look at."""
    settings = {f.name: getattr(sample.settings, f.name) for f in dataclasses.fields(sample.settings)}
    return {
        "model": sample.model,
        "instructions": sample.instructions,
        "items": sample.items,
        "tools": [spec.name for spec in sample.tools.offered],
        "tool_choice": {"mode": sample.tools.choice.mode, "name": sample.tools.choice.name},
        "settings": {name: value for name, value in settings.items() if value is not None},
    }


def _is_result(kind: str) -> bool:
    return kind.endswith("_output") or kind in SELF_CONTAINED or kind == "mcp_approval_response"


_CALL_STEPS = frozenset(
    {"call", "custom", "web_search", "file_search", "code", "image", "mcp", "shell", "approve"}
)


def _results_due(steps: Sequence[Step]) -> int:
    """How many results stand in the context when the calls of these steps are answered."""
    calls = answered = outputs = 0
    for word, kind, times in map(_made, steps):
        if word in _CALL_STEPS or kind in SELF_CONTAINED:
            calls += times
        elif kind in ANSWERED_CALLS:
            answered += times
        elif kind.endswith("_output"):
            outputs += times
    return calls + max(answered, outputs)


def _made(step: Step) -> tuple[str, str, int]:
    """Word, item kind and number of what a step makes."""
    if step.word == "repeat":
        times, _, inner = step.rest.partition(" ")
        word, kind, _ = _made(Step(*inner.strip().split(" ", 1)))
        return word, kind, int(times) if times.isdigit() else 0
    if step.word != "item":
        return step.word, "", 1
    kind = re.search(r'"type":\s*"(\w+)"', step.rest)
    return "item", kind[1] if kind else step.rest, 1


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = cast(list[JSON], content)
    return "\n".join(cast(str, part["text"]) for part in parts if isinstance(part.get("text"), str))


def _strings(value: Any) -> Iterator[str]:
    """The texts inside, in no order; without recursion, for values nest as deep as a client likes."""
    left: list[Any] = [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            left += [v for k, v in cast(JSON, value).items() if k not in _UNCOUNTED]
        elif isinstance(value, list | tuple):
            left += cast(list[Any], value)
