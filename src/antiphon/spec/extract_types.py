"""Python annotations of the SDK's parameter and reply classes → type expressions of the pin.

A type expression is JSON: one of the words `string integer number boolean null any bytes`, or one of
`{"enum": [...]}` (with `"open": true` when any other string is allowed too), `{"array": T}`, `{"map": T}`,
`{"any_of": [T, ...]}` and `{"ref": name}`. A definition (an object) is `{name: Field}`, a Field is
`{"type": T}` plus `"required": true` and `"nullable": true` where they hold.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from dataclasses import dataclass, field
from typing import Any, cast

import typing_extensions

TypeExpr = str | dict[str, Any]
"""A type expression, as JSON (see the module's text)."""

_PLAIN: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    object: "any",
    Any: "any",
    bytes: "bytes",
}
_ARRAYS = (list, collections.abc.Iterable, collections.abc.Sequence)
_MAPS = (dict, collections.abc.Mapping)
_LONGEST_OPEN_ENUM = 30
"""An open list of strings longer than this (the names of models) is a plain string in the pin."""


class UnknownAnnotation(TypeError):
    """The SDK uses a kind of annotation this extractor does not know: it must be taught, never guessed."""


@dataclass(slots=True)
class TypeReader:
    """Collects every class reached from the annotations it is given.

    Classes are named by `name_of` after all are known, because short names repeat across the SDK's modules.
    """

    classes: dict[type, dict[str, Any]] = field(default_factory=dict[type, dict[str, Any]])

    def read(self, annotation: Any) -> TypeExpr:
        """The expression of an annotation; references hold classes until `renamed` replaces them."""
        annotation = _bare(annotation)
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        origin = typing.get_origin(annotation)
        arguments = typing.get_args(annotation)
        if origin is typing.Literal:
            return {"enum": list(arguments)}
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments)
        if origin in _MAPS:
            return {"map": self.read(arguments[1])}
        if origin in _ARRAYS or getattr(origin, "__name__", "") == "SequenceNotStr":
            return {"array": self.read(arguments[0])}
        return self._class(annotation, origin)

    def _class(self, annotation: Any, origin: Any) -> TypeExpr:
        if origin is tuple or _is_file_like(annotation):
            return "bytes"
        if annotation in _MAPS:
            return {"map": "any"}
        if typing_extensions.is_typeddict(annotation) or _is_model(annotation):
            self._define(annotation)
            return {"ref": annotation}
        raise UnknownAnnotation(repr(annotation))

    def _union(self, arguments: tuple[Any, ...]) -> TypeExpr:
        return one_of([self.read(argument) for argument in arguments])

    def fields_of(self, annotation: Any) -> list[dict[str, Any]]:
        """The fields of a parameter class, or of each class of a union; they get no name of their own."""
        annotation = _bare(annotation)
        if typing.get_origin(annotation) is typing.Union:
            return [shape for one in typing.get_args(annotation) for shape in self.fields_of(one)]
        return [self._fields(annotation)]

    def _define(self, cls: type) -> None:
        if cls in self.classes:
            return
        fields: dict[str, Any] = {}
        self.classes[cls] = fields
        fields.update(self._fields(cls))

    def _fields(self, cls: type) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        source = _model_fields(cls) if _is_model(cls) else _typed_dict_fields(cls)
        for name, annotation, required in source:
            expression, nullable = without_null(self.read(annotation))
            entry: dict[str, Any] = {"type": expression}
            if required:
                entry["required"] = True
            if nullable:
                entry["nullable"] = True
            fields[name] = entry
        return fields


def one_of(expressions: list[TypeExpr]) -> TypeExpr:
    """The union of the expressions, flat, each branch once, in order."""
    members: list[TypeExpr] = []
    for member in expressions:
        members += [one for one in branches(member) if one not in members]
    members = _opened(members)
    return members[0] if len(members) == 1 else {"any_of": members}


def branches(expression: TypeExpr) -> list[TypeExpr]:
    """The branches of a union; another expression is its own only branch."""
    return expression.get("any_of", [expression]) if isinstance(expression, dict) else [expression]


def without_null(expression: TypeExpr) -> tuple[TypeExpr, bool]:
    """The expression less its `null` branch, and whether it had one."""
    members = [one for one in branches(expression) if one != "null"]
    if not members or len(members) == len(branches(expression)):
        return expression, False
    return (members[0] if len(members) == 1 else {"any_of": members}), True


def _bare(annotation: Any) -> Any:
    """The annotation without `Annotated`, `Required`, `NotRequired` and type aliases."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated or origin in (
            typing_extensions.Required,
            typing_extensions.NotRequired,
        ):
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing_extensions.TypeAliasType):
            annotation = annotation.__value__
        else:
            return annotation


def _opened(members: list[TypeExpr]) -> list[TypeExpr]:
    """`string | enum` is an open enum; both truth values are a boolean; `any` swallows all but null."""
    if "any" in members:
        return ["null", "any"] if "null" in members else ["any"]
    enums = [one for one in members if isinstance(one, dict) and "enum" in one]
    if not enums:
        return members
    values: list[Any] = list(dict.fromkeys(value for one in enums for value in one["enum"]))
    opened = "string" in members
    merged: TypeExpr = {"enum": values, "open": True} if opened else {"enum": values}
    if opened and len(values) > _LONGEST_OPEN_ENUM:
        merged = "string"
    if set(values) == {True, False}:
        merged = "boolean"
    kept = [one for one in members if one not in enums and not (opened and one == "string")]
    return [merged, *kept]


def _is_model(cls: Any) -> bool:
    return hasattr(cls, "model_fields") and hasattr(cls, "model_validate")


def _is_file_like(annotation: Any) -> bool:
    name = getattr(annotation, "__name__", "") or str(annotation)
    return any(word in name for word in ("PathLike", "IO", "IOBase"))


def _model_fields(cls: Any) -> list[tuple[str, Any, bool]]:
    return [(one.alias or name, one.annotation, one.is_required()) for name, one in cls.model_fields.items()]


def _typed_dict_fields(cls: Any) -> list[tuple[str, Any, bool]]:
    hints = typing_extensions.get_type_hints(cls, include_extras=True)
    return [(_alias(hint) or name, hint, _is_required(cls, name, hint)) for name, hint in hints.items()]


def _is_required(cls: Any, name: str, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is typing_extensions.Required:
        return True
    return origin is not typing_extensions.NotRequired and name in cls.__required_keys__


def _alias(hint: Any) -> str | None:
    """The wire name in `Annotated[..., PropertyInfo(alias=...)]`, inside or outside `Required`."""
    for _ in range(2):
        if typing.get_origin(hint) is typing.Annotated:
            found = [getattr(one, "alias", None) for one in hint.__metadata__]
            return next((one for one in found if one), None)
        if typing.get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired):
            hint = typing.get_args(hint)[0]
    return None


def names_for(classes: typing.Iterable[type], given: dict[type, str]) -> dict[type, str]:
    """A unique, stable name per class: the given one, else its own after enough words of its module."""
    pending = [cls for cls in classes if cls not in given]
    names = dict(given)
    for words in range(6):
        groups: dict[str, list[type]] = {}
        for cls in pending:
            groups.setdefault(_name(cls, words), []).append(cls)
        taken = set(given.values())
        clear = {name for name, group in groups.items() if len(group) == 1 and name not in taken}
        names |= {groups[name][0]: name for name in clear}
        pending = [cls for name, group in groups.items() if name not in clear for cls in group]
        if not pending:
            return names
    raise UnknownAnnotation(f"classes that share one name: {pending}")


def _name(cls: type, words: int) -> str:
    path = cls.__module__.split(".")
    return ".".join([*path[len(path) - words :], cls.__name__])


def renamed(value: Any, names: dict[type, str]) -> Any:
    """The same expression or definition with class references replaced by their names."""
    if isinstance(value, dict):
        return {key: renamed(inner, names) for key, inner in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [renamed(inner, names) for inner in cast(list[Any], value)]
    return names[value] if inspect.isclass(value) else value
