"""A surface document → its elements by wire path: two surfaces compare whatever names their types have.

A path says what stands on the wire: `POST /responses body.reasoning.effort`, `StreamEvent<response.created>`,
`Response.usage.total_tokens`, and `… = "high"` for one listed value. A tag in `<>` is the object's `type`.
The great unions and the objects that operations answer with are told once and cut wherever they are nested.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec

from antiphon.spec import pin
from antiphon.spec.extract_types import TypeExpr, one_of

JSON = dict[str, Any]
Kind = Literal["operation", "parameter", "field", "event", "item", "tool", "value"]
Side = Literal["in", "out"]
"""Who writes it: clients (`in`) or servers (`out`)."""

ROOTS: dict[str, tuple[Kind, Side]] = {
    "StreamEvent": ("event", "out"),
    "WsServerEvent": ("event", "out"),
    "WsClientEvent": ("event", "in"),
    "WebhookEvent": ("event", "out"),
    "OutputItem": ("item", "out"),
    "Item": ("item", "out"),
    "InputItem": ("item", "out"),
    "InputItemParam": ("item", "in"),
    "ConversationItem": ("item", "out"),
    "Tool": ("tool", "out"),
    "ToolParam": ("tool", "in"),
    "ToolChoice": ("tool", "out"),
    "ToolChoiceParam": ("tool", "in"),
}
"""Unions that are told once, under their own name."""

LIMITS = (
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "maxProperties", "maxKeyLength", "maxValueLength", "pattern",
)  # fmt: skip

_CUT_FROM = 6
"""Tagged branches from which a nested union is looked up among the roots; smaller ones are told in place."""


@dataclass(frozen=True, slots=True)
class Element:
    """`facts`: required, nullable, shape (words of JSON types), open, default, deprecated, limits: only those
    that hold. `parent` is a path, or empty. `parts` names what of the document is behind it:
    `Type.field`, `Type` or the path of a parameter."""

    path: str
    kind: Kind
    side: Side
    parent: str
    facts: Mapping[str, Any]
    parts: frozenset[str] = frozenset()


def flatten(document: JSON) -> dict[str, Element]:
    """Path → element, of `{"operations", "unions", "types"}`. A reference to nothing counts as an object."""
    walk = _Walk(document)
    walk.operations()
    walk.roots()
    return dict(sorted(walk.found.items()))


class _Walk:
    def __init__(self, document: JSON) -> None:
        self._document = document
        self._types: JSON = document["types"]
        self._labels = _labels(document)
        self._tags = {
            name: {tag for tag, _ in self._tagged(document["unions"].get(name, []))} for name in ROOTS
        }
        self.found: dict[str, Element] = {}

    def operations(self) -> None:
        for name, operation in self._document["operations"].items():
            facts = {key: True for key in ("stream", "multipart", "page") if operation.get(key)}
            self._add(Element(name, "operation", "in", "", facts))
            for place in ("query", "body"):
                base = f"{name} {place}"
                given: JSON = operation.get(place) or {}
                fields = {key: [(f"{base}.{key}", cast(JSON, field))] for key, field in given.items()}
                self._fields(_Place(base, name, "parameter", "in"), fields, 1)

    def roots(self) -> None:
        labels: dict[str, list[str]] = {}
        for name, label in self._labels.items():
            labels.setdefault(label, []).append(name)
        for label, names in labels.items():
            self._add(Element(label, "field", "out", "", {}, frozenset(names)))
            self._objects(_Place(label, label, "field", "out"), names)
        for name, (kind, side) in ROOTS.items():
            members: list[TypeExpr] = self._document["unions"].get(name, [])
            by_tag: dict[str, list[str]] = {}
            for tag, type_name in self._tagged(members):
                by_tag.setdefault(tag, []).append(type_name)
            for tag, names in by_tag.items():
                path = f"{name}<{tag}>"
                self._add(Element(path, kind, side, "", {}, frozenset(names)))
                self._objects(_Place(path, path, "field" if side == "out" else "parameter", side), names)
            self._values(_Place(name, "", kind, side), [one for one in members if _is_enum(one)])

    def _add(self, element: Element) -> None:
        self.found[element.path] = element

    def _objects(self, place: _Place, names: list[str]) -> None:
        """The fields of one object, or of several that stand under one tag."""
        if set(names) & set(place.within):
            return  # a type that holds itself
        fields: dict[str, list[tuple[str, JSON]]] = {}
        for type_name in names:
            for key, field in self._types.get(type_name, {}).items():
                fields.setdefault(key, []).append((f"{type_name}.{key}", field))
        self._fields(place.inside(names), fields, len(names))

    def _fields(self, place: _Place, fields: Mapping[str, list[tuple[str, JSON]]], of: int) -> None:
        for key, sources in fields.items():
            field = _merged([one for _, one in sources], of)
            if key == "type" and place.path.endswith(">") and _constant(field["type"]):
                continue  # the tag, said by the path
            parts = frozenset(name for name, _ in sources)
            self._field(place.at(f"{place.path}.{key}"), field, parts)

    def _field(self, place: _Place, field: JSON, parts: frozenset[str]) -> None:
        members = self._members(field["type"])
        facts: JSON = {key: True for key in ("required", "nullable", "deprecated") if field.get(key)}
        facts["shape"] = tuple(sorted({self._word(one) for one in members}))
        if any(isinstance(one, dict) and one.get("open") for one in members):
            facts["open"] = True
        facts |= {key: field[key] for key in LIMITS if field.get(key) is not None}
        if "default" in field and len(_constants(field["type"])) != 1:
            facts["default"] = field["default"]
        self._add(Element(place.path, place.kind, place.side, place.parent, facts, parts))
        self._inside(place.at(place.path, parent=place.path), members)

    def _inside(self, place: _Place, members: list[TypeExpr]) -> None:
        self._values(place, [one for one in members if _is_enum(one)])
        self._union(place, [one for one in members if isinstance(one, dict) and "ref" in one])
        for word, sign in (("array", "[]"), ("map", "{}")):
            inner = [one[word] for one in members if isinstance(one, dict) and word in one]
            if inner:
                path = place.path + sign
                branches = [one for each in inner for one in self._members(each)]
                shape = tuple(sorted({self._word(one) for one in branches}))
                self._add(Element(path, place.kind, place.side, place.parent, {"shape": shape}))
                self._inside(place.at(path, parent=path), branches)

    def _union(self, place: _Place, members: list[TypeExpr]) -> None:
        tagged = self._tagged(members)
        tags = {tag for tag, _ in tagged}
        if len(tags) >= _CUT_FROM and self._root(tags, place.side):
            return
        several = len(members) > 1
        by_tag: dict[str, list[str]] = {}
        for member in members:
            name = cast(str, cast(JSON, member)["ref"])
            if name in self._labels:
                continue
            own = _constants(self._types.get(name, {}).get("type", {}).get("type"))
            for tag in own if len(own) == 1 or several else ():
                by_tag.setdefault(str(tag), []).append(name)
            if not (len(own) == 1 or (own and several)):
                by_tag.setdefault("", []).append(name)
        for tag, names in by_tag.items():
            inner = place
            if tag:
                path = f"{place.path}<{tag}>"
                self._add(Element(path, place.kind, place.side, place.parent, {}, frozenset(names)))
                inner = place.at(path, parent=path)
            self._objects(inner, names)

    def _root(self, tags: set[str], side: Side) -> bool:
        """Whether most of the tags are those of one great union that the same side writes."""
        return any(
            len(tags & own) > 0.5 * len(tags | own)
            for name, own in self._tags.items()
            if ROOTS[name][1] == side
        )

    def _values(self, place: _Place, members: list[TypeExpr]) -> None:
        if place.path.endswith(".model"):
            return  # names of models come and go every week; they are no part of the surface
        for value in {str(value): None for one in members for value in cast(JSON, one)["enum"]}:
            path = f'{place.path} = "{value}"'
            self._add(Element(path, "value", place.side, place.parent, {}))

    def _members(self, expression: TypeExpr) -> list[TypeExpr]:
        """The branches of an expression, those of named unions too; none is a union or null."""
        if isinstance(expression, dict) and "any_of" in expression:
            return [one for inner in expression["any_of"] for one in self._members(inner)]
        if isinstance(expression, dict) and expression.get("ref") in self._document["unions"]:
            inner = cast(list[TypeExpr], self._document["unions"][expression["ref"]])
            return [one for branch in inner if branch != expression for one in self._members(branch)]
        return [] if expression == "null" else [expression]

    def _tagged(self, members: Iterable[TypeExpr]) -> list[tuple[str, str]]:
        """`(tag, type name)` of the object branches; an object with several tags counts under each."""
        found: list[tuple[str, str]] = []
        for member in (one for each in members for one in self._members(each)):
            name = member.get("ref") if isinstance(member, dict) else None
            tag: JSON = self._types.get(name, {}).get("type", {}) if name is not None else {}
            found += [(str(value), str(name)) for value in _constants(tag.get("type"))]
        return found

    def _word(self, expression: TypeExpr) -> str:
        if isinstance(expression, str):
            return expression
        if "enum" in expression:
            kinds = {type(value) for value in cast(list[object], expression["enum"])}
            return "boolean" if kinds == {bool} else "integer" if kinds == {int} else "string"
        if "array" in expression:
            return "array"
        return "object"  # a reference or a map: on the wire both are objects


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    parent: str
    kind: Kind
    side: Side
    within: tuple[str, ...] = ()
    """The types that the path has come through."""

    def at(self, path: str, *, parent: str | None = None) -> _Place:
        return _Place(path, self.parent if parent is None else parent, self.kind, self.side, self.within)

    def inside(self, names: list[str]) -> _Place:
        return _Place(self.path, self.parent, self.kind, self.side, (*self.within, *names))


def _labels(document: JSON) -> dict[str, str]:
    """Type that an operation answers with → the name that our pin gives to that operation's reply."""
    ours = pin.load().operations
    labels: dict[str, str] = {}
    for name, operation in document["operations"].items():
        type_name = _reference(operation["returns"])
        if type_name is None or type_name not in document["types"]:
            continue
        known = ours.get(name)
        label = _reference(known.returns) if known is not None else None
        if label is None or label not in pin.load().types:
            label = type_name
        labels.setdefault(type_name, label)
    return labels


def _reference(expression: TypeExpr) -> str | None:
    return expression.get("ref") if isinstance(expression, dict) else None


def _merged(fields: list[JSON], of: int) -> JSON:
    """One field as `of` objects under one tag say it together."""
    if len(fields) == 1 == of:
        return fields[0]
    merged: JSON = dict(fields[0]) | {"type": one_of([one["type"] for one in fields])}
    for key in (*LIMITS, "default", "deprecated"):
        if any(one.get(key) != fields[0].get(key) for one in fields):
            merged.pop(key, None)
    merged["required"] = len(fields) == of and all(one.get("required") for one in fields)
    merged["nullable"] = any(one.get("nullable") for one in fields)
    return merged


def _is_enum(expression: TypeExpr) -> bool:
    return isinstance(expression, dict) and "enum" in expression


def _constants(expression: TypeExpr | None) -> list[Any]:
    return list(expression["enum"]) if isinstance(expression, dict) and "enum" in expression else []


def _constant(expression: TypeExpr) -> bool:
    return bool(_constants(expression))


def digest(elements: Mapping[str, Element]) -> str:
    """SHA-256 of the elements' paths and facts: the same for the same surface."""
    facts = [(path, dict(sorted(one.facts.items()))) for path, one in sorted(elements.items())]
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
