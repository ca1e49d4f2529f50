"""The elements of the pinned surface by name (`event:response.created`), as requirements cover them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from antiphon.spec import catalogue, pin
from antiphon.spec.pin import TypeExpr

REQUEST_ERRORS = (
    "array_above_max_length",
    "context_length_exceeded",
    "conversation_locked",
    "decimal_above_max_value",
    "decimal_below_min_value",
    "empty_array",
    "insufficient_quota",
    "integer_above_max_value",
    "integer_below_min_value",
    "invalid_api_key",
    "invalid_type",
    "invalid_value",
    "missing_required_parameter",
    "model_not_found",
    "previous_response_not_found",
    "server_is_overloaded",
    "string_above_max_length",
    "unknown_parameter",
    "unsupported_parameter",
)
"""Codes of HTTP errors that recordings or the error guide show; no schema lists them."""

HEADERS = (
    "content-type",
    "openai-organization",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "x-request-id",
)
"""Headers of replies that the guides or the SDK name."""

NESTED = ("ResponseUsage", "InputTokensDetails", "OutputTokensDetails", "ResponseError", "IncompleteDetails")
"""Types inside a response whose fields count as response fields."""


@cache
def elements() -> frozenset[str]:
    """Every element of the pin."""
    return frozenset(_elements())


def parameter(operation: str, name: str) -> str:
    """The element of a body parameter; those of `POST /responses` go by their bare name."""
    return f"parameter:{name}" if operation == "POST /responses" else f"parameter:{operation}:{name}"


def reply_types() -> dict[str, str]:
    """Object type → the first operation that answers with it, alone or in a list; unions are left out."""
    found: dict[str, str] = {}
    for name, operation in catalogue.operations().items():
        kind = reference(operation.returns)
        if kind is not None and kind in pin.load().types:
            found.setdefault(kind, name)
    return found


def reference(expression: TypeExpr) -> str | None:
    return expression.get("ref") if isinstance(expression, dict) else None


def item_types() -> frozenset[str]:
    """Items in any place: request, output, list of input items, conversation."""
    return frozenset(
        catalogue.INPUT_ITEM_TYPES | catalogue.OUTPUT_ITEM_TYPES | catalogue.CONVERSATION_ITEM_TYPES
    )


def _elements() -> Iterator[str]:
    yield from _of_operations()
    for kind in (*reply_types(), *NESTED):
        yield from (f"field:{kind}.{name}" for name in catalogue.fields_of(kind))
    groups = {
        "event": catalogue.EVENT_TYPES | catalogue.UNLISTED_EVENT_TYPES,
        "frame": catalogue.WS_CLIENT_EVENT_TYPES
        | (catalogue.WS_SERVER_EVENT_TYPES - catalogue.EVENT_TYPES)
        | {"error"},
        "webhook": catalogue.WEBHOOK_PAYLOAD_TYPES | catalogue.WEBHOOK_EVENT_TYPES,
        "item": item_types(),
        "part": catalogue.INPUT_PART_TYPES
        | catalogue.OUTPUT_PART_TYPES
        | set(catalogue.variants("StreamPart")),
        "annotation": catalogue.ANNOTATION_TYPES,
        "format": frozenset(catalogue.variants("TextFormat")),
        "tool": catalogue.TOOL_TYPES,
        "tool_choice": catalogue.TOOL_CHOICE_TYPES,
        "include": catalogue.INCLUDE_VALUES,
        "enum": (*pin.load().enums, "incomplete_reason", "error_code"),
        "error": (*catalogue.ERROR_CODES, *REQUEST_ERRORS),
        "header": HEADERS,
    }
    for group, names in groups.items():
        yield from (f"{group}:{name}" for name in names)


def _of_operations() -> Iterator[str]:
    for operation, known in catalogue.operations().items():
        yield f"operation:{operation}"
        yield from (parameter(operation, name) for name in known.body or ())
        yield from (f"query:{operation}:{name}" for name in known.query or ())
