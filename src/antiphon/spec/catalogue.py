"""The pinned surface by name: what everyone else in the program asks of it.

The names below are read from the pin when first used: importing this module costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from antiphon.spec import pin
from antiphon.spec.pin import Field, Operation, TypeExpr

VERSION: str
"""The version of the `openai` SDK that the pin was made from."""
DATE: str
"""The day that version was released, YYYY-MM-DD."""
HASH: str
"""SHA-256 of the pin, in hexadecimal."""

EVENT_TYPES: frozenset[str]
"""Types of the official streaming events (SSE)."""
UNLISTED_EVENT_TYPES: frozenset[str]
"""Types that the real API sends and no official list names."""
WS_CLIENT_EVENT_TYPES: frozenset[str]
WS_SERVER_EVENT_TYPES: frozenset[str]
WEBHOOK_EVENT_TYPES: frozenset[str]
"""Types that a webhook endpoint can subscribe to."""
WEBHOOK_PAYLOAD_TYPES: frozenset[str]
"""Types that the SDK can unwrap: some more than can be subscribed to."""

INPUT_ITEM_TYPES: frozenset[str]
OUTPUT_ITEM_TYPES: frozenset[str]
CONVERSATION_ITEM_TYPES: frozenset[str]
INPUT_PART_TYPES: frozenset[str]
OUTPUT_PART_TYPES: frozenset[str]
ANNOTATION_TYPES: frozenset[str]
TOOL_TYPES: frozenset[str]
TOOL_CHOICE_TYPES: frozenset[str]
"""The `type` of the object forms of `tool_choice`."""

REQUEST_PARAMETERS: Mapping[str, Field]
"""Parameters of POST /responses."""
RESPONSE_FIELDS: Mapping[str, Field]
"""Fields of the Response object."""

STATUSES: tuple[str, ...]
"""Values of a response's `status`."""
INCOMPLETE_REASONS: tuple[str, ...]
ERROR_CODES: tuple[str, ...]
"""Listed codes of a failed response's `error`; the real API sends others too."""
INCLUDE_VALUES: tuple[str, ...]
SERVICE_TIERS: tuple[str, ...]
REASONING_EFFORTS: tuple[str, ...]
TOOL_CHOICE_MODES: tuple[str, ...]
FILE_PURPOSES: tuple[str, ...]


def operations() -> Mapping[str, Operation]:
    """Every operation in scope, by `METHOD /path/{parameter}`."""
    return pin.load().operations


def body_parameters(operation: str) -> Mapping[str, Field]:
    """The body parameters of an operation; empty where it takes none."""
    return pin.load().operations[operation].body or {}


def query_parameters(operation: str) -> Mapping[str, Field]:
    """The query parameters of an operation; empty where it takes none."""
    return pin.load().operations[operation].query or {}


def fields_of(name: str) -> Mapping[str, Field]:
    """The fields of a named object type. Raises `KeyError` for an unknown name."""
    return pin.load().types[name]


def variants(union: str) -> Mapping[str, tuple[str, ...]]:
    """`type` value → the names of the object types that carry it. Raises `KeyError` for an unknown union."""
    found: dict[str, tuple[str, ...]] = {}
    for member in pin.load().unions[union]:
        name = member.get("ref") if isinstance(member, dict) else None
        tag = fields_of(name).get("type") if name is not None else None
        for value in constants(tag.type) if tag is not None else ():
            found[value] = (*found.get(value, ()), str(name))
    return found


def constants(expression: TypeExpr) -> tuple[str, ...]:
    """The values of an enumeration, or of the items of an array of one; else nothing."""
    if isinstance(expression, dict) and "array" in expression:
        return constants(expression["array"])
    return tuple(expression.get("enum", ())) if isinstance(expression, dict) else ()


def _types(union: str) -> Callable[[], Any]:
    return lambda: frozenset(variants(union))


def _enum(name: str) -> Callable[[], Any]:
    return lambda: pin.load().enums[name].values


def _values(type_name: str, field: str) -> Callable[[], Any]:
    return lambda: constants(fields_of(type_name)[field].type)


_READ: dict[str, Callable[[], Any]] = {
    "VERSION": lambda: pin.load().meta.version,
    "DATE": lambda: pin.load().meta.date or "",
    "HASH": lambda: pin.load().meta.sha256,
    "EVENT_TYPES": _types("StreamEvent"),
    "UNLISTED_EVENT_TYPES": lambda: frozenset(variants("UnlistedStreamEvent")) - _get("EVENT_TYPES"),
    "WS_CLIENT_EVENT_TYPES": _types("WsClientEvent"),
    "WS_SERVER_EVENT_TYPES": _types("WsServerEvent"),
    "WEBHOOK_EVENT_TYPES": lambda: frozenset(
        constants(body_parameters("POST /webhook_endpoints")["event_types"].type)
    ),
    "WEBHOOK_PAYLOAD_TYPES": _types("WebhookEvent"),
    "INPUT_ITEM_TYPES": _types("InputItemParam"),
    "OUTPUT_ITEM_TYPES": _types("OutputItem"),
    "CONVERSATION_ITEM_TYPES": _types("ConversationItem"),
    "INPUT_PART_TYPES": _types("InputContentParam"),
    "OUTPUT_PART_TYPES": _types("OutputContent"),
    "ANNOTATION_TYPES": _types("Annotation"),
    "TOOL_TYPES": _types("ToolParam"),
    "TOOL_CHOICE_TYPES": _types("ToolChoiceParam"),
    "REQUEST_PARAMETERS": lambda: body_parameters("POST /responses"),
    "RESPONSE_FIELDS": lambda: fields_of("Response"),
    "STATUSES": _enum("status"),
    "INCOMPLETE_REASONS": _values("IncompleteDetails", "reason"),
    "ERROR_CODES": _values("ResponseError", "code"),
    "INCLUDE_VALUES": _enum("include"),
    "SERVICE_TIERS": _enum("service_tier"),
    "REASONING_EFFORTS": _enum("reasoning_effort"),
    "TOOL_CHOICE_MODES": _enum("tool_choice"),
    "FILE_PURPOSES": _enum("file_purpose"),
}


@cache
def _get(name: str) -> Any:
    return _READ[name]()


def __getattr__(name: str) -> Any:
    if name not in _READ:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _get(name)
