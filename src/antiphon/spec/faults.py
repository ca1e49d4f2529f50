"""What is wrong with a value, in the words of the real API (error codes and texts seen in its replies).

A fault is made deep inside a value; its path is written from the inside out while the checks return.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: the API's error code, the path of the parameter (`input[0].type`) and the message."""

    code: str
    param: str
    message: str


@dataclass(slots=True)
class Fault:
    """A violation whose path is still being written. `after` is None where the text names no path."""

    code: str
    before: str
    after: str | None = None
    steps: list[str | int] = field(default_factory=list[str | int])

    def violation(self) -> Violation:
        """The finished violation; the outermost step was added last."""
        param = path_text(reversed(self.steps))
        name = f"'{param}'" if param else "the request body"
        text = self.before if self.after is None else self.before + name + self.after
        return Violation(self.code, param, text)


def path_text(steps: Iterable[str | int]) -> str:
    """`input[1].content[0].type` of `("input", 1, "content", 0, "type")`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


_LONGEST_VALUE = 100


def unknown(key: str) -> Fault:
    return Fault("unknown_parameter", "Unknown parameter: ", ".", [_shown(key)])


def missing(key: str) -> Fault:
    return Fault("missing_required_parameter", "Missing required parameter: ", ".", [key])


def wrong_type(expected: str, value: Any) -> Fault:
    text = f": expected {expected}, but got {kind_of(value)} instead."
    return Fault("invalid_type", "Invalid type for ", text)


def wrong_value(value: Any, allowed: Collection[Any]) -> Fault:
    supported = listed([f"'{one}'" for one in allowed], "and")
    text = f"Invalid value: '{_shown(str(value))}'. Supported values are: {supported}."
    return Fault("invalid_value", text)


def out_of_range(value: float, limit: float, *, below: bool, kind: str) -> Fault:
    """`kind` is `integer` or `decimal`."""
    side, sign = ("below minimum", ">=") if below else ("above maximum", "<=")
    code = f"{kind}_{'below_min' if below else 'above_max'}_value"
    number = int(limit) if float(limit).is_integer() else limit
    shown = _shown(str(value))
    return Fault(
        code, "Invalid ", f": {kind} {side} value. Expected a value {sign} {number}, but got {shown} instead."
    )


def too_long(length: int, limit: int) -> Fault:
    return Fault(
        "string_above_max_length",
        "Invalid ",
        f": string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {length} instead.",
    )


def too_short(length: int, limit: int) -> Fault:
    expected = f"Expected a string with minimum length {limit}"
    if not length:
        text = f": empty string. {expected}, but got an empty string instead."
        return Fault("empty_string", "Invalid ", text)
    text = f": string too short. {expected}, but got a string with length {length} instead."
    return Fault("string_below_min_length", "Invalid ", text)


def wrong_pattern(pattern: str) -> Fault:
    text = f": string does not match pattern. Expected a string that matches the pattern '{pattern}'."
    return Fault("invalid_value", "Invalid ", text)


def too_many(length: int, limit: int) -> Fault:
    return Fault(
        "array_above_max_length",
        "Invalid ",
        f": array too long. Expected an array with maximum length {limit}, "
        f"but got an array with length {length} instead.",
    )


def too_few(length: int, limit: int) -> Fault:
    expected = f"Expected an array with minimum length {limit}"
    if not length:
        text = f": empty array. {expected}, but got an empty array instead."
        return Fault("empty_array", "Invalid ", text)
    text = f": array too short. {expected}, but got an array with length {length} instead."
    return Fault("array_below_min_length", "Invalid ", text)


def too_many_properties(count: int, limit: int) -> Fault:
    return Fault(
        "object_above_max_properties",
        "Invalid ",
        f": too many properties. Expected an object with at most {limit} properties, "
        f"but got an object with {count} properties instead.",
    )


def key_too_long(key: str, limit: int) -> Fault:
    return Fault(
        "property_name_above_max_length",
        "Invalid property name in ",
        f": '{_shown(key)}' too long. Expected a property name with maximum length {limit}, "
        f"but got a property name with length {len(key)} instead.",
    )


def kind_of(value: Any) -> str:
    """A JSON value's kind with its article, as the API names it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"


def listed(words: list[str], joint: str) -> str:
    """`'a', 'b', and 'c'`."""
    if len(words) < 3:
        return f" {joint} ".join(words)
    return f"{', '.join(words[:-1])}, {joint} {words[-1]}"


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
