"""The laws of a response's events, read independently of the code that makes them.

`broken(events, final)` names the laws that a told response breaks; `events` are decoded, `final` is the
object that a plain request or a later GET shows.
"""

from __future__ import annotations

from typing import Any

TERMINAL = {
    "response.completed": {"completed"},
    "response.failed": {"failed"},
    "response.incomplete": {"incomplete", "cancelled"},
}
TEXT = {  # delta event → (done event, done field, index field)
    "response.output_text.delta": ("response.output_text.done", "text", "content_index"),
    "response.refusal.delta": ("response.refusal.done", "refusal", "content_index"),
    "response.reasoning_text.delta": ("response.reasoning_text.done", "text", "content_index"),
    "response.reasoning_summary_text.delta": (
        "response.reasoning_summary_text.done",
        "text",
        "summary_index",
    ),
    "response.function_call_arguments.delta": (
        "response.function_call_arguments.done",
        "arguments",
        None,
    ),
    "response.custom_tool_call_input.delta": ("response.custom_tool_call_input.done", "input", None),
    "response.mcp_call_arguments.delta": ("response.mcp_call_arguments.done", "arguments", None),
    "response.code_interpreter_call_code.delta": (
        "response.code_interpreter_call_code.done",
        "code",
        None,
    ),
    "response.shell_call_command.delta": ("response.shell_call_command.done", "command", "command_index"),
}
DONES = {done: (field, index) for done, field, index in TEXT.values()}
PARTS = {
    "response.content_part.added": ("response.content_part.done", "content_index", "content"),
    "response.reasoning_summary_part.added": (
        "response.reasoning_summary_part.done",
        "summary_index",
        "summary",
    ),
}
PART_DONES = {done: (added, index, field) for added, (done, index, field) in PARTS.items()}
LIFECYCLE = {"response.created", "response.queued", "response.in_progress"} | set(TERMINAL)


def broken(events: list[dict[str, Any]], final: dict[str, Any] | None = None) -> list[str]:
    """The laws that do not hold, with what was seen; empty for a lawful response."""
    return [*_numbers(events), *_ends(events, final), *_items(events), *_texts(events), *_opening(events)]


def _numbers(events: list[dict[str, Any]]) -> list[str]:
    numbers = [e.get("sequence_number") for e in events]
    return [] if numbers == list(range(len(events))) else [f"L1 sequence numbers {numbers[:20]}"]


def _opening(events: list[dict[str, Any]]) -> list[str]:
    """REALITY.md: created first; created and in_progress have no output and no usage."""
    out: list[str] = []
    if not events or events[0]["type"] != "response.created":
        out.append("R1 the first event is not response.created")
    if len(events) > 1 and events[1]["type"] not in ("response.in_progress", "response.queued"):
        out.append(f"R2 the second event is {events[1]['type']}")
    early = ("response.created", "response.queued", "response.in_progress")
    out += [
        f"R3 {event['type']} has output or usage"
        for event in events
        if event["type"] in early
        and (event["response"]["output"] or event["response"].get("usage") is not None)
    ]
    return out


def _ends(events: list[dict[str, Any]], final: dict[str, Any] | None) -> list[str]:
    out: list[str] = []
    ends = [i for i, e in enumerate(events) if e["type"] in TERMINAL]
    if ends != [len(events) - 1]:
        return [f"L2/L11 terminal events at {ends} of {len(events)}"]
    last = events[-1]["response"]
    if last["status"] not in TERMINAL[events[-1]["type"]]:
        out.append(f"L2 {events[-1]['type']} with status {last['status']}")
    if final is not None and final != last:
        out.append("L10 the final object is not the told one")
    done = {e["output_index"]: e["item"] for e in events if e["type"] == "response.output_item.done"}
    if [done[i] for i in sorted(done)] != last["output"]:
        out.append("L9 the items that were told done are not the final output")
    ids = {e["response"]["id"] for e in events if e["type"] in LIFECYCLE}
    if len(ids) != 1:
        out.append(f"L6 response ids {ids}")
    return out


def _items(events: list[dict[str, Any]]) -> list[str]:
    out: list[str] = []
    opened: dict[int, str] = {}
    closed: set[int] = set()
    for event in events:
        kind, index = event["type"], event.get("output_index")
        if kind == "response.output_item.added":
            if index != len(opened):
                out.append(f"L3 added output_index {index} as number {len(opened)}")
            opened[index] = event["item"]["id"]
        elif index is not None:
            if index not in opened or index in closed:
                out.append(f"L7 {kind} addresses {index}, which is not open")
            elif event.get("item_id", event.get("item", {}).get("id", opened[index])) != opened[index]:
                out.append(f"L6 {kind} changes the id at {index}")
            if kind == "response.output_item.done":
                closed.add(index)
    if set(opened) != closed:
        out.append(f"L4 opened {sorted(opened)} but closed {sorted(closed)}")
    return out


def _texts(events: list[dict[str, Any]]) -> list[str]:
    out: list[str] = []
    streamed: dict[tuple[Any, ...], list[str]] = {}
    finished: dict[tuple[Any, ...], str] = {}
    parts: dict[tuple[Any, ...], bool] = {}
    for event in events:
        kind = event["type"]
        if kind in PARTS:
            key = (kind, event["output_index"], event[PARTS[kind][1]])
            if key in parts:
                out.append(f"L8 {kind} twice at {key}")
            parts[key] = True
        elif kind in PART_DONES:
            added, index, _ = PART_DONES[kind]
            if not parts.pop((added, event["output_index"], event[index]), False):
                out.append(f"L8 {kind} without its opening")
        elif kind in TEXT:
            done, _, index = TEXT[kind]
            key = (done, event["output_index"], event[index] if index else 0)
            if key in finished:
                out.append(f"L5 {kind} after {done}")
            streamed.setdefault(key, []).append(event["delta"])
        elif kind in DONES:
            field, index = DONES[kind]
            key = (kind, event["output_index"], event[index] if index else 0)
            finished[key] = event[field]
            if "".join(streamed.get(key, [])) != event[field]:
                out.append(f"L5 {kind} is not what was streamed at {key[1:]}")
    if parts:
        out.append(f"L8 parts left open: {list(parts)}")
    if missing := set(streamed) - set(finished):
        out.append(f"L5 streamed but never done: {missing}")
    return out
