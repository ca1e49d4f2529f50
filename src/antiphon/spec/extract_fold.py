"""Folds the surface: the SDK repeats nested classes at every place of use, and writes unions out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec

JSON = dict[str, Any]


def fold(document: JSON) -> JSON:
    """The same surface with one name for the types that say the same, and references to the named unions.

    Types that clients write are kept apart from types that servers write: their rules differ in reality.
    """
    inputs = set(document["inputs"])
    while True:
        renames = _twins(document["types"], inputs)
        if all(name == kept for name, kept in renames.items()):
            break
        for section in ("operations", "unions", "types"):
            document[section] = _replace(document[section], partial(_renamed, renames))
        document["types"] = {name: one for name, one in document["types"].items() if renames[name] == name}
    names = {_text({"any_of": members}): {"ref": name} for name, members in document["unions"].items()}
    for section in ("operations", "unions", "types"):
        document[section] = _replace(document[section], partial(_named, names))
    document["inputs"] = [name for name in document["inputs"] if name in document["types"]]
    return document


def _twins(types: JSON, inputs: set[str]) -> dict[str, str]:
    """Each type's name → the plainest name among those that say the same."""
    groups: dict[tuple[bool, str], list[str]] = {}
    for name, fields in types.items():
        groups.setdefault((name in inputs, _text(fields)), []).append(name)
    return {name: min(group, key=_plainness) for group in groups.values() for name in group}


def _plainness(name: str) -> tuple[int, int, str]:
    return name.count("."), len(name), name


def _renamed(renames: dict[str, str], value: JSON) -> JSON:
    return {"ref": renames[value["ref"]]} if value.get("ref") in renames else value


def _named(names: dict[str, JSON], value: JSON) -> JSON:
    return names.get(_text(value), value)


def _replace(value: Any, change: Callable[[JSON], JSON]) -> Any:
    """The JSON value with `change` applied to every object in it, the inner ones first."""
    if isinstance(value, list):
        return [_replace(one, change) for one in cast(list[Any], value)]
    if isinstance(value, dict):
        return change({key: _replace(inner, change) for key, inner in cast(JSON, value).items()})
    return value


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
