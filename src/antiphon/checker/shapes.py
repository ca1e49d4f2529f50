"""Holds replies against the pinned shapes; each breach goes to the requirement that is meant for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from antiphon.checker import elements, generated
from antiphon.checker.look import Look
from antiphon.checker.narrow import JSON, as_list, inside
from antiphon.spec import catalogue, validate
from antiphon.spec.faults import Violation

Steps = list[str | int]
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")

_VARIANTS: Mapping[str, tuple[str, str]] = {
    "tools": ("ToolParam", "tool"),
    "tool_choice": ("ToolChoiceParam", "choice"),
}


def operation_of(method: str, path: str) -> str | None:
    """The pinned operation of a request, `path` below the base URL; the one with most literal steps."""
    steps = path.partition("?")[0].strip("/").split("/")
    found = [name for name in _operations(method) if _fits(name.split("/")[1:], steps)]
    return min(found, key=lambda name: name.count("{"), default=None)


@cache
def _operations(method: str) -> tuple[str, ...]:
    return tuple(name for name in catalogue.operations() if name.startswith(f"{method} "))


def _fits(template: list[str], steps: list[str]) -> bool:
    return len(template) == len(steps) and all(
        ours.startswith("{") or ours == theirs for ours, theirs in zip(template, steps, strict=True)
    )


def look_at_reply(look: Look, operation: str, value: Any) -> None:
    """A successful JSON answer of an operation."""
    known = catalogue.operations()[operation]
    if known.returns == "bytes":
        look.passes(generated.operation_id(operation))
        return
    if not isinstance(value, dict):
        look.fails(generated.operation_id(operation), "the answer is no JSON object", got=value)
        return
    body = cast(JSON, value)
    kind = elements.reference(known.returns) or ""
    if kind == "Response" and not {"id", "object", "output"} & set(
        body
    ):  # one finding, not one for each field
        look.fails(generated.operation_id(operation), "the answer is no response object", got=value)
        return
    look.passes(generated.operation_id(operation))
    if kind == "Response":
        look_at_response(look, body)
        return
    for requirement in _exercised(kind, body, paged=known.page is not None):
        look.passes(requirement)
    for violation in validate.check_reply(operation, body):
        requirement = _of_reply(kind, body, steps_of(violation), paged=known.page is not None)
        look.fails(requirement, violation.message, got=violation.param)


def _exercised(kind: str, body: JSON, *, paged: bool) -> Iterator[str]:
    listed = paged or kind in _ITEM_LISTS
    if listed:
        yield generated.ENVELOPE_ID
    if kind in _ITEM_LISTS:
        yield generated.object_id(kind)
    for entry in as_list(body.get("data")) if listed else [body]:
        if _is_item(kind):
            yield from _exercised_by_item(entry)
        elif kind in elements.reply_types():
            yield generated.object_id(kind)


def _of_reply(kind: str, body: JSON, steps: Steps, *, paged: bool) -> str:
    listed = paged or kind in _ITEM_LISTS
    if listed and steps[:1] != ["data"]:
        return generated.ENVELOPE_ID
    if listed and _is_item(kind) and len(steps) > 1:
        return of_item(_at(body, steps[:2]), steps[2:]) or generated.ENVELOPE_ID
    if listed and len(steps) == 1:
        return generated.ENVELOPE_ID
    if _is_item(kind):
        return of_item(body, steps) or generated.ENVELOPE_ID
    return generated.object_id(kind)


def _is_item(kind: str) -> bool:
    return kind in ("Item", "ConversationItem", *_ITEM_LISTS)


_ITEM_LISTS = ("ConversationItemList", "ResponseItemList")
"""Lists that are types of their own in the pin."""


def look_at_response(look: Look, response: JSON) -> None:
    """A response object, in whatever state."""
    for requirement in _exercised_by_response(response):
        look.passes(requirement)
    for violation in validate.check_object("Response", response):
        look.fails(of_response(response, steps_of(violation)), violation.message, got=violation.param)


def look_at_event(look: Look, event: JSON) -> None:
    """A streaming event; those of unknown types are another law's matter."""
    kind = event.get("type")
    if kind not in catalogue.EVENT_TYPES | catalogue.UNLISTED_EVENT_TYPES:
        return
    look.passes(generated.event_id(kind))
    for requirement in _exercised_by_event(event):
        look.passes(requirement)
    for violation in validate.check_event(event):
        steps = steps_of(violation)
        if steps != ["sequence_number"]:  # a law of its own speaks of it, once
            look.fails(of_event(event, steps), f"{kind}: {violation.message}", got=violation.param)


def _exercised_by_event(event: JSON) -> Iterator[str]:
    if isinstance(event.get("response"), dict):
        yield from _exercised_by_response(event["response"])
    yield from _exercised_by_item(event.get("item"))
    yield from _exercised_by_part(event.get("part"))
    yield from _exercised_by_annotation(event.get("annotation"))


def _exercised_by_response(response: JSON) -> Iterator[str]:
    for name, field in catalogue.RESPONSE_FIELDS.items():
        if name in response or field.required:
            yield generated.field_id(name)
    for item in _list(response, "output"):
        yield from _exercised_by_item(item)
    for tool in _list(response, "tools"):
        if _tag(tool) in catalogue.TOOL_TYPES:
            yield generated.tool_id(_tag(tool))
    if _tag(response.get("tool_choice")) in catalogue.TOOL_CHOICE_TYPES:
        yield generated.choice_id(_tag(response.get("tool_choice")))
    kind = _tag(inside(response, "text", "format"))
    if kind in catalogue.variants("TextFormat"):
        yield generated.format_id(kind)


def _exercised_by_item(item: Any) -> Iterator[str]:
    if _tag(item) not in catalogue.OUTPUT_ITEM_TYPES | catalogue.CONVERSATION_ITEM_TYPES:
        return
    yield generated.item_id(_tag(item))
    for part in _list(item, "content"):
        yield from _exercised_by_part(part)


def _exercised_by_part(part: Any) -> Iterator[str]:
    if _tag(part) in _parts():
        yield generated.part_id(_tag(part))
    for annotation in _list(part, "annotations"):
        yield from _exercised_by_annotation(annotation)


def _exercised_by_annotation(annotation: Any) -> Iterator[str]:
    if _tag(annotation) in catalogue.ANNOTATION_TYPES:
        yield generated.annotation_id(_tag(annotation))


def of_response(response: JSON, steps: Steps) -> str:
    """The requirement that a breach at this place of a response belongs to."""
    name = str(steps[0]) if steps else "object"
    if name == "output" and len(steps) > 1:
        return of_item(_at(response, steps[:2]), steps[2:]) or generated.field_id("output")
    if name == "tools" and len(steps) > 2 and _tag(_at(response, steps[:2])) in catalogue.TOOL_TYPES:
        return generated.tool_id(_tag(_at(response, steps[:2])))
    if name == "tool_choice" and _tag(response.get(name)) in catalogue.TOOL_CHOICE_TYPES:
        return generated.choice_id(_tag(response[name]))
    if steps[:2] == ["text", "format"] and _tag(_at(response, steps[:2])) in catalogue.variants("TextFormat"):
        return generated.format_id(_tag(_at(response, steps[:2])))
    return generated.field_id(name if name in catalogue.RESPONSE_FIELDS else "object")


def of_item(item: Any, steps: Steps) -> str | None:
    """The same for an item; None for one of an unknown type."""
    if _tag(item) not in catalogue.OUTPUT_ITEM_TYPES | catalogue.CONVERSATION_ITEM_TYPES:
        return None
    if steps[:1] == ["content"] and len(steps) > 2:
        return of_part(_at(item, steps[:2]), steps[2:]) or generated.item_id(_tag(item))
    return generated.item_id(_tag(item))


def of_part(part: Any, steps: Steps) -> str | None:
    """The same for a content part; None for one of an unknown type."""
    if _tag(part) not in _parts():
        return None
    if steps[:1] == ["annotations"] and len(steps) > 2:
        kind = _tag(_at(part, steps[:2]))
        if kind in catalogue.ANNOTATION_TYPES:
            return generated.annotation_id(kind)
    return generated.part_id(_tag(part))


def of_event(event: JSON, steps: Steps) -> str:
    """The same for an event."""
    name = steps[0] if steps else ""
    if len(steps) > 1:
        inner = event.get(str(name))
        if name == "response" and isinstance(inner, dict):
            return of_response(cast(JSON, inner), steps[1:])
        found = {"item": of_item, "part": of_part}.get(str(name))
        requirement = found(inner, steps[1:]) if found else None
        if name == "annotation" and _tag(inner) in catalogue.ANNOTATION_TYPES:
            requirement = generated.annotation_id(_tag(inner))
        if requirement is not None:
            return requirement
    return generated.event_id(str(event["type"]))


def steps_of(violation: Violation) -> Steps:
    """`output[0].id` → `["output", 0, "id"]`."""
    return [int(index) if index else name for index, name in _STEP.findall(violation.param)]


@cache
def _parts() -> frozenset[str]:
    return frozenset({*catalogue.OUTPUT_PART_TYPES, *catalogue.INPUT_PART_TYPES, "reasoning_text"})


def _tag(value: Any) -> str:
    found: Any = cast(JSON, value).get("type") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _list(value: Any, name: str) -> list[Any]:
    found: Any = cast(JSON, value).get(name) if isinstance(value, dict) else None
    return cast(list[Any], found) if isinstance(found, list) else []


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = cast(JSON, value).get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(cast(list[Any], value)):
            value = cast(list[Any], value)[step]
        else:
            return None
    return value
