"""The pin compiled to closures: `check(value)` answers None, or the faults of the value.

A check never goes deeper than the types do: the pin's types form no cycle; free-form values are left alone.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, cast

from antiphon.spec import checks, faults
from antiphon.spec.checks import Candidate, Check
from antiphon.spec.pin import Field, Fields, Pin, TypeExpr


class Reading(Enum):
    """Who wrote the value, and so how strictly it is read.

    - `REQUEST`: unknown fields are faults; null may stand for every field that may be left out.
    - `ITEM`, inside the input items of a request, and inside hosted tools: as before, but unknown fields are
      kept, because clients replay items of other servers and versions, and offer tools of versions to come
      (Codex sends `search_content_types` with `web_search`, which its type does not have).
    - `REPLY`: unknown fields are allowed, as the real API adds some; null only where the type says so.
    """

    REQUEST = "request"
    ITEM = "item"
    REPLY = "reply"


_ITEM_UNIONS = ("InputItemParam",)
_TOOL_UNION = "ToolParam"
_OWN_TOOLS = frozenset({"function", "custom", "namespace"})
"""Tools whose every field we act on; the others are dropped, or run by something that reads them itself."""
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_NAMES = {"string": "string", "integer": "integer", "number": "decimal number", "boolean": "boolean"}


class Compiler:
    """Builds and keeps the checks of one pin; each is built when first asked for."""

    def __init__(self, pin: Pin) -> None:
        self._pin = pin
        self._named: dict[tuple[str, Reading], Check] = {}
        self._hosted = {
            name
            for name in map(_reference, self._branches({"ref": _TOOL_UNION}))
            if name is not None and not _OWN_TOOLS.intersection(_values(pin.types[name].get("type")))
        }

    def fields(self, fields: Fields, reading: Reading) -> Check:
        """The check of an object with these fields."""
        table = {name: self.field(field, reading) for name, field in fields.items()}
        required = tuple(name for name, field in fields.items() if field.required)
        check = checks.of_object(table, required, closed=reading is Reading.REQUEST)
        return checks.by_kind({dict: check}, "an object")

    def type(self, expression: TypeExpr, reading: Reading) -> Check:
        """The check of a type expression."""
        return self.field(Field(expression, required=True), reading)

    def field(self, field: Field, reading: Reading) -> Check:
        """The check of a field's value, where it is present."""
        null = field.nullable or (reading is not Reading.REPLY and not field.required)
        name = _reference(field.type)
        if name is not None:
            check = self._reference(name, reading)
            return checks.or_null(check) if null else check
        branches = self._branches(field.type)
        if "any" in branches or "bytes" in branches:  # bytes: a part of a multipart body, read by HTTP code
            return checks.accept
        table: dict[type, Check] = {}
        for branch in branches:
            if not _is_object(branch):
                table |= self._flat(branch, field, reading)
        objects = [branch for branch in branches if _is_object(branch)]
        if objects:
            table[dict] = self._dispatch(objects, field, reading)
        if null:
            table[type(None)] = checks.accept
        return checks.by_kind(table, _expected(branches))

    def _reference(self, name: str, reading: Reading) -> Check:
        if name in _ITEM_UNIONS or (reading is Reading.REQUEST and name in self._hosted):
            reading = Reading.ITEM
        key = (name, reading)
        if key not in self._named:
            union = self._pin.unions.get(name)
            self._named[key] = (
                self.fields(self._pin.types[name], reading)
                if union is None
                else self.type({"any_of": list(union)}, reading)
            )
        return self._named[key]

    def _branches(self, expression: TypeExpr) -> list[TypeExpr]:
        """The branches of a union, the named unions in it taken apart."""
        name = _reference(expression)
        if name in self._pin.unions:
            return [one for branch in self._pin.unions[name] for one in self._branches(branch)]
        if not isinstance(expression, dict) or "any_of" not in expression:
            return [expression]
        return [one for branch in expression["any_of"] for one in self._branches(branch)]

    def _flat(self, branch: TypeExpr, field: Field, reading: Reading) -> dict[type, Check]:
        """The checks of a scalar or array branch by Python type."""
        if isinstance(branch, str):
            if branch == "string":
                return {str: checks.of_string(field)}
            check = checks.of_number(field, "integer" if branch == "integer" else "decimal")
            return dict.fromkeys(_KINDS[branch], check)
        if "array" in branch:
            item = self.type(branch["array"], reading)
            return {list: checks.of_array(item, field.min_items, field.max_items)}
        if branch.get("open"):
            return {str: checks.of_string(field)}
        return dict.fromkeys(map(type, branch["enum"]), checks.of_enum(branch["enum"]))

    def _dispatch(self, objects: list[TypeExpr], field: Field, reading: Reading) -> Check:
        """The check of a union of objects: by the constant in `type`, else the branch that fits best."""
        if len(objects) == 1:
            return self._object(objects[0], field, reading)
        tagged: dict[str, list[Candidate]] = {}
        untagged: list[Candidate] = []
        for one in objects:
            fields = self._pin.types.get(_reference(one) or "", {})
            fixed = {name: _values(it)[0] for name, it in fields.items() if len(_values(it)) == 1}
            required = frozenset(name for name, it in fields.items() if it.required)
            candidate = Candidate(self._object(one, field, reading), fixed, required)
            tag = fields.get("type")
            for value in _values(tag):
                tagged.setdefault(value, []).append(candidate)
            if tag is None or not tag.required or not _values(tag):
                untagged.append(candidate)
        if not tagged:
            return checks.best_of(untagged) or checks.accept
        by_value = {value: cast(Check, checks.best_of(group)) for value, group in tagged.items()}
        best = checks.best_meant if reading is Reading.ITEM else checks.best_of
        return checks.by_tag(by_value, best(untagged))

    def _object(self, expression: TypeExpr, field: Field, reading: Reading) -> Check:
        name = _reference(expression)
        if name is not None:
            return self._reference(name, reading)
        values = cast(dict[str, Any], expression)["map"]
        inner = Field(values, required=True, max_length=field.max_value_length)
        return checks.of_map(self.field(inner, reading), field)


def _reference(expression: TypeExpr) -> str | None:
    return expression.get("ref") if isinstance(expression, dict) else None


def _is_object(branch: TypeExpr) -> bool:
    return isinstance(branch, dict) and ("ref" in branch or "map" in branch)


def _values(field: Field | None) -> list[str]:
    return field.type.get("enum", []) if field is not None and isinstance(field.type, dict) else []


def _expected(branches: list[TypeExpr]) -> str:
    """`a string`, `an array of objects`, `one of a string or array of objects`."""
    names = list(dict.fromkeys(_kind_name(branch) for branch in branches if branch != "null"))
    first = ("an " if names[0][0] in "aeio" else "a ") + names[0]
    return first if len(names) == 1 else "one of " + faults.listed([first, *names[1:]], "or")


def _kind_name(branch: TypeExpr) -> str:
    if isinstance(branch, str):
        return _NAMES[branch]
    if "enum" in branch:
        return _NAMES[{str: "string", int: "integer", bool: "boolean"}[type(branch["enum"][0])]]
    if "array" not in branch:
        return "object"
    inner = cast(TypeExpr, branch["array"])
    if _is_object(inner) or (isinstance(inner, dict) and "any_of" in inner):
        return "array of objects"
    return "array" if inner in ("any", "bytes") else f"array of {_kind_name(inner)}s"
