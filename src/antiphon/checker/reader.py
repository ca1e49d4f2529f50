"""The checker's own reading of a stream: what was opened, said and closed, by place. It judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from antiphon.checker.narrow import as_list, as_object, inside
from antiphon.checker.wire import JSON, Frame

TERMINALS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
}
"""Terminal event → the status that the response in it has."""


@dataclass(frozen=True, slots=True)
class TextKind:
    """A text that is streamed in pieces. `whole` is the field of its done event, `index` the field that tells
    its place inside the item, `name` the word for it in requirement ids."""

    name: str
    whole: str
    index: str = ""


TEXTS = {
    "output_text": TextKind("text", "text", "content_index"),
    "refusal": TextKind("refusal", "refusal", "content_index"),
    "reasoning_text": TextKind("reasoning-text", "text", "content_index"),
    "reasoning_summary_text": TextKind("reasoning-summary", "text", "summary_index"),
    "function_call_arguments": TextKind("function-arguments", "arguments"),
    "custom_tool_call_input": TextKind("custom-tool-input", "input"),
    "mcp_call_arguments": TextKind("mcp-arguments", "arguments"),
    "code_interpreter_call_code": TextKind("code", "code"),
    "shell_call_command": TextKind("shell-command", "command", "command_index"),
}
"""Event family (`response.<family>.delta` and `.done`) → its text."""

Place = tuple[Any, Any]
"""`output_index`, and the index inside the item (0 where the kind has none)."""


@dataclass
class Text:
    """One streamed text: where its pieces and its ends stand in the stream."""

    pieces: list[str] = field(default_factory=list[str])
    last_piece: int = -1
    done: list[tuple[int, Any]] = field(default_factory=list[tuple[int, Any]])

    @property
    def streamed(self) -> str:
        return "".join(self.pieces)


@dataclass
class Item:
    """One output item: how it was opened and closed, and the events inside it, each with its position."""

    index: Any
    added: list[tuple[int, JSON]] = field(default_factory=list[tuple[int, JSON]])
    done: list[tuple[int, JSON]] = field(default_factory=list[tuple[int, JSON]])
    inner: list[tuple[int, JSON]] = field(default_factory=list[tuple[int, JSON]])

    @property
    def opened(self) -> JSON:
        return self.added[0][1] if self.added else {}

    @property
    def closed(self) -> JSON:
        return self.done[-1][1] if self.done else {}

    @property
    def kind(self) -> str:
        return str((self.closed or self.opened).get("type"))


@dataclass
class Reading:
    """A stream, read. `head`: it begins at its beginning; `tail`: it was read to its end (not cut by us).
    `frames` are the SSE blocks, where there were any."""

    events: list[JSON]
    head: bool = True
    tail: bool = True
    frames: list[Frame] = field(default_factory=list[Frame])
    content_type: str | None = None

    @cached_property
    def types(self) -> list[str]:
        return [str(event.get("type")) for event in self.events]

    @cached_property
    def items(self) -> dict[Any, Item]:
        """By `output_index`, in the order of first mention."""
        found: dict[Any, Item] = {}
        for position, event in enumerate(self.events):
            if "output_index" not in event:
                continue
            item = found.setdefault(event["output_index"], Item(event["output_index"]))
            if event.get("type") == "response.output_item.added":
                item.added.append((position, as_object(event.get("item"))))
            elif event.get("type") == "response.output_item.done":
                item.done.append((position, as_object(event.get("item"))))
            else:
                item.inner.append((position, event))
        return found

    @cached_property
    def terminals(self) -> list[tuple[int, JSON]]:
        return [(at, event) for at, event in enumerate(self.events) if event.get("type") in TERMINALS]

    @cached_property
    def final(self) -> JSON:
        """The response in the last terminal event; empty where there is none."""
        return as_object(self.terminals[-1][1].get("response")) if self.terminals else {}

    @property
    def status(self) -> str | None:
        """The status of the last terminal event's name; None where there is none."""
        return TERMINALS[str(self.terminals[-1][1]["type"])] if self.terminals else None

    @cached_property
    def responses(self) -> list[tuple[int, JSON]]:
        """Every response object, with its position."""
        return [
            (at, e["response"]) for at, e in enumerate(self.events) if isinstance(e.get("response"), dict)
        ]

    def of_type(self, kind: str) -> Iterator[tuple[int, JSON]]:
        return ((at, event) for at, event in enumerate(self.events) if event.get("type") == kind)

    def texts(self, family: str) -> dict[Place, Text]:
        """The texts of a family, by place."""
        kind, found = TEXTS[family], dict[Place, Text]()
        for at, event in enumerate(self.events):
            if event.get("type") == f"response.{family}.delta" and isinstance(event.get("delta"), str):
                text = found.setdefault(_place(event, kind), Text())
                text.pieces.append(event["delta"])
                text.last_piece = at
            elif event.get("type") == f"response.{family}.done":
                found.setdefault(_place(event, kind), Text()).done.append((at, event.get(kind.whole)))
        return found


def _place(event: JSON, kind: TextKind) -> Place:
    return event.get("output_index"), event.get(kind.index, 0) if kind.index else 0


def finished_text(item: JSON, family: str, index: Any) -> Any:
    """The text of a family in a finished item; None where the item has no such place."""
    whole = TEXTS[family].whole
    if family in ("output_text", "refusal", "reasoning_text"):
        return _entry(item.get("content"), index).get(whole)
    if family == "reasoning_summary_text":
        return _entry(item.get("summary"), index).get(whole)
    if family == "shell_call_command":
        commands = as_list(inside(item, "action", "commands"))
        return commands[index] if isinstance(index, int) and index < len(commands) else None
    return item.get(whole)


def _entry(entries: Any, index: Any) -> JSON:
    found = as_list(entries)
    return as_object(found[index]) if isinstance(index, int) and 0 <= index < len(found) else {}
