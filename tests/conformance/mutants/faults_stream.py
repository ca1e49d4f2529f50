"""Faults of streams: framing, order, ids, indexes, numbers, and texts that differ."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy

from tests.conformance.mutants.exchange import JSON, Answer, Asked, Fault, Frame, World
from tests.conformance.mutants.stream import (
    TERMINAL,
    doubled,
    dropped,
    each,
    inserted,
    kind,
    moved,
    put,
    unset,
    whole,
)

S = "responses.stream"
TEXT = ("responses.stream.text",)
CALL = ("responses.stream.function-call",)
TWO = ("responses.stream.two-calls",)


async def _plain_content_type(asked: Asked, answer: Answer, world: World) -> None:
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        answer.headers["content-type"] = "text/event-stream-of-events"


def _no_name(frames: list[Frame], asked: Asked) -> list[Frame]:
    for one in frames:
        one.name = None
    return frames


def _wrong_name(frames: list[Frame], asked: Asked) -> list[Frame]:
    for one in frames:
        if one.name is not None:
            one.name = "message"
    return frames


def _split_data(data: bytes) -> bytes:
    """The JSON cut between two `data:` lines in the middle of a string, where the line end breaks it."""
    return data.replace(b'"response.output_text.delta"', b'"response.output_text\ndata: .delta"')


def _in_array(frames: list[Frame], asked: Asked) -> list[Frame]:
    for one in frames:
        if kind(one) == "response.output_text.delta":
            one.lines = f"event: {one.name}\ndata: [{json.dumps(one.event)}]"
    return frames


def _broken_json(frames: list[Frame], asked: Asked) -> list[Frame]:
    for one in frames:
        if kind(one) == "response.output_text.done":
            one.lines = f"event: {one.name}\ndata: {json.dumps(one.event)[:-1]}"
    return frames


def _bare_blocks(frames: list[Frame], asked: Asked) -> Iterable[Frame]:
    for one in frames:
        if kind(one) == "response.in_progress":
            yield Frame(lines="retry: 3000")
        yield one


def _cut_last_line(data: bytes) -> bytes:
    """The empty line after the terminal event is missing: a client never sees the event."""
    return data.removesuffix(b"data: [DONE]\n\n").removesuffix(b"\n\n")


FRAMING = (
    Fault(
        "framing.no-event-line",
        "Blocks lack their `event:` line.",
        (f"{S}.event-name-equals-type",),
        TEXT,
        frames=_no_name,
    ),
    Fault(
        "framing.event-line-differs",
        "Every block says `event: message`.",
        (f"{S}.event-name-equals-type",),
        TEXT,
        frames=_wrong_name,
    ),
    Fault(
        "framing.content-type",
        "A stream has another content type.",
        (f"{S}.content-type-is-event-stream",),
        TEXT,
        answered=_plain_content_type,
    ),
    Fault(
        "framing.data-split-in-a-string",
        "A `data:` line breaks inside a JSON string.",
        (f"{S}.data-is-one-json-object",),
        TEXT,
        lines=_split_data,
    ),
    Fault(
        "framing.data-is-an-array",
        "Deltas come as arrays of one event.",
        (f"{S}.data-is-one-json-object",),
        TEXT,
        frames=_in_array,
    ),
    Fault(
        "framing.broken-json",
        "The data of one event is not JSON.",
        (f"{S}.data-is-one-json-object",),
        TEXT,
        frames=_broken_json,
    ),
    Fault(
        "framing.block-without-data",
        "A lone `retry:` line comes in between.",
        (f"{S}.no-block-without-data",),
        TEXT,
        frames=_bare_blocks,
    ),
    Fault(
        "framing.last-block-unfinished",
        "The empty line after the last event is missing.",
        (f"{S}.ends-with-one-terminal-event",),
        TEXT,
        lines=_cut_last_line,
    ),
)


def _end_before_item(frames: list[Frame]) -> list[Frame]:
    return moved(frames, "response.completed", "response.output_item.done")


def _again(frames: list[Frame]) -> Iterable[Frame]:
    """A delta follows the terminal event."""
    deltas = [one for one in frames if kind(one) == "response.output_text.delta"]
    yield from frames
    yield from deepcopy(deltas[-1:])


def _interleaved(frames: list[Frame]) -> list[Frame]:
    """The second item opens before the first is done."""
    opens = [at for at, one in enumerate(frames) if kind(one) == "response.output_item.added"]
    ends = [at for at, one in enumerate(frames) if kind(one) == "response.output_item.done"]
    if len(opens) > 1 and ends:
        frames.insert(ends[0], frames.pop(opens[1]))
    return frames


def _delta_after_done(frames: list[Frame]) -> list[Frame]:
    return moved(frames, "response.output_text.done", "response.output_text.delta")


def _ping(frame: Frame) -> JSON | None:
    if kind(frame) != "response.in_progress":
        return None
    return {"type": "response.ping", "sequence_number": 0}


def _completed_as(event: JSON) -> None:
    event["type"] = "response.incomplete"


def _end_renamed(frames: list[Frame], asked: Asked) -> list[Frame]:
    for one in frames:
        if kind(one) == "response.completed" and one.event is not None:
            one.event["type"] = one.name = "response.done"
    return frames


def _late_created(frames: list[Frame]) -> list[Frame]:
    return moved(frames, "response.in_progress", "response.created")


ORDER = (
    Fault(
        "order.created-missing",
        "`response.created` is not sent.",
        (f"{S}.first-event-is-created",),
        TEXT,
        frames=dropped("response.created"),
    ),
    Fault(
        "order.created-second",
        "`response.created` comes after `response.in_progress`.",
        (f"{S}.first-event-is-created",),
        TEXT,
        frames=whole(_late_created),
    ),
    Fault(
        "order.created-twice",
        "`response.created` comes twice.",
        (f"{S}.created-comes-once",),
        TEXT,
        frames=doubled("response.created"),
    ),
    Fault(
        "order.in-progress-missing",
        "Nothing stands between `response.created` and the first item.",
        (f"{S}.second-event-is-in-progress-or-queued",),
        TEXT,
        frames=dropped("response.in_progress"),
    ),
    Fault(
        "order.item-added-missing",
        "Items are not added.",
        (f"{S}.item-closes-once",),
        TEXT,
        frames=dropped("response.output_item.added"),
    ),
    Fault(
        "order.item-done-missing",
        "Items are never done.",
        (f"{S}.every-item-is-closed",),
        TEXT,
        frames=dropped("response.output_item.done"),
    ),
    Fault(
        "order.item-done-twice",
        "Items are done twice.",
        (f"{S}.item-closes-once",),
        TEXT,
        frames=doubled("response.output_item.done"),
    ),
    Fault(
        "order.item-added-twice",
        "Items are added twice.",
        (f"{S}.item-opens-once",),
        TEXT,
        frames=doubled("response.output_item.added"),
    ),
    Fault(
        "order.part-added-missing",
        "Parts are not added.",
        (f"{S}.deltas-address-an-open-part",),
        TEXT,
        frames=dropped("response.content_part.added"),
    ),
    Fault(
        "order.part-done-missing",
        "Parts are never done.",
        (f"{S}.content-parts-open-and-close-once",),
        TEXT,
        frames=dropped("response.content_part.done"),
    ),
    Fault(
        "order.part-added-after-delta",
        "The part is added after the first delta.",
        (f"{S}.deltas-address-an-open-part",),
        TEXT,
        frames=whole(lambda f: moved(f, "response.output_text.delta", "response.content_part.added")),
    ),
    Fault(
        "order.text-done-missing",
        "`response.output_text.done` is not sent.",
        (f"{S}.text-ends-once-after-its-deltas",),
        TEXT,
        frames=dropped("response.output_text.done"),
    ),
    Fault(
        "order.text-done-before-delta",
        "`response.output_text.done` comes before the deltas.",
        (f"{S}.text-ends-once-after-its-deltas",),
        TEXT,
        frames=whole(_delta_after_done),
    ),
    Fault(
        "order.arguments-done-missing",
        "`response.function_call_arguments.done` is not sent.",
        (f"{S}.function-arguments-ends-once-after-its-deltas",),
        CALL,
        frames=dropped("response.function_call_arguments.done"),
    ),
    Fault(
        "order.arguments-without-deltas",
        "Arguments come in `done` alone, without deltas.",
        (f"{S}.function-arguments-deltas-make-the-whole",),
        CALL,
        frames=dropped("response.function_call_arguments.delta"),
    ),
    Fault(
        "order.terminal-missing",
        "The stream ends without a terminal event.",
        (f"{S}.ends-with-one-terminal-event",),
        TEXT,
        frames=dropped(*TERMINAL),
    ),
    Fault(
        "order.terminal-twice",
        "The terminal event comes twice.",
        (f"{S}.ends-with-one-terminal-event",),
        TEXT,
        frames=doubled("response.completed"),
    ),
    Fault(
        "order.terminal-not-last",
        "An item is done after the terminal event.",
        (f"{S}.nothing-follows-the-terminal-event",),
        TEXT,
        frames=whole(_end_before_item),
    ),
    Fault(
        "order.delta-after-the-end",
        "A delta follows the terminal event.",
        (f"{S}.nothing-follows-the-terminal-event",),
        TEXT,
        frames=whole(_again),
    ),
    Fault(
        "order.terminal-unknown",
        "The terminal event is called `response.done`.",
        (f"{S}.ends-with-one-terminal-event",),
        TEXT,
        frames=_end_renamed,
    ),
    Fault(
        "order.items-interleave",
        "An item opens before the one before it is done.",
        (f"{S}.items-do-not-interleave",),
        TWO,
        frames=whole(_interleaved),
    ),
    Fault(
        "order.unknown-event",
        "A `response.ping` event is sent.",
        (f"{S}.only-known-events",),
        TEXT,
        frames=inserted(_ping),
    ),
    Fault(
        "order.terminal-differs-from-status",
        "A completed response ends with `response.incomplete`.",
        (f"{S}.terminal-event-tells-the-status",),
        TEXT,
        frames=each(_completed_as, "response.completed"),
    ),
)


def _item_id_changes(event: JSON) -> None:
    event["item"]["id"] = "msg_another" + event["item"]["id"][-6:]


def _delta_id(event: JSON) -> None:
    event["item_id"] = "msg_of_nobody"


def _response_id_changes(event: JSON) -> None:
    event["response"]["id"] = "resp_another"


def _call_id_changes(event: JSON) -> None:
    if "call_id" in event["item"]:
        event["item"]["call_id"] = "call_another"


def _final_ids(event: JSON) -> None:
    for item in event["response"]["output"]:
        item["id"] = "item_" + item["id"]


def _same_ids(frames: list[Frame], asked: Asked) -> list[Frame]:
    """All items of a stream have one id."""
    for one in frames:
        event = one.event or {}
        if "item_id" in event:
            event["item_id"] = "item_same"
        if isinstance(event.get("item"), dict):
            event["item"]["id"] = "item_same"
        for item in (event.get("response") or {}).get("output", []):
            item["id"] = "item_same"
    return frames


IDS = (
    Fault(
        "ids.item-id-changes",
        "An item has another id when it is done.",
        (f"{S}.item-id-never-changes",),
        TEXT,
        frames=each(_item_id_changes, "response.output_item.done"),
    ),
    Fault(
        "ids.delta-names-no-item",
        "Deltas carry the id of no item.",
        (f"{S}.events-name-their-item",),
        TEXT,
        frames=each(_delta_id, "response.output_text.delta"),
    ),
    Fault(
        "ids.delta-without-item-id",
        "Deltas have no `item_id`.",
        ("shapes.events.response-output-text-delta",),
        TEXT,
        frames=each(unset("item_id"), "response.output_text.delta"),
    ),
    Fault(
        "ids.response-id-changes",
        "The response has another id when it is complete.",
        (f"{S}.response-id-never-changes",),
        TEXT,
        frames=each(_response_id_changes, "response.completed"),
    ),
    Fault(
        "ids.call-id-changes",
        "A call has another `call_id` when it is done.",
        (f"{S}.call-id-never-changes",),
        CALL,
        frames=each(_call_id_changes, "response.output_item.done"),
    ),
    Fault(
        "ids.final-output-has-other-ids",
        "Items of the final output have other ids than in the stream.",
        (f"{S}.final-output-equals-the-finished-items",),
        TEXT,
        frames=each(_final_ids, "response.completed"),
    ),
    Fault(
        "ids.item-without-id",
        "Items are added without an id.",
        (f"{S}.item-has-an-id",),
        TEXT,
        frames=each(lambda e: e["item"].pop("id", None), "response.output_item.added"),
    ),
    Fault(
        "ids.all-items-share-one",
        "All items of a stream have the same id.",
        (f"{S}.item-ids-are-unique",),
        TWO,
        frames=_same_ids,
    ),
)


def _shift(name: str, by: int) -> object:
    def change(event: JSON) -> None:
        if name in event:
            event[name] += by

    return change


def _index_reused(event: JSON) -> None:
    if "output_index" in event:
        event["output_index"] = 0


def _gap(event: JSON) -> None:
    if event["sequence_number"] > 3:
        event["sequence_number"] += 1


def _repeat(event: JSON) -> None:
    event["sequence_number"] = min(event["sequence_number"], 5)


INDEXES = (
    Fault(
        "index.output-index-starts-at-one",
        "`output_index` counts from 1.",
        (f"{S}.output-index-follows-opening-order",),
        TEXT,
        frames=each(_shift("output_index", 1)),
    ),
    Fault(
        "index.output-index-missing",
        "Deltas have no `output_index`.",
        ("shapes.events.response-output-text-delta",),
        TEXT,
        frames=each(unset("output_index"), "response.output_text.delta"),
    ),
    Fault(
        "index.output-index-reused",
        "All items have `output_index` 0.",
        (f"{S}.output-index-follows-opening-order",),
        TWO,
        frames=each(_index_reused),
    ),
    Fault(
        "index.delta-of-another-item",
        "Deltas carry the `output_index` of no item.",
        (f"{S}.events-address-an-open-item",),
        TEXT,
        frames=each(_shift("output_index", 3), "response.output_text.delta"),
    ),
    Fault(
        "index.content-index-missing",
        "Deltas have no `content_index`.",
        ("shapes.events.response-output-text-delta",),
        TEXT,
        frames=each(unset("content_index"), "response.output_text.delta"),
    ),
    Fault(
        "index.content-index-starts-at-one",
        "`content_index` counts from 1.",
        (f"{S}.content-index-follows-opening-order",),
        TEXT,
        frames=each(_shift("content_index", 1)),
    ),
    Fault(
        "index.delta-of-another-part",
        "Deltas carry the `content_index` of no part.",
        (f"{S}.deltas-address-an-open-part",),
        TEXT,
        frames=each(_shift("content_index", 1), "response.output_text.delta"),
    ),
    Fault(
        "sequence.starts-at-one",
        "`sequence_number` starts at 1.",
        (f"{S}.sequence-starts-at-zero",),
        TEXT,
        frames=each(_shift("sequence_number", 1)),
    ),
    Fault(
        "sequence.gap",
        "`sequence_number` leaves one out.",
        (f"{S}.sequence-counts-by-one",),
        TEXT,
        frames=each(_gap),
    ),
    Fault(
        "sequence.repeats",
        "`sequence_number` repeats.",
        (f"{S}.sequence-counts-by-one",),
        TEXT,
        frames=each(_repeat),
    ),
    Fault(
        "sequence.missing",
        "Deltas have no `sequence_number`.",
        (f"{S}.sequence-is-on-every-event",),
        TEXT,
        frames=each(unset("sequence_number"), "response.output_text.delta"),
    ),
    Fault(
        "sequence.a-string",
        "`sequence_number` is a string.",
        (f"{S}.sequence-is-on-every-event",),
        TEXT,
        frames=each(lambda e: e.update(sequence_number=str(e["sequence_number"]))),
    ),
)


def _lose_one_delta() -> object:
    def lost(frames: list[Frame]) -> list[Frame]:
        deltas = [one for one in frames if kind(one) == "response.output_text.delta"]
        if len(deltas) > 1:
            frames.remove(deltas[1])
        return frames

    return whole(lost)


def _swap(frames: list[Frame]) -> list[Frame]:
    deltas = [one.event for one in frames if kind(one) == "response.output_text.delta" and one.event]
    if len(deltas) > 1:
        deltas[0]["delta"], deltas[1]["delta"] = deltas[1]["delta"], deltas[0]["delta"]
    return frames


def _cut_text(event: JSON) -> None:
    event["text"] = event["text"][:-1]


def _cut_part(event: JSON) -> None:
    if "text" in event["part"]:
        event["part"]["text"] = event["part"]["text"][:-1]


def _cut_item(event: JSON) -> None:
    for part in event["item"].get("content") or []:
        if "text" in part:
            part["text"] = part["text"].upper() + "!"


def _empty_output(event: JSON) -> None:
    event["response"]["output"] = []


def _no_output(event: JSON) -> None:
    del event["response"]["output"]


def _other_output(event: JSON) -> None:
    for item in event["response"]["output"]:
        for part in item.get("content") or []:
            if "text" in part:
                part["text"] = part["text"].strip() + " "


def _part_not_empty(event: JSON) -> None:
    event["part"]["text"] = "Once "


def _added_with_content(event: JSON) -> None:
    if event["item"]["type"] == "message":
        event["item"]["content"] = [{"type": "output_text", "text": "", "annotations": [], "logprobs": []}]


def _cut_arguments(event: JSON) -> None:
    event["arguments"] = event["arguments"][:-1]


def _arguments_of_item(event: JSON) -> None:
    if "arguments" in event["item"]:
        event["item"]["arguments"] = event["item"]["arguments"] + " "


def _arguments_first(event: JSON) -> None:
    if event["item"]["type"] == "function_call":
        event["item"]["arguments"] = "{}"


def _delta_list(event: JSON) -> None:
    event["delta"] = [event["delta"]]


def _created_with_usage(event: JSON) -> None:
    details: JSON = {"cached_tokens": 0, "cache_write_tokens": 0}
    event["response"]["usage"] = {
        "input_tokens": 0,
        "output_tokens": 0,
        "total_tokens": 0,
        "input_tokens_details": details,
        "output_tokens_details": {"reasoning_tokens": 0},
    }


TEXTS = (
    Fault(
        "text.delta-lost",
        "One delta of a text is lost.",
        (f"{S}.text-deltas-make-the-whole",),
        TEXT,
        frames=_lose_one_delta(),
    ),
    Fault(
        "text.deltas-swapped",
        "Two deltas of a text come in the wrong order.",
        (f"{S}.text-deltas-make-the-whole",),
        TEXT,
        frames=whole(_swap),
    ),
    Fault(
        "text.delta-twice",
        "Deltas of a text come twice.",
        (f"{S}.text-deltas-make-the-whole",),
        TEXT,
        frames=doubled("response.output_text.delta"),
    ),
    Fault(
        "text.done-differs",
        "`response.output_text.done` lacks the last character.",
        (f"{S}.text-deltas-make-the-whole",),
        TEXT,
        frames=each(_cut_text, "response.output_text.done"),
    ),
    Fault(
        "text.part-differs",
        "The finished part lacks the last character.",
        (f"{S}.part-done-repeats-the-text",),
        TEXT,
        frames=each(_cut_part, "response.content_part.done"),
    ),
    Fault(
        "text.item-differs",
        "The finished item has another text than the stream.",
        (f"{S}.text-equals-the-finished-item",),
        TEXT,
        frames=each(_cut_item, "response.output_item.done"),
    ),
    Fault(
        "text.final-output-empty",
        "The terminal event has no output.",
        (f"{S}.final-output-holds-every-item",),
        TEXT,
        frames=each(_empty_output, "response.completed"),
    ),
    Fault(
        "text.final-output-missing",
        "The response of the terminal event lacks `output`.",
        ("shapes.response.output",),
        TEXT,
        frames=each(_no_output, "response.completed"),
    ),
    Fault(
        "text.final-output-differs",
        "The terminal event has another text than the stream.",
        (f"{S}.final-output-equals-the-finished-items",),
        TEXT,
        frames=each(_other_output, "response.completed"),
    ),
    Fault(
        "text.part-added-with-text",
        "A part already has text when it is added.",
        (f"{S}.part-is-added-empty",),
        TEXT,
        frames=each(_part_not_empty, "response.content_part.added"),
    ),
    Fault(
        "text.message-added-with-part",
        "A message already has a part when it is added.",
        (f"{S}.message-is-added-empty",),
        TEXT,
        frames=each(_added_with_content, "response.output_item.added"),
    ),
    Fault(
        "text.delta-is-a-list",
        "The delta is a list of strings.",
        ("shapes.events.response-output-text-delta",),
        TEXT,
        frames=each(_delta_list, "response.output_text.delta"),
    ),
    Fault(
        "text.delta-without-logprobs",
        "Deltas of a text lack `logprobs`.",
        gap="The real API left them out for months (REALITY, erratum 9).",
        frames=each(unset("logprobs"), "response.output_text.delta"),
    ),
    Fault(
        "text.created-has-usage",
        "`response.created` already has a usage.",
        (f"{S}.created-has-no-usage-yet",),
        TEXT,
        frames=each(_created_with_usage, "response.created"),
    ),
    Fault(
        "text.created-is-completed",
        "`response.created` already has the status `completed`.",
        (f"{S}.created-is-in-progress-or-queued",),
        TEXT,
        frames=each(lambda e: e["response"].update(status="completed"), "response.created"),
    ),
    Fault(
        "text.item-done-in-progress",
        "A finished item has the status `in_progress`.",
        (f"{S}.finished-item-has-an-end-status",),
        TEXT,
        frames=each(lambda e: put(status="in_progress")(e["item"]), "response.output_item.done"),
    ),
    Fault(
        "arguments.done-differs",
        "The whole arguments lack the last character.",
        (f"{S}.function-arguments-deltas-make-the-whole",),
        CALL,
        frames=each(_cut_arguments, "response.function_call_arguments.done"),
    ),
    Fault(
        "arguments.item-differs",
        "The finished call has other arguments than the stream.",
        (f"{S}.function-arguments-equals-the-finished-item",),
        CALL,
        frames=each(_arguments_of_item, "response.output_item.done"),
    ),
    Fault(
        "arguments.added-with-arguments",
        "A call already has arguments when it is added.",
        (f"{S}.function-call-is-added-empty",),
        CALL,
        frames=each(_arguments_first, "response.output_item.added"),
    ),
    Fault(
        "arguments.delta-missing",
        "Deltas of arguments have no `delta`.",
        ("shapes.events.response-function-call-arguments-delta",),
        CALL,
        frames=each(unset("delta"), "response.function_call_arguments.delta"),
    ),
)

FAULTS = (*FRAMING, *ORDER, *IDS, *INDEXES, *TEXTS)
