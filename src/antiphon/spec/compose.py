"""Makes the text of the pin: SDK surface, completed by the overlay, corrected by the errata.

- The **surface** (`extract`) knows names and types of replies and requests.
- The **overlay** (`overlay.json`) holds what only the OpenAPI document says: fields that are required but nullable,
  defaults, limits, patterns. It is older than the SDK, so where it merely disagrees the SDK wins.
- The **errata** (`errata.json`) are hand-kept, each with a source and a date: what reality or the official prose
  says and neither schema does, and what real clients need accepted.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import msgspec

JSON = dict[str, Any]




def compose(surface: JSON, overlay: JSON, errata: JSON) -> bytes:
    """The pin's text; the same inputs give the same bytes."""
    document = {key: surface[key] for key in ("operations", "unions", "enums", "types")}
    document = msgspec.json.decode(msgspec.json.encode(document))
    _lay_over(document, overlay, frozenset(surface["inputs"]))
    for entry in errata["entries"]:
        _merge(document, entry["set"])
    _fold_twins(document)
    meta = {
        "sdk": "openai",
        "version": surface["version"],
        "date": errata["released"].get(surface["version"]),
        "sha256": "",
        "overlay": overlay.get("meta", {}),
        "errata": max((entry["date"] for entry in errata["entries"]), default=""),
        "left_out": surface["left_out"],
    }
    meta["sha256"] = hashlib.sha256(render({"meta": meta, **document})).hexdigest()
    return render({"meta": meta, **document})


def render(document: JSON) -> bytes:
    """JSON with one definition per line, so that a change of one reads as one line in a diff."""
    sections: list[str] = []
    for name, section in document.items():
        lines = (f"  {_line(key)}: {_line(value)}" for key, value in section.items())
        sections.append(f"{_line(name)}: {{\n" + ",\n".join(lines) + "\n}")
    return ("{\n" + ",\n".join(sections) + "\n}\n").encode()


def _line(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _lay_over(document: JSON, overlay: JSON, inputs: frozenset[str]) -> None:
    for name, fields in overlay.get("types", {}).items():
        for field, facts in fields.items():
            if field in document["types"].get(name, {}):
                _add(document["types"][name][field], facts, written=name in inputs)
    for name, places in overlay.get("operations", {}).items():
        for place, fields in places.items():
            for field, facts in fields.items():
                if field in (document["operations"].get(name, {}).get(place) or {}):
                    _add(document["operations"][name][place][field], facts, written=True)


def _add(field: JSON, facts: JSON, *, written: bool) -> None:
    """Adds the overlay's facts to one field.

    Every optional field of a reply class is `Optional` in the SDK, so for replies the overlay decides whether null
    may stand there, and "required but nullable" shows only in it. What it alone calls required and not nullable the
    SDK has relaxed since. For fields that clients write the SDK knows all this itself.
    """
    required, nullable = facts.get("required", False), facts.get("nullable", False)
    if written:
        if nullable:
            field["nullable"] = True
    elif "required" not in field:
        if not nullable:
            field.pop("nullable", None)
        elif required:
            field |= {"required": True, "nullable": True}
    field |= {key: value for key, value in facts.items() if key not in ("required", "nullable")}


def _merge(target: JSON, changes: JSON) -> None:
    """Deep merge; a null takes the key away."""
    for key, value in changes.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict) and not _is_type(value):
            _merge(target[key], cast(JSON, value))
        else:
            target[key] = value


def _is_type(value: Any) -> bool:
    return bool({"enum", "array", "map", "any_of", "ref"} & set(value))


def _fold_twins(document: JSON) -> None:
    """Keeps one of the definitions that say the same: the SDK repeats a nested object at every place of use."""
    while True:
        twins: dict[str, list[str]] = {}
        for name, fields in document["types"].items():
            twins.setdefault(_line(fields), []).append(name)
        renames = {name: kept for group in twins.values() for kept in [min(group, key=_plainness)] for name in group}
        if all(name == kept for name, kept in renames.items()):
            return
        for section in ("operations", "unions", "types"):
            document[section] = _with_references(document[section], renames)
        document["types"] = {name: one for name, one in document["types"].items() if renames[name] == name}


def _plainness(name: str) -> tuple[int, bool, int, str]:
    return name.count("."), "Param" in name, len(name), name


def _with_references(value: Any, renames: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_references(one, renames) for one in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    table = cast(JSON, value)
    if isinstance(table.get("ref"), str):
        return {"ref": renames.get(table["ref"], table["ref"])}
    return {key: _with_references(inner, renames) for key, inner in table.items()}
