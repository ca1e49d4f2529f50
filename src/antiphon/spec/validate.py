"""Checks JSON values against the pinned surface: requests of clients, and what a server answers.

`check_body` and `check_query` judge a request as the real API does and name the first fault. `check_item`,
`check_event`, `check_object` and `check_reply` list all faults, for tests, the checker and our own output.
Values are what `msgspec.json` decodes: dict, list, str, int, float, bool, None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from antiphon.spec import faults, pin
from antiphon.spec.checks import Check, by_kind, by_tag
from antiphon.spec.compile import Compiler, Reading
from antiphon.spec.faults import Fault, Violation
from antiphon.spec.pin import TypeExpr

__all__ = [
    "Violation",
    "check_body",
    "check_event",
    "check_frame",
    "check_item",
    "check_object",
    "check_query",
    "check_reply",
]

_NONE: frozenset[str] = frozenset()


def check_body(operation: str, body: object, *, extra: frozenset[str] = _NONE) -> Violation | None:
    """The first violation of a request body.

    `operation` is like `POST /responses`; `extra` names unknown top-level parameters to let pass. Raises
    `KeyError` for an operation that is not in the pin or takes no body.
    """
    return _first(_body_check(operation)(body), extra)


def check_frame(frame: object, *, extra: frozenset[str] = _NONE) -> Violation | None:
    """The first violation of a client's WebSocket frame (`response.create`, `response.steer`)."""
    return _first(_frame_check()(frame), extra)


def check_item(item: object) -> list[Violation]:
    """The violations of an input item, as a client may send it."""
    return _all(_check_of("InputItemParam", Reading.REQUEST), item)


def check_event(event: object) -> list[Violation]:
    """The violations of a streaming event, as a server sends it; the real API's unlisted ones pass too."""
    return _all(_event_check(), event)


def check_object(name: str, value: object) -> list[Violation]:
    """The violations of a type or union of the pin, as a server sends it.

    Raises `KeyError` for an unknown name.
    """
    return _all(_check_of(name, Reading.REPLY), value)


def check_reply(operation: str, value: object) -> list[Violation]:
    """The violations of an operation's whole JSON reply, list envelopes included."""
    return _all(_reply_check(operation), value)


def check_query(operation: str, query: Mapping[str, str | Sequence[str]]) -> dict[str, Any] | Violation:
    """The query parameters read and checked, with the official defaults; or the first violation.

    Arrays come as `name=a&name=b` or `name[]=a`. Names the operation does not know are left out: the real API
    ignores them too.
    """
    fields = pin.load().operations[operation].query or {}
    found: dict[str, Any] = {
        name: field.default for name, field in fields.items() if isinstance(field.default, str | int | bool)
    }
    for name, text in query.items():
        name = name.removesuffix("[]")
        field = fields.get(name)
        if field is None:
            continue
        value = _read(text, field.type)
        wrong = _query_check(operation, name)(value)
        if wrong:
            wrong[0].steps.append(name)
            return wrong[0].violation()
        found[name] = value
    missing = next((name for name, field in fields.items() if field.required and name not in found), None)
    return found if missing is None else faults.missing(missing).violation()


def _read(text: str | Sequence[str], expression: TypeExpr) -> Any:
    """A query value as JSON, as far as it can be read as its type; else the text, for the check to refuse."""
    if isinstance(expression, dict) and "array" in expression:
        return [text] if isinstance(text, str) else list(text)
    last = text if isinstance(text, str) else text[-1]
    if expression == "boolean":
        return {"true": True, "false": False, "1": True, "0": False}.get(last.lower(), last)
    if expression == "integer" and last.isascii() and last.removeprefix("-").isdigit() and len(last) < 20:
        return int(last)
    return last


def _first(found: list[Fault] | None, extra: frozenset[str]) -> Violation | None:
    for fault in found or ():
        tolerated = fault.code == "unknown_parameter" and len(fault.steps) == 1 and fault.steps[0] in extra
        if not tolerated:
            return fault.violation()
    return None


def _all(check: Check, value: object) -> list[Violation]:
    return [fault.violation() for fault in check(value) or ()]


@cache
def _compiler() -> Compiler:
    return Compiler(pin.load())


@cache
def _check_of(name: str, reading: Reading) -> Check:
    return _compiler().type({"ref": name}, reading)


@cache
def _event_check() -> Check:
    both: TypeExpr = {"any_of": [{"ref": "StreamEvent"}, {"ref": "UnlistedStreamEvent"}]}
    return _compiler().type(both, Reading.REPLY)


@cache
def _body_check(operation: str) -> Check:
    fields = pin.load().operations[operation].body
    if fields is None:
        raise KeyError(f"{operation} takes no body")
    return _compiler().fields(fields, Reading.REQUEST)


@cache
def _frame_check() -> Check:
    """A `response.create` frame has the parameters of POST /responses too, under the same limits."""
    types, body = pin.load().types, pin.load().operations["POST /responses"].body or {}
    create = _compiler().fields({**types["ResponseCreate"], **body}, Reading.REQUEST)
    steer = _compiler().fields(types["ResponseSteerEventParam"], Reading.REQUEST)
    frames = by_tag({"response.create": create, "response.steer": steer}, None)
    return by_kind({dict: frames}, "an object")


@cache
def _query_check(operation: str, name: str) -> Check:
    fields = pin.load().operations[operation].query or {}
    return _compiler().field(fields[name], Reading.REQUEST)


@cache
def _reply_check(operation: str) -> Check:
    found = pin.load().operations[operation]
    if found.page is None:
        return _compiler().type(found.returns, Reading.REPLY)
    return _compiler().fields(pin.envelope(found), Reading.REPLY)
