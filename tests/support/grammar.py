"""The grammar of the events between an item's `added` and its `done`, one row for each kind of item.

`RECORDED` is what the recorded streams of the real API show (the table in their README). `UNRECORDED` rows
come from the official types, for what no recording holds. A kind without a row is told whole: nothing stands
between `added` and `done`.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from typing import Any

_TEXT = (
    "content_part.added > (output_text.delta | output_text.annotation.added)* > "
    "output_text.done > content_part.done"
)
_REFUSAL = "content_part.added > refusal.delta* > refusal.done > content_part.done"
_SUMMARY = (
    "reasoning_summary_part.added > reasoning_summary_text.delta* > "
    "reasoning_summary_text.done > reasoning_summary_part.done"
)
_REASONING = "content_part.added > reasoning_text.delta* > reasoning_text.done > content_part.done"
_COMMAND = "shell_call_command.added > shell_call_command.delta* > shell_call_command.done"
_OUTPUT = "shell_call_output_content.delta* > shell_call_output_content.done"

RECORDED: dict[str, str] = {
    "message": _TEXT,
    "reasoning": f"({_SUMMARY})*",
    "function_call": "function_call_arguments.delta* > function_call_arguments.done",
    "custom_tool_call": "custom_tool_call_input.delta* > custom_tool_call_input.done?",
    "mcp_list_tools": "mcp_list_tools.in_progress > mcp_list_tools.completed",
    "mcp_call": (
        "mcp_call.in_progress > mcp_call_arguments.delta* > mcp_call_arguments.done > mcp_call.completed"
    ),
    "code_interpreter_call": (
        "code_interpreter_call.in_progress > code_interpreter_call_code.delta* > "
        "code_interpreter_call_code.done > code_interpreter_call.interpreting > "
        "code_interpreter_call.completed"
    ),
    "web_search_call": "web_search_call.in_progress > web_search_call.searching > web_search_call.completed",
    "file_search_call": (
        "file_search_call.in_progress > file_search_call.searching > file_search_call.completed"
    ),
    "image_generation_call": (
        "image_generation_call.in_progress > image_generation_call.generating > "
        "image_generation_call.partial_image* > image_generation_call.completed"
    ),
    "shell_call": f"({_COMMAND})*",
    "shell_call_output": f"({_OUTPUT})*",
    "apply_patch_call": "(apply_patch_call_operation_diff.delta* > apply_patch_call_operation_diff.done)?",
}

UNRECORDED: dict[str, str] = {
    # A message of several parts, and one that refuses.
    "message": f"({_TEXT} | {_REFUSAL})+",
    # Raw reasoning of open models; openai-node wants the part before the first delta.
    "reasoning": f"({_SUMMARY})* > ({_REASONING})*",
    "custom_tool_call": "custom_tool_call_input.delta* > custom_tool_call_input.done",
    "mcp_list_tools": "mcp_list_tools.in_progress > (mcp_list_tools.completed | mcp_list_tools.failed)",
    "mcp_call": (
        "mcp_call.in_progress > mcp_call_arguments.delta* > mcp_call_arguments.done > "
        "(mcp_call.completed | mcp_call.failed)"
    ),
    # Hosted tools whose items end as failed have no event for it.
    "web_search_call": "web_search_call.in_progress > web_search_call.searching > web_search_call.completed?",
    "file_search_call": (
        "file_search_call.in_progress > file_search_call.searching > file_search_call.completed?"
    ),
    "compaction": "compaction.compacting?",
    # The diff's events are on no official list, and strict clients die of unlisted events.
    "apply_patch_call": "",
}

SENT: dict[str, str] = RECORDED | UNRECORDED
"""What our own streams may hold."""

Ladder = tuple[str, tuple[str, ...]]
"""Kind of item; the types of the events between its `added` and `done`, without `response.`."""


def ladders(events: list[dict[str, Any]]) -> list[Ladder]:
    """One for each item that is closed, in the order of opening."""
    open_: dict[int, list[str]] = {}
    found: dict[int, Ladder] = {}
    for number, event in enumerate(events):
        index, kind = event.get("output_index"), event["type"]
        if kind == "response.output_item.added":
            open_[index] = [str(number)]
        elif kind == "response.output_item.done":
            first, *between = open_.pop(index)
            found[int(first)] = (event["item"]["type"], tuple(between))
        elif index is not None:
            open_[index].append(kind.removeprefix("response."))
    return [found[number] for number in sorted(found)]


def shape(ladder: Ladder) -> Ladder:
    """With runs of the same event as one: `delta`, `delta`, `done` is `delta`, `done`."""
    return ladder[0], tuple(kind for kind, _ in groupby(ladder[1]))


def matches(ladder: Ladder, rows: dict[str, str] = SENT) -> bool:
    """Whether these rows allow the item's events."""
    kind, between = ladder
    return _automaton(rows.get(kind, "")).fullmatch("".join(f"{name};" for name in between)) is not None


def ungrammatical(events: list[dict[str, Any]], rows: dict[str, str] = SENT) -> list[Ladder]:
    """The items that these rows do not allow; empty for a grammatical stream."""
    return [shape(ladder) for ladder in ladders(events) if not matches(ladder, rows)]


@cache
def _automaton(row: str) -> re.Pattern[str]:
    named = re.sub(r"[a-z_.]+", lambda name: f"(?:{re.escape(name[0])};)", row)
    return re.compile(re.sub(r"[\s>]+", "", named))
