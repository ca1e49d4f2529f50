"""Requirements that follow from the pin: that things exist, in the pinned shape. Ids are made only here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from antiphon.checker import elements
from antiphon.checker.requirements import Level, Requirement, Severity
from antiphon.spec import catalogue
from antiphon.spec.pin import Field

LOAD_BEARING = frozenset({"id", "object", "created_at", "model", "status", "output", "usage", "type"})
"""Fields without which official SDKs and clients built on them break (measured by leaving them out)."""

_CORE_EVENTS = (
    "response.created",
    "response.in_progress",
    "response.completed",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
)


def slug(text: str) -> str:
    """`GET /responses/{response_id}` → `get-responses-response-id`; case changes part words too."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def event_id(kind: str) -> str:
    return f"shapes.events.{slug(kind)}"


def frame_id(kind: str) -> str:
    return f"shapes.frames.{slug(kind)}"


def item_id(kind: str) -> str:
    return f"shapes.items.{slug(kind)}"


def part_id(kind: str) -> str:
    return f"shapes.parts.{slug(kind)}"


def annotation_id(kind: str) -> str:
    return f"shapes.annotations.{slug(kind)}"


def field_id(name: str) -> str:
    return f"shapes.response.{slug(name)}"


def object_id(type_name: str) -> str:
    return f"shapes.objects.{slug(type_name.rpartition('.')[2])}"


def operation_id(operation: str) -> str:
    return f"operations.{slug(operation)}"


def tool_id(kind: str) -> str:
    return f"shapes.tools.{slug(kind)}"


def choice_id(kind: str) -> str:
    return f"shapes.tool_choice.{slug(kind)}"


def format_id(kind: str) -> str:
    return f"shapes.formats.{slug(kind)}"


def include_id(value: str) -> str:
    return f"responses.include.{slug(value)}-is-accepted"


def refusal_id(name: str, why: str) -> str:
    """`why` as in `REFUSALS`."""
    return f"parameters.{slug(name)}-{why}-is-refused"


ENVELOPE_ID = "shapes.lists.envelope"
WEBHOOK_ID = "shapes.webhooks.payload"


@dataclass(frozen=True, slots=True)
class _Maker:
    """What all requirements of one group share."""

    source: str
    severity: Severity = Severity.SCHEMA
    profiles: tuple[str, ...] = ("full",)

    def must(self, name: str, sentence: str, *covers: str, needs: tuple[str, ...] = ()) -> Requirement:
        return Requirement(
            id=name,
            sentence=sentence,
            level=Level.MUST,
            severity=self.severity,
            source=self.source,
            covers=covers,
            needs=needs,
            profiles=self.profiles,
            generated=True,
        )


def generated() -> Iterator[Requirement]:
    """All of them, in a fixed order."""
    yield from _response_fields()
    yield from _events()
    yield from _items()
    yield from _objects()
    yield from _operations()
    yield from _declarations()
    yield from _parameters()


def pinned() -> str:
    return f"openai {catalogue.VERSION} ({catalogue.DATE})"


_NESTED = {
    "usage": ("ResponseUsage", "InputTokensDetails", "OutputTokensDetails"),
    "error": ("ResponseError",),
    "incomplete_details": ("IncompleteDetails",),
}
_ENUMS = {
    "status": ("status",),
    "service_tier": ("service_tier",),
    "reasoning": ("reasoning_effort",),
    "tool_choice": ("tool_choice",),
    "error": ("error_code",),
    "incomplete_details": ("incomplete_reason",),
}


def _response_fields() -> Iterator[Requirement]:
    for name, field in catalogue.RESPONSE_FIELDS.items():
        severity = Severity.SDK if name in LOAD_BEARING else Severity.SCHEMA
        presence = "is present and" if field.required else "where present"
        inner = [f"field:{kind}.{key}" for kind in _NESTED.get(name, ()) for key in catalogue.fields_of(kind)]
        codes = [f"error:{code}" for code in catalogue.ERROR_CODES] if name == "error" else []
        enums = [f"enum:{one}" for one in _ENUMS.get(name, ())]
        yield _Maker(pinned(), severity, ("core", "full", "stateless", "openresponses")).must(
            field_id(name),
            f"`{name}` of a response {presence} has the pinned type{' or null' if field.nullable else ''}.",
            f"field:Response.{name}",
            *inner,
            *codes,
            *enums,
        )


def _events() -> Iterator[Requirement]:
    for kind in sorted(catalogue.EVENT_TYPES | catalogue.UNLISTED_EVENT_TYPES):
        profiles = ("core", "full", "stateless", "openresponses") if kind in _CORE_EVENTS else ("full",)
        yield _Maker(pinned(), profiles=profiles).must(
            event_id(kind), f"A `{kind}` event has the pinned fields.", f"event:{kind}"
        )
    known = elements.elements()
    steer = ("enum:steer_error_code", "enum:steer_pending_reason")
    for element in sorted(one for one in known if one.startswith("frame:")):
        kind = element.removeprefix("frame:")
        covers = (element, *(steer if kind == "response.steer.failed" else ()))
        yield _Maker(pinned()).must(
            frame_id(kind),
            f"A `{kind}` frame on a WebSocket has the pinned fields.",
            *covers,
            needs=("websocket",),
        )
    webhooks = sorted(one for one in known if one.startswith("webhook:response."))
    yield _Maker(pinned()).must(
        WEBHOOK_ID, "A webhook's payload has the pinned fields.", *webhooks, needs=("webhooks",)
    )


def _items() -> Iterator[Requirement]:
    for kind in sorted(catalogue.OUTPUT_ITEM_TYPES | catalogue.CONVERSATION_ITEM_TYPES):
        yield _Maker(pinned()).must(
            item_id(kind), f"A `{kind}` item in a reply has the pinned fields.", f"item:{kind}"
        )
    for kind in sorted({*catalogue.OUTPUT_PART_TYPES, *catalogue.INPUT_PART_TYPES, "reasoning_text"}):
        more = ("enum:image_detail",) if kind == "input_image" else ()
        yield _Maker(pinned()).must(
            part_id(kind), f"A `{kind}` part in a reply has the pinned fields.", f"part:{kind}", *more
        )
    for kind in sorted(catalogue.ANNOTATION_TYPES):
        yield _Maker(pinned()).must(
            annotation_id(kind), f"A `{kind}` annotation has the pinned fields.", f"annotation:{kind}"
        )


def _objects() -> Iterator[Requirement]:
    yield _Maker(pinned(), Severity.SDK).must(
        ENVELOPE_ID, "A list is `{object, data, first_id, last_id, has_more}`; an empty one has null ids."
    )
    for kind, operation in elements.reply_types().items():
        if kind == "Response":
            continue
        more = ("enum:file_purpose",) if kind == "FileObject" else ()
        covers = (*(f"field:{kind}.{name}" for name in catalogue.fields_of(kind)), *more)
        yield _Maker(pinned()).must(
            object_id(kind),
            f"A `{kind}` in a reply has the pinned fields.",
            *covers,
            needs=feature_of(operation),
        )


def _operations() -> Iterator[Requirement]:
    for operation, known in catalogue.operations().items():
        inputs = [elements.parameter(operation, name) for name in known.body or ()]
        inputs = [] if operation == "POST /responses" else inputs
        queries = [f"query:{operation}:{name}" for name in known.query or ()]
        yield _Maker(pinned(), Severity.SDK).must(
            operation_id(operation),
            f"`{operation}` exists, and answers with its object.",
            f"operation:{operation}",
            *inputs,
            *queries,
            needs=feature_of(operation),
        )


FEATURES = (
    "conversations",
    "files",
    "uploads",
    "vector_stores",
    "containers",
    "skills",
    "webhooks",
    "models",
)


def feature_of(operation: str) -> tuple[str, ...]:
    """The feature that an operation belongs to: empty for `/responses`."""
    first = operation.split("/")[1]
    if first in ("webhook_endpoints", "webhook_event_types"):
        return ("webhooks",)
    if first != "responses":
        return (first,)
    return {
        "POST /responses/compact": ("compact",),
        "POST /responses/input_tokens": ("input_tokens",),
        "POST /responses/{response_id}/cancel": ("background",),
    }.get(operation, ())


def _declarations() -> Iterator[Requirement]:
    for kind in sorted(catalogue.TOOL_TYPES):
        yield _Maker(pinned()).must(
            tool_id(kind), f"A `{kind}` tool is taken, and comes back in `tools` in the pinned shape.",
            f"tool:{kind}", needs=(f"tool:{kind}",),
        )  # fmt: skip
    for kind in sorted(catalogue.TOOL_CHOICE_TYPES):
        yield _Maker(pinned()).must(
            choice_id(kind),
            f"`tool_choice` of type `{kind}` is taken, and comes back in the pinned shape.",
            f"tool_choice:{kind}",
        )
    for kind in sorted(catalogue.variants("TextFormat")):
        yield _Maker(pinned()).must(
            format_id(kind),
            f"`text.format` of type `{kind}` comes back in the pinned shape.",
            f"format:{kind}",
        )
    for value in catalogue.INCLUDE_VALUES:
        covers = (f"include:{value}", *(("enum:include",) if value == catalogue.INCLUDE_VALUES[0] else ()))
        yield _Maker(pinned()).must(include_id(value), f"`include` takes `{value}`.", *covers)


REFUSALS = {
    "of-wrong-type": "of a wrong type",
    "below-minimum": "below its minimum",
    "above-maximum": "above its maximum",
    "too-long": "longer than its limit",
    "with-too-many-entries": "with more entries than its limit",
    "outside-its-values": "outside its values",
}
"""Why a parameter's value is refused, as ids and sentences say it."""


def refusals(field: Field) -> Iterator[str]:
    """The reasons for which values of this parameter can be refused."""
    yield "of-wrong-type"
    if field.minimum is not None:
        yield "below-minimum"
    if field.maximum is not None:
        yield "above-maximum"
    if field.max_length is not None and field.max_length <= 1_000:
        yield "too-long"
    if field.max_properties is not None or field.max_items is not None:
        yield "with-too-many-entries"
    closed = isinstance(field.type, dict) and "enum" in field.type and not field.type.get("open")
    if closed:
        yield "outside-its-values"


def _parameters() -> Iterator[Requirement]:
    for name, field in catalogue.REQUEST_PARAMETERS.items():
        for why in refusals(field):
            yield _Maker(f"{pinned()}; SPEC G1, H22, H23").must(
                refusal_id(name, why),
                f"A request whose `{name}` is {REFUSALS[why]} is refused.",
                elements.parameter("POST /responses", name),
            )
