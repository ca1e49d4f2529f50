"""Items and their parts in a stream (laws L3, L4, L6, L7, L8, L10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from antiphon.checker.laws import Told, first, of_stream, shown
from antiphon.checker.narrow import as_object, inside, objects
from antiphon.checker.reader import Item, Reading
from antiphon.checker.wire import JSON

_S = "responses.stream"
PARTS = {"content_part": "content_index", "reasoning_summary_part": "summary_index"}
_IN_PARTS = {
    "output_text": ("content_part", "content_index"),
    "refusal": ("content_part", "content_index"),
    "reasoning_text": ("content_part", "content_index"),
    "reasoning_summary_text": ("reasoning_summary_part", "summary_index"),
}
"""Family of texts → the family of its part, and the field that tells which."""


@of_stream(f"{_S}.output-index-follows-opening-order", head=True)
def _indexes(reading: Reading) -> Told:
    told = [event.get("output_index") for _, event in reading.of_type("response.output_item.added")]
    return None if not told else "" if told == list(range(len(told))) else f"items open as {told}"


@of_stream(f"{_S}.item-opens-once", head=True)
def _opens_once(reading: Reading) -> Told:
    twice = [item for item in reading.items.values() if len(item.added) > 1]
    return first([f"output_index {item.index} is added {len(item.added)} times" for item in twice])


@of_stream(f"{_S}.every-item-is-closed", head=True, tail=True)
def _closed(reading: Reading) -> Told:
    if reading.status not in ("completed", "incomplete") or not reading.items:
        return None
    open_ = [item for item in reading.items.values() if item.added and not item.done]
    return first([f"the {item.kind} at {item.index} has no `output_item.done`" for item in open_])


@of_stream(f"{_S}.item-closes-once", head=True)
def _closes_once(reading: Reading) -> Told:
    items = [item for item in reading.items.values() if item.done]
    wrong = [f"output_index {i.index} is done {len(i.done)} times" for i in items if len(i.done) > 1]
    wrong += [f"output_index {i.index} is done but was never added" for i in items if not i.added]
    return first(wrong) if items else None


def _both(reading: Reading) -> list[Item]:
    return [item for item in reading.items.values() if item.added and item.done]


@of_stream(f"{_S}.item-id-never-changes", head=True)
def _ids(reading: Reading) -> Told:
    pairs = [(i, i.opened.get("id"), i.closed.get("id")) for i in _both(reading)]
    wrong = [f"the {i.kind} at {i.index} was {shown(a)} and is {shown(b)}" for i, a, b in pairs if a != b]
    return first(wrong) if pairs else None


@of_stream(f"{_S}.call-id-never-changes", head=True)
def _call_ids(reading: Reading) -> Told:
    pairs = [(i.opened.get("call_id"), i.closed.get("call_id")) for i in _both(reading)]
    told = [(a, b) for a, b in pairs if a is not None]
    return first([f"`call_id` was {shown(a)} and is {shown(b)}" for a, b in told if a != b]) if told else None


@of_stream(f"{_S}.item-kind-never-changes", head=True)
def _kinds(reading: Reading) -> Told:
    pairs = [(i.opened.get("type"), i.closed.get("type")) for i in _both(reading)]
    return first([f"`{a}` became `{b}`" for a, b in pairs if a != b]) if pairs else None


@of_stream(f"{_S}.item-ids-are-unique", head=True)
def _unique(reading: Reading) -> Told:
    ids = [str(i.opened["id"]) for i in reading.items.values() if i.opened.get("id")]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    return first([f"two items are called {one}" for one in twice]) if ids else None


@of_stream(f"{_S}.item-has-an-id", head=True)
def _has_id(reading: Reading) -> Told:
    opened = [i.opened for i in reading.items.values() if i.added]
    bare = [item.get("type") for item in opened if not item.get("id")]
    return first([f"a `{kind}` is added without an id" for kind in bare]) if opened else None


@of_stream(f"{_S}.events-name-their-item", head=True)
def _item_ids(reading: Reading) -> Told:
    pairs = [
        (item, event) for item in reading.items.values() for _, event in item.inner if "item_id" in event
    ]
    wrong = [
        f"`{event.get('type')}` says item_id {shown(event['item_id'])}, the item at {item.index} is "
        f"{shown(item.opened.get('id'))}"
        for item, event in pairs
        if item.added and event["item_id"] != item.opened.get("id")
    ]
    return first(wrong) if pairs else None


@of_stream(f"{_S}.events-address-an-open-item", head=True)
def _open_item(reading: Reading) -> Told:
    wrong: list[str] = []
    for item in reading.items.values():
        start = item.added[0][0] if item.added else None
        end = item.done[0][0] if item.done else len(reading.events)
        for at, event in item.inner:
            if start is None or not start < at < end:
                wrong.append(f"`{event.get('type')}` addresses output_index {item.index}, which is not open")
    return first(wrong) if reading.items else None


@of_stream(f"{_S}.deltas-address-an-open-part", head=True)
def _open_part(reading: Reading) -> Told:
    opened: set[tuple[str, Any, Any]] = set()
    told: list[str] = []
    seen = False
    for event in reading.events:
        kind = str(event.get("type")).removeprefix("response.")
        family, _, moment = kind.partition(".")
        if family in PARTS:
            place = (family, event.get("output_index"), event.get(PARTS[family]))
            opened.add(place) if moment == "added" else opened.discard(place)
        elif family in _IN_PARTS:
            part, index = _IN_PARTS[family]
            seen = True
            if (part, event.get("output_index"), event.get(index)) not in opened:
                told.append(f"`{event.get('type')}` addresses {index} {event.get(index)}, which is not open")
    return first(told) if seen else None


def _parts(reading: Reading, family: str) -> dict[tuple[Any, Any], dict[str, list[JSON]]]:
    found: dict[tuple[Any, Any], dict[str, list[JSON]]] = {}
    for moment in ("added", "done"):
        for _, event in reading.of_type(f"response.{family}.{moment}"):
            place = (event.get("output_index"), event.get(PARTS[family]))
            found.setdefault(place, {"added": [], "done": []})[moment].append(event)
    return found


def _balance(reading: Reading, family: str) -> Told:
    parts = _parts(reading, family)
    whole = reading.status in ("completed", "incomplete") and reading.tail
    wrong = [
        f"the part at {place} is added {len(told['added'])} and done {len(told['done'])} times"
        for place, told in parts.items()
        if len(told["added"]) != 1 or len(told["done"]) > 1 or (whole and not told["done"])
    ]
    return first(wrong) if parts else None


@of_stream(f"{_S}.content-parts-open-and-close-once", head=True)
def _content_balance(reading: Reading) -> Told:
    return _balance(reading, "content_part")


@of_stream(f"{_S}.summary-parts-open-and-close-once", head=True)
def _summary_balance(reading: Reading) -> Told:
    return _balance(reading, "reasoning_summary_part")


@of_stream(f"{_S}.content-index-follows-opening-order", head=True)
def _part_order(reading: Reading) -> Told:
    told: dict[Any, list[Any]] = {}
    for _, event in reading.of_type("response.content_part.added"):
        told.setdefault(event.get("output_index"), []).append(event.get("content_index"))
    wrong = [
        f"parts of item {i} open as {order}" for i, order in told.items() if order != list(range(len(order)))
    ]
    return first(wrong) if told else None


@of_stream(f"{_S}.part-is-added-empty", head=True)
def _empty_part(reading: Reading) -> Told:
    events = [event for family in PARTS for _, event in reading.of_type(f"response.{family}.added")]
    parts = [as_object(event.get("part")) for event in events]
    wrong = [part for part in parts if part.get("text") or part.get("refusal")]
    return first([f"it already holds {shown(part)}" for part in wrong]) if parts else None


@of_stream(f"{_S}.part-done-repeats-the-text", head=True)
def _part_done(reading: Reading) -> Told:
    pairs = [
        (said.get(field), as_object(event.get("part")).get(field), event)
        for said, event, field in _neighbours(reading)
    ]
    wrong = [f"`{e.get('type')}` holds {shown(b)}, the text was {shown(a)}" for a, b, e in pairs if a != b]
    return first(wrong) if pairs else None


def _neighbours(reading: Reading) -> Iterator[tuple[JSON, JSON, str]]:
    """A done text, the done part of the same place that comes after it, and the name of the text's field."""
    for family, (part, index) in _IN_PARTS.items():
        field = "refusal" if family == "refusal" else "text"
        for at, said in reading.of_type(f"response.{family}.done"):
            place = (said.get("output_index"), said.get(index))
            after = reading.of_type(f"response.{part}.done")
            partner = (e for i, e in after if i > at and (e.get("output_index"), e.get(index)) == place)
            if (found := next(partner, None)) is not None:
                yield said, found, field


@of_stream(f"{_S}.finished-message-holds-its-parts", head=True)
def _whole_message(reading: Reading) -> Told:
    parts = _parts(reading, "content_part")
    wrong: list[str] = []
    items = [item for item in _both(reading) if item.kind == "message"]
    for item in items:
        told = [p["done"][0].get("part") for (i, _), p in parts.items() if i == item.index and p["done"]]
        held: Any = item.closed.get("content")
        if _without_logprobs(told) != _without_logprobs(held):
            wrong.append(f"its parts were {shown(told)}, it holds {shown(held)}")
    return first(wrong) if items else None


def _without_logprobs(parts: Any) -> list[JSON]:
    """The parts without their log probabilities, which the real API leaves out of events now and then."""
    return [{name: value for name, value in part.items() if name != "logprobs"} for part in objects(parts)]


_ADDED: dict[str, JSON] = {
    "message": {"status": "in_progress", "content": []},
    "function_call": {"status": "in_progress", "arguments": ""},
    "reasoning": {"summary": []},
    "custom_tool_call": {"input": ""},
}


def _added(reading: Reading, kind: str) -> Told:
    opened = [i.opened for i in reading.items.values() if i.opened.get("type") == kind]
    wrong = [
        f"`{name}` is {shown(item.get(name))}, not {shown(value)}"
        for item in opened
        for name, value in _ADDED[kind].items()
        if item.get(name) != value
    ]
    return first(wrong) if opened else None


@of_stream(f"{_S}.message-is-added-empty", head=True)
def _added_message(reading: Reading) -> Told:
    return _added(reading, "message")


@of_stream(f"{_S}.function-call-is-added-empty", head=True)
def _added_call(reading: Reading) -> Told:
    return _added(reading, "function_call")


@of_stream(f"{_S}.custom-tool-call-is-added-empty", head=True)
def _added_custom(reading: Reading) -> Told:
    return _added(reading, "custom_tool_call")


@of_stream(f"{_S}.reasoning-is-added-empty", head=True)
def _added_reasoning(reading: Reading) -> Told:
    return _added(reading, "reasoning")


@of_stream(f"{_S}.finished-item-has-an-end-status")
def _end_status(reading: Reading) -> Told:
    told = [i.closed for i in reading.items.values() if "status" in i.closed and not _waits(i.closed)]
    wrong = [item for item in told if item["status"] not in _ENDS]
    return (
        first([f"a `{i.get('type')}` is done with status {shown(i['status'])}" for i in wrong])
        if told
        else None
    )


_ENDS = ("completed", "incomplete", "failed", None)


def _waits(item: JSON) -> bool:
    """A call that a program makes is still in progress when it is handed to the client."""
    return inside(item, "caller", "type") == "program"


@of_stream(f"{_S}.items-do-not-interleave", head=True)
def _interleave(reading: Reading) -> Told:
    if len(reading.items) < 2:
        return None
    spans = [(i.added[0][0], i.done[0][0], i.index) for i in _both(reading)]
    pairs = zip(sorted(spans), sorted(spans)[1:], strict=False)
    return first([f"item {b[2]} opens before item {a[2]} is done" for a, b in pairs if b[0] < a[1]])


@of_stream(f"{_S}.final-output-holds-every-item", head=True, tail=True)
def _count(reading: Reading) -> Told:
    if reading.status not in ("completed", "incomplete"):
        return None
    added = [i.kind for i in reading.items.values() if i.added]
    told = [one.get("type") for one in objects(reading.final.get("output"))]
    return "" if told == added else f"the stream added {added}, the final output holds {shown(told)}"


_SEALED = ("encrypted_content", "fingerprint")
"""Made anew whenever the item is told; equal content does not mean equal bytes."""


@of_stream(f"{_S}.final-output-equals-the-finished-items", head=True, tail=True)
def _final(reading: Reading) -> Told:
    output = objects(reading.final.get("output"))
    if reading.status not in ("completed", "incomplete") or not output:
        return None
    wrong: list[str] = []
    for index, last in enumerate(output):
        item = reading.items.get(index)
        if item is None or not item.done:
            continue
        names = [n for n in {**item.closed, **last} if n not in _SEALED and item.closed.get(n) != last.get(n)]
        wrong += [
            f"`{n}` of the {item.kind} was {shown(item.closed.get(n))}, is {shown(last.get(n))}"
            for n in names
        ]
    return first(wrong)


@of_stream(f"{_S}.annotations-are-counted-and-kept", head=True)
def _annotations(reading: Reading) -> Told:
    told: dict[tuple[Any, Any], list[JSON]] = {}
    for _, event in reading.of_type("response.output_text.annotation.added"):
        told.setdefault((event.get("output_index"), event.get("content_index")), []).append(event)
    wrong: list[str] = []
    for (index, part), events in told.items():
        numbers = [event.get("annotation_index") for event in events]
        if numbers != list(range(len(numbers))):
            wrong.append(f"annotations are numbered {numbers}")
        item = reading.items.get(index)
        kept = item.closed["content"][part].get("annotations") if item and item.done else None
        if kept is not None and kept != [event.get("annotation") for event in events]:
            wrong.append(f"the finished part holds {shown(kept)}")
    return first(wrong) if told else None
