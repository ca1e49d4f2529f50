"""The closures that the compiler joins: each takes a value and answers None or a list of faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from antiphon.spec import faults
from antiphon.spec.faults import Fault
from antiphon.spec.pin import Field

Check = Callable[[Any], list[Fault] | None]

_MOST_FAULTS = 50
"""Where one array or object has this many faults, the rest of it is not looked at."""


def accept(_value: Any) -> None:
    """Anything goes."""


def by_kind(table: Mapping[type, Check], expected: str) -> Check:
    """Chooses the check by the value's exact type; `bool` is not `int`."""

    def check(value: Any) -> list[Fault] | None:
        one = table.get(value.__class__)
        return [faults.wrong_type(expected, value)] if one is None else one(value)

    return check


def or_null(check: Check) -> Check:
    """The check, but null passes."""
    return lambda value: None if value is None else check(value)


def of_object(checks: Mapping[str, Check], required: tuple[str, ...], *, closed: bool) -> Check:
    """A JSON object; unknown keys are faults when it is `closed`."""

    def check(value: Any) -> list[Fault] | None:
        found: list[Fault] = []
        for key, inner in value.items():
            one = checks.get(key)
            if one is None:
                if closed:
                    found.append(faults.unknown(key))
            elif wrong := one(inner):
                found += _inside(key, wrong)
            if len(found) >= _MOST_FAULTS:
                return found
        for key in required:
            if key not in value:
                found.append(faults.missing(key))
        return found or None

    return check


def of_map(value_check: Check, field: Field) -> Check:
    """A JSON object with free keys, such as `metadata`."""
    most, longest = field.max_properties, field.max_key_length

    def check(value: Any) -> list[Fault] | None:
        if most is not None and len(value) > most:
            return [faults.too_many_properties(len(value), most)]
        found: list[Fault] = []
        for key, inner in value.items():
            if longest is not None and len(key) > longest:
                found.append(faults.key_too_long(key, longest))
            if wrong := value_check(inner):
                found += _inside(key, wrong)
            if len(found) >= _MOST_FAULTS:
                break
        return found or None

    return accept if value_check is accept and most is None and longest is None else check


def of_array(item_check: Check, fewest: int | None, most: int | None) -> Check:
    """A JSON array."""

    def check(value: Any) -> list[Fault] | None:
        if most is not None and len(value) > most:
            return [faults.too_many(len(value), most)]
        if fewest is not None and len(value) < fewest:
            return [faults.too_few(len(value), fewest)]
        found: list[Fault] = []
        for index, inner in enumerate(value):
            if wrong := item_check(inner):
                found += _inside(index, wrong)
                if len(found) >= _MOST_FAULTS:
                    break
        return found or None

    return check


def of_number(field: Field, kind: str) -> Check:
    """`kind` is `integer` or `decimal`. NaN is in no range."""
    least, most = field.minimum, field.maximum
    if least is None and most is None:
        return accept

    def check(value: Any) -> list[Fault] | None:
        if least is not None and not value >= least:
            return [faults.out_of_range(value, least, below=True, kind=kind)]
        if most is not None and not value <= most:
            return [faults.out_of_range(value, most, below=False, kind=kind)]
        return None

    return check


def of_string(field: Field) -> Check:
    """A string with the field's limits on length (in characters) and its pattern."""
    least, most = field.min_length, field.max_length
    pattern = field.pattern
    matches = re.compile(re.sub(r"\$$", r"\\Z", pattern)).search if pattern else None  # `$` allows a newline
    if least is None and most is None and matches is None:
        return accept

    def check(value: Any) -> list[Fault] | None:
        if most is not None and len(value) > most:
            return [faults.too_long(len(value), most)]
        if least is not None and len(value) < least:
            return [faults.too_short(len(value), least)]
        if matches is not None and matches(value) is None:
            return [faults.wrong_pattern(cast(str, pattern))]
        return None

    return check


def of_enum(values: list[Any]) -> Check:
    """One of a few strings or numbers."""
    allowed = frozenset(values)
    return lambda value: None if value in allowed else [faults.wrong_value(value, values)]


def by_tag(tagged: Mapping[str, Check], untagged: Check | None) -> Check:
    """Chooses the check of an object by its `type`; `untagged` is for objects that may leave it out."""

    def check(value: Any) -> list[Fault] | None:
        tag = value.get("type")
        one = tagged.get(tag) if tag.__class__ is str else untagged
        if one is not None:
            return one(value)
        if tag is None:
            return [faults.missing("type")]
        known = isinstance(tag, str)
        wrong = faults.wrong_value(tag, tagged) if known else faults.wrong_type("a string", tag)
        return _inside("type", [wrong])

    return check


@dataclass(frozen=True, slots=True)
class Candidate:
    """One branch of a union of objects; `constants` are the fields that can only have one value in it."""

    check: Check
    constants: Mapping[str, Any]
    required: frozenset[str] = frozenset()

    def fit(self, value: Mapping[str, Any], wrong: list[Fault]) -> tuple[int, int]:
        """How likely this branch was meant: how deep its first fault lies, how many constants are right."""
        right = sum(value.get(name) == constant for name, constant in self.constants.items())
        return len(wrong[0].steps), right


def best_of(candidates: list[Candidate]) -> Check | None:
    """Passes what one candidate passes; else gives the faults of the one that was most likely meant."""
    if len(candidates) < 2:
        return candidates[0].check if candidates else None

    def check(value: Any) -> list[Fault] | None:
        best: list[Fault] = []
        fit = (-1, -1)
        for one in candidates:
            wrong = one.check(value)
            if not wrong:
                return None
            if one.fit(value, wrong) > fit:
                best, fit = wrong, one.fit(value, wrong)
        return best

    return check


def best_meant(candidates: list[Candidate]) -> Check | None:
    """As `best_of`, without the branches that are plainly not meant.

    Where unknown fields are kept, a reference (`id`) would pass every message with an `id`, whatever the rest
    of it is. A branch is left out where another asks for more fields, all of them there and none its own.
    """
    if len(candidates) < 2:
        return best_of(candidates)

    def check(value: Any) -> list[Fault] | None:
        there = [one.required for one in candidates if one.required <= value.keys()]
        chosen = [
            one
            for one in candidates
            if not any(len(it) > len(one.required) and it.isdisjoint(one.required) for it in there)
        ]
        return cast(Check, best_of(chosen))(value)

    return check


def _inside(step: str | int, wrong: list[Fault]) -> list[Fault]:
    for one in wrong:
        one.steps.append(step)
    return wrong
