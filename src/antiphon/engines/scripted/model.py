"""The small obedient model that answers where there is no script. What it says is itself a script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from antiphon.core.context import Sample
from antiphon.core.deltas import JSON
from antiphon.core.tools import ToolTarget
from antiphon.engines.scripted.grammar import written_under
from antiphon.engines.scripted.language import Step, quoted
from antiphon.engines.scripted.reading import last_user_text, result_text, results
from antiphon.engines.scripted.schema import example

NATIVE_ITEMS: dict[str, str] = {
    "web_search": "web_search_call",
    "web_search_2025_08_26": "web_search_call",
    "web_search_preview": "web_search_call",
    "web_search_preview_2025_03_11": "web_search_call",
    "file_search": "file_search_call",
    "code_interpreter": "code_interpreter_call",
    "image_generation": "image_generation_call",
    "mcp": "mcp_call",
    "computer": "computer_call",
    "computer_use": "computer_call",
    "computer_use_preview": "computer_call",
    "local_shell": "local_shell_call",
    "shell": "shell_call",
    "apply_patch": "apply_patch_call",
    "tool_search": "tool_search_call",
    "programmatic_tool_calling": "program",
}
"""Hosted tool type → the item that its use makes."""


def obedient_steps(sample: Sample, native_tools: frozenset[str]) -> tuple[Step, ...]:
    """Think if asked to; call what must or is asked to be called; else answer."""
    text = last_user_text(sample.items)
    steps: list[Step] = []
    if sample.settings.effort not in (None, "none"):
        steps.append(Step("think", quoted(f"The user said: {text}")))
    calls = list(_calls(sample, text, native_tools))
    if calls and not sample.settings.parallel_tool_calls:
        calls = calls[:1]
    steps += calls or [Step("say", quoted(_answer(sample, text)))]
    return tuple(steps)


def _answer(sample: Sample, text: str) -> str:
    back = results(sample.items)
    said = "\n".join(map(result_text, back)) if back else f"You said: {text}"
    format_ = sample.settings.text_format
    if format_ is None:
        return said
    if format_["type"] == "json_schema":
        return _compact(example(cast(JSON, format_["schema"])))
    return _compact({"answer": said})


def _calls(sample: Sample, text: str, native_tools: frozenset[str]) -> Iterator[Step]:
    """The forced tool; else each tool whose name the text holds, once; else, where one must be, the first."""
    choice, targets = sample.tools.choice, sample.tools.targets
    if choice.mode == "none" or (choice.mode == "auto" and results(sample.items)):
        return
    able = [name for name in targets if _can_call(sample, name, native_tools)]
    if choice.name is not None:
        names = [choice.name] if choice.name in able else []
    else:
        found = {name: _mention(name, text) for name in able}
        names = sorted((n for n in able if found[n] >= 0), key=lambda n: found[n])
        if choice.mode == "required":
            names = names or able[:1]
    for name in names:
        yield _call(sample, name, targets[name], text, native_tools)


def _can_call(sample: Sample, name: str, native_tools: frozenset[str]) -> bool:
    target = sample.tools.targets[name]
    offered = any(spec.name == name for spec in sample.tools.offered)
    return offered or (target.kind == "hosted" and target.name in native_tools)


def _mention(name: str, text: str) -> int:
    """Where the text holds the name as a word of its own, else -1."""
    found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    return found.start() if found else -1


def _call(sample: Sample, name: str, target: ToolTarget, text: str, native_tools: frozenset[str]) -> Step:
    if target.kind == "hosted" and target.name in native_tools:
        return Step("item", NATIVE_ITEMS.get(target.name, "web_search_call"))
    if target.kind == "custom" and sample.grammar is not None:
        return Step("custom", f"{name} {quoted(written_under(sample.grammar))}")
    if target.kind == "custom":
        return Step("custom", f"{name} {quoted(_after(name, text).strip() or text)}")
    given = _object_after(name, text)
    spec = next(spec for spec in sample.tools.offered if spec.name == name)
    return Step("call", f"{name} {_compact(example(spec.parameters) if given is None else given)}")


def _after(name: str, text: str) -> str:
    at = _mention(name, text)
    return text[at + len(name) :] if at >= 0 else text


def _object_after(name: str, text: str) -> JSON | None:
    """The JSON object that follows the name in the text: the arguments that the user wants."""
    rest = _after(name, text).lstrip()
    if not rest.startswith("{"):
        return None
    try:
        value: Any = json.JSONDecoder().raw_decode(rest)[0]
        msgspec.json.encode(value)
    except (ValueError, RecursionError):
        return None
    return cast(JSON, value)


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()
