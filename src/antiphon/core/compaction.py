"""Compaction: a long context replaced by its user messages and a sealed summary (SPEC.md H30)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from antiphon.core.context import Sample, Settings
from antiphon.core.deltas import JSON
from antiphon.core.errors import Invalid
from antiphon.core.tools import ToolTable

TRIGGER = "compaction_trigger"
_KEPT_ROLES = ("user", "system", "developer")
_ASK = (
    "Write a summary of the conversation above, for a colleague who takes it over and sees nothing else of "
    "it. State what the user wants, what was found out and decided, what was done with which result, names, "
    "paths and numbers that matter, and what is still open. Do not continue the conversation."
)
_HEADING = "Summary of the earlier conversation:\n"


def is_triggered(items: Sequence[JSON]) -> bool:
    """Whether the request asks for compaction. Raises `Invalid` for a trigger that is not the last item."""
    triggers = [i for i, item in enumerate(items) if item["type"] == TRIGGER]
    if triggers and triggers != [len(items) - 1]:
        raise Invalid("A 'compaction_trigger' must be the last input item.", param="input")
    return bool(triggers)


def summary_sample(sample: Sample) -> Sample:
    """The engine call that writes the summary: the same context, no tools, one more instruction."""
    items = tuple(item for item in sample.items if item["type"] != TRIGGER)
    ask: JSON = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": _ASK}]}
    settings = Settings(max_output_tokens=sample.settings.max_output_tokens, user=sample.settings.user)
    return replace(sample, items=(*items, ask), tools=ToolTable(), settings=settings)


def user_messages(items: Sequence[JSON]) -> list[JSON]:
    """What stands beside the summary in a compacted context (7 of 7 recordings: all user messages)."""
    return [item for item in items if item["type"] == "message" and item["role"] == "user"]


def after_compaction(items: Sequence[JSON]) -> Sequence[JSON]:
    """The context that still counts: before the last compaction only what people said."""
    last = max((i for i, item in enumerate(items) if item["type"] == "compaction"), default=0)
    before = [i for i in items[:last] if i["type"] == "message" and i["role"] in _KEPT_ROLES]
    return [*before, *items[last:]] if last else items


def opened(summary: str) -> JSON:
    """A compaction item as an engine reads it."""
    content = [{"type": "input_text", "text": _HEADING + summary}]
    return {"type": "message", "role": "user", "content": content}
