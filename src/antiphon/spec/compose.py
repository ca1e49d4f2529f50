"""Makes the text of the pin: SDK surface, completed by the overlay, corrected by the errata.

- The **surface** (`extract`) knows names and types of replies and requests.
- The **overlay** (`overlay.json`) holds what only the OpenAPI document says: fields that are required but
  nullable, defaults, limits, patterns. It is older than the SDK: where it merely disagrees the SDK wins.
- The **errata** (`errata.json`) are hand-kept, each with a source and a date: what reality or the official
  prose says and neither schema does, and what real clients need accepted.
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
    meta = {
        "sdk": "openai",
        "version": surface["version"],
        "date": errata["released"].get(surface["version"]),
        "sha256": "",
        "overlay": overlay["meta"],
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
    for name, news in overlay["types"].items():
        _complete(document["types"].get(name), news, written=name in inputs)
    for name, places in overlay["operations"].items():
        for place, news in places.items():
            _complete(document["operations"].get(name, {}).get(place), news, written=True)


def _complete(fields: JSON | None, news: JSON, *, written: bool) -> None:
    for name, facts in news.items():
        if fields is not None and name in fields:
            fields[name] = completed(fields[name], facts, written=written)


def completed(field: JSON, facts: JSON, *, written: bool) -> JSON:
    """The field with the overlay's facts; `written` by clients, or by servers.

    Every optional field of a reply class is `Optional` in the SDK, so for replies the overlay decides whether
    null may stand there, and "required but nullable" shows only in it. What it alone calls required and not
    nullable, the SDK has relaxed since. Of fields that clients write the SDK knows all this itself.
    """
    field = dict(field)
    required, nullable = facts.get("required", False), facts.get("nullable", False)
    if written:
        if nullable:
            field["nullable"] = True
    elif "required" not in field:
        if not nullable:
            field.pop("nullable", None)
        elif required:
            field |= {"required": True, "nullable": True}
    return field | {key: value for key, value in facts.items() if key not in ("required", "nullable")}


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
