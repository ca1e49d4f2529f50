"""The rules that were counted on 96 streams of the real API, as one checker for any stream.

`broken(events)` names the rules that do not hold. Those that the real API itself broke a few times are here
too: the exceptions were edited by hand, or (`encrypted_content` made anew at the end) are not ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

JSON = dict[str, Any]
Rule = Callable[[list[JSON]], object]
"""What speaks against the rule; nothing (None, or an empty list) where it holds."""

TERMINAL = ("response.completed", "response.incomplete", "response.failed")

DONES = {  # done event → its whole text, the field that tells its place inside the item
    "output_text": ("text", "content_index"),
    "refusal": ("refusal", "content_index"),
    "reasoning_text": ("text", "content_index"),
    "reasoning_summary_text": ("text", "summary_index"),
    "function_call_arguments": ("arguments", ""),
    "custom_tool_call_input": ("input", ""),
    "mcp_call_arguments": ("arguments", ""),
    "code_interpreter_call_code": ("code", ""),
    "shell_call_command": ("command", "command_index"),
}
"""Counted for text, summary, function, custom tool, MCP and code; the others are held to the same."""

PHASES = {
    "web_search_call": (["in_progress", "searching", "completed"],),
    "file_search_call": (["in_progress", "searching", "completed"],),
    "code_interpreter_call": (["in_progress", "interpreting", "completed"],),
    "image_generation_call": (["in_progress", "generating", "completed"],),
    "mcp_list_tools": (["in_progress", "completed"], ["in_progress", "failed"]),
    "mcp_call": (["in_progress", "completed"], ["in_progress", "failed"]),
}
"""MCP has an event for failure, which no recording shows."""

ADDED: dict[str, JSON] = {
    "message": {"status": "in_progress", "content": []},
    "function_call": {"status": "in_progress", "arguments": ""},
    "reasoning": {"summary": []},
}

ENDS = ("completed", "incomplete", "failed", None)
"""`failed` is of hosted tools; kinds without a status have none."""


def broken(events: list[JSON]) -> list[str]:
    """The rules that do not hold, each with what speaks against it."""
    found = {name: rule(events) for name, rule in RULES.items()}
    return [f"{name}: {against}" for name, against in found.items() if against]


def _unless(holds: bool, seen: object) -> str | None:
    return None if holds else repr(seen)


def _all(events: list[JSON], kind: str) -> list[JSON]:
    return [event for event in events if event["type"] == kind]


def _items(events: list[JSON], moment: str, kind: str = "") -> list[JSON]:
    found = [event["item"] for event in _all(events, f"response.output_item.{moment}")]
    return [item for item in found if not kind or item["type"] == kind]


def _first(events: list[JSON]) -> object:
    return _unless(events[0]["type"] == "response.created", events[0]["type"])


def _second(events: list[JSON]) -> object:
    types = [event["type"] for event in events[:2]]
    return _unless(types[1:] in (["response.in_progress"], ["response.queued"]), types)


def _created(events: list[JSON]) -> object:
    told = [e["response"] for e in _all(events, "response.created")]
    return [
        (r["status"], r["output"], r.get("usage"))
        for r in told
        if r["output"] != [] or r.get("usage") is not None or r["status"] not in ("in_progress", "queued")
    ]


def _added(kind: str) -> Rule:
    def rule(events: list[JSON]) -> object:
        wanted = ADDED[kind]
        return [i for i in _items(events, "added", kind) if any(i.get(k) != v for k, v in wanted.items())]

    return rule


def _reasoning_status(events: list[JSON]) -> object:
    return [item for item in _items(events, "added", "reasoning") if "status" in item]


def _sequence(events: list[JSON]) -> object:
    numbers = [event.get("sequence_number") for event in events]
    return _unless(numbers == list(range(len(events))), numbers[:40])


def _one(kind: str) -> Rule:
    return lambda events: _unless(len(_all(events, kind)) == 1, len(_all(events, kind)))


def _one_end(events: list[JSON]) -> object:
    ends = [i for i, event in enumerate(events) if event["type"] in TERMINAL]
    return _unless(ends == [len(events) - 1], ends)


def _one_id(events: list[JSON]) -> object:
    ids = {event["response"]["id"] for event in events if "response" in event}
    return _unless(len(ids) == 1, ids)


def _indexes(events: list[JSON]) -> object:
    indexes = [event["output_index"] for event in _all(events, "response.output_item.added")]
    return _unless(indexes == list(range(len(indexes))), indexes)


def _every_done(events: list[JSON]) -> object:
    added = [event["output_index"] for event in _all(events, "response.output_item.added")]
    done = [event["output_index"] for event in _all(events, "response.output_item.done")]
    return _unless(sorted(added) == sorted(done), (added, done))


def _same_id(events: list[JSON]) -> object:
    added = {e["output_index"]: e["item"]["id"] for e in _all(events, "response.output_item.added")}
    done = {e["output_index"]: e["item"]["id"] for e in _all(events, "response.output_item.done")}
    return _unless(added == done, (added, done))


def _item_id(events: list[JSON]) -> object:
    ids: dict[int, str] = {}
    wrong: list[Any] = []
    for event in events:
        if event["type"] == "response.output_item.added":
            ids[event["output_index"]] = event["item"]["id"]
        elif "item_id" in event and event["item_id"] != ids.get(event["output_index"]):
            wrong.append((event["type"], event["item_id"]))
    return wrong


def _interleaved(events: list[JSON]) -> object:
    open_: set[int] = set()
    for event in events:
        if event["type"] == "response.output_item.added":
            if open_:
                return event["output_index"], open_
            open_.add(event["output_index"])
        elif event["type"] == "response.output_item.done":
            open_.discard(event["output_index"])
    return None


def _count(events: list[JSON]) -> object:
    added, last = len(_items(events, "added")), events[-1].get("response", {}).get("output", [])
    return _unless(added == len(last), (added, len(last)))


def _final(events: list[JSON]) -> object:
    done = {e["output_index"]: e["item"] for e in _all(events, "response.output_item.done")}
    last = dict(enumerate(events[-1].get("response", {}).get("output", [])))
    return [i for i in {**done, **last} if done.get(i) != last.get(i)]


def _done_status(events: list[JSON]) -> object:
    return [(i["type"], i.get("status")) for i in _items(events, "done") if i.get("status") not in ENDS]


def _usage(events: list[JSON]) -> object:
    return [e["type"] for e in _all(events, "response.completed") if not e["response"].get("usage")]


def _total(events: list[JSON]) -> object:
    told = [e["response"]["usage"] for e in events if e["type"] in TERMINAL and e["response"].get("usage")]
    return [u for u in told if u["total_tokens"] != u["input_tokens"] + u["output_tokens"]]


def _phases(kind: str) -> Rule:
    def rule(events: list[JSON]) -> object:
        told: dict[int, list[str]] = {}
        for event in events:
            base, _, phase = event["type"].removeprefix("response.").partition(".")
            if base == kind and phase not in ("partial_image",):
                told.setdefault(event["output_index"], []).append(phase)
        failed = [i for i in _items(events, "done", kind) if i.get("status") == "failed"]
        known = PHASES[kind]
        partly = [way[:-1] for way in known] if failed else []
        return [way for way in told.values() if way not in [*known, *partly]]

    return rule


def _empty_part(events: list[JSON]) -> object:
    return [e["part"] for e in _all(events, "response.content_part.added") if e["part"].get("text")]


def _part_follows(events: list[JSON]) -> object:
    wrong: list[Any] = []
    for event, after in zip(events, [*events[1:], {"type": None}], strict=True):
        if event["type"] == "response.output_text.done" and (
            after["type"] != "response.content_part.done" or after["part"]["text"] != event["text"]
        ):
            wrong.append((event["text"], after))
    return wrong


def _texts(name: str) -> tuple[Rule, Rule]:
    """The two rules of a text that is streamed: what is done was streamed, and nothing follows."""
    field, index = DONES[name]

    def place(event: JSON) -> tuple[int, int]:
        return event["output_index"], event.get(index, 0)

    def concatenate(events: list[JSON]) -> object:
        streamed: dict[tuple[int, int], str] = {}
        for event in _all(events, f"response.{name}.delta"):
            streamed[place(event)] = streamed.get(place(event), "") + event["delta"]
        done = {place(e): e[field] for e in _all(events, f"response.{name}.done")}
        return [(streamed.get(p, ""), text) for p, text in done.items() if streamed.get(p, "") != text]

    def after(events: list[JSON]) -> object:
        done: set[tuple[int, int]] = set()
        streamed: set[tuple[int, int]] = set()
        late: list[JSON] = []
        for event in events:
            if event["type"] == f"response.{name}.delta":
                streamed.add(place(event))
                late += [event] if place(event) in done else []
            elif event["type"] == f"response.{name}.done":
                done.add(place(event))
        return [*late, *(streamed - done)]

    return concatenate, after


RULES: dict[str, Rule] = {
    "first event is response.created": _first,
    "second event is in_progress or queued": _second,
    "created: output == [], usage null, status in_progress|queued": _created,
    "added message: status in_progress, content []": _added("message"),
    "added function_call: arguments '' status in_progress": _added("function_call"),
    "added reasoning: summary []": _added("reasoning"),
    "added reasoning: has no status": _reasoning_status,
    "sequence_number is 0, 1, 2, …": _sequence,
    "exactly one response.created": _one("response.created"),
    "exactly one terminal event and it is last": _one_end,
    "one response id throughout": _one_id,
    "output_item.added indexes are 0..n-1 in order": _indexes,
    "every added item is done": _every_done,
    "added.item.id == done.item.id": _same_id,
    "event.item_id == id of item at output_index": _item_id,
    "items never interleave": _interleaved,
    "len(output) == number of added items": _count,
    "output_item.done item deep-equals final output item": _final,
    "done item: status completed (or incomplete)": _done_status,
    "completed: usage present": _usage,
    "usage total = input + output": _total,
    "content_part.added: empty text": _empty_part,
    "content_part.done follows output_text.done with the same text": _part_follows,
    **{f"{kind}: phases": _phases(kind) for kind in PHASES},
    **{f"{name}: deltas concatenate to .done": _texts(name)[0] for name in DONES},
    **{f"{name}: .done comes after all its deltas": _texts(name)[1] for name in DONES},
}
