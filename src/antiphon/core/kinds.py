"""Tables of the Responses grammar: item kinds, channels, parts, phases, lifecycle.

Every one of the 59 stream event types has its place here (`EVENT_PLACES`, tested against the pin).
`ResponseMachine` reads these tables; a new item kind is a new row. Source of the grammar: the pinned
spec, and the order observed on recorded streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]

TERMINAL_EVENTS: dict[str, str] = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
    # No stream event exists for `cancelled` (SPEC.md H4): the last event is `response.incomplete`, whose
    # response says `cancelled`. What the real API sends here is unknown (docs/adr/0003).
    "cancelled": "response.incomplete",
}
LIFECYCLE_EVENTS: dict[str, str] = {
    "created": "response.created",
    "queued": "response.queued",
    "in_progress": "response.in_progress",
}
ERROR_EVENT = "error"
ITEM_ADDED = "response.output_item.added"
ITEM_DONE = "response.output_item.done"
ANNOTATION_ADDED = "response.output_text.annotation.added"
PARTIAL_IMAGE = "response.image_generation_call.partial_image"


@dataclass(frozen=True, slots=True)
class Part:
    """A wrapper around a channel's text: announced before the first delta, repeated whole after the last."""

    type: str  # of the part object
    added: str  # event types
    done: str


_CONTENT = ("response.content_part.added", "response.content_part.done")
_SUMMARY = ("response.reasoning_summary_part.added", "response.reasoning_summary_part.done")


@dataclass(frozen=True, slots=True)
class Channel:
    """A place inside an item where a string grows.

    `field` is the item's key; with `index` that key is a list addressed by the event field of that
    name, and `key` is the string's key inside the list's element (None: the element is the string).
    `done_field` carries the whole string in the done event.
    """

    name: str
    delta: str
    done: str
    done_field: str
    field: str
    index: str | None = None
    key: str | None = None
    part: Part | None = None
    added: str | None = None
    has_item_id: bool = True
    logprobs: bool = False


CHANNELS: dict[str, Channel] = {
    c.name: c
    for c in (
        Channel(
            "output_text",
            "response.output_text.delta",
            "response.output_text.done",
            "text",
            "content",
            "content_index",
            "text",
            Part("output_text", *_CONTENT),
            logprobs=True,
        ),
        Channel(
            "refusal",
            "response.refusal.delta",
            "response.refusal.done",
            "refusal",
            "content",
            "content_index",
            "refusal",
            Part("refusal", *_CONTENT),
        ),
        Channel(
            "reasoning_text",
            "response.reasoning_text.delta",
            "response.reasoning_text.done",
            "text",
            "content",
            "content_index",
            "text",
            Part("reasoning_text", *_CONTENT),
        ),
        Channel(
            "reasoning_summary_text",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "text",
            "summary",
            "summary_index",
            "text",
            Part("summary_text", *_SUMMARY),
        ),
        Channel(
            "function_call_arguments",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "arguments",
            "arguments",
        ),
        Channel(
            "custom_tool_call_input",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "input",
            "input",
        ),
        Channel(
            "mcp_call_arguments",
            "response.mcp_call_arguments.delta",
            "response.mcp_call_arguments.done",
            "arguments",
            "arguments",
        ),
        Channel(
            "code_interpreter_call_code",
            "response.code_interpreter_call_code.delta",
            "response.code_interpreter_call_code.done",
            "code",
            "code",
        ),
        Channel(
            "shell_call_command",
            "response.shell_call_command.delta",
            "response.shell_call_command.done",
            "command",
            "action.commands",
            "command_index",
            added="response.shell_call_command.added",
            # SPEC.md H8: these events carry command_index but no item_id.
            has_item_id=False,
        ),
    )
}

SHELL_OUTPUT_DELTA = "response.shell_call_output_content.delta"
SHELL_OUTPUT_DONE = "response.shell_call_output_content.done"

AUDIO_EVENTS: frozenset[str] = frozenset(
    {
        "response.audio.delta",
        "response.audio.done",
        "response.audio.transcript.delta",
        "response.audio.transcript.done",
    }
)
"""Events of the whole response, without an item: they announce audio that no output item carries."""


@dataclass(frozen=True, slots=True)
class ItemKind:
    """What `response.output` may hold, and how it is told on a stream.

    `prefix` begins a new id. `phases` maps a phase to its event type. `status` says whether the item
    carries one (recorded `reasoning` items have none). `blank` are fields that begin empty and are
    filled by channels.
    """

    type: str
    prefix: str
    channels: tuple[str, ...] = ()
    phases: dict[str, str] | None = None
    status: bool = True
    closes_as: tuple[str, ...] = ("completed", "incomplete")
    grows: bool = True  # whether `in_progress` is a status of it


def _phases(base: str, *names: str) -> dict[str, str]:
    return {name: f"response.{base}.{name}" for name in names}


_CALL = ("in_progress", "searching", "completed")

ITEM_KINDS: dict[str, ItemKind] = {
    k.type: k
    for k in (
        ItemKind("message", "msg", ("output_text", "refusal")),
        ItemKind("reasoning", "rs", ("reasoning_text", "reasoning_summary_text"), status=False),
        ItemKind(
            "function_call",
            "fc",
            ("function_call_arguments",),
            # A recorded call whose `caller` is a program waits for its output, in progress, when it is done.
            closes_as=("completed", "in_progress", "incomplete"),
        ),
        ItemKind("function_call_output", "fco"),
        ItemKind("custom_tool_call", "ctc", ("custom_tool_call_input",)),
        ItemKind("custom_tool_call_output", "ctco"),
        ItemKind(
            "web_search_call",
            "ws",
            phases=_phases("web_search_call", *_CALL),
            closes_as=("completed", "failed", "incomplete"),
        ),
        ItemKind(
            "file_search_call",
            "fs",
            phases=_phases("file_search_call", *_CALL),
            closes_as=("completed", "failed", "incomplete"),
        ),
        ItemKind(
            "code_interpreter_call",
            "ci",
            ("code_interpreter_call_code",),
            _phases("code_interpreter_call", "in_progress", "interpreting", "completed"),
            closes_as=("completed", "failed", "incomplete"),
        ),
        ItemKind(
            "image_generation_call",
            "ig",
            phases=_phases("image_generation_call", "in_progress", "generating", "completed"),
            closes_as=("completed", "failed"),
        ),
        ItemKind(
            "mcp_call",
            "mcp",
            ("mcp_call_arguments",),
            _phases("mcp_call", "in_progress", "completed", "failed"),
            closes_as=("completed", "failed", "incomplete"),
        ),
        ItemKind(
            "mcp_list_tools",
            "mcpl",
            phases=_phases("mcp_list_tools", "in_progress", "completed", "failed"),
            status=False,
        ),
        ItemKind("mcp_approval_request", "mcpr", status=False),
        ItemKind("mcp_approval_response", "mcpa", status=False),
        ItemKind("shell_call", "sh", ("shell_call_command",)),
        ItemKind("shell_call_output", "sho"),
        ItemKind("local_shell_call", "lsh"),
        ItemKind("local_shell_call_output", "lsho"),
        ItemKind("apply_patch_call", "apc", closes_as=("completed",)),
        ItemKind("apply_patch_call_output", "apco", closes_as=("completed", "failed"), grows=False),
        ItemKind("computer_call", "cu"),
        ItemKind("computer_call_output", "cuo", closes_as=("completed", "incomplete", "failed")),
        ItemKind("tool_search_call", "tsc"),
        ItemKind("tool_search_output", "tso"),
        ItemKind("additional_tools", "at", status=False),
        ItemKind("program", "prog", status=False),
        ItemKind("program_output", "progo", grows=False),
        ItemKind(
            "compaction",
            "cmp",
            phases={"compacting": "response.compaction.compacting"},
            status=False,
        ),
    )
}

INPUT_PREFIXES: dict[str, str] = {
    "compaction_trigger": "cmpt",
    "configuration_update": "cfgu",
    "item_reference": "ref",
}


def id_prefix(item_type: str) -> str:
    """The id prefix for an item of this type; unknown types get `item`."""
    kind = ITEM_KINDS.get(item_type)
    return kind.prefix if kind else INPUT_PREFIXES.get(item_type, "item")


def _event_places() -> dict[str, str]:
    places = {event: f"lifecycle:{name}" for name, event in LIFECYCLE_EVENTS.items()}
    places |= {event: f"terminal:{name}" for name, event in TERMINAL_EVENTS.items() if name != "cancelled"}
    places |= {ERROR_EVENT: "error", ITEM_ADDED: "item", ITEM_DONE: "item"}
    places |= {ANNOTATION_ADDED: "annotation", PARTIAL_IMAGE: "partial_image"}
    places |= {SHELL_OUTPUT_DELTA: "shell_output", SHELL_OUTPUT_DONE: "shell_output"}
    places |= dict.fromkeys(AUDIO_EVENTS, "audio")
    for channel in CHANNELS.values():
        for event in (channel.delta, channel.done, channel.added):
            if event:
                places[event] = f"channel:{channel.name}"
        if channel.part:
            places.setdefault(channel.part.added, "part")
            places.setdefault(channel.part.done, "part")
    for kind in ITEM_KINDS.values():
        for phase, event in (kind.phases or {}).items():
            places[event] = f"phase:{kind.type}:{phase}"
    return places


EVENT_PLACES: dict[str, str] = _event_places()
"""Event type → where it lives in the tables above."""

DELTA_EVENTS: frozenset[str] = frozenset(
    {c.delta for c in CHANNELS.values()} | {"response.audio.delta", "response.audio.transcript.delta"}
)
"""Events that may carry `obfuscation` (SPEC.md H6)."""
