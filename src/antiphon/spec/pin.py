"""The pinned official surface, as typed data: `pin.json` read once per process.

What the entries mean is said in `extract_types` (type expressions) and `compose` (how the pin is made).
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec

TypeExpr = str | dict[str, Any]


class Field(msgspec.Struct, frozen=True, rename="camel"):
    """One field of an object or one parameter. Limits apply to the branches of the type that they fit."""

    type: TypeExpr
    required: bool = False
    nullable: bool = False
    default: Any = msgspec.UNSET
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    min_items: int | None = None
    max_items: int | None = None
    max_properties: int | None = None
    max_key_length: int | None = None
    max_value_length: int | None = None
    deprecated: bool = False


Fields = dict[str, Field]


class Operation(msgspec.Struct, frozen=True):
    """One method and path: its parameters, and the type of its reply.

    Where `page` names the SDK's kind of list, `returns` is the type of one entry and `list_object` the list's
    `object`.
    """

    sdk: str
    returns: TypeExpr
    body: Fields | None = None
    query: Fields | None = None
    page: Literal["CursorPage", "ConversationCursorPage", "Page"] | None = None
    list_object: str = "list"
    stream: TypeExpr | None = None
    multipart: bool = False


class Enum(msgspec.Struct, frozen=True):
    """A named list of strings; `open` when the official type allows any other string too."""

    values: tuple[str, ...]
    open: bool = False


class Meta(msgspec.Struct, frozen=True):
    """Where the pin comes from. `sha256` is of the pin's text with this field left empty."""

    sdk: str
    version: str
    date: str | None
    sha256: str
    overlay: dict[str, str]
    errata: str
    left_out: tuple[str, ...]


class Pin(msgspec.Struct, frozen=True):
    """The official surface that this build of the program keeps."""

    meta: Meta
    operations: dict[str, Operation]
    unions: dict[str, tuple[TypeExpr, ...]]
    enums: dict[str, Enum]
    types: dict[str, Fields]


@cache
def load() -> Pin:
    """The committed pin."""
    return decode(resources.files("antiphon.spec").joinpath("pin.json").read_bytes())


def envelope(operation: Operation) -> Fields:
    """The fields of the list that a paged operation returns; an empty list has no first and last id."""
    fields = {
        "object": Field({"enum": [operation.list_object]}, required=True),
        "data": Field({"array": operation.returns}, required=True),
    }
    if operation.page == "Page":
        return fields
    edges = dict.fromkeys(("first_id", "last_id"), Field("string", required=True, nullable=True))
    return fields | edges | {"has_more": Field("boolean", required=True)}


def decode(text: bytes) -> Pin:
    """A pin from its text. Raises `msgspec.DecodeError` when it is none."""
    return msgspec.json.decode(text, type=Pin)
